"""Forces as plain arrays, .npy and .npz: no pickle is loaded, and nothing unpacked to a disk."""

import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.lib import format as npy

from autograin_cli.errors import InputError
from autograin_cli.files.formats.packed import (
    DEFLATE,
    Content,
    CutOffError,
    DamagedError,
    Packed,
    Plain,
)
from autograin_cli.files.visible import visible

ARRAYS = (".npy", ".npz")
_STEPS, _TIMES = ("step", "steps"), ("time", "times")
_LONGEST_CLOCK = 2**28  # bytes
_LOCAL_HEADER = 30  # bytes before the names in an entry of a zip file

_NO_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, IndexError),
    UnicodeDecodeError,  # of names
)
# What NumPy raises on a header that it cannot make sense of.
_UNREADABLE = (ValueError, EOFError, SyntaxError, OverflowError, TokenError, MemoryError)


@dataclass(frozen=True)
class ForceArray:
    """An array of vectors in a file, in the unit of the file.

    n_frames, n_atoms: its shape without the directions.
    steps: (frames,), int64; None where the file has none.
    times: ps, (frames,); None where the file has none.
    read: those of the frames with the given indices, increasing, (frames, atoms, 3), float64.
    """

    n_frames: int
    n_atoms: int
    steps: np.ndarray | None
    times: np.ndarray | None
    read: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Entry:
    """An array in an archive.

    content: its bytes, header and numbers.
    offset: of the numbers.
    shape, dtype: of the array.
    """

    content: Content
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Read along the first axis, (rows, ...), float64."""
        size = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        data, _ = self.content.ranges(self.offset + rows * size, np.full(len(rows), size))
        numbers = data[: len(rows) * size].view(self.dtype)
        with np.errstate(invalid="ignore"):  # what is no number is told by whoever reads
            return numbers.reshape(len(rows), *self.shape[1:]).astype(np.float64)


def open_array(path: Path) -> ForceArray:
    """Find the array of forces in a file.

    Raises:
        InputError: there is none, or it is damaged.
    """
    return _of_archive(path) if path.suffix.lower() == ".npz" else _of_file(path)


def _of_file(path: Path) -> ForceArray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except _UNREADABLE as error:
        raise _no_array(path, str(error)) from error
    if not isinstance(array, np.ndarray):
        raise _no_array(path, "it is no single array")
    _check_vectors(path, array.shape, array.dtype)

    def read(rows: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.asarray(array[rows], dtype=np.float64)

    return ForceArray(array.shape[0], array.shape[1], None, None, read)


def _of_archive(path: Path) -> ForceArray:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            others = [n for n in names if n.removesuffix(".npy") not in (*_STEPS, *_TIMES)]
            wanted = (
                "forces.npy" if "forces.npy" in names else others[0] if len(others) == 1 else ""
            )
            if not wanted:
                raise _no_array(path, "it holds " + ", ".join(map(visible, names[:10])))
            forces = _entry(path, archive, wanted)
            _check_vectors(path, forces.shape, forces.dtype)
            n_frames, n_atoms = forces.shape[:2]
            clocks = [_clock(path, archive, kind, n_frames) for kind in (_STEPS, _TIMES)]
    except _NO_ARCHIVE as error:
        raise _no_array(path, str(error)) from error
    steps, times = clocks
    return ForceArray(
        n_frames, n_atoms, None if steps is None else steps.astype(np.int64), times, forces.read
    )


def _entry(path: Path, archive: zipfile.ZipFile, name: str) -> _Entry:
    """Find an array, and pass all its bytes once to see that they are what was written."""
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        raise _no_array(path, f"{name} is packed in a way that NumPy does not use")
    start = _start(path, info)
    stored = info.compress_type == zipfile.ZIP_STORED
    content: Content = (
        Plain(path, start, info.file_size)
        if stored
        else Packed(path, DEFLATE, start, start + info.compress_size)
    )
    begin, size, checksum = b"", 0, 0
    try:
        for piece in content.pieces():
            begin = begin if len(begin) > 2**16 else begin + piece[: 2**17]
            size, checksum = size + len(piece), zlib.crc32(piece, checksum)
    except (CutOffError, DamagedError) as error:
        raise _no_array(path, f"{name} is damaged: {error}") from error
    if size != info.file_size or checksum != info.CRC:
        raise _no_array(path, f"{name} is damaged: its checksum is wrong")
    return _parsed(path, name, content, begin, size)


def _start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where the bytes of an entry begin, behind its own header."""
    if info.header_offset < 0:
        raise _no_array(path, "an entry before the beginning of the file")
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\3\4":
        raise _no_array(path, "an entry has no header")
    lengths = [int.from_bytes(header[k : k + 2], "little") for k in (26, 28)]
    return info.header_offset + _LOCAL_HEADER + sum(lengths)


def _parsed(path: Path, name: str, content: Content, begin: bytes, size: int) -> _Entry:
    file = io.BytesIO(begin)
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except _UNREADABLE as error:
        raise _no_array(path, str(error)) from error
    if dtype.hasobject:
        raise _no_array(path, f"{name} holds Python objects, which are never loaded")
    if fortran and len(shape) > 1:
        raise _no_array(path, f"{name} is stored column by column (numpy.ascontiguousarray helps)")
    if int(np.prod(shape, dtype=object)) * dtype.itemsize != size - file.tell():
        raise _no_array(path, f"{name} is not as large as it says")
    return _Entry(content, file.tell(), tuple(shape), dtype)


def _clock(
    path: Path, archive: zipfile.ZipFile, names: tuple[str, ...], n_frames: int
) -> np.ndarray | None:
    """Steps or times that stand beside the forces."""
    held = [f"{name}.npy" for name in names if f"{name}.npy" in archive.namelist()]
    if not held:
        return None
    entry = _entry(path, archive, held[0])
    if entry.shape != (n_frames,) or entry.dtype.kind not in "fiu" or n_frames * 8 > _LONGEST_CLOCK:
        raise _no_array(path, f"{held[0]} does not hold one number for each frame")
    found = entry.read(np.arange(n_frames))
    if not np.isfinite(found).all():
        raise _no_array(path, f"{held[0]} holds what is no number")
    return found


def _check_vectors(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype.kind not in "fiu":
        raise InputError(
            given=f"{visible(str(path))} with an array of {dtype} of shape {shape}",
            expected="numbers of shape (frames, atoms, 3)",
            remedy="save the forces of all frames as one such array",
            code="format",
        )


def _no_array(path: Path, reason: str) -> InputError:
    return InputError(
        given=f"{visible(str(path))}: {visible(reason)}",
        expected="one plain array of numbers; in an .npz file the only one, or one named 'forces'",
        remedy="write it with numpy.save, or with numpy.savez(..., forces=forces)",
        code="format",
    )
