"""Frames that stand twice, where runs or files were joined."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autograin_cli.files.formats.frames import FrameFile
from autograin_cli.files.timeline import CLOSE, Timeline, moment, repeats, spacing
from autograin_cli.files.visible import visible


def drop_repeats(
    timeline: Timeline, files: Sequence[FrameFile]
) -> tuple[Timeline, tuple[str, ...]]:
    """Leave out frames that repeat the one before, or the end of the file before.

    A file that begins no later than the one before began is a run of its own.

    Returns:
        The frames to use, and what was assumed.
    """
    keep = ~repeats(timeline.times, timeline.steps) | (np.diff(timeline.files, prepend=-1) != 0)
    lines = [
        _doubled(files[number].path, timeline.rows[~keep & (timeline.files == number)])
        for number in np.unique(timeline.files[~keep]).tolist()
    ]
    for number in range(1, len(files)):
        before, here = timeline.files == number - 1, timeline.files == number
        times = timeline.times[here]
        clocked = all(
            file.timed or file.steps is not None for file in files[number - 1 : number + 1]
        )
        if not (before.any() and here.any() and clocked):
            continue
        began, ended = timeline.times[before][[0, -1]]
        name = visible(str(files[number].path))
        if times[0] <= began:
            start = moment(files[number], times[0])
            lines.append(f"{name} begins again at {start}: it is taken as another run")
        elif (n_again := int((times <= ended + CLOSE * spacing(times)).sum())) > 0:
            keep[np.flatnonzero(here)[:n_again]] = False
            what = "frame repeats times" if n_again == 1 else "frames repeat times"
            lines.append(f"{n_again} {what} of the file before {name}: left out")
    return timeline.take(keep), tuple(lines)


def _doubled(path: Path, rows: np.ndarray) -> str:
    """Line on frames of a file that have the time of the one before."""
    name = visible(str(path))
    if len(rows) == 1:
        return f"frame {rows[0]} of {name} has the time of the one before: left out"
    return (
        f"{len(rows)} frames of {name}, the first of them {rows[0]}, have the times of those "
        "before: left out"
    )
