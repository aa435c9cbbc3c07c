"""simulate: potential.h5 -> simulation.h5, and a trajectory for other programs."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import job_threads
from autograin_cli.errors import SettingError
from autograin_cli.settings import SimulationSettings

if TYPE_CHECKING:
    from torch import Tensor

    from autograin_cli.cli.console import Console
    from autograin_cli.files.artifacts import SimulationWriter
    from autograin_cli.mapping.mapping import Mapping
    from autograin_cli.potential.potential import Potential
    from autograin_cli.simulation.simulation import Simulation

_EPILOG = """\b
Examples:
  autograin simulate potential.h5 --time 1ns
  autograin simulate potential.h5 --time 10ns --replicas 256 --traj cg.xtc
"""


@click.command("simulate", epilog=_EPILOG)
@click.argument("potential", type=click.Path())
@click.option(
    "--traj",
    type=click.Path(),
    help="trajectory to write as well: XTC, TRR or DCD; beads of one replica after the other",
)
@click.option(
    "--masses",
    help="masses of the beads of a molecule in u, as 77.1,76.1; needed where they are not known",
)
@options.settings(SimulationSettings, "settings")
@options.output("simulation.h5")
def simulate(
    potential: str,
    traj: str | None,
    masses: str | None,
    settings: SimulationSettings,
    output: Output,
) -> None:
    """Move the beads by Langevin dynamics.

    POTENTIAL is what fit-potential wrote. Many replicas of one molecule run at once and do not
    feel one another; how far they agree tells whether the run was long enough. The frames are in
    the artifact, which any reader of H5MD opens.
    """
    from autograin_cli.cli.provenance import artifact_input, provenance
    from autograin_cli.cli.results import tell_result
    from autograin_cli.cli.summary import show_simulation, simulation_values
    from autograin_cli.files.artifacts import SimulationWriter, cg_trajectory, check_output, load
    from autograin_cli.files.trajectory_writing import check_trajectory_output, write_trajectory
    from autograin_cli.simulation.cautions import cautions

    console, path = output.console, Path(output.path)
    check_output(path, output.overwrite)
    if traj:
        check_trajectory_output(Path(traj), output.overwrite)
    before = load(Path(potential), ("potential",))
    mapping, fitted = _with_masses(before.mappings[0], masses), before.potentials[0]
    with SimulationWriter(path, overwrite=output.overwrite) as writer:
        simulation = _run(fitted, mapping, settings, writer, console)
        for caution in cautions(simulation, fitted):
            console.warn(caution)
        artifact = replace(
            before,
            kind="simulation",
            mappings=(mapping,),
            simulation=simulation,
            inputs=(artifact_input(potential),),
            provenance=provenance(settings, device=simulation.device),
            warnings=before.warnings + tuple(console.warnings),
        )
        writer.finish(artifact)
    if traj:
        write_trajectory(Path(traj), cg_trajectory(path).chunks(), overwrite=output.overwrite)
    show_simulation(simulation, fitted, console)
    tell_result(output.path, simulation_values(simulation, fitted), as_json=output.as_json)


def _run(
    potential: "Potential",
    mapping: "Mapping",
    settings: SimulationSettings,
    writer: "SimulationWriter",
    console: "Console",
) -> "Simulation":
    """Run the engine and write the frames as they come."""
    from autograin_cli.simulation.builtin import builtin_engine, choose_device
    from autograin_cli.simulation.compiled import compiled
    from autograin_cli.simulation.diagnostics import Diagnostics, Source
    from autograin_cli.simulation.replicas import schedule
    from autograin_cli.simulation.start import prepare

    structure = (mapping.encoder @ mapping.mean_structure)[None]
    start = prepare(potential, structure, mapping.bead_masses, settings)
    source = Source(potential, start, settings, "builtin", choose_device(settings))
    console.detail(f"{start.temperature:g} K, time step {start.timestep:.4g} ps")
    diagnostics = Diagnostics(source)
    allotted = replace(settings, threads=job_threads(settings.threads))
    snapshots = builtin_engine(allotted).run(potential, start, settings)
    if source.device == "cpu" and not compiled():
        console.note("compiling the inner loops, once: some seconds")
    total = schedule(start.timestep, settings).n_snapshots
    for snapshot in console.track(snapshots, total, "simulating"):
        writer.append(snapshot)
        diagnostics.add(snapshot)
    return diagnostics.result()


def _with_masses(mapping: "Mapping", masses: str | None) -> "Mapping":
    return mapping if masses is None else replace(mapping, bead_masses=_parsed(masses, mapping))


def _parsed(masses: str, mapping: "Mapping") -> "Tensor":
    """Masses of the beads from a list with commas, u, (beads,)."""
    import torch

    try:
        numbers = torch.tensor([float(part) for part in masses.split(",")], dtype=torch.float64)
    except ValueError:
        numbers = torch.zeros(0, dtype=torch.float64)
    if len(numbers) != mapping.n_beads or not bool((numbers > 0).all() & numbers.isfinite().all()):
        raise SettingError(
            given=f"--masses {masses}",
            expected=f"{mapping.n_beads} numbers above 0 with commas between: u, one for each "
            "bead, in the order " + ", ".join(mapping.bead_names),
            remedy="write for example --masses " + ",".join(["72"] * mapping.n_beads),
        )
    return numbers
