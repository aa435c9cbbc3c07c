from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.atomistic import Reading
from autograin_cli.files.hand_made import is_hand_made, read_hand_made
from autograin_cli.files.storage.mapping_laws import check_mappings
from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk, StoredTrajectory

N_ETHANES, N_WATERS = 3, 2
MASSES = {"H": 1.0, "C": 12.0, "O": 16.0}


def molecule(name: str, elements: str, bonds: list[list[int]], first: int, copies: int) -> Molecule:
    n_atoms = len(elements)
    return Molecule(
        name=name,
        atom_names=tuple(f"{element}{k}" for k, element in enumerate(elements)),
        elements=tuple(elements),
        masses=torch.tensor([MASSES[element] for element in elements], dtype=torch.float64),
        bonds=torch.tensor(bonds),
        copies=first + torch.arange(copies * n_atoms).reshape(copies, n_atoms),
    )


ETHANE = molecule(
    "ETH",
    "CHHHCHHH",
    [[0, 1], [0, 2], [0, 3], [0, 4], [4, 5], [4, 6], [4, 7]],
    first=0,
    copies=N_ETHANES,
)
WATER = molecule("SOL", "OHH", [[0, 1], [0, 2]], first=8 * N_ETHANES, copies=N_WATERS)


def reading(*molecules: Molecule) -> Reading:
    n_atoms = sum(m.copies.numel() for m in molecules)
    random = torch.Generator().manual_seed(0)
    positions = torch.randn(5, n_atoms, 3, generator=random, dtype=torch.float64)
    chunk = Chunk(positions, torch.arange(5).double())
    return Reading(StoredTrajectory(chunk), molecules, (), ())


BOTH = reading(ETHANE, WATER)
YAML = """
site-types:
  CH3:
    index: [0, 1, 2, 3]
    x-weight: [12.0, 1.0, 1.0, 1.0]
    f-weight: [1.0, 1.0, 1.0, 1.0]
  W:
    index: [0, 1, 2]
    x-weight: [16.0, 1.0, 1.0]
system:
  - anchor: 0
    repeat: 3
    offset: 8
    sites:
      - [CH3, 0]
      - [CH3, 4]
  - {anchor: 24, repeat: 2, offset: 3, sites: [[W, 0]]}
"""
XML = """<cg_molecule>
  <name>ethane</name><ident>ETH</ident>
  <topology>
    <cg_beads>
      <cg_bead><name>L</name><type>CH3</type><symmetry>1</symmetry><mapping>M</mapping>
        <beads>1:ETH:C0 1:ETH:H1 1:ETH:H2 1:ETH:H3</beads></cg_bead>
      <cg_bead><name>R</name><type>CH3</type><mapping>M</mapping>
        <beads>1:ETH:C4 1:ETH:H5 1:ETH:H6 1:ETH:H7</beads></cg_bead>
    </cg_beads>
    <cg_bonded><bond><name>b</name><beads>R L</beads></bond></cg_bonded>
  </topology>
  <maps><map><name>M</name><weights>12 1 1 1</weights><d>12 1 1 1</d></map></maps>
</cg_molecule>
"""
NDX = "; one molecule\n[ CH3 ]\n1 2 3\n4\n[ CH3 ]\n5 6 7 8\n"
ALL_NDX = "".join(f"[ CH3 ]\n{k + 1} {k + 2} {k + 3} {k + 4}\n" for k in range(0, 8 * N_ETHANES, 4))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


Write = Callable[[str, str], Path]


