"""Topologies: names, elements, masses and bonds as files tell them, and nothing invented."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from autograin_cli.errors import FileAccessError, InputError, SettingError
from autograin_cli.files.topology import (
    check_masses,
    read_topology,
    restrict,
    select_atoms,
    unknown_topology,
    with_bonds,
)
from autograin_cli.trajectory import Chunk

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
WATER = """\
HETATM    1  OW  SOL A   1       0.000   0.000   0.000  1.00  0.00           O
HETATM    2  HW1 SOL A   1       0.960   0.000   0.000  1.00  0.00           H
HETATM    3  HW2 SOL A   1      -0.240   0.930   0.000  1.00  0.00           H
HETATM    4  OW  SOL A   2       0.000   9.000   0.000  1.00  0.00           O
HETATM    5  HW1 SOL A   2       0.960   9.000   0.000  1.00  0.00           H
HETATM    6  HW2 SOL A   2      -0.240   9.930   0.000  1.00  0.00           H
"""
CONECT = "CONECT    1    2    3\n"


def _frames(path: Path) -> Callable[[int], Chunk]:
    """Give the frame of a PDB file as often as asked."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("HETATM")]
    found = [[float(line[30 + 8 * k : 38 + 8 * k]) for k in range(3)] for line in lines]

    def sample(n_frames: int) -> Chunk:
        positions = torch.tensor(found, dtype=torch.float64).expand(n_frames, -1, -1)
        return Chunk(positions, torch.arange(n_frames, dtype=torch.float64))

    return sample


def _no_frames(_: int) -> Chunk:
    raise AssertionError("no frame is needed")


def test_a_psf_file_gives_masses_bonds_and_elements_by_mass() -> None:
    topology = read_topology(SAMPLES / "aniline.psf")
    assert topology.names is not None and topology.names[:2] == ("C1", "C2")
    assert "".join(topology.elements) == "CCCCCCHHHHHNHH"
    assert topology.masses is not None and topology.masses.min() > 1
    assert topology.bonds is not None and topology.bonds.shape == (14, 2)
    assert (topology.bonds[:, 0] < topology.bonds[:, 1]).all()
    assert topology.assumptions == ()
    assert set(topology.labels) == {"ANL"}
    assert with_bonds(topology, _no_frames) is topology


def test_masses_missing_from_a_pdb_file_are_those_of_its_elements() -> None:
    psf, pdb = (read_topology(SAMPLES / f"aniline.{ending}") for ending in ("psf", "pdb"))
    assert psf.masses is not None and pdb.masses is not None
    torch.testing.assert_close(pdb.masses, psf.masses, rtol=1e-3, atol=0)
    assert pdb.bonds is not None and psf.bonds is not None
    assert pdb.bonds.tolist() == psf.bonds.tolist()
    assert "masses" in pdb.assumptions[0] and "elements" in pdb.assumptions[0]


