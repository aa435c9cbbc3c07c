"""The pairs of beads that are near each other in a frame, by cells; distances many at a time."""

from functools import lru_cache
from math import pi
from typing import NamedTuple

import numba
import numpy as np

from autograin_cli.cells import count_cells, find_fractions, neighbour, sort_into_cells
from autograin_cli.elementary import MATH
from autograin_cli.kernel_arrays import Floats, Integers
from autograin_cli.trajectory import Chunk

_SPARE = 1.5  # times the pairs that beads would have if they were spread evenly
_ALONE = np.zeros((1, 1), np.int64)  # a single cell has no neighbour but itself


class Box(NamedTuple):
    """A box and what is made of it; without a box, of unit vectors that do not repeat.

    vectors: Å, (3, 3), rows.
    inverse: 1/Å, (3, 3).
    repeats: 1 where the box is periodic, else 0.
    """

    vectors: Floats
    inverse: Floats
    repeats: float


class Pairs(NamedTuple):
    """Room for pairs of beads.

    first, second: the beads, (room,).
    apart: from the first to the second, Å, (room, 3).
    """

    first: Integers
    second: Integers
    apart: Floats


class Cells(NamedTuple):
    """Beads sorted by cells.

    order: beads, cell after cell, (beads,).
    starts: place of the first bead of each cell, (cells + 1,).
    near: of each cell the cells around it, itself first, each pair of cells once, (cells, near).
    fractions: of the box, in this order, (3, beads).
    """

    order: Integers
    starts: Integers
    near: Integers
    fractions: Floats


def frames_of(chunk: Chunk, frames: slice) -> list[tuple[Floats, Box]]:
    """Positions, Å, (beads, 3), and box of some frames of a chunk."""
    positions = chunk.positions[frames].contiguous().numpy()
    if chunk.boxes is None:
        return [(frame, box_of(None)) for frame in positions]
    vectors = chunk.boxes[frames].contiguous().numpy()
    boxes = zip(vectors, np.linalg.inv(vectors), strict=True)
    return [(x, Box(*both, 1.0)) for x, both in zip(positions, boxes, strict=True)]


def box_of(vectors: Floats | None) -> Box:
    """Give what the search needs of a box, Å, (3, 3), rows are the box vectors; None in vacuum."""
    if vectors is None:
        return Box(np.eye(3), np.eye(3), 0.0)
    return Box(np.ascontiguousarray(vectors), np.ascontiguousarray(np.linalg.inv(vectors)), 1.0)


def pairs_of(positions: Floats, box: Box, reach: float) -> Pairs:
    """Find all pairs of beads nearer than a reach, each once, to the nearest image.

    Args:
        positions: Å, (beads, 3).
        box: around them.
        reach: Å, at most half of the least height of the box.
    """
    n_beads = len(positions)
    every = n_beads * (n_beads - 1) // 2
    room = every
    if box.repeats:
        near = 4 * pi / 3 * reach**3 / abs(np.linalg.det(box.vectors))
        room = min(every, int(_SPARE * every * near) + 100 * n_beads)
    cells = _sorted(positions, box, reach)
    while True:
        pairs = Pairs(np.empty(room, np.int64), np.empty(room, np.int64), np.empty((room, 3)))
        found = _collect(cells, box, reach**2, pairs, np.empty(n_beads))
        if found <= room:
            return Pairs(pairs.first[:found], pairs.second[:found], pairs.apart[:found])
        room = found


def _sorted(positions: Floats, box: Box, reach: float) -> Cells:
    n_beads, numbers = len(positions), np.empty(3, np.int64)
    if not box.repeats or not count_cells(box.inverse, reach, n_beads, numbers):
        fractions = np.ascontiguousarray((positions @ box.inverse).T)
        return Cells(np.arange(n_beads), np.array([0, n_beads]), _ALONE, fractions)
    fractions, order = np.empty((n_beads, 3)), np.empty(n_beads, np.int64)
    starts = np.empty(numbers.prod() + 1, np.int64)
    find_fractions(positions, box.inverse, fractions)
    sort_into_cells(fractions, numbers, starts, order)
    near = _neighbours(*numbers.tolist())
    return Cells(order, starts, near, np.ascontiguousarray(fractions[order].T))


@lru_cache(maxsize=8)
def _neighbours(*numbers: int) -> Integers:
    """Cells around each cell, itself first, each pair of cells once, (cells, 14)."""
    along, cells = np.array(numbers), range(int(np.prod(numbers)))
    return np.array([[neighbour(cell, k, along) for k in range(13, 27)] for cell in cells])


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def _find_squares(cells: Cells, k: int, begin: int, end: int, box: Box, squares: Floats) -> None:
    """Fill in squared distances from one bead to a run of others, several at a time."""
    x, y, z = cells.fractions[0], cells.fractions[1], cells.fractions[2]
    u, v, w, repeats, d = x[k], y[k], z[k], box.repeats, box.vectors
    ax, ay, az, bx, by = d[0, 0], d[0, 1], d[0, 2], d[1, 0], d[1, 1]
    bz, cx, cy, cz = d[1, 2], d[2, 0], d[2, 1], d[2, 2]
    for m in range(begin, end):
        a, b, c = x[m] - u, y[m] - v, z[m] - w
        a, b, c = a - repeats * np.rint(a), b - repeats * np.rint(b), c - repeats * np.rint(c)
        p, q, r = a * ax + b * bx + c * cx, a * ay + b * by + c * cy, a * az + b * bz + c * cz
        squares[m] = p * p + q * q + r * r


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _put(cells: Cells, k: int, m: int, box: Box, to: Pairs, place: int) -> None:
    """Write down a pair."""
    to.first[place], to.second[place] = cells.order[k], cells.order[m]
    for along in range(3):
        to.apart[place, along] = 0.0
    for axis in range(3):
        share = cells.fractions[axis, m] - cells.fractions[axis, k]
        share -= box.repeats * np.rint(share)
        for along in range(3):
            to.apart[place, along] += share * box.vectors[axis, along]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _collect(cells: Cells, box: Box, square: float, to: Pairs, squares: Floats) -> int:
    """Fill in all pairs nearer than a squared distance, as far as there is room; their number."""
    found, room = 0, len(to.first)
    for cell in range(len(cells.near)):
        for near in cells.near[cell]:
            end = cells.starts[near + 1]
            for k in range(cells.starts[cell], cells.starts[cell + 1]):
                begin = k + 1 if near == cell else cells.starts[near]
                _find_squares(cells, k, begin, end, box, squares)
                for m in range(begin, end):
                    if squares[m] < square:
                        if found < room:
                            _put(cells, k, m, box, to, found)
                        found += 1
    return found