def test_endings_tell_what_is_made_by_hand() -> None:
    names = ("a.yaml", "a.YML", "a.xml", "a.ndx", "a.h5", "yaml")
    assert [is_hand_made(Path(name)) for name in names] == [True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("name", "text"), [("a.yaml", YAML), ("a.xml", XML), ("a.ndx", NDX), ("b.ndx", ALL_NDX)]
)
def test_every_format_gives_the_centres_of_mass_of_ethane(
    name: str, text: str, write: Write
) -> None:
    mapping, *others = read_hand_made(write(name, text), BOTH)
    check_mappings((mapping, *others))
    assert len(others) == (name == "a.yaml")
    weights = torch.tensor([12.0, 1.0, 1.0, 1.0], dtype=torch.float64) / 15
    expected = torch.zeros(2, 8, dtype=torch.float64)
    expected[0, :4], expected[1, 4:] = weights, weights
    torch.testing.assert_close(mapping.encoder, expected, rtol=1e-15, atol=0.0)
    assert mapping.molecule is ETHANE
    assert mapping.bead_types == ("CH3", "CH3")
    assert mapping.bead_names == (("L", "R") if name == "a.xml" else ("CH31", "CH32"))
    assert mapping.bead_bonds.tolist() == [[0, 1]]
    assert mapping.bead_masses is not None
    assert mapping.bead_masses.tolist() == pytest.approx([15.0, 15.0])
    assert torch.equal(mapping.force_map, (expected > 0).double())
    torch.testing.assert_close(mapping.decoder.sum(1), torch.ones(8).double())


def test_groups_in_groups_repeat_too(write: Write) -> None:
    nested = YAML.split("system:")[0] + (
        "system:\n- {anchor: 0, repeat: 3, offset: 8, groups: "
        "[{anchor: 0, repeat: 2, offset: 4, sites: [[CH3, 0]]}]}\n"
    )
    (mapping,) = read_hand_made(write("a.yaml", nested), BOTH)
    (plain, _) = read_hand_made(write("b.yaml", YAML), BOTH)
    assert torch.equal(mapping.encoder, plain.encoder)


def test_atoms_may_stay_unmapped(write: Write) -> None:
    (mapping,) = read_hand_made(write("a.ndx", "[ O ]\n25\n"), BOTH)
    assert mapping.molecule is WATER
    assert mapping.assignment.tolist() == [0, -1, -1]
    assert mapping.encoder.tolist() == [[1.0, 0.0, 0.0]]


def test_names_lose_what_artifacts_and_programs_do_not_hold(write: Write) -> None:
    (mapping,) = read_hand_made(write("a.ndx", "[ O-1 & x: ]\n25\n"), BOTH)
    assert mapping.bead_types == ("O_1___x_",)


