"""Compiled loops: replicas of a molecule that do not feel one another, by tables.

Sixteen replicas, one in each lane, advance together: every loop over lanes is simple enough for
the compiler to turn it into vector instructions. A vector of a bead is a row: x of all lanes,
then y, then z. Everything is float64.
"""

import numba
import numpy as np

from autograin_cli.elementary import HALF, LOW, MATH, Word, inlined, normals, philox
from autograin_cli.internal_coordinates import angle, bond, dihedral
from autograin_cli.kernel_arrays import (
    BEYOND,
    CELL,
    LANES,
    OUTSIDE,
    PLACE,
    POWERS,
    SLOPE,
    Bath,
    Block,
    Edges,
    Floats,
    Integers,
    State,
    Terms,
)

# Digest of the three modules above. The compiler's cache sees changes of this file only, and
# would go on using machine code made from what they were; a test compares it.
INLINED = "ed7b5fbc848d6402"


@inlined
def _look_up(w: Floats, cells: Floats, first: int) -> None:
    for i in range(LANES):
        cell = first + int(w[CELL + i])
        for power in range(4):
            w[POWERS + power * LANES + i] = cells[cell, power]


@inlined
def _evaluate(w: Floats, energy: Floats, outside: Floats, density: float, wall: float) -> None:
    """Add up energies and what is outside; leave slopes."""
    powers, y = POWERS, LANES
    for i in range(LANES):
        t, beyond = w[PLACE + i], w[BEYOND + i]
        first, second, third = w[powers + y + i], w[powers + 2 * y + i], w[powers + 3 * y + i]
        slope = (first + t * (2.0 * second + t * 3.0 * third)) * density
        energy[i] += w[powers + i] + t * (first + t * (second + t * third))
        energy[i] += beyond * (slope + 0.5 * wall * beyond)
        outside[i] += w[OUTSIDE + i]
        w[SLOPE + i] = slope + wall * beyond


@inlined
def _pull_two(f: Floats, w: Floats, a: int, b: int, row: int) -> None:
    """Add the forces on two beads, in one loop: that is faster than two."""
    y, z = LANES, 2 * LANES
    for i in range(LANES):
        slope = w[SLOPE + i]
        f[a, i] -= slope * w[row + i]
        f[a, y + i] -= slope * w[row + y + i]
        f[a, z + i] -= slope * w[row + z + i]
        f[b, i] -= slope * w[row + 3 * y + i]
        f[b, y + i] -= slope * w[row + 4 * y + i]
        f[b, z + i] -= slope * w[row + 5 * y + i]


@inlined
def _pull_one(f: Floats, w: Floats, a: int, row: int) -> None:
    for i in range(LANES):
        f[a, i] -= w[SLOPE + i] * w[row + i]
        f[a, LANES + i] -= w[SLOPE + i] * w[row + LANES + i]
        f[a, 2 * LANES + i] -= w[SLOPE + i] * w[row + 2 * LANES + i]


@inlined
def _differentiate(x: Floats, w: Floats, members: Integers, n_members: int, edges: Edges) -> None:
    a, b, c, d = members
    if n_members == 2:
        bond(x, w, a, b, edges)
    elif n_members == 3:
        angle(x, w, a, b, c, edges)
    else:
        dihedral(x, w, a, b, c, d, edges)


@inlined
def _pull(f: Floats, w: Floats, members: Integers, n_members: int) -> None:
    a, b, c, d = members
    _pull_two(f, w, a, b, 0)
    if n_members == 3:
        _pull_one(f, w, c, 6 * LANES)
    elif n_members == 4:
        _pull_two(f, w, c, d, 6 * LANES)


@inlined
def feel(block: Block, terms: Terms) -> None:
    """Energies and forces of a block, anew, and what is outside, added up."""
    x, f, w = block.positions, block.forces, block.work
    for bead in range(len(f)):
        for i in range(3 * LANES):
            f[bead, i] = 0.0
    for i in range(LANES):
        block.energy[i] = 0.0
    for instance in range(len(terms.members)):
        n_members, term, first, n_cells = terms.layout[instance]
        low, high, density, wall, least, most, period, inverse = terms.ranges[instance]
        edges = (low, high, density, n_cells - 1.0, least, most, period, inverse)
        _differentiate(x, w, terms.members[instance], n_members, edges)
        _look_up(w, terms.cells, first)
        _evaluate(w, block.energy, block.outside[term], density, wall)
        _pull(f, w, terms.members[instance], n_members)


# --- BAOAB ----------------------------------------------------------------------------------


