"""Compiled loops of a liquid: forces of pairs and of bonded terms, and BAOAB.

Each bead has a row of all its partners and adds up its own force, so that no two threads write
to one number and every sum has one order: the path of a bead is the same bit for bit whatever
the division of the beads over threads. Everything is float64.
"""

import numba
import numpy as np

from autograin_cli.elementary import HALF, LOW, MATH, inlined, normals, philox
from autograin_cli.kernel_arrays import LANES, Bath, Block, Floats, Terms
from autograin_cli.kernels import feel
from autograin_cli.liquid_arrays import CHUNK, Liquid, Molecules, PairTables, Rows, Task, Words
from autograin_cli.row_forces import Space, row_force

# Digest of the modules of ours above, as in kernels.py.
INLINED = "0a843e1bf9143251"

GO_ON, SORT, DIVERGED = 0, 1, 2

kernel = numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")


@inlined
def _span(units: tuple[int, int], molecules: Molecules) -> tuple[int, int]:
    """First bead of some units, and the one to stop before."""
    if units[0] >= units[1]:
        return 0, 0
    component, first, copies = molecules.units[units[1] - 1]
    return molecules.units[units[0], 1], first + copies * molecules.components[component, 2]


@inlined
def _space(tables: PairTables, box: Floats) -> Space:
    """Numbers of the box and of the tables."""
    a, b, c = box[0, 0], box[1, 1], box[2, 2]
    u, v, w = 1.0 / a if a else 0.0, 1.0 / b if b else 0.0, 1.0 / c if c else 0.0
    edges = (a, b, c, box[1, 0], box[2, 0], box[2, 1])
    return Space(edges, (u, v, w), tables.density, tables.last)


@kernel
def pair_forces(
    quads: Floats,
    forces: Floats,
    rows: Rows,
    tables: PairTables,
    box: Floats,
    span: tuple[int, int],
) -> None:
    """Forces of all pair terms on some beads, anew, to the nearest image."""
    space = _space(tables, box)
    for i in range(span[0], span[1]):
        row, offsets = rows.partners[i], rows.tables[i]
        forces[0, i], forces[1, i], forces[2, i] = row_force(
            quads, row, offsets, rows.counts[i], i, tables.pulls, space
        )


@inlined
def _part(terms: Terms, begin: int, end: int) -> Terms:
    """Some instances of all."""
    return Terms(
        terms.members[begin:end], terms.layout[begin:end], terms.ranges[begin:end], terms.cells
    )


@inlined
def _shortened(block: Block, n_beads: int) -> Block:
    """A block for molecules of so many beads."""
    return Block(
        block.positions[:n_beads],
        block.velocities,
        block.forces[:n_beads],
        block.noise,
        block.energy,
        block.kinetic,
        block.sums,
        block.outside,
        block.work,
    )


@kernel
def bonded_forces(
    now: Floats, forces: Floats, units: tuple[int, int], molecules: Molecules, block: Block
) -> None:
    """Add the forces of bonded terms on the molecules of some units.

    Instances outside the sampled range are added to `block.noise`, (terms,), energies to
    `block.sums[0]`.
    """
    for unit in range(units[0], units[1]):
        component, first, copies = molecules.units[unit]
        n_beads = molecules.components[component, 2]
        begin, end = molecules.components[component, 3], molecules.components[component, 4]
        if begin == end:
            continue
        _load(block.positions, now, (first, copies, n_beads))
        block.outside.fill(0.0)
        feel(_shortened(block, n_beads), _part(molecules.terms, begin, end))
        for i in range(copies):
            block.sums[0] += block.energy[i]
            for term in range(len(block.noise)):
                block.noise[term] += block.outside[term, i]
        _pull(block.forces, forces, (first, copies, n_beads))


@inlined
def _load(lanes: Floats, now: Floats, unit: tuple[int, int, int]) -> None:
    """Fill the lanes from the copies of a unit; the last one fills lanes left over."""
    first, copies, n_beads = unit
    for bead in range(n_beads):
        for axis in range(3):
            for i in range(LANES):
                place = first + min(i, copies - 1) * n_beads + bead
                lanes[bead, axis * LANES + i] = now[axis, place]


