"""HDF5 files of other programs, read as hostile: nothing outside the file, nothing without bound.

Only what is asked for is looked at, on the way from the root down. Links that lead elsewhere, data
in other files, filters that would load a library and sizes that the file cannot hold are refused.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import h5py
import numpy as np
from h5py import h5a, h5d, h5l, h5o, h5t, h5z

from autograin_cli.errors import InputError
from autograin_cli.files.formats.frames import wrong_format
from autograin_cli.files.visible import visible

Member: TypeAlias = h5py.Group | h5py.Dataset

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LZF = 32000  # comes with h5py
_FILTERS = (
    h5z.FILTER_DEFLATE,
    h5z.FILTER_SHUFFLE,
    h5z.FILTER_FLETCHER32,
    h5z.FILTER_SZIP,
    h5z.FILTER_NBIT,
    h5z.FILTER_SCALEOFFSET,
    _LZF,
)
_MOST_RATIO = 1100  # deflate makes 1032 bytes of one
_LARGEST_CHUNK = 2**28  # bytes
_MOST_WHOLE = 2**28  # bytes of an array that is read as a whole
_LONGEST_TEXT = 2**12
_BROKEN = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, OverflowError)
_HEAP, _HEAP_PIECE, _HEAPS_IN = b"GCOL", 2**22, 2**28  # bytes searched at either end


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file to read, without a lock; what HDF5 objects to is an error of the file.

    Raises:
        InputError: it is no HDF5 file, cut off or damaged.
    """
    with path.open("rb") as plain:
        if plain.read(len(_SIGNATURE)) != _SIGNATURE:
            raise wrong_format(path, "HDF5")
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except _BROKEN as error:
        reason = visible(str(error).strip().split("\n")[0][:200])
        raise InputError(
            given=f"{visible(str(path))} is damaged or cut off: {reason}",
            expected="a whole HDF5 file that its program has closed",
            remedy="copy it again; after a run that was killed, h5clear -s may mend it",
            code="damaged",
        ) from error


def member(path: Path, group: h5py.Group, *names: str) -> Member | None:
    """Go down from a group to an object of the same file; None where there is none.

    Raises:
        InputError: a link leads elsewhere, or a dataset is not safe to read.
    """
    found: Member = group
    for name in names:
        raw = name.encode()
        if not isinstance(found, h5py.Group) or not found.id.links.exists(raw):
            return None
        where = f"{found.name}/{name}".replace("//", "/")
        if found.id.links.get_info(raw).type != h5l.TYPE_HARD:
            raise _refused(path, where, "a soft or external link", "data in the file itself")
        handle = h5o.open(found.id, raw)
        if isinstance(handle, h5d.DatasetID):
            found = h5py.Dataset(handle)
            _check(path, where, found)
        else:
            found = h5py.Group(handle)
    return found


def names_in(group: h5py.Group, most: int) -> list[str]:
    """Names of the members of a group, so many at most."""
    return [name.decode("utf-8", "surrogateescape") for name, _ in zip(group.id, range(most))]  # noqa: B905


def whole(path: Path, dataset: h5py.Dataset) -> np.ndarray:
    """Read a small array of numbers.

    Raises:
        InputError: it is large.
    """
    if prod(dataset.shape) * 8 > _MOST_WHOLE:
        raise _refused(path, str(dataset.name), "too large", "fewer frames in a file")
    values: np.ndarray = np.asarray(dataset[()])
    return values


def texts(path: Path, item: Member, name: str) -> tuple[str, ...]:
    """Words of an attribute; none where it is not there or is no text.

    `check_heaps` must have found the file sound, or HDF5 may never come back from this.
    """
    if not h5a.exists(item.id, name.encode()):
        return ()
    attribute = h5a.open(item.id, name.encode())
    kind = attribute.get_type()
    if not isinstance(kind, h5t.TypeStringID) or prod(attribute.shape) > 16:
        return ()
    if not kind.is_variable_str() and kind.get_size() > _LONGEST_TEXT:
        raise _refused(path, f"{item.name}@{name}", "a long text", "the name of a unit")
    values = np.atleast_1d(np.asarray(item.attrs[name]))
    return tuple(_text(value) for value in values.ravel())


def check_heaps(path: Path) -> None:
    """Check the heaps that hold texts of any length.

    HDF5 2.0 goes round for ever in a heap that holds an object without a size. The heaps are looked
    for at either end of a large file, where programs put them.

    Raises:
        InputError: a heap is damaged.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for begin, end in ((0, _HEAPS_IN), (max(_HEAPS_IN, size - _HEAPS_IN), size)):
            for place in _heaps(file, begin, min(end, size)):
                if not _is_sound(file, place, size):
                    raise _refused(path, "a text", "in a damaged heap", "a whole HDF5 file")


def _heaps(file: BinaryIO, begin: int, end: int) -> Iterator[int]:
    """Places where a heap may begin."""
    for start in range(begin, end, _HEAP_PIECE):
        file.seek(start)
        piece = file.read(_HEAP_PIECE + len(_HEAP) - 1)
        at = piece.find(_HEAP)
        while at >= 0:
            yield start + at
            at = piece.find(_HEAP, at + 1)


def _is_sound(file: BinaryIO, place: int, end: int) -> bool:
    """Whether the objects of a heap lead to its end."""
    file.seek(place + len(_HEAP))
    head = file.read(12)
    if len(head) < 12 or head[0] != 1:
        return True  # HDF5 says itself that this is no heap
    size = int.from_bytes(head[4:], "little")
    if not 16 <= size <= min(_HEAP_PIECE, end - place):
        return size > end - place  # beyond the file: HDF5 says so itself
    heap = file.read(size - 16)
    at = 0
    while at + 16 <= len(heap):
        number = int.from_bytes(heap[at : at + 2], "little")
        length = int.from_bytes(heap[at + 8 : at + 16], "little")
        needed = 16 + (length + 7) // 8 * 8 if number else length
        if not 0 < needed <= len(heap) - at:
            return False
        at += needed
    return True


def _check(path: Path, where: str, dataset: h5py.Dataset) -> None:
    """Check that a dataset is safe to read."""
    settings = dataset.id.get_create_plist()
    if settings.get_external_count() or settings.get_layout() == h5d.VIRTUAL:
        raise _refused(path, where, "stored outside the file", "data in the file itself")
    filters = [settings.get_filter(k)[0] for k in range(settings.get_nfilters())]
    if not set(filters) <= set(_FILTERS) or filters.count(h5z.FILTER_DEFLATE) > 1:
        expected = "no filter, or one that is part of HDF5 (gzip, shuffle, szip, lzf)"
        raise _refused(path, where, "compressed by another filter", expected)
    if dataset.shape is None or dataset.dtype.kind not in "fiu":
        raise _refused(path, where, "no array of numbers", "numbers")
    declared = prod(dataset.shape) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size() * (_MOST_RATIO if filters else 1)
    if declared > stored or stored > os.path.getsize(path) * _MOST_RATIO:
        raise _refused(path, where, f"declared as {declared} bytes", "no more than the file holds")
    if settings.get_layout() == h5d.CHUNKED:
        chunk = prod(settings.get_chunk()) * dataset.dtype.itemsize
        if chunk > _LARGEST_CHUNK:
            raise _refused(path, where, f"in chunks of {chunk} bytes", f"at most {_LARGEST_CHUNK}")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _refused(path: Path, where: str, given: str, expected: str) -> InputError:
    return InputError(
        given=f"{visible(str(path))}: {visible(where)} is {given}",
        expected=expected,
        remedy="write the file anew, for example with MDAnalysis",
        code="format",
    )
