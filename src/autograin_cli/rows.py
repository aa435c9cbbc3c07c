"""Compiled making of the rows of partners of each bead of a liquid.

Sorting puts beads that are near each other in space near each other in memory. Partners are
looked for in the cells around: all beads of these are written down once for all beads of a cell,
as the images that are nearest, so that the loop over them is turned into vector instructions.
"""

import numba
import numpy as np

from autograin_cli.cells import (
    count_cells,
    find_fractions,
    sort_into_cells,
)
from autograin_cli.elementary import MATH, inlined
from autograin_cli.kernel_arrays import Floats, Integers
from autograin_cli.liquid_arrays import Grid, Molecules, PairTables, Partners, Rows
from autograin_cli.row_forces import WIDTH, pick_near

# Digest of the modules of ours above, as in kernels.py.
INLINED = "43d3959fe318f3b0"

Work = tuple[Floats, Partners, Partners]
ROUND = WIDTH  # partners: rows are filled up to a multiple of it

kernel = numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")


@kernel
def order_of(positions: Floats, inverse: Floats, reach: float, molecules: Molecules) -> Integers:
    """Sort the copies of each component by where their first beads are.

    Args:
        positions: Å, (3, beads), in any order of the copies.
        inverse: of the box, 1/Å, (3, 3); zeros in vacuum.
        reach: Å.
        molecules: of the system.

    Returns:
        Where the bead that shall stand at each place stands now, (beads,).
    """
    order = np.empty(positions.shape[1], np.int64)
    numbers = np.empty(3, np.int64)
    if not count_cells(inverse, reach, positions.shape[1], numbers):
        numbers[:] = 1
    starts = np.empty(numbers[0] * numbers[1] * numbers[2] + 1, np.int64)
    for component in range(len(molecules.components)):
        first, n_copies, n_beads = molecules.components[component, :3]
        heads, fractions = np.empty((n_copies, 3)), np.empty((n_copies, 3))
        for copy in range(n_copies):
            for axis in range(3):
                heads[copy, axis] = positions[axis, first + copy * n_beads]
        find_fractions(heads, inverse, fractions)
        sorted_copies = np.empty(n_copies, np.int64)
        sort_into_cells(fractions, numbers, starts, sorted_copies)
        for copy in range(n_copies):
            for bead in range(n_beads):
                order[first + copy * n_beads + bead] = first + sorted_copies[copy] * n_beads + bead
    return order


@kernel
def grid_of(positions: Floats, box: Floats, inverse: Floats, reach: float) -> Grid:
    """Sort beads by cells that are at least as high as the reach, and fold them into the box.

    Args:
        positions: Å, (3, beads).
        box: Å, (3, 3), rows are the box vectors; zeros in vacuum.
        inverse: of the box, 1/Å, (3, 3); zeros in vacuum.
        reach: Å.
    """
    n = positions.shape[1]
    numbers, places = np.empty(3, np.int64), np.empty(n, np.int64)
    fractions, folded = np.empty((n, 3)), positions.copy()
    find_fractions(np.ascontiguousarray(positions.T), inverse, fractions)
    if not count_cells(inverse, reach, n, numbers):
        numbers[:] = 1
    starts = np.empty(numbers[0] * numbers[1] * numbers[2] + 1, np.int64)
    sort_into_cells(fractions, numbers, starts, places)
    for k in range(n):
        place = places[k]
        for axis in range(3):
            folded[axis, k] = positions[axis, place]
            if len(starts) > 2:
                folded[axis, k] = (
                    fractions[place, 0] * box[0, axis]
                    + fractions[place, 1] * box[1, axis]
                    + fractions[place, 2] * box[2, axis]
                )
    return Grid(numbers, starts, places, folded)


@inlined
def _rounded(n: int) -> int:
    """The next multiple of the width of a vector."""
    return (n + ROUND - 1) // ROUND * ROUND


