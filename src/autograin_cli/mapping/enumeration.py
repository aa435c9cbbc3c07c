"""Every connected mapping, one by one: what proves a mapping optimal.

Sets of units are bit masks in plain integers.
"""

from math import comb, factorial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograin_cli.mapping.partitions import Partitions
from autograin_cli.mapping.topology import Units
from autograin_cli.steps import take_steps
from autograin_cli.trajectory import Keeper


def enumerate_mappings(
    units: Units, n_beads: int, limit: int, keeper: Keeper | None = None
) -> Tensor | None:
    """Every way to part the units of a connected graph into so many connected beads.

    A connected mapping is one of each biconnected block of the graph, chosen freely: parts that
    share a cut vertex join. So blocks are listed one by one, and their lists multiplied.

    Args:
        units: and their graph.
        n_beads: number of beads.
        limit: mappings that are listed at most.
        keeper: keeps how far the listing of each block is that is more than a bond.

    Returns:
        Labels, beads numbered by their first unit, (mappings, units), int64; None where there
        are more than `limit`.

    Source: connected partitions are the flats of the graphic matroid, which is the direct sum
    of those of its blocks: Oxley, Matroid Theory, 2nd ed. (2011), prop. 4.1.8 and 4.2.10.
    """
    if _fewest(units, n_beads) > limit:
        return None
    blocks = biconnected_blocks(units)
    choices = []
    for block in blocks:
        own = _block_mappings(units, block, (n_beads, limit), keeper)
        if own is None:
            return None
        choices.append(own)
    if _count(choices, n_beads) > limit:
        return None
    return _numbered(_multiply(units.count, blocks, choices, n_beads), n_beads)


def _fewest(units: Units, n_beads: int) -> int:
    """Connected mappings there are at least; exact where every unit neighbours every other.

    Cutting N - 1 edges of a spanning tree gives a different connected mapping each time; all
    partitions of a set are counted by the Stirling numbers of the second kind.
    """
    if any(len(around) < units.count - 1 for around in units.neighbours):
        return comb(units.count - 1, n_beads - 1)
    terms = ((-1) ** (n_beads - k) * comb(n_beads, k) * k**units.count for k in range(n_beads + 1))
    return sum(terms) // factorial(n_beads)


def biconnected_blocks(units: Units) -> list[list[int]]:
    """Blocks of a connected graph: single bonds, and rings with what is fused to them.

    Returns:
        Units of each block. Its first unit is the only one that it shares with the blocks
        before it (in the first block, unit 0).

    Source: Hopcroft and Tarjan, Commun. ACM 16, 372 (1973).
    """
    found: list[list[int]] = []
    order, lowest = {0: 0}, {0: 0}
    path = [(0, -1, iter(sorted(units.neighbours[0])))]
    waiting: list[int] = []
    while path:
        unit, parent, around = path[-1]
        child = next(around, None)
        if child is None:
            path.pop()
            if parent >= 0:
                lowest[parent] = min(lowest[parent], lowest[unit])
                if lowest[unit] >= order[parent]:
                    first = waiting.index(unit)
                    found.append([parent, *waiting[first:]])
                    del waiting[first:]
        elif child not in order:
            order[child] = lowest[child] = len(order)
            waiting.append(child)
            path.append((child, unit, iter(sorted(units.neighbours[child]))))
        elif child != parent:
            lowest[unit] = min(lowest[unit], order[child])
    return found[::-1]


def _block_mappings(
    units: Units, block: list[int], counts: tuple[int, int], keeper: Keeper | None
) -> list[NDArray[np.int16]] | None:
    """Connected mappings of one block into 1, 2, … parts, each (mappings, units of the block).

    The part of the block's first unit has label 0. None where there are more than the limit, which
    is the second of `counts`; the first is the number of beads.
    """
    n_beads, limit = counts
    if len(block) == 2:
        bond = [np.zeros((1, 2), np.int16), np.array([[0, 1]], np.int16)]
        return bond[:n_beads]
    place = {unit: number for number, unit in enumerate(block)}
    near = [sum(1 << place[v] for v in units.neighbours[unit] if v in place) for unit in block]
    partitions = Partitions(near, min(n_beads, len(block)), limit)
    take_steps(partitions, keeper)
    if partitions.too_many:
        return None
    return [_labels(masks, len(block)) for masks in partitions.found]


def _labels(masks: list[tuple[int, ...]], n_units: int) -> NDArray[np.int16]:
    """Labels of units from the bit masks of the parts of each mapping, (mappings, units)."""
    labels = np.zeros((len(masks), n_units), np.int16)
    for row, parts in enumerate(masks):
        for number, part in enumerate(parts[1:], 1):
            left = part
            while left:
                unit = left & -left
                labels[row, unit.bit_length() - 1] = number
                left ^= unit
    return labels


def _count(choices: list[list[NDArray[np.int16]]], n_beads: int) -> int:
    """Mappings that the blocks' lists multiply to: k parts of a block add k - 1 beads."""
    ways = [1]
    for own in choices:
        longer = [0] * (len(ways) + len(own) - 1)
        for more, count in enumerate(ways):
            for added, listed in enumerate(own):
                longer[more + added] += count * len(listed)
        ways = longer[:n_beads]
    return ways[n_beads - 1] if len(ways) == n_beads else 0


def _multiply(
    n_units: int, blocks: list[list[int]], choices: list[list[NDArray[np.int16]]], n_beads: int
) -> NDArray[np.int16]:
    """Join every choice of mappings of the blocks that gives the right number of beads."""
    # Partial mappings by the number of beads that they add to the first one.
    partial = {0: np.zeros((1, n_units), np.int16)}
    can_still_add = sum(len(own) - 1 for own in choices)
    for block, own in zip(blocks, choices, strict=True):
        can_still_add -= len(own) - 1
        grown: dict[int, list[NDArray[np.int16]]] = {}
        for added, rows in partial.items():
            for more, listed in enumerate(own):
                if added + more < n_beads <= added + more + can_still_add + 1:
                    grown.setdefault(added + more, []).append(_join(rows, listed, block, added))
        partial = {added: np.concatenate(parts) for added, parts in grown.items()}
    return partial[n_beads - 1]


def _join(
    rows: NDArray[np.int16], listed: NDArray[np.int16], block: list[int], added: int
) -> NDArray[np.int16]:
    """Every row with every mapping of a block: new parts get new labels, (pairs, units)."""
    joined = np.repeat(rows, len(listed), axis=0)
    own = np.tile(listed, (len(rows), 1))
    joined[:, block] = np.where(own == 0, joined[:, block[:1]], own + np.int16(added))
    return joined


def _numbered(labels: NDArray[np.int16], n_beads: int) -> Tensor:
    """Labels numbered by the first unit that has them, (mappings, units), int64."""
    first = np.stack([(labels == bead).argmax(axis=1) for bead in range(n_beads)], axis=1)
    rank = first.argsort(axis=1).argsort(axis=1)
    return torch.from_numpy(np.take_along_axis(rank, labels.astype(np.int64), axis=1))


def neighbour_masks(units: Units) -> list[int]:
    """Bit mask of the neighbours of each unit."""
    return [sum(1 << v for v in around) for around in units.neighbours]
