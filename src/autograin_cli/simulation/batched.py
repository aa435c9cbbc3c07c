"""The built-in engine on CUDA: all replicas as one batch of tensors."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograin_cli.geometry import coordinates
from autograin_cli.potential.gradients import coordinates_with_gradients
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Term
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.langevin import (
    Constants,
    Felt,
    constants,
    kinetic_energy,
    step,
)
from autograin_cli.simulation.random_numbers import Use, seed_of
from autograin_cli.simulation.replicas import Replicas, kinetic_limit, snapshots


@dataclass(frozen=True)
class BatchedEngine:
    """BAOAB on any device of torch; nothing in a step waits for the device.

    device: 'cuda', or 'cpu' as a plain version of the compiled engine.
    """

    device: str

    def run(
        self, potential: Potential, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        """Yield a snapshot every `settings.interval` ps, the first after the equilibration.

        Raises:
            SettingError: the times do not fit one another.
            DivergenceError: a kinetic energy is not finite or far too large; it names the step
                and the term that is worst off.
        """
        device = torch.device(self.device)
        integrator = BatchedIntegrator(
            tuple(_moved(term, device) for term in potential.terms),
            constants(start, settings.friction).to(device),
            kinetic_limit(potential, start),
            settings.seed,
            device,
        )
        yield from snapshots(integrator, potential, start, settings)


@dataclass(frozen=True)
class BatchedIntegrator:
    """Advances the replicas with tensors.

    terms: of the potential, on the device.
    constants: of a step, on the device.
    limit: kinetic energy of a replica that counts as divergence, kJ/mol.
    seed: of the noise.
    device: of the tensors.
    """

    terms: tuple[Term, ...]
    constants: Constants
    limit: float
    seed: int
    device: torch.device

    def advance(self, replicas: Replicas, n_steps: int) -> Replicas:
        """Do so many steps."""
        device = self.device
        random = torch.Generator(device)
        x, v = replicas.positions.to(device), replicas.velocities.to(device)
        felt = self.feel(x)
        kinetic = x.new_zeros(len(x))
        outside = torch.zeros_like(felt.outside)
        diverged = torch.full((len(x),), -1, device=device)
        for number in range(replicas.step, replicas.step + n_steps):
            # Of the step alone, so that it does not matter which steps were done together.
            random.manual_seed(seed_of(self.seed, Use.NOISE, number))
            noise = torch.randn(x.shape, generator=random, dtype=x.dtype, device=device)
            moved = step(x, v, felt.forces, noise, self.constants, self.feel)
            heat = kinetic_energy(moved.middle, self.constants)
            diverged = torch.where((diverged < 0) & ~(heat < self.limit), number, diverged)
            sound = (diverged < 0)[:, None, None]
            x, v = torch.where(sound, moved.positions, x), torch.where(sound, moved.velocities, v)
            felt, kinetic, outside = moved.felt, kinetic + heat, outside + moved.felt.outside
        return Replicas(
            step=replicas.step + n_steps,
            positions=x.cpu(),
            velocities=v.cpu(),
            energy=self.energy(x).cpu(),
            kinetic=kinetic.cpu(),
            outside=outside.cpu(),
            diverged=diverged.cpu(),
        )

    def feel(self, positions: Tensor) -> Felt:
        """Forces and what is outside, at positions in Å, (replicas, beads, 3)."""
        positions = positions.nan_to_num(0.0, 0.0, 0.0)  # of a replica that diverges just now
        forces, outside = torch.zeros_like(positions), []
        for term in self.terms:
            q, gradients = coordinates_with_gradients(term.coordinate, positions, term.beads)
            pull = -term.table.evaluate(q)[1][..., None, None] * gradients
            forces.index_add_(1, term.beads.flatten(), pull.flatten(1, 2))
            outside.append(term.is_outside(q).sum())
        none = torch.zeros(0, dtype=torch.int64, device=positions.device)
        return Felt(forces, torch.stack(outside) if outside else none)

    def energy(self, positions: Tensor) -> Tensor:
        """Energy at positions in Å, (replicas, beads, 3), kJ/mol, (replicas,)."""
        energy = positions.new_zeros(len(positions))
        for term in self.terms:
            q = coordinates(term.coordinate, positions, term.beads)
            energy = energy + term.table.evaluate(q)[0].sum(1)
        return energy


def _moved(term: Term, device: torch.device) -> Term:
    """Give what is evaluated of a term to a device."""
    table = replace(
        term.table, energy=term.table.energy.to(device), slope=term.table.slope.to(device)
    )
    return replace(term, beads=term.beads.to(device), table=table)
