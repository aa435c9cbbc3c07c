"""Bonds, angles and dihedrals of soft beads: forces linear in their coefficients."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.geometry import coordinates
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.passes import State
from autograin_cli.potential.bonded_forms import form_of
from autograin_cli.potential.fitted_terms import wanted_terms
from autograin_cli.potential.forms import Form
from autograin_cli.potential.gradients import coordinates_with_gradients
from autograin_cli.potential.topology import TermMembers
from autograin_cli.settings import PotentialSettings

# Forms without a range: beads that are still soft may be anywhere.
_FORMS = {"bond": "harmonic", "angle": "cosine", "dihedral": "fourier"}
_HARMONICS = 3
_RIDGE = 1e-9  # of the diagonal


@dataclass(frozen=True)
class Bonded:
    """The bonded terms of a molecule, and the forms that they have while beads are soft.

    members: instances of each term.
    forms: one for each term.
    """

    members: tuple[TermMembers, ...]
    forms: tuple[Form, ...]

    @property
    def size(self) -> int:
        """Coefficients of all terms."""
        return sum(form.size for form in self.forms)

    def basis(self, positions: Tensor) -> Tensor:
        """Forces of each function with a coefficient of 1; differentiable by the positions.

        Args:
            positions: of the beads, Å, (structures, beads, 3).

        Returns:
            kJ/(mol Å), (structures, beads, 3, coefficients).
        """
        n_structures, n_beads, _ = positions.shape
        parts = [positions.new_zeros(n_structures, n_beads, 3, 0)]
        for member, form in zip(self.members, self.forms, strict=True):
            q, gradients = coordinates_with_gradients(member.coordinate, positions, member.beads)
            slopes = form.local(q).derivatives  # all functions of these forms, in order
            pulls = torch.einsum("sik,simd->simdk", -slopes, gradients).flatten(1, 2)
            zeros = positions.new_zeros(n_structures, n_beads, 3, form.size)
            parts.append(zeros.index_add(1, member.beads.flatten(), pulls))
        return torch.cat(parts, dim=-1)

    def fitted(self, positions: Tensor, forces: Tensor) -> Tensor:
        """Forces with the best coefficients; differentiable by the positions.

        Args:
            positions: of the beads, Å, (structures, beads, 3).
            forces: kJ/(mol Å), (structures, beads, 3).

        Returns:
            kJ/(mol Å), (structures, beads, 3).
        """
        basis = self.basis(positions)
        return basis @ least_squares(basis, forces)

    def state(self) -> State:
        """Nothing: each batch is fitted by itself."""
        return {}

    def restore(self, n_steps: int, state: State) -> None:
        """Nothing to go on from."""


def least_squares(basis: Tensor, forces: Tensor) -> Tensor:
    """Coefficients that leave the least of the forces, (coefficients,); no gradient.

    They are stationary, so the gradient of the residual with them held is the whole gradient.

    Args:
        basis: kJ/(mol Å), (structures, beads, 3, coefficients).
        forces: kJ/(mol Å), (structures, beads, 3).

    Source: Golub and Pereyra, SIAM J. Numer. Anal. 10, 413 (1973).
    """
    rows, right = basis.detach().flatten(0, 2), forces.detach().flatten()
    sizes = rows.norm(dim=0).clamp_min(1e-300)
    scaled = rows / sizes
    matrix = scaled.T @ scaled + _RIDGE * torch.eye(len(sizes), dtype=rows.dtype)
    found: Tensor = torch.linalg.solve(matrix, scaled.T @ right) / sizes
    return found


def bonded_of(mapping: Mapping, positions: Tensor, settings: PotentialSettings) -> Bonded:
    """Give the terms that are wanted of the beads of a mapping.

    Args:
        mapping: whose beads, bonds and types they are.
        positions: of the beads, Å, (structures, beads, 3): for the centres of the forms.
        settings: which terms are wanted.
    """
    members = wanted_terms(mapping.bead_bonds, mapping.bead_types, settings)
    forms = []
    for member in members:
        mean = float(coordinates(member.coordinate, positions, member.beads).mean())
        form = _FORMS[member.coordinate]
        forms.append(form_of(form, mean, mean, knots=1, harmonics=_HARMONICS))
    return Bonded(members, tuple(forms))
