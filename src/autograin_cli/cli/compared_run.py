"""The run that compare judges: of an artifact, or of another program."""

from dataclasses import dataclass
from pathlib import Path

from autograin_cli.cli.console import Console
from autograin_cli.comparison.comparison import Quantity
from autograin_cli.errors import SettingError
from autograin_cli.files.artifacts import Artifact, InputFile, cg_trajectory
from autograin_cli.files.bead_files import read_beads
from autograin_cli.mapping.components import system_of
from autograin_cli.simulation.simulation import Simulation
from autograin_cli.system import System
from autograin_cli.trajectory import Trajectory


@dataclass(frozen=True)
class Model:
    """The run that is compared.

    beads: its trajectory.
    system: beads of a replica.
    replicas: in a frame.
    temperature: K.
    known: what its trajectory does not tell.
    inputs: files of another program.
    timed: whether its times are known.
    """

    beads: Trajectory
    system: System
    replicas: int
    temperature: float
    known: tuple[Quantity, ...]
    inputs: tuple[InputFile, ...]
    timed: bool


def compared_run(
    path: Path,
    artifact: Artifact,
    files: tuple[str, ...],
    step_time: float | None,
    console: Console,
) -> Model:
    """Open the simulation of an artifact, or the files of another program in its place.

    Args:
        path: of the artifact.
        artifact: what it holds.
        files: of another program; none for the frames of the artifact.
        step_time: of a step of that program, where they count steps and hold no times, ps.
        console: where assumptions are told.

    Raises:
        FileAccessError, InputError: a file is missing, damaged, or not of these beads.
        SettingError: a step is given a time where there is no need for it.
    """
    system, run = system_of(artifact.mappings), artifact.simulation
    if files or run is None:
        return _of_files(files, artifact, step_time, console)
    if step_time is not None:
        raise SettingError(
            given=f"--model-step-time {step_time:g} ps without --model",
            expected="files of another program, which count steps and hold no times",
            remedy="leave it out: a simulation artifact has times",
        )
    return Model(
        beads=cg_trajectory(path),
        system=system.with_copies(run.copies.tolist()),
        replicas=run.replicas,
        temperature=run.temperature,
        known=_known(run),
        inputs=(),
        timed=True,
    )


def _of_files(
    files: tuple[str, ...], artifact: Artifact, step_time: float | None, console: Console
) -> Model:
    read = read_beads(files, system_of(artifact.mappings), step_time, "--model-step-time")
    for assumption in read.assumptions:
        console.note(f"assumed: {assumption}")
    return Model(
        beads=read.trajectory,
        system=read.system,
        replicas=read.replicas,
        temperature=artifact.potentials[0].temperature,
        known=(),
        inputs=read.inputs,
        timed=read.timed,
    )


def _known(run: Simulation) -> tuple[Quantity, ...]:
    """The pressure, which a potential fitted to forces at one volume need not reproduce."""
    if run.pressure is None:
        return ()
    return (Quantity("pressure", "bar", None, None, run.pressure, run.pressure_error, False),)
