"""Which forces belong to which frames, where they stand in files of their own."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autograin_cli.errors import InputError
from autograin_cli.files.forces import ForceFile
from autograin_cli.files.timeline import Timeline, join_timelines
from autograin_cli.files.visible import visible

_CLOSE = 0.1  # times agree if they differ by less than this share of the time between frames


def pair_forces(
    timeline: Timeline, n_files: int, timed: bool, forces: Sequence[ForceFile]
) -> tuple[Timeline, tuple[str, ...]]:
    """Find the forces of each frame: file by file if there are as many, else through all files.

    Frames are paired by time where both sides have times that fit, else by step where both have
    steps that fit, else in order. They do not fit where as many frames stand at other intervals:
    headers of force files are often wrong.

    Args:
        timeline: all frames.
        n_files: files that they come from.
        timed: whether these files hold times.
        forces: files of forces, in order.

    Returns:
        The frames that have forces, and what was assumed.

    Raises:
        InputError: numbers of frames differ, and neither times nor steps tell which belong
            together.
    """
    if len(forces) != n_files:
        parts = [_pair(timeline, timed, forces)]
    else:
        found = [
            _pair(timeline.take(timeline.files == k), timed, [file])
            for k, file in enumerate(forces)
        ]
        parts = [
            (replace(part, force_files=np.full(len(part), k)), line)
            for k, (part, line) in enumerate(found)
        ]
    return join_timelines([part for part, _ in parts]), tuple(line for _, line in parts)


def _pair(timeline: Timeline, timed: bool, forces: Sequence[ForceFile]) -> tuple[Timeline, str]:
    files = np.repeat(np.arange(len(forces)), [len(file.rows) for file in forces])
    rows = np.concatenate([file.rows for file in forces])
    name = ", ".join(visible(str(file.path)) for file in forces)
    stored = [file.times for file in forces if file.times is not None]
    steps = [file.steps for file in forces if file.steps is not None]
    matches, how = None, "time"
    if timed and len(stored) == len(forces):
        matches = _match(timeline.times, np.concatenate(stored))
    if matches is None and timeline.steps is not None and len(steps) == len(forces):
        matches, how = _match(timeline.steps, np.concatenate(steps)), "step"
    if matches is None and len(rows) != len(timeline):
        raise InputError(
            given=f"{name} with forces of {len(rows)} frames for {len(timeline)} frames",
            expected="forces of as many frames, or times or steps in both that tell which belong "
            "together",
            remedy="give the forces of the same run, one file for each trajectory, in order",
            code="frame-count",
        )
    frames, partners = matches or (np.arange(len(rows)), np.arange(len(rows)))
    line = (
        f"forces of {name} are paired with frames {f'by {how}' if matches else 'in order'}: "
        f"{len(frames)} of {len(timeline)} frames have forces"
    )
    if stored and timed and (matches is None or how == "step"):
        line += ", though the times in the files do not fit"
    part = timeline.take(frames)
    return replace(part, force_files=files[partners], force_rows=rows[partners]), line


def _match(times: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Indices of the times, or steps, that stand in both, or None if they do not fit."""
    spacings = [float(np.median(np.diff(some))) for some in (times, others) if len(some) > 1]
    if any(np.any(np.diff(some) < 0) for some in (times, others)):
        return None
    same_count, same_spacing = len(times) == len(others), np.ptp(spacings or [0.0])
    if same_count and same_spacing > _CLOSE * min(spacings, default=0.0):
        return None
    behind = np.searchsorted(others, times).clip(1, max(1, len(others) - 1))
    last = np.minimum(behind, len(others) - 1)
    before_is_nearer = times - others[behind - 1] < others[last] - times
    nearest = np.where(before_is_nearer, behind - 1, last)
    close = np.abs(others[nearest] - times) <= _CLOSE * min(spacings, default=1.0)
    return (np.flatnonzero(close), nearest[close]) if close.any() else None
