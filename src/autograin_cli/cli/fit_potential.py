"""fit-potential: mapping and trajectory of atoms with forces -> potential.h5."""

from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.settings import (
    CheckSettings,
    JointSettings,
    NeuralSettings,
    PotentialSettings,
    ReadingSettings,
    StoppingSettings,
)

if TYPE_CHECKING:
    from autograin_cli.checking.finding import Finding
    from autograin_cli.cli.keeping import Keeper
    from autograin_cli.cli.processes import Place
    from autograin_cli.files.atomistic import Reading
    from autograin_cli.joint.result import JointReport
    from autograin_cli.mapping.bead_trajectory import ForceMaps
    from autograin_cli.mapping.mapping import Mapping
    from autograin_cli.potential.force_field import ForceField
    from autograin_cli.system import Configuration

_EPILOG = """\b
Examples:
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 300
  autograin fit-potential mapping.h5 md.xtc -s md.psf --temperature 300 \\
      --forces md_forces.dcd --force-unit kJ/mol/A

\b
The forms and the force map of the paper, for a molecule and for a liquid:
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 300 \\
      --bond harmonic --angle cosine --force-map projected
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 120 \\
      --bond harmonic --pair lj-9-6

\b
A network on top of these terms, in pieces of 12 hours on a cluster:
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 120 \\
      --neural --max-hours 11.9 --resume

\b
A mapping made by hand, as a control experiment:
  autograin fit-potential mapping.yaml md.trr -s md.psf --temperature 300
"""


@click.command("fit-potential", epilog=_EPILOG)
@click.argument("mapping", type=options.PATH)
@click.argument("trajectories", nargs=-1, required=True, metavar="TRAJ...", type=options.PATH)
@options.settings(PotentialSettings, "settings", required=("temperature",))
@options.settings(JointSettings, "joint")
@options.settings(NeuralSettings, "neural")
@options.settings(ReadingSettings, "reading")
@options.settings(CheckSettings, "checking")
@options.settings(StoppingSettings, "stopping")
@options.output("potential.h5")
def fit_potential(
    mapping: str,
    trajectories: tuple[str, ...],
    settings: PotentialSettings,
    joint: JointSettings,
    neural: NeuralSettings,
    reading: ReadingSettings,
    checking: CheckSettings,
    stopping: StoppingSettings,
    output: Output,
) -> None:
    """Fit what the beads feel to the forces on the atoms.

    MAPPING is what fit-mapping wrote, or a mapping made by hand: of OpenMSCG (.yaml), of VOTCA
    (.xml) or index groups of GROMACS (.ndx). TRAJ are the files of one atomistic trajectory with
    forces, which are in the same files or in those of --forces. Bonds, angles and dihedrals of the
    beads follow from the bonds of the atoms; in a periodic box beads of different molecules feel
    pair terms too.

    With --joint the mapping is refined with the potential first, and the report says what changed.

    With --neural a network is trained on what these terms leave of the forces. torchrun trains
    one network in several processes.

    SIGTERM, SIGUSR1, Ctrl-C and --max-hours stop long work with a checkpoint beside the output;
    --resume goes on from there.
    """
    from autograin_cli.cli.console import silent_console
    from autograin_cli.cli.processes import joined

    started = monotonic()
    with joined(neural.device, together=neural.neural) as place:
        if not place.speaks:
            output = replace(output, console=silent_console())
        run = Run(settings, joint, neural, reading, checking, stopping, output, place, started)
        _fit_and_save(mapping, trajectories, run)


@dataclass(frozen=True)
class Run:
    """A run of this command.

    settings, joint, neural, reading, checking, stopping, output: as the user gave them.
    place: where it computes.
    started: when it began, by the monotonic clock, s.
    """

    settings: PotentialSettings
    joint: JointSettings
    neural: NeuralSettings
    reading: ReadingSettings
    checking: CheckSettings
    stopping: StoppingSettings
    output: Output
    place: "Place"
    started: float


def _fit_and_save(mapping: str, trajectories: tuple[str, ...], run: Run) -> None:
    """Read, fit, write and tell."""
    from autograin_cli.cli.atoms import read_with_forces
    from autograin_cli.cli.checks import check_input, check_places, conditions_of
    from autograin_cli.cli.given_mappings import artifact_of, mappings_for
    from autograin_cli.cli.keeping import Keeper, settings_of_result
    from autograin_cli.cli.provenance import artifact_input, provenance
    from autograin_cli.files.artifacts import Artifact, save
    from autograin_cli.files.resuming import Begun

    output, console, path = run.output, run.output.console, Path(run.output.path)
    check_places(path, run.checking, run.stopping, overwrite=output.overwrite)
    before = artifact_of(Path(mapping))
    read = read_with_forces(trajectories, run.reading, console)
    given = mappings_for(Path(mapping), before, read, run.settings.types)
    conditions = conditions_of(read, run.reading, run.settings, given)
    checks = check_input(read, conditions, run.checking, output)
    inputs = (artifact_input(mapping), *read.inputs)
    chosen = (run.reading, run.settings, run.joint, run.neural)
    begun, speaks = Begun(settings_of_result(*chosen), inputs), run.place.speaks
    keeper = Keeper(path, begun, run.stopping, console, run.started, writes=speaks)
    with keeper.listening():
        fit, force_field, report = _fitted(given, read, run, keeper)
    artifact = Artifact(
        kind="potential",
        mappings=fit.mappings,
        potentials=force_field.potentials,
        nonbonded=force_field.nonbonded,
        configuration=fit.last,
        simulation=None,
        comparison=None,
        training=(before.training if before else ()) + read.inputs,
        inputs=inputs,
        provenance=provenance(*chosen, run.checking, device=run.place.device.partition(":")[0]),
        warnings=(before.warnings if before else ()) + tuple(console.warnings),
        neural=force_field.neural,
        checks=checks,
    )
    if speaks:
        save(artifact, path, overwrite=output.overwrite)
        keeper.discard()
        _tell(force_field, report, checks, output)


