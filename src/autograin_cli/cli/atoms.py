"""What every command that reads atoms does: tell the assumptions, find the molecule."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograin_cli.cli.console import Console
from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.artifacts import InputFile
from autograin_cli.files.atomistic import Reading, read
from autograin_cli.files.companions import check_has_forces
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.settings import ReadingSettings


def read_atoms(trajectories: Sequence[str], settings: ReadingSettings, console: Console) -> Reading:
    """Open an atomistic trajectory, and tell what had to be assumed."""
    with console.task("opening the trajectory"):
        reading = read([Path(path) for path in trajectories], settings)
    for assumption in reading.assumptions:
        console.note(f"assumed: {assumption}")
    for warning in reading.warnings:
        console.warn(warning)
    for file in reading.inputs:
        console.detail(f"{file.role} {file.path}: {_extent(file, timed=reading.timed)}")
    for molecule in reading.molecules:
        masses = "unknown" if molecule.masses is None else f"{float(molecule.masses.sum()):.2f} u"
        console.detail(
            f"molecule {molecule.name}: {molecule.n_copies} in a frame, {molecule.n_atoms} atoms, "
            f"{len(molecule.bonds)} bonds, mass {masses}"
        )
    return reading


def read_with_forces(
    trajectories: Sequence[str], settings: ReadingSettings, console: Console
) -> Reading:
    """Open an atomistic trajectory as `read_atoms` does; without forces there is nothing to do.

    Raises:
        InputError: it has none.
    """
    reading = read_atoms(trajectories, settings, console)
    check_has_forces(reading.trajectory)
    return reading


def _extent(file: InputFile, *, timed: bool) -> str:
    if not file.n_frames:
        return f"{file.size} bytes"
    times = f", {file.first_time:g} to {file.last_time:g} ps" if timed else ""
    return f"{file.n_frames} frames{times}"


def applied(mappings: Sequence[Mapping], reading: Reading) -> tuple[Mapping, ...]:
    """Give mappings for the copies of their molecules in another trajectory.

    Molecules are those that were mapped if they have as many atoms, of the same elements where
    both are known, in order. Names decide only between molecules that look the same: they may
    differ. There may be more or fewer copies.

    Returns:
        In the order of the mappings.

    Raises:
        InputError: a molecule that was mapped is not in the trajectory.
        SettingError: the trajectory holds a type of molecule that was not mapped.
    """
    found: dict[int, Molecule] = {}
    # Molecules of the same name first, so that another that looks the same cannot take them.
    for by_name in (True, False):
        for number, mapping in enumerate(mappings):
            for molecule in reading.molecules:
                same = molecule.name == mapping.molecule.name or not by_name
                taken = any(molecule is other for other in found.values())
                fits = _difference(molecule, mapping.molecule) is None
                if number not in found and same and fits and not taken:
                    found[number] = molecule
    left = [m for m in reading.molecules if not any(m is other for other in found.values())]
    for number, mapping in enumerate(mappings):
        if number not in found:
            raise _missing(mapping.molecule, left)
    if left:
        raise _unmapped(left, mappings)
    return tuple(
        replace(mapping, molecule=replace(mapping.molecule, copies=found[number].copies))
        for number, mapping in enumerate(mappings)
    )


def _difference(found: Molecule, fitted: Molecule) -> tuple[str, str] | None:
    """What tells a molecule from one that was mapped, and what that one has; None for nothing."""
    if found.n_atoms != fitted.n_atoms:
        return f"a molecule of {found.n_atoms} atoms", f"one of {fitted.n_atoms} atoms"
    for atom, (element, other) in enumerate(zip(found.elements, fitted.elements, strict=True)):
        if element and other and element != other:
            return f"atom {atom} is {element}", other
    return None


def _missing(fitted: Molecule, left: Sequence[Molecule]) -> InputError:
    """Error for a molecule that was mapped and is not there."""
    given, expected = f"it has no {fitted.name}", f"a molecule of {fitted.n_atoms} atoms"
    if len(left) == 1:
        given, expected = _difference(left[0], fitted) or (given, expected)
    elif left:
        given += ", but " + ", ".join(f"{m.name} of {m.n_atoms} atoms" for m in left)
    return InputError(
        given=f"the trajectory is not of the molecule that was mapped, {fitted.name}: {given}",
        expected=f"{expected}, as when the mapping was fitted",
        remedy="give the topology, the trajectory and the selection that fit-mapping was given",
    )


def _unmapped(left: Sequence[Molecule], mappings: Sequence[Mapping]) -> SettingError:
    """Error for molecules that are there and were not mapped."""
    names = ", ".join(f"{molecule.name} ({molecule.n_atoms} atoms)" for molecule in left)
    return SettingError(
        given=f"a trajectory with types of molecules that were not mapped: {names}",
        expected=f"only {', '.join(mapping.molecule.name for mapping in mappings)}",
        remedy=f"leave them out with --select, as in --select 'not resname {left[0].name}', or "
        "map them too",
    )
