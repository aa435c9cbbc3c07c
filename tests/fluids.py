"""Beads in a box that feel known pair energies, plainly summed: every pair, by autograd."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.geometry import bond_lengths, minimum_image
from autograin_cli.system import Component, System
from autograin_cli.trajectory import Chunk, StoredTrajectory

Energy = Callable[[Tensor], Tensor]
NO_BONDS = torch.zeros(0, 2, dtype=torch.int64)
PAIR = torch.tensor([[0, 1]])


def cube(edge: float) -> Tensor:
    """A cubic box."""
    return edge * torch.eye(3, dtype=torch.float64)


def component(name: str, types: str, n_copies: int, bonds: Tensor = NO_BONDS) -> Component:
    """Copies of a molecule whose beads have one-letter types."""
    return Component(name, tuple(types), bonds, None, n_copies)


@dataclass(frozen=True)
class Fluid:
    """U = sum of pair energies, and k (r - r0)² of every bond.

    system: the beads.
    box: Å, (3, 3); None in vacuum.
    energies: of a pair by its types, in alphabetical order, as 'AB'.
    excluded_bonds: beads of a molecule at most so many bonds apart feel no pair energy.
    bond: k in kJ/(mol Å²), r0 in Å.
    """

    system: System
    box: Tensor | None
    energies: dict[str, Energy]
    excluded_bonds: int = 2
    bond: tuple[float, float] = (300.0, 1.5)

    def draw(self, n_frames: int, seed: int) -> Tensor:
        """Molecules on a shaken lattice, whole, their beads about r0 apart, (frames, beads, 3)."""
        random = torch.Generator().manual_seed(seed)
        n = self.system.n_molecules
        side = next(k for k in range(1, 100) if k**3 >= n)
        lattice = torch.cartesian_prod(*[torch.arange(side, dtype=torch.float64)] * 3)
        places = (lattice[torch.randperm(side**3, generator=random)[:n]] + 0.5) / side
        edges = self.box if self.box is not None else cube(4.0 * side)
        centres = places + 0.25 / side * (torch.rand(n_frames, n, 3, generator=random) - 0.5)
        first = (centres.double() @ edges)[:, self.system.molecules]
        number = torch.cat([torch.arange(p.n_beads).repeat(p.n_copies) for p in self._parts])
        shift = torch.randn(n_frames, self.system.n_beads, 3, generator=random).double()
        shift = 0.1 * shift + number[:, None] * torch.tensor([0.8, 0.9, 0.9]).double()
        return first + torch.where(number[:, None] > 0, shift, 0.0)

    def energy(self, positions: Tensor) -> Tensor:
        """Energy of frames, kJ/mol, (frames,)."""
        energy = positions.new_zeros(len(positions))
        for number, part in enumerate(self._parts):
            r = bond_lengths(positions, self.system.members(number, part.bonds))
            energy = energy + (self.bond[0] * (r - self.bond[1]).square()).sum(1)
        felt = torch.ones(self.system.n_beads, self.system.n_beads, dtype=torch.bool).triu(1)
        felt[tuple(self.system.exclusions(self.excluded_bonds).T)] = False
        first, second = felt.nonzero().T
        apart = positions[:, second] - positions[:, first]
        if self.box is not None:
            apart = minimum_image(apart, self.box.expand(len(positions), 3, 3))
        names = self.system.type_names
        for kinds, of in self.energies.items():
            pair = sorted(names.index(kind) for kind in kinds)
            types = torch.stack((self.system.types[first], self.system.types[second]))
            mine = (types.sort(dim=0).values == torch.tensor(pair)[:, None]).all(0)
            energy = energy + of(apart[:, mine].norm(dim=-1)).sum(1)
        return energy

    def forces(self, positions: Tensor) -> Tensor:
        """Minus the gradient, kJ/(mol Å), (frames, beads, 3)."""
        moved = positions.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self.energy(moved).sum(), moved)
        return -gradient

    def trajectory(self, n_frames: int, seed: int, noise: float = 0.0) -> StoredTrajectory:
        """Frames with their forces and a Gaussian noise on them, kJ/(mol Å)."""
        positions = self.draw(n_frames, seed)
        random = torch.Generator().manual_seed(seed + 1)
        error = noise * torch.randn(positions.shape, generator=random).double()
        boxes = None if self.box is None else self.box.expand(n_frames, 3, 3)
        forces = self.forces(positions) + error
        return StoredTrajectory(Chunk(positions, torch.arange(n_frames).double(), boxes, forces))

    @property
    def _parts(self) -> tuple[Component, ...]:
        return self.system.components