def test_without_elements_masses_are_unknown_and_hydrogens_are_inferred(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb"
    path.write_text("".join(line[:76] + "\n" for line in WATER.splitlines()))
    topology = read_topology(path)
    assert topology.masses is None
    assert "masses are unknown" in topology.assumptions[0]
    found = with_bonds(topology, _frames(path))
    assert found.elements == ("", "H", "H") * 2
    assert found.bonds is not None
    assert found.bonds.tolist() == [[0, 1], [0, 2], [3, 4], [3, 5]]


def test_masses_of_zero_are_unknown_where_all_are_and_refused_among_others(tmp_path: Path) -> None:
    path, text = tmp_path / "a.psf", (SAMPLES / "aniline.psf").read_text()
    path.write_text(text.replace("12.0110", " 0.0000", 1))
    topology = read_topology(path)
    with pytest.raises(InputError, match="1 of 14 atoms have no mass: 0 C1"):
        check_masses(topology)
    check_masses(restrict(topology, select_atoms(topology, "prop mass > 0")))
    for mass in ("12.0110", "14.0067", " 1.0080"):
        text = text.replace(mass, " 0.0000")
    path.write_text(text)
    topology = read_topology(path)
    assert topology.masses is None and "masses are unknown" in topology.assumptions[0]


def test_hydrogens_that_were_made_heavy_are_hydrogens(tmp_path: Path) -> None:
    path = tmp_path / "a.psf"
    path.write_text((SAMPLES / "aniline.psf").read_text().replace(" 1.0080", " 4.0320"))
    assert "".join(read_topology(path).elements) == "CCCCCCHHHHHNHH"


def test_a_pdb_file_with_some_bonds_gets_the_others_from_distances(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb"
    path.write_text(WATER + CONECT)
    found = with_bonds(read_topology(path), _frames(path))
    assert found.bonds is not None
    assert found.bonds.tolist() == [[0, 1], [0, 2], [3, 4], [3, 5]]
    assert "2 bonds beside 2 of the topology" in found.assumptions[-1]


def test_selections_keep_atoms_and_the_bonds_between_them() -> None:
    topology = read_topology(SAMPLES / "aniline.psf")
    atoms = select_atoms(topology, "name C* or name N")
    assert atoms.tolist() == [0, 1, 2, 3, 4, 5, 11]
    ring = restrict(topology, atoms)
    assert ring.names == ("C1", "C2", "C3", "C4", "C5", "C6", "N")
    assert ring.masses is not None and len(ring.masses) == 7
    assert ring.bonds is not None
    assert sorted(ring.bonds.tolist()) == [[0, 1], [0, 5], [0, 6], [1, 2], [2, 3], [3, 4], [4, 5]]
    assert "cuts 7 bonds" in ring.assumptions[-1]


def test_selections_by_number_need_no_topology() -> None:
    topology = unknown_topology(9)
    assert select_atoms(topology, "index 2:4").tolist() == [2, 3, 4]
    assert "no topology" in topology.assumptions[0]


@pytest.mark.parametrize(
    "selection", ["name", "resname NONE", "around 3 name C1", "bogus words", ")"]
)
def test_selections_that_mean_nothing_are_refused(selection: str) -> None:
    with pytest.raises(SettingError, match="selection"):
        select_atoms(read_topology(SAMPLES / "aniline.psf"), selection)


def test_files_that_are_no_topology_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        read_topology(tmp_path / "a.psf")
    (tmp_path / "a.psf").write_text("nothing\n")
    (tmp_path / "a.unknown").write_text("nothing\n")
    (tmp_path / "a.tpr").write_bytes(b"nothing")
    for name in ("a.psf", "a.unknown", "a.tpr"):
        with pytest.raises(InputError, match=f"{name} cannot be read"):
            read_topology(tmp_path / name)


def test_a_gro_file_gives_names_and_no_bonds(tmp_path: Path) -> None:
    path = tmp_path / "a.gro"
    rows = [(0.0, 0.0), (0.096, 0.0), (-0.024, 0.093)]
    atoms = [
        f"    1SOL  {name:>5s}{k + 1:5d}{x:8.3f}{y:8.3f}{0:8.3f}"
        for k, (name, (x, y)) in enumerate(zip(["OW", "HW1", "HW2"], rows, strict=True))
    ]
    path.write_text("\n".join(["water", "3", *atoms, "   2.0   2.0   2.0", ""]))
    topology = read_topology(path)
    assert topology.names == ("OW", "HW1", "HW2") and topology.bonds is None
    assert topology.masses is None


SITE = "HETATM    7  M   SOL A   3       5.000   0.000   0.000  1.00  0.00          EP\n"


def test_a_virtual_site_of_openmm_has_no_mass(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb"
    path.write_text(WATER + SITE)
    topology = read_topology(path)
    assert topology.masses is not None and topology.masses[6] == 0 and topology.masses[0] > 15
    with pytest.raises(InputError, match="1 of 7 atoms have no mass: 6 M") as error:
        check_masses(topology)
    assert error.value.code == "massless" and "prop mass > 0" in error.value.remedy
    assert select_atoms(topology, "prop mass > 0").tolist() == [0, 1, 2, 3, 4, 5]


def test_masses_are_known_where_all_selected_elements_are(tmp_path: Path) -> None:
    path = tmp_path / "a.pdb"
    path.write_text(WATER + SITE.replace("EP", "  "))
    topology = read_topology(path)
    assert topology.masses is None
    chosen = restrict(topology, select_atoms(topology, "resid 1"))
    assert chosen.masses is not None and chosen.masses.tolist() == [15.999, 1.008, 1.008]


@pytest.mark.parametrize("elements", [True, False])
def test_water_that_hardly_moves_is_not_bonded_to_its_neighbour(
    tmp_path: Path, elements: bool
) -> None:
    path, text = tmp_path / "a.pdb", WATER.replace("9.", "2.76")
    rows = [(0.0, 0.0), (0.96, 0.0), (-0.24, 0.93), (2.76, 0.0), (3.72, 0.0), (2.52, 0.93)]
    lines = [
        f"{line[:30]}{x:8.3f}{y:8.3f}   0.000{line[54:] if elements else ''}\n"
        for line, (x, y) in zip(text.splitlines(), rows, strict=True)
    ]
    path.write_text("".join(lines))
    topology = with_bonds(read_topology(path), _frames(path))
    assert topology.bonds is not None
    assert topology.bonds.tolist() == [[0, 1], [0, 2], [3, 4], [3, 5]]
