"""simulate: potential.h5 -> simulation.h5, and a trajectory for other programs."""

from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import job_threads, threads
from autograin_cli.errors import SettingError
from autograin_cli.settings import SimulationSettings, StoppingSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from autograin_cli.cli.console import Console
    from autograin_cli.cli.running import Run
    from autograin_cli.files.artifacts import Artifact, SimulationWriter
    from autograin_cli.mapping.mapping import Mapping
    from autograin_cli.potential.force_field import ForceField
    from autograin_cli.simulation.boxes import Reference
    from autograin_cli.simulation.engine import Snapshot, Start
    from autograin_cli.simulation.simulation import Simulation

_EPILOG = """\b
Examples:
  autograin simulate potential.h5 --time 1ns
  autograin simulate potential.h5 --time 10ns --replicas 256 --traj cg.xtc
  autograin simulate potential.h5 --time 5ns --molecules 2000
  autograin simulate potential.h5 --time 5ns --replicate 2,2,2 --engine lammps --ranks 2
"""


@click.command("simulate", epilog=_EPILOG)
@click.argument("potential", type=options.PATH)
@click.option(
    "--traj",
    type=options.PATH,
    help="trajectory to write as well: XTC, TRR or DCD; beads of one replica after the other",
)
@click.option(
    "--masses",
    help="masses of the beads of a molecule in u, as 77.1,76.1, one type of molecule after the "
    "other; needed where they are not known",
)
@options.settings(SimulationSettings, "settings")
@options.settings(StoppingSettings, "stopping")
@options.output("simulation.h5")
def simulate(
    potential: str,
    traj: str | None,
    masses: str | None,
    settings: SimulationSettings,
    stopping: StoppingSettings,
    output: Output,
) -> None:
    """Move the beads by Langevin dynamics.

    POTENTIAL is what fit-potential wrote. With pair terms it is a box of molecules: that of the
    reference, copies of it, or a new one at a density. Without, many replicas of one molecule run
    at once and do not feel one another; how far they agree tells whether the run was long
    enough. The frames are in the artifact, which any reader of H5MD opens.

    SIGTERM, SIGUSR1, Ctrl-C after the first minute and --max-hours stop a run; --resume goes on.
    The built-in engine then gives what it would have given without a break, to the last bit.
    """
    from autograin_cli.cli.keeping import check_beginning, settings_of_result
    from autograin_cli.cli.provenance import artifact_input
    from autograin_cli.cli.results import tell_result
    from autograin_cli.cli.running import Run
    from autograin_cli.cli.summary import show_simulation, simulation_values
    from autograin_cli.files.artifacts import cg_trajectory, check_output, load
    from autograin_cli.files.resuming import Begun
    from autograin_cli.files.run_log import log_path
    from autograin_cli.files.trajectory_writing import check_trajectory_output, write_trajectory

    started, path = monotonic(), Path(output.path)
    check_output(path, output.overwrite)
    check_beginning(log_path(path), stopping, overwrite=output.overwrite)
    if traj:
        check_trajectory_output(Path(traj), output.overwrite)
    before = load(Path(potential), ("potential",))
    before = replace(before, mappings=_with_masses(before.mappings, masses))
    inputs = (artifact_input(potential),)
    begun = Begun(settings_of_result(settings, masses=masses), inputs)
    run = Run(log_path(path), begun, stopping, started)
    simulation, names = _simulated(before, settings, run, output)
    run.discard()
    if traj:
        write_trajectory(Path(traj), cg_trajectory(path).chunks(), overwrite=output.overwrite)
    show_simulation(simulation, names, output.console)
    tell_result(output.path, simulation_values(simulation, names), as_json=output.as_json)


def _simulated(
    before: "Artifact", settings: SimulationSettings, run: "Run", output: Output
) -> "tuple[Simulation, tuple[str, ...]]":
    """Simulate, write the artifact, and give what is in it with the names of the terms."""
    from autograin_cli.cli.provenance import provenance
    from autograin_cli.files.artifacts import SimulationWriter
    from autograin_cli.mapping.components import system_of
    from autograin_cli.potential.force_field import ForceField
    from autograin_cli.simulation.cautions import cautions
    from autograin_cli.simulation.system_start import prepare_system

    console, system = output.console, system_of(before.mappings)
    fitted = ForceField(system, before.potentials, before.nonbonded, before.neural)
    force_field, start = prepare_system(fitted, _reference(before), settings)
    path = Path(output.path)
    with SimulationWriter(path, overwrite=output.overwrite, box=start.box) as writer:
        simulation = _run(force_field, start, settings, (run, writer), console)
        for caution in cautions(simulation, force_field):
            console.warn(caution)
        artifact = replace(
            before,
            kind="simulation",
            simulation=simulation,
            inputs=run.begun.inputs,
            provenance=provenance(settings, device=simulation.device),
            warnings=before.warnings + tuple(console.warnings),
        )
        writer.finish(artifact)
    return simulation, force_field.term_names


