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
from autograin_cli.passes import State
from autograin_cli.steps import like, take_steps
from autograin_cli.trajectory import Keeper

_BATCH = 8192
_NAMES = ("loss", "compactness", "mean_square_force", "objective")


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


class Scoring:
    """Scores hard mappings; a step is a batch of them."""

    def __init__(self, target: Objective, labels: Tensor, n_beads: int) -> None:
        """Begin with mappings as labels of units, (mappings, units)."""
        self._target, self._n_beads, self._n_mappings = target, n_beads, len(labels)
        self._batches, self._parts = labels.split(_BATCH), list[Scores]()

    @property
    def over(self) -> bool:
        """Whether all are scored."""
        return len(self._parts) == len(self._batches)

    def step(self) -> None:
        """Score the next batch."""
        shares = one_hot(self._batches[len(self._parts)], self._n_beads)
        self._parts.append(scores(self._target, sums(self._target, shares)))

    def scores(self) -> Scores:
        """Scores so far, (..., mappings)."""
        return Scores(*(torch.cat([getattr(p, n) for p in self._parts], dim=-1) for n in _NAMES))

    def state(self) -> State:
        """Give the scores so far."""
        return vars(self.scores())

    def restore(self, n_steps: int, state: State) -> None:
        """Go on after so many batches, of one objective."""
        n_scored = min(n_steps * _BATCH, self._n_mappings)
        expected = torch.zeros(n_scored, dtype=torch.float64)
        found = [like(state[name], expected) for name in _NAMES]
        if not all(bool(values.isfinite().all()) for values in found):
            raise ValueError("scores that are not finite")
        self._parts = [
            Scores(*part) for part in zip(*(each.split(_BATCH) for each in found), strict=True)
        ]


def score(target: Objective, labels: Tensor, n_beads: int, keeper: Keeper | None = None) -> Scores:
    """Score hard mappings given as labels of units, (..., units), in batches.

    A keeper keeps how far it is, of an objective without leading dimensions.
    """
    scoring = Scoring(target, labels.reshape(-1, labels.shape[-1]), n_beads)
    take_steps(scoring, keeper)
    found, shape = scoring.scores(), labels.shape[:-1]
    values = (getattr(found, name) for name in _NAMES)
    return Scores(*(each.reshape((*each.shape[:-1], *shape)) for each in values))
