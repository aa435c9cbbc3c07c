"""Every other format of frames, through the readers of MDAnalysis."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice, pairwise, takewhile
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np
from MDAnalysis.lib.mdamath import triclinic_vectors
from MDAnalysis.lib.util import openany

from autograin_cli.errors import InputError
from autograin_cli.files.formats.frames import FrameFile, Frames, corrupt
from autograin_cli.files.formats.memory import bounded_by
from autograin_cli.files.visible import visible

# What the parsers and readers raise on files that they cannot make sense of.
FAILURES = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RuntimeError,
    StopIteration,
    ImportError,
    ArithmeticError,
    AssertionError,
    NameError,
    SyntaxError,
    struct.error,
    zlib.error,
    MDAnalysis.exceptions.NoDataError,
)

# Text dumps of LAMMPS, which MDAnalysis knows by one of these endings alone.
LAMMPS_DUMPS = (".lammpstrj", ".lammpsdump", ".dump")

# What puts files right that are often given and that MDAnalysis does not read.
_WAYS = {
    **dict.fromkeys((".cif", ".mmcif"), "write it as .pdb, or install gemmi (pip install gemmi)"),
    **dict.fromkeys((".yaml", ".yml", ".cfg"), "write a dump of the style custom in LAMMPS"),
    **dict.fromkeys((".traj", ".db", ".json"), "convert it: ase convert FILE out.extxyz"),
    **dict.fromkeys((".mdcrd", ".crdbox", ".rst7"), "convert it to NetCDF with cpptraj"),
    **dict.fromkeys((".lammps", ".lammpsdata", ".lmp"), "give data of LAMMPS the ending .data"),
    **dict.fromkeys((".h5", ".hdf5"), "give the topology as .pdb, .psf or .tpr"),
    ".g96": "convert it: gmx trjconv -f FILE -o out.xtc",
    ".xml": "write the topology of OpenMM as PDB: app.PDBFile.writeFile",
    ".ndx": "give a topology; groups of atoms are read in the place of a mapping",
}
_WAY = "check the endings and the contents; some formats need a topology (-s)"
_INCLUDING = (".itp", ".top")

_PDB = (".pdb", ".ent")
_CELL = (6, 15, 24, 33, 40, 47, 54)  # columns of lengths and angles in a CRYST1 record


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the warnings of MDAnalysis from the user: what matters is said in our words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_universe(paths: list[Path]) -> Any:
    """Open a topology, and frames that go with it, without guessing anything.

    Raises:
        InputError: MDAnalysis cannot read them, or they would make it open other files.
    """
    formats = {}
    names = " with ".join(visible(str(path)) for path in paths)
    for role, path in (("topology_format", paths[0]), ("format", paths[-1])):
        if path.suffix.lower() in LAMMPS_DUMPS:
            formats[role] = "LAMMPSDUMP"
    if _is_gromacs_top(paths[0]):
        formats["topology_format"] = "ITP"
    try:
        for path in paths:
            _check_includes(path)
        with quietly(), bounded_by(paths):
            return MDAnalysis.Universe(*map(str, paths), to_guess=(), **formats)
    except MemoryError:
        raise InputError(
            given=f"{names}, which claims more atoms than a file of its size can hold",
            expected="a file that is not damaged",
            remedy="copy it again, or give another one",
            code="format",
        ) from None
    except FAILURES as error:
        reason = visible(str(error).strip().split("\n")[0])
        raise InputError(
            given=f"{names} cannot be read: {reason}",
            expected="files in formats that MDAnalysis reads, of the same number of atoms",
            remedy=next((_WAYS[end] for end in _endings(paths) if end in _WAYS), _WAY),
            code="format",
        ) from error


def _endings(paths: list[Path]) -> list[str]:
    return [path.suffix.lower() for path in reversed(paths)]


def _is_gromacs_top(path: Path) -> bool:
    """Whether a .top is of GROMACS, not of AMBER, by its first words."""
    if path.suffix.lower() != ".top":
        return False
    with path.open("rb") as file:
        return file.read(2**12).lstrip()[:1] in (b";", b"#", b"[", b"*")


def _check_includes(path: Path) -> None:
    """Refuse a topology of GROMACS that names other files: they may be any of this computer."""
    if not {suffix.lower() for suffix in path.suffixes}.intersection(_INCLUDING):
        return
    with openany(str(path)) as file:
        found = next((line for line in file if line.lstrip().startswith("#include")), None)
    if found:
        raise InputError(
            given=f"{visible(str(path))} includes other files: {visible(found.strip()[:80])}",
            expected="a topology that is whole in itself",
            remedy="give the .tpr, or what gmx grompp -pp writes",
            code="format",
        )


def _frames_of(universe: Any, path: Path) -> Any:
    """Give the reader of the frames of a file.

    Raises:
        InputError: it holds none, as a topology.
    """
    try:
        return universe.trajectory
    except AttributeError as error:
        raise InputError(
            given=f"{visible(str(path))}, a topology without frames, in place of a trajectory",
            expected="a file of frames",
            remedy="give the trajectory; a topology goes with -s",
            code="no-positions",
        ) from error


def open_frames(path: Path, topology: Path | None) -> FrameFile:
    """Find the frames of a file, in one pass over it.

    Args:
        path: of the file.
        topology: what the reader of some formats needs.

    Raises:
        InputError: MDAnalysis cannot read it, or a frame of it.
    """
    both = [path] if topology is None or topology == path else [topology, path]
    frames = _frames_of(open_universe(both), path)
    _check_single(path, frames.n_atoms)
    times, timed, contents = [], True, []
    for frame in range(len(frames)):
        step = _step(path, frames, frame)
        timed &= "time" in step.data or "dt" in step.data
        times.append(_time(step))
        contents.append((step.has_positions, step.has_forces))
    held = np.array(contents, dtype=bool).reshape(-1, 2)
    return FrameFile(
        path=path,
        n_atoms=frames.n_atoms,
        times=np.array(times) if timed else np.arange(len(times), dtype=np.float64),
        timed=timed,
        holds_positions=held[:, 0],
        holds_forces=held[:, 1],
        read=partial(_read, path, frames, _common_box(path)),
    )


def _check_single(path: Path, n_atoms: int) -> None:
    """Refuse a GRO file of several frames: MDAnalysis reads the first and says nothing.

    Raises:
        InputError: something stands behind the box of the first frame.
    """
    if path.suffix.lower() != ".gro":
        return
    with path.open("rb") as file:
        behind = islice(file, n_atoms + 3, None)
        if any(line.strip() for line in behind):
            raise InputError(
                given=f"{visible(str(path))} with more than one frame",
                expected="one frame in a GRO file, or another format",
                remedy="convert it: gmx trjconv -f FILE -o out.xtc",
                code="format",
            )


def _step(path: Path, frames: Any, frame: int) -> Any:
    try:
        with quietly():
            return frames[frame]
    except FAILURES as error:
        reason = visible(str(error).strip().split("\n")[0])
        raise corrupt(path, frame, reason or type(error).__name__) from error


def _time(step: Any) -> float:
    with quietly():
        return float(step.time)


def _read(path: Path, frames: Any, common_box: np.ndarray | None, rows: np.ndarray) -> Frames:
    positions, forces, boxes = [], [], np.zeros((len(rows), 3, 3))
    for box, row in zip(boxes, rows.tolist(), strict=True):
        step = _step(path, frames, row)
        if step.has_positions:
            positions.append(step.positions.astype(np.float64))
        if step.has_forces:
            forces.append(step.forces.astype(np.float64))
        if step.dimensions is not None:
            box[:] = step.triclinic_dimensions
        elif common_box is not None:
            box[:] = common_box
    return Frames(
        positions=np.stack(positions) if len(positions) == len(rows) else None,
        forces=np.stack(forces) if len(forces) == len(rows) else None,
        boxes=boxes,
    )


def _common_box(path: Path) -> np.ndarray | None:
    """Box that a PDB file states once, before its models, where MDAnalysis does not look.

    Returns:
        Å, (3, 3); None for other files, and for the cube of 1 Å that stands for no box.
    """
    if path.suffix.lower() not in _PDB:
        return None
    with path.open(encoding="ascii", errors="replace") as file:
        for line in takewhile(lambda line: line[:6] not in ("ATOM  ", "HETATM"), file):
            if line.startswith("CRYST1"):
                try:
                    cell = [float(line[start:end]) for start, end in pairwise(_CELL)]
                except ValueError:
                    return None
                box = np.asarray(triclinic_vectors(cell), dtype=np.float64)
                return None if np.allclose(box, np.eye(3)) else box
    return None
