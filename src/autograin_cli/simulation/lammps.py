"""LAMMPS as an engine: in processes of its own, over MPI where more than one is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.external import (
    begun,
    checked_schedule,
    diverged,
    in_one_system,
    is_unstable,
    kinetic_energies,
    program_seed,
)
from autograin_cli.simulation.lammps_model import LammpsModel
from autograin_cli.simulation.lammps_process import (
    INPUT,
    PIPE,
    failed,
    frames_of,
    last_words,
    running,
)
from autograin_cli.simulation.lammps_text import files, movement, set_up
from autograin_cli.simulation.lattice import lattice_of
from autograin_cli.simulation.outside import shares_outside
from autograin_cli.simulation.replicas import Replicas, Schedule
from autograin_cli.system import Configuration
from autograin_cli.units import kj_from_kcal, per_ps_from_per_fs

_UNSTABLE = (
    "Lost atoms",
    "Out of range atoms",
    "atoms missing",
    "Non-numeric",
    "inner cutoff",
    "outer cutoff",
    "Bond length",
)


@dataclass(frozen=True)
class LammpsEngine:
    """Langevin dynamics of Grønbech-Jensen and Farago by `fix gjf`; see `lammps_text.movement`.

    The velocities of a snapshot are those in the middle of its step, and so is the kinetic
    energy, not a mean since the snapshot before; without friction both are of the end of it.
    Nothing is left on the disk.
    """

    def run(
        self, force_field: ForceField, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        """Yield a snapshot every `settings.interval` ps, the first after the equilibration.

        Raises:
            SettingError: the times do not fit one another, or LAMMPS cannot do what is asked.
            EngineError: LAMMPS is not installed, or fails.
            DivergenceError: a position or an energy is not finite or far too large, or a bead
                was lost.
        """
        plan = checked_schedule(force_field, start, settings, "lammps")
        if force_field.neural is not None:
            raise SettingError(
                given="--engine lammps and a potential with a network",
                expected="--engine builtin or openmm: LAMMPS does not know the network",
                remedy="leave --engine out, or fit a potential without --neural",
            )
        if settings.device == "cuda":
            raise SettingError(
                given="--device cuda with --engine lammps",
                expected="--device auto or cpu",
                remedy="--engine openmm runs on GPUs; --ranks spreads LAMMPS over cores",
            )
        placed = begun(start, settings.seed)
        model = _model(force_field, start, placed)
        bath = movement(
            temperature=start.temperature,
            friction=settings.friction,
            timestep=start.timestep,
            seed=program_seed(settings.seed, placed.step),
        )
        texts = files(model) | {
            INPUT: "\n".join([*set_up(model), *bath, *_output(plan, placed.step), ""])
        }
        step, positions = placed.step, placed.positions
        with running(texts, settings.ranks) as work:
            for step, columns in frames_of(work, len(model.masses)):
                snapshot = _snapshot(step, columns, force_field, start)
                if is_unstable(snapshot, start, force_field):
                    raise diverged(force_field, step, snapshot.time, positions)
                positions = snapshot.positions
                yield snapshot
            if work.process.wait() != 0:
                said = last_words(work.folder)
                if any(words in said for words in _UNSTABLE):
                    after = step + plan.interval
                    raise diverged(force_field, after, after * start.timestep, positions)
                raise failed(said)


def _model(force_field: ForceField, start: Start, placed: Replicas) -> LammpsModel:
    n_replicas = len(start.positions)
    return LammpsModel(
        force_field=in_one_system(force_field, n_replicas),
        configuration=Configuration(placed.positions.flatten(0, 1), start.box),
        masses=start.masses.double().repeat(n_replicas),
        velocities=placed.velocities.flatten(0, 1),
        isolated=n_replicas > 1,
    )


def _output(plan: Schedule, step: int) -> list[str]:
    """Commands that run from a step on, and write a frame after each interval."""
    last = step + plan.equilibration + plan.interval * plan.n_snapshots
    first = step + plan.equilibration + plan.interval
    return [
        f"reset_timestep {step}",
        f"variable when equal stride({first},{last},{plan.interval})",
        "thermo v_when",
        "thermo_modify norm no",
        "variable energy atom pe",
        f"dump frames all custom {plan.interval} {PIPE} id xu yu zu vx vy vz v_energy",
        "dump_modify frames every v_when sort id flush yes format float %.15g",
        f"run {last} upto",
    ]


def _snapshot(step: int, columns: Tensor, force_field: ForceField, start: Start) -> Snapshot:
    """From what LAMMPS writes of a frame: number, position, velocity, energy, (beads, 8)."""
    lattice, shape = lattice_of(start.box), start.positions.shape
    positions = lattice.returned(columns[:, 1:4]).reshape(shape)
    velocities = per_ps_from_per_fs(lattice.returned(columns[:, 4:7])).reshape(shape)
    energy = kj_from_kcal(columns[:1, 7])
    return Snapshot(
        step=step,
        time=step * start.timestep,
        positions=positions,
        velocities=velocities,
        potential_energy=(
            energy if len(positions) == 1 else force_field.energy(positions, start.box)
        ),
        kinetic_energy=kinetic_energies(velocities, start.masses),
        outside=shares_outside(force_field, positions, start.box),
    )