@inlined
def _beside(place: int, number: int) -> tuple[int, int]:
    """A number of a cell along a vector, inside the box, and the boxes by which it lay outside."""
    turns = -1 if place < 0 else 1 if place >= number else 0
    return place - turns * number, turns


@kernel
def _gather(grid: Grid, cell: int, box: Floats, near: Floats, places: Partners) -> int:
    """Write down the beads of the cells around a cell, where their images are; how many."""
    n, numbers, shift = 0, grid.numbers, np.empty(3)
    a, b, c = cell // (numbers[1] * numbers[2]), cell // numbers[2] % numbers[1], cell % numbers[2]
    for number in range(27):
        i, along = _beside(a + number // 9 - 1, numbers[0])
        j, across = _beside(b + number // 3 % 3 - 1, numbers[1])
        k, above = _beside(c + number % 3 - 1, numbers[2])
        other = (i * numbers[1] + j) * numbers[2] + k
        first, end = grid.starts[other], grid.starts[other + 1]
        for axis in range(3):
            shift[axis] = along * box[0, axis] + across * box[1, axis] + above * box[2, axis]
            from_, to = grid.positions[axis, first:end], near[axis, n : n + end - first]
            for m in range(end - first):
                to[m] = from_[m] + shift[axis]
        for m in range(end - first):
            places[n + m] = grid.places[first + m]
        n += end - first
    return n


@kernel
def _beyond(near: Floats, n: int, beads: Floats, squares: Floats) -> None:
    """Squared distances of beads from the least upright block around others, (3, beads)."""
    squares[:n] = 0.0
    for axis in range(3):
        low, high, along = beads[axis].min(), beads[axis].max(), near[axis]
        for k in range(n):
            out = max(low - along[k], along[k] - high, 0.0)
            squares[k] += out * out


@kernel
def _around(
    near: Floats, n: int, beads: Floats, square: float, places: Partners, work: Work
) -> int:
    """Keep, in their order, only those of some beads that may be within reach of others.

    Args:
        near: Å, (3, at least n).
        n: how many there are.
        beads: the others, Å, (3, beads).
        square: of the reach, Å².
        places: of those near, (at least n + 8,).
        work: room for squares, and for numbers of beads, with the numbers from 0 on.

    Returns:
        How many are kept.
    """
    squares, kept, numbers = work
    _beyond(near, n, beads, squares)
    squares[n : n + ROUND] = np.inf
    # A little farther than the reach, whatever the rounding.
    n_kept = pick_near(squares, square * (1.0 + 1e-9), numbers, _rounded(n), kept)
    for k in range(n_kept):
        places[k] = places[kept[k]]
    for axis in range(3):
        along = near[axis]
        for k in range(n_kept):
            along[k] = along[kept[k]]
    return int(n_kept)


@kernel
def _squares(near: Floats, n: int, centre: Floats, box: Floats, images: bool, to: Floats) -> None:
    """Squared distances of beads from a centre, to the nearest image if asked for."""
    x, y, z, squares = near[0, :n], near[1, :n], near[2, :n], to[:n]
    x0, y0, z0 = centre[0], centre[1], centre[2]
    if not images:
        for k in range(n):
            dx, dy, dz = x[k] - x0, y[k] - y0, z[k] - z0
            squares[k] = dx * dx + dy * dy + dz * dz
        return
    a, b, c = box[0, 0], box[1, 1], box[2, 2]
    ba, ca, cb = box[1, 0], box[2, 0], box[2, 1]
    u, v, w = 1.0 / a if a else 0.0, 1.0 / b if b else 0.0, 1.0 / c if c else 0.0
    for k in range(n):
        dx, dy, dz = x[k] - x0, y[k] - y0, z[k] - z0
        turn = np.floor(dz * w + 0.5)
        dx, dy, dz = dx - turn * ca, dy - turn * cb, dz - turn * c
        turn = np.floor(dy * v + 0.5)
        dx, dy = dx - turn * ba, dy - turn * b
        dx -= a * np.floor(dx * u + 0.5)
        squares[k] = dx * dx + dy * dy + dz * dz


@kernel
def _fill_alike(place: int, row: Partners, n: int, partners: Partners) -> int:
    """Fill the row of a bead where all are molecules of one bead and of one type."""
    n_found = np.uint64(0)
    for k in range(n):
        partners[n_found] = row[k]
        n_found += np.uint64(row[k] != place)
    return int(n_found)


@kernel
def _fill(
    place: int, row: Partners, n: int, rows: Rows, molecules: Molecules, tables: PairTables
) -> int:
    """Fill the row of a bead from places near it; how many partners it has, or may have."""
    first = molecules.components[:, 0]
    owner, n_found, room = molecules.owners[place], np.uint64(0), rows.partners.shape[1]
    offsets = tables.offsets[molecules.types[place]]
    if n > room:
        return n
    partners, starts = rows.partners[place], rows.tables[place]
    if len(tables.near) == 1 and len(molecules.owners) == len(first) * molecules.components[0, 1]:
        return _fill_alike(place, row, n, partners)
    for k in range(n):
        other = row[k]
        offset = offsets[molecules.types[other]]
        partners[n_found] = other
        starts[n_found] = offset
        n_found += np.uint64((molecules.owners[other] != owner) & (offset >= 0))
    component = len(first) - 1
    while first[component] > place or molecules.components[component, 1] == 0:
        component -= 1
    start, _, n_beads, _, _, base = molecules.components[component]
    bead = base + (place - start) % n_beads
    for k in range(molecules.inner_ends[bead], molecules.inner_ends[bead + 1]):
        other = place + molecules.inner[k]
        if n_found < room:
            partners[n_found] = other
            starts[n_found] = offsets[molecules.types[other]]
        n_found += np.uint64(1)
    return int(n_found)


@kernel
def make_rows(
    grid: Grid,
    cells: tuple[int, int],
    box: Floats,
    reach: float,
    molecules: Molecules,
    tables: PairTables,
    rows: Rows,
) -> int:
    """Fill in the rows of the beads in some cells.

    Args:
        grid: the beads; the box is lower triangular and reduced.
        cells: first one, and the one to stop before.
        box: Å, (3, 3), rows are the box vectors; zeros in vacuum.
        reach: Å.
        molecules: of the system.
        tables: of the pair terms.
        rows: filled in.

    Returns:
        The length of the longest row: where it is more than there is room for, rows are cut off.
    """
    n_beads, room, longest = grid.positions.shape[1], rows.partners.shape[1], 0
    near, squares = np.empty((3, n_beads)), np.empty(n_beads + ROUND)
    places, row = np.zeros(n_beads + ROUND, np.uint32), np.empty(n_beads + ROUND, np.uint32)
    numbers = np.arange(n_beads + ROUND).astype(np.uint32)
    whole = len(grid.starts) == 2
    for cell in range(cells[0], cells[1]):
        if whole:
            n, near = n_beads, grid.positions
            for k in range(n):
                places[k] = grid.places[k]
        elif grid.starts[cell] < grid.starts[cell + 1]:
            n = _gather(grid, cell, box, near, places)
            beads = grid.positions[:, grid.starts[cell] : grid.starts[cell + 1]]
            n = _around(near, n, beads, reach * reach, places, (squares, row, numbers))
        for k in range(grid.starts[cell], grid.starts[cell + 1]):
            place = grid.places[k]
            _squares(near, n, grid.positions[:, k], box, whole, squares)
            squares[n : n + ROUND] = np.inf
            picked = pick_near(squares, reach * reach, places, _rounded(n), row)
            found = _fill(place, row, picked, rows, molecules, tables)
            longest = max(longest, found)
            found = min(found, room)
            end = min(_rounded(found), room)
            for empty in range(found, end):
                rows.partners[place, empty] = place
                rows.tables[place, empty] = 0
            rows.counts[place] = end
    return longest
