"""Bond lengths, angles and dihedrals with their gradients by the positions of the beads."""

import torch
from torch import Tensor

_TINY = 1e-12  # below it a sine or a length counts as zero, and the gradient stays finite


def coordinates_with_gradients(
    kind: str, positions: Tensor, members: Tensor
) -> tuple[Tensor, Tensor]:
    """Values of bonds, angles or dihedrals, and their gradients, dq/dz.

    Args:
        kind: 'bond', 'angle' or 'dihedral'.
        positions: Å, (frames, beads, 3).
        members: bead indices, (instances, 2 | 3 | 4).

    Returns:
        Å or radians, (frames, instances), as `geometry.coordinates` gives them, and 1 or
        radians/Å, (frames, instances, 2 | 3 | 4, 3).
    """
    return {"bond": _bonds, "angle": _angles, "dihedral": _dihedrals}[kind](positions, members)


def _bonds(positions: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    along = positions[:, members[:, 1]] - positions[:, members[:, 0]]
    length = along.norm(dim=-1)
    unit = along / length.clamp(min=_TINY)[..., None]
    return length, torch.stack((-unit, unit), dim=-2)


def _angles(positions: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    first = positions[:, members[:, 0]] - positions[:, members[:, 1]]
    last = positions[:, members[:, 2]] - positions[:, members[:, 1]]
    length_1 = first.norm(dim=-1, keepdim=True).clamp(min=_TINY)
    length_2 = last.norm(dim=-1, keepdim=True).clamp(min=_TINY)
    unit_1, unit_2 = first / length_1, last / length_2
    sine = torch.linalg.cross(unit_1, unit_2).norm(dim=-1, keepdim=True)
    cosine = (unit_1 * unit_2).sum(-1, keepdim=True)
    by_first = (cosine * unit_1 - unit_2) / (length_1 * sine.clamp(min=_TINY))
    by_last = (cosine * unit_2 - unit_1) / (length_2 * sine.clamp(min=_TINY))
    gradients = torch.stack((by_first, -by_first - by_last, by_last), dim=-2)
    return torch.atan2(sine, cosine)[..., 0], gradients


def _dihedrals(positions: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients after Blondel and Karplus, J. Comput. Chem. 17, 1132 (1996), eq. 27."""
    first = positions[:, members[:, 1]] - positions[:, members[:, 0]]
    middle = positions[:, members[:, 2]] - positions[:, members[:, 1]]
    last = positions[:, members[:, 3]] - positions[:, members[:, 2]]
    normal_1 = torch.linalg.cross(first, middle)
    normal_2 = torch.linalg.cross(middle, last)
    axis = middle.norm(dim=-1, keepdim=True).clamp(min=_TINY)
    by_first = -normal_1 * axis / normal_1.square().sum(-1, keepdim=True).clamp(min=_TINY**2)
    by_last = normal_2 * axis / normal_2.square().sum(-1, keepdim=True).clamp(min=_TINY**2)
    share_1 = (first * middle).sum(-1, keepdim=True) / axis**2
    share_2 = (last * middle).sum(-1, keepdim=True) / axis**2
    by_second = -by_first - share_1 * by_first + share_2 * by_last
    by_third = -by_last + share_1 * by_first - share_2 * by_last
    gradients = torch.stack((by_first, by_second, by_third, by_last), dim=-2)
    sine = axis[..., 0] * (first * normal_2).sum(-1)
    return torch.atan2(sine, (normal_1 * normal_2).sum(-1)), gradients
