"""Compiled loops over pairs of beads of periodic frames: histograms of distances, by types.

Beads stand sorted by type, in fractions of the box, one array for each direction, so that the
loop over the partners of a bead is turned into vector instructions. The bins of a row of
partners are found first and counted afterwards, into four histograms in turn: an increment would
else wait for the one before it. Everything is float64.
"""

import numba
import numpy as np

from autograin_cli.rdf_arrays import (
    Bins,
    Floats,
    Frame,
    Integers,
    Layout,
    Partners,
    Work,
)

MATH = {"contract", "arcp", "nsz", "reassoc", "afn"}
TURNS = 4  # histograms that are counted into in turn
FINE = 2  # cells along the range of the histogram
Way = tuple[int, bool]
GAIN = 0.6  # share of all pairs that cells must leave out to be worth their while
inlined = numba.njit(forceinline=True, fastmath=MATH, error_model="numpy")


@inlined
def find_upright(frame: Frame, i: int, span: tuple[int, int], bins: Bins, found: Integers) -> None:
    """Find the bins of the distances from a bead to a row of others, in a box of right angles."""
    edges = frame.edges
    x0, y0, z0, own = frame.x[i], frame.y[i], frame.z[i], frame.molecules[i]
    # A loop over slices needs no check of negative indices, which would keep vectors away.
    x, y, z = frame.x[span[0] : span[1]], frame.y[span[0] : span[1]], frame.z[span[0] : span[1]]
    molecules = frame.molecules[span[0] : span[1]]
    a, b, c = edges[0], edges[1], edges[2]
    density, most, none = bins.density, np.float64(bins.number), np.int32(bins.number)
    for k in range(len(x)):
        dx, dy, dz = abs(x[k] - x0), abs(y[k] - y0), abs(z[k] - z0)
        dx, dy, dz = min(dx, 1.0 - dx) * a, min(dy, 1.0 - dy) * b, min(dz, 1.0 - dz) * c
        place = np.int32(min(np.sqrt(dx * dx + dy * dy + dz * dz) * density, most))
        found[k] = none if molecules[k] == own else place


@inlined
def find_skewed(frame: Frame, i: int, span: tuple[int, int], bins: Bins, found: Integers) -> None:
    """Find them in any box, exactly up to half of its least height."""
    edges = frame.edges
    x0, y0, z0, own = frame.x[i], frame.y[i], frame.z[i], frame.molecules[i]
    # A loop over slices needs no check of negative indices, which would keep vectors away.
    x, y, z = frame.x[span[0] : span[1]], frame.y[span[0] : span[1]], frame.z[span[0] : span[1]]
    molecules = frame.molecules[span[0] : span[1]]
    xx, yy, zz, yx, zx, zy = edges[0], edges[1], edges[2], edges[3], edges[4], edges[5]
    density, most, none = bins.density, np.float64(bins.number), np.int32(bins.number)
    for k in range(len(x)):
        sx, sy, sz = x[k] - x0, y[k] - y0, z[k] - z0
        sx, sy, sz = sx - np.rint(sx), sy - np.rint(sy), sz - np.rint(sz)
        dx, dy, dz = sx * xx + sy * yx + sz * zx, sy * yy + sz * zy, sz * zz
        place = np.int32(min(np.sqrt(dx * dx + dy * dy + dz * dz) * density, most))
        found[k] = none if molecules[k] == own else place


@inlined
def _add(n: int, work: Work) -> None:
    """Count the bins of a row of `n` partners."""
    found, counts = work.bins, work.counts
    whole = n // TURNS * TURNS
    for k in range(0, whole, TURNS):
        counts[0, found[k]] += 1
        counts[1, found[k + 1]] += 1
        counts[2, found[k + 2]] += 1
        counts[3, found[k + 3]] += 1
    for k in range(whole, n):
        counts[0, found[k]] += 1


@inlined
def _count(frame: Frame, i: int, span: tuple[int, int], bins: Bins, work: Work) -> None:
    """Count the distances from a bead to a row of others."""
    found = work.bins
    if frame.edges[3] == 0.0 and frame.edges[4] == 0.0 and frame.edges[5] == 0.0:
        find_upright(frame, i, span, bins, found)
    else:
        find_skewed(frame, i, span, bins, found)
    _add(max(span[1] - span[0], 0), work)


@inlined
def _all_pairs(
    frame: Frame, first: tuple[int, int], second: tuple[int, int], bins: Bins, work: Work
) -> None:
    """Count every pair of beads of two types, given by their ranges."""
    for i in range(first[0], first[1]):
        _count(frame, i, (max(second[0], i + 1), second[1]), bins, work)


