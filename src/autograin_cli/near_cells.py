"""Beads of a frame sorted by types and by cells as high as a reach, for loops over neighbours."""

from typing import NamedTuple

import numba
import numpy as np

from autograin_cli.cells import count_cells
from autograin_cli.rdf_arrays import Floats, Frame, Integers, Partners
from autograin_cli.rdf_kernels import MATH, sort_by_cells

# Digest of the modules of ours above, as in kernels.py.
INLINED = "34a8fc4b71037a16"

kernel = numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
inlined = numba.njit(forceinline=True, fastmath=MATH, error_model="numpy")


class Boxes(NamedTuple):
    """The boxes of frames.

    inverses: 1/Å, (frames, 3, 3).
    edges: turned to lower triangles, Å, (frames, 6): xx, yy, zz, yx, zx, zy.
    """

    inverses: Floats
    edges: Floats


@inlined
def room_for(n: int) -> Partners:
    """Memory for so many beads."""
    return Partners(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, np.int32))


@kernel
def in_cells(
    frame: Frame, inverse: Floats, starts: Integers, reach: float, numbers: Integers
) -> Integers:
    """Sort the beads of each type by cells; first bead of each, (types, cells + 1).

    Cells are at least as high as the reach: where few beads are near, larger and fewer cells than
    those of histograms are quicker to look through. There is one cell where they are of no use.

    starts: of the types, (types + 1,).
    """
    n_types, n_cells = len(starts) - 1, 1
    if count_cells(inverse, reach, len(frame.x), numbers):
        n_cells = numbers[0] * numbers[1] * numbers[2]
    cells = np.zeros((n_types, n_cells + 1), np.int64)
    for a in range(n_types):
        if n_cells > 1:
            sort_by_cells(frame, (starts[a], starts[a + 1]), numbers, cells[a])
        else:
            cells[a, 0], cells[a, 1] = starts[a], starts[a + 1]
    return cells
