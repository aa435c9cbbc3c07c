"""compare: simulation and atomistic reference -> comparison.h5 and a report."""

from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import fitting_threads
from autograin_cli.errors import ScoreExceededError
from autograin_cli.settings import ComparisonSettings, ReadingSettings, StoppingSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from autograin_cli.cli.compared_run import Model
    from autograin_cli.cli.console import Console
    from autograin_cli.cli.keeping import Keeper
    from autograin_cli.comparison.comparison import Comparison
    from autograin_cli.comparison.observables import Observable
    from autograin_cli.files.artifacts import Artifact
    from autograin_cli.files.atomistic import Reading
    from autograin_cli.potential.terms import Table
    from autograin_cli.trajectory import Trajectory

_SAME_DENSITY = 0.02  # relative: more than what a barostat changes from frame to frame
_EPILOG = """\b
Examples:
  autograin compare simulation.h5 md2.xtc -s md.psf --report report.html
  autograin compare simulation.h5 md.xtc -s md.psf --begin 3ns --fail-above 2
  autograin compare potential.h5 md2.xtc -s md.psf --model cg.xtc
"""


@click.command("compare", epilog=_EPILOG)
@click.argument("simulation", type=options.PATH)
@click.argument("trajectories", nargs=-1, required=True, metavar="TRAJ...", type=options.PATH)
@click.option(
    "--model",
    multiple=True,
    type=options.PATH,
    help="trajectory of beads that another program wrote, in place of that of SIMULATION; may "
    "be repeated",
)
@click.option("--report", type=options.PATH, help="file for the report, HTML without JavaScript")
@options.settings(ComparisonSettings, "settings")
@options.settings(ReadingSettings, "reading", without=("forces", "force_unit"))
@options.settings(StoppingSettings, "stopping")
@options.output("comparison.h5")
def compare(
    simulation: str,
    trajectories: tuple[str, ...],
    model: tuple[str, ...],
    report: str | None,
    settings: ComparisonSettings,
    reading: ReadingSettings,
    stopping: StoppingSettings,
    output: Output,
) -> None:
    """Compare a simulation with the atomistic reference.

    SIMULATION is what simulate wrote, or what fit-potential wrote where --model is given. TRAJ
    are the files of one atomistic trajectory, best of frames that were not used to fit: frames
    that were are recognised, and their share is told. Distributions of bonds, angles and
    dihedrals, alone and two neighbours together, and of liquids g(r), angles between neighbours
    and the turning of molecules with distance are scored, each beside its floor: the score between
    two halves of the reference.
    """
    from autograin_cli.cli.atoms import read_atoms
    from autograin_cli.cli.compared_run import compared_run
    from autograin_cli.cli.comparison_summary import comparison_values, show_comparison
    from autograin_cli.cli.keeping import Keeper, check_beginning, settings_of_result
    from autograin_cli.cli.provenance import artifact_input, provenance
    from autograin_cli.cli.results import tell_result
    from autograin_cli.files.artifacts import check_output, load, save
    from autograin_cli.files.report import write_report
    from autograin_cli.files.resuming import Begun, checkpoint_path

    console, path, started = output.console, Path(output.path), monotonic()
    for target in (output.path, *([report] if report else [])):
        check_output(Path(target), output.overwrite)
    check_beginning(checkpoint_path(path), stopping, overwrite=output.overwrite)
    before = load(Path(simulation), ("potential", "simulation") if model else ("simulation",))
    modelled = compared_run(Path(simulation), before, model, settings.model_step_time, console)
    read = read_atoms(trajectories, reading, console)
    inputs = (artifact_input(simulation), *modelled.inputs, *read.inputs)
    begun = Begun(settings_of_result(reading, settings), inputs)
    keeper = Keeper(path, begun, stopping, console, started)
    with keeper.listening():
        comparison = _compared(before, modelled, read, settings, keeper)
    _tell_cautions(comparison, console)
    artifact = replace(
        before,
        kind="comparison",
        simulation=None if model else before.simulation,
        comparison=comparison,
        inputs=inputs,
        provenance=provenance(reading, settings),
        warnings=before.warnings + tuple(console.warnings),
    )
    save(artifact, path, overwrite=output.overwrite)
    keeper.discard()
    show_comparison(comparison, console)
    if report:
        write_report(artifact, Path(report), output.overwrite)
        console.note(f"report: {report}")
    _check_score(comparison, settings.fail_above, output.path)
    tell_result(output.path, comparison_values(comparison), as_json=output.as_json)