# --- cells ----------------------------------------------------------------------------------


@inlined
def cell_counts(frame: Frame, reach: float, numbers: Integers) -> bool:
    """Find how many cells a box has along its vectors; tell whether they are of any use."""
    edges = frame.edges
    a, b, c, ba, ca, cb = edges[0], edges[1], edges[2], edges[3], edges[4], edges[5]
    # Heights are one over the lengths of the columns of the inverse of a triangular matrix.
    u, v = ba / (a * b), (ba * cb - ca * b) / (a * b * c)
    w = cb / (b * c)
    numbers[0] = int(FINE / (reach * np.sqrt(1.0 / (a * a) + u * u + v * v)))
    numbers[1] = int(FINE / (reach * np.sqrt(1.0 / (b * b) + w * w)))
    numbers[2] = int(FINE * c / reach)
    share, width = 1.0, 2 * FINE + 1
    for k in range(3):
        numbers[k] = min(numbers[k], int(2.0 * len(frame.x) ** (1.0 / 3.0)))  # or most are empty
        if numbers[k] < width:
            return False
        share *= width / numbers[k]
    return share < GAIN


@inlined
def sort_by_cells(frame: Frame, span: tuple[int, int], numbers: Integers, starts: Integers) -> None:
    """Sort the beads of one type by cells, in place; `starts` gives the first of each cell."""
    n, first = span[1] - span[0], span[0]
    cell, place = np.empty(n, np.int64), np.empty(n, np.int64)
    starts.fill(0)
    for k in range(n):
        i = first + k
        cx = min(int(frame.x[i] * numbers[0]), numbers[0] - 1)
        cy = min(int(frame.y[i] * numbers[1]), numbers[1] - 1)
        cz = min(int(frame.z[i] * numbers[2]), numbers[2] - 1)
        cell[k] = (cz * numbers[1] + cy) * numbers[0] + cx
        place[k] = starts[cell[k] + 1]
        starts[cell[k] + 1] += 1
    starts[0] = first
    for c in range(len(starts) - 1):
        starts[c + 1] += starts[c]
    for k in range(n):
        place[k] += starts[cell[k]]
    for row in (frame.x, frame.y, frame.z):
        held = row[first : span[1]].copy()
        for k in range(n):
            row[place[k]] = held[k]
    kept = frame.molecules[first : span[1]].copy()
    for k in range(n):
        frame.molecules[place[k]] = kept[k]


@inlined
def append(frame: Frame, i: int, shift: tuple[int, int, int], to: Partners, at: int) -> None:
    """Write down where the image of a bead stands, Å."""
    edges = frame.edges
    x, y, z = frame.x[i] + shift[0], frame.y[i] + shift[1], frame.z[i] + shift[2]
    to.x[at] = x * edges[0] + y * edges[3] + z * edges[4]
    to.y[at] = y * edges[1] + z * edges[5]
    to.z[at] = z * edges[2]
    to.molecules[at] = frame.molecules[i]


@inlined
def _turns(place: int, n: int) -> int:
    """Boxes by which a cell lies outside; a division would take as long as all the rest."""
    return -1 if place < 0 else 1 if place >= n else 0


@inlined
def gather(
    frame: Frame, numbers: Integers, cell: int, starts: Integers, way: Way, to: Partners
) -> int:
    """Write down the beads of the cells near a cell, and give their number.

    starts: first bead of each cell, (cells + 1,).
    way: cells to either side; whether pairs of cells are met but once, a cell before others.
    """
    wide, half = way
    nx, ny, nz = numbers[0], numbers[1], numbers[2]
    x, y, z, n = cell % nx, cell // nx % ny, cell // nx // ny, 0
    for dz in range(0 if half else -wide, wide + 1):
        up = _turns(z + dz, nz)
        for dy in range(0 if half and dz == 0 else -wide, wide + 1):
            aside = _turns(y + dy, ny)
            row = ((z + dz - up * nz) * ny + y + dy - aside * ny) * nx
            for dx in range(0 if half and dz == 0 and dy == 0 else -wide, wide + 1):
                along = _turns(x + dx, nx)
                near = row + x + dx - along * nx
                for i in range(starts[near], starts[near + 1]):
                    append(frame, i, (along, aside, up), to, n)
                    n += 1
    return n


