"""Potential: what the beads of a molecule feel, its energy and its forces."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.geometry import coordinates
from autograin_cli.potential.gradients import coordinates_with_gradients
from autograin_cli.potential.terms import Term


@dataclass(frozen=True)
class Channel:
    """How much of the force along one kind of coordinate is explained.

    name: 'bond', 'angle', 'dihedral', 'pair' (the force on whole molecules) or 'all'.
    r_squared: share of the variance of the mapped force explained, held-out blocks.
    r_squared_error: its standard error from blocks.
    ceiling: the share that the best function of all bead coordinates could explain; None where
        molecules feel one another: no two frames of a liquid are alike.
    ceiling_error: its standard error from blocks; None where there is no ceiling.
    """

    name: str
    r_squared: float
    r_squared_error: float
    ceiling: float | None
    ceiling_error: float | None


@dataclass(frozen=True)
class Potential:
    """The fitted potential of one type of molecule.

    molecule: name of the type of molecule.
    temperature: of the reference, K.
    terms: what is summed.
    channels: how well the forces are explained.
    force_map_kind: of the forces that were matched.
    n_frames: frames times copies that were fitted.
    """

    molecule: str
    temperature: float
    terms: tuple[Term, ...]
    channels: tuple[Channel, ...]
    force_map_kind: str
    n_frames: int

    def term_energies(self, positions: Tensor) -> Tensor:
        """Energy of each term, summed over its instances.

        Args:
            positions: Å, (frames, beads, 3).

        Returns:
            kJ/mol, (frames, terms).
        """
        energies = [positions.new_zeros(positions.shape[0], 0)]
        for term in self.terms:
            q = coordinates(term.coordinate, positions, term.beads)
            energies.append(term.table.evaluate(q)[0].sum(1, keepdim=True))
        return torch.cat(energies, dim=1)

    def energy(self, positions: Tensor) -> Tensor:
        """Energy of a molecule.

        Args:
            positions: Å, (frames, beads, 3).

        Returns:
            kJ/mol, (frames,).
        """
        return self.term_energies(positions).sum(1)

    def forces(self, positions: Tensor) -> Tensor:
        """Forces on the beads, minus the gradient of the energy.

        Args:
            positions: Å, (frames, beads, 3).

        Returns:
            kJ/(mol Å), (frames, beads, 3).
        """
        forces = torch.zeros_like(positions)
        for term in self.terms:
            q, gradients = coordinates_with_gradients(term.coordinate, positions, term.beads)
            on_members = -term.table.evaluate(q)[1][..., None, None] * gradients
            members = term.beads.flatten().to(positions.device)
            forces.index_add_(1, members, on_members.flatten(1, 2))
        return forces
