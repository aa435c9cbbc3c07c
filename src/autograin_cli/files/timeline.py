"""Which frames of which files are used, in which order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.formats.frames import FrameFile
from autograin_cli.files.visible import visible
from autograin_cli.settings import ReadingSettings

CLOSE = 1e-3  # times are the same if they differ by less than this share of the time between two
_FEW = 0.1  # share of the frames of a file that may be there twice, where runs were joined


@dataclass(frozen=True)
class Timeline:
    """Frames in the order of reading.

    files: number of the file of each frame, (frames,).
    rows: of each frame in its file, (frames,).
    times: ps, (frames,).
    force_files, force_rows: where the forces of each frame are, (frames,); None where they stand
        with the positions, or where there are none.
    steps: of the simulation, (frames,); None where a file does not tell them.
    """

    files: np.ndarray
    rows: np.ndarray
    times: np.ndarray
    force_files: np.ndarray | None = None
    force_rows: np.ndarray | None = None
    steps: np.ndarray | None = None

    def __len__(self) -> int:
        """Frames."""
        return len(self.times)

    def take(self, frames: np.ndarray | slice) -> "Timeline":
        """Keep some frames, given by their numbers, by a mask or as a range."""
        return Timeline(
            files=self.files[frames],
            rows=self.rows[frames],
            times=self.times[frames],
            force_files=None if self.force_files is None else self.force_files[frames],
            force_rows=None if self.force_rows is None else self.force_rows[frames],
            steps=None if self.steps is None else self.steps[frames],
        )

    def runs(self, length: int) -> list["Timeline"]:
        """Parts of at most so many frames, each from one file, and forces from one file."""
        breaks = np.diff(self.files) != 0
        if self.force_files is not None:
            breaks |= np.diff(self.force_files) != 0
        ends = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(self)]
        return [
            self.take(slice(start, min(start + length, end)))
            for begin, end in pairwise(ends)
            for start in range(begin, end, length)
        ]


def join_timelines(parts: Sequence[Timeline]) -> Timeline:
    """Put timelines one after another; either all or none have files of forces."""
    force_files = [part.force_files for part in parts if part.force_files is not None]
    force_rows = [part.force_rows for part in parts if part.force_rows is not None]
    steps = [part.steps for part in parts if part.steps is not None]
    return Timeline(
        files=np.concatenate([part.files for part in parts]),
        rows=np.concatenate([part.rows for part in parts]),
        times=np.concatenate([part.times for part in parts]),
        force_files=np.concatenate(force_files) if force_files else None,
        force_rows=np.concatenate(force_rows) if force_rows else None,
        steps=np.concatenate(steps) if len(steps) == len(parts) else None,
    )


def all_frames(files: Sequence[FrameFile], own_forces: bool) -> tuple[Timeline, tuple[str, ...]]:
    """List all frames that hold positions, and forces too if these are read from the same files.

    Returns:
        The frames, and what was assumed.

    Raises:
        InputError: a file has none, or its times do not increase.
    """
    parts, lines = [], []
    for number, file in enumerate(files):
        name = visible(str(file.path))
        held = file.holds_positions & file.holds_forces if own_forces else file.holds_positions
        rows = np.flatnonzero(held)
        if not len(rows):
            raise InputError(
                given=f"{name} with no positions in its {file.n_frames} frames",
                expected="a trajectory with positions",
                remedy="write positions in the simulation, or give another file",
                code="no-positions",
            )
        if len(rows) < file.n_frames:
            what = "positions and forces" if own_forces else "positions"
            lines.append(f"{len(rows)} of {file.n_frames} frames of {name} hold {what}: only these")
        _check_times(file, rows)
        steps = None if file.steps is None else file.steps[rows]
        parts.append(Timeline(np.full(len(rows), number), rows, file.times[rows], steps=steps))
    return join_timelines(parts), (*lines, *_without_times(files))


def _without_times(files: Sequence[FrameFile]) -> tuple[str, ...]:
    """Lines on files that hold no times: one for those that count steps, one for the others."""
    lines = []
    for counts, steps in (("counts steps and ", True), ("", False)):
        names = [
            file.path for file in files if not file.timed and (file.steps is not None) == steps
        ]
        if names:
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            lines.append(
                f"{visible(str(names[0]))}{more} {counts}holds no times: what is counted in ps is "
                "left out"
            )
    return tuple(lines)


def clocked(files: Sequence[FrameFile], settings: ReadingSettings) -> tuple[FrameFile, ...]:
    """Give files that count steps and hold no times those that follow from the time of a step.

    Raises:
        SettingError: no file lacks times where a step is given one, or a file does where a first
            or a last time is asked for.
    """
    if settings.step_time is not None:
        files = with_times(files, settings.step_time)
    _check_window(files, settings)
    return tuple(files)


def with_times(
    files: Sequence[FrameFile], step_time: float, option: str = "--step-time"
) -> tuple[FrameFile, ...]:
    """Give times to files that count steps and hold none.

    Args:
        files: to be read.
        step_time: of a step of the simulation, ps.
        option: that gave it.

    Raises:
        SettingError: no file counts steps and lacks times.
    """
    if all(file.timed or file.steps is None for file in files):
        has = "times" if all(file.timed for file in files) else "neither times nor steps"
        raise SettingError(
            given=f"{option} {step_time:g} ps for "
            + ", ".join(visible(str(file.path)) for file in files),
            expected=f"a file that counts steps and holds no times, not one that holds {has}",
            remedy=f"leave {option} out",
        )
    return tuple(
        file
        if file.timed or file.steps is None
        else replace(file, times=file.steps * step_time, timed=True)
        for file in files
    )


def _check_window(files: Sequence[FrameFile], settings: ReadingSettings) -> None:
    asked = [
        f"--{name} {time:g} ps"
        for name, time in (("begin", settings.begin), ("end", settings.end))
        if time is not None
    ]
    lacking = [file for file in files if not file.timed]
    if asked and lacking:
        counts = all(file.steps is not None for file in lacking)
        raise SettingError(
            given=f"{' and '.join(asked)} for {visible(str(lacking[0].path))}, which holds no "
            f"times{', only steps' if counts else ''}",
            expected="a trajectory with times",
            remedy="give the time of a step, such as --step-time 1fs, or write the dump with "
            "dump_modify time yes"
            if counts
            else "write frames to be left out to a file of their own",
        )


def _check_times(file: FrameFile, rows: np.ndarray) -> None:
    """Check that times increase; a few frames may have the time of the one before, as at joins."""
    times = file.times[rows]
    with np.errstate(invalid="ignore"):
        later = np.diff(times, prepend=-np.inf) > 0
    again = repeats(times, None if file.steps is None else file.steps[rows])
    if again.mean() <= _FEW:
        later |= again
    later &= np.isfinite(times)
    if not later.all():
        k = int(np.argmin(later))
        before = f" after {moment(file, times[k - 1])}" if k else ""
        raise InputError(
            given=f"{visible(str(file.path))} with frame {rows[k]} at "
            f"{moment(file, times[k])}{before}",
            expected=f"{'times' if file.timed else 'steps'} that increase from frame to frame",
            remedy="sort the frames, or give each run as a file of its own",
            code="time-order",
        )


def moment(file: FrameFile, time: float) -> str:
    """Time of a frame, or its step where the file counts these."""
    return f"{time:g} ps" if file.timed else f"step {time:.0f}"


def repeats(times: np.ndarray, steps: np.ndarray | None) -> np.ndarray:
    """Whether a frame has the time of the one before, and its step where steps are known."""
    again: np.ndarray = np.diff(times, prepend=np.nan) == 0
    return again if steps is None else again & (np.diff(steps, prepend=steps[:1] - 1) == 0)


def spacing(times: np.ndarray) -> float:
    """Usual time between two frames, ps."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 1.0


def window(timeline: Timeline, settings: ReadingSettings) -> Timeline:
    """Keep every so many frames from a first time to before a last one.

    Raises:
        SettingError: the stride is below 1.
        InputError: no frame is left.
    """
    if settings.stride < 1:
        raise SettingError(
            given=f"stride {settings.stride}",
            expected="1 or more",
            remedy="give --stride 1 to read every frame",
        )
    # Times are rounded to single precision in most files: a frame at 100 ps may say 99.999.
    times = timeline.times + CLOSE * spacing(np.sort(timeline.times))
    keep = np.ones(len(times), dtype=bool)
    if settings.begin is not None:
        keep &= times >= settings.begin
    if settings.end is not None:
        keep &= times < settings.end
    found = np.flatnonzero(keep)[:: settings.stride]
    if not len(found):
        raise InputError(
            given=f"no frame from {_bound(settings.begin)} to before {_bound(settings.end)}",
            expected=f"frames at {timeline.times.min():g} to {timeline.times.max():g} ps",
            remedy="correct --begin and --end",
            code="no-frames",
        )
    return timeline.take(found)


def _bound(time: float | None) -> str:
    return "no bound" if time is None else f"{time:g} ps"
