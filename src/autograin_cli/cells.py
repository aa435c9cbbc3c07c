"""Compiled search for the pairs of beads that are near each other, by cells.

A periodic box, right-angled or not, is divided along its vectors into cells at least as high as
the reach, so that the partners of a bead stand in its own cell and in the 26 around it.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from autograin_cli.kernel_arrays import Floats, Integers

FEWEST = 3  # cells along a vector: with fewer a cell would meet another one twice
_HALF_OF_NEIGHBOURS = 14  # of the 27 cells around a cell and itself: each pair of cells once


class Frame(NamedTuple):
    """Where beads are.

    positions: Å, (beads, 3).
    fractions: of the box, from 0 to 1, (beads, 3).
    box: Å, (3, 3), rows are the box vectors.
    periodic: whether there is a box.
    square: of the reach, Å².
    """

    positions: Floats
    fractions: Floats
    box: Floats
    periodic: bool
    square: float


class Pairs(NamedTuple):
    """Room for pairs of beads.

    first, second: the beads, (room,).
    apart: from the first to the second, Å, (room, 3).
    """

    first: Integers
    second: Integers
    apart: Floats


kernel = numba.njit(cache=True, nogil=True, error_model="numpy")
inlined = numba.njit(forceinline=True, error_model="numpy")


@kernel
def count_cells(inverse: Floats, reach: float, n_beads: int, numbers: Integers) -> bool:
    """Fill in how many cells a box has along each vector; tell whether cells are of use.

    Args:
        inverse: of the box, 1/Å, (3, 3); zeros in vacuum.
        reach: Å.
        n_beads: in the box; there are not many more cells than beads.
        numbers: filled in, (3,).
    """
    most = max(math.ceil(float(n_beads) ** (1.0 / 3.0)), FEWEST)
    fewest = most
    for axis in range(3):
        across = math.sqrt(inverse[0, axis] ** 2 + inverse[1, axis] ** 2 + inverse[2, axis] ** 2)
        numbers[axis] = 0
        if across > 0.0:
            # A little higher than the reach, whatever the rounding of the fractions.
            numbers[axis] = int(min(1.0 / (across * reach * (1.0 + 1e-9)), float(most)))
        fewest = min(fewest, numbers[axis])
    return fewest >= FEWEST


@kernel
def find_fractions(positions: Floats, inverse: Floats, fractions: Floats) -> None:
    """Fill in positions in fractions of the box, from 0 to 1; zeros in vacuum.

    Args:
        positions: Å, (beads, 3).
        inverse: of the box, 1/Å, (3, 3); zeros in vacuum.
        fractions: filled in, (beads, 3).
    """
    for i in range(len(positions)):
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        for axis in range(3):
            along = x * inverse[0, axis] + y * inverse[1, axis] + z * inverse[2, axis]
            fractions[i, axis] = along - math.floor(along)


@kernel
def sort_into_cells(
    fractions: Floats, numbers: Integers, starts: Integers, order: Integers
) -> None:
    """Sort beads by cells; within a cell they keep their order.

    Args:
        fractions: of the box, from 0 to 1, (beads, 3).
        numbers: of cells along each vector, (3,).
        starts: filled in: place in `order` of the first bead of each cell, (cells + 1,).
        order: filled in: beads, cell after cell, the last vector fastest, (beads,).
    """
    n = len(fractions)
    cells = np.empty(n, np.int64)
    starts.fill(0)
    for i in range(n):
        a = min(int(fractions[i, 0] * numbers[0]), numbers[0] - 1)
        b = min(int(fractions[i, 1] * numbers[1]), numbers[1] - 1)
        c = min(int(fractions[i, 2] * numbers[2]), numbers[2] - 1)
        cells[i] = (a * numbers[1] + b) * numbers[2] + c
        starts[cells[i] + 1] += 1
    for cell in range(len(starts) - 1):
        starts[cell + 1] += starts[cell]
    filled = starts[:-1].copy()
    for i in range(n):
        order[filled[cells[i]]] = i
        filled[cells[i]] += 1


@kernel
def neighbour(cell: int, number: int, numbers: Integers) -> int:
    """The cell beside a cell, by the number of the neighbour from 0 to 26; 13 is itself.

    Numbers from 13 to 26 of all cells give each pair of cells once.
    """
    a, b, c = cell // (numbers[1] * numbers[2]), cell // numbers[2] % numbers[1], cell % numbers[2]
    a = (a + number // 9 - 1 + numbers[0]) % numbers[0]
    b = (b + number // 3 % 3 - 1 + numbers[1]) % numbers[1]
    c = (c + number % 3 - 1 + numbers[2]) % numbers[2]
    return (a * numbers[1] + b) * numbers[2] + c


@inlined
def _take(i: int, j: int, frame: Frame, to: Pairs, place: int) -> int:
    """Write down a pair if it is near enough and there is room; 1 if it is near enough."""
    i, j = min(i, j), max(i, j)
    s, x, box = frame.fractions, frame.positions, frame.box
    dx, dy, dz = x[j, 0] - x[i, 0], x[j, 1] - x[i, 1], x[j, 2] - x[i, 2]
    if frame.periodic:
        a, b, c = s[j, 0] - s[i, 0], s[j, 1] - s[i, 1], s[j, 2] - s[i, 2]
        # np.rint would be called as a function, for each number.
        a, b, c = a - math.floor(a + 0.5), b - math.floor(b + 0.5), c - math.floor(c + 0.5)
        dx = a * box[0, 0] + b * box[1, 0] + c * box[2, 0]
        dy = a * box[0, 1] + b * box[1, 1] + c * box[2, 1]
        dz = a * box[0, 2] + b * box[1, 2] + c * box[2, 2]
    if dx * dx + dy * dy + dz * dz >= frame.square:
        return 0
    if place < len(to.first):
        to.first[place], to.second[place] = i, j
        to.apart[place, 0], to.apart[place, 1], to.apart[place, 2] = dx, dy, dz
    return 1


@kernel
def pairs_within(
    positions: Floats,
    box: Floats,
    inverse: Floats,
    reach: float,
    first: Integers,
    second: Integers,
    apart: Floats,
) -> int:
    """Find all pairs of beads nearer than a reach, each once, to the nearest image.

    Exact as long as the reach is at most half of the least height of the box.

    Args:
        positions: Å, (beads, 3), anywhere in space.
        box: Å, (3, 3), rows are the box vectors; zeros in vacuum.
        inverse: of the box, 1/Å, (3, 3); zeros in vacuum.
        reach: Å.
        first, second: filled in: the beads of each pair, the smaller number first, (room,).
        apart: filled in: from the first to the second, Å, (room, 3).

    Returns:
        How many pairs there are. Where they are more than the room, only those that it holds
        are filled in: call again with more.
    """
    n, found = len(positions), 0
    fractions, numbers = np.empty((n, 3)), np.empty(3, np.int64)
    find_fractions(positions, inverse, fractions)
    periodic = (box[0, 0] != 0.0) | (box[0, 1] != 0.0) | (box[0, 2] != 0.0)
    frame, to = Frame(positions, fractions, box, periodic, reach**2), Pairs(first, second, apart)
    if not count_cells(inverse, reach, n, numbers):
        for i in range(n):
            for j in range(i + 1, n):
                found += _take(i, j, frame, to, found)
        return found
    starts = np.empty(numbers[0] * numbers[1] * numbers[2] + 1, np.int64)
    order = np.empty(n, np.int64)
    sort_into_cells(fractions, numbers, starts, order)
    for cell in range(len(starts) - 1):
        for number in range(27 - _HALF_OF_NEIGHBOURS, 27):
            near = neighbour(cell, number, numbers)
            for k in range(starts[cell], starts[cell + 1]):
                begin = k + 1 if near == cell else starts[near]
                for m in range(begin, starts[near + 1]):
                    i, j = order[k], order[m]
                    found += _take(i, j, frame, to, found)
    return found
