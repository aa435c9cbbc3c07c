"""What the compiled kernels of liquids take and fill: arrays, by name."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograin_cli.kernel_arrays import Floats, Integers, Terms

Words = NDArray[np.uint64]
Partners = NDArray[np.uint32]
Offsets = NDArray[np.int32]

CHUNK = 64  # beads whose noise is drawn together


class PairTables(NamedTuple):
    """Energies of pairs against the square s of their distance, on one grid for all terms.

    Of each term there are cells from 0 to the square of the longest cutoff, and a last one of
    zeros for all that is farther.

    pulls: coefficients of 2 dU/ds by the fraction of the cell, kJ/(mol Å²); three, and a 0,
        (terms cells, 4).
    cubics: those of U, kJ/mol, (terms cells, 4).
    offsets: first cell of the term of two types; -1 where they do not feel each other,
        (types, types).
    density: cells per Å².
    last: number of the last cell, of those of a term.
    near: square of the least sampled distance of each term, Å², (terms,).
    """

    pulls: Floats
    cubics: Floats
    offsets: Integers
    density: float
    last: float
    near: Floats


class Molecules(NamedTuple):
    """The molecules of a system, component after component.

    components: first bead, copies, beads of a copy, first bonded instance and one past the last,
        first bead of all components of one copy each, (components, 6).
    units: runs of at most 16 copies of a component: component, first bead, copies, (units, 3).
    types: of each bead, (beads,).
    owners: molecule of each bead, (beads,).
    inner: partners that a bead of a copy feels by a pair term in its own molecule, as the
        difference of their numbers, (pairs,).
    inner_ends: where those of a bead begin and those of the next, (beads of all types + 1,).
    terms: bonded, with beads as numbers within a copy.
    """

    components: Integers
    units: Integers
    types: Integers
    owners: Integers
    inner: Integers
    inner_ends: Integers
    terms: Terms


class Rows(NamedTuple):
    """The partners of each bead, those that may come within the cutoff before the next sort.

    partners: places, (beads, room).
    tables: first cell of the term of each pair, (beads, room).
    counts: how many, a multiple of 8: a bead itself, which pulls with no force, fills up its row,
        (beads,).
    """

    partners: Partners
    tables: Offsets
    counts: Integers


class Liquid(NamedTuple):
    """Beads in a box, sorted in space within each component: a bead stands at a place.

    positions: Å, (2, 3, beads): those of even and of odd steps.
    quads: the same positions, a row for each bead, with a last column that is not read, Å,
        (2, beads, 4).
    velocities: before the half kick that ends a step, Å/ps, (3, beads).
    forces: kJ/(mol Å), (3, beads).
    reference: where the beads were when the rows were made, Å, (3, beads).
    kinetic: mid-step kinetic energy, kJ/mol, summed over steps, (beads,).
    numbers: bead at each place, (beads,).
    kicks, spreads, half_masses: as in `Bath`, by place, (beads,).
    """

    positions: Floats
    quads: Floats
    velocities: Floats
    forces: Floats
    reference: Floats
    kinetic: Floats
    numbers: Words
    kicks: Floats
    spreads: Floats
    half_masses: Floats


class Task(NamedTuple):
    """What one call of a kernel does.

    units: first one, and the one to stop before.
    steps: number of the first step, and of the one to stop before.
    replica: number of the replica, for the noise.
    far: square of the way that a bead may move before the rows are made again, Å².
    """

    units: tuple[int, int]
    steps: tuple[int, int]
    replica: int
    far: float


class Grid(NamedTuple):
    """Beads sorted by cells, for the making of rows.

    numbers: of cells along each box vector, (3,); one cell where cells are of no use.
    starts: place in the arrays below of the first bead of each cell, (cells + 1,).
    places: of the beads, (beads,).
    positions: folded into the box, Å, (3, beads).
    """

    numbers: Integers
    starts: Integers
    places: Integers
    positions: Floats
