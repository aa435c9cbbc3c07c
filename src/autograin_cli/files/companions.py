"""The topology and the forces that go with files of frames."""

import os
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.atomistic_trajectory import AtomisticTrajectory
from autograin_cli.files.forces import ForceFile, declared, how_to_write, open_forces
from autograin_cli.files.formats.frames import FrameFile, check_readable
from autograin_cli.files.formats.trajectories import is_native, open_frame_file
from autograin_cli.files.topology import (
    Topology,
    named_topology,
    read_topology,
    unknown_topology,
)
from autograin_cli.files.visible import visible
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Trajectory


def check_distinct(paths: Sequence[Path]) -> None:
    """Refuse a file that is given twice.

    Raises:
        SettingError: one is.
    """
    real = [os.path.realpath(path) for path in paths]  # of a link to itself as well
    for number, path in enumerate(paths):
        if real[number] in real[:number]:
            raise SettingError(
                given=f"{visible(str(path))} twice",
                expected="every file once: frames that count twice make errors look too small",
                remedy="leave one of them out",
                code="repeated-files",
            )


def topology_of(files: Sequence[FrameFile], path: Path | None) -> Topology:
    """Read the topology, or the names in a file of frames that has them.

    Args:
        files: of frames.
        path: of the topology; None if there is none. A file of frames that names its atoms serves.
    """
    if path is not None:
        return _read_topology(path)
    named = [(file.path, file.atoms) for file in files if file.atoms is not None]
    if named:
        return named_topology(*named[0])
    with_names = [file.path for file in files if not is_native(file.path)]
    return read_topology(with_names[0]) if with_names else unknown_topology(files[0].n_atoms)


def _read_topology(path: Path) -> Topology:
    """Read a topology; of a format of frames that is read here, what it tells of its atoms."""
    check_readable(path)
    if not is_native(path):
        return read_topology(path)
    file = open_frame_file(path)
    return (
        unknown_topology(file.n_atoms) if file.atoms is None else named_topology(path, file.atoms)
    )


def check_counts(
    files: Sequence[FrameFile], known: Topology, atoms: Tensor | None, path: Path | None
) -> tuple[str, ...]:
    """Check that files of frames hold all atoms of a topology, or just those selected.

    Args:
        files: of frames.
        known: the topology.
        atoms: indices of those selected, (atoms,); None for all.
        path: of the topology; None if a file of frames is it.

    Returns:
        A line for each file that holds the selected ones alone.

    Raises:
        InputError: a file holds other atoms.
    """
    lines = []
    for file in files:
        if file.n_atoms == known.n_atoms:
            continue
        if atoms is None or file.n_atoms != len(atoms):
            raise _other_atoms(file, known, path or files[0].path)
        lines.append(
            f"{visible(str(file.path))} holds {file.n_atoms} atoms: they are taken for those "
            f"selected of the {known.n_atoms} in the topology"
        )
    return tuple(lines)


def _other_atoms(file: FrameFile, known: Topology, source: Path) -> InputError:
    fewer = file.n_atoms < known.n_atoms
    return InputError(
        given=f"{visible(str(file.path))} with {file.n_atoms} atoms, {visible(str(source))} with "
        f"{known.n_atoms}",
        expected="the same atoms in the same order in all files",
        remedy="give the topology of just the atoms that were written, by -s"
        + (", or --select those atoms" if fewer else ""),
        code="atom-count",
    )


def forces_of(
    files: Sequence[FrameFile], settings: ReadingSettings, n_atoms: int, n_selected: int
) -> tuple[ForceFile, ...]:
    """Find the forces that stand in files of their own.

    Args:
        files: of frames.
        settings: which files, and the unit.
        n_atoms: of the topology.
        n_selected: of those; 0 where nothing is selected.

    Raises:
        InputError: a file holds no forces, or those on other atoms.
        SettingError: a file is given twice, or the unit does not go with the files.
    """
    held = [file for file in files if file.holds_forces.any()]
    is_of_these = any(file.force_unit == settings.force_unit for file in held)
    if settings.force_unit and not settings.forces and not is_of_these:
        raise SettingError(
            given=f"force unit {settings.force_unit} without files of forces",
            expected="--forces together with --force-unit, or trajectories with forces whose unit "
            "is not known",
            remedy="give --forces, or leave --force-unit out"
            + ("" if held else f"; for forces in the trajectory: {how_to_write(files[0].path)}"),
        )
    paths = [Path(path) for path in settings.forces]
    check_distinct(paths)
    topology = Path(settings.topology) if settings.topology is not None else None
    forces = tuple(open_forces(path, settings.force_unit, topology) for path in paths)
    for file in forces:
        if file.n_atoms not in (n_atoms, n_selected):
            raise InputError(
                given=f"{visible(str(file.path))} with forces on {file.n_atoms} atoms",
                expected=f"forces on the {n_atoms} atoms of the trajectory"
                + (f", or on the {n_selected} selected" if n_selected else ""),
                remedy="give the forces of the same atoms in the same order",
                code="atom-count",
            )
    return forces


def has_own_forces(file: FrameFile) -> bool:
    """Whether frames with positions hold forces in a unit that is known."""
    held = bool((file.holds_forces & file.holds_positions).any())
    return held and not has_unitless_forces(file)


def has_unitless_forces(file: FrameFile) -> bool:
    """Whether a file holds forces, and does not tell their unit."""
    return file.force_unit is None and bool(file.holds_forces.any())


def with_unit(files: Sequence[FrameFile], settings: ReadingSettings) -> tuple[FrameFile, ...]:
    """Take forces that stand with positions in the unit declared, if the files tell none."""
    unit = settings.force_unit
    if unit is None or settings.forces or not all(map(has_unitless_forces, files)):
        return tuple(files)
    return tuple(declared(file, unit) for file in files)


def check_has_forces(trajectory: Trajectory) -> None:
    """Refuse a trajectory without forces where they are needed, and say how to get them.

    Raises:
        InputError: it has none, or in a unit that is not known.
    """
    if trajectory.has_forces or not isinstance(trajectory, AtomisticTrajectory):
        return
    file = trajectory.files[0]
    unitless = has_unitless_forces(file)
    ways = f"give a file of forces by --forces; or {how_to_write(file.path)}"
    raise InputError(
        given=f"{visible(str(file.path))}, a trajectory without forces"
        + (" in a unit that is known" if unitless else ""),
        expected="forces on every atom",
        remedy="give --force-unit" if unitless else ways,
        code="no-forces",
    )


def left_out(file: FrameFile) -> str:
    """Line on forces whose unit is not known."""
    name = visible(str(file.path))
    return (
        f"the forces in {name} are left out: it does not tell their unit; --force-unit reads them"
    )
