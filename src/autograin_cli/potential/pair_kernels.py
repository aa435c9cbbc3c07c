"""Compiled loops of force matching with pair terms: pairs and instances into the design matrix.

The design matrix of some frames has a row for each component of the force on each bead and a
column for each basis function. A bead feels the terms of its own type only, so the rows of the
beads of one type hold the columns of their terms and nothing else; the last column is the force
itself. Type stands after type, frame after frame, bead after bead, x, y, z.
"""

import math
from typing import NamedTuple

import numba

from autograin_cli.kernel_arrays import Floats, Integers
from autograin_cli.potential.pair_search import Pairs

_SPLINE = 0.0  # in place of the exponent of a repulsion


class Layout(NamedTuple):
    """Where things stand in the design matrix.

    types: of each bead, (beads,).
    ranks: number of each bead among those of its type, (beads,).
    sizes: of each type the number of beads and of columns, (types, 2).
    starts: of the part of each type in the array, (types,).
    columns: first column of each term in the rows of each type, -1 for none, (types, terms).
    """

    types: Integers
    ranks: Integers
    sizes: Integers
    starts: Integers
    columns: Integers


class PairBasis(NamedTuple):
    """The pair terms and their basis functions.

    terms: term of each pair of types, -1 for none, (types, types).
    partners: excluded partners of each bead, those of higher number, (exclusions,).
    ends: where the partners of each bead begin and those of the next, (beads + 1,).
    shapes: of each pair term exponent of the repulsion (0 for a spline), scale or lower end,
        inverse width of the switch or of a knot interval, switch or number of intervals,
        (pair terms, 4).
    tables: of each pair term lower end and points per Å of its table, (pair terms, 2).
    n_bonded: terms before the pair terms.
    cutoff: Å.
    """

    terms: Integers
    partners: Integers
    ends: Integers
    shapes: Floats
    tables: Floats
    n_bonded: int
    cutoff: float


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _is_excluded(basis: PairBasis, i: int, j: int) -> bool:
    a, b = min(i, j), max(i, j)
    for k in range(basis.ends[a], basis.ends[a + 1]):  # noqa: SIM110  (numba)
        if basis.partners[k] == b:
            return True
    return False


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _slopes(shape: Floats, r: float) -> tuple[int, float, float, float, float]:
    """Column of the first function that does not vanish, and slopes of it and the next three."""
    exponent, low, density, last = shape
    if exponent == _SPLINE:
        scaled = (r - low) * density
        cell = min(max(math.floor(scaled), 0.0), last - 1.0)
        t = scaled - cell
        s, sixth = 1.0 - t, density / 6.0
        second, third = (9.0 * t - 12.0) * t * sixth, (12.0 - 9.0 * s) * s * sixth
        return int(cell), -3.0 * s * s * sixth, second, third, 3.0 * t * t * sixth
    x = min(max((r - last) * density, 0.0), 1.0)
    share = 1.0 - x * x * x * (10.0 - x * (15.0 - 6.0 * x))
    fall = -30.0 * (x * (1.0 - x)) ** 2 * density
    cube = (low / r) ** 3
    six = cube * cube
    power = six * cube if exponent == 9.0 else six * six
    repulsion, attraction = fall - share * exponent / r, fall - share * 6.0 / r
    return 0, repulsion * power, -attraction * six, 0.0, 0.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_pairs(
    design: Floats, frame: int, pairs: Pairs, layout: Layout, basis: PairBasis, counts: Integers
) -> None:
    """Add the forces of every pair to the design matrix, and count distances, in place.

    Args:
        design: of all types, (numbers,).
        frame: within the design matrix.
        pairs: nearer than the cutoff, at least.
        layout: of the matrix.
        basis: the pair terms.
        counts: distances nearest to each point of the table of each pair term,
            (pair terms, points).
    """
    for p in range(len(pairs.first)):
        i, j = pairs.first[p], pairs.second[p]
        a, b = layout.types[i], layout.types[j]
        term = basis.terms[a, b]
        x, y, z = pairs.apart[p, 0], pairs.apart[p, 1], pairs.apart[p, 2]
        r = math.sqrt(x * x + y * y + z * z)
        if term < 0 or r >= basis.cutoff or r == 0.0 or _is_excluded(basis, i, j):
            continue
        first, one, two, three, four = _slopes(basis.shapes[term], r)
        width_a, width_b = layout.sizes[a, 1], layout.sizes[b, 1]
        number = basis.n_bonded + term
        u = layout.starts[a] + (frame * layout.sizes[a, 0] + layout.ranks[i]) * 3 * width_a
        v = layout.starts[b] + (frame * layout.sizes[b, 0] + layout.ranks[j]) * 3 * width_b
        u += layout.columns[a, number] + first
        v += layout.columns[b, number] + first
        wide = basis.shapes[term, 0] == _SPLINE
        for along in (x / r, y / r, z / r):
            design[u] += one * along
            design[v] -= one * along
            design[u + 1] += two * along
            design[v + 1] -= two * along
            if wide:
                design[u + 2] += three * along
                design[v + 2] -= three * along
                design[u + 3] += four * along
                design[v + 3] -= four * along
            u, v = u + width_a, v + width_b
        point = int((r - basis.tables[term, 0]) * basis.tables[term, 1] + 0.5)
        counts[term, min(max(point, 0), counts.shape[1] - 1)] += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_instances(
    design: Floats,
    term: int,
    members: Integers,
    columns: Integers,
    slopes: Floats,
    gradients: Floats,
    layout: Layout,
) -> None:
    """Add the forces of every instance of a bonded term to the design matrix, in place.

    Args:
        design: of all types, (numbers,).
        term: number of the term.
        members: beads of a frame, (instances, members).
        columns: functions that do not vanish, (frames, instances, width).
        slopes: their derivatives, (frames, instances, width).
        gradients: dq/dz, 1 or radians/Å, (frames, instances, members, 3).
        layout: of the matrix.
    """
    n_frames, n_instances, width = columns.shape
    for f in range(n_frames):
        for i in range(n_instances):
            for m in range(members.shape[1]):
                bead = members[i, m]
                kind = layout.types[bead]
                stride = layout.sizes[kind, 1]
                row = layout.starts[kind]
                row += (f * layout.sizes[kind, 0] + layout.ranks[bead]) * 3 * stride
                row += layout.columns[kind, term]
                for d in range(3):
                    for k in range(width):
                        change = slopes[f, i, k] * gradients[f, i, m, d]
                        design[row + d * stride + columns[f, i, k]] -= change


