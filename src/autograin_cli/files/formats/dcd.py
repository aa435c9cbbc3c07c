"""DCD files of NAMD, CHARMM, OpenMM and others: positions in Å, or forces in their place."""

import struct
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from MDAnalysis import units as mdanalysis_units

from autograin_cli.errors import InputError
from autograin_cli.files.formats.boxes import boxes_of_cells
from autograin_cli.files.formats.clocks import in_picoseconds, unit_of_times
from autograin_cli.files.formats.frames import (
    FrameFile,
    Frames,
    corrupt,
    cut_off,
    read_ranges,
    wrong_format,
)
from autograin_cli.files.visible import visible

_CONTROL_SIZE = 84  # bytes of the first record


@dataclass(frozen=True)
class _Header:
    """What the header of a file says.

    size: of the header, bytes.
    n_frames: that it announces; 0 where the writer left it open.
    first_step, interval: of the frames, in time steps.
    timestep: in AKMA units; 0 where unknown.
    n_atoms: in a frame.
    frame: layout of a frame.
    of_lammps: whether LAMMPS wrote it, which gives time steps in a unit of its own.
    """

    size: int
    n_frames: int
    first_step: int
    interval: int
    timestep: float
    n_atoms: int
    frame: np.dtype
    of_lammps: bool


def open_dcd(path: Path) -> FrameFile:
    """Find the frames of a DCD file; times are taken to be in AKMA units, as most writers do.

    Raises:
        InputError: it is none, cut off or damaged, or it has fixed atoms.
    """
    with path.open("rb") as file:
        try:
            header = _header(path, file)
        except (struct.error, ValueError):
            raise wrong_format(path, "DCD") from None
    n_frames, rest = divmod(path.stat().st_size - header.size, header.frame.itemsize)
    if rest or n_frames < max(1, header.n_frames):
        raise cut_off(path, n_frames)
    times, timed = _times(header, n_frames)
    everywhere = np.ones(n_frames, dtype=bool)
    return FrameFile(
        path=path,
        n_atoms=header.n_atoms,
        times=times,
        timed=timed,
        holds_positions=everywhere,
        holds_forces=~everywhere,
        read=partial(_read, path, header),
        notes=_notes(path, header, n_frames),
        steps=_steps(header, n_frames),
    )


def _header(path: Path, file: BinaryIO) -> _Header:
    start = file.read(4)
    order = "<" if start == struct.pack("<i", _CONTROL_SIZE) else ">"
    file.seek(0)
    control = _record(file, order)
    if len(control) != _CONTROL_SIZE or control[:4] != b"CORD":
        raise ValueError(control)
    numbers = struct.unpack(f"{order}20i", control[4:])
    charmm = numbers[19] != 0
    (timestep,) = struct.unpack_from(f"{order}f" if charmm else f"{order}d", control, 40)
    remarks = _record(file, order)
    (n_atoms,) = struct.unpack(f"{order}i", _record(file, order))
    if numbers[8] != 0:
        raise InputError(
            given=f"{visible(str(path))} has {numbers[8]} fixed atoms",
            expected="a DCD file with the positions of all atoms in every frame",
            remedy="write it anew with all atoms, for example with VMD or MDAnalysis",
            code="format",
        )
    if n_atoms < 1:
        raise ValueError(n_atoms)
    return _Header(
        size=file.tell(),
        n_frames=max(0, numbers[0]),
        first_step=numbers[1],
        interval=numbers[2],
        timestep=timestep,
        n_atoms=n_atoms,
        frame=_frame(order, n_atoms, charmm and numbers[10] != 0, charmm and numbers[11] == 1),
        of_lammps=b"LAMMPS" in remarks[:200],
    )


def _record(file: BinaryIO, order: str) -> bytes:
    """Read a record of Fortran, between two copies of its length."""
    (length,) = struct.unpack(f"{order}i", file.read(4))
    record = file.read(max(0, length))
    (again,) = struct.unpack(f"{order}i", file.read(4))
    if again != length or len(record) != length:
        raise ValueError(length)
    return record


def _frame(order: str, n_atoms: int, has_box: bool, has_fourth: bool) -> np.dtype:
    columns: list[tuple[str, np.dtype]] = []
    if has_box:
        columns.append(("cell", np.dtype((f"{order}f8", 6))))
    for name in "xyzw" if has_fourth else "xyz":
        columns.append((name, np.dtype((f"{order}f4", n_atoms))))
    mark = np.dtype(f"{order}i4")
    return np.dtype(
        [
            (name, np.dtype([("length", mark), ("values", values), ("again", mark)]))
            for name, values in columns
        ]
    )


