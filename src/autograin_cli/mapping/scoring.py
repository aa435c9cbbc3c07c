"""Scores of hard mappings, from sums over the atoms of each bead.

A mapping is a label in 0..N-1 for each unit (atoms that may not be parted). All that its
objective needs are sums over pairs of units in the same bead, so units are contracted once and
a candidate costs O(N³) whatever the number of atoms.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.mapping.autoencoder import bordered_inverse, one_hot
from autograin_cli.mapping.topology import Units

_BATCH = 8192


@dataclass(frozen=True)
class Objective:
    """L_AE + lambda C + rho <|F|²>, on sums over pairs of units.

    The matrices and the trace may have leading dimensions, (blocks, 1, ...): scores are then
    those of each block of frames, (blocks, mappings).

    gram, squared: G and G² weighted and summed over the atoms of two units, (units, units).
    mixed: G weighted on one side, symmetrised, (units, units).
    forces: <f_i·f_j>, (units, units); zeros without forces.
    masses: summed weights of a unit, (units,).
    sizes: atoms of a unit, (units,).
    trace: of G, Å², ().
    weights: 1, lambda and rho: of L_AE, C and <|F|²>.
    """

    gram: Tensor
    squared: Tensor
    mixed: Tensor
    forces: Tensor
    masses: Tensor
    sizes: Tensor
    trace: Tensor
    weights: tuple[float, float, float]


@dataclass(frozen=True)
class Sums:
    """Sums of an objective's matrices over the units of beads; leading dimensions are batches.

    gram, squared: (..., beads, beads).
    mixed, forces: diagonal blocks, (..., beads).
    masses, sizes: (..., beads).
    """

    gram: Tensor
    squared: Tensor
    mixed: Tensor
    forces: Tensor
    masses: Tensor
    sizes: Tensor


@dataclass(frozen=True)
class Scores:
    """Scores of mappings: each (...).

    loss: L_AE, Å², mean over atoms.
    compactness: C, Å², mean over atoms.
    mean_square_force: (kJ/(mol Å))², mean over beads.
    objective: the weighted sum.
    """

    loss: Tensor
    compactness: Tensor
    mean_square_force: Tensor
    objective: Tensor


def objective(
    gram: Tensor,
    force_gram: Tensor | None,
    atom_weights: Tensor,
    units: Units,
    weights: tuple[float, float, float],
) -> Objective:
    """Contract the moments of atoms to those of units.

    Args:
        gram: G, Å², (atoms, atoms).
        force_gram: <f_i·f_j>, (kJ/(mol Å))², (atoms, atoms), or None.
        atom_weights: weight of each atom in its bead, (atoms,).
        units: of the atoms.
        weights: of L_AE, compactness and mean square force in the objective.
    """
    member = one_hot(units.labels, units.count).T
    weighted = member * atom_weights[:, None]
    mixed = weighted.T @ gram @ member
    half = gram @ weighted
    return Objective(
        gram=weighted.T @ half,
        squared=half.mT @ half,
        mixed=(mixed + mixed.mT) / 2,
        forces=torch.zeros_like(mixed) if force_gram is None else member.T @ force_gram @ member,
        masses=weighted.sum(0),
        sizes=member.sum(0),
        trace=gram.diagonal(dim1=-2, dim2=-1).sum(-1),
        weights=weights,
    )


def sums(target: Objective, shares: Tensor) -> Sums:
    """Sum an objective's matrices over the units of each bead.

    Args:
        target: the objective.
        shares: zeros and ones, (..., beads, units).
    """
    return Sums(
        gram=shares @ target.gram @ shares.mT,
        squared=shares @ target.squared @ shares.mT,
        mixed=(shares @ target.mixed * shares).sum(-1),
        forces=(shares @ target.forces * shares).sum(-1),
        masses=shares @ target.masses,
        sizes=shares @ target.sizes,
    )


def scores(target: Objective, beads: Sums) -> Scores:
    """Score hard mappings from their sums; the decoder is eliminated.

    With A = E G Eᵀ, S = E G² Eᵀ, and P, p the blocks of the bordered inverse of A, the decoder
    is D = G Eᵀ P + 1 pᵀ, and since G 1 = 0
    n L_AE = tr G - 2 tr(P S) + tr(P A P S) + n pᵀ A p.

    Source: docs/method.md, "Scoring a hard mapping".
    """
    n_atoms = float(target.sizes.sum())
    scale = 1 / (beads.masses.unsqueeze(-1) * beads.masses.unsqueeze(-2))
    gram, squared = beads.gram * scale, beads.squared * scale
    inner, border = bordered_inverse(gram)
    decoded = inner @ squared
    shift = (border * (gram @ border.unsqueeze(-1)).squeeze(-1)).sum(-1)
    loss = (
        target.trace
        - 2 * decoded.diagonal(dim1=-2, dim2=-1).sum(-1)
        + (inner @ gram * decoded.mT).sum((-2, -1))
    ) / n_atoms + shift
    loss = loss.clamp(min=0.0)  # a bead for each atom leaves nothing, but for rounding
    own = gram.diagonal(dim1=-2, dim2=-1)
    spread = target.trace - 2 * (beads.mixed / beads.masses).sum(-1) + (beads.sizes * own).sum(-1)
    force = beads.forces.mean(-1)
    compact = (spread / n_atoms).clamp(min=0.0)
    first, second, third = target.weights
    return Scores(loss, compact, force, first * loss + second * compact + third * force)


def score(target: Objective, labels: Tensor, n_beads: int) -> Scores:
    """Score hard mappings given as labels of units, (..., units), in batches."""
    flat = labels.reshape(-1, labels.shape[-1])
    parts = []
    for batch in flat.split(_BATCH):
        parts.append(scores(target, sums(target, one_hot(batch, n_beads))))
    return Scores(
        *(
            _joined([getattr(part, name) for part in parts], labels.shape[:-1])
            for name in ("loss", "compactness", "mean_square_force", "objective")
        )
    )


def _joined(parts: list[Tensor], shape: torch.Size) -> Tensor:
    """Scores of batches of mappings in the shape of the mappings, blocks of frames in front."""
    values = torch.cat(parts, dim=-1)
    return values.reshape((*values.shape[:-1], *shape))