@inlined
def find_partners(
    partners: Partners,
    own: int,
    centre: tuple[float, float, float],
    span: tuple[int, int],
    bins: Bins,
    found: Integers,
) -> None:
    """Find the bins of the distances from a place to partners."""
    x, y = partners.x[span[0] : span[1]], partners.y[span[0] : span[1]]
    z, molecules = partners.z[span[0] : span[1]], partners.molecules[span[0] : span[1]]
    x0, y0, z0 = centre[0], centre[1], centre[2]
    density, most, none = bins.density, np.float64(bins.number), np.int32(bins.number)
    for k in range(len(x)):
        dx, dy, dz = x[k] - x0, y[k] - y0, z[k] - z0
        place = np.int32(min(np.sqrt(dx * dx + dy * dy + dz * dz) * density, most))
        found[k] = none if molecules[k] == own else place


@inlined
def _near_pairs(
    frame: Frame, numbers: Integers, first: Integers, second: Integers, bins: Bins, work: Work
) -> None:
    """Count the pairs of beads of two types in cells that are near each other, each once.

    first, second: first bead of each cell of each of the types, (cells + 1,).
    """
    same, partners, centre = first[0] == second[0], work.partners, work.centre
    for cell in range(len(first) - 1):
        if first[cell] == first[cell + 1]:
            continue
        n = gather(frame, numbers, cell, second, (FINE, same), partners)
        for i in range(first[cell], first[cell + 1]):
            append(frame, i, (0, 0, 0), centre, 0)
            place = centre.x[0], centre.y[0], centre.z[0]
            span = (i - first[cell] + 1 if same else 0, n)
            find_partners(partners, frame.molecules[i], place, span, bins, work.bins)
            _add(span[1] - span[0], work)


# --- frames ---------------------------------------------------------------------------------


@inlined
def load(frame: Frame, positions: Floats, inverse: Floats, layout: Layout) -> None:
    """Fill a frame with fractions of the box from 0 to 1, sorted by type."""
    for k in range(len(layout.order)):
        bead = layout.order[k]
        x, y, z = positions[bead, 0], positions[bead, 1], positions[bead, 2]
        for axis, row in enumerate((frame.x, frame.y, frame.z)):
            fraction = x * inverse[0, axis] + y * inverse[1, axis] + z * inverse[2, axis]
            row[k] = fraction - np.floor(fraction)
        frame.molecules[k] = layout.molecules[k]


@inlined
def _count_frame(frame: Frame, starts: Integers, bins: Bins, work: Work, counts: Integers) -> None:
    """Count the pairs of a frame, (pairs of types, bins)."""
    numbers, pair, n_types = np.empty(3, np.int64), 0, len(starts) - 1
    celled = cell_counts(frame, bins.number / bins.density, numbers)
    cells = np.zeros((n_types, numbers[0] * numbers[1] * numbers[2] + 1 if celled else 1), np.int64)
    for a in range(n_types if celled else 0):
        sort_by_cells(frame, (starts[a], starts[a + 1]), numbers, cells[a])
    for a in range(n_types):
        for b in range(a, n_types):
            work.counts.fill(0)
            if celled:
                _near_pairs(frame, numbers, cells[a], cells[b], bins, work)
            else:
                spans = (starts[a], starts[a + 1]), (starts[b], starts[b + 1])
                _all_pairs(frame, spans[0], spans[1], bins, work)
            for bin_ in range(bins.number):
                for turn in range(TURNS):
                    counts[pair, bin_] += work.counts[turn, bin_]
            pair += 1


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def count_pairs(
    positions: Floats,
    inverses: Floats,
    edges: Floats,
    layout: Layout,
    bins: Bins,
    counts: Integers,
) -> None:
    """Count the distances of beads of different molecules in each frame, to the nearest image.

    Args:
        positions: Å, (frames, beads, 3).
        inverses: of the boxes, 1/Å, (frames, 3, 3).
        edges: of the boxes turned to lower triangles, Å, (frames, 6): xx, yy, zz, yx, zx, zy.
        layout: types and molecules.
        bins: up to half of the least height of any of the boxes.
        counts: added to, (frames, pairs of types, bins), int64; pairs AA, AB, ..., BB, BC, ...
    """
    n = len(layout.order)
    partners = Partners(np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int32))
    centre = Partners(np.empty(1), np.empty(1), np.empty(1), np.empty(1, np.int32))
    counted = np.zeros((TURNS, bins.number + 1), np.int64)
    work = Work(np.empty(n, np.int32), counted, partners, centre)
    x, y, z, molecules = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int32)
    for f in range(len(positions)):
        frame = Frame(x, y, z, molecules, edges[f])
        load(frame, positions[f], inverses[f], layout)
        _count_frame(frame, layout.starts, bins, work, counts[f])