def _steps(header: _Header, n_frames: int) -> np.ndarray | None:
    """Steps of the frames; None where the header does not give them."""
    if header.interval < 1 or _is_unclocked(header):
        return None
    return header.first_step + header.interval * np.arange(n_frames, dtype=np.int64)


def _is_unclocked(header: _Header) -> bool:
    """Whether the clock is that of VMD and MDTraj, who know of none: steps of one, of 49 fs."""
    return (header.first_step, header.interval, header.timestep) == (0, 1, 1.0)


def _times(header: _Header, n_frames: int) -> tuple[np.ndarray, bool]:
    """Times of the frames in ps, and whether the header gives them."""
    frames = np.arange(n_frames, dtype=np.float64)
    if header.interval < 1 or not np.isfinite(header.timestep) or header.timestep <= 0:
        return frames, False
    if _is_unclocked(header):
        return frames, False
    steps = header.first_step + frames * header.interval
    if header.of_lammps:
        times = steps * header.timestep
        return in_picoseconds(times, _unit_of_lammps(header)), True
    return steps * mdanalysis_units.convert(header.timestep, "AKMA", "ps"), True


def _unit_of_lammps(header: _Header) -> str:
    """Unit of a time step that LAMMPS writes."""
    return unit_of_times(header.timestep * np.arange(2), np.arange(2))


def _notes(path: Path, header: _Header, n_frames: int) -> tuple[str, ...]:
    name, notes = visible(str(path)), []
    if header.of_lammps and header.timestep > 0:
        notes.append(
            f"{name} is of LAMMPS, which does not tell the unit of its time step: it is taken for "
            f"{header.timestep:g} {_unit_of_lammps(header)}"
        )
    if header.n_frames != n_frames:
        announced = f"{header.n_frames} frames" if header.n_frames else "no number of frames"
        notes.append(
            f"the header of {name} announces {announced}; by its size it has {n_frames}, all of "
            "which are read"
        )
    return tuple(notes)


def _read(path: Path, header: _Header, rows: np.ndarray) -> Frames:
    size = header.frame.itemsize
    data, _ = read_ranges(path, header.size + rows * size, np.full(len(rows), size))
    frames = data[: len(rows) * size].view(header.frame)
    _check_marks(path, frames, rows)
    positions = np.empty((len(rows), header.n_atoms, 3))
    for k, name in enumerate("xyz"):
        positions[:, :, k] = frames[name]["values"]
    if "cell" not in (header.frame.names or ()):
        return Frames(positions=positions)
    return Frames(positions=positions, boxes=_boxes(frames["cell"]["values"].astype(np.float64)))


def _check_marks(path: Path, frames: np.ndarray, rows: np.ndarray) -> None:
    for name in frames.dtype.names or ():
        column = frames[name]
        length = column["values"][0].nbytes
        sound = (column["length"] == length) & (column["again"] == length)
        if not sound.all():
            raise corrupt(path, int(rows[np.argmin(sound)]), "its records have wrong lengths")


def _boxes(cells: np.ndarray) -> np.ndarray:
    """Box vectors of unit cells, (frames, 6), in any of the three conventions.

    They are A, gamma, B, beta, alpha, C with cosines (NAMD since 2.5, CHARMM, OpenMM) or degrees
    (X-PLOR) as the angles, or the upper triangle of a symmetric matrix of vectors (CHARMM
    since 22). MDAnalysis tells them apart in the same way.

    Returns:
        Å, (frames, 3, 3).
    """
    lengths, angles = cells[:, [0, 2, 5]], cells[:, [4, 3, 1]]
    cosines = np.where(np.abs(angles) <= 1, angles, np.cos(np.radians(angles)))
    boxes = boxes_of_cells(lengths, cosines)
    beyond = (np.abs(angles) > 1).any(1)
    symmetric = beyond & ((cells < 0).any(1) | (angles > 180).any(1))
    boxes[symmetric] = cells[symmetric][:, [0, 1, 3, 1, 2, 4, 3, 4, 5]].reshape(-1, 3, 3)
    return boxes
