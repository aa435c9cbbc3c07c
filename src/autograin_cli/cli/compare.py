"""compare: simulation and atomistic reference -> comparison.h5 and a report."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import fitting_threads
from autograin_cli.errors import ScoreExceededError
from autograin_cli.settings import ComparisonSettings, ReadingSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from autograin_cli.comparison.comparison import Comparison
    from autograin_cli.comparison.observables import Subject
    from autograin_cli.files.artifacts import Artifact
    from autograin_cli.mapping.mapping import Mapping
    from autograin_cli.potential.terms import Table
    from autograin_cli.trajectory import Trajectory

_EPILOG = """\b
Examples:
  autograin compare simulation.h5 md2.xtc -s md.psf --report report.html
  autograin compare simulation.h5 md.xtc -s md.psf --begin 3ns --fail-above 2
"""


@click.command("compare", epilog=_EPILOG)
@click.argument("simulation", type=click.Path())
@click.argument("trajectories", nargs=-1, required=True, metavar="TRAJ...", type=click.Path())
@click.option("--report", type=click.Path(), help="file for the report, HTML without JavaScript")
@options.settings(ComparisonSettings, "settings")
@options.settings(ReadingSettings, "reading", without=("forces", "force_unit"))
@options.output("comparison.h5")
def compare(
    simulation: str,
    trajectories: tuple[str, ...],
    report: str | None,
    settings: ComparisonSettings,
    reading: ReadingSettings,
    output: Output,
) -> None:
    """Compare a simulation with the atomistic reference.

    SIMULATION is what simulate wrote. TRAJ are the files of one atomistic trajectory, best of
    frames that were not used to fit: frames that were are recognised, and their share is told.
    Distributions of bonds, angles and dihedrals are scored, each beside its floor: the score
    between two halves of the reference.
    """
    from autograin_cli.cli.atoms import applied, read_atoms
    from autograin_cli.cli.provenance import artifact_input, provenance
    from autograin_cli.cli.results import tell_result
    from autograin_cli.cli.summary import comparison_values, show_comparison
    from autograin_cli.comparison import compare as stage
    from autograin_cli.files.artifacts import cg_trajectory, check_output, load, save
    from autograin_cli.files.fingerprints import shared_frames
    from autograin_cli.files.report import write_report

    console, path = output.console, Path(output.path)
    for target in (output.path, *([report] if report else [])):
        check_output(Path(target), output.overwrite)
    before = load(Path(simulation), ("simulation",))
    read = read_atoms(trajectories, reading, console)
    beads = _beads(read.trajectory, applied(before.mappings[0], read))
    with console.task("comparing"), fitting_threads(read.trajectory.n_atoms):
        comparison = stage.compare(
            console.watch(beads, "reading the reference"),
            console.watch(cg_trajectory(Path(simulation)), "reading the simulation"),
            _subject(before),
            shared_frames(before.training, read.inputs),
            settings,
        )
    if comparison.overlap > 0:
        console.warn(f"{comparison.overlap:.0%} of the reference was used to fit the model")
    artifact = replace(
        before,
        kind="comparison",
        comparison=comparison,
        inputs=(artifact_input(simulation), *read.inputs),
        provenance=provenance(reading, settings),
        warnings=before.warnings + tuple(console.warnings),
    )
    save(artifact, path, overwrite=output.overwrite)
    show_comparison(comparison, console)
    if report:
        write_report(artifact, Path(report), output.overwrite)
        console.note(f"report: {report}")
    _check_score(comparison, settings.fail_above, output.path)
    tell_result(output.path, comparison_values(comparison), as_json=output.as_json)


def _beads(atoms: "Trajectory", mapping: "Mapping") -> "Trajectory":
    """The beads of every copy, copy after copy, without forces."""
    from autograin_cli.trajectory import Chunk, DerivedTrajectory

    def derive(chunk: Chunk) -> Chunk:
        positions = mapping.map_positions(chunk.positions).flatten(1, 2)
        return Chunk(positions=positions, times=chunk.times, boxes=chunk.boxes)

    n_beads = mapping.n_beads * mapping.molecule.n_copies
    return DerivedTrajectory(atoms, derive, n_beads, has_forces=False)


def _subject(artifact: "Artifact") -> "Subject":
    """Every bond, angle and dihedral of the beads, with the energy of its term where it has one."""
    from autograin_cli.comparison.observables import Observable, Subject
    from autograin_cli.potential.topology import bonded_terms

    mapping, potential = artifact.mappings[0], artifact.potentials[0]
    energies = {term.name: _energy(term.table) for term in potential.terms}
    run = artifact.simulation
    return Subject(
        n_beads=mapping.n_beads,
        temperature=run.temperature if run else potential.temperature,
        observables=tuple(
            Observable(
                name=kind.name,
                coordinate=kind.coordinate,
                beads=kind.beads,
                energy=energies.get(kind.name),
            )
            for kind in bonded_terms(mapping.bead_bonds, mapping.bead_types)
        ),
    )


def _energy(table: "Table") -> "Callable[[Tensor], Tensor]":
    return lambda q: table.evaluate(q)[0]


def _check_score(comparison: "Comparison", fail_above: float | None, path: str) -> None:
    from autograin_cli.comparison.verdict import worst_ratio

    worst = worst_ratio(comparison)
    if fail_above is not None and worst > fail_above:
        raise ScoreExceededError(
            given=f"a Jensen-Shannon score of {worst:.3g} times its floor",
            expected=f"at most {fail_above:g} times, as --fail-above says",
            remedy=f"look at {path} or the report; fit with splines, or on more frames",
        )