def _fitted(
    given: "tuple[Mapping, ...]", read: "Reading", run: Run, keeper: "Keeper"
) -> "tuple[Fit, ForceField, JointReport | None]":
    """Refine the mappings, fit the classical terms, train the networks: what is wanted of it."""
    from autograin_cli.cli.threads import fitting_threads

    mappings, report = _refined(given, read, run, keeper)
    with run.output.console.task("fitting the potential"), fitting_threads(read.trajectory.n_atoms):
        fit = _fit(mappings, read, run, keeper)
    return fit, _with_networks(fit, read, run, keeper), report


def _tell(
    force_field: "ForceField",
    report: "JointReport | None",
    checks: "tuple[Finding, ...]",
    output: Output,
) -> None:
    from autograin_cli.cli.checks import finding_values
    from autograin_cli.cli.neural_summary import show_neural
    from autograin_cli.cli.pair_summary import force_field_values, show_nonbonded
    from autograin_cli.cli.results import tell_result
    from autograin_cli.cli.summary import show_potential

    console = output.console
    for potential in force_field.potentials:
        show_potential(potential, console)
    show_nonbonded(force_field.nonbonded, console)
    show_neural(force_field.neural, console)
    values = force_field_values(force_field) | ({"joint": report.values} if report else {})
    values |= {"checks": finding_values(checks)}
    tell_result(output.path, values, as_json=output.as_json)


def _refined(
    mappings: "tuple[Mapping, ...]", read: "Reading", run: Run, keeper: "Keeper"
) -> "tuple[tuple[Mapping, ...], JointReport | None]":
    """Refine mappings together with a potential, where that is wanted; tell what changed."""
    if not run.joint.joint:
        return mappings, None
    from autograin_cli.cli.threads import fitting_threads
    from autograin_cli.joint.fit import fit_jointly

    console, atoms = run.output.console, read.trajectory
    neural = run.neural if run.neural.neural else None
    with console.task("refining the mapping"), fitting_threads(atoms.n_atoms):
        watched = console.watch(atoms, "reading", keeper)
        refined, report, _ = fit_jointly(watched, mappings, run.settings, run.joint, neural)
    for result in report.results:
        (console.warn if result.moved else console.note)(result.sentence)
    return refined, report


@dataclass(frozen=True)
class Fit:
    """A force field without networks, and what it was fitted with.

    mappings: with the force maps that were used.
    force_maps: of the frames.
    force_field: what was fitted.
    last: the last frame.
    """

    mappings: "tuple[Mapping, ...]"
    force_maps: "tuple[ForceMaps, ...]"
    force_field: "ForceField"
    last: "Configuration"


def _with_networks(fit: Fit, read: "Reading", run: Run, keeper: "Keeper") -> "ForceField":
    """Train networks on what the force field leaves of the forces, where they are wanted."""
    if not run.neural.neural:
        return fit.force_field
    from autograin_cli.cli.neural_training import Training, train_networks
    from autograin_cli.mapping.bead_trajectory import BeadTrajectory

    several = fit.force_field.system.n_molecules > 1 and fit.last.box is not None
    if several and fit.force_field.nonbonded is None:
        run.output.console.warn(
            "--pair none: the network sees every molecule alone, and simulate moves molecules that "
            "do not feel one another; for a liquid leave --pair out"
        )
    beads = BeadTrajectory(read.trajectory, fit.mappings, fit.force_maps)
    training = Training(beads, fit.force_field, run.neural)
    networks = train_networks(training, keeper, run.place, run.output.console)
    return replace(fit.force_field, neural=networks)


def _fit(
    mappings: "tuple[Mapping, ...]",
    read: "Reading",
    run: Run,
    keeper: "Keeper",
) -> Fit:
    """Fit the classical terms."""
    from autograin_cli.cli.last_frame import last_frame
    from autograin_cli.mapping.bead_trajectory import map_beads, system_trajectory
    from autograin_cli.mapping.components import system_of
    from autograin_cli.potential.fit import fit_force_field, pair_form
    from autograin_cli.potential.frame_equations import compiled

    settings, console = run.settings, run.output.console
    atoms = console.watch(read.trajectory, "reading", keeper)
    beads, maps = system_trajectory(atoms, mappings, settings.force_map)
    system = system_of(mappings)
    if pair_form(beads, system, settings) != "none" and not compiled():
        console.note("compiling the inner loops, once: some seconds")
    force_field, cautions = fit_force_field(beads, system, settings)
    for caution in cautions:
        console.warn(caution)
    used = tuple(
        replace(one, force_map=map_used.force_map, force_map_kind=map_used.kind)
        for one, map_used in zip(mappings, maps, strict=True)
    )
    last = last_frame(map_beads(read.trajectory, mappings))
    return Fit(used, maps, force_field, last)
