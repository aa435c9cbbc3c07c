"""Chains of beads whose bonds, angles and dihedrals are independent: drawn exactly."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from autograin_cli.geometry import angles, bond_lengths, dihedrals
from autograin_cli.trajectory import Chunk, StoredTrajectory
from autograin_cli.units import thermal_energy


@dataclass(frozen=True)
class Chain:
    """U = sum k (r - r0)² + k' (cos theta - cos0)² + sum_n a_n cos(n phi), types all different.

    n_beads: in a row.
    bond: k in kJ/(mol Å²), r0 in Å.
    angle: k' in kJ/mol, cos0.
    dihedral: a_n in kJ/mol.
    temperature: K.
    """

    n_beads: int
    bond: tuple[float, float] = (300.0, 3.0)
    angle: tuple[float, float] = (40.0, -0.3)
    dihedral: tuple[float, ...] = (2.0, -1.0, 3.0)
    temperature: float = 300.0

    @property
    def bonds(self) -> Tensor:
        """Bonded pairs, (beads - 1, 2)."""
        return torch.tensor(list(pairwise(range(self.n_beads)))).reshape(-1, 2)

    @property
    def types(self) -> tuple[str, ...]:
        """A, B, C, ..."""
        return tuple("ABCDEFGH"[: self.n_beads])

    def bond_energy(self, r: Tensor) -> Tensor:
        """Energy of one bond, kJ/mol."""
        return self.bond[0] * (r - self.bond[1]).square()

    def angle_energy(self, theta: Tensor) -> Tensor:
        """Energy of one angle, kJ/mol."""
        return self.angle[0] * (theta.cos() - self.angle[1]).square()

    def dihedral_energy(self, phi: Tensor) -> Tensor:
        """Energy of one dihedral, kJ/mol."""
        waves = [a * (n * phi).cos() for n, a in enumerate(self.dihedral, start=1)]
        return torch.stack(waves).sum(0)

    def energy(self, positions: Tensor) -> Tensor:
        """Energy of a chain, kJ/mol, (frames,); positions (frames, beads, 3)."""
        row = torch.arange(self.n_beads)
        energy = self.bond_energy(bond_lengths(positions, row.unfold(0, 2, 1))).sum(1)
        if self.n_beads > 2:
            energy = energy + self.angle_energy(angles(positions, row.unfold(0, 3, 1))).sum(1)
        if self.n_beads > 3:
            bent = dihedrals(positions, row.unfold(0, 4, 1))
            energy = energy + self.dihedral_energy(bent).sum(1)
        return energy

    def forces(self, positions: Tensor) -> Tensor:
        """Minus the gradient by automatic differentiation, kJ/(mol Å), (frames, beads, 3)."""
        z = positions.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self.energy(z).sum(), z)
        return -gradient

    def draw(self, n_frames: int, seed: int) -> Tensor:
        """Independent structures of the Boltzmann distribution, Å, (frames, beads, 3).

        A chain without pair interactions has the volume element prod r² sin theta, so each
        coordinate is drawn by itself, from its own inverted distribution function.
        """
        generator = torch.Generator().manual_seed(seed)
        r = torch.linspace(0.5, 8.0, 20001).double()
        theta = torch.linspace(1e-4, torch.pi - 1e-4, 20001).double()
        phi = torch.linspace(-torch.pi, torch.pi, 20001).double()
        shape = (n_frames, self.n_beads)
        length = self._draw(r, self.bond_energy(r), r.square(), shape, generator)
        bend = self._draw(theta, self.angle_energy(theta), theta.sin(), shape, generator)
        twist = self._draw(phi, self.dihedral_energy(phi), torch.ones(20001), shape, generator)
        positions = _built(length, bend, twist)
        frames, _ = torch.linalg.qr(torch.randn(n_frames, 3, 3, generator=generator).double())
        return positions @ (frames * torch.linalg.det(frames)[:, None, None])

    def trajectory(self, n_frames: int, seed: int, noise: float = 0.0) -> StoredTrajectory:
        """Structures with their forces and a Gaussian noise on them, kJ/(mol Å)."""
        positions = self.draw(n_frames, seed)
        generator = torch.Generator().manual_seed(seed + 1)
        error = noise * torch.randn(positions.shape, generator=generator).double()
        times = torch.arange(n_frames).double()
        return StoredTrajectory(Chunk(positions, times, None, self.forces(positions) + error))

    def _draw(
        self,
        q: Tensor,
        energy: Tensor,
        volume: Tensor,
        shape: tuple[int, int],
        generator: torch.Generator,
    ) -> Tensor:
        weights = volume * (-(energy - energy.min()) / thermal_energy(self.temperature)).exp()
        total = torch.cat((torch.zeros(1), torch.cumulative_trapezoid(weights, q))).double()
        chances = torch.rand(shape, generator=generator).double() * total[-1]
        upper = torch.searchsorted(total, chances).clamp(1, len(q) - 1)
        share = (chances - total[upper - 1]) / (total[upper] - total[upper - 1])
        return q[upper - 1] + share * (q[upper] - q[upper - 1])


def _built(length: Tensor, bend: Tensor, twist: Tensor) -> Tensor:
    """Positions from internal coordinates, (frames, beads, 3); what is not needed is left."""
    n_frames, n_beads = length.shape
    positions = torch.zeros(n_frames, n_beads, 3).double()
    along = torch.tensor([1.0, 0, 0]).double().expand(n_frames, 3)
    normal = torch.tensor([0.0, 0, 1]).double().expand(n_frames, 3)
    for bead in range(1, n_beads):
        if bead > 1:
            if bead > 2:
                normal = _turned(normal, along, twist[:, bead])
            along = _turned(along, normal, torch.pi - bend[:, bead])
        positions[:, bead] = positions[:, bead - 1] + length[:, bead, None] * along
    return positions


def _turned(vectors: Tensor, axes: Tensor, by: Tensor) -> Tensor:
    """Rotate vectors about axes at right angles to them."""
    return by.cos()[:, None] * vectors + by.sin()[:, None] * torch.linalg.cross(axes, vectors)