@numba.njit(cache=True, nogil=True, error_model="numpy")
def put_forces(design: Floats, forces: Floats, layout: Layout) -> None:
    """Write forces, kJ/(mol Å), (frames, beads, 3), into the last columns, in place."""
    for f in range(forces.shape[0]):
        for bead in range(forces.shape[1]):
            kind = layout.types[bead]
            stride = layout.sizes[kind, 1]
            row = layout.starts[kind]
            row += (f * layout.sizes[kind, 0] + layout.ranks[bead]) * 3 * stride
            for d in range(3):
                design[row + (d + 1) * stride - 1] = forces[f, bead, d]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def find_least(pairs: Pairs, types: Integers, basis: PairBasis, least: Floats) -> None:
    """Lower the least squared distance of each pair term to that of some pairs, in place.

    Args:
        pairs: of beads.
        types: of the beads, (beads,).
        basis: the pair terms.
        least: Å², (pair terms,).
    """
    for p in range(len(pairs.first)):
        i, j = pairs.first[p], pairs.second[p]
        term = basis.terms[types[i], types[j]]
        x, y, z = pairs.apart[p, 0], pairs.apart[p, 1], pairs.apart[p, 2]
        square = x * x + y * y + z * z
        if term >= 0 and square < least[term] and not _is_excluded(basis, i, j):
            least[term] = square
