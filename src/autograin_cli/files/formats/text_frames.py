"""Frames written as text, a line for each atom: where they begin, and their columns."""

import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autograin_cli.errors import InputError
from autograin_cli.files.formats.frames import corrupt, cut_off
from autograin_cli.files.formats.packed import Content, CutOffError, DamagedError
from autograin_cli.files.formats.text_lines import EndlessLineError, Lines, parse_columns
from autograin_cli.files.visible import visible

LABEL = -2  # place of a column of texts
NOWHERE = -1  # place of a column that is not read
_LARGEST_FRAME = 2**30  # bytes of text
# Of a packed file a frame may be so many times as large, if it is large: numbers that a simulation
# writes are packed 3 to 10 times as densely.
_MOST_RATIO, _SMALL_FRAME = 30, 2**24
_FEW_FRAMES, _LEAST_SHARE = 100_000, 8  # more frames than these take so many bytes each
_SHOWN = 80  # characters of a line in a message


class FrameIndex:
    """Where the lines of the atoms of each frame stand; filled frame by frame.

    n_atoms: in a frame.
    columns: their names, or whatever the format has in their place.
    """

    def __init__(self, path: Path) -> None:
        """Begin without a frame."""
        self.n_atoms = 0
        self.columns: tuple[str, ...] = ()
        self._path = path
        size = path.stat().st_size
        self._most = min(_LARGEST_FRAME, max(_SMALL_FRAME, _MOST_RATIO * size))
        self._most_frames = max(_FEW_FRAMES, size // _LEAST_SHARE)
        self._offsets, self._sizes = array("q"), array("q")

    def __len__(self) -> int:
        """Frames."""
        return len(self._offsets)

    @property
    def offsets(self) -> np.ndarray:
        """Of the lines of each frame, bytes, (frames,), int64."""
        return np.frombuffer(self._offsets, dtype=np.int64)

    @property
    def sizes(self) -> np.ndarray:
        """Of the lines of each frame, bytes, (frames,), int64."""
        return np.frombuffer(self._sizes, dtype=np.int64)

    def add(self, lines: Lines, n_atoms: int, columns: tuple[str, ...]) -> None:
        """Pass the lines of the atoms of a frame.

        Raises:
            InputError: they are not all there, or not as those of the frames before.
        """
        frame = len(self)
        if frame and n_atoms != self.n_atoms:
            raise self._other_number(n_atoms)
        if frame and columns != self.columns:
            raise corrupt(self._path, frame, "its columns are not those of the frames before")
        self.n_atoms, self.columns = n_atoms, columns
        start = lines.offset
        n_lines = lines.skip(n_atoms, self._most)
        if lines.offset - start > self._most:
            raise corrupt(self._path, frame, f"it takes more than {self._most} bytes")
        if frame >= self._most_frames:
            raise corrupt(self._path, frame, "no file of this size has so many frames")
        if n_lines < n_atoms:
            raise cut_off(self._path, frame)
        self._offsets.append(start)
        self._sizes.append(lines.offset - start)

    def _other_number(self, n_atoms: int) -> InputError:
        return InputError(
            given=f"{visible(str(self._path))} is damaged in frame {len(self)}: {n_atoms} atoms "
            f"after frames of {self.n_atoms}",
            expected="the same atoms in every frame",
            remedy="write the same atoms in every frame: in LAMMPS without dump_modify thresh, and "
            f"with a group that does not change; the first {len(self)} frames alone can be read",
            code="damaged",
        )


@dataclass(frozen=True)
class TextFrames:
    """The lines of the atoms of the frames of a file.

    path: of the file.
    content: of the file.
    offsets, sizes: of the lines of each frame, bytes, (frames,), int64.
    n_atoms: in a frame.
    """

    path: Path
    content: Content
    offsets: np.ndarray
    sizes: np.ndarray
    n_atoms: int

    def read(self, rows: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read columns.

        Args:
            rows: numbers of the frames, (frames,), increasing.
            places: of the columns in what is returned, or `LABEL` or `NOWHERE`, (columns,).

        Returns:
            Numbers, (frames, atoms, places), and a number for each label, (frames, atoms).

        Raises:
            InputError: a line has fewer columns, or something else than a number.
        """
        while len(places) and places[-1] == NOWHERE:
            places = places[:-1]
        with unpacking(self.path, int(rows[0])):
            data, starts = self.content.ranges(self.offsets[rows], self.sizes[rows])
        numbers = np.empty((len(rows), self.n_atoms, int(places.max(initial=-1)) + 1))
        labels = np.zeros((len(rows), self.n_atoms), dtype=np.uint64)
        for k, (start, row) in enumerate(zip(starts.tolist(), rows.tolist(), strict=True)):
            end = start + int(self.sizes[row])
            wrong = parse_columns(data, start, end, places, numbers[k], labels[k])
            if wrong >= 0:
                raise self._wrong_line(row, data[start:end].tobytes(), wrong, len(places))
        return numbers, labels

    def first_lines(self, row: int) -> list[bytes]:
        """Lines of the atoms of one frame."""
        rows = np.array([row])
        data, _ = self.content.ranges(self.offsets[rows], self.sizes[rows])
        return data[: int(self.sizes[row])].tobytes().split(b"\n")[: self.n_atoms]

    def _wrong_line(self, row: int, text: bytes, line: int, n_columns: int) -> InputError:
        lines = text.split(b"\n")
        shown = lines[line][:_SHOWN].decode("utf-8", "replace") if line < len(lines) else ""
        what = f"line {line + 1} of its atoms, {visible(shown)!r}, has not {n_columns} columns of "
        return corrupt(self.path, row, what + "which those of vectors are numbers")


@contextmanager
def unpacking(path: Path, frame: int) -> Iterator[None]:
    """Say which frame of a text is damaged.

    Raises:
        InputError: the text ends early, cannot be unpacked, or has a line without end.
    """
    try:
        yield
    except CutOffError as error:
        raise cut_off(path, frame) from error
    except (DamagedError, zlib.error) as error:
        raise corrupt(path, frame, f"it cannot be unpacked: {error}") from error
    except EndlessLineError as error:
        raise corrupt(path, frame, "a line never ends") from error
