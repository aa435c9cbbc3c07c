"""From shares of atoms in beads to a hard assignment that is allowed."""

import torch
from torch import Tensor

from autograin_cli.mapping.enumeration import neighbour_masks
from autograin_cli.mapping.topology import Units


def round_shares(shares: Tensor, units: Units, *, connected: bool) -> Tensor:
    """Hard assignment of units: the bead with the largest share, and never an empty bead.

    Args:
        shares: P, (beads, atoms).
        units: of the atoms; at least as many as beads.
        connected: keep only the largest connected piece of each bead and give the rest to the
            beads around it.

    Returns:
        Bead of each unit, (units,), int64.
    """
    n_beads = shares.shape[0]
    summed = torch.zeros(n_beads, units.count, dtype=shares.dtype)
    summed.index_add_(1, units.labels, shares)
    labels = summed.argmax(0)
    for bead in range(n_beads):
        if not bool((labels == bead).any()):
            crowded = torch.bincount(labels, minlength=n_beads)[labels] > 1
            labels[summed[bead].masked_fill(~crowded, -1.0).argmax()] = bead
    return _connect(units, labels, n_beads) if connected else labels


def in_order(labels: Tensor) -> Tensor:
    """The same mapping with its beads numbered by their first atom or unit, (atoms or units,)."""
    order: dict[int, int] = {}
    return torch.tensor([order.setdefault(label, len(order)) for label in labels.tolist()])


def _connect(units: Units, labels: Tensor, n_beads: int) -> Tensor:
    """Keep the largest connected piece of each bead and give the rest to their neighbours."""
    near = neighbour_masks(units)
    masks = [0] * n_beads
    for bead in range(n_beads):
        masks[bead] = _largest_piece((labels == bead).nonzero().flatten().tolist(), near)
    left = set(range(units.count)) - {
        u for mask in masks for u in range(units.count) if mask >> u & 1
    }
    while left:
        unit, bead = min((u, b) for u in left for b in range(n_beads) if near[u] & masks[b])
        masks[bead] |= 1 << unit
        left.remove(unit)
    return torch.tensor(
        [next(b for b in range(n_beads) if masks[b] >> u & 1) for u in range(units.count)]
    )


def _largest_piece(members: list[int], near: list[int]) -> int:
    """Bit mask of the largest connected piece of some units."""
    left = sum(1 << unit for unit in members)
    pieces = []
    while left:
        piece = frontier = left & -left
        while frontier:
            frontier = _around(frontier, near) & left & ~piece
            piece |= frontier
        pieces.append(piece)
        left &= ~piece
    return max(pieces, key=int.bit_count)


def _around(mask: int, near: list[int]) -> int:
    """Neighbours of all units of a bit mask."""
    found = 0
    while mask:
        unit = mask & -mask
        found |= near[unit.bit_length() - 1]
        mask ^= unit
    return found
