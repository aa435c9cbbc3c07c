"""H5MD files of GROMACS, MDAnalysis, LAMMPS and others: positions, boxes and forces.

Positions and forces have steps of their own: a frame of the file is a step that has either. Units
are those of the attributes; without, lengths are taken for Å and times for ps, and nothing fixes
the unit of forces. Source: H5MD 1.1, nongnu.org/h5md, and its module 'units'.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from autograin_cli.errors import InputError
from autograin_cli.files.formats.foreign_hdf5 import (
    check_heaps,
    member,
    names_in,
    opened,
    texts,
    whole,
)
from autograin_cli.files.formats.frames import FrameFile, Frames
from autograin_cli.files.formats.h5md_streams import Stream, refused, stream
from autograin_cli.files.formats.written_units import force_in, length_in, same_force
from autograin_cli.files.visible import visible

_MOST_GROUPS = 100


@dataclass(frozen=True)
class _Particles:
    """A group of particles.

    name: of the group.
    position, force, box: what changes with time; None where it does not, or is not there.
    fixed_box: box vectors, (3, 3); zeros in vacuum.
    box_unit: of the box; None where the file does not tell it.
    sides: whether each side is periodic.
    """

    name: str
    position: Stream | None
    force: Stream | None
    box: Stream | None
    fixed_box: np.ndarray
    box_unit: str | None
    sides: tuple[bool, ...]

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Positions and forces, where they are."""
        return tuple(s for s in (self.position, self.force) if s is not None)

    @property
    def n_atoms(self) -> int:
        """Atoms in a frame."""
        return self.streams[0].shape[1]


@dataclass(frozen=True)
class _Layout:
    """How frames are put together.

    position_rows, force_rows, box_rows: where each frame stands in its stream, (frames,); -1 where
        it has none.
    length, force, box: factors to our units.
    """

    particles: _Particles
    position_rows: np.ndarray
    force_rows: np.ndarray
    box_rows: np.ndarray
    length: float
    force: float
    box: float


def open_h5md(path: Path) -> FrameFile:
    """Find the frames of an H5MD file.

    Raises:
        InputError: it is none, damaged, not safe to read, or in units that are not known.
    """
    check_heaps(path)
    with opened(path) as file:
        particles, notes = _choose(path, file)
    steps, times, position_rows, force_rows = _frames(path, particles)
    box_rows = _box_rows(path, particles, position_rows)
    length, box, assumed = _lengths(path, particles)
    force, force_unit = _force_unit(path, particles.force)
    layout = _Layout(particles, position_rows, force_rows, box_rows, length, force, box)
    counted = np.arange(len(position_rows)) if steps is None else steps
    return FrameFile(
        path=path,
        n_atoms=particles.n_atoms,
        times=counted.astype(np.float64) if times is None else times,
        timed=times is not None,
        holds_positions=position_rows >= 0,
        holds_forces=force_rows >= 0,
        read=partial(_read, path, layout),
        notes=(*notes, *assumed),
        steps=steps,
        force_unit=force_unit,
    )


def _choose(path: Path, file: h5py.File) -> tuple[_Particles, tuple[str, ...]]:
    """Find the group of particles with most atoms."""
    groups = member(path, file, "particles")
    if member(path, file, "h5md") is None or not isinstance(groups, h5py.Group):
        _refuse_mdtraj(path, file)
        raise refused(path, "an HDF5 file without 'h5md' and 'particles'", "an H5MD file")
    found = [_particles(path, groups, name) for name in names_in(groups, _MOST_GROUPS)]
    full = sorted((one for one in found if one), key=lambda one: -one.n_atoms)
    if not full:
        raise refused(path, "no positions or forces that change with time", "a trajectory")
    if len(full) == 1:
        return full[0], ()
    names = visible(", ".join(one.name for one in full[:10]))
    if full[0].n_atoms == full[1].n_atoms:
        raise refused(path, f"several groups of particles: {names}", "one, or a largest one")
    chosen = visible(full[0].name)
    line = f"{visible(str(path))} has groups of particles {names}: {chosen}, the largest, is read"
    return full[0], (line,)


def _refuse_mdtraj(path: Path, file: h5py.File) -> None:
    """Say what to do with the HDF5 files of MDTraj, which share the ending.

    Raises:
        InputError: it is one.
    """
    if isinstance(member(path, file, "coordinates"), h5py.Dataset):
        raise InputError(
            given=f"{visible(str(path))} is an HDF5 file of MDTraj, not of H5MD",
            expected="an H5MD file, or another format",
            remedy="convert it: mdconvert FILE -o out.xtc",
            code="format",
        )


def _particles(path: Path, groups: h5py.Group, name: str) -> _Particles | None:
    group = member(path, groups, name)
    if not isinstance(group, h5py.Group):
        return None
    position, force = stream(path, group, "position"), stream(path, group, "force")
    shapes = {s.shape[1:] for s in (position, force) if s is not None}
    if not shapes:
        return None
    if len(shapes) > 1 or any(len(s) != 2 or s[1] != 3 or s[0] < 1 for s in shapes):
        raise refused(path, f"vectors of {name} of shape {shapes}", "(frames, atoms, 3)")
    box = member(path, group, "box")
    boundary = texts(path, box, "boundary") if box is not None else ()
    sides = tuple(side == "periodic" for side in boundary) or (True, True, True)
    edges = member(path, group, "box", "edges")
    fixed = np.zeros((3, 3))
    if isinstance(edges, h5py.Dataset) and any(sides):
        fixed = _matrices(path, whole(path, edges)[None])[0]
    moving = stream(path, group, "box", "edges") if any(sides) else None
    unit = moving.unit if moving else (*(texts(path, edges, "unit") if edges else ()), None)[0]
    return _Particles(name, position, force, moving, fixed, unit, sides)


