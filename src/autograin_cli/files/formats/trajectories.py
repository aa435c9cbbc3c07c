"""Files of frames, told apart by their endings."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from autograin_cli.errors import InputError
from autograin_cli.files.formats.dcd import open_dcd
from autograin_cli.files.formats.extended_xyz import open_xyz
from autograin_cli.files.formats.frames import FrameFile, Frames, check_readable
from autograin_cli.files.formats.h5md import open_h5md
from autograin_cli.files.formats.lammps_dump import open_lammps_dump
from autograin_cli.files.formats.netcdf import open_netcdf
from autograin_cli.files.formats.trr import open_trr
from autograin_cli.files.formats.universe import LAMMPS_DUMPS, open_frames
from autograin_cli.files.formats.xtc import open_xtc
from autograin_cli.files.visible import visible

NATIVE: dict[str, Callable[[Path], FrameFile]] = {
    ".xtc": open_xtc,
    ".trr": open_trr,
    ".dcd": open_dcd,
    **dict.fromkeys((".h5md", ".h5", ".hdf5"), open_h5md),
    **dict.fromkeys((".nc", ".ncdf", ".netcdf"), open_netcdf),
    **dict.fromkeys(LAMMPS_DUMPS, open_lammps_dump),
    **dict.fromkeys((".xyz", ".extxyz"), open_xyz),
}
_PACKINGS = {".gz", ".bz2", ".xz", ".zst", ".zip"}
_PACKED = {*LAMMPS_DUMPS, ".xyz", ".extxyz"}
# How files begin that go by many endings.
_BEGINNINGS: dict[bytes, Callable[[Path], FrameFile]] = {
    b"CDF": open_netcdf,
    b"ITEM: ": open_lammps_dump,
}


def ending(path: Path) -> str:
    """Ending that tells the format of a file, in small letters, without the .gz of a packed one."""
    last = path.suffix.lower()
    inner = Path(path.stem).suffix.lower()
    return inner if last == ".gz" and inner in _PACKED else last


def open_frame_file(path: Path, topology: Path | None = None) -> FrameFile:
    """Find the frames of a file.

    Args:
        path: of the file; its ending names the format, or else how it begins.
        topology: what MDAnalysis may need for formats that are not read here.

    Raises:
        FileAccessError: it is missing or cannot be read.
        InputError: it is empty, cut off, damaged, or of an unknown format.
    """
    check_readable(path)
    _check_packing(path)
    native = _native(path)
    with np.errstate(over="ignore", invalid="ignore"):
        file = native(path) if native else open_frames(path, topology)
    return replace(file, read=partial(_read_calmly, file.read))


def _check_packing(path: Path) -> None:
    """Refuse a packed file of a format that is read only as it is."""
    if path.suffix.lower() in _PACKINGS and ending(path) == path.suffix.lower():
        raise InputError(
            given=f"{visible(str(path))}, which is packed",
            expected="a file that is not; of LAMMPS dumps and XYZ also .gz",
            remedy="unpack it, and give the file that comes out",
            code="format",
        )


def _read_calmly(read: Callable[[np.ndarray], Frames], rows: np.ndarray) -> Frames:
    """Leave numbers that are not finite to whoever checks them, and names the frame."""
    with np.errstate(over="ignore", invalid="ignore"):
        return read(rows)


def is_native(path: Path) -> bool:
    """Whether the frames of a file are read here, not by MDAnalysis."""
    return _native(path) is not None


def _native(path: Path) -> Callable[[Path], FrameFile] | None:
    if ending(path) in NATIVE:
        return NATIVE[ending(path)]
    with path.open("rb") as file:
        begin = file.read(8)
    return next((found for start, found in _BEGINNINGS.items() if begin.startswith(start)), None)