def _compared(
    before: "Artifact",
    model: "Model",
    read: "Reading",
    settings: ComparisonSettings,
    keeper: "Keeper",
) -> "Comparison":
    """Map the reference, and compare the model with it."""
    from autograin_cli.cli.atoms import applied
    from autograin_cli.cli.checks import check_structure
    from autograin_cli.comparison import compare as stage
    from autograin_cli.comparison.observables import Subject
    from autograin_cli.files.fingerprints import shared_frames
    from autograin_cli.mapping.bead_trajectory import map_beads
    from autograin_cli.mapping.components import system_of

    check_structure(read)
    console, mappings = keeper.console, applied(before.mappings, read)
    subject = Subject(
        reference=system_of(mappings),
        model=model.system,
        replicas=model.replicas,
        temperature=model.temperature,
        observables=_observables(before),
        known=model.known,
        timed=(read.timed, model.timed),
    )
    _tell_densities(read.trajectory, subject.reference.n_molecules, model, console)
    if min(subject.reference.n_molecules, subject.model.n_molecules) > 1 and not stage.compiled():
        console.note("compiling the inner loops, once: some seconds")
    with console.task("comparing"), fitting_threads(read.trajectory.n_atoms):
        return stage.compare(
            console.watch(map_beads(read.trajectory, mappings), "reading the reference", keeper),
            console.watch(model.beads, "reading the simulation", keeper),
            subject,
            shared_frames(before.training, read.inputs),
            settings,
        )


def _observables(artifact: "Artifact") -> "tuple[Observable, ...]":
    """Every bond, angle and dihedral of the beads, with the energy of its term where it has one."""
    from autograin_cli.comparison.observables import Observable
    from autograin_cli.mapping.components import system_of
    from autograin_cli.potential.topology import bonded_terms

    energies = {
        term.name: _energy(term.table)
        for potential in artifact.potentials
        for term in potential.terms
    }
    return tuple(
        Observable(
            name=kind.name,
            coordinate=kind.coordinate,
            component=number,
            beads=kind.beads,
            energy=energies.get(kind.name),
        )
        for number, part in enumerate(system_of(artifact.mappings).components)
        for kind in bonded_terms(part.bonds, part.bead_types)
    )


def _tell_densities(
    reference: "Trajectory", n_molecules: int, model: "Model", console: "Console"
) -> None:
    """Warn of boxes with other numbers of molecules in a volume: their g(r) differ by that."""
    known = _volume_of_a_molecule(reference, n_molecules)
    found = _volume_of_a_molecule(model.beads, model.system.n_molecules)
    if known and found and abs(found / known - 1) > _SAME_DENSITY:
        console.warn(
            f"the model has {found:.4g} Å³ a molecule, the reference {known:.4g}: their g(r) "
            "differ by that alone; look at the box, and whether --model holds beads"
        )


def _volume_of_a_molecule(trajectory: "Trajectory", n_molecules: int) -> float | None:
    """Mean over the first frames, Å³; None where there is no box."""
    chunk = next(iter(trajectory.chunks()), None)
    if chunk is None or chunk.boxes is None:
        return None
    return float(chunk.boxes.double().det().abs().mean()) / n_molecules


def _tell_cautions(comparison: "Comparison", console: "Console") -> None:
    if comparison.overlap > 0:
        console.warn(f"{comparison.overlap:.0%} of the reference was used to fit the model")
    is_liquid = any(found.kind == "intermolecular" for found in comparison.pair_distributions)
    if is_liquid and not comparison.triplet_distributions:
        console.note(
            "angles between neighbours left out: g(r) of the reference has no first shell, or "
            "hardly a bead has two neighbours within --shell"
        )
    for found in comparison.quantities:
        if found.name.startswith("diffusion") and None in (found.reference, found.model):
            which = "reference" if found.reference is None else "model"
            console.note(
                f"{found.name} left out: the frames of the {which} are too few, too far apart, or "
                "without times"
            )


def _energy(table: "Table") -> "Callable[[Tensor], Tensor]":
    return lambda q: table.evaluate(q)[0]


def _check_score(comparison: "Comparison", fail_above: float | None, path: str) -> None:
    from autograin_cli.comparison.verdict import worst_ratio

    worst = worst_ratio(comparison)
    if fail_above is not None and worst > fail_above:
        raise ScoreExceededError(
            given=f"a score of {worst:.3g} times its floor",
            expected=f"at most {fail_above:g} times, as --fail-above says",
            remedy=f"look at {path} or the report; fit with splines, or on more frames",
        )
