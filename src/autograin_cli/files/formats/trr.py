"""TRR files: positions, velocities and forces at full precision, in nm and kJ/(mol nm)."""

import struct
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from autograin_cli.files.formats.frames import FrameFile, Frames, read_ranges
from autograin_cli.files.formats.xdr import Header, Index, index_frames
from autograin_cli.units import angstrom_from_nm, force_factor

FORCE_UNIT = "kJ/mol/nm"
_ANGSTROM = angstrom_from_nm(1.0)

_BEGIN = struct.pack(">iii12s", 1993, 13, 12, b"GMX_trn_file")
_SIZES = struct.Struct(">11i")
_HEADER = len(_BEGIN) + _SIZES.size + 8  # up to time and lambda, which are of either precision
_POSITIONS, _VELOCITIES, _FORCES, _BOX, _DOUBLE = 1, 2, 4, 8, 16  # contents of a frame
_CLOCKS = {0: ">i4xf", _DOUBLE: ">i4xd"}  # step and time
_FACTORS = {_POSITIONS: _ANGSTROM, _FORCES: force_factor(FORCE_UNIT)}


def open_trr(path: Path) -> FrameFile:
    """Find the frames of a TRR file.

    Raises:
        InputError: it is none, cut off or damaged.
    """
    index = index_frames(path, "TRR", _HEADER + 16, _parse)
    return FrameFile(
        path=path,
        n_atoms=index.n_atoms,
        times=index.times,
        timed=True,
        holds_positions=(index.contents & _POSITIONS) > 0,
        holds_forces=(index.contents & _FORCES) > 0,
        read=partial(_read, path, index),
        steps=index.steps,
        force_unit=FORCE_UNIT,
    )


def _parse(header: bytes) -> Header:
    size, n_atoms, contents = _layout(header[: _HEADER - 8])
    step, time = struct.unpack_from(_CLOCKS[contents & _DOUBLE], header, _HEADER - 8)
    return Header(size, n_atoms, time, contents, step)


@lru_cache(maxsize=16)
def _layout(header: bytes) -> tuple[int, int, int]:
    """Size, atoms and contents of a frame, which most frames of a file have in common.

    Args:
        header: up to the number of atoms; the step stands behind.
    """
    if header[: len(_BEGIN)] != _BEGIN:
        raise ValueError(header)
    ir, e, box, virial, pressure, top, sym, x, v, f, n_atoms = _SIZES.unpack_from(
        header, len(_BEGIN)
    )
    width = 8 if box == 72 or max(x, v, f) == 24 * n_atoms else 4
    matrices, vectors = {0, 9 * width}, {0, 3 * width * n_atoms}
    known = {box, virial, pressure} <= matrices and {x, v, f} <= vectors
    if n_atoms < 1 or not known or any((ir, e, top, sym)):
        raise ValueError(header)
    held = ((x, _POSITIONS), (v, _VELOCITIES), (f, _FORCES), (box, _BOX), (width == 8, _DOUBLE))
    contents = sum(bit for there, bit in held if there)
    size = _HEADER + 2 * width + box + virial + pressure + x + v + f
    return size, n_atoms, contents


def _read(path: Path, index: Index, rows: np.ndarray) -> Frames:
    data, starts = read_ranges(path, index.offsets[rows], index.sizes[rows])
    contents, sizes = index.contents[rows], index.sizes[rows]
    everywhere = int(np.bitwise_and.reduce(contents))
    boxes = np.zeros((len(rows), 9))
    vectors = {
        kind: np.empty((len(rows), 3 * index.n_atoms))
        for kind in (_POSITIONS, _FORCES)
        if everywhere & kind
    }
    changes = np.flatnonzero((np.diff(contents) != 0) | (np.diff(sizes) != 0)) + 1
    for first, last in pairwise([0, *changes.tolist(), len(rows)]):
        content, size = int(contents[first]), int(sizes[first])
        frames = data[starts[first] :][: (last - first) * size].reshape(-1, size)
        number = np.dtype(">f8" if content & _DOUBLE else ">f4")
        if content & _BOX:
            start = _HEADER + 2 * number.itemsize
            stored = frames[:, start : start + 9 * number.itemsize].view(number)
            np.multiply(stored, _ANGSTROM, out=boxes[first:last], dtype=np.float64)
        for kind, found in vectors.items():
            stored = _vectors(frames, content, kind, number, 3 * index.n_atoms)
            np.multiply(stored, _FACTORS[kind], out=found[first:last], dtype=np.float64)
    shaped = {kind: found.reshape(len(rows), -1, 3) for kind, found in vectors.items()}
    return Frames(
        positions=shaped.get(_POSITIONS),
        boxes=boxes.reshape(-1, 3, 3),
        forces=shaped.get(_FORCES),
    )


def _vectors(
    frames: np.ndarray, content: int, kind: int, number: np.dtype, length: int
) -> np.ndarray:
    """One kind of vectors; positions, velocities, forces end a frame, (frames, 3 atoms)."""
    behind = [bit for bit in (_POSITIONS, _VELOCITIES, _FORCES) if bit > kind and content & bit]
    end = frames.shape[1] - len(behind) * length * number.itemsize
    return frames[:, end - length * number.itemsize : end].view(number)
