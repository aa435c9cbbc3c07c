"""What a potential leaves of the forces on beads: as eq. 10 of the paper has it, and guarded.

The instantaneous force on the beads is F = F̄(z) + eps, mean force and noise. What eq. 10 adds
to the loss, <|F_model - F|²> = <|F_model - F̄|²> + <|eps|²>, is noise for the most part, and the
noise depends on the encoder: it falls, to nothing, as all atoms gather in one bead. Divided by
<|F|²> it would be least where a stiff bond is cut, whose force is large against the noise. Here
the noise is taken out of both: two structures of the same shape, from different stretches of the
trajectory, share the mean force and not the noise, so that with r = F - F_model

    <r_i · r_j> = <|F̄ - F_model|²>      <|F|²> - <|r|²> + <r_i · r_j> = <|F̄|²>

and their ratio is the share of the mean force that the potential does not explain. Its
expectation is the same for every valid force map.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_NEIGHBOURS = 2
_STANDARD_ERRORS = 2.0


@dataclass(frozen=True)
class Neighbours:
    """Pairs of structures of nearly the same shape, from different blocks.

    first, second: (pairs,), int64.
    turns: that lay the second on the first, acting on rows from the right, (pairs, 3, 3).
    """

    first: Tensor
    second: Tensor
    turns: Tensor


def neighbours(beads: Tensor, blocks: Tensor) -> Neighbours:
    """Find for each structure the nearest ones in shape of other blocks.

    Args:
        beads: positions, Å, (structures, beads, 3).
        blocks: of the trajectory, (structures,), int64, at least two.

    Source: for the turns, Kabsch, Acta Cryst. A 32, 922 (1976).
    """
    shapes = _shapes(beads)
    apart = torch.cdist(shapes, shapes)
    apart = apart.masked_fill(blocks[:, None] == blocks, torch.inf)
    n_near = min(_NEIGHBOURS, int((blocks != blocks[:, None]).sum(1).min()))
    second = apart.topk(n_near, dim=1, largest=False).indices.flatten()
    first = torch.arange(len(beads)).repeat_interleave(n_near)
    centred = beads - beads.mean(1, keepdim=True)
    left, _, right = torch.linalg.svd(centred[second].mT @ centred[first])
    handed = torch.ones(len(first), 3, dtype=beads.dtype)
    handed[:, 2] = torch.linalg.det(left @ right)
    return Neighbours(first, second, left * handed[:, None] @ right)


def _shapes(beads: Tensor) -> Tensor:
    """Distances, and the signed volumes of four beads in a row, of unit variance."""
    n_beads = beads.shape[1]
    if n_beads == 1:
        return beads.new_zeros(len(beads), 1)
    first, second = torch.triu_indices(n_beads, n_beads, 1)
    features = (beads[:, first] - beads[:, second]).norm(dim=-1)
    if n_beads > 3:
        edges = beads.diff(dim=1)
        normals = torch.linalg.cross(edges[:, :-2], edges[:, 1:-1])
        features = torch.cat((features, (normals * edges[:, 2:]).sum(-1)), dim=1)
    return features / features.std(0).clamp(min=1e-12)


def shared(residuals: Tensor, near: Neighbours) -> Tensor:
    """r_i · r_j of each pair of neighbours, turned onto one another, (pairs,).

    Args:
        residuals: kJ/(mol Å), (structures, beads, 3).
        near: the pairs.
    """
    return (residuals[near.first] * (residuals[near.second] @ near.turns)).sum((1, 2))


def unexplained(forces: Tensor, fitted: Tensor, near: Neighbours) -> Tensor:
    """Share of the mean force that a potential may leave unexplained, (); differentiable.

    An upper bound: two standard errors are added to what is missed, so that beads whose mean
    force is lost in the noise count as unexplained, and no optimiser feeds on the noise.

    Args:
        forces: F, on the beads, kJ/(mol Å), (structures, beads, 3).
        fitted: F_model, of the same shape.
        near: neighbours among the structures.

    Returns:
        0 to 1.

    Source: docs/joint.md; for the noise from neighbours, Stefánsson, Končar
    and Jones, Neural Comput. Appl. 5, 131 (1997).
    """
    residuals = forces - fitted
    products = shared(residuals, near)
    error = (products.var() / len(products)).clamp_min(1e-300).sqrt()
    missed = products.mean().clamp_min(0.0) + _STANDARD_ERRORS * error
    explained = (forces.square() - residuals.square()).sum((1, 2)).mean().clamp_min(0.0)
    return missed / (missed + explained)


def raw_residual(forces: Tensor, fitted: Tensor) -> Tensor:
    """<|F_model - F|²>, mean over structures and beads, (kJ/(mol Å))², ().

    Source: eq. (10) of arXiv:1812.02706.
    """
    return (forces - fitted).square().sum(-1).mean()