@inlined
def _draw(noise: Floats, seed: Word, step: int, replicas: tuple[int, int]) -> None:
    """Fill the noise of one step with standard normal numbers."""
    key, lock = seed & LOW, seed >> HALF
    early, late = np.uint64(step) & LOW, np.uint64(step) >> HALF
    for quad in range(len(noise) // (4 * LANES)):
        number, row, y = np.uint64(quad), 4 * quad * LANES, LANES
        for i in range(LANES):
            a, b = philox(
                number, np.uint64(min(replicas[0] + i, replicas[1] - 1)), early, late, key, lock
            )
            noise[row + i], noise[row + y + i] = normals(a)
            noise[row + 2 * y + i], noise[row + 3 * y + i] = normals(b)


@inlined
def _kick(v: Floats, f: Floats, kicks: Floats) -> None:
    for bead in range(len(v)):
        kick = kicks[bead]
        for i in range(3 * LANES):
            v[bead, i] += kick * f[bead, i]


@inlined
def _drift(x: Floats, v: Floats, noise: Floats, bath: Bath) -> None:
    """Half a step of free flight, friction and noise, half a step of free flight."""
    for bead in range(len(v)):
        row, spread = 3 * bead * LANES, bath.spreads[bead]
        for i in range(3 * LANES):
            middle = v[bead, i]
            late = bath.decay * middle + spread * noise[row + i]
            v[bead, i] = late
            x[bead, i] += bath.half_step * (middle + late)


@inlined
def _heat(v: Floats, half_masses: Floats, kinetic: Floats) -> None:
    y, z = LANES, 2 * LANES
    for i in range(LANES):
        kinetic[i] = 0.0
    for bead in range(len(v)):
        half_mass = half_masses[bead]
        for i in range(LANES):
            vx, vy, vz = v[bead, i], v[bead, y + i], v[bead, z + i]
            kinetic[i] += half_mass * (vx * vx + vy * vy + vz * vz)


@inlined
def _is_sound(block: Block, limit: float) -> bool:
    """Add kinetic energies to their sums; tell whether all are below the limit, and no NaN."""
    kinetic, sums, n_beyond = block.kinetic, block.sums, 0
    for i in range(LANES):
        sums[i] += kinetic[i]
        n_beyond += 0 if kinetic[i] < limit else 1
    return n_beyond == 0


@inlined
def _load(rows: Floats, vectors: Floats, first: int, end: int) -> None:
    """Fill the lanes from the replicas from `first` on; the last one fills lanes left over."""
    for i in range(LANES):
        replica = min(first + i, end - 1)
        for bead in range(len(rows)):
            for axis in range(3):
                rows[bead, axis * LANES + i] = vectors[replica, bead, axis]


@inlined
def _store(rows: Floats, vectors: Floats, first: int, end: int) -> None:
    for i in range(min(LANES, end - first)):
        for bead in range(len(rows)):
            for axis in range(3):
                vectors[first + i, bead, axis] = rows[bead, axis * LANES + i]


@inlined
def _run(
    block: Block, replicas: tuple[int, int], steps: tuple[int, int], terms: Terms, bath: Bath
) -> int:
    """Advance a block; give the step at which a replica diverged, or -1."""
    x, v = block.positions, block.velocities
    for step in range(steps[0], steps[1] + 1):
        feel(block, terms)
        if step > steps[0]:
            _kick(v, block.forces, bath.kicks)
        else:
            block.outside.fill(0.0)  # the call that ended here has counted these positions
        if step == steps[1]:
            break
        _kick(v, block.forces, bath.kicks)
        _heat(v, bath.half_masses, block.kinetic)
        if not _is_sound(block, bath.limit):
            return step
        if bath.decay < 1.0:
            _draw(block.noise, bath.seed, step, replicas)
        _drift(x, v, block.noise, bath)
    return -1


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def advance(
    state: State,
    replicas: tuple[int, int],
    steps: tuple[int, int],
    terms: Terms,
    bath: Bath,
    block: Block,
) -> None:
    """Advance replicas, in place; with no step to do, only energies and forces are filled in.

    The noise is a function of seed, replica, step and number, so no choice of calls, threads or
    replicas changes the path of a replica. Where one diverges, its block stays as it then was.

    Args:
        state: of all replicas.
        replicas: first one that this call advances, and the one to stop before.
        steps: number of the first step, and of the one to stop before.
        terms: the potential.
        bath: the constants.
        block: memory to work in, of this call alone.

    Source: B. Leimkuhler and C. Matthews, J. Chem. Phys. 138, 174102 (2013), BAOAB.
    """
    end = replicas[1]
    for first in range(replicas[0], end, LANES):
        _load(block.positions, state.positions, first, end)
        _load(block.velocities, state.velocities, first, end)
        block.sums.fill(0.0)
        diverged = _run(block, (first, end), steps, terms, bath)
        _store(block.positions, state.positions, first, end)
        _store(block.velocities, state.velocities, first, end)
        _store(block.forces, state.forces, first, end)
        for i in range(min(LANES, end - first)):
            state.energy[first + i] = block.energy[i]
            state.kinetic[first + i] += block.sums[i]
            if diverged >= 0 and not block.kinetic[i] < bath.limit:
                state.diverged[first + i] = diverged
            for term in range(len(block.outside)):
                state.outside[first + i, term] += int(block.outside[term, i])
