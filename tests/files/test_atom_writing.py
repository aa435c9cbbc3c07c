"""Frames of atoms come back from every format to its precision; what does not fit is refused."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np
import pytest
import torch

import export_models
from autograin_cli.errors import InputError, OutputExistsError, SettingError
from autograin_cli.files.atom_writing import check_atoms_output, write_atoms
from autograin_cli.files.formats.universe import quietly
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.trajectory import Chunk

MAPPINGS = export_models.artifact().mappings
N_ATOMS = sum(mapping.molecule.copies.numel() for mapping in MAPPINGS)
N_FRAMES = 3
SINGLE = 4e-6  # Å, of coordinates of some ten Å in single precision
# Half of the last digit that is written, Å.
PRECISION = {
    "xtc": 0.5e-4,
    "trr": 0.0,
    "dcd": 0.0,
    "nc": 0.0,
    "ncdf": 0.0,
    "h5md": 0.0,
    "pdb": 0.5e-3,
    "ent": 0.5e-3,
    "xyz": 0.5e-5,
    "gro": 0.5e-2,
    "crd": 0.5e-10,
    "coor": 0.0,
    "in": 0.5e-7,
}
ONE_FRAME = ("gro", "crd", "coor", "in")
WITHOUT_BOX = ("xyz", "crd", "coor")
READERS = {"coor": "NAMDBIN", "in": "FHIAIMS", "nc": "NCDF"}


def frames(n_frames: int, *, box: bool = True) -> Chunk:
    generator = torch.Generator().manual_seed(1)
    positions = 10 * torch.randn(n_frames, N_ATOMS, 3, generator=generator, dtype=torch.float64)
    return Chunk(
        positions=positions,
        times=50 + 0.25 * torch.arange(n_frames, dtype=torch.float64),
        boxes=export_models.BOX.expand(n_frames, 3, 3) if box else None,
    )


def written(path: Path, *chunks: Chunk, mappings: tuple[Mapping, ...] = MAPPINGS) -> Any:
    write_atoms(path, iter(chunks), mappings, overwrite=False)
    return path


def read_back(path: Path) -> Any:
    """A universe of just this many atoms, and the frames in a file."""
    ending = path.suffix[1:]
    with quietly():
        universe = MDAnalysis.Universe.empty(N_ATOMS)
        universe.load_new(str(path), format=READERS.get(ending, ending.upper()))
    return universe


@pytest.mark.parametrize("ending", PRECISION)
@pytest.mark.parametrize("box", [True, False])
def test_frames_come_back_from_every_format(tmp_path: Path, ending: str, box: bool) -> None:
    given = frames(1 if ending in ONE_FRAME else N_FRAMES, box=box)
    path = written(tmp_path / f"atoms.{ending}", given)
    with quietly():
        steps = [(s.positions.copy(), s.dimensions, s.time) for s in read_back(path).trajectory]
    assert len(steps) == given.n_frames
    for (positions, _, _), expected in zip(steps, given.positions.numpy(), strict=True):
        assert np.abs(positions - expected).max() <= PRECISION[ending] + SINGLE
    if ending in ("xtc", "trr", "dcd", "nc", "ncdf", "h5md"):
        np.testing.assert_allclose([time for _, _, time in steps], given.times.numpy(), rtol=1e-6)
    assert [entry.name for entry in tmp_path.iterdir() if "offsets" not in entry.name] == [
        path.name
    ]


@pytest.mark.parametrize("ending", [e for e in PRECISION if e not in WITHOUT_BOX])
@pytest.mark.parametrize("box", [True, False])
def test_boxes_come_back(tmp_path: Path, ending: str, box: bool) -> None:
    given = frames(1, box=box)
    path = written(tmp_path / f"atoms.{ending}", given)
    if ending in ("pdb", "ent"):  # MDAnalysis looks for it in no file of models
        (cell,) = [line for line in path.read_text().splitlines() if line.startswith("CRYST1")]
        found = [float(word) for word in cell.split()[1:7]]
        expected: Any = _cell() if box else [1.0, 1.0, 1.0, 90.0, 90.0, 90.0]
        np.testing.assert_allclose(found, expected, atol=6e-3)
        return
    with quietly():
        dimensions = read_back(path).trajectory[0].dimensions
    if box:
        np.testing.assert_allclose(dimensions, _cell(), atol=2e-4)
    else:
        assert dimensions is None or not dimensions[:3].any()


def _cell() -> list[float]:
    """Edges and angles of the box."""
    box = export_models.BOX.numpy()
    edges = np.linalg.norm(box, axis=1)
    cosines = box @ box.T / np.outer(edges, edges)
    angles = np.degrees(np.arccos([cosines[1, 2], cosines[0, 2], cosines[0, 1]]))
    return [*edges.tolist(), *angles.tolist()]


@pytest.mark.parametrize("ending", ["pdb", "gro"])
def test_names_and_residues_are_those_of_the_molecules(tmp_path: Path, ending: str) -> None:
    """The atoms of both types stand in a frame in turn, not type after type."""
    order = torch.randperm(N_ATOMS, generator=torch.Generator().manual_seed(2))
    mixed = tuple(
        replace(each, molecule=replace(each.molecule, copies=order[each.molecule.copies]))
        for each in MAPPINGS
    )
    path = written(tmp_path / f"atoms.{ending}", frames(1), mappings=mixed)
    with quietly():
        atoms = MDAnalysis.Universe(str(path), to_guess=()).atoms
    seen = set()
    for mapping, residue in zip(mixed, ("chai", "W"), strict=True):
        for copy in mapping.molecule.copies:
            here = atoms[copy.numpy()]
            assert list(here.names) == list(mapping.molecule.atom_names)
            assert set(here.resnames) == {residue}
            if ending == "pdb":
                assert list(here.elements) == list(mapping.molecule.elements)
            (number,) = set(here.resids)
            seen.add(number)
    assert seen == set(range(1, 1 + sum(mapping.molecule.n_copies for mapping in mixed)))


def test_a_pdb_file_names_the_bonds_which_distances_no_longer_tell(tmp_path: Path) -> None:
    path = written(tmp_path / "atoms.pdb", frames(2))
    with quietly():
        bonds = MDAnalysis.Universe(str(path), to_guess=()).bonds.indices
    expected = [
        pair
        for mapping in MAPPINGS
        for copy in mapping.molecule.copies
        for pair in copy[mapping.molecule.bonds].tolist()
    ]
    assert sorted(map(tuple, bonds.tolist())) == sorted(map(tuple, expected))


@pytest.mark.parametrize("ending", ["pdb", "xyz", "gro", "crd", "in"])
def test_a_molecule_of_one_atom_keeps_its_name_and_element(tmp_path: Path, ending: str) -> None:
    (chain, _) = MAPPINGS
    one = chain.molecule
    ion = replace(
        one,
        atom_names=("C7",),
        elements=("C",),
        masses=torch.ones(1, dtype=torch.float64),
        bonds=one.bonds[:0],
        copies=torch.tensor([[0], [1]]),
    )
    some = frames(1)
    path = written(
        tmp_path / f"atoms.{ending}",
        Chunk(some.positions[:, :2], some.times, some.boxes),
        mappings=(replace(chain, molecule=ion),),
    )
    names = [word for word in path.read_text().split() if word in ("C", "C7")]
    assert len(names) == {"pdb": 4}.get(ending, 2)


def test_xyz_takes_names_where_not_all_elements_are_known(tmp_path: Path) -> None:
    (chain, _) = MAPPINGS
    unknown = replace(chain, molecule=replace(chain.molecule, elements=("",) * 9))
    n_atoms = unknown.molecule.copies.numel()
    some = frames(1, box=False)
    written(
        tmp_path / "atoms.xyz",
        Chunk(some.positions[:, :n_atoms], some.times),
        mappings=(unknown,),
    )
    line = (tmp_path / "atoms.xyz").read_text().splitlines()[3]
    assert line.split()[0] == chain.molecule.atom_names[1]


@pytest.mark.parametrize("name", ["atoms.mol2", "atoms.data", "atoms.pqr", "atoms", "atoms.pdb.gz"])
def test_an_ending_that_is_not_known_or_needs_more_is_refused_with_the_list(
    tmp_path: Path, name: str
) -> None:
    for refused in (
        lambda: check_atoms_output(tmp_path / name, overwrite=True),
        lambda: written(tmp_path / name, frames(1)),
    ):
        with pytest.raises(SettingError, match=r"\.xtc, \.trr, \.dcd, \.pdb.*\.gro, \.xyz, \.nc"):
            refused()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["xtc", "pdb", "gro", "nc"])
def test_a_file_that_is_there_stays_unless_it_may_be_replaced(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"atoms.{ending}"
    path.write_bytes(b"mine")
    for refused in (
        lambda: check_atoms_output(path, overwrite=False),
        lambda: written(path, frames(1)),
    ):
        with pytest.raises(OutputExistsError, match="overwrite"):
            refused()
    assert path.read_bytes() == b"mine"
    write_atoms(path, iter([frames(1)]), MAPPINGS, overwrite=True)
    assert len(read_back(path).trajectory) == 1


@pytest.mark.parametrize(
    ("ending", "far", "near"),
    [
        ("pdb", 10000.0, 9999.0),
        ("pdb", -1000.0, -999.0),
        ("gro", 100000.0, 99990.0),
        ("gro", -10000.0, -9999.0),
        ("xtc", 214749.0, 214700.0),
    ],
)
def test_a_coordinate_that_does_not_fit_is_an_error_and_leaves_nothing(
    tmp_path: Path, ending: str, far: float, near: float
) -> None:
    given, path = frames(1), tmp_path / f"atoms.{ending}"
    given.positions[0, 5, 1] = far
    with pytest.raises(InputError, match=r"(?s)a coordinate of .* all that it holds"):
        written(path, given)
    assert not list(tmp_path.iterdir())
    given.positions[0, 5, 1] = near
    written(path, given)
    assert read_back(path).trajectory[0].positions[5, 1] == pytest.approx(near, abs=0.05)


@pytest.mark.parametrize("ending", ONE_FRAME)
def test_a_second_frame_is_refused_where_a_format_holds_one(tmp_path: Path, ending: str) -> None:
    with pytest.raises(SettingError, match="more than one frame"):
        written(tmp_path / f"atoms.{ending}", frames(2))
    assert not list(tmp_path.iterdir())


def test_what_a_format_does_not_hold_is_told(tmp_path: Path) -> None:
    def notes(name: str, chunk: Chunk) -> tuple[str, ...]:
        return write_atoms(tmp_path / name, iter([chunk, chunk]), MAPPINGS, overwrite=True)

    same = frames(2)
    boxes = torch.stack((export_models.BOX, 1.01 * export_models.BOX))
    breathing = Chunk(same.positions, same.times, boxes)
    assert notes("atoms.pdb", same) == ()
    (told,) = notes("atoms.pdb", breathing)
    assert "that of the first frame" in told
    (told,) = notes("atoms.xyz", same)
    assert "holds no box" in told
    assert notes("atoms.xyz", frames(2, box=False)) == ()
    assert notes("atoms.nc", breathing) == ()


def test_a_box_that_edges_and_angles_cannot_tell_is_refused(tmp_path: Path) -> None:
    given = frames(1)
    turned = Chunk(given.positions, given.times, given.boxes.flip(1))  # type: ignore[union-attr]
    with pytest.raises(InputError, match="along x"):
        written(tmp_path / "atoms.pdb", turned)
    assert not list(tmp_path.iterdir())


def test_frames_are_asked_for_one_chunk_at_a_time(tmp_path: Path) -> None:
    """What was given before is gone when the next chunk is asked for: memory stays flat."""
    asked: list[int] = []

    def chunks() -> Iterator[Chunk]:
        for number in range(4):
            asked.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
            given = frames(50)
            yield Chunk(given.positions, given.times + 100 * number, given.boxes)

    write_atoms(tmp_path / "atoms.xyz", chunks(), MAPPINGS, overwrite=False)
    assert asked[1] < asked[2] < asked[3]
