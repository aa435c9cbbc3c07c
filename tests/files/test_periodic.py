"""Periodic files: wrapped as simulations leave them, in any box, with and without topology."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.files.atomistic import Reading, read
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.mapping.copies import map_copies
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Chunk, join

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
PSF = str(SAMPLES / "ethane.psf")
BOXES = {
    "cube": [[19.0, 0, 0], [0, 19.0, 0], [0, 0, 19.0]],
    "triclinic": [[19.0, 0, 0], [6.0, 18.5, 0], [-7.0, 5.0, 19.5]],
}
METHANE = torch.tensor(
    [[0.0, 0, 0], [0.6, 0.6, 0.6], [-0.6, -0.6, 0.6], [-0.6, 0.6, -0.6], [0.6, -0.6, -0.6]]
).double()
DIMER = torch.tensor([[0.0, 0, 0], [1.5, 0, 0], [2.2, 1.3, 0]]).double()


def _all(reading: Reading) -> Chunk:
    return join(list(reading.trajectory.chunks()))


def _liquid(box: str, n_frames: int = 40) -> Chunk:
    """Methane and bent molecules of three carbons in turn on a lattice; whole, boxes breathe."""
    generator = torch.Generator().manual_seed(1)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    vectors = torch.tensor(BOXES[box], dtype=torch.float64)
    boxes = torch.linspace(1.0, 1.03, n_frames).double()[:, None, None] * vectors
    places = torch.cartesian_prod(*[torch.arange(3) / 3] * 3).double()
    parts = []
    for number, place in enumerate(places):
        shape = (METHANE, DIMER)[number % 2]
        turns, _ = torch.linalg.qr(noise(n_frames, 3, 3))
        centre = place @ boxes + 0.2 * noise(n_frames, 3)
        atoms = shape @ turns + centre[:, None]
        parts.append(atoms + 0.03 * noise(*atoms.shape))
    return Chunk(torch.cat(parts, dim=1), torch.arange(n_frames).double(), boxes)


def _wrapped(chunk: Chunk) -> Chunk:
    assert chunk.boxes is not None
    cells = (chunk.positions @ torch.linalg.inv(chunk.boxes)).floor()
    return replace(chunk, positions=chunk.positions - cells @ chunk.boxes)


def _beads(reading: Reading) -> Tensor:
    """Centres of all molecules, type after type, (frames, molecules, 3)."""
    positions = _all(reading).positions
    found = [
        map_copies(torch.full((1, m.n_atoms), 1 / m.n_atoms).double(), positions, m.copies)
        for m in reading.molecules
    ]
    return torch.cat([beads.flatten(1, 2) for beads in found], dim=1)


def _modulo(difference: Tensor, boxes: Tensor) -> Tensor:
    images = difference @ torch.linalg.inv(boxes)
    return (images - images.round()) @ boxes


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("ending", ["xtc", "trr", "dcd"])
def test_a_wrapped_file_gives_the_beads_of_the_whole_one(
    tmp_path: Path, ending: str, box: str
) -> None:
    whole = _liquid(box)
    paths = [tmp_path / f"{name}.{ending}" for name in ("whole", "wrapped")]
    for path, frames in zip(paths, (whole, _wrapped(whole)), strict=True):
        write_trajectory(path, iter([frames]), overwrite=False)
    # Without topology: the molecules of the wrapped file are found by minimum images.
    one, other = (read([path], ReadingSettings()) for path in paths)
    assert [(m.n_atoms, m.n_copies) for m in other.molecules] == [(5, 14), (3, 13)]
    assert "".join(other.molecules[0].elements) == "HHHH"
    boxes = _all(one).boxes
    assert boxes is not None
    torch.testing.assert_close(boxes, whole.boxes, rtol=1e-6, atol=1e-5)
    assert _modulo(_beads(one) - _beads(other), boxes).abs().max() < 1e-4
    # The molecules are whole, and not as they are in the file.
    extent = max(float(_extent(other, number).max()) for number in (0, 1))
    assert extent < 4.0


def _extent(reading: Reading, number: int) -> Tensor:
    atoms = _all(reading).positions[:, reading.molecules[number].copies]
    return (atoms - atoms[:, :, :1]).norm(dim=-1)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("box", BOXES)
def test_a_dump_of_lammps_gives_the_same_molecules(tmp_path: Path, box: str, scaled: bool) -> None:
    whole = _liquid(box)
    (tmp_path / "a.lammpstrj").write_text(_dump(_wrapped(whole), scaled=scaled))
    reading = read([tmp_path / "a.lammpstrj"], ReadingSettings())
    assert [(m.n_atoms, m.n_copies) for m in reading.molecules] == [(5, 14), (3, 13)]
    found = _all(reading)
    torch.testing.assert_close(found.boxes, whole.boxes, rtol=1e-6, atol=1e-5)
    for molecule in reading.molecules:
        relative = [
            x[:, molecule.copies] - x[:, molecule.copies[:, :1]]
            for x in (found.positions, whole.positions)
        ]
        torch.testing.assert_close(*relative, rtol=0, atol=2e-5)
    assert any("counts steps and holds no times" in line for line in reading.assumptions)


def _dump(chunk: Chunk, *, scaled: bool, first_step: int = 0) -> str:
    """Text of LAMMPS, atoms out of order, the corner of the box far from the origin."""
    assert chunk.boxes is not None
    rng = np.random.default_rng(1)
    corner = np.array([-4.0, 2.0, 1.0])
    lines = []
    frames = zip(chunk.positions.numpy(), chunk.boxes.numpy(), strict=True)
    for step, (atoms, box) in enumerate(frames, first_step):
        low, high = corner.copy(), corner + np.diag(box)
        xy, xz, yz = box[1, 0], box[2, 0], box[2, 1]
        low[:2] += [min(0, xy, xz, xy + xz), min(0, yz)]
        high[:2] += [max(0, xy, xz, xy + xz), max(0, yz)]
        lines += ["ITEM: TIMESTEP", str(100 * step), "ITEM: NUMBER OF ATOMS", str(len(atoms))]
        lines.append("ITEM: BOX BOUNDS xy xz yz pp pp pp")
        lines += [f"{a} {b} {c}" for a, b, c in zip(low, high, (xy, xz, yz), strict=True)]
        lines.append(f"ITEM: ATOMS id type {'xs ys zs' if scaled else 'x y z'} fx fy fz")
        written = atoms @ np.linalg.inv(box) if scaled else atoms + corner
        for k in rng.permutation(len(atoms)):
            x, y, z = written[k]
            lines.append(f"{k + 1} 1 {x:.9f} {y:.9f} {z:.9f} {step + 1} {k} 0")
    return "\n".join(lines) + "\n"


def test_forces_in_a_dump_of_lammps_need_their_unit(tmp_path: Path) -> None:
    path = tmp_path / "a.lammpstrj"
    path.write_text(_dump(_wrapped(_liquid("cube", 5)), scaled=False))
    silent = read([path], ReadingSettings())
    assert not silent.trajectory.has_forces
    assert any("--force-unit" in line for line in silent.assumptions)
    settings = ReadingSettings(forces=(str(path),), force_unit="kcal/mol/A")
    forces = _all(read([path], settings)).forces
    assert forces is not None
    assert forces[2, 7].tolist() == pytest.approx([4.184 * 3, 4.184 * 7, 0])


@pytest.mark.parametrize(("name", "n_atoms"), [("methane", 5), ("ethane", 8)])
def test_a_real_liquid_is_the_same_with_and_without_topology(name: str, n_atoms: int) -> None:
    path = SAMPLES / f"{name}.xtc"
    (known,) = read([path], ReadingSettings(topology=str(SAMPLES / f"{name}.psf"))).molecules
    (found,) = read([path], ReadingSettings()).molecules
    assert torch.equal(found.copies, known.copies) and found.copies.shape == (64, n_atoms)
    assert torch.equal(found.bonds, known.bonds)
    assert [element == "H" for element in found.elements] == [e == "H" for e in known.elements]


def test_a_selection_of_a_periodic_liquid_keeps_its_molecules_whole() -> None:
    settings = ReadingSettings(topology=PSF, select="resid 2:9", stride=50)
    some, whole = (
        read([SAMPLES / "ethane.xtc"], s) for s in (settings, replace(settings, select=None))
    )
    assert some.molecules[0].n_copies == 8 and some.trajectory.n_atoms == 64
    few, everything = _all(some), _all(whole)
    assert torch.equal(few.positions, everything.positions[:, 8:72])
    assert few.boxes is not None and everything.boxes is not None
    assert torch.equal(few.boxes, everything.boxes)


def _file(folder: Path, positions: Tensor, box: Tensor) -> Path:
    """A TRR file of frames with one box, and nothing else."""
    path = folder / "a.trr"
    n_frames = len(positions)
    chunk = Chunk(positions, torch.arange(n_frames).double(), box.expand(n_frames, 3, 3))
    write_trajectory(path, iter([chunk]), overwrite=True)
    return path


def _chain(n_atoms: int, spacing: float, *, copies: int) -> Callable[[Path, float], Path]:
    """Straight chains along x in a cube, and a PSF that bonds them."""
    chain = torch.zeros(n_atoms, 3).double()
    chain[:, 0] = spacing * torch.arange(n_atoms)
    frame = torch.cat([chain + torch.tensor([0.0, 4.0 * k, 0]) for k in range(copies)])

    def write(folder: Path, edge: float) -> Path:
        cells = (frame / edge).floor()
        return _file(folder, (frame - edge * cells).expand(3, -1, 3), edge * torch.eye(3).double())

    return write


def _psf(folder: Path, bonds: list[tuple[int, int]], n_atoms: int) -> str:
    lines = ["PSF", "", "       1 !NTITLE", " REMARKS chains", "", f"{n_atoms:8d} !NATOM"]
    lines += [
        f"{k + 1:8d} MOL  1    MOL  C    C    {0.0:10.6f} {12.011:13.4f} {0:11d}"
        for k in range(n_atoms)
    ]
    lines += ["", f"{len(bonds):8d} !NBOND: bonds"]
    ends = [end + 1 for bond in bonds for end in bond]
    lines += ["".join(f"{end:8d}" for end in ends[k : k + 8]) for k in range(0, len(ends), 8)]
    path = folder / "a.psf"
    path.write_text("\n".join([*lines, ""]))
    return str(path)


def test_a_bond_of_half_the_box_is_refused(tmp_path: Path) -> None:
    path = _chain(2, 5.0, copies=2)(tmp_path, 9.9)
    settings = ReadingSettings(topology=_psf(tmp_path, [(0, 1), (2, 3)], 4))
    with pytest.raises(InputError, match=r"frame 0: the bond of atoms 0 and 1 is 4\.9 Å long"):
        # 5.0 Å one way round are 4.9 Å the other: too near to say which is meant.
        _all(read([path], settings))


@pytest.mark.parametrize("edge", [10.1, 12.9])
def test_a_molecule_that_spans_half_the_box_is_refused(tmp_path: Path, edge: float) -> None:
    bonds = [(k + shift, k + 1 + shift) for shift in (0, 6) for k in range(5)]
    settings = ReadingSettings(topology=_psf(tmp_path, bonds, 12))
    with pytest.raises(InputError, match=r"frame 0: the molecule of atom 0 spans \d+% of the box"):
        _all(read([_chain(6, 1.3, copies=2)(tmp_path, edge)], settings))


def test_a_molecule_below_half_the_box_or_alone_in_it_is_read(tmp_path: Path) -> None:
    bonds = [(k + shift, k + 1 + shift) for shift in (0, 6) for k in range(5)]
    settings = ReadingSettings(topology=_psf(tmp_path, bonds, 12))
    for edge, chosen in ((13.1, settings), (10.1, replace(settings, select="index 6:11"))):
        found = _all(read([_chain(6, 1.3, copies=2)(tmp_path, edge)], chosen)).positions
        steps = found[:, 1:6, 0] - found[:, :5, 0]
        torch.testing.assert_close(steps, torch.full((3, 5), 1.3).double(), rtol=1e-5, atol=1e-5)


def test_a_molecule_bonded_to_its_own_image_is_refused(tmp_path: Path) -> None:
    ring = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5)]
    settings = ReadingSettings(topology=_psf(tmp_path, ring, 6))
    with pytest.raises(InputError, match="bonded to its own image"):
        read([_chain(6, 2.0, copies=1)(tmp_path, 12.0)], settings)


def _frame_of(number: int, step: int, ending: str, path: Path) -> bytes:
    """One frame of so many atoms, in a format."""
    positions = torch.arange(3.0 * number).reshape(1, number, 3).double()
    chunk = Chunk(positions, torch.full((1,), step).double(), 9 * torch.eye(3).double()[None])
    if ending in ("xtc", "trr"):
        write_trajectory(path, iter([chunk]), overwrite=True)
        return path.read_bytes()
    if ending == "lammpstrj":
        return _dump(chunk, scaled=False, first_step=step).encode()
    rows = range(number)
    if ending == "xyz":
        return "".join([f"{number}\n\n", *(f"C {k} 0 0\n" for k in rows)]).encode()
    atom = "ATOM  {0:5d}  C   MOL A   1    {0:8.3f}   0.000   0.000  1.00  0.00           C\n"
    return ("MODEL\n" + "".join(atom.format(k) for k in rows) + "ENDMDL\n").encode()


@pytest.mark.parametrize("ending", ["xtc", "trr", "xyz", "lammpstrj", "pdb"])
@pytest.mark.parametrize("last", [11, 13])
def test_a_changing_number_of_atoms_is_refused(tmp_path: Path, ending: str, last: int) -> None:
    path = tmp_path / f"a.{ending}"
    parts = [
        _frame_of(number, step, ending, tmp_path / f"b.{ending}")
        for step, number in enumerate((12, 12, last))
    ]
    path.write_bytes(b"".join(parts))
    with pytest.raises(InputError, match="frame 2"):
        read([path], ReadingSettings())


@pytest.mark.parametrize("ending", ["xyz", "lammpstrj"])
def test_a_text_that_ends_inside_a_frame_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    frames = [_frame_of(12, step, ending, path).splitlines(keepends=True) for step in (0, 1)]
    for n_lines in range(1, len(frames[1])):
        path.write_bytes(b"".join(frames[0] + frames[1][:n_lines]))
        with pytest.raises(InputError, match="ends inside frame 1"):
            read([path], ReadingSettings())


@pytest.mark.parametrize("box", BOXES)
def test_the_box_of_a_gro_file_is_read_in_nm_triclinic_too(tmp_path: Path, box: str) -> None:
    chunk = _wrapped(_liquid(box, 1))
    assert chunk.boxes is not None
    v = chunk.boxes[0].numpy() / 10
    lines = ["liquid", str(chunk.positions.shape[1])]
    for k, (x, y, z) in enumerate(chunk.positions[0].numpy() / 10):
        lines.append(f"{1:5d}MOL  {'C':>5s}{k + 1:5d}{x:8.3f}{y:8.3f}{z:8.3f}")
    off = (v[0, 1], v[0, 2], v[1, 0], v[1, 2], v[2, 0], v[2, 1])
    lines.append(" ".join(f"{number:.6f}" for number in (*np.diag(v), *off)))
    (tmp_path / "a.gro").write_text("\n".join([*lines, ""]))
    found = _all(read([tmp_path / "a.gro"], ReadingSettings(select="index 0:4")))
    torch.testing.assert_close(found.boxes, chunk.boxes, rtol=0, atol=2e-5)


@pytest.mark.parametrize("cell", ["    1.000    1.000    1.000", "    0.000    0.000    0.000"])
def test_a_unit_cell_of_1_or_0_in_a_pdb_file_is_no_box(tmp_path: Path, cell: str) -> None:
    atom = _frame_of(2, 0, "pdb", tmp_path / "b.pdb").decode()
    record = f"CRYST1{cell}  90.00  90.00  90.00 P 1           1\n"
    (tmp_path / "a.pdb").write_text(record + atom)
    found = _all(read([tmp_path / "a.pdb"], ReadingSettings()))
    assert found.boxes is None
    assert found.positions[0, 1].tolist() == [1, 0, 0]
