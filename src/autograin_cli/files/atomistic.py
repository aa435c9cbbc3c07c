"""Trajectory, topology and forces of atoms in files -> Trajectory, Molecules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.artifacts import InputFile
from autograin_cli.files.atomistic_trajectory import AtomisticTrajectory, has_box
from autograin_cli.files.companions import (
    check_counts,
    check_distinct,
    forces_of,
    has_own_forces,
    has_unitless_forces,
    left_out,
    topology_of,
    with_unit,
)
from autograin_cli.files.fingerprints import input_file
from autograin_cli.files.forces import ForceFile
from autograin_cli.files.formats.frames import FrameFile
from autograin_cli.files.formats.trajectories import open_frame_file
from autograin_cli.files.joins import drop_repeats
from autograin_cli.files.pairing import pair_forces
from autograin_cli.files.timeline import Timeline, all_frames, clocked, window
from autograin_cli.files.topology import (
    Topology,
    check_masses,
    restrict,
    select_atoms,
    with_bonds,
)
from autograin_cli.files.visible import visible
from autograin_cli.molecules import Molecule, bond_tree, molecule_types
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Trajectory

_FORCE_SAMPLES = 16  # frames that must not all be without force
_CLOSED_SAMPLES = 2  # frames in which no bond may lead around the box


@dataclass(frozen=True)
class Reading:
    """What was read of an atomistic simulation.

    trajectory: of the atoms selected, molecules whole.
    molecules: types of molecule; their copies index the atoms of the trajectory.
    inputs: the files.
    assumptions: what had to be assumed, one line each.
    warnings: what makes results wrong that are obtained in some ways, one line each.
    timed: whether times are known; else those of the frames count steps, or frames.
    """

    trajectory: Trajectory
    molecules: tuple[Molecule, ...]
    inputs: tuple[InputFile, ...]
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    timed: bool = True


def read(paths: Sequence[str | Path], settings: ReadingSettings) -> Reading:
    """Open the trajectory of atoms that files hold one after another.

    Headers, the topology and a sample of the frames are read now, the rest as chunks are asked
    for. Nothing is written beside the files.

    Args:
        paths: of files of frames, in order.
        settings: topology, forces, selection and frames to use.

    Raises:
        FileAccessError: a file is missing or cannot be read.
        InputError: a file is empty, damaged or of an unknown format, or does not go with the
            others; no frame is left; forces are missing or zero.
        SettingError: the selection, the stride or the force unit is wrong.
    """
    given = [Path(path) for path in paths]
    if not given:
        raise SettingError(given="no trajectory", expected="one file or more", remedy="give TRAJ")
    check_distinct(given)
    topology_path = Path(settings.topology) if settings.topology is not None else None
    opened = [open_frame_file(path, topology_path) for path in given]
    files = clocked(with_unit(opened, settings), settings)
    known = topology_of(files, topology_path)
    atoms = None if settings.select is None else select_atoms(known, settings.select)
    narrow = check_counts(files, known, atoms, topology_path)
    forces = forces_of(files, settings, known.n_atoms, 0 if atoms is None else len(atoms))
    own_forces = not forces and all(has_own_forces(file) for file in files)
    timeline, lines = _timeline(files, forces, own_forces, settings)
    frames = AtomisticTrajectory(
        files=files,
        forces=forces,
        timeline=timeline,
        atoms=None if atoms is None else atoms.numpy(),
        periodic=has_box(files[timeline.files[0]].read(timeline.rows[:1]).boxes),
        has_forces=bool(forces) or own_forces,
        tree=None,
    )
    _check_forces(frames)
    chosen = known if atoms is None else restrict(known, atoms)
    check_masses(chosen)
    topology = with_bonds(chosen, frames.sample)
    molecules = _molecules(topology)
    whole = replace(frames, tree=bond_tree(molecules))
    _check_closed(whole, topology)
    told = (*_notes(files, forces), *narrow, *lines)
    return Reading(
        trajectory=whole,
        molecules=molecules,
        inputs=_inputs(frames, topology_path, settings.stride),
        assumptions=(*told, *topology.assumptions, *_in_vacuum(whole, molecules)),
        warnings=_forces_of_others(whole, known),
        timed=all(file.timed for file in files),
    )


def _in_vacuum(frames: AtomisticTrajectory, molecules: Sequence[Molecule]) -> tuple[str, ...]:
    """Tell that there is no box where there are many molecules: formats without one lose it."""
    n_molecules = sum(molecule.n_copies for molecule in molecules)
    if frames.periodic or n_molecules < 2:
        return ()
    name = visible(str(frames.files[0].path))
    return (f"{name} holds no box: its {n_molecules} molecules are taken to be in vacuum",)


def _notes(files: Sequence[FrameFile], forces: Sequence[ForceFile]) -> tuple[str, ...]:
    """What a user should know of the files, each line once."""
    notes = [note for file in files for note in file.notes]
    notes += [note for file in forces for note in file.notes]
    notes += [left_out(file) for file in files if not forces and has_unitless_forces(file)]
    return tuple(dict.fromkeys(notes))


def _forces_of_others(frames: AtomisticTrajectory, known: Topology) -> tuple[str, ...]:
    """Warn where the forces are also those of atoms that are not read, virtual sites apart."""
    left = np.ones(known.n_atoms, dtype=bool)
    left[slice(None) if frames.atoms is None else frames.atoms] = False
    if known.masses is not None:
        left &= known.masses.numpy() > 0
    n_left = int(left.sum())
    if not (n_left and frames.periodic and frames.has_forces):
        return ()
    line = (
        f"the selection leaves out {n_left} of {known.n_atoms} atoms of a "
        "periodic box, but the forces on those selected include theirs: terms between molecules "
        "that are fitted to them are wrong; select all molecules, or fit only terms inside them"
    )
    return (line,)


def _timeline(
    files: Sequence[FrameFile],
    forces: Sequence[ForceFile],
    own_forces: bool,
    settings: ReadingSettings,
) -> tuple[Timeline, tuple[str, ...]]:
    """Frames to use, and what was assumed."""
    timeline, found = all_frames(files, own_forces)
    paired: tuple[str, ...] = ()
    if forces:
        timed = all(file.timed for file in files)
        timeline, paired = pair_forces(timeline, len(files), timed, forces)
    timeline, dropped = drop_repeats(timeline, files)
    return window(timeline, settings), (*found, *paired, *dropped)


def _check_forces(frames: AtomisticTrajectory) -> None:
    if not frames.has_forces:
        return
    forces = frames.sample(_FORCE_SAMPLES).forces
    if forces is None or not bool(forces.any()):
        names = [file.path for file in frames.forces or frames.files]
        raise InputError(
            given=", ".join(visible(str(name)) for name in names)
            + " with forces that are all zero",
            expected="forces of a simulation",
            remedy="give the file that the simulation wrote its forces to, or leave --forces out",
            code="zero-forces",
        )


def _check_closed(frames: AtomisticTrajectory, topology: Topology) -> None:
    """Refuse bonds that close a ring around the whole box: such a molecule has no end."""
    if not frames.periodic or topology.bonds is None or not len(topology.bonds):
        return
    few = frames.sample(_CLOSED_SAMPLES)
    if few.boxes is None:
        return
    steps = few.positions[:, topology.bonds[:, 1]] - few.positions[:, topology.bonds[:, 0]]
    around = (steps @ torch.linalg.inv(few.boxes)).round().any(2).any(0)
    if around.any():
        first, second = topology.bonds[int(around.int().argmax())].tolist()
        raise InputError(
            given=f"a molecule that is bonded to its own image, by atoms {first} and {second}",
            expected="molecules that end inside the box",
            remedy="give the topology of these files; crystals and endless chains are not served",
            code="long-bonds",
        )


def _molecules(topology: Topology) -> tuple[Molecule, ...]:
    bonds = topology.bonds if topology.bonds is not None else torch.zeros(0, 2, dtype=torch.int64)
    return molecule_types(
        topology.names, topology.elements, topology.masses, bonds, topology.labels
    )


def _inputs(
    frames: AtomisticTrajectory, topology: Path | None, stride: int
) -> tuple[InputFile, ...]:
    timeline = frames.timeline
    inputs = [
        input_file(file.path, "trajectory", timeline.times[timeline.files == number], stride)
        for number, file in enumerate(frames.files)
    ]
    for number, forces in enumerate(frames.forces):
        times = timeline.times[timeline.force_files == number]
        inputs.append(input_file(forces.path, "forces", times, stride))
    if topology is not None:
        inputs.append(input_file(topology, "topology", np.zeros(0), stride))
    return tuple(inputs)
