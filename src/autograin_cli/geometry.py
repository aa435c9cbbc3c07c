"""Displacements, minimum image, distances, angles, dihedrals, superposition."""

import torch
from torch import Tensor

_SUPERPOSITIONS = 4


def minimum_image(displacements: Tensor, boxes: Tensor) -> Tensor:
    """Fold displacements into the nearest periodic image, after reduction to box fractions.

    Exact for orthorhombic boxes, and for triclinic ones as long as a displacement is shorter
    than half the smallest height of the box.

    Args:
        displacements: Å, (frames, ..., 3).
        boxes: Å, (frames, 3, 3), rows are the box vectors.

    Returns:
        Å, (frames, ..., 3).
    """
    shape = displacements.shape
    flat = displacements.reshape(shape[0], -1, 3)
    fractions = flat @ torch.linalg.inv(boxes)
    return (flat - fractions.round() @ boxes).reshape(shape)


def bond_lengths(positions: Tensor, members: Tensor) -> Tensor:
    """Distances of pairs.

    Args:
        positions: Å, (..., beads, 3).
        members: bead indices, (bonds, 2).

    Returns:
        Å, (..., bonds).
    """
    return (positions[..., members[:, 1], :] - positions[..., members[:, 0], :]).norm(dim=-1)


def angles(positions: Tensor, members: Tensor) -> Tensor:
    """Angles at the middle bead of triples, by atan2, so exact near 0 and pi too.

    Args:
        positions: Å, (..., beads, 3).
        members: bead indices, (angles, 3).

    Returns:
        Radians from 0 to pi, (..., angles).
    """
    first = positions[..., members[:, 0], :] - positions[..., members[:, 1], :]
    last = positions[..., members[:, 2], :] - positions[..., members[:, 1], :]
    sine = torch.linalg.cross(first, last).norm(dim=-1)
    return torch.atan2(sine, (first * last).sum(-1))


def dihedrals(positions: Tensor, members: Tensor) -> Tensor:
    """Dihedral angles, IUPAC sign: cis is 0, positive clockwise along the middle bond.

    Args:
        positions: Å, (..., beads, 3).
        members: bead indices, (dihedrals, 4).

    Returns:
        Radians from -pi to pi, (..., dihedrals).
    """
    first = positions[..., members[:, 1], :] - positions[..., members[:, 0], :]
    middle = positions[..., members[:, 2], :] - positions[..., members[:, 1], :]
    last = positions[..., members[:, 3], :] - positions[..., members[:, 2], :]
    normal_1 = torch.linalg.cross(first, middle)
    normal_2 = torch.linalg.cross(middle, last)
    sine = middle.norm(dim=-1) * (first * normal_2).sum(-1)
    return torch.atan2(sine, (normal_1 * normal_2).sum(-1))


def coordinates(kind: str, positions: Tensor, members: Tensor) -> Tensor:
    """Bond lengths, angles or dihedrals, as `kind` says: 'bond', 'angle' or 'dihedral'.

    Args:
        kind: of the coordinate.
        positions: Å, (..., beads, 3).
        members: bead indices, (instances, 2 | 3 | 4).

    Returns:
        Å or radians, (..., instances).
    """
    return {"bond": bond_lengths, "angle": angles, "dihedral": dihedrals}[kind](positions, members)


def superpose(positions: Tensor, target: Tensor) -> Tensor:
    """Rotate and shift each structure onto a target with the least mean square distance.

    Args:
        positions: Å, (frames, atoms, 3).
        target: Å, (atoms, 3).

    Returns:
        Å, (frames, atoms, 3), centred where the target is; never reflected.

    Source: Kabsch, Acta Cryst. A 32, 922 (1976).
    """
    centre = target.mean(0)
    centred = positions - positions.mean(1, keepdim=True)
    left, _, right = torch.linalg.svd(centred.transpose(1, 2) @ (target - centre))
    handedness = torch.ones(positions.shape[0], 3, dtype=positions.dtype)
    handedness[:, 2] = torch.linalg.det(left @ right)
    return centred @ (left * handedness[:, None, :] @ right) + centre


def mean_structure(positions: Tensor) -> Tensor:
    """Mean of structures superposed on one another, after a few iterations.

    Args:
        positions: Å, (frames, atoms, 3).

    Returns:
        Å, (atoms, 3), centred on the origin, longest extent along x.
    """
    target = positions[0]
    for _ in range(_SUPERPOSITIONS):
        target = superpose(positions, target).mean(0)
    centred = target - target.mean(0)
    axes = torch.linalg.eigh(centred.T @ centred).eigenvectors.flip(1)
    axes = axes * torch.linalg.det(axes)
    return centred @ axes
