"""Frames in files, whatever the format: what a reader offers, and ranges of bytes."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.visible import visible

PADDING = 128  # zeros behind the bytes of `read_ranges`, so that a decoder may look ahead


@dataclass(frozen=True)
class Frames:
    """Frames as they are read; every array is float64.

    positions: Å, (frames, atoms, 3); None where not all of the frames have them.
    boxes: Å, (frames, 3, 3), rows are the box vectors, zeros in vacuum; None if never stored.
    forces: kJ/(mol Å), or as stored where the file does not fix their unit, (frames, atoms, 3);
        None where not all of the frames have them.
    """

    positions: np.ndarray | None
    boxes: np.ndarray | None = None
    forces: np.ndarray | None = None


@dataclass(frozen=True)
class Atoms:
    """What a file of frames tells of its atoms; each has one entry an atom.

    names: of the atoms.
    elements: of the atoms; '' where unknown.
    masses: u, (atoms,); None where unknown.
    """

    names: tuple[str, ...]
    elements: tuple[str, ...]
    masses: np.ndarray | None = None


@dataclass(frozen=True)
class FrameFile:
    """A file of frames: what is known of it before its arrays are read.

    path: of the file.
    n_atoms: atoms in a frame.
    times: ps, (frames,).
    timed: whether the file holds times; if not they are its steps, or count frames.
    holds_positions: whether each frame has positions, (frames,).
    holds_forces: whether each frame has forces, (frames,).
    read: the frames with the given indices, (frames,), increasing.
    notes: what a user should know of the file, one line each.
    steps: of the simulation, (frames,), int64; None where the file does not tell them.
    force_unit: unit of the forces in the file; None where it does not fix one: `Frames.forces`
        are then as they stand in the file.
    atoms: None where the file tells nothing of them.
    """

    path: Path
    n_atoms: int
    times: np.ndarray
    timed: bool
    holds_positions: np.ndarray
    holds_forces: np.ndarray
    read: Callable[[np.ndarray], Frames]
    notes: tuple[str, ...] = ()
    steps: np.ndarray | None = None
    force_unit: str | None = "kJ/mol/A"
    atoms: Atoms | None = None

    @property
    def n_frames(self) -> int:
        """Frames in the file."""
        return len(self.times)


def check_readable(path: Path) -> None:
    """Check that a file can be read and is not empty.

    Raises:
        FileAccessError: it is missing, a folder, or may not be read.
        InputError: it is empty, or a pipe or a device.
    """
    name = visible(str(path))
    try:
        # A pipe is asked before it is opened: to open one waits for who writes into it.
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise _no_file(name)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise FileAccessError(
            given=f"{name} cannot be read: {error.strerror}",
            expected="a file that exists and may be read",
            remedy="correct the name, or the permissions of the file",
        ) from error
    if size == 0:
        raise InputError(
            given=f"{name} is empty",
            expected="a file with at least one frame or atom",
            remedy="copy the file again, or give another one",
            code="truncated",
        )


def _no_file(name: str) -> InputError:
    return InputError(
        given=f"{name} is a pipe or a device",
        expected="a regular file: it is read more than once",
        remedy="write what comes out of it to a file, and give that",
        code="format",
    )


def read_ranges(
    path: Path, offsets: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Read ranges of bytes, in one go where they follow one another.

    Args:
        path: of the file.
        offsets: of the ranges in the file, (ranges,), int64, increasing.
        sizes: of the ranges, (ranges,), int64.

    Returns:
        The bytes with `PADDING` zeros behind them, uint8, and where each range begins, (ranges,).

    Raises:
        FileAccessError: the file cannot be read, or has become shorter.
    """
    ends = sizes.cumsum()
    data = np.empty(int(ends[-1]) + PADDING, dtype=np.uint8)
    data[-PADDING:] = 0
    joined = np.flatnonzero(offsets[1:] != offsets[:-1] + sizes[:-1]) + 1
    first = np.concatenate([[0], joined])
    last = np.concatenate([joined, [len(offsets)]]) - 1
    starts = ends - sizes
    try:
        with path.open("rb", buffering=0) as file:
            for i, j in zip(first.tolist(), last.tolist(), strict=True):
                file.seek(int(offsets[i]))
                _fill(file.readinto, data[starts[i] : ends[j]])
    except OSError as error:
        raise FileAccessError(
            given=f"{visible(str(path))} cannot be read: {error.strerror or error}",
            expected="the bytes that were there when the file was opened",
            remedy="do not change the file while it is read; check the disk",
        ) from error
    return data, starts


def _fill(read_into: Callable[[memoryview], int | None], part: np.ndarray) -> None:
    rest = part.data
    while rest:
        n_read = read_into(rest)
        if not n_read:
            raise OSError("the file has become shorter")
        rest = rest[n_read:]


def cut_off(path: Path, frame: int) -> InputError:
    """Error for a file that ends inside a frame."""
    return InputError(
        given=f"{visible(str(path))} ends inside frame {frame}",
        expected="whole frames: the file is cut off, or still being written",
        remedy=_anew(frame),
        code="truncated",
    )


def corrupt(path: Path, frame: int, what: str) -> InputError:
    """Error for a frame that cannot be understood."""
    return InputError(
        given=f"{visible(str(path))} is damaged in frame {frame}: {what}",
        expected="whole frames of one trajectory",
        remedy=_anew(frame),
        code="damaged",
    )


def _anew(n_sound: int) -> str:
    """Remedy for a file whose first frames are sound."""
    sound = f", or write its first {n_sound} frames to a new file" if n_sound else ""
    return f"copy the file again{sound}"


def wrong_format(path: Path, name: str) -> InputError:
    """Error for a file that is not of the format that its name says."""
    return InputError(
        given=f"{visible(str(path))} is no {name} file",
        expected=f"the format {name}, as the name says",
        remedy="give the file the ending of its format, or copy it again",
        code="format",
    )
