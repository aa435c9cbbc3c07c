"""Compiled loops over the triplets of a bead and two of its neighbours: histograms of angles.

Beads stand as they do for histograms of distances, the images of those of near cells written down
once for all beads of a cell. Neighbours are picked without a branch, and the cosines of their
angles gathered before they are counted, so that vector instructions do most of it. Everything is
float64.
"""

from typing import NamedTuple

import numpy as np

from autograin_cli.near_cells import Boxes, in_cells, inlined, kernel, room_for
from autograin_cli.rdf_arrays import Bins, Floats, Frame, Integers, Layout, Partners
from autograin_cli.rdf_kernels import TURNS, append, gather, load

# Digest of the modules of ours above and of those that they inline, as in kernels.py.
INLINED = "d6c1e5830287db71"

HELD = 4096  # angles that are found before they are counted
NONE = 2.0  # in place of the cosine of an angle that does not count
TINY = 1e-12  # Å²; beads nearer than its root have no direction
Bead = tuple[int, float, float, float]  # its molecule, and where it stands, Å


class Shells(NamedTuple):
    """Which beads are neighbours, and which angles between them are counted together.

    squares: of the distance up to which beads of two types are neighbours, Å²; 0 where they
        never are, (types, types).
    reach: longest of these distances, Å; at most half of the least height of any of the boxes.
    rows: of the counts, for types of the centre and of two neighbours, (types, types, types).
    """

    squares: Floats
    reach: float
    rows: Integers


class _Shell(NamedTuple):
    """Memory for what stands around a bead.

    squares: of the distances of beads, Å², (beads,).
    picked: those that are neighbours, (beads,), int32.
    cosines: of angles between neighbours, (angles,).
    found: their bins, (angles,), int32.
    ends: the first bead of each type, and the number of beads, (types + 1,).
    """

    squares: Floats
    picked: Integers
    cosines: Floats
    found: Integers
    ends: Integers


@inlined
def _measure(partners: Partners, n: int, bead: Bead, squares: Floats) -> None:
    """Find the squared distances of beads from one."""
    x, y, z = partners.x[:n], partners.y[:n], partners.z[:n]
    _, x0, y0, z0 = bead
    for k in range(len(x)):
        dx, dy, dz = x[k] - x0, y[k] - y0, z[k] - z0
        squares[k] = dx * dx + dy * dy + dz * dz


@inlined
def _unfold(frame: Frame, i: int, partners: Partners) -> None:
    """Write down where the nearest images of all beads stand from one."""
    edges, x, y, z = frame.edges, frame.x, frame.y, frame.z
    x0, y0, z0 = x[i], y[i], z[i]
    xx, yy, zz, yx, zx, zy = edges[0], edges[1], edges[2], edges[3], edges[4], edges[5]
    for k in range(len(x)):
        sx, sy, sz = x[k] - x0, y[k] - y0, z[k] - z0
        sx, sy, sz = sx - np.rint(sx), sy - np.rint(sy), sz - np.rint(sz)
        partners.x[k] = sx * xx + sy * yx + sz * zx
        partners.y[k], partners.z[k] = sy * yy + sz * zy, sz * zz
        partners.molecules[k] = frame.molecules[k]


@inlined
def _pick(
    partners: Partners, shell: _Shell, bead: Bead, limits: Floats, to: Partners, ends: Integers
) -> None:
    """Write down the neighbours of a bead as unit vectors, type after type.

    limits: squared distance of neighbours of each type, Å², (types,).
    ends: filled in: the first neighbour of each type, and their number, (types + 1,).
    """
    m, owners, squares, picked = 0, partners.molecules, shell.squares, shell.picked
    own, x0, y0, z0 = bead
    for kind in range(len(limits)):
        ends[kind], limit = m, limits[kind]
        for k in range(shell.ends[kind], shell.ends[kind + 1]):
            picked[m] = k  # always, and kept if the next one does not take its place: no branch
            m += (squares[k] < limit) & (owners[k] != own)
    ends[len(limits)] = m
    for k in range(m):
        from_ = picked[k]
        scale = 1.0 / np.sqrt(max(squares[from_], TINY))
        to.x[k] = (partners.x[from_] - x0) * scale
        to.y[k] = (partners.y[from_] - y0) * scale
        to.z[k], to.molecules[k] = (partners.z[from_] - z0) * scale, owners[from_]


@inlined
def _turn(around: Partners, j: int, span: tuple[int, int], cosines: Floats) -> None:
    """Find the cosines of the angles between a neighbour and a row; `NONE` in one molecule."""
    x0, y0, z0, own = around.x[j], around.y[j], around.z[j], around.molecules[j]
    x, y, z = around.x[span[0] : span[1]], around.y[span[0] : span[1]], around.z[span[0] : span[1]]
    molecules = around.molecules[span[0] : span[1]]
    for k in range(len(x)):
        cosines[k] = NONE if molecules[k] == own else x0 * x[k] + y0 * y[k] + z0 * z[k]


