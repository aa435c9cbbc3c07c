"""The stream of atoms: in bounded memory, finite, with one kind of box."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from MDAnalysis.lib.formats.libdcd import DCDFile

from autograin_cli.errors import InputError
from autograin_cli.files.atomistic import read
from autograin_cli.files.atomistic_trajectory import AtomisticTrajectory
from autograin_cli.files.formats.frames import FrameFile, Frames
from autograin_cli.files.timeline import all_frames
from autograin_cli.settings import ReadingSettings

N_ATOMS = 6


def _trajectory(
    frames: Callable[[np.ndarray], Frames], n_frames: int, *, periodic: bool = False
) -> AtomisticTrajectory:
    held = np.ones(n_frames, dtype=bool)
    times = np.arange(n_frames, dtype=np.float64)
    file = FrameFile(Path("a.trr"), N_ATOMS, times, True, held, held, frames)
    timeline, _ = all_frames([file], own_forces=True)
    return AtomisticTrajectory((file,), (), timeline, None, periodic, True, None)


def _numbered(rows: np.ndarray) -> Frames:
    """Make frames whose positions are their numbers, and forces ten times that."""
    positions = np.broadcast_to(rows[:, None, None].astype(np.float64), (len(rows), N_ATOMS, 3))
    return Frames(positions=positions.copy(), forces=10 * positions)


def test_chunks_hold_every_frame_once_and_again_at_every_pass() -> None:
    trajectory = _trajectory(_numbered, 60_000)
    for _ in range(2):
        chunks = list(trajectory.chunks())
        assert len(chunks) > 1
        positions = torch.cat([chunk.positions[:, 0, 0] for chunk in chunks])
        assert torch.equal(positions, torch.arange(60_000, dtype=torch.float64))
        forces = torch.cat([c.forces[:, 0, 0] for c in chunks if c.forces is not None])
        assert torch.equal(forces, 10 * positions)
        assert torch.equal(torch.cat([chunk.times for chunk in chunks]), positions)


@pytest.mark.parametrize(("count", "expected"), [(3, [0, 5, 10]), (99, list(range(11)))])
def test_a_sample_is_spread_over_the_trajectory(count: int, expected: list[int]) -> None:
    sample = _trajectory(_numbered, 11).sample(count)
    assert sample.positions[:, 0, 0].tolist() == expected


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("what", ["position", "force"])
def test_a_value_that_is_not_finite_is_named_by_frame_and_atom(value: float, what: str) -> None:
    def frames(rows: np.ndarray) -> Frames:
        found = _numbered(rows)
        wrong = found.positions if what == "position" else found.forces
        assert wrong is not None
        wrong[rows == 7, 4, 1] = value
        return found

    with pytest.raises(InputError, match=f"frame 7: the {what} of atom 4"):
        list(_trajectory(frames, 9).chunks())


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("volume", [0.0, np.nan, 1.0])
def test_a_box_that_comes_or_goes_is_named_by_frame(periodic: bool, volume: float) -> None:
    def frames(rows: np.ndarray) -> Frames:
        boxes = np.tile(np.eye(3) * (9.0 if periodic else 0.0), (len(rows), 1, 1))
        boxes[rows == 5] = np.eye(3) * volume
        return Frames(_numbered(rows).positions, boxes, _numbered(rows).forces)

    trajectory = _trajectory(frames, 9, periodic=periodic)
    if volume == float(periodic):
        (chunk,) = trajectory.chunks()
        assert (chunk.boxes is not None) == periodic
    else:
        with pytest.raises(InputError, match="frame 5: the box"):
            list(trajectory.chunks())


@pytest.mark.parametrize("tilt", [0.0, 4.0, 400.0])
@pytest.mark.parametrize("height", [0.9, 1.1, 12.0])
def test_a_box_is_refused_where_no_atom_fits_into_it_however_it_is_written(
    height: float, tilt: float
) -> None:
    """A vector that is tilted by whole boxes spans the same lattice."""
    box = np.array([[4.0, 0, 0], [tilt, 9.0, 0], [0, 0, height]])

    def frames(rows: np.ndarray) -> Frames:
        own = _numbered(rows)
        return Frames(own.positions, np.tile(box, (len(rows), 1, 1)), own.forces)

    trajectory = _trajectory(frames, 3, periodic=True)
    if height < 1:
        with pytest.raises(InputError, match=r"frame 0: the box is 0\.9 Å thick"):
            list(trajectory.chunks())
    else:
        (chunk,) = trajectory.chunks()
        assert chunk.boxes is not None


def _write(path: Path, n_frames: int, n_atoms: int) -> None:
    generator = np.random.default_rng(1)
    frames = generator.normal(0, 100, (20, n_atoms, 3)).astype(np.float32)
    with DCDFile(str(path), "w") as file:
        file.write_header("test", n_atoms, 0, 1, 1.0, 0)
        for k in range(n_frames):
            file.write(frames[k % 20])


def _peak(folder: Path, n_frames: int) -> int:
    """Memory at most while a trajectory with forces is read, bytes."""
    settings = ReadingSettings(
        forces=(str(folder / f"f{n_frames}.dcd"),), force_unit="kJ/mol/A", select="index 0:499"
    )
    tracemalloc.start()
    reading = read([folder / f"x{n_frames}.dcd"], settings)
    n_read = sum(chunk.n_frames for chunk in reading.trajectory.chunks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_read == n_frames
    return peak


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path: Path) -> None:
    for n_frames in (500, 5000):
        _write(tmp_path / f"x{n_frames}.dcd", n_frames, 1000)
        _write(tmp_path / f"f{n_frames}.dcd", n_frames, 1000)
    few, many = (_peak(tmp_path, n_frames) for n_frames in (500, 5000))
    # Times and places take some hundred bytes a frame, positions and forces 48,000.
    assert many - few < 200 * 4500
