"""Trajectories of beads, or of atoms, as files for other programs: XTC, TRR, DCD."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from MDAnalysis import units as mdanalysis_units
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile

from autograin_cli.errors import FileAccessError, InputError, SettingError
from autograin_cli.files.formats.trajectories import NATIVE
from autograin_cli.files.formats.trr import FORCE_UNIT
from autograin_cli.files.output import NewFile, as_access_error, check_output
from autograin_cli.files.visible import visible
from autograin_cli.trajectory import Chunk
from autograin_cli.units import force_factor, nm_from_angstrom

_XTC_PRECISION = 1e5  # 1/nm: five decimals, that a bond of beads keeps its shape
_XTC_MOST = 2**31 / _XTC_PRECISION  # nm: what is beyond is written as garbage
_NM = nm_from_angstrom(1.0)
_MOST_STEPS = 1000  # between frames, in the header of a DCD file


class _Frame(NamedTuple):
    """One frame: Å, kJ/(mol Å), ps; box and forces are None where there are none."""

    positions: np.ndarray
    box: np.ndarray | None
    forces: np.ndarray | None
    time: float


def check_trajectory_output(path: Path, overwrite: bool) -> None:
    """Check, before hours of work, that a trajectory can be written.

    Raises:
        SettingError: the ending is of a format that is not written.
        OutputExistsError, FileAccessError: as `check_output` says.
    """
    _check_ending(path)
    check_output(path, overwrite)


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in _WRITERS:
        raise SettingError(
            given=f"{visible(str(path))} as a trajectory to write",
            expected="a name that ends in " + ", ".join(_WRITERS),
            remedy="give the file the ending of one of these formats",
        )


def write_trajectory(path: Path, chunks: Iterator[Chunk], *, overwrite: bool) -> None:
    """Write frames to an XTC, TRR or DCD file, as its ending says; whole or not at all.

    Forces are kept by TRR only. XTC rounds positions to 1e-4 Å, the others to single precision.

    Args:
        path: of the file.
        chunks: the frames; evenly spaced in time for DCD.
        overwrite: whether a file that is there is replaced.

    Raises:
        SettingError: the ending is of another format.
        OutputExistsError: it is there already, and is not to be overwritten.
        FileAccessError: it cannot be written.
        InputError: there are no frames, or DCD cannot hold their times or boxes.
    """
    _check_ending(path)
    frames = _frames(chunks)
    first = next(frames, None)
    if first is None:
        raise InputError(
            given=f"no frames for {visible(str(path))}",
            expected="at least one frame",
            remedy="simulate for longer, or keep frames more often",
        )
    with NewFile(path, overwrite=overwrite) as file:
        with as_access_error(path):
            n_frames = _WRITERS[path.suffix.lower()](file.temporary, chain([first], frames))
        _check_written(path, file.temporary, n_frames)
        file.commit()


def _check_written(path: Path, written: Path, n_frames: int) -> None:
    """Read back what was written: the libraries that write say nothing of a full disk."""
    try:
        n_found = NATIVE[path.suffix.lower()](written).n_frames
    except InputError:
        n_found = 0
    if n_found != n_frames:
        raise FileAccessError(
            given=f"{visible(str(path))} does not hold the {n_frames} frames that were written",
            expected="a disk with room for all of them",
            remedy="make room on the disk, or give another path",
        )


def _frames(chunks: Iterator[Chunk]) -> Iterator[_Frame]:
    for chunk in chunks:
        for f, time in enumerate(chunk.times.tolist()):
            yield _Frame(
                positions=chunk.positions[f].numpy(force=True),
                box=None if chunk.boxes is None else chunk.boxes[f].numpy(force=True),
                forces=None if chunk.forces is None else chunk.forces[f].numpy(force=True),
                time=time,
            )


def _in_nm(lengths: np.ndarray | None) -> np.ndarray:
    """Box vectors in nm; zeros in vacuum."""
    return np.zeros((3, 3)) if lengths is None else lengths * _NM


def _write_xtc(path: Path, frames: Iterator[_Frame]) -> int:
    step = -1
    with XTCFile(str(path), "w") as file:
        for step, frame in enumerate(frames):
            positions = frame.positions * _NM
            _check_reach(path, positions)
            file.write(positions, _in_nm(frame.box), step, frame.time, _XTC_PRECISION)
    return step + 1


def _check_reach(path: Path, positions: np.ndarray) -> None:
    farthest = positions.flat[np.abs(positions).argmax()] if positions.size else 0.0
    if abs(farthest) >= _XTC_MOST:
        most = _XTC_MOST / _NM
        raise InputError(
            given=f"a coordinate of {farthest / _NM:.7g} Å for {visible(str(path))}",
            expected=f"from {-most:.7g} to {most:.7g} Å, all that it holds",
            remedy="write TRR or DCD, or leave out with --end the frames where molecules have "
            "gone so far",
        )


def _write_trr(path: Path, frames: Iterator[_Frame]) -> int:
    step, unit = -1, force_factor(FORCE_UNIT)
    with TRRFile(str(path), "w") as file:
        for step, frame in enumerate(frames):
            positions = frame.positions * _NM
            forces = None if frame.forces is None else frame.forces / unit
            box, n_atoms = _in_nm(frame.box), len(positions)
            file.write(positions, None, forces, box, step, frame.time, 0.0, n_atoms)
    return step + 1


def _write_dcd(path: Path, frames: Iterator[_Frame]) -> int:
    first = list(islice(frames, 2))
    begin, spacing = first[0].time, first[1].time - first[0].time if len(first) == 2 else 1.0
    steps = Fraction(begin / spacing if spacing > 0 else 0).limit_denominator(_MOST_STEPS)
    n_frames = 0
    with DCDFile(str(path), "w") as file:
        file.write_header(
            remarks="autograin: positions, A",
            natoms=len(first[0].positions),
            istart=steps.numerator,
            nsavc=steps.denominator,
            delta=mdanalysis_units.convert(spacing, "ps", "AKMA") / steps.denominator,
            is_periodic=first[0].box is not None,
        )
        for n_frames, frame in enumerate(chain(first, frames), 1):
            _check_time(path, frame.time, spacing * (float(steps) + n_frames - 1), spacing)
            file.write(frame.positions, None if frame.box is None else _cell(path, frame.box))
    return n_frames


def _check_time(path: Path, time: float, expected: float, spacing: float) -> None:
    if spacing <= 0 or abs(time - expected) > 1e-3 * spacing:
        raise InputError(
            given=f"a frame at {time:g} ps in {visible(str(path))}",
            expected=f"one at {expected:g} ps: DCD holds evenly spaced frames only",
            remedy="write XTC or TRR",
        )


def _cell(path: Path, box: np.ndarray) -> np.ndarray:
    """A, cos(gamma), B, cos(beta), cos(alpha), C of box vectors."""
    if np.abs(np.triu(box, 1)).max() > 1e-6:
        raise InputError(
            given=f"a box whose vectors are {box.tolist()} Å for {visible(str(path))}",
            expected="the first vector along x, the second in the plane xy: all that DCD holds",
            remedy="write XTC or TRR",
        )
    a, b, c = lengths = np.linalg.norm(box, axis=1)
    cosines = (box @ box.T) / np.outer(lengths, lengths)
    return np.array([a, cosines[0, 1], b, cosines[0, 2], cosines[1, 2], c])


_WRITERS: dict[str, Callable[[Path, Iterator[_Frame]], int]] = {
    ".xtc": _write_xtc,
    ".trr": _write_trr,
    ".dcd": _write_dcd,
}