@inlined
def _add(shell: _Shell, n: int, bins: Bins, counts: Integers) -> None:
    """Count so many angles by their cosines, into histograms in turn, (turns, bins + 1).

    Source: M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), 4.4.46: the
    arc cosine is right to 2e-8.
    """
    found, cosines, last = shell.found, shell.cosines[:n], np.float64(bins.number - 1)
    for k in range(len(cosines)):
        cosine = cosines[k]
        c = min(abs(cosine), 1.0)
        sum_ = 0.0066700901 - 0.0012624911 * c
        sum_ = 0.0308918810 + c * (-0.0170881256 + c * sum_)
        sum_ = 0.0889789874 + c * (-0.0501743046 + c * sum_)
        sum_ = 1.5707963050 + c * (-0.2145988016 + c * sum_)
        angle = np.sqrt(1.0 - c) * sum_
        angle = np.pi - angle if cosine < 0.0 else angle
        place = np.int32(min(angle * bins.density, last))
        found[k] = np.int32(bins.number) if cosine == NONE else place
    whole = n // TURNS * TURNS
    for k in range(0, whole, TURNS):
        counts[0, found[k]] += 1
        counts[1, found[k + 1]] += 1
        counts[2, found[k + 2]] += 1
        counts[3, found[k + 3]] += 1
    for k in range(whole, n):
        counts[0, found[k]] += 1


@kernel
def _count_around(
    around: Partners, ends: Integers, rows: Integers, shell: _Shell, bins: Bins, counts: Integers
) -> None:
    """Count the angles between the neighbours of a bead, (rows, turns, bins + 1).

    ends: the first neighbour of each type, and their number, (types + 1,).
    rows: of the counts, for types of two neighbours, (types, types).
    """
    for b in range(len(rows)):
        for c in range(b, len(rows)):
            held = 0
            for j in range(ends[b], ends[b + 1]):
                span = (max(j + 1, ends[c]), ends[c + 1])
                _turn(around, j, span, shell.cosines[held:])
                held += max(span[1] - span[0], 0)
                if held > HELD:
                    _add(shell, held, bins, counts[rows[b, c]])
                    held = 0
            _add(shell, held, bins, counts[rows[b, c]])


@inlined
def _meet(
    frame: Frame, numbers: Integers, cell: int, cells: Integers, partners: Partners, ends: Integers
) -> None:
    """Write down the beads near a cell, type after type; all, where there is one cell."""
    n = 0
    for kind in range(len(cells)):
        ends[kind] = n
        if cells.shape[1] == 2:
            n = cells[kind, 1]
            continue
        x, y, z, molecules = partners.x[n:], partners.y[n:], partners.z[n:], partners.molecules[n:]
        to = Partners(x, y, z, molecules)
        n += gather(frame, numbers, cell, cells[kind], (1, False), to)
    ends[len(cells)] = n


@inlined
def _stand(frame: Frame, i: int, in_one: bool, partners: Partners, centre: Partners) -> Bead:
    """Find where a bead stands; in one cell all beads are written down around it."""
    if in_one:
        _unfold(frame, i, partners)
        return frame.molecules[i], 0.0, 0.0, 0.0
    append(frame, i, (0, 0, 0), centre, 0)
    return frame.molecules[i], centre.x[0], centre.y[0], centre.z[0]


@inlined
def _join(held: Integers, counts: Integers) -> None:
    """Add histograms that were counted in turn, (rows, turns, bins + 1), to (rows, bins)."""
    for row in range(counts.shape[0]):
        for turn in range(TURNS):
            for place in range(counts.shape[1]):
                counts[row, place] += held[row, turn, place]


@kernel
def count_triplets(
    positions: Floats, boxes: Boxes, layout: Layout, shells: Shells, bins: Bins, counts: Integers
) -> None:
    """Count the angles at each bead between two neighbours, all three of different molecules.

    Args:
        positions: Å, (frames, beads, 3).
        boxes: of the frames.
        layout: types and molecules.
        shells: which beads are neighbours.
        bins: of the angle, from 0 to pi; the density is that in a radian.
        counts: added to, (frames, rows, bins), int64.
    """
    n, n_types = len(layout.order), len(layout.starts) - 1
    partners, around, centre = room_for(n), room_for(n), room_for(1)
    numbers, ends = np.empty(3, np.int64), np.empty(n_types + 1, np.int64)
    most, of_types = HELD + n + 1, np.empty(n_types + 1, np.int64)
    picked, cosines = np.empty(n + 1, np.int32), np.empty(most)
    shell = _Shell(np.empty(n), picked, cosines, np.empty(most, np.int32), of_types)
    held = np.zeros((counts.shape[1], TURNS, bins.number + 1), np.int64)
    x, y, z, molecules = np.empty(n), np.empty(n), np.empty(n), np.empty(n, np.int32)
    for f in range(len(positions)):
        frame = Frame(x, y, z, molecules, boxes.edges[f])
        load(frame, positions[f], boxes.inverses[f], layout)
        cells = in_cells(frame, boxes.inverses[f], layout.starts, shells.reach, numbers)
        in_one = cells.shape[1] == 2
        held.fill(0)
        for cell in range(cells.shape[1] - 1):
            _meet(frame, numbers, cell, cells, partners, of_types)
            for a in range(n_types):
                for i in range(cells[a, cell], cells[a, cell + 1]):
                    bead = _stand(frame, i, in_one, partners, centre)
                    _measure(partners, of_types[n_types], bead, shell.squares)
                    _pick(partners, shell, bead, shells.squares[a], around, ends)
                    _count_around(around, ends, shells.rows[a], shell, bins, held)
        _join(held, counts[f])