WRONG = {
    "an atom in two beads": (
        "a.ndx",
        "[ A ]\n1 2\n[ B ]\n2 3\n",
        "atom 1 .H1. of ETH.* A and in bead B",
    ),
    "an index beyond the frame": ("a.ndx", "[ A ]\n1 99\n", "index 99"),
    "two molecules in a bead": (
        "a.ndx",
        "[ A ]\n1 9\n",
        "atoms 1, 9, counted from 1, which are of different molecules",
    ),
    "indices before a title": ("a.ndx", "1 2\n", "line 1: 1 2"),
    "no number": ("a.ndx", "[ A ]\n1 x\n", "line 2: x"),
    "an empty group": ("a.ndx", "[ A ]\n", "bead A without atoms"),
    "some copies": ("a.ndx", "[ A ]\n1 2\n[ A ]\n9 10\n", "2 of 3 molecules ETH"),
    "other atoms in a copy": (
        "a.ndx",
        "[ A ]\n1 2\n[ A ]\n9 10\n[ A ]\n17 19\n",
        "molecule 3 of the 3 ETH",
    ),
    "no text": ("a.ndx", "; nothing\n", "no bead"),
    "an unknown key": (
        "a.yaml",
        YAML.replace("f-weight", "fweight"),
        "key 'fweight' in site type CH3",
    ),
    "a missing key": ("a.yaml", YAML.replace("    repeat: 3\n", ""), "without 'repeat'"),
    "an unknown site": ("a.yaml", YAML.replace("[CH3, 4]", "[CH4, 4]"), "CH4"),
    "too few weights": ("a.yaml", YAML.replace("[16.0, 1.0, 1.0]", "[16.0]"), "1 numbers"),
    "a negative weight": ("a.yaml", YAML.replace("[16.0, ", "[-16.0, "), "x-weight of site type W"),
    "forces counted twice": (
        "a.yaml",
        YAML.replace("f-weight: [1.0, 1.0, 1.0, 1.0]", "f-weight: [2.0, 2.0, 2.0, 2.0]"),
        "f-weight of site type CH3, whose mean over x-weight is 2",
    ),
    "too many copies": ("a.yaml", YAML.replace("repeat: 3", "repeat: 2000000000"), "more than 30"),
    "no copies": ("a.yaml", YAML.replace("repeat: 3", "repeat: 0"), "group 1"),
    "no YAML": ("a.yaml", "{", "not YAML"),
    "deep YAML": ("a.yaml", "[" * 1200, "not YAML"),
    "a python object": ("a.yaml", "!!python/object/apply:os.system [ls]", "not YAML"),
    "groups without end": (
        "a.yaml",
        YAML.split("system:")[0] + "system: &a\n- {anchor: 0, repeat: 1, offset: 0, groups: *a}\n",
        "groups in groups",
    ),
    "an unknown element": (
        "a.xml",
        XML.replace("<symmetry>1</symmetry>", "<mass>1</mass>"),
        "'mass' in cg_bead",
    ),
    "an attribute": ("a.xml", XML.replace("<maps>", "<maps a='1'>"), "attribute of maps"),
    "an ellipsoid": ("a.xml", XML.replace("<symmetry>1<", "<symmetry>3<"), "symmetry of bead L"),
    "an unknown atom": ("a.xml", XML.replace("1:ETH:H3", "1:ETH:H9"), "1:ETH:H9"),
    "an unknown map": ("a.xml", XML.replace("<mapping>M<", "<mapping>N<", 1), "mapping of bead L"),
    "an unknown molecule": ("a.xml", XML.replace("<ident>ETH", "<ident>MET"), "ident: MET"),
    "fewer weights": ("a.xml", XML.replace("<weights>12 1 1 1<", "<weights>12 1 1<"), "d of map M"),
    "no number of a weight": (
        "a.xml",
        XML.replace("<weights>12 1", "<weights>12 nan"),
        "weights of map M",
    ),
    "a document type": ("a.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]>" + XML, "document type"),
    "no XML": ("a.xml", "<cg_molecule>", "not XML"),
    "an angle off the bonds": (
        "a.xml",
        XML.replace("</bond>", "</bond><dihedral><name>d</name><beads>L R</beads></dihedral>"),
        "beads of a dihedral",
    ),
    "a file of nothing": ("a.xml", "", "empty"),
}


@pytest.mark.parametrize(("name", "text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(name: str, text: str, message: str, write: Write) -> None:
    with pytest.raises(InputError, match=message) as error:
        read_hand_made(write(name, text), BOTH)
    assert name in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"none\.ndx"):
        read_hand_made(tmp_path / "none.ndx", BOTH)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_hand_made(path, BOTH)


def test_without_masses_the_atoms_of_a_group_weigh_the_same(write: Write) -> None:
    bare = reading(replace(ETHANE, masses=None))
    (mapping,) = read_hand_made(write("a.ndx", NDX), bare)
    assert mapping.encoder[0, :4].tolist() == [0.25] * 4
    assert mapping.bead_masses is None


STRANGE = ("0x" + "f" * 5000, "1e999", ".inf", "!!set", "\x00", "\u2028", "<?xml encoding='x'?>")
MARKS = ("&a", "*a", "- ", ": ", "[", "]", "{", "}", "<", ">", "\n")
PIECES = st.sampled_from([*(YAML + XML + ALL_NDX).split(), *MARKS, *STRANGE])


@pytest.mark.parametrize(("name", "text"), [("a.yaml", YAML), ("a.xml", XML), ("a.ndx", ALL_NDX)])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_gives_an_error_or_a_mapping_but_no_traceback(
    name: str, text: str, data: st.DataObject, tmp_path: Path
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    piece = data.draw(st.lists(PIECES, max_size=3).map(" ".join) | st.text(max_size=5))
    path = tmp_path / name
    path.write_bytes((text[:start] + piece + text[end:]).encode("utf-8", "surrogatepass"))
    try:
        mappings = read_hand_made(path, BOTH)
    except InputError:
        return
    check_mappings(mappings)
