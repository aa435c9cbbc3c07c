"""XTC files: compressed positions, in nm."""

import struct
from functools import partial
from pathlib import Path

import numpy as np

from autograin_cli.files.formats.frames import FrameFile, Frames, corrupt, read_ranges
from autograin_cli.files.formats.xdr import Header, Index, index_frames
from autograin_cli.files.formats.xtc_decoding import decode_frames
from autograin_cli.units import angstrom_from_nm

_MAGIC = 1995
_MOST_UNCOMPRESSED = 9  # atoms; so few are stored as plain numbers
_ANGSTROM = angstrom_from_nm(1.0)
_SHORT_HEADER = np.dtype(
    [("magic", ">i4", 3), ("time", ">f4"), ("box", ">f4", (3, 3)), ("n_atoms", ">i4")]
)
_HEADER = np.dtype(
    [
        ("short", _SHORT_HEADER),
        ("precision", ">f4"),
        ("limits", ">i4", (2, 3)),
        ("small", ">i4"),
        ("n_bytes", ">i4"),
    ]
)
# Magic number, atoms, step, time, atoms again, bytes; between them box, precision and limits.
_LOOK = struct.Struct(">iiif36xi32xi").unpack


def open_xtc(path: Path) -> FrameFile:
    """Find the frames of an XTC file.

    Raises:
        InputError: it is none, cut off or damaged.
    """
    index = index_frames(path, "XTC", _HEADER.itemsize, _parse)
    everywhere = np.ones(len(index.times), dtype=bool)
    return FrameFile(
        path=path,
        n_atoms=index.n_atoms,
        times=index.times,
        timed=True,
        holds_positions=everywhere,
        holds_forces=~everywhere,
        read=partial(_read, path, index),
        steps=index.steps,
    )


def _parse(header: bytes) -> Header:
    if len(header) < _HEADER.itemsize:
        header = header.ljust(_HEADER.itemsize, b"\0")
    magic, n_atoms, step, time, n_stored, n_bytes = _LOOK(header)
    if magic != _MAGIC or n_stored != n_atoms or n_atoms < 1:
        raise ValueError(header)
    if n_atoms <= _MOST_UNCOMPRESSED:
        return Header(_SHORT_HEADER.itemsize + 12 * n_atoms, n_atoms, time, 0, step)
    if n_bytes < n_atoms // 8:  # too few for so many atoms
        raise ValueError(header)
    return Header(_HEADER.itemsize + (n_bytes + 3) // 4 * 4, n_atoms, time, 0, step)


def _read(path: Path, index: Index, rows: np.ndarray) -> Frames:
    data, starts = read_ranges(path, index.offsets[rows], index.sizes[rows])
    if index.n_atoms <= _MOST_UNCOMPRESSED:
        short = _headers(data, starts, _SHORT_HEADER)
        plain = np.dtype((">f4", (index.n_atoms, 3)))
        stored = _headers(data, starts + _SHORT_HEADER.itemsize, plain)
        positions = stored.astype(np.float64) * _ANGSTROM
    else:
        headers = _headers(data, starts, _HEADER)
        short = headers["short"]
        positions = _decompress(path, index, rows, data, starts, headers)
    return Frames(positions=positions, boxes=short["box"].astype(np.float64) * _ANGSTROM)


def _headers(data: np.ndarray, starts: np.ndarray, layout: np.dtype) -> np.ndarray:
    """Gather records of one layout from where they begin."""
    found = data[starts[:, None] + np.arange(layout.itemsize)]
    return found.view(layout.base).reshape(len(starts), *layout.shape)


def _decompress(
    path: Path,
    index: Index,
    rows: np.ndarray,
    data: np.ndarray,
    starts: np.ndarray,
    headers: np.ndarray,
) -> np.ndarray:
    limits = headers["limits"].astype(np.int64)
    corners = np.stack([limits[:, 0], limits[:, 1] - limits[:, 0] + 1], axis=1)
    precisions = headers["precision"].astype(np.float64)
    sound = np.isfinite(precisions) & (precisions > 0)
    sound &= ((corners[:, 1] > 0) & (corners[:, 1] < 2**31)).all(1)
    if not sound.all():
        raise corrupt(path, int(rows[np.argmin(sound)]), "its header makes no sense")
    begins = starts + _HEADER.itemsize
    positions = np.empty((len(rows), index.n_atoms, 3))
    damaged = decode_frames(
        data,
        np.stack([begins, begins + headers["n_bytes"]], axis=1),
        corners,
        headers["small"].astype(np.int64),
        _ANGSTROM / precisions,
        positions,
    )
    if damaged >= 0:
        raise corrupt(path, int(rows[damaged]), "its positions cannot be decompressed")
    return positions
