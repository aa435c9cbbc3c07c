"""DCD: both orders of bytes, all conventions of the unit cell, counts against sizes."""

import struct
import warnings
from pathlib import Path

import MDAnalysis
import numpy as np
import pytest
from MDAnalysis.lib.formats.libdcd import DCDFile

from autograin_cli.errors import InputError
from autograin_cli.files.formats.dcd import open_dcd

DATA = Path(__file__).parents[2] / "data"
AKMA = 0.04888821  # ps


def _write(
    path: Path,
    positions: np.ndarray,
    cell: list[float] | None = None,
    first: int = 400,
    interval: int = 200,
) -> None:
    """Write frames in Å; 1 fs a step."""
    with DCDFile(str(path), "w") as file:
        file.write_header(
            remarks="test",
            natoms=positions.shape[1],
            istart=first,
            nsavc=interval,
            delta=0.001 / AKMA,
            is_periodic=cell is not None,
        )
        for frame in positions:
            file.write(frame, cell)


def _positions(n_frames: int, n_atoms: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 9, (n_frames, n_atoms, 3)).astype(np.float32)


@pytest.mark.parametrize("cell", [None, [30.0, 0.0, 31.0, 0.0, 0.0, 32.0]])
def test_positions_are_those_that_were_written(tmp_path: Path, cell: list[float] | None) -> None:
    positions = _positions(7, 11)
    _write(tmp_path / "a.dcd", positions, cell)
    file = open_dcd(tmp_path / "a.dcd")
    rows = np.array([0, 1, 3, 6])
    found = file.read(rows)
    np.testing.assert_array_equal(found.positions, positions[rows].astype(np.float64))
    np.testing.assert_allclose(file.times, 0.4 + 0.2 * np.arange(7), rtol=1e-6)
    assert file.timed and file.notes == ()
    if cell is None:
        assert found.boxes is None
    else:
        assert found.boxes is not None
        np.testing.assert_allclose(found.boxes, np.tile(np.diag([30.0, 31, 32]), (4, 1, 1)))


# A, gamma, B, beta, alpha, C as cosines, and as degrees.
@pytest.mark.parametrize(
    "cell",
    [
        [30.0, 0.2, 31.0, -0.1, 0.3, 32.0],
        [30.0, 70.0, 31.0, 100.0, 65.0, 32.0],
        [30.0, 90.0, 31.0, 90.0, 90.0, 32.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 90.0, 0.0, 90.0, 90.0, 0.0],
    ],
)
def test_unit_cells_are_understood_as_by_mdanalysis(tmp_path: Path, cell: list[float]) -> None:
    _write(tmp_path / "a.dcd", _positions(2, 4), cell)
    boxes = open_dcd(tmp_path / "a.dcd").read(np.arange(2)).boxes
    assert boxes is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        box = MDAnalysis.Universe(str(tmp_path / "a.dcd"), to_guess=()).trajectory.ts
        expected = np.zeros((3, 3)) if box.dimensions is None else box.triclinic_dimensions
    np.testing.assert_allclose(boxes[1], expected, rtol=1e-5, atol=1e-5)


def test_a_symmetric_matrix_of_charmm_is_the_box_itself(tmp_path: Path) -> None:
    matrix = np.array([[30.0, -3.0, 1.0], [-3.0, 29.0, 2.0], [1.0, 2.0, 33.0]])
    _write(tmp_path / "a.dcd", _positions(1, 4), matrix[np.tril_indices(3)].tolist())
    boxes = open_dcd(tmp_path / "a.dcd").read(np.arange(1)).boxes
    assert boxes is not None
    np.testing.assert_allclose(boxes[0], matrix)


def _record(order: str, content: bytes) -> bytes:
    length = struct.pack(f"{order}i", len(content))
    return length + content + length


