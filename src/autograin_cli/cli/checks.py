"""The checks of the input: run, told, kept; a failed one ends the command."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from autograin_cli.checking.conditions import Beads, Conditions
from autograin_cli.checking.finding import FAILED, OUTCOMES, WARNING, Finding
from autograin_cli.checking.inspection import inspect_input, no_joins
from autograin_cli.cli.console import Console
from autograin_cli.cli.keeping import check_beginning
from autograin_cli.cli.options import Output
from autograin_cli.cli.results import write_json
from autograin_cli.errors import InputError
from autograin_cli.files.artifacts import check_output
from autograin_cli.files.atomistic import Reading
from autograin_cli.files.atomistic_trajectory import AtomisticTrajectory
from autograin_cli.files.formats import trr
from autograin_cli.files.resuming import checkpoint_path
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.settings import (
    CheckSettings,
    PotentialSettings,
    ReadingSettings,
    StoppingSettings,
)
from autograin_cli.settings.checking import CHECKS

_OF_STRUCTURE = {"length-unit", "broken-molecules"}


def check_places(
    path: Path, settings: CheckSettings, stopping: StoppingSettings, *, overwrite: bool
) -> None:
    """Check, before anything is read, that the result may be written, if there will be one.

    Raises:
        OutputExistsError: it is there, or a checkpoint of it is.
        SettingError: there is nothing to go on with.
    """
    if not settings.check_only:
        check_output(path, overwrite)
        check_beginning(checkpoint_path(path), stopping, overwrite=overwrite)


def check_input(
    read: Reading, conditions: Conditions, settings: CheckSettings, output: Output
) -> tuple[Finding, ...]:
    """Check what was read, tell what was found, and stop where that is wanted or needed.

    Args:
        read: the trajectory and its molecules.
        conditions: from `conditions_of`.
        settings: which checks, and whether to do nothing else.
        output: how to tell.

    Returns:
        What each check found.

    Raises:
        InputError: a check failed.
        click.exceptions.Exit: only checks were wanted.
    """
    if not isinstance(read.trajectory, AtomisticTrajectory):
        return ()
    with output.console.task("checking the input"):
        skipped = settings.skip_check
        found = inspect_input(read.trajectory, read.molecules, conditions, skipped)
    if settings.check_only:
        _tell_all(found, output)
        failed = any(finding.outcome == FAILED for finding in found)
        raise click.exceptions.Exit(InputError.exit_code if failed else 0)
    _refuse(found)
    for finding in found:
        if finding.outcome == WARNING:
            output.console.warn(_sentence(finding))
    output.console.note(_summary(found))
    return found


def check_structure(read: Reading) -> None:
    """Check the positions of a reference, of which no forces are needed.

    Raises:
        InputError: they are in another unit, or molecules are broken.
    """
    if isinstance(read.trajectory, AtomisticTrajectory):
        conditions, others = conditions_of(read, ReadingSettings()), set(CHECKS) - _OF_STRUCTURE
        found = inspect_input(read.trajectory, read.molecules, conditions, others)
        _refuse(found, skippable=False)


def conditions_of(
    read: Reading,
    reading: ReadingSettings,
    potential: PotentialSettings | None = None,
    mappings: Sequence[Mapping] = (),
) -> Conditions:
    """Collect what the checks may know beside the frames.

    Args:
        read: the trajectory and its molecules.
        reading: how it was read.
        potential: of fit-potential; None where there is no temperature.
        mappings: of the molecules; empty before there are any.
    """
    atoms = read.trajectory if isinstance(read.trajectory, AtomisticTrajectory) else None
    equal = potential is not None and potential.force_map == "sum"
    return Conditions(
        temperature=None if potential is None else potential.temperature,
        force_unit=reading.force_unit or _unit_of_format(read),
        unit_is_chosen=reading.force_unit is not None,
        all_atoms=atoms is None or atoms.atoms is None,
        joins=no_joins() if atoms is None else atoms.joins,
        clock=_clock(read, atoms),
        beads=_beads(read, mappings, equal_forces=equal),
    )


def finding_values(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """What checks found, for JSON."""
    return [
        {"code" if key == "name" else key: value for key, value in asdict(one).items()}
        for one in found
    ]


def _clock(read: Reading, atoms: AtomisticTrajectory | None) -> str:
    """What the times of the frames count: 'ps', 'step' or 'frame'."""
    if read.timed or atoms is None:
        return "ps"
    steps = atoms.timeline.steps
    return "step" if steps is not None and (steps == atoms.timeline.times).all() else "frame"


def _beads(read: Reading, mappings: Sequence[Mapping], *, equal_forces: bool) -> tuple[Beads, ...]:
    """How mappings treat the molecules, in the order of these; empty where one has none."""
    by_copies = {int(one.molecule.copies[0, 0]): one for one in mappings}
    found = [by_copies.get(int(molecule.copies[0, 0])) for molecule in read.molecules]
    return tuple(
        Beads(one.assignment, one.rigid_groups, equal_forces)
        for one in found
        if one is not None and None not in found
    )


def _unit_of_format(read: Reading) -> str:
    """Unit that forces have by the format of their file, or that they were converted to."""
    with_forces = [file.path for file in read.inputs if file.role == "forces"]
    paths = with_forces or [file.path for file in read.inputs if file.role == "trajectory"]
    is_trr = any(Path(path).suffix.lower() == ".trr" for path in paths)
    return trr.FORCE_UNIT if is_trr else "kJ/mol/A"


def _refuse(found: Sequence[Finding], *, skippable: bool = True) -> None:
    """Refuse input that failed a check.

    Raises:
        InputError: of the first one.
    """
    failed = [finding for finding in found if finding.outcome == FAILED]
    if not failed:
        return
    first, *others = failed
    more = f" (failed too: {', '.join(one.name for one in others)})" if others else ""
    raise InputError(
        given=f"{first.measured}: {first.cause}{more}",
        expected=first.expected,
        remedy=first.remedy
        + (f"; --skip-check {first.name} goes on all the same" if skippable else ""),
        code=first.name,
    )


def _sentence(finding: Finding) -> str:
    return (
        f"{finding.measured}, expected {finding.expected}: {finding.cause}; {finding.remedy} "
        f"[{finding.name}]"
    )


def _summary(found: Sequence[Finding]) -> str:
    """How many checks ended how, and the temperature that the forces imply."""
    counts = {outcome: sum(one.outcome == outcome for one in found) for outcome in OUTCOMES}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
    warmth = [one for one in found if one.name == "temperature" and one.unit == "K"]
    implied = f"; {warmth[0].measured}" if warmth else ""
    return f"checks of the input: {told}{implied}"


def show_checks(found: Sequence[Finding], console: Console) -> None:
    """Show what every check found as a table."""
    rows = [(one.name, one.outcome, one.measured) for one in found]
    console.table("Checks of the input", ("check", "outcome", "measured"), rows)


def _tell_all(found: Sequence[Finding], output: Output) -> None:
    """Tell what every check found."""
    show_checks(found, output.console)
    for finding in found:
        _tell_details(finding, output.console)
    if output.as_json:
        failed = any(one.outcome == FAILED for one in found)
        code = InputError.exit_code if failed else 0
        write_json({"checks": finding_values(found), "exit_code": code})


def _tell_details(finding: Finding, console: Console) -> None:
    if finding.outcome == WARNING:
        console.warn(_sentence(finding))
    elif finding.outcome == FAILED:
        click.echo(
            f"{finding.name}: {finding.measured}\n  expected: {finding.expected}\n"
            f"  cause:    {finding.cause}\n  to fix:   {finding.remedy}",
            err=True,
        )
