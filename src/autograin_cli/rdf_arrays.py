"""Arrays that the compiled histograms of distances work on."""

from typing import NamedTuple

import numpy as np

Floats = np.ndarray
Integers = np.ndarray


class Layout(NamedTuple):
    """How the beads of a frame are sorted.

    order: bead at each place, (beads,), int64; beads of one type stand together.
    starts: place of the first bead of each type, and the number of beads, (types + 1,), int64.
    molecules: molecule of the bead at each place, (beads,), int32.
    """

    order: Integers
    starts: Integers
    molecules: Integers


class Bins(NamedTuple):
    """The even bins of a histogram from 0.

    number: of bins.
    density: bins in an Å.
    """

    number: int
    density: float


class Frame(NamedTuple):
    """A frame, sorted.

    x, y, z: places in fractions of the box vectors, from 0 to 1, (beads,).
    molecules: of each bead, (beads,), int32.
    edges: of the box, turned so that the matrix is lower triangular, Å: xx, yy, zz, yx, zx, zy.
    """

    x: Floats
    y: Floats
    z: Floats
    molecules: Integers
    edges: Floats


class Partners(NamedTuple):
    """Beads where their images stand, as far as they go.

    x, y, z: Å, (beads,).
    molecules: of each bead, (beads,), int32.
    """

    x: Floats
    y: Floats
    z: Floats
    molecules: Integers


class Work(NamedTuple):
    """Memory to work in.

    bins: of a row of partners, (beads,), int32.
    counts: of each bin, and behind them of what is in none, (turns, bins + 1), int64.
    partners: of the beads of a cell.
    centre: one bead.
    """

    bins: Integers
    counts: Integers
    partners: Partners
    centre: Partners
