"""Forces find their frames: by time where times fit, else in order, else not at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.forces import ForceFile
from autograin_cli.files.pairing import pair_forces
from autograin_cli.files.timeline import Timeline


def _timeline(*times: list[float]) -> Timeline:
    return Timeline(
        files=np.repeat(np.arange(len(times)), [len(some) for some in times]),
        rows=np.concatenate([np.arange(len(some)) for some in times]),
        times=np.concatenate([np.array(some, dtype=np.float64) for some in times]),
    )


def _forces(times: list[float] | int, name: str = "f.trr") -> ForceFile:
    """Make forces at times, or of so many frames without times."""
    count = times if isinstance(times, int) else len(times)
    return ForceFile(
        path=Path(name),
        n_atoms=1,
        rows=np.arange(count),
        times=None if isinstance(times, int) else np.array(times, dtype=np.float64),
        read=lambda rows: np.zeros((len(rows), 1, 3)),
    )


def _pairs(timeline: Timeline) -> list[tuple[int, int, int, int]]:
    assert timeline.force_files is not None and timeline.force_rows is not None
    columns = (timeline.files, timeline.rows, timeline.force_files, timeline.force_rows)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_times_tell_which_forces_belong_to_which_frames() -> None:
    frames = _timeline([0, 1, 2, 3, 4, 5, 6])
    paired, lines = pair_forces(frames, 1, True, [_forces([2.001, 4.0, 6.0, 8.0])])
    assert _pairs(paired) == [(0, 2, 0, 0), (0, 4, 0, 1), (0, 6, 0, 2)]
    assert paired.times.tolist() == [2, 4, 6]
    assert "by time: 3 of 7 frames" in lines[0]


def test_a_shift_of_whole_frames_is_respected() -> None:
    paired, lines = pair_forces(_timeline([1, 2, 3]), 1, True, [_forces([0, 1, 2])])
    assert _pairs(paired) == [(0, 0, 0, 1), (0, 1, 0, 2)]
    assert "2 of 3" in lines[0]


def test_forces_without_times_are_paired_in_order() -> None:
    paired, lines = pair_forces(_timeline([1, 2, 3]), 1, True, [_forces(3)])
    assert _pairs(paired) == [(0, 0, 0, 0), (0, 1, 0, 1), (0, 2, 0, 2)]
    assert "in order: 3 of 3" in lines[0]


@pytest.mark.parametrize("times", [[0.0, 0.5, 1.0], [100.0, 101.0, 102.0], [3.0, 2.0, 1.0]])
def test_as_many_forces_whose_times_do_not_fit_are_paired_in_order(times: list[float]) -> None:
    paired, lines = pair_forces(_timeline([1, 2, 3]), 1, True, [_forces(times)])
    assert [pair[3] for pair in _pairs(paired)] == [0, 1, 2]
    assert "do not fit" in lines[0]


@pytest.mark.parametrize("forces", [2, [100.0, 101.0]])
def test_another_number_of_forces_that_no_time_explains_is_refused(
    forces: list[float] | int,
) -> None:
    with pytest.raises(InputError, match="forces of 2 frames for 3 frames"):
        pair_forces(_timeline([1, 2, 3]), 1, True, [_forces(forces)])
    with pytest.raises(InputError, match="forces of 2 frames for 3 frames"):
        pair_forces(_timeline([0, 1, 2]), 1, False, [_forces([0, 1])])


def test_as_many_force_files_as_trajectories_are_paired_one_by_one() -> None:
    frames = _timeline([0, 1], [0, 1])
    paired, _ = pair_forces(frames, 2, True, [_forces([0, 1], "f.trr"), _forces(2, "g.npy")])
    assert _pairs(paired) == [(0, 0, 0, 0), (0, 1, 0, 1), (1, 0, 1, 0), (1, 1, 1, 1)]


def test_one_force_file_may_serve_several_trajectories() -> None:
    paired, _ = pair_forces(_timeline([0, 1], [2, 3]), 2, True, [_forces([0, 1, 2, 3])])
    assert _pairs(paired) == [(0, 0, 0, 0), (0, 1, 0, 1), (1, 0, 0, 2), (1, 1, 0, 3)]


def test_steps_tell_where_times_do_not() -> None:
    frames = _timeline([0, 1, 2, 3, 4])
    stepped = replace(frames, steps=np.array([0, 100, 200, 300, 400]))
    forces = replace(_forces(3), steps=np.array([100, 300, 500]))
    paired, lines = pair_forces(stepped, 1, True, [forces])
    assert _pairs(paired) == [(0, 1, 0, 0), (0, 3, 0, 1)]
    assert "by step: 2 of 5 frames" in lines[0] and "do not fit" not in lines[0]
    # Times that are there and do not fit are told of; times that fit are taken first.
    wrong = replace(forces, times=np.array([70.0, 80.0, 90.0]))
    assert "by step" in (line := pair_forces(stepped, 1, True, [wrong])[1][0])
    assert "times in the files do not fit" in line
    right = replace(forces, times=np.array([1.0, 3.0, 4.0]))
    assert "by time: 3 of 5" in pair_forces(stepped, 1, True, [right])[1][0]