@inlined
def _pull(lanes: Floats, forces: Floats, unit: tuple[int, int, int]) -> None:
    """Add the forces in the lanes to those on the copies of a unit."""
    first, copies, n_beads = unit
    for bead in range(n_beads):
        for axis in range(3):
            for i in range(copies):
                forces[axis, first + i * n_beads + bead] += lanes[bead, axis * LANES + i]


@inlined
def _draw(noise: Floats, numbers: Words, task: Task, step: int, bath: Bath) -> None:
    """Fill standard normal numbers, functions of seed, replica, step and bead, (3, beads)."""
    key, lock = bath.seed & LOW, bath.seed >> HALF
    early, late = np.uint64(step) & LOW, np.uint64(step) >> HALF
    replica = np.uint64(task.replica)
    x, y, z = noise[0], noise[1], noise[2]
    for k in range(len(numbers)):
        a, b = philox(numbers[k], replica, early, late, key, lock)
        x[k], y[k] = normals(a)
        z[k], _ = normals(b)


@kernel
def _move(liquid: Liquid, step: int, span: tuple[int, int], task: Task, bath: Bath) -> int:
    """End the step before, and do this one up to its last half kick; what is to be done next."""
    noise, hot, far = np.zeros((3, CHUNK)), 0, 0
    now, then = liquid.positions[step & 1], liquid.positions[1 - (step & 1)]
    quads = liquid.quads[1 - (step & 1)]
    for first in range(span[0], span[1], CHUNK):
        end = min(first + CHUNK, span[1])
        if bath.decay < 1.0:
            _draw(noise, liquid.numbers[first:end], task, step, bath)
        kicks, spreads = liquid.kicks[first:end], liquid.spreads[first:end]
        half_masses, kinetic = liquid.half_masses[first:end], liquid.kinetic[first:end]
        heat, way = np.zeros(CHUNK), np.zeros(CHUNK)
        for axis in range(3):
            x, to = now[axis, first:end], then[axis, first:end]
            v, f = liquid.velocities[axis, first:end], liquid.forces[axis, first:end]
            origin, random = liquid.reference[axis, first:end], noise[axis]
            for k in range(end - first):
                middle = v[k] + 2.0 * kicks[k] * f[k]
                heat[k] += middle * middle
                v[k] = bath.decay * middle + spreads[k] * random[k]
                to[k] = x[k] + bath.half_step * (middle + v[k])
                way[k] += (to[k] - origin[k]) ** 2
            for k in range(end - first):
                quads[first + k, axis] = to[k]
        for k in range(end - first):
            energy = half_masses[k] * heat[k]
            kinetic[k] += energy
            hot += 0 if energy < bath.limit else 1
            far += 0 if way[k] < task.far else 1
    return DIVERGED if hot > 0 else SORT if far > 0 else GO_ON


@kernel
def advance(
    liquid: Liquid,
    rows: Rows,
    molecules: Molecules,
    tables: PairTables,
    box: Floats,
    bath: Bath,
    task: Task,
    block: Block,
) -> tuple[int, int]:
    """Do steps with some units, in place, until all are done or a bead has gone too far.

    The velocities are those before the half kick that ends a step. More than one step is done
    only by a call that has all units.

    Args:
        liquid: the beads.
        rows: their partners.
        molecules, tables: what they feel.
        box: Å, (3, 3), lower triangular; zeros in vacuum.
        bath: the constants; the limit is of one bead.
        task: what to do.
        block: memory to work in, of this call alone.

    Returns:
        The number of the next step, and GO_ON, SORT (the rows are out of date) or DIVERGED (the
        kinetic energy of a bead was beyond its limit in the step before the next).

    Source: B. Leimkuhler and C. Matthews, J. Chem. Phys. 138, 174102 (2013), BAOAB.
    """
    span = _span(task.units, molecules)
    for step in range(task.steps[0], task.steps[1]):
        now = liquid.positions[step & 1]
        pair_forces(liquid.quads[step & 1], liquid.forces, rows, tables, box, span)
        bonded_forces(now, liquid.forces, task.units, molecules, block)
        state = _move(liquid, step, span, task, bath)
        if state != GO_ON:
            return step + 1, state
    return task.steps[1], GO_ON


