"""Files of forces: DCD, TRR, .npy, .npz, and what MDAnalysis reads with forces."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.formats import trr
from autograin_cli.files.formats.frames import FrameFile, check_readable, corrupt
from autograin_cli.files.formats.trajectories import open_frame_file
from autograin_cli.files.formats.universe import LAMMPS_DUMPS
from autograin_cli.files.visible import visible
from autograin_cli.units import FORCE_UNITS, force_factor

_ARRAYS = (".npy", ".npz")


@dataclass(frozen=True)
class ForceFile:
    """Forces in a file; times are None where the file has none.

    path: of the file.
    n_atoms: atoms in a frame.
    rows: frames of the file that hold forces, (frames,), increasing.
    times: ps, (frames,).
    read: forces of the frames with the given indices in the file, kJ/(mol Å),
        (frames, atoms, 3), float64.
    notes: what a user should know of the file, one line each.
    """

    path: Path
    n_atoms: int
    rows: np.ndarray
    times: np.ndarray | None
    read: Callable[[np.ndarray], np.ndarray]
    notes: tuple[str, ...] = ()


def open_forces(path: Path, unit: str | None, topology: Path | None) -> ForceFile:
    """Find the forces in a file.

    Args:
        path: of the file.
        unit: declared by the user; None if not.
        topology: what MDAnalysis may need for other formats.

    Raises:
        FileAccessError: it is missing or cannot be read.
        InputError: it is damaged, or holds no forces.
        SettingError: the unit is needed and not declared, or is not that of the format.
    """
    check_readable(path)
    ending = path.suffix.lower()
    if ending in _ARRAYS:
        return _array_forces(path, _factor(path, unit, None))
    if ending == ".dcd":
        file = open_frame_file(path)
        return _stored(file, "positions", _factor(path, unit, None))
    if ending in LAMMPS_DUMPS:
        return _stored(open_frame_file(path, topology), "forces", _factor(path, unit, None))
    # MDAnalysis converts forces to its own unit, that is ours.
    _factor(path, unit, trr.FORCE_UNIT if ending == ".trr" else "kJ/mol/A")
    return _stored(open_frame_file(path, topology), "forces", 1.0)


def _factor(path: Path, unit: str | None, fixed: str | None) -> float:
    """kJ/(mol Å) of one unit of the file."""
    if fixed is None and unit is None:
        raise SettingError(
            given=f"{visible(str(path))} without a unit of its forces",
            expected="--force-unit: the format does not fix it",
            remedy="give --force-unit, one of " + ", ".join(FORCE_UNITS),
        )
    if fixed is not None and unit not in (None, fixed):
        raise SettingError(
            given=f"--force-unit {unit} for {visible(str(path))}",
            expected=f"no unit, or {fixed}: the format fixes it",
            remedy="leave --force-unit out",
        )
    return force_factor(unit or fixed or "")


def _stored(file: FrameFile, where: str, factor: float) -> ForceFile:
    """Forces in frames, times a factor, where 'positions' stand or where 'forces' belong."""
    held = file.holds_forces if where == "forces" else file.holds_positions
    if not held.any():
        raise InputError(
            given=f"{visible(str(file.path))}, which holds no forces in {file.n_frames} frames",
            expected="a file with forces",
            remedy="write forces in the simulation (nstfout in GROMACS), or give another file",
        )
    return ForceFile(
        path=file.path,
        n_atoms=file.n_atoms,
        rows=np.flatnonzero(held),
        times=file.times[held] if file.timed else None,
        read=partial(_read_stored, file, where, factor),
        notes=file.notes,
    )


def _read_stored(file: FrameFile, where: str, factor: float, rows: np.ndarray) -> np.ndarray:
    frames = file.read(rows)
    vectors = frames.forces if where == "forces" else frames.positions
    if vectors is None:
        raise corrupt(file.path, int(rows[0]), "its forces have gone")
    return vectors if factor == 1.0 else vectors * factor


def _array_forces(path: Path, factor: float) -> ForceFile:
    array = _unpack(path) if path.suffix.lower() == ".npz" else _load(path, path)
    if array.ndim != 3 or array.shape[2] != 3 or not len(array) or array.dtype.kind not in "fiu":
        raise InputError(
            given=f"{visible(str(path))} with an array of {array.dtype} of shape {array.shape}",
            expected="numbers of shape (frames, atoms, 3)",
            remedy="save the forces of all frames as one such array",
        )
    return ForceFile(
        path=path,
        n_atoms=array.shape[1],
        rows=np.arange(len(array)),
        times=None,
        read=lambda rows: array[rows].astype(np.float64) * factor,
    )


def _load(path: Path, stored: Path) -> np.ndarray:
    """Map an array on the disk; `path` is what the user gave."""
    try:
        return np.load(stored, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise _no_array(path, str(error)) from error


def _unpack(path: Path) -> np.ndarray:
    """Map the array of an .npz file, copied to an unnamed temporary file, so not into memory."""
    try:
        with zipfile.ZipFile(path) as archive, tempfile.NamedTemporaryFile(suffix=".npy") as copy:
            names = archive.namelist()
            wanted = "forces.npy" if "forces.npy" in names else names[0] if len(names) == 1 else ""
            if not wanted:
                raise _no_array(path, "it holds " + ", ".join(map(visible, names)))
            with archive.open(wanted) as member:
                shutil.copyfileobj(member, copy)
            copy.flush()
            return _load(path, Path(copy.name))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise _no_array(path, str(error)) from error


def _no_array(path: Path, reason: str) -> InputError:
    return InputError(
        given=f"{visible(str(path))}: {visible(reason)}",
        expected="one plain array of numbers; in an .npz file the only one, or one named 'forces'",
        remedy="write it with numpy.save, or with numpy.savez(..., forces=forces)",
    )
