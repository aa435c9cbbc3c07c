"""fit-mapping: trajectory of atoms -> mapping.h5."""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import fitting_threads
from autograin_cli.settings import (
    BeadSettings,
    CheckSettings,
    MappingSettings,
    ReadingSettings,
    StoppingSettings,
)

if TYPE_CHECKING:
    from autograin_cli.checking.finding import Finding
    from autograin_cli.cli.console import Console
    from autograin_cli.mapping.mapping import Mapping

_EPILOG = """\b
Examples:
  autograin fit-mapping md.xtc -s md.psf --beads 3
  autograin fit-mapping md.xtc --beads 3
  autograin fit-mapping mixture.xtc -s mixture.psf --beads ethane=2,water=1

Without a topology, bonds and molecules are inferred from the distances; each assumption is told.
Molecules of one type share a mapping: each copy counts as one more frame.

\b
Algorithm 1 of the paper, with its loss alone:
  autograin fit-mapping md.xtc -s md.psf --beads 3 --method anneal --objective ae
"""


@click.command("fit-mapping", epilog=_EPILOG)
@click.argument("trajectories", nargs=-1, required=True, metavar="TRAJ...", type=options.PATH)
@options.settings(BeadSettings, "counts")
@options.settings(MappingSettings, "settings", without=("beads",))
@options.settings(ReadingSettings, "reading")
@options.settings(CheckSettings, "checking")
@options.settings(StoppingSettings, "stopping")
@options.output("mapping.h5")
def fit_mapping(
    trajectories: tuple[str, ...],
    counts: BeadSettings,
    settings: MappingSettings,
    reading: ReadingSettings,
    checking: CheckSettings,
    stopping: StoppingSettings,
    output: Output,
) -> None:
    """Learn which atoms make which bead.

    TRAJ are the files of one atomistic trajectory, in order: XTC, TRR, DCD, or any other format
    that MDAnalysis reads. The mapping of each type of molecule is written with all that says how
    far to trust it: its loss, the least loss possible, ties, and agreement over parts of the
    trajectory.
    """
    from autograin_cli.cli import by_type
    from autograin_cli.cli.atoms import read_atoms
    from autograin_cli.cli.checks import check_input, check_places, conditions_of
    from autograin_cli.cli.keeping import Keeper, settings_of_result
    from autograin_cli.cli.provenance import provenance
    from autograin_cli.files.artifacts import Artifact, save
    from autograin_cli.files.resuming import Begun
    from autograin_cli.mapping import fit

    started = monotonic()
    console, path = output.console, Path(output.path)
    if counts.beads is None and not checking.check_only:
        raise click.MissingParameter(param_hint="'--beads'", param_type="option")
    check_places(path, checking, stopping, overwrite=output.overwrite)
    read = read_atoms(trajectories, reading, console)
    checks = check_input(read, conditions_of(read, reading), checking, output)
    beads = by_type.counts("--beads", counts.beads or "", [m.name for m in read.molecules])
    begun = Begun(settings_of_result(reading, settings, counts), read.inputs)
    keeper = Keeper(path, begun, stopping, console, started)
    atoms = console.watch(read.trajectory, "reading", keeper)
    with keeper.listening(), console.task("fitting the mapping"), fitting_threads(atoms.n_atoms):
        mappings = fit.fit_mappings(atoms, read.molecules, beads, settings)
    _tell_cautions(mappings, console)
    artifact = Artifact(
        kind="mapping",
        mappings=mappings,
        potentials=(),
        nonbonded=None,
        configuration=None,
        simulation=None,
        comparison=None,
        training=read.inputs,
        inputs=read.inputs,
        provenance=provenance(reading, settings, counts, checking),
        warnings=tuple(console.warnings),
        checks=checks,
    )
    save(artifact, path, overwrite=output.overwrite)
    keeper.discard()
    _tell(mappings, checks, output)


def _tell(mappings: "tuple[Mapping, ...]", checks: "tuple[Finding, ...]", output: Output) -> None:
    from autograin_cli.cli.checks import finding_values
    from autograin_cli.cli.results import tell_result
    from autograin_cli.cli.summary import mapping_values, show_mapping

    for mapping in mappings:
        show_mapping(mapping, output.console)
    values = {"mappings": [mapping_values(mapping) for mapping in mappings]}
    values |= {"checks": finding_values(checks)}
    tell_result(output.path, values, as_json=output.as_json)


def _tell_cautions(mappings: "tuple[Mapping, ...]", console: "Console") -> None:
    """Tell what may be wrong with each mapping, and of which molecule."""
    from autograin_cli.mapping.cautions import cautions

    for mapping in mappings:
        for caution in cautions(mapping.certificate) if mapping.certificate else ():
            which = f"{mapping.molecule.name}: " if len(mappings) > 1 else ""
            console.warn(which + caution)