def _bytes(order: str, positions: np.ndarray, charmm: int, fixed: int = 0) -> bytes:
    """Write a DCD file by hand; with a fourth dimension if it is of CHARMM."""
    control = [len(positions), 100, 50, 0, 0, 0, 0, 0, fixed]
    timestep = struct.pack(f"{order}f" if charmm else f"{order}d", 0.02)
    rest = [0, 1, *[0] * 7] if charmm else [0] * 8
    head = b"CORD" + struct.pack(f"{order}9i", *control) + timestep
    head += struct.pack(f"{order}{len(rest)}i", *rest) + struct.pack(f"{order}i", charmm)
    content = _record(order, head)
    content += _record(order, struct.pack(f"{order}i", 1) + b"remark".ljust(80))
    content += _record(order, struct.pack(f"{order}i", positions.shape[1]))
    for frame in positions:
        for column in frame.T:
            content += _record(order, column.astype(f"{order}f4").tobytes())
        if charmm:
            content += _record(order, b"\0" * (4 * positions.shape[1]))
    return content


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("charmm", [0, 36])
def test_either_order_of_bytes_and_either_kind_of_header(
    tmp_path: Path, order: str, charmm: int
) -> None:
    positions = _positions(3, 5)
    (tmp_path / "a.dcd").write_bytes(_bytes(order, positions, charmm))
    file = open_dcd(tmp_path / "a.dcd")
    found = file.read(np.arange(3)).positions
    np.testing.assert_array_equal(found, positions.astype(np.float64))
    np.testing.assert_allclose(file.times, 0.02 * AKMA * np.array([100, 150, 200]), rtol=1e-6)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dcd"
    _write(path, _positions(2, 5))
    whole = path.read_bytes()
    frame = 3 * (8 + 4 * 5)
    for length in range(len(whole) - frame, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="ends inside frame 1"):
            open_dcd(path)
    path.write_bytes(whole[:60])
    with pytest.raises(InputError, match="no DCD file"):
        open_dcd(path)


def test_a_header_that_announces_too_few_frames_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.dcd"
    _write(path, _positions(4, 5))
    whole = path.read_bytes()
    for announced, words in ((0, "no number of frames"), (3, "3 frames")):
        path.write_bytes(whole[:8] + struct.pack("<i", announced) + whole[12:])
        file = open_dcd(path)
        assert file.n_frames == 4
        assert words in file.notes[0] and "4" in file.notes[0]


def test_a_header_without_time_step_gives_no_times(tmp_path: Path) -> None:
    _write(tmp_path / "a.dcd", _positions(4, 5), interval=0)
    file = open_dcd(tmp_path / "a.dcd")
    assert not file.timed
    assert file.times.tolist() == [0, 1, 2, 3]


def test_damaged_records_and_fixed_atoms_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dcd"
    content = _bytes("<", _positions(3, 5), 0)
    frame = 3 * (8 + 4 * 5)
    place = len(content) - frame
    path.write_bytes(content[:place] + b"\7" + content[place + 1 :])
    with pytest.raises(InputError, match="damaged in frame 2"):
        open_dcd(path).read(np.arange(3))
    path.write_bytes(_bytes("<", _positions(3, 5), 0, fixed=2))
    with pytest.raises(InputError, match="2 fixed atoms"):
        open_dcd(path)


@pytest.mark.parametrize(("delta", "unit", "timestep"), [(2.0, "fs", 0.002), (0.001, "ps", 0.001)])
def test_time_steps_of_lammps_are_in_its_own_unit(
    tmp_path: Path, delta: float, unit: str, timestep: float
) -> None:
    path = tmp_path / "a.dcd"
    with DCDFile(str(path), "w") as file:
        file.write_header("Written by LAMMPS", 2, 0, 10, delta, 0)
        for frame in _positions(3, 2):
            file.write(frame)
    found = open_dcd(path)
    np.testing.assert_allclose(found.times, 10 * timestep * np.arange(3), rtol=1e-6)
    assert found.steps is not None and found.steps.tolist() == [0, 10, 20]
    assert f"it is taken for {delta:g} {unit}" in found.notes[0]


def test_the_clock_of_programs_that_know_of_none_is_not_believed() -> None:
    # MDTraj was given times of 0.02 ps; VMD and MDTraj write steps of one AKMA unit instead.
    file = open_dcd(DATA / "mdtraj.dcd")
    assert (file.n_frames, file.timed, file.steps) == (6, False, None)
    assert file.times.tolist() == [0, 1, 2, 3, 4, 5]
    assert open_dcd(DATA / "openmm.dcd").timed
