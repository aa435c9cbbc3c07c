"""Frames in order: times that increase, joins, windows, strides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.formats.frames import FrameFile, Frames
from autograin_cli.files.joins import drop_repeats
from autograin_cli.files.timeline import all_frames, clocked, window
from autograin_cli.settings import ReadingSettings


def _file(name: str, times: list[float], *, timed: bool = True, without: int = 0) -> FrameFile:
    """Make a file of which the first frames lack positions."""
    held = np.arange(len(times)) >= without
    return FrameFile(
        path=Path(name),
        n_atoms=1,
        times=np.array(times),
        timed=timed,
        holds_positions=held,
        holds_forces=held,
        read=lambda rows: Frames(positions=np.zeros((len(rows), 1, 3))),
    )


@pytest.mark.parametrize("times", [[0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, 1.0, np.nan]])
def test_times_that_do_not_increase_are_refused(times: list[float]) -> None:
    with pytest.raises(InputError, match=r"a\.xtc with frame 2 at"):
        all_frames([_file("a.xtc", times)], own_forces=False)


def test_frames_without_positions_are_left_out_and_counted() -> None:
    timeline, lines = all_frames([_file("a.trr", [0, 1, 2, 3], without=1)], own_forces=False)
    assert timeline.rows.tolist() == [1, 2, 3]
    assert "3 of 4 frames of a.trr hold positions" in lines[0]
    with pytest.raises(InputError, match="no positions"):
        all_frames([_file("a.trr", [0, 1], without=2)], own_forces=False)


def test_a_continued_run_counts_each_time_once() -> None:
    files = [_file("a.xtc", [0, 1, 2, 3]), _file("b.xtc", [2, 3, 4, 5]), _file("c.xtc", [5, 6])]
    timeline, lines = drop_repeats(all_frames(files, own_forces=False)[0], files)
    assert timeline.times.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert timeline.files.tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert timeline.rows.tolist() == [0, 1, 2, 3, 2, 3, 1]
    assert "2 frames repeat times of the file before b.xtc" in lines[0]
    assert "1 frame repeats times of the file before c.xtc" in lines[1]


def test_a_frame_that_stands_twice_where_runs_were_joined_counts_once() -> None:
    times = [*range(20), 19, *range(20, 40)]
    files = [_steps(*times)]
    timeline, lines = drop_repeats(all_frames(files, own_forces=False)[0], files)
    assert timeline.rows.tolist() == [*range(20), *range(21, 41)]
    assert lines == ("frame 20 of a.dump has the time of the one before: left out",)


@pytest.mark.parametrize(
    ("times", "told"), [([0, 0, 0, 0], "frame 1 at step 0 after step 0"), ([0, 9, 5], "at step 5")]
)
def test_steps_that_stand_still_or_go_back_are_told_as_steps(times: list[int], told: str) -> None:
    with pytest.raises(InputError, match=f"a.dump with frame . {told}|{told}"):
        all_frames([_steps(*times)], own_forces=False)


def test_times_that_are_rounded_to_the_same_number_are_no_joins() -> None:
    times = [0.0, *np.arange(1.0, 30.0), 29.0]
    file = replace(_file("a.xtc", times), steps=np.arange(31, dtype=np.int64))
    with pytest.raises(InputError, match="frame 30 at 29 ps after 29 ps"):
        all_frames([file], own_forces=False)


def test_a_run_that_begins_again_is_another_run() -> None:
    files = [_file("a.xtc", [0, 1, 2]), _file("b.xtc", [0, 1, 2])]
    timeline, lines = drop_repeats(all_frames(files, own_forces=False)[0], files)
    assert timeline.times.tolist() == [0, 1, 2, 0, 1, 2]
    assert "b.xtc begins again at 0 ps" in lines[0]


def test_files_without_times_are_kept_whole() -> None:
    files = [_file("a.xyz", [0, 1], timed=False), _file("b.xyz", [0, 1], timed=False)]
    timeline, lines = all_frames(files, own_forces=False)
    assert len(lines) == 1 and "a.xyz (and 1 more) holds no times" in lines[0]
    assert len(drop_repeats(timeline, files)[0]) == 4


def test_a_window_begins_with_its_first_time_and_stops_before_its_last() -> None:
    # Times as single precision leaves them.
    times = np.float32(0.1) * np.arange(50, dtype=np.float32)
    timeline, _ = all_frames([_file("a.xtc", times.tolist())], own_forces=False)
    used = window(timeline, ReadingSettings(begin=1.3, end=2.9, stride=3))
    assert used.rows.tolist() == [13, 16, 19, 22, 25, 28]


def test_windows_that_touch_share_no_frame_and_miss_none() -> None:
    times = np.float32(0.1) * np.arange(80, dtype=np.float32)
    timeline, _ = all_frames([_file("a.xtc", times.tolist())], own_forces=False)
    for k in range(1, 79):
        before = window(timeline, ReadingSettings(end=k * 0.1)).rows
        after = window(timeline, ReadingSettings(begin=k * 0.1)).rows
        assert (before.tolist(), after.tolist()) == (list(range(k)), list(range(k, 80)))


def test_windows_without_frames_and_strides_below_one_are_refused() -> None:
    timeline, _ = all_frames([_file("a.xtc", [0, 1, 2])], own_forces=False)
    with pytest.raises(InputError, match="no frame from 5"):
        window(timeline, ReadingSettings(begin=5))
    with pytest.raises(InputError, match="0 to 2 ps"):
        window(timeline, ReadingSettings(begin=1, end=1))
    with pytest.raises(SettingError, match="stride 0"):
        window(timeline, ReadingSettings(stride=0))


def test_runs_are_short_and_come_from_one_file() -> None:
    files = [_file("a.xtc", [0, 1, 2, 3, 4]), _file("b.xtc", [5, 6])]
    timeline, _ = all_frames(files, own_forces=False)
    assert [run.times.tolist() for run in timeline.runs(3)] == [[0, 1, 2], [3, 4], [5, 6]]


def test_files_that_count_steps_are_joined_by_them() -> None:
    files = [
        replace(_file(name, times, timed=False), steps=np.array(times, dtype=np.int64))
        for name, times in (("a.dump", [0.0, 10.0, 20.0]), ("b.dump", [20.0, 30.0]))
    ]
    everything, lines = all_frames(files, own_forces=False)
    assert all("counts steps and holds no times" in line for line in lines)
    assert everything.steps is not None
    timeline, told = drop_repeats(everything, files)
    assert timeline.times.tolist() == [0, 10, 20, 30] and "1 frame repeats" in told[0]
    assert timeline.steps is not None and timeline.steps.tolist() == [0, 10, 20, 30]


def _steps(*steps: float) -> FrameFile:
    """A dump that counts steps and holds no times."""
    file = _file("a.dump", list(steps), timed=False)
    return replace(file, steps=np.array(steps, dtype=np.int64))


def test_a_first_or_last_time_is_refused_where_times_are_not_known() -> None:
    for settings, asked in (
        (ReadingSettings(end=500.0), "--end 500 ps"),
        (ReadingSettings(begin=1.0, end=2.0), "--begin 1 ps and --end 2 ps"),
    ):
        with pytest.raises(SettingError, match=f"{asked} for a.dump, which .* only steps") as said:
            clocked([_file("b.xtc", [0, 1]), _steps(0, 1000, 2000)], settings)
        assert "--step-time" in str(said.value)
    with pytest.raises(SettingError, match=r"a\.xyz, which holds no times") as said:
        clocked([_file("a.xyz", [0, 1], timed=False)], ReadingSettings(end=1.0))
    assert "--step-time" not in str(said.value)
    assert clocked([_steps(0, 1)], ReadingSettings(stride=2))[0].timed is False


def test_the_time_of_a_step_makes_times_of_steps() -> None:
    settings = ReadingSettings(step_time=0.001, end=1.5)
    files = clocked([_steps(0, 1000, 2000), _file("b.xtc", [2, 3])], settings)
    assert [file.timed for file in files] == [True, True]
    everything, lines = all_frames(files, own_forces=False)
    assert lines == () and everything.times.tolist() == [0, 1, 2, 2, 3]
    assert window(everything, settings).times.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("file", "holds"),
    [(_file("a.xtc", [0, 1]), "times"), (_file("a.xyz", [0, 1], timed=False), "neither")],
)
def test_the_time_of_a_step_is_refused_where_no_steps_need_it(file: FrameFile, holds: str) -> None:
    with pytest.raises(SettingError, match=f"--step-time 0.002 ps.*\\n.*holds {holds}"):
        clocked([file], ReadingSettings(step_time=0.002))
