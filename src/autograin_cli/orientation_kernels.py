"""Compiled loops over pairs of molecules: how their axes turn with each other, by distance."""

import numpy as np

from autograin_cli.near_cells import Boxes, in_cells, inlined, kernel, room_for
from autograin_cli.rdf_arrays import Bins, Floats, Frame, Integers, Layout, Partners
from autograin_cli.rdf_kernels import append, find_partners, find_skewed, gather, load

# Digest of the modules of ours above and of those that they inline, as in kernels.py.
INLINED = "d6c1e5830287db71"


@inlined
def _find(
    frame: Frame, i: int, span: tuple[int, int], bins: Bins, partners: Partners, found: Integers
) -> None:
    """Find the bins of the distances from a molecule to a row of those near its cell."""
    centre = room_for(1)
    append(frame, i, (0, 0, 0), centre, 0)
    place = centre.x[0], centre.y[0], centre.z[0]
    find_partners(partners, frame.molecules[i], place, span, bins, found)


@inlined
def _add_cosines(
    axes: Floats, i: int, others: Integers, found: Integers, cosines: Floats, sums: Floats
) -> None:
    """Add up 1, the cosine and its square of the axes of a molecule and of others, by bins.

    axes: of all molecules, (molecules, 3).
    others: molecules whose bins were found, (others,).
    sums: added to, (bins + 1, 3).
    """
    x, y, z = axes[i, 0], axes[i, 1], axes[i, 2]
    for k in range(len(others)):
        axis = axes[others[k]]
        cosines[k] = x * axis[0] + y * axis[1] + z * axis[2]
    for k in range(len(others)):
        to, cosine = sums[found[k]], cosines[k]
        to[0] += 1.0
        to[1] += cosine
        to[2] += cosine * cosine


@kernel
def _add_pair(
    frame: Frame, axes: Floats, numbers: Integers, first: Integers, second: Integers, bins: Bins,
    sums: Floats,
) -> None:  # fmt: skip
    """Add up the pairs of molecules of two types in a frame, each once, (bins + 1, 3).

    axes: of all molecules, (molecules, 3).
    first, second: first molecule of each cell of each of the types, (cells + 1,).
    """
    n, same = len(frame.x), first[0] == second[0]
    partners, found, cosines = room_for(n), np.empty(n, np.int32), np.empty(n)
    for cell in range(len(first) - 1):
        near = second[1]
        if len(first) > 2:
            near = gather(frame, numbers, cell, second, (1, same), partners)
        for i in range(first[cell], first[cell + 1]):
            if len(first) > 2:
                begin = i - first[cell] + 1 if same else 0
                _find(frame, i, (begin, near), bins, partners, found)
                others = partners.molecules[begin:near]
            else:
                begin = max(second[0], i + 1)
                find_skewed(frame, i, (begin, near), bins, found)
                others = frame.molecules[begin:near]
            _add_cosines(axes, frame.molecules[i], others, found, cosines, sums)


@kernel
def add_orientations(
    centres: Floats, axes: Floats, boxes: Boxes, layout: Layout, bins: Bins, totals: Floats
) -> None:
    """Add up 1, the cosine of the angle of two axes, and its square, by the distance of molecules.

    Args:
        centres: of the molecules, Å, (frames, molecules, 3).
        axes: unit vectors, (frames, molecules, 3).
        boxes: of the frames.
        layout: types of the molecules; each is a molecule of its own, by its number.
        bins: of the distance, up to half of the least height of any of the boxes.
        totals: added to, (frames, pairs of types, bins, 3); pairs AA, AB, ..., BB, BC, ...
    """
    n, starts, numbers = len(layout.order), layout.starts, np.empty(3, np.int64)
    sums, reach = np.empty((bins.number + 1, 3)), bins.number / bins.density
    x, y, z, molecules = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int32)
    for f in range(len(centres)):
        frame = Frame(x, y, z, molecules, boxes.edges[f])
        load(frame, centres[f], boxes.inverses[f], layout)
        cells = in_cells(frame, boxes.inverses[f], starts, reach, numbers)
        pair = 0
        for a in range(len(cells)):
            for b in range(a, len(cells)):
                sums.fill(0.0)
                _add_pair(frame, axes[f], numbers, cells[a], cells[b], bins, sums)
                for bin_ in range(bins.number):
                    for power in range(3):
                        totals[f, pair, bin_, power] += sums[bin_, power]
                pair += 1
