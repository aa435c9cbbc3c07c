"""What the compiled kernels take and fill: arrays, by name."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograin_cli.elementary import Word

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Edges = tuple[float, float, float, float, float, float, float, float]

LANES = 16
# Rows of `Block.work` behind those of the gradient by four beads; from POWERS on there are four.
CELL, PLACE, BEYOND, OUTSIDE, SLOPE, POWERS = (row * LANES for row in range(12, 18))


class Terms(NamedTuple):
    """The bonds, angles and dihedrals of a molecule, each an instance.

    members: bead indices, (instances, 4); what is beyond 2 or 3 is not read.
    layout: beads of the instance (2, 3 or 4), its term, first cell and number of cells of its
        table, (instances, 4).
    ranges: low and high end of the table, cells per Å or radian, wall stiffness, low and high
        end of the sampled range, period and its inverse (0 where there is none), (instances, 8).
    cells: cubic of the energy in each cell, kJ/mol, by the fraction of the cell, (cells, 4).
    """

    members: Integers
    layout: Integers
    ranges: Floats
    cells: Floats


class Bath(NamedTuple):
    """Constants of a BAOAB step.

    half_step: half the time step, ps.
    kicks: half the time step over the mass, Å/ps per kJ/(mol Å), (beads,).
    half_masses: kJ/mol per (Å/ps)², (beads,).
    decay: share of a velocity that friction leaves.
    spreads: standard deviation of the velocity that the bath adds, Å/ps, (beads,).
    limit: kinetic energy of a replica that counts as divergence, kJ/mol.
    seed: of the noise.
    """

    half_step: float
    kicks: Floats
    half_masses: Floats
    decay: float
    spreads: Floats
    limit: float
    seed: Word


class State(NamedTuple):
    """All replicas.

    positions: Å, (replicas, beads, 3).
    velocities: Å/ps, (replicas, beads, 3).
    forces: on these positions, kJ/(mol Å), (replicas, beads, 3).
    energy: of these positions, kJ/mol, (replicas,).
    kinetic: mid-step kinetic energy, kJ/mol, summed over steps, (replicas,).
    outside: steps and instances beyond the sampled range, (replicas, terms).
    diverged: step at which the kinetic energy was beyond its limit; -1 for none, (replicas,).
    """

    positions: Floats
    velocities: Floats
    forces: Floats
    energy: Floats
    kinetic: Floats
    outside: Integers
    diverged: Integers


class Block(NamedTuple):
    """Replicas that advance together, one in each lane.

    positions: Å, (beads, 3 lanes): x of all lanes, then y, then z.
    velocities: Å/ps, (beads, 3 lanes).
    forces: kJ/(mol Å), (beads, 3 lanes).
    noise: standard normal numbers, in the order of velocities, a multiple of four in each lane.
    energy: kJ/mol, (lanes,).
    kinetic: mid-step kinetic energy, kJ/mol, (lanes,).
    sums: of the kinetic energy over steps, kJ/mol, (lanes,).
    outside: steps and instances beyond the sampled range, (terms, lanes).
    work: gradient of a coordinate by each of four beads; cell of its table, place in it, way
        beyond it, whether outside, slope; four coefficients of the cubic, (21 lanes,).
    """

    positions: Floats
    velocities: Floats
    forces: Floats
    noise: Floats
    energy: Floats
    kinetic: Floats
    sums: Floats
    outside: Floats
    work: Floats


def new_state(positions: Floats, velocities: Floats, n_terms: int) -> State:
    """Give a state with copies of positions and velocities, and nothing added up."""
    n_replicas = len(positions)
    return State(
        positions.copy(),
        velocities.copy(),
        np.zeros_like(positions),
        np.zeros(n_replicas),
        np.zeros(n_replicas),
        np.zeros((n_replicas, n_terms), np.int64),
        np.full(n_replicas, -1),
    )


def new_block(n_beads: int, n_terms: int) -> Block:
    """Give memory for a block of lanes."""
    return Block(
        np.zeros((n_beads, 3 * LANES)),
        np.zeros((n_beads, 3 * LANES)),
        np.zeros((n_beads, 3 * LANES)),
        np.zeros((3 * n_beads + 3) // 4 * 4 * LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros((n_terms, LANES)),
        np.zeros(21 * LANES),
    )