def _matrices(path: Path, edges: np.ndarray) -> np.ndarray:
    """Box vectors from lengths, (frames, 3), or from vectors, (frames, 3, 3)."""
    if edges.shape[1:] == (3, 3):
        return edges.astype(np.float64)
    if edges.shape[1:] != (3,):
        raise refused(path, f"a box of shape {edges.shape[1:]}", "three lengths or vectors")
    found = np.zeros((len(edges), 3, 3))
    found[:, range(3), range(3)] = edges
    return found


def _frames(
    path: Path, particles: _Particles
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray, np.ndarray]:
    """Steps and times of the frames, and where they stand among positions and among forces."""
    position, force = particles.position, particles.force
    first = particles.streams[0]
    rows = np.arange(first.n_frames)
    nowhere = np.full(first.n_frames, -1)
    if position is None or force is None:
        both = (rows, nowhere) if force is None else (nowhere, rows)
        return first.steps, first.times, *both
    for name in ("steps", "times"):
        here, there = getattr(position, name), getattr(force, name)
        if here is None or there is None:
            continue
        if np.array_equal(here, there):
            return position.steps, position.times, rows, rows
        if (np.diff(here) > 0).all() and (np.diff(there) > 0).all():
            return _joined(position, force, here, there)
    if position.n_frames != force.n_frames:
        given = f"positions of {position.n_frames} frames, forces of {force.n_frames}"
        raise refused(path, given, "steps or times that tell which belong together")
    return position.steps, position.times, rows, rows


def _joined(
    position: Stream, force: Stream, here: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray, np.ndarray]:
    """All frames that have positions or forces, in order."""
    every = np.union1d(here, there)
    position_rows, force_rows = _found(here, every), _found(there, every)

    def merged(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
        if a is None or b is None:
            return None
        return np.where(position_rows >= 0, a[position_rows], b[force_rows])

    steps, times = merged(position.steps, force.steps), merged(position.times, force.times)
    return steps, times, position_rows, force_rows


def _found(numbers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where numbers stand that are wanted; -1 for those that do not."""
    places = np.searchsorted(numbers, wanted).clip(max=len(numbers) - 1)
    return np.where(numbers[places] == wanted, places, -1)


def _box_rows(path: Path, particles: _Particles, position_rows: np.ndarray) -> np.ndarray:
    """Where the box of each frame stands; -1 where it has none of its own."""
    box, position = particles.box, particles.position
    if box is None or position is None:
        return np.full(len(position_rows), -1)
    if box.n_frames == position.n_frames:
        return position_rows
    if box.steps is None or position.steps is None or not (np.diff(box.steps) > 0).all():
        given = f"boxes of {box.n_frames} frames for positions of {position.n_frames}"
        raise refused(path, given, "a box for every frame")
    # A box holds until the next one is written.
    last = np.searchsorted(box.steps, position.steps, side="right") - 1
    if (last < 0).any():
        raise refused(path, "positions before the first box", "a box for every frame")
    return np.where(position_rows >= 0, last[position_rows], -1)


def _lengths(path: Path, particles: _Particles) -> tuple[float, float, tuple[str, ...]]:
    """Factors of positions and of boxes, and what is assumed."""
    name, notes, factors = visible(str(path)), [], []
    position = particles.position
    written = position.unit if position else particles.box_unit
    for unit in (written, particles.box_unit or written):
        factor = length_in(unit) if unit else 1.0
        if factor is None:
            raise refused(path, f"lengths in {unit!r}", "Angstrom, nm or another unit of length")
        factors.append(factor)
    if written is None and position is not None:
        notes.append(f"{name} does not tell the unit of its lengths: they are taken for Å")
    for unit in {one.assumed for one in particles.streams} - {None}:
        notes.append(f"{name} does not tell the unit of its times: they are taken for {unit}")
    if any(particles.sides) and not all(particles.sides):
        notes.append(f"{name} has a box that is not periodic on all sides: it is taken as if")
    return factors[0], factors[1], tuple(notes)


def _force_unit(path: Path, force: Stream | None) -> tuple[float, str | None]:
    """Give the factor of forces and the name of their unit, None where the file does not tell."""
    if force is None or not force.unit:
        return 1.0, None
    factor = force_in(force.unit)
    if factor is None:
        raise refused(path, f"forces in {force.unit!r}", "kJ mol-1 nm-1 or another unit of force")
    return factor, same_force(force.unit) or force.unit


def _read(path: Path, layout: _Layout, rows: np.ndarray) -> Frames:
    particles = layout.particles
    with opened(path) as file:
        vectors = [
            None if one is None or (at[rows] < 0).any() else one.read(file, path, at[rows]) * factor
            for one, at, factor in (
                (particles.position, layout.position_rows, layout.length),
                (particles.force, layout.force_rows, layout.force),
            )
        ]
        at = layout.box_rows[rows]
        if particles.box is None or (at < 0).any():
            boxes = np.repeat(particles.fixed_box[None], len(rows), axis=0)
        else:
            boxes = _matrices(path, particles.box.read(file, path, at))
    return Frames(positions=vectors[0], boxes=boxes * layout.box, forces=vectors[1])
