"""Beads sorted by cells, compiled.

A periodic box, right-angled or not, is divided along its vectors into cells at least as high as
the reach, so that the partners of a bead stand in its own cell and in the 26 around it.
"""

import math

import numba
import numpy as np

from autograin_cli.kernel_arrays import Floats, Integers

FEWEST = 3  # cells along a vector: with fewer a cell would meet another one twice


kernel = numba.njit(cache=True, nogil=True, error_model="numpy")


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
