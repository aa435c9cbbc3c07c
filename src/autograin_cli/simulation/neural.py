"""The built-in engine where a network adds to the classical terms."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.full_forces import FullForces
from autograin_cli.simulation.langevin import Felt, constants, step
from autograin_cli.simulation.liquid import blamed
from autograin_cli.simulation.random_numbers import Use, generator
from autograin_cli.simulation.replicas import begin, schedule
from autograin_cli.units import thermal_energy

_HOT = 1000.0  # kT of one bead, which chance does not reach; as in the engine of liquids


@dataclass(frozen=True)
class NeuralEngine:
    """BAOAB with forces of the classical terms and of the mean of the networks.

    All replicas are one graph. One seed gives one run, for one number of threads.

    threads: how many, for the networks of an ensemble; 0 is as many as torch uses.
    device: of the networks; pairs, classical terms and motion are on the CPU.
    """

    threads: int = 0
    device: str = "cpu"

    def run(
        self, force_field: ForceField, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        """Yield a snapshot every `settings.interval` ps, the first after the equilibration.

        Raises:
            SettingError: the times do not fit one another, or the box is too small.
            DivergenceError: a force is not finite, or a kinetic energy not finite or far too
                large; it names the step and the term that is worst off.
        """
        plan = schedule(start.timestep, settings).after(start.last)
        n_threads = self.threads or torch.get_num_threads()
        with ThreadPoolExecutor(n_threads) as pool:
            forces = FullForces(force_field, start, self.device, pool if n_threads > 1 else None)
            moving = _Moving(forces, start, settings)
            if plan.equilibration:
                moving.advance(plan.equilibration)
            for _ in range(plan.n_snapshots):
                yield moving.advance(plan.interval)


class _Moving:
    """The replicas between snapshots."""

    def __init__(self, forces: FullForces, start: Start, settings: SimulationSettings) -> None:
        self._forces, self._start = forces, start
        self._given, self._seed = constants(start, settings.friction), settings.seed
        placed = begin(start, 0, settings.seed)
        self._x, self._v, self._step = placed.positions, placed.velocities, placed.step
        fitted = (one.temperature for one in forces.force_field.potentials)
        self._limit = _HOT * thermal_energy(max([start.temperature, *fitted]))
        parts = zip(
            forces.force_field.potentials, forces.force_field.system.components, strict=True
        )
        counts = [len(term.beads) * part.n_copies for one, part in parts for term in one.terms]
        self._instances = torch.tensor(counts, dtype=torch.float64) * len(self._x)

    def advance(self, n_steps: int) -> Snapshot:
        """Do so many steps, which depend on where the beads are alone: pairs are found anew.

        Raises:
            DivergenceError: a force or the kinetic energy of a bead is beyond its limit.
        """
        random = generator(self._seed, Use.NOISE, step=self._step)
        self._forces.forget()
        felt = self._forces.feel(self._x)
        kinetic = torch.zeros(len(self._x), dtype=torch.float64)
        outside = torch.zeros_like(self._instances)
        for _ in range(n_steps):
            noise = torch.randn(self._x.shape, generator=random, dtype=torch.float64)
            moved = step(self._x, self._v, felt.forces, noise, self._given, self._forces.feel)
            heat = (self._given.half_masses * moved.middle.square()).sum(-1)
            self._check(heat, moved.felt)
            self._x, self._v, felt = moved.positions, moved.velocities, moved.felt
            kinetic, outside = kinetic + heat.sum(1), outside + felt.outside
            self._step += 1
        return self._snapshot(kinetic / max(n_steps, 1), outside / max(n_steps, 1))

    def _snapshot(self, kinetic: Tensor, outside: Tensor) -> Snapshot:
        energy, near = self._forces.energies(self._x)
        return Snapshot(
            step=self._step,
            time=self._step * self._start.timestep,
            positions=self._x,
            velocities=self._v,
            potential_energy=energy,
            kinetic_energy=kinetic,
            outside=torch.cat((outside / self._instances.clamp(min=1), near)),
        )

    def _check(self, heat: Tensor, felt: Felt) -> None:
        """Check a step, with the kinetic energy of each bead, kJ/mol, (replicas, beads)."""
        sound = (heat < self._limit) & felt.forces.isfinite().all(-1)
        if bool(sound.all()):
            return
        replica = int((~sound).any(1).nonzero()[0])
        blame = blamed(self._forces.force_field, self._x[replica])
        raise DivergenceError(
            given=f"replica {replica} diverged at step {self._step} "
            f"({self._step * self._start.timestep:.6g} ps): a force is not finite, or the kinetic "
            f"energy of a bead not finite or far above that of the heat bath; {blame}",
            expected="energies that stay near those of the heat bath",
            remedy="a smaller --timestep; if that does not help, a potential fitted to more data",
        )
