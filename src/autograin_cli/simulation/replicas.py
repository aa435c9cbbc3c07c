"""Replicas: their state between calls of an integrator, and the run that calls it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, SettingError
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.langevin import thermal_speeds
from autograin_cli.simulation.random_numbers import Use, generator
from autograin_cli.units import thermal_energy

# After so many steps an engine forgets all but the beads, which costs about ten steps.
STEPS_OF_A_SPELL = 500
_BEAD_STEPS = 30_000_000  # of one call, a second or two: so often can a run be interrupted


@dataclass(frozen=True)
class Replicas:
    """All replicas, and what was added up while they were last advanced.

    step: number of the step before which they stand.
    positions: Å, (replicas, beads, 3).
    velocities: Å/ps, (replicas, beads, 3).
    energy: kJ/mol, (replicas,).
    kinetic: mid-step kinetic energy, kJ/mol, summed over steps, (replicas,).
    outside: steps and instances beyond the sampled range, (terms,).
    diverged: step at which the kinetic energy was beyond its limit; -1 for none, (replicas,).
    """

    step: int
    positions: Tensor
    velocities: Tensor
    energy: Tensor
    kinetic: Tensor
    outside: Tensor
    diverged: Tensor


class Integrator(Protocol):
    """Advances replicas; a replica that diverges stays where that was seen."""

    def advance(self, replicas: Replicas, n_steps: int) -> Replicas:
        """Do so many steps; the replicas given are not changed."""


@dataclass(frozen=True)
class Schedule:
    """Steps of a run.

    equilibration: steps before those of the first snapshot.
    interval: steps from one snapshot to the next.
    n_snapshots: how many.
    n_before: snapshots of the run that were taken before.
    """

    equilibration: int
    interval: int
    n_snapshots: int
    n_before: int = 0

    @property
    def spell(self) -> int:
        """Snapshots from one that a run can go on from to the next."""
        return ceil(STEPS_OF_A_SPELL / self.interval)

    def ends_spell(self, number: int) -> bool:
        """Whether a run can go on from its snapshot of this number, counted from 0 here."""
        return (self.n_before + number + 1) % self.spell == 0

    def after(self, last: Snapshot | None) -> "Schedule":
        """What is left after a snapshot; all of it where there is none."""
        if last is None:
            return self
        n_done = (last.step - self.equilibration) // self.interval
        return Schedule(0, self.interval, self.n_snapshots - n_done, n_done)


def schedule(timestep: float, settings: SimulationSettings) -> Schedule:
    """Count the steps of a run.

    Args:
        timestep: ps.
        settings: times.

    Raises:
        SettingError: the interval is shorter than a step, or the run shorter than the interval.
    """
    interval = round(settings.interval / timestep)
    n_snapshots = int(settings.time / settings.interval + 1e-9) if interval else 0
    if n_snapshots < 1:
        raise SettingError(
            given=f"--time {settings.time:g} ps, --interval {settings.interval:g} ps and a time "
            f"step of {timestep:g} ps",
            expected="an interval of at least a step, and a time of at least an interval",
            remedy="choose a longer --time, or another --interval",
        )
    return Schedule(round(settings.equilibration / timestep), interval, n_snapshots)


def begin(start: Start, n_terms: int, seed: int) -> Replicas:
    """Place the replicas at the start, with velocities of the heat bath, or where a run goes on."""
    last = start.last
    positions = (start if last is None else last).positions.double()
    none = torch.zeros(len(positions), dtype=torch.float64)
    return Replicas(
        step=0 if last is None else last.step,
        positions=positions,
        velocities=starting_velocities(start, seed) if last is None else last.velocities,
        energy=none,
        kinetic=none,
        outside=torch.zeros(n_terms, dtype=torch.int64),
        diverged=torch.full((len(positions),), -1),
    )


def starting_velocities(start: Start, seed: int) -> Tensor:
    """Velocities of the heat bath, Å/ps, (replicas, beads, 3)."""
    random = generator(seed, Use.VELOCITIES)
    speeds = torch.randn(start.positions.shape, generator=random, dtype=torch.float64)
    return thermal_speeds(start) * speeds


def snapshots(
    integrator: Integrator, potential: Potential, start: Start, settings: SimulationSettings
) -> Iterator[Snapshot]:
    """Run: equilibrate, then yield a snapshot after every interval.

    Raises:
        SettingError: the times do not fit one another.
        DivergenceError: the kinetic energy of a replica passed its limit, or is not finite.
    """
    plan = schedule(start.timestep, settings).after(start.last)
    now = begin(start, len(potential.terms), settings.seed)
    now = _advance(integrator, now, plan.equilibration, potential, start)
    instances = torch.tensor([len(term.beads) for term in potential.terms], dtype=torch.float64)
    for _ in range(plan.n_snapshots):
        now = _advance(integrator, now, plan.interval, potential, start)
        yield Snapshot(
            step=now.step,
            time=now.step * start.timestep,
            positions=now.positions,
            velocities=now.velocities,
            potential_energy=now.energy,
            kinetic_energy=now.kinetic / plan.interval,
            outside=now.outside / (instances * plan.interval * len(now.positions)),
        )


def _advance(
    integrator: Integrator, now: Replicas, n_steps: int, potential: Potential, start: Start
) -> Replicas:
    """Do so many steps in calls that are not too long, and add up what they add up."""
    n_calls = ceil(n_steps * start.positions.shape[0] * start.positions.shape[1] / _BEAD_STEPS)
    kinetic, outside = torch.zeros_like(now.kinetic), torch.zeros_like(now.outside)
    for call in range(n_calls):
        part = n_steps * (call + 1) // n_calls - n_steps * call // n_calls
        now = integrator.advance(now, part)
        _check(now, potential, start)
        kinetic, outside = kinetic + now.kinetic, outside + now.outside
    return Replicas(
        now.step, now.positions, now.velocities, now.energy, kinetic, outside, now.diverged
    )


def kinetic_limit(potential: Potential, start: Start) -> float:
    """Kinetic energy of a replica, kJ/mol, that counts as divergence.

    100 kT and 6 kT a bead, which chance does not reach, and all that the start has to give.
    """
    heat = thermal_energy(max(start.temperature, potential.temperature))
    lowest = sum(_lowest(term.table) * len(term.beads) for term in potential.terms)
    to_give = float(potential.energy(start.positions.double()).max()) - lowest
    return (100.0 + 6.0 * start.positions.shape[1]) * heat + to_give


def _lowest(table: Table) -> float:
    """Lower bound of the energy of a table, kJ/mol, with what a wall that starts downhill sinks."""
    downhill = max(float(table.slope[0]), -float(table.slope[-1]), 0.0)
    sunk = 0.0 if table.periodic else downhill**2 / (2 * max(table.wall_stiffness, 1e-300))
    return float(table.energy.min()) - sunk


def _check(now: Replicas, potential: Potential, start: Start) -> None:
    if bool((now.diverged < 0).all()):
        return
    step = int(now.diverged[now.diverged >= 0].min())
    replica = int((now.diverged == step).nonzero()[0])
    raise DivergenceError(
        given=f"replica {replica} diverged at step {step} ({step * start.timestep:.6g} ps): its "
        f"kinetic energy is not finite or far above that of the heat bath; "
        f"{_blamed(potential, now.positions[replica : replica + 1])}",
        expected="energies that stay near those of the heat bath",
        remedy="a smaller --timestep; if that does not help, a potential fitted to more data",
    )


def _blamed(potential: Potential, positions: Tensor) -> str:
    """Name the term that is worst off."""
    if not potential.terms:
        return "there is no term"
    lowest = torch.tensor([_lowest(term.table) * len(term.beads) for term in potential.terms])
    above = potential.term_energies(positions)[0] - lowest
    worst = int(above.nan_to_num(nan=torch.inf).argmax())
    name, height = potential.terms[worst].name, float(above[worst])
    return f"the term '{name}' is {height:.4g} kJ/mol above its minimum"
