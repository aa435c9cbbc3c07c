"""Files of forces: arrays, and every format of frames that holds them, in a unit that is known."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.force_arrays import ARRAYS, open_array
from autograin_cli.files.formats.extended_xyz import open_xyz_forces
from autograin_cli.files.formats.frames import FrameFile, Frames, check_readable, corrupt
from autograin_cli.files.formats.trajectories import ending, open_frame_file
from autograin_cli.files.formats.universe import LAMMPS_DUMPS
from autograin_cli.files.visible import visible
from autograin_cli.units import FORCE_UNITS, force_factor

# How the programs that write a format are told to write forces.
_WAYS = {
    ".trr": "set nstfout in GROMACS; trjconv keeps forces only with -force",
    ".xtc": "give the .trr that GROMACS writes forces to, with nstfout: an .xtc holds none",
    **dict.fromkeys(
        LAMMPS_DUMPS,
        "dump fx fy fz in LAMMPS; columns of another origin get these names by dump_modify colname",
    ),
    **dict.fromkeys(
        (".nc", ".ncdf", ".netcdf"), "set ntwf in AMBER, and give the file of -frc if there is one"
    ),
    **dict.fromkeys((".h5md", ".h5", ".hdf5"), "write the element 'force' beside 'position'"),
    **dict.fromkeys((".xyz", ".extxyz"), "write a column of forces: forces:R:3 in Properties"),
}
_WAY = (
    "write forces in the simulation: nstfout in GROMACS, fx fy fz in a dump of LAMMPS, "
    "forceDCDfile in NAMD, ntwf in AMBER, a reporter in OpenMM (docs/tutorials/openmm.md); or "
    "give another file"
)


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
    steps: of the simulation, (frames,), int64; None where the file has none.
    """

    path: Path
    n_atoms: int
    rows: np.ndarray
    times: np.ndarray | None
    read: Callable[[np.ndarray], np.ndarray]
    notes: tuple[str, ...] = ()
    steps: np.ndarray | None = None


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
    if ending(path) in ARRAYS:
        return _of_array(path, _factor(path, unit, None))
    if ending(path) == ".dcd":
        return _stored(open_frame_file(path), "positions", _factor(path, unit, None))
    of_xyz = ending(path) == ".xyz"
    file = open_xyz_forces(path) if of_xyz else open_frame_file(path, topology)
    _check_held(file, file.holds_forces)
    return _stored(file, "forces", _factor(path, unit, file.force_unit))


def declared(file: FrameFile, unit: str) -> FrameFile:
    """Take the forces that stand with the positions in a unit that the file does not tell.

    Raises:
        SettingError: the unit is not known.
    """
    return replace(file, force_unit=unit, read=partial(_read_declared, file, force_factor(unit)))


def _read_declared(file: FrameFile, factor: float, rows: np.ndarray) -> Frames:
    frames = file.read(rows)
    return replace(frames, forces=None if frames.forces is None else frames.forces * factor)


def _factor(path: Path, unit: str | None, fixed: str | None) -> float:
    """kJ/(mol Å) of one unit of what is read: a unit that the file fixes is already ours."""
    if fixed is None and unit is None:
        raise SettingError(
            given=f"{visible(str(path))} without a unit of its forces",
            expected="--force-unit: the format does not fix it",
            remedy="give --force-unit, one of " + ", ".join(FORCE_UNITS),
            code="force-unit",
        )
    if fixed is not None and unit not in (None, fixed):
        raise SettingError(
            given=f"--force-unit {unit} for {visible(str(path))}",
            expected=f"no unit, or {fixed}: the format fixes it",
            remedy="leave --force-unit out",
            code="force-unit",
        )
    return 1.0 if fixed is not None else force_factor(unit or "")


def _stored(file: FrameFile, where: str, factor: float) -> ForceFile:
    """Forces in frames, times a factor, where 'positions' stand or where 'forces' belong."""
    held = file.holds_forces if where == "forces" else file.holds_positions
    _check_held(file, held)
    return ForceFile(
        path=file.path,
        n_atoms=file.n_atoms,
        rows=np.flatnonzero(held),
        times=file.times[held] if file.timed else None,
        read=partial(_read_stored, file, where, factor),
        notes=file.notes,
        steps=None if file.steps is None else file.steps[held],
    )


def _check_held(file: FrameFile, held: np.ndarray) -> None:
    if not held.any():
        raise InputError(
            given=f"{visible(str(file.path))}, which holds no forces in {file.n_frames} frames",
            expected="a file with forces",
            remedy=how_to_write(file.path),
            code="no-forces",
        )


def how_to_write(path: Path) -> str:
    """How the program that writes a file is told to write forces."""
    return _WAYS.get(ending(path), _WAY)


def _read_stored(file: FrameFile, where: str, factor: float, rows: np.ndarray) -> np.ndarray:
    frames = file.read(rows)
    vectors = frames.forces if where == "forces" else frames.positions
    if vectors is None:
        raise corrupt(file.path, int(rows[0]), "its forces have gone")
    return vectors if factor == 1.0 else vectors * factor


def _of_array(path: Path, factor: float) -> ForceFile:
    array = open_array(path)
    return ForceFile(
        path=path,
        n_atoms=array.n_atoms,
        rows=np.arange(array.n_frames),
        times=array.times,
        read=lambda rows: array.read(rows) * factor,
        steps=array.steps,
    )