@kernel
def evaluate(
    liquid: Liquid,
    side: int,
    rows: Rows,
    molecules: Molecules,
    tables: PairTables,
    box: Floats,
    block: Block,
    sums: Floats,
) -> None:
    """Forces, energy and virial of all beads, and what is outside the sampled ranges.

    Args:
        liquid: the beads; the forces are filled in.
        side: which of the two sets of positions.
        rows: their partners.
        molecules, tables: what they feel.
        box: Å, (3, 3), lower triangular; zeros in vacuum.
        block: memory to work in.
        sums: filled in: energy and virial, kJ/mol; then for each bonded term instances outside;
            then for each pair term those of its pairs within the cutoff, and those of them
            nearer than was sampled, (2 + bonded terms + 2 pair terms,).
    """
    now = liquid.positions[side]
    sums.fill(0.0)
    block.sums[0] = 0.0
    block.noise.fill(0.0)
    liquid.forces.fill(0.0)
    bonded_forces(now, liquid.forces, (0, len(molecules.units)), molecules, block)
    for term in range(len(block.noise)):
        sums[2 + term] = block.noise[term]
    sums[0] = block.sums[0]
    for axis in range(3):
        sums[1] += (now[axis] * liquid.forces[axis]).sum()
    _evaluate_pairs(now, liquid.forces, rows, tables, box, sums)


@inlined
def _evaluate_pairs(
    now: Floats, forces: Floats, rows: Rows, tables: PairTables, box: Floats, sums: Floats
) -> None:
    """Add forces, energies and virials of pairs, and count those that are near."""
    inverse, energy, virial = 1.0 / (tables.last + 1.0), 0.0, 0.0
    first = len(sums) - 2 * len(tables.near)
    for i in range(now.shape[1]):
        fx = fy = fz = 0.0
        for k in range(rows.counts[i]):
            j, offset = rows.partners[i, k], rows.tables[i, k]
            dx, dy, dz = _apart(now, i, j, box)
            square = dx * dx + dy * dy + dz * dz
            t = min(square * tables.density, tables.last)
            cell, t = int(t) + offset, t - np.floor(t)
            pulls, cubic = tables.pulls[cell], tables.cubics[cell]
            pull = pulls[0] + t * (pulls[1] + t * pulls[2])
            share = 0.5 if (j != i) & (square * tables.density < tables.last) else 0.0
            energy += share * (cubic[0] + t * (cubic[1] + t * (cubic[2] + t * cubic[3])))
            virial -= share * pull * square
            fx, fy, fz = fx + pull * dx, fy + pull * dy, fz + pull * dz
            term = int((offset + 0.5) * inverse)
            sums[first + 2 * term] += share
            sums[first + 2 * term + 1] += share if square < tables.near[term] else 0.0
        forces[0, i], forces[1, i], forces[2, i] = (
            forces[0, i] + fx,
            forces[1, i] + fy,
            forces[2, i] + fz,
        )
    sums[0] += energy
    sums[1] += virial


@inlined
def _apart(now: Floats, i: int, j: int, box: Floats) -> tuple[float, float, float]:
    """From a bead to the nearest image of another, Å, in a lower triangular box."""
    dx, dy, dz = now[0, j] - now[0, i], now[1, j] - now[1, i], now[2, j] - now[2, i]
    if box[2, 2] > 0.0:
        turn = np.floor(dz / box[2, 2] + 0.5)
        dx, dy, dz = dx - turn * box[2, 0], dy - turn * box[2, 1], dz - turn * box[2, 2]
        turn = np.floor(dy / box[1, 1] + 0.5)
        dx, dy = dx - turn * box[1, 0], dy - turn * box[1, 1]
        dx -= box[0, 0] * np.floor(dx / box[0, 0] + 0.5)
    return dx, dy, dz
