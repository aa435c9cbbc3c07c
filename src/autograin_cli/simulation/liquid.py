"""The built-in engine for boxes of molecules: compiled kernels, neighbour rows, threads."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from autograin_cli import liquid_kernels
from autograin_cli.errors import DivergenceError
from autograin_cli.kernel_arrays import Bath
from autograin_cli.liquid_arrays import Rows, Task
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.compiled import bath_of
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.liquid_state import (
    Model,
    best_skin,
    in_parts,
    model_of,
    new_block,
    new_liquid,
    rows_of,
    sort,
)
from autograin_cli.simulation.replicas import Replicas, begin, schedule
from autograin_cli.units import thermal_energy

_BEAD_STEPS = 3_000_000  # of one call, a second or less: so often can a run be interrupted
_FEWEST = 1000  # beads for each thread
_HOT = 1000.0  # kT of one bead, which chance does not reach
_FAST = 4.5  # times the thermal speed along an axis: that of the fastest bead


@dataclass(frozen=True)
class LiquidEngine:
    """BAOAB of all molecules of a box, exactly the same for any number of threads.

    threads: how many; 0 is as many as torch uses.
    """

    threads: int = 0

    def run(
        self, force_field: ForceField, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        """Yield a snapshot every `settings.interval` ps, the first after the equilibration.

        Raises:
            SettingError: the times do not fit one another, or the box is too small.
            DivergenceError: a kinetic energy is not finite or far too large; it names the step
                and the term that is worst off.
        """
        plan = schedule(start.timestep, settings).after(start.last)
        n_threads = self.threads or torch.get_num_threads()
        with ThreadPoolExecutor(n_threads) as pool:
            replicas = _replicas(force_field, start, settings, pool, n_threads)
            outer = pool if len(replicas) > 1 else None

            def advance(n_steps: int) -> list[Felt]:
                return in_parts(lambda replica: replica.advance(n_steps), replicas, outer)

            if plan.equilibration:
                advance(plan.equilibration)
            for number in range(plan.n_snapshots):
                felt = advance(plan.interval)
                yield _snapshot(felt, replicas, start, plan.interval)
                for replica, now in zip(replicas, felt, strict=True):
                    if plan.ends_spell(number):
                        replica.place(now.positions, now.velocities)


@dataclass(frozen=True)
class Felt:
    """A replica after some steps, in the order of the system.

    positions: Å, (beads, 3).
    velocities: Å/ps, (beads, 3).
    energy: kJ/mol.
    kinetic: mid-step kinetic energy, kJ/mol, summed over steps.
    outside: instances of each bonded term outside, summed over steps; for each pair term the
        share of its pairs that are nearer than was sampled, (terms,).
    """

    positions: Tensor
    velocities: Tensor
    energy: float
    kinetic: float
    outside: Tensor


class LiquidReplica:
    """One replica: its beads, and the calls of the kernels that move them."""

    def __init__(
        self, force_field: ForceField, start: Start, bath: Bath, number: int, begun: Replicas
    ) -> None:
        """Place the beads as they begin."""
        self.force_field, self.start, self.bath, self.number = force_field, start, bath, number
        self.model = model_of(force_field, start.box)
        fastest = float(thermal_energy(start.temperature) / bath.half_masses.min() / 2) ** 0.5
        way = _FAST * fastest * start.timestep
        self.skin = best_skin(self.model, begun.positions.shape[1], way)
        self.step = begun.step
        self.blocks = [new_block(self.model)]
        self.units = [(0, len(self.model.molecules.units))]
        self.pool: ThreadPoolExecutor | None = None
        self.reach = self.model.cutoff + self.skin
        self.place(begun.positions[number], begun.velocities[number])

    def place(self, positions: Tensor, velocities: Tensor) -> None:
        """Place the beads, and find their partners anew.

        This is done at the end of every spell, so that what follows depends on that snapshot alone
        and not on when partners were found before: a run that goes on from it is the same to the
        last bit.

        Args:
            positions: Å, (beads, 3).
            velocities: Å/ps, (beads, 3).
        """
        here, turned = (
            self.model.lattice.turned(values.double()).numpy() for values in (positions, velocities)
        )
        self.liquid = new_liquid(here, turned, self.bath)
        self._sort(None)
        _, forces = self._evaluated()
        self.liquid.velocities[:] -= self.liquid.kicks * forces

    def share(self, pool: ThreadPoolExecutor, n_threads: int) -> None:
        """Use several threads from now on."""
        n_parts = max(1, min(n_threads, self.liquid.positions.shape[2] // _FEWEST))
        self.units = _even(self.model, n_parts)
        self.blocks = [new_block(self.model) for _ in self.units]
        self.pool = pool if n_parts > 1 else None

    def advance(self, n_steps: int) -> Felt:
        """Do so many steps.

        Raises:
            DivergenceError: the kinetic energy of a bead passed its limit, or is not finite.
        """
        self.liquid.kinetic[:] = 0.0
        for block in self.blocks:
            block.noise.fill(0.0)
        end = self.step + n_steps
        while self.step < end:
            most = max(_BEAD_STEPS // len(self.liquid.kinetic), 1)
            n_now = 1 if self.pool else min(most, end - self.step)
            self._step(self.step + n_now)
        return self._felt()

    def _step(self, end: int) -> None:
        def work(part: int) -> tuple[int, int]:
            task = Task(self.units[part], (self.step, end), self.number, (self.skin / 2) ** 2)
            return liquid_kernels.advance(
                self.liquid,
                self.rows,
                self.model.molecules,
                self.model.tables,
                self.model.box,
                self.bath,
                task,
                self.blocks[part],
            )

        results = in_parts(work, range(len(self.units)), self.pool)
        self.step = results[0][0]
        state = max(state for _, state in results)
        if state == liquid_kernels.DIVERGED:
            raise self._diverged()
        if state == liquid_kernels.SORT:
            self._sort(self.rows)

    def _sort(self, before: Rows | None) -> None:
        """Sort the beads and find their partners anew, in the memory of the rows of before."""
        sort(self.liquid, self.step & 1, self.model, self.reach)
        self.rows = rows_of(
            self.liquid.reference, self.model, self.reach, before, self.pool, len(self.units)
        )

    def _evaluated(self) -> tuple[np.ndarray, np.ndarray]:
        """Energy and other sums, and forces by place, of the beads as they are."""
        sums = np.zeros(2 + self.model.n_terms + 2 * len(self.model.tables.near))
        liquid_kernels.evaluate(
            self.liquid,
            self.step & 1,
            self.rows,
            self.model.molecules,
            self.model.tables,
            self.model.box,
            new_block(self.model),
            sums,
        )
        return sums, self.liquid.forces

    def _felt(self) -> Felt:
        sums, forces = self._evaluated()
        order = np.argsort(self.liquid.numbers)
        n_terms = self.model.n_terms
        bonded = sum(block.noise for block in self.blocks)
        met, near = sums[2 + n_terms :: 2], sums[3 + n_terms :: 2]
        velocities = self.liquid.velocities + self.liquid.kicks * forces
        return Felt(
            positions=self._unsorted(self.liquid.positions[self.step & 1]),
            velocities=self._unsorted(velocities),
            energy=float(sums[0]),
            kinetic=float(self.liquid.kinetic[order].sum()),
            outside=torch.from_numpy(np.concatenate((bonded, near / np.maximum(met, 1.0)))),
        )

    def _unsorted(self, vectors: np.ndarray) -> Tensor:
        """Vectors in the order of the system and the frame of the user, (beads, 3)."""
        order = np.argsort(self.liquid.numbers)
        return self.model.lattice.returned(torch.from_numpy(vectors[:, order].T.copy()))

    def _diverged(self) -> DivergenceError:
        step = self.step - 1
        positions = self._unsorted(self.liquid.positions[step & 1])
        return DivergenceError(
            given=f"replica {self.number} diverged at step {step} "
            f"({step * self.start.timestep:.6g} ps): the kinetic energy of a bead is not finite "
            f"or far above that of the heat bath; {blamed(self.force_field, positions)}",
            expected="energies that stay near those of the heat bath",
            remedy="a smaller --timestep; if that does not help, a potential fitted to more data",
        )


def blamed(force_field: ForceField, positions: Tensor) -> str:
    """Name the bonded term whose instance is highest in energy; Å, (beads, 3)."""
    highest = dict[str, float]()
    system = force_field.system
    parts = zip(force_field.potentials, system.components, system.slices, strict=True)
    for potential, part, where in parts:
        copies = positions[where].reshape(-1, part.n_beads, 3)
        energies = potential.term_energies(copies).nan_to_num(nan=torch.inf).max(0).values
        names = [term.name for term in potential.terms]
        highest.update(zip(names, energies.tolist(), strict=True))
    if not highest:
        return "there are no bonded terms, so two beads came too near each other"
    worst = max(highest, key=highest.__getitem__)
    return f"of the bonded terms '{worst}' is highest, at {highest[worst]:.4g} kJ/mol"


def _replicas(
    force_field: ForceField,
    start: Start,
    settings: SimulationSettings,
    pool: ThreadPoolExecutor,
    n_threads: int,
) -> list[LiquidReplica]:
    warmest = max([start.temperature, *(one.temperature for one in force_field.potentials)])
    bath = bath_of(start, settings.friction, settings.seed, _HOT * thermal_energy(warmest))
    begun = begin(start, 0, settings.seed)
    replicas = [
        LiquidReplica(force_field, start, bath, number, begun)
        for number in range(len(start.positions))
    ]
    if len(replicas) == 1:
        replicas[0].share(pool, n_threads)
    return replicas


def _snapshot(
    felt: list[Felt], replicas: list[LiquidReplica], start: Start, n_steps: int
) -> Snapshot:
    force_field, step = replicas[0].force_field, replicas[0].step
    counts = [
        len(term.beads) * part.n_copies * n_steps
        for potential, part in zip(
            force_field.potentials, force_field.system.components, strict=True
        )
        for term in potential.terms
    ]
    outside = torch.stack([one.outside for one in felt]).mean(0)
    outside[: len(counts)] /= torch.tensor(counts, dtype=torch.float64).clamp(min=1)
    return Snapshot(
        step=step,
        time=step * start.timestep,
        positions=torch.stack([one.positions for one in felt]),
        velocities=torch.stack([one.velocities for one in felt]),
        potential_energy=torch.tensor([one.energy for one in felt], dtype=torch.float64),
        kinetic_energy=torch.tensor([one.kinetic / n_steps for one in felt], dtype=torch.float64),
        outside=outside,
    )


def _even(model: Model, n_parts: int) -> list[tuple[int, int]]:
    """Ranges of units with about as many beads in each."""
    units = model.molecules.units
    beads = np.cumsum(units[:, 2] * model.molecules.components[units[:, 0], 2])
    ends = np.searchsorted(beads, beads[-1] * np.arange(1, n_parts) / n_parts) + 1
    bounds = [0, *ends.tolist(), len(units)]
    return [(a, b) for a, b in pairwise(bounds) if a < b]
