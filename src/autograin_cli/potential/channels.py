"""How much of the mapped force a potential explains, and how much any potential could."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from scipy.spatial import cKDTree
from torch import Tensor

from autograin_cli.potential.normal_equations import Coordinates, Model, coordinates, model_forces
from autograin_cli.potential.potential import Channel
from autograin_cli.potential.regression import Solution, standard_errors
from autograin_cli.potential.survey import Sample

_NEIGHBOURS = 10
_TINY = 1e-300


@dataclass(frozen=True)
class _Neighbours:
    """Structures of other blocks with the most similar shape.

    indices: (structures, neighbours), the nearest first.
    distances: squared, (structures, neighbours).
    """

    indices: Tensor
    distances: Tensor


def explained(model: Model, solution: Solution, sample: Sample) -> tuple[Channel, ...]:
    """R² and its ceiling for the force along bonds, angles and dihedrals, and for all of it.

    The force along a coordinate is F · (dq/dz) / |dq/dz|, kJ/(mol Å): the component of the
    force on all beads in the direction in which q grows fastest. The channel 'all' is every
    component of the force on every bead, those across the coordinates included, on which no
    potential of them acts.

    R² = 1 - sum (f - f_model)² / sum (f - <f>)², with the coefficients fitted without the block
    that holds f. The ceiling is 1 - noise / variance, where noise is the part of f that two
    structures of the same shape do not share; it is found from neighbours in other blocks of
    the trajectory. In many dimensions neighbours are far apart and differ in their mean force
    as well, so the ceiling is then a lower bound.

    Args:
        model: the terms.
        solution: their coefficients.
        sample: structures to judge by.

    Source: for the noise, Stefánsson, Končar and Jones, Neural Comput. Appl. 5, 131 (1997), here
    on the residuals of the fit, whose noise is the same and whose mean varies less.
    """
    seen = coordinates(model, sample.positions)
    forces = sample.forces.flatten(1)
    fitted = model_forces(model, seen, solution.coefficients.expand(len(forces), -1))
    held_out = model_forces(model, seen, solution.left_out[sample.blocks])
    near = _neighbours(sample)
    counts = sums(torch.ones(len(forces), dtype=torch.float64), sample.blocks)
    channels = []
    for name, directions in axes(model, seen, sample.positions):
        true = components(directions, forces)
        offset = torch.zeros_like(true[0]) if name == "all" else true.mean(0)
        variance = sums((true - offset).square().sum(1), sample.blocks).clamp(min=_TINY)
        missed = components(directions, forces - held_out).square().sum(1)
        unexplained = sums(missed, sample.blocks)
        noise = _noise(components(directions, forces - fitted), near, sample)
        r_squared, ceiling = 1 - unexplained / variance, 1 - noise * counts / variance
        channels.append(Channel(name, *with_error(r_squared), *with_error(ceiling)))
    return tuple(channels)


def axes(model: Model, seen: Coordinates, positions: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Directions in the space of all beads, (structures, directions, 3 beads), by channel."""
    kinds = [term.coordinate for term in model.members for _ in term.beads]
    for kind in dict.fromkeys(kinds):
        gradients = seen.gradients[:, torch.tensor([kind == other for other in kinds])]
        yield kind, gradients / gradients.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    yield "all", _body_axes(positions)


def components(directions: Tensor, forces: Tensor) -> Tensor:
    """Forces along directions, (structures, directions); forces (structures, 3 beads)."""
    along: Tensor = (directions @ forces[..., None])[..., 0]
    return along


def _body_axes(positions: Tensor) -> Tensor:
    """Directions x, y, z of each bead, turned along with the molecule.

    Source: Kabsch, Acta Cryst. A 32, 922 (1976).
    """
    centred = positions - positions.mean(1, keepdim=True)
    left, _, right = torch.linalg.svd(centred.transpose(1, 2) @ centred[0])
    handedness = torch.ones(len(positions), 3, dtype=positions.dtype)
    handedness[:, 2] = torch.linalg.det(left @ right)
    rotations = (left * handedness[:, None, :] @ right).transpose(1, 2)
    blocks = torch.eye(positions.shape[1], dtype=positions.dtype)
    directions = torch.einsum("ab,sij->saibj", blocks, rotations)
    return directions.reshape(len(positions), centred[0].numel(), centred[0].numel())


def _neighbours(sample: Sample) -> _Neighbours:
    shapes = _shapes(sample.positions)
    n_others = len(shapes) - int(torch.bincount(sample.blocks).max())
    n_near = min(_NEIGHBOURS, n_others)
    indices = torch.empty(len(shapes), n_near, dtype=torch.int64)
    distances = torch.empty(len(shapes), n_near, dtype=torch.float64)
    for block in sorted(set(sample.blocks.tolist())):
        here = sample.blocks == block
        others = torch.nonzero(~here).flatten()
        found = cKDTree(shapes[others].numpy()).query(shapes[here].numpy(), k=range(1, n_near + 1))
        distances[here] = torch.from_numpy(found[0]).square()
        indices[here] = others[torch.from_numpy(found[1])]
    return _Neighbours(indices, distances)


def _shapes(positions: Tensor) -> Tensor:
    """Internal coordinates of unit variance, (structures, 3 beads - 6).

    They are the principal components of all distances between beads and, since these do not
    tell a molecule from its mirror image, of the signed volumes of four beads in a row.
    """
    n_beads = positions.shape[1]
    first, second = torch.triu_indices(n_beads, n_beads, 1)
    features = (positions[:, first] - positions[:, second]).norm(dim=-1)
    if n_beads > 3:
        edges = positions.diff(dim=1)
        normals = torch.linalg.cross(edges[:, :-2], edges[:, 1:-1])
        features = torch.cat((features, (normals * edges[:, 2:]).sum(-1)), dim=1)
    features = features - features.mean(0)
    features = features / features.std(0).clamp(min=1e-12)
    left, sizes, _ = torch.linalg.svd(features, full_matrices=False)
    n_shapes = min(max(1, 3 * n_beads - 6), int((sizes > 1e-6 * sizes[0]).sum()))
    return left[:, :n_shapes] * len(features) ** 0.5


def _noise(residuals: Tensor, near: _Neighbours, sample: Sample) -> Tensor:
    """Variance of the noise of all components together, of all and without each block.

    Half the mean square difference between neighbours, extrapolated to the distance 0.
    """
    counts = sums(torch.ones(len(residuals), dtype=torch.float64), sample.blocks)[:, None]
    differences = (residuals[:, None] - residuals[near.indices]).square().sum(-1) / 2
    gamma = sums(differences, sample.blocks) / counts
    delta = sums(near.distances, sample.blocks) / counts
    spread = delta - delta.mean(1, keepdim=True)
    slope = (spread * gamma).sum(1) / spread.square().sum(1).clamp(min=_TINY)
    return gamma.mean(1) - slope.clamp(min=0) * delta.mean(1)


def sums(values: Tensor, blocks: Tensor) -> Tensor:
    """Sums over all structures, then over those of all blocks but one, (1 + blocks, ...).

    Args:
        values: (structures, ...).
        blocks: of the structures, (structures,), int64.
    """
    of_block = torch.zeros(int(blocks.max()) + 1, *values.shape[1:], dtype=values.dtype)
    of_block.index_add_(0, blocks, values)
    return torch.cat((of_block.sum(0, keepdim=True), of_block.sum(0) - of_block))


def with_error(values: Tensor) -> tuple[float, float]:
    """The value of all structures and its standard error by the jackknife."""
    return float(values[0]), float(standard_errors(values[1:]))
