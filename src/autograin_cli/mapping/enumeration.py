"""Every connected mapping, one by one: what proves a mapping optimal.

Sets of units are bit masks in plain integers.
"""

from collections.abc import Iterator
from math import comb, factorial

import numpy as np
import torch
from torch import Tensor

from autograin_cli.mapping.topology import Units


def enumerate_mappings(units: Units, n_beads: int, limit: int) -> Tensor | None:
    """Every way to part the units into so many connected beads.

    Returns:
        Labels, beads numbered by their first unit, (mappings, units), int64; None where there
        are more than `limit`.
    """
    if _fewest(units, n_beads) > limit:
        return None
    near = neighbour_masks(units)
    found = bytearray()
    count = 0
    for parts in _partitions((1 << units.count) - 1, n_beads, near):
        count += 1
        if count > limit:
            return None
        found += parts
    return _labels(found, count, n_beads, units.count)


def _fewest(units: Units, n_beads: int) -> int:
    """Connected mappings there are at least; exact where every unit neighbours every other.

    Cutting N - 1 edges of a spanning tree gives a different connected mapping each time; all
    partitions of a set are counted by the Stirling numbers of the second kind.
    """
    if any(len(around) < units.count - 1 for around in units.neighbours):
        return comb(units.count - 1, n_beads - 1)
    terms = ((-1) ** (n_beads - k) * comb(n_beads, k) * k**units.count for k in range(n_beads + 1))
    return sum(terms) // factorial(n_beads)


def neighbour_masks(units: Units) -> list[int]:
    """Bit mask of the neighbours of each unit."""
    return [sum(1 << v for v in around) for around in units.neighbours]


def _labels(found: bytearray, count: int, n_beads: int, n_units: int) -> Tensor:
    """Labels of units from the bit masks of beads, little-endian words of 8 bytes a mask."""
    width = _mask_bytes(n_units)
    masks = np.frombuffer(found, dtype=np.uint8).reshape(count, n_beads, width)
    member = np.unpackbits(masks, axis=-1, count=n_units, bitorder="little")
    return torch.from_numpy(member.argmax(axis=1).astype(np.int64))


def _mask_bytes(n_units: int) -> int:
    """Bytes of a bit mask of the units."""
    return (n_units + 7) // 8


def _partitions(rest: int, n_parts: int, near: list[int]) -> Iterator[bytes]:
    """Yield the ways to part the vertices in `rest` into connected parts, as joined bit masks."""
    width = _mask_bytes(len(near))
    if n_parts == 1:
        if is_connected(rest, near):
            yield rest.to_bytes(width, "little")
        return
    for part in _connected_subsets(rest, n_parts, near):
        head = part.to_bytes(width, "little")
        for tail in _partitions(rest & ~part, n_parts - 1, near):
            yield head + tail


def _connected_subsets(rest: int, n_parts: int, near: list[int]) -> Iterator[int]:
    """Yield the connected subsets of `rest` that hold its lowest vertex and leave enough.

    Each is reached once: a vertex passed over is never taken later on the same path. A branch
    is left where what remains, less what was passed over for good, cannot be parted.
    """
    lowest = rest & -rest
    stack = [(lowest, near[lowest.bit_length() - 1] & rest, 0)]
    while stack:
        part, border, passed = stack.pop()
        left = rest & ~part
        if left.bit_count() < n_parts - 1 or _stranded(left, passed, near) > n_parts - 1:
            continue
        border &= ~(part | passed)
        if border:
            vertex = border & -border
            stack.append((part, border, passed | vertex))
            grown = border | near[vertex.bit_length() - 1] & rest
            stack.append((part | vertex, grown, passed))
        elif _count_components(left, near) <= n_parts - 1:
            yield part


def _stranded(left: int, passed: int, near: list[int]) -> int:
    """Components of what is left that hold a vertex passed over: none of them can be taken."""
    count = 0
    while passed:
        reached = _reach(passed & -passed, left, near)
        passed &= ~reached
        count += 1
    return count


def _count_components(vertices: int, near: list[int]) -> int:
    """Connected components of a set of vertices."""
    count = 0
    while vertices:
        vertices &= ~_reach(vertices & -vertices, vertices, near)
        count += 1
    return count


def is_connected(vertices: int, near: list[int]) -> bool:
    """Whether a set of vertices is connected and not empty."""
    return vertices != 0 and _reach(vertices & -vertices, vertices, near) == vertices


def _reach(start: int, within: int, near: list[int]) -> int:
    """Vertices of `within` that can be reached from `start`."""
    reached = frontier = start
    while frontier:
        vertex = frontier & -frontier
        frontier ^= vertex
        new = near[vertex.bit_length() - 1] & within & ~reached
        reached |= new
        frontier |= new
    return reached
