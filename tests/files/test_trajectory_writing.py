"""Trajectories that are written come back; what goes wrong leaves nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import MDAnalysis
import numpy as np
import pytest
import torch

from autograin_cli.errors import (
    FileAccessError,
    InputError,
    OutputExistsError,
    SettingError,
)
from autograin_cli.files.formats.trajectories import open_frame_file
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.trajectory import Chunk, StoredTrajectory, take_frames

BOX = torch.tensor([[30.0, 0, 0], [5.0, 31.0, 0], [-4.0, 3.0, 29.0]], dtype=torch.float64)
ENDINGS = ["xtc", "trr", "dcd"]
ROUNDING = {"xtc": 0.5e-4 + 4e-6, "trr": 4e-6, "dcd": 4e-6}  # Å


def _frames(n_frames: int, *, box: bool = True, forces: bool = False, first: float = 50.0) -> Chunk:
    generator = torch.Generator().manual_seed(1)
    positions = 10 * torch.randn(n_frames, 12, 3, generator=generator, dtype=torch.float64)
    return Chunk(
        positions=positions,
        times=first + 0.25 * torch.arange(n_frames, dtype=torch.float64),
        boxes=BOX.expand(n_frames, 3, 3) if box else None,
        forces=3 * positions if forces else None,
    )


def _parts(frames: Chunk, length: int) -> Iterator[Chunk]:
    for start in range(0, frames.n_frames, length):
        yield take_frames(frames, torch.arange(start, min(start + length, frames.n_frames)))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("box", [True, False])
@pytest.mark.parametrize("length", [1, 4, 10])
def test_frames_come_back_however_they_were_cut(
    tmp_path: Path, ending: str, box: bool, length: int
) -> None:
    frames, path = _frames(10, box=box), tmp_path / f"cg.{ending}"
    write_trajectory(path, _parts(frames, length), overwrite=False)
    file = open_frame_file(path)
    found = file.read(np.arange(10))
    assert found.positions is not None
    np.testing.assert_allclose(file.times, frames.times.numpy(), rtol=1e-6)
    assert np.abs(found.positions - frames.positions.numpy()).max() < ROUNDING[ending]
    boxes = np.zeros((10, 3, 3)) if found.boxes is None else found.boxes
    expected = BOX.numpy() if box else np.zeros((3, 3))
    np.testing.assert_allclose(boxes, np.tile(expected, (10, 1, 1)), rtol=1e-5, atol=1e-5)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_other_programs_read_the_same_times_and_positions(tmp_path: Path, ending: str) -> None:
    frames, path = _frames(6), tmp_path / f"cg.{ending}"
    write_trajectory(path, StoredTrajectory(frames).chunks(), overwrite=False)
    universe = MDAnalysis.Universe(str(path), to_guess=())
    for step, time, positions in zip(
        universe.trajectory, frames.times, frames.positions, strict=True
    ):
        assert step.time == pytest.approx(float(time), rel=1e-6)
        assert np.abs(step.positions - positions.numpy()).max() < ROUNDING[ending]
        np.testing.assert_allclose(step.triclinic_dimensions, BOX.numpy(), rtol=1e-4, atol=1e-4)


def test_trr_keeps_forces(tmp_path: Path) -> None:
    frames = _frames(5, forces=True)
    write_trajectory(tmp_path / "cg.trr", iter([frames]), overwrite=False)
    found = open_frame_file(tmp_path / "cg.trr").read(np.arange(5)).forces
    assert found is not None and frames.forces is not None
    np.testing.assert_allclose(found, frames.forces.numpy(), rtol=2e-7)


@pytest.mark.parametrize("ending", ENDINGS)
def test_existing_output_is_kept_unless_told_otherwise(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cg.{ending}"
    path.write_text("old")
    with pytest.raises(OutputExistsError):
        write_trajectory(path, iter([_frames(2)]), overwrite=False)
    assert path.read_text() == "old"
    write_trajectory(path, iter([_frames(2)]), overwrite=True)
    assert open_frame_file(path).n_frames == 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, ending: str) -> None:
    def failing() -> Iterator[Chunk]:
        yield _frames(3)
        raise KeyboardInterrupt

    path = tmp_path / f"cg.{ending}"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_trajectory(path, failing(), overwrite=True)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("first", [0.0, 0.25, 7.0, 50.0])
def test_dcd_keeps_the_time_of_its_first_frame(tmp_path: Path, first: float) -> None:
    write_trajectory(tmp_path / "a.dcd", iter([_frames(4, first=first)]), overwrite=False)
    times = open_frame_file(tmp_path / "a.dcd").times
    np.testing.assert_allclose(times, first + 0.25 * np.arange(4), rtol=1e-6, atol=1e-9)


def test_dcd_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    frames = _frames(4)
    times = torch.tensor([0.0, 1.0, 2.0, 4.0], dtype=torch.float64)
    uneven = Chunk(frames.positions, times)
    turned = Chunk(frames.positions, frames.times, BOX.flip(0).expand(4, 3, 3))
    for chunk, message in ((uneven, "evenly spaced"), (turned, "first vector along x")):
        with pytest.raises(InputError, match=message):
            write_trajectory(tmp_path / "a.dcd", iter([chunk]), overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_unknown_endings_missing_folders_and_no_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"\.xtc, \.trr, \.dcd"):
        write_trajectory(tmp_path / "cg.xyz", iter([_frames(2)]), overwrite=False)
    with pytest.raises(FileAccessError, match="no folder"):
        write_trajectory(tmp_path / "not" / "cg.xtc", iter([_frames(2)]), overwrite=False)
    with pytest.raises(InputError, match="no frames"):
        write_trajectory(tmp_path / "cg.xtc", iter([]), overwrite=False)


def test_a_position_that_xtc_cannot_hold_is_refused(tmp_path: Path) -> None:
    frames = _frames(1, box=False)
    frames.positions[0, 3, 1] = -3e5
    with pytest.raises(InputError, match=r"(?s)a coordinate of -300000 Å .* all that it holds"):
        write_trajectory(tmp_path / "cg.xtc", _parts(frames, 1), overwrite=False)
    assert not list(tmp_path.iterdir())
    write_trajectory(tmp_path / "cg.trr", _parts(frames, 1), overwrite=False)
