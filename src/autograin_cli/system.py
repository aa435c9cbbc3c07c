"""System: which beads a frame holds, in which order, of which molecules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Component:
    """Copies of one type of molecule, as beads.

    name: of the type of molecule.
    bead_types: one for each bead of a copy; beads of one type are equivalent, in all components.
    bonds: bonded pairs of beads of a copy, (bonds, 2), int64.
    masses: u, (beads of a copy,); None where unknown.
    n_copies: copies in a frame.
    """

    name: str
    bead_types: tuple[str, ...]
    bonds: Tensor
    masses: Tensor | None
    n_copies: int

    @property
    def n_beads(self) -> int:
        """Beads of one copy."""
        return len(self.bead_types)


@dataclass(frozen=True)
class System:
    """All beads of a frame: component after component, copy after copy.

    components: the types of molecules, in order.
    """

    components: tuple[Component, ...]

    @property
    def n_beads(self) -> int:
        """Beads of a frame."""
        return sum(part.n_beads * part.n_copies for part in self.components)

    @property
    def n_molecules(self) -> int:
        """Molecules of a frame."""
        return sum(part.n_copies for part in self.components)

    @property
    def type_names(self) -> tuple[str, ...]:
        """Distinct types of beads, in the order in which a frame meets them."""
        return tuple(dict.fromkeys(name for part in self.components for name in part.bead_types))

    @property
    def types(self) -> Tensor:
        """Type of each bead, an index into `type_names`, (beads,), int64."""
        numbers = {name: number for number, name in enumerate(self.type_names)}
        return self._of_each_copy([[numbers[t] for t in p.bead_types] for p in self.components])

    @property
    def molecules(self) -> Tensor:
        """Molecule of each bead, (beads,), int64."""
        counts = [part.n_beads for part in self.components for _ in range(part.n_copies)]
        return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))

    @property
    def masses(self) -> Tensor | None:
        """Mass of each bead, u, (beads,); None where one is unknown."""
        known = [part.masses for part in self.components if part.masses is not None]
        if len(known) < len(self.components):
            return None
        copies = [part.n_copies for part in self.components]
        return torch.cat([mass.repeat(n) for mass, n in zip(known, copies, strict=True)])

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where the beads of each component stand in a frame."""
        ends = [0, *accumulate(part.n_beads * part.n_copies for part in self.components)]
        return tuple(slice(a, b) for a, b in pairwise(ends))

    def members(self, component: int, beads: Tensor) -> Tensor:
        """Beads of a frame for instances of a copy of a component, of all its copies.

        Args:
            component: which one.
            beads: bead indices within a copy, (instances, members), int64.

        Returns:
            Bead indices within a frame, (copies instances, members), int64.
        """
        part = self.components[component]
        firsts = self.slices[component].start + part.n_beads * torch.arange(part.n_copies)
        return (firsts[:, None, None] + beads).flatten(0, 1)

    def exclusions(self, n_bonds: int) -> Tensor:
        """Pairs of beads at most so many bonds apart, which feel no pair term.

        Returns:
            Bead indices within a frame, (pairs, 2), int64, the smaller first, sorted.
        """
        pairs = [
            self.members(number, _within(part.n_beads, part.bonds, n_bonds))
            for number, part in enumerate(self.components)
        ]
        return torch.cat([torch.zeros(0, 2, dtype=torch.int64), *pairs])

    def with_copies(self, counts: Sequence[int]) -> "System":
        """The same molecules in other numbers, one for each component."""
        parts = zip(self.components, counts, strict=True)
        return System(tuple(replace(part, n_copies=count) for part, count in parts))

    def _of_each_copy(self, values: Sequence[Sequence[int]]) -> Tensor:
        parts = zip(self.components, values, strict=True)
        return torch.cat([torch.tensor(row).repeat(part.n_copies) for part, row in parts])


@dataclass(frozen=True)
class Configuration:
    """One frame of all beads.

    positions: Å, (beads, 3); molecules whole.
    box: Å, (3, 3), rows are the box vectors; None in vacuum.
    """

    positions: Tensor
    box: Tensor | None


def _within(n_beads: int, bonds: Tensor, n_bonds: int) -> Tensor:
    """Pairs of beads of a molecule at most so many bonds apart, (pairs, 2)."""
    step = torch.eye(n_beads, dtype=torch.bool)
    step[bonds[:, 0], bonds[:, 1]] = True
    step[bonds[:, 1], bonds[:, 0]] = True
    reached = torch.eye(n_beads, dtype=torch.bool)
    for _ in range(n_bonds):
        reached = (reached.double() @ step.double()) > 0
    return reached.triu(1).nonzero()
