"""What every external engine does alike: what it refuses, how it starts, what it checks."""

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, SettingError
from autograin_cli.potential.force_field import ForceField, check_box
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.random_numbers import Use, generator
from autograin_cli.simulation.replicas import Replicas, Schedule, begin, schedule
from autograin_cli.units import ACCELERATION, thermal_energy

_HOT = 1000.0  # kT of one bead, which chance does not reach; as in the built-in engine
_SEEDS = 800_000_000  # of other programs: positive, in LAMMPS below 900 million with the rank


def checked_schedule(
    force_field: ForceField, start: Start, settings: SimulationSettings, engine: str
) -> Schedule:
    """Count the steps of a run that an engine can do.

    Raises:
        SettingError: the times do not fit one another, the box is too small for the cutoff, or
            there are several replicas of more than one molecule.
    """
    n_replicas = len(start.positions)
    if n_replicas > 1 and (start.box is not None or force_field.system.n_molecules > 1):
        raise SettingError(
            given=f"--replicas {n_replicas} of {force_field.system.n_molecules} molecules with "
            f"--engine {engine}",
            expected="one replica, or replicas of one molecule in vacuum",
            remedy="run it again with another --seed for each replica",
        )
    if start.box is not None:
        check_box(start.box, force_field.cutoff)
    return schedule(start.timestep, settings).after(start.last)


def in_one_system(force_field: ForceField, n_replicas: int) -> ForceField:
    """The force field of all replicas side by side."""
    if n_replicas == 1:
        return force_field
    (part,) = force_field.system.components
    return force_field.with_system(force_field.system.with_copies((part.n_copies * n_replicas,)))


def begun(start: Start, seed: int) -> Replicas:
    """The beads as they begin, those of the built-in engine, or where a run goes on."""
    return begin(start, 0, seed)


def program_seed(seed: int, step: int) -> int:
    """A seed that other programs take, from a seed of any size and the step that they begin at."""
    random = generator(seed, Use.NOISE, step=step)
    return int(torch.randint(1, _SEEDS, (), generator=random))


def kinetic_energies(velocities: Tensor, masses: Tensor) -> Tensor:
    """Kinetic energy of each replica, kJ/mol, (replicas,).

    Args:
        velocities: Å/ps, (replicas, beads, 3).
        masses: u, (beads,).
    """
    return (masses[:, None] * velocities.square()).sum((1, 2)) / (2 * ACCELERATION)


def is_unstable(snapshot: Snapshot, start: Start, force_field: ForceField) -> bool:
    """Whether a number of a frame is not finite, or a bead far faster than the heat bath has it.

    A program with too long a step may go on with energies that are finite and mean nothing.
    """
    beads = start.masses.double()[:, None] * snapshot.velocities.double().square()
    hottest = beads.sum(-1).max() / (2 * ACCELERATION)
    sound = snapshot.potential_energy.isfinite().all() & snapshot.positions.isfinite().all()
    warmest = max(start.temperature, *(one.temperature for one in force_field.potentials))
    return not bool(sound & (hottest < _HOT * thermal_energy(warmest)))


def diverged(force_field: ForceField, step: int, time: float, positions: Tensor) -> DivergenceError:
    """The error of a run that is not stable; it names the worst term.

    Args:
        force_field: of one replica.
        step, time: where it was seen, ps.
        positions: the last that are known, Å, (replicas, beads, 3).
    """
    energies = dict[str, float]()
    system = force_field.system
    for potential, part, where in zip(
        force_field.potentials, system.components, system.slices, strict=True
    ):
        copies = positions[:, where].reshape(-1, part.n_beads, 3)
        highest = potential.term_energies(copies).nan_to_num(nan=torch.inf).max(0).values
        names = (f"{term.name}" for term in potential.terms)
        energies.update(zip(names, highest.tolist(), strict=True))
    worst = max(energies, key=energies.__getitem__, default="")
    blamed = f"; the bonded term highest in energy is '{worst}'" if worst else ""
    return DivergenceError(
        given=f"the run diverged before step {step} ({time:.6g} ps): a position or an energy is "
        f"not finite, or far above that of the heat bath, or a bead was lost{blamed}",
        expected="energies that stay near those of the heat bath",
        remedy="a smaller --timestep; if that does not help, a potential fitted to more data",
    )