def _run(
    force_field: "ForceField",
    start: "Start",
    settings: SimulationSettings,
    kept: "tuple[Run, SimulationWriter]",
    console: "Console",
) -> "Simulation":
    """Run the engine and write the frames as they come."""
    from autograin_cli.files.run_log import Shape
    from autograin_cli.simulation.builtin import device_of, engine_of, is_compiled
    from autograin_cli.simulation.diagnostics import Source
    from autograin_cli.simulation.replicas import schedule
    from autograin_cli.simulation.system_diagnostics import diagnostics_of

    _tell_start(force_field, start, console)
    device = device_of(force_field, start, settings)
    diagnostics = diagnostics_of(Source(force_field, start, settings, settings.engine, device))
    allotted = _allotted(force_field, settings)
    engine, (run, writer) = engine_of(allotted), kept

    def snapshots(last: "Snapshot | None") -> "Iterator[Snapshot]":
        return engine.run(force_field, replace(start, last=last), allotted)

    if device == "cpu" and not is_compiled(force_field, start):
        console.note("compiling the inner loops, once: some seconds")
    plan = schedule(start.timestep, settings)
    n_replicas, n_beads = start.positions.shape[:2]
    shape = Shape(n_replicas, n_beads, len(force_field.term_names))
    with threads(_threads_of_torch(force_field)):
        kept_snapshots = run.kept(snapshots, shape, plan.spell, console)
        for snapshot in console.track(kept_snapshots, plan.n_snapshots, "simulating"):
            writer.append(snapshot)
            diagnostics.add(snapshot)
    return diagnostics.result()


def _threads_of_torch(force_field: "ForceField") -> int:
    """One where a network computes: its matrices are so small that threads would only wait.

    The networks of an ensemble have threads of their own. 0 is as many as now.
    """
    return 0 if force_field.neural is None else 1


def _allotted(force_field: "ForceField", settings: SimulationSettings) -> SimulationSettings:
    """The settings with the threads that the job was given."""
    import torch

    number = job_threads(settings.threads)
    if force_field.neural is not None:
        number = number or torch.get_num_threads()
    return replace(settings, threads=number)


def _tell_start(force_field: "ForceField", start: "Start", console: "Console") -> None:
    parts = [f"{part.n_copies} {part.name}" for part in force_field.system.components]
    edges = [] if start.box is None else start.box.norm(dim=1).tolist()
    where = "a box of " + " x ".join(f"{edge:.2f}" for edge in edges) + " Å" if edges else "vacuum"
    console.detail(f"{' and '.join(parts)} in {where}, {len(start.positions)} times")
    if force_field.neural is not None:
        n_networks = len(force_field.neural.networks)
        console.detail(f"classical terms and the mean of {n_networks} network(s)")
    console.detail(f"{start.temperature:g} K, time step {start.timestep:.4g} ps")


def _reference(before: "Artifact") -> "Reference":
    """What the artifact knows of the system that a run may begin from."""
    from autograin_cli.simulation.boxes import Reference

    mappings = before.mappings
    masses = [mapping.molecule.masses for mapping in mappings]
    return Reference(
        structures=tuple(mapping.encoder @ mapping.mean_structure for mapping in mappings),
        molecule_masses=tuple(None if atoms is None else float(atoms.sum()) for atoms in masses),
        configuration=before.configuration,
    )


def _with_masses(mappings: "tuple[Mapping, ...]", masses: str | None) -> "tuple[Mapping, ...]":
    if masses is None:
        return mappings
    parts = _parsed(masses, mappings).split([mapping.n_beads for mapping in mappings])
    pairs = zip(mappings, parts, strict=True)
    return tuple(replace(mapping, bead_masses=part) for mapping, part in pairs)


def _parsed(masses: str, mappings: "tuple[Mapping, ...]") -> "Tensor":
    """Masses of the beads from a list with commas, u, (beads of a copy of each molecule,)."""
    import torch

    names = [name for mapping in mappings for name in mapping.bead_names]
    try:
        numbers = torch.tensor([float(part) for part in masses.split(",")], dtype=torch.float64)
    except ValueError:
        numbers = torch.zeros(0, dtype=torch.float64)
    if len(numbers) != len(names) or not bool((numbers > 0).all() & numbers.isfinite().all()):
        raise SettingError(
            given=f"--masses {masses}",
            expected=f"{len(names)} numbers above 0 with commas between: u, one for each "
            "bead, in the order " + ", ".join(names),
            remedy="write for example --masses " + ",".join(["72"] * len(names)),
        )
    return numbers
