"""The built-in engine on CPUs: compiled kernels, replicas spread over threads."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np
import torch
from torch import Tensor

from autograin_cli import kernels
from autograin_cli.compilation import is_cached
from autograin_cli.kernel_arrays import LANES, Bath, Terms, new_block, new_state
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.langevin import constants
from autograin_cli.simulation.random_numbers import SEEDS
from autograin_cli.simulation.replicas import Replicas, kinetic_limit, snapshots


@dataclass(frozen=True)
class CompiledEngine:
    """BAOAB on CPUs, exactly the same for any number of threads.

    threads: how many; 0 is as many as torch uses.
    """

    threads: int = 0

    def run(
        self, potential: Potential, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        """Yield a snapshot every `settings.interval` ps, the first after the equilibration.

        Raises:
            SettingError: the times do not fit one another.
            DivergenceError: a kinetic energy is not finite or far too large; it names the step
                and the term that is worst off.
        """
        n_threads = self.threads or torch.get_num_threads()
        limit = kinetic_limit(potential, start)
        with ThreadPoolExecutor(n_threads) as pool:
            integrator = CompiledIntegrator(
                terms_of(potential),
                len(potential.terms),
                bath_of(start, settings.friction, settings.seed, limit),
                pool,
                n_threads,
            )
            yield from snapshots(integrator, potential, start, settings)


@dataclass(frozen=True)
class CompiledIntegrator:
    """Calls the kernel in threads, each with a range of replicas.

    terms: the potential as arrays.
    n_terms: kinds of bonds, angles and dihedrals.
    bath: the constants.
    pool: of threads.
    n_threads: how many.
    """

    terms: Terms
    n_terms: int
    bath: Bath
    pool: ThreadPoolExecutor
    n_threads: int

    def advance(self, replicas: Replicas, n_steps: int) -> Replicas:
        """Do so many steps."""
        n_replicas, n_beads, _ = replicas.positions.shape
        state = new_state(replicas.positions.numpy(), replicas.velocities.numpy(), self.n_terms)
        steps = (replicas.step, replicas.step + n_steps)

        def work(span: tuple[int, int]) -> None:
            block = new_block(n_beads, self.n_terms)
            kernels.advance(state, span, steps, self.terms, self.bath, block)

        first, *others = spans(n_replicas, self.n_threads)
        pending = [self.pool.submit(work, span) for span in others]
        work(first)
        for part in pending:
            part.result()
        return Replicas(
            step=replicas.step + n_steps,
            positions=torch.from_numpy(state.positions),
            velocities=torch.from_numpy(state.velocities),
            energy=torch.from_numpy(state.energy),
            kinetic=torch.from_numpy(state.kinetic),
            outside=torch.from_numpy(state.outside.sum(0)),
            diverged=torch.from_numpy(state.diverged),
        )


def energies_and_forces(terms: Terms, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Evaluate structures with the kernel.

    Args:
        terms: the potential as arrays.
        positions: Å, (structures, beads, 3).

    Returns:
        kJ/mol, (structures,), and kJ/(mol Å), (structures, beads, 3).
    """
    n_structures, n_beads, _ = positions.shape
    n_terms = 1 + int(terms.layout[:, 1].max(initial=0))
    state = new_state(positions.double().numpy(), positions.double().numpy(), n_terms)
    at_rest = np.zeros(n_beads)
    bath = Bath(0.0, at_rest, at_rest, 1.0, at_rest, np.inf, np.uint64(0))
    block = new_block(n_beads, n_terms)
    kernels.advance(state, (0, n_structures), (0, 0), terms, bath, block)
    return torch.from_numpy(state.energy), torch.from_numpy(state.forces)


def compiled() -> bool:
    """Whether machine code of the kernels lies in the compiler's cache; making it takes seconds."""
    return is_cached(kernels.advance, kernels.__file__)


def spans(n_replicas: int, n_threads: int) -> list[tuple[int, int]]:
    """Ranges of replicas of whole blocks, one for each thread that gets any."""
    n_blocks = ceil(n_replicas / LANES)
    n_parts = min(n_threads, n_blocks)
    ends = [LANES * (n_blocks * part // n_parts) for part in range(n_parts + 1)]
    return [(a, min(b, n_replicas)) for a, b in pairwise(ends)]


def bath_of(start: Start, friction: float, seed: int, limit: float) -> Bath:
    """Give the constants of a step to the kernel.

    Args:
        start: masses, temperature and time step.
        friction: 1/ps.
        seed: of the noise.
        limit: kinetic energy of a replica that counts as divergence, kJ/mol.
    """
    given = constants(start, friction)
    return Bath(
        given.half_step,
        given.kicks[:, 0].numpy(),
        given.half_masses[:, 0].numpy(),
        given.decay,
        given.spreads[:, 0].numpy(),
        limit,
        np.uint64(seed % SEEDS),
    )


def terms_of(potential: Potential) -> Terms:
    """Give the instances of all terms to the kernel."""
    members, layout, ranges = [], [], []
    first = 0
    for number, term in enumerate(potential.terms):
        n_instances, n_members = term.beads.shape
        n_cells = len(term.table.energy) - 1
        padded = torch.zeros(n_instances, 4, dtype=torch.int64)
        padded[:, :n_members] = term.beads
        members.append(padded)
        layout.append(torch.tensor([[n_members, number, first, n_cells]]).repeat(n_instances, 1))
        ranges.append(_ranges(term).repeat(n_instances, 1))
        first += n_cells
    cells = [_cells(term.table) for term in potential.terms]
    return Terms(
        torch.cat([torch.zeros(0, 4, dtype=torch.int64), *members]).numpy(),
        torch.cat([torch.zeros(0, 4, dtype=torch.int64), *layout]).numpy(),
        torch.cat([torch.zeros(0, 8, dtype=torch.float64), *ranges]).numpy(),
        torch.cat([torch.zeros(0, 4, dtype=torch.float64), *cells]).numpy(),
    )


def _ranges(term: Term) -> Tensor:
    table = term.table
    period = table.high - table.low if table.periodic else 0.0
    values = [
        table.low,
        table.high,
        (len(table.energy) - 1) / (table.high - table.low),
        table.wall_stiffness,
        term.sampled_low,
        term.sampled_high,
        period,
        1 / period if period else 0.0,
    ]
    return torch.tensor([values], dtype=torch.float64)


def _cells(table: Table) -> Tensor:
    """Cubic of the energy in each cell, by the fraction of the cell, (cells, 4)."""
    energy, slope = table.energy.double(), table.slope.double()
    slope = slope * (table.high - table.low) / (len(energy) - 1)
    rise = energy.diff()
    second = 3 * rise - 2 * slope[:-1] - slope[1:]
    third = slope[:-1] + slope[1:] - 2 * rise
    return torch.stack((energy[:-1], slope[:-1], second, third), dim=1)
