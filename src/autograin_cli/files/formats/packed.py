"""Bytes of plain and of compressed files, in order or from any place on.

A compressed file is never unpacked as a whole, neither into memory nor onto a disk. In the first
pass the state of the decompression is kept at some places; later reading goes on from the nearest
one before.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from autograin_cli.errors import FileAccessError
from autograin_cli.files.formats.frames import PADDING, read_ranges
from autograin_cli.files.visible import visible

GZIP, DEFLATE = 31, -15  # kinds of streams, in the words of zlib
_PIECE = 2**20  # bytes of a plain file
_PACKED_PIECE = 2**12  # bytes of a packed one; deflate makes at most 1032 times as many of them
_MOST_MARKS = 64  # of about 40 kB each


class Content(Protocol):
    """The bytes of a file, unpacked."""

    def pieces(self) -> Iterator[bytes]:
        """Yield all of them in order."""

    def ranges(self, offsets: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read ranges of them, as `read_ranges` does."""


class CutOffError(EOFError):
    """A packed stream that ends before its end."""


class DamagedError(ValueError):
    """A packed stream that cannot be unpacked."""


def content_of(path: Path) -> Content:
    """Bytes of a file, unpacked if its name ends in .gz."""
    return Packed(path, GZIP) if path.suffix.lower() == ".gz" else Plain(path)


@dataclass(frozen=True)
class Plain:
    """The bytes of a file as they are, from a place on.

    path: of the file.
    start: where they begin.
    length: how many there are; None up to the end of the file.
    """

    path: Path
    start: int = 0
    length: int | None = None

    def pieces(self) -> Iterator[bytes]:
        """Yield all bytes in order."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.path.stat().st_size if self.length is None else self.length
            while piece := file.read(min(_PIECE, left)):
                left -= len(piece)
                yield piece

    def ranges(self, offsets: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read ranges of bytes, as `read_ranges` does."""
        return read_ranges(self.path, offsets + self.start, sizes)


@dataclass
class _Place:
    """How far a stream is unpacked.

    read: bytes of the packed stream that are used up.
    made: bytes that came out.
    machine: that goes on from here.
    """

    read: int
    made: int
    machine: Any

    def copy(self) -> "_Place":
        """Keep this place, whatever becomes of the other."""
        return _Place(self.read, self.made, self.machine.copy())


class Packed:
    """The bytes that a compressed stream in a file unpacks to.

    path: of the file.
    marks: places to go on from, in order; made as the stream is read for the first time.
    """

    def __init__(self, path: Path, kind: int, start: int = 0, end: int | None = None) -> None:
        """Nothing is read yet.

        Args:
            path: of the file.
            kind: `GZIP` or `DEFLATE`.
            start: of the stream in the file.
            end: of the stream in the file; None if it has further members up to the end.
        """
        self.path = path
        self.marks: list[_Place] = []
        self._kind = kind
        self._start = start
        self._end = path.stat().st_size if end is None else end
        self._several = end is None
        self._spacing = 2**24  # bytes between marks; doubled whenever there are too many
        self._kept: tuple[_Place, bytes] | None = None  # where the last reading ended, and its rest

    def pieces(self) -> Iterator[bytes]:
        """Yield all bytes in order.

        Raises:
            CutOffError, DamagedError: the stream is not whole.
        """
        return self._go_on(_Place(self._start, 0, zlib.decompressobj(self._kind)))

    def ranges(self, offsets: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read ranges of the unpacked bytes, as `read_ranges` does."""
        ends = sizes.cumsum()
        data = bytearray(int(ends[-1]) + PADDING)
        starts = ends - sizes
        for start, offset, end in zip(
            starts.tolist(), offsets.tolist(), ends.tolist(), strict=True
        ):
            self._fill(memoryview(data)[start:end], offset)
        return np.frombuffer(data, dtype=np.uint8), starts

    def _fill(self, part: memoryview, offset: int) -> None:
        place, rest = self._before(offset)
        pieces = self._again(place)
        at = place.made - len(rest)  # of the first byte of the rest
        n_filled = 0
        while n_filled < len(part):
            useful = rest[max(0, offset + n_filled - at) :][: len(part) - n_filled]
            part[n_filled : n_filled + len(useful)] = useful
            n_filled += len(useful)
            if n_filled < len(part):
                at = place.made
                piece = next(pieces, None)
                if piece is None:
                    raise FileAccessError(
                        given=f"{visible(str(self.path))} has changed",
                        expected="the bytes that were there when the file was opened",
                        remedy="do not change the file while it is read",
                    )
                rest = piece
        self._kept = place, rest

    def _before(self, offset: int) -> tuple[_Place, bytes]:
        """Find the nearest place from which an offset is reached, and bytes that came out there."""
        marks = [mark for mark in self.marks if mark.made <= offset]
        kept, self._kept = self._kept, None
        nearest = marks[-1].made if marks else 0
        if kept is not None and kept[0].made - len(kept[1]) <= offset and kept[0].made >= nearest:
            return kept
        begin = _Place(self._start, 0, zlib.decompressobj(self._kind))
        return marks[-1].copy() if marks else begin, b""

    def _again(self, place: _Place) -> Iterator[bytes]:
        """Go on in a stream that was whole when it was read for the first time."""
        try:
            yield from self._go_on(place)
        except (CutOffError, DamagedError):
            return

    def _go_on(self, place: _Place) -> Iterator[bytes]:
        """Unpack from a place on; the place moves along."""
        with self.path.open("rb") as file:
            while True:
                file.seek(place.read)
                piece = file.read(min(_PACKED_PIECE, self._end - place.read))
                if not piece:
                    if place.machine.eof or (self._several and place.read == self._start):
                        return
                    raise CutOffError
                if place.machine.eof:
                    if not self._several or not piece.strip(b"\0"):
                        return
                    place.machine = zlib.decompressobj(self._kind)
                self._mark(place)
                yield self._unpacked(place, piece)

    def _unpacked(self, place: _Place, piece: bytes) -> bytes:
        try:
            made: bytes = place.machine.decompress(piece)
        except zlib.error as error:
            raise DamagedError(str(error)) from error
        place.read += len(piece) - len(place.machine.unused_data)
        place.made += len(made)
        return made

    def _mark(self, place: _Place) -> None:
        last = self.marks[-1].made if self.marks else 0
        if place.made < last + self._spacing:
            return
        self.marks.append(place.copy())
        if len(self.marks) > _MOST_MARKS:
            self.marks = self.marks[1::2]
            self._spacing *= 2
