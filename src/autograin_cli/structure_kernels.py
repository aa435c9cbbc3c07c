"""Compiled loops over the beads of frames: distances inside molecules, and waves of density."""

import numba
import numpy as np

from autograin_cli.rdf_arrays import Bins, Floats, Integers

MATH = {"contract", "arcp", "nsz", "reassoc", "afn"}
inlined = numba.njit(forceinline=True, fastmath=MATH, error_model="numpy")


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def count_within(
    positions: Floats, pairs: Integers, kinds: Integers, bins: Bins, counts: Integers
) -> None:
    """Count the distances of given pairs of beads in each frame, as they stand.

    Args:
        positions: Å, (frames, beads, 3); molecules whole.
        pairs: bead indices, (pairs, 2), int64.
        kinds: row of the histogram that each pair counts for, (pairs,), int64.
        bins: of the histogram; longer distances are left out.
        counts: added to, (frames, kinds, bins), int64.
    """
    for f in range(len(positions)):
        for p in range(len(pairs)):
            a, b = positions[f, pairs[p, 0]], positions[f, pairs[p, 1]]
            dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
            place = np.sqrt(dx * dx + dy * dy + dz * dz) * bins.density
            if place < bins.number:
                counts[f, kinds[p], int(place)] += 1


@inlined
def _fill_powers(
    positions: Floats, inverse: Floats, order: Integers, cosines: Floats, sines: Floats
) -> None:
    """Cosine and sine of 2 pi n s for the fraction s of each direction, (3, n + 1, beads)."""
    for axis in range(3):
        for k in range(len(order)):
            x, y, z = positions[order[k], 0], positions[order[k], 1], positions[order[k], 2]
            s = x * inverse[0, axis] + y * inverse[1, axis] + z * inverse[2, axis]
            angle = 2.0 * np.pi * (s - np.floor(s))
            cosines[axis, 0, k], sines[axis, 0, k] = 1.0, 0.0
            cosines[axis, 1, k], sines[axis, 1, k] = np.cos(angle), np.sin(angle)
        for n in range(2, cosines.shape[1]):
            c, s_, before = cosines[axis, 1], sines[axis, 1], n - 1
            for k in range(len(order)):
                a, b = cosines[axis, before, k], sines[axis, before, k]
                cosines[axis, n, k] = a * c[k] - b * s_[k]
                sines[axis, n, k] = b * c[k] + a * s_[k]


@inlined
def _wave(
    cosines: Floats, sines: Floats, wave: Integers, span: tuple[int, int]
) -> tuple[float, float]:
    """Sum exp(i q x) over a range of beads: real and imaginary part."""
    nx, ny, nz = abs(wave[0]), abs(wave[1]), abs(wave[2])
    to_x, to_y, to_z = float(np.sign(wave[0])), float(np.sign(wave[1])), float(np.sign(wave[2]))
    cx, sx = cosines[0, nx, span[0] : span[1]], sines[0, nx, span[0] : span[1]]
    cy, sy = cosines[1, ny, span[0] : span[1]], sines[1, ny, span[0] : span[1]]
    cz, sz = cosines[2, nz, span[0] : span[1]], sines[2, nz, span[0] : span[1]]
    real, imaginary = 0.0, 0.0
    for k in range(len(cx)):
        a, b = sx[k] * to_x, sy[k] * to_y
        c, s = cx[k] * cy[k] - a * b, a * cy[k] + cx[k] * b
        d = sz[k] * to_z
        real += c * cz[k] - s * d
        imaginary += s * cz[k] + c * d
    return real, imaginary


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def add_waves(
    positions: Floats,
    inverses: Floats,
    order: Integers,
    starts: Integers,
    waves: Integers,
    shells: Integers,
    totals: Floats,
) -> None:
    """Add up the products of the waves of density of pairs of types, by shells of wave vectors.

    Args:
        positions: Å, (frames, beads, 3).
        inverses: of the boxes, 1/Å, (frames, 3, 3).
        order: bead at each place, beads of one type together, (beads,), int64.
        starts: place of the first bead of each type, and the number of beads, (types + 1,), int64.
        waves: wave vectors in units of the vectors of the reciprocal lattice, (waves, 3), int64.
        shells: shell of each wave vector, (waves,), int64.
        totals: added to, (frames, pairs of types, shells); pairs AA, AB, ..., BB, BC, ...
    """
    n_types, most = len(starts) - 1, max(1, np.abs(waves).max())
    cosines = np.empty((3, most + 1, len(order)))
    sines, waved = np.empty((3, most + 1, len(order))), np.empty((n_types, 2))
    for f in range(len(positions)):
        _fill_powers(positions[f], inverses[f], order, cosines, sines)
        for w in range(len(waves)):
            for a in range(n_types):
                waved[a] = _wave(cosines, sines, waves[w], (starts[a], starts[a + 1]))
            pair = 0
            for a in range(n_types):
                for b in range(a, n_types):
                    product = waved[a, 0] * waved[b, 0] + waved[a, 1] * waved[b, 1]
                    totals[f, pair, shells[w]] += product
                    pair += 1
