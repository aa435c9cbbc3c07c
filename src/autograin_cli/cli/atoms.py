"""What every command that reads atoms does: tell the assumptions, find the molecule."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograin_cli.cli.console import Console
from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.artifacts import InputFile
from autograin_cli.files.atomistic import Reading, read
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.settings import ReadingSettings


def read_atoms(trajectories: Sequence[str], settings: ReadingSettings, console: Console) -> Reading:
    """Open an atomistic trajectory, and tell what had to be assumed."""
    with console.task("opening the trajectory"):
        reading = read([Path(path) for path in trajectories], settings)
    for assumption in reading.assumptions:
        console.note(f"assumed: {assumption}")
    for file in reading.inputs:
        console.detail(f"{file.role} {file.path}: {_extent(file)}")
    for molecule in reading.molecules:
        masses = "unknown" if molecule.masses is None else f"{float(molecule.masses.sum()):.2f} u"
        console.detail(
            f"molecule {molecule.name}: {molecule.n_copies} in a frame, {molecule.n_atoms} atoms, "
            f"{len(molecule.bonds)} bonds, mass {masses}"
        )
    return reading


def _extent(file: InputFile) -> str:
    if not file.n_frames:
        return f"{file.size} bytes"
    return f"{file.n_frames} frames, {file.first_time:g} to {file.last_time:g} ps"


def only_molecule(reading: Reading) -> Molecule:
    """Give the type of molecule of a trajectory that holds only one.

    Raises:
        SettingError: it holds more than one.
    """
    if len(reading.molecules) > 1:
        names = ", ".join(molecule.name for molecule in reading.molecules)
        raise SettingError(
            given=f"{len(reading.molecules)} types of molecules: {names}",
            expected="one type of molecule",
            remedy="choose one with --select, as in --select 'resname "
            f"{reading.molecules[0].name}'",
        )
    return reading.molecules[0]


def applied(mapping: Mapping, reading: Reading) -> Mapping:
    """Give a mapping for the copies of its molecule in another trajectory.

    Raises:
        InputError: the molecule of the trajectory is not that of the mapping.
        SettingError: the trajectory holds more than one type of molecule.
    """
    found, fitted = only_molecule(reading), mapping.molecule
    if found.n_atoms != fitted.n_atoms:
        raise _other_molecule(
            f"a molecule of {found.n_atoms} atoms", f"one of {fitted.n_atoms} atoms"
        )
    for atom, (element, other) in enumerate(zip(found.elements, fitted.elements, strict=True)):
        if element and other and element != other:
            raise _other_molecule(f"atom {atom} is {element}", f"{other}")
    return replace(mapping, molecule=replace(fitted, copies=found.copies))


def _other_molecule(given: str, expected: str) -> InputError:
    return InputError(
        given=f"the trajectory is not of the molecule that was mapped: {given}",
        expected=f"{expected}, as when the mapping was fitted",
        remedy="give the topology, the trajectory and the selection that fit-mapping was given",
    )
