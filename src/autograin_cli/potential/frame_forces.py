"""Forces of the classical terms in whole frames, at a cost that grows with the beads alone."""

from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from autograin_cli.elementary import MATH
from autograin_cli.kernel_arrays import Floats, Integers
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.pair import Nonbonded
from autograin_cli.potential.pair_search import Pairs, frames_of, pairs_of
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk


class PairTables(NamedTuple):
    """The tables of pair terms, one after the other.

    types: of the beads, (beads,).
    terms: of each pair of types, -1 for none, (types, types).
    partners: excluded partners of each bead, those of higher number, (exclusions,).
    ends: where the partners of each bead begin and those of the next, (beads + 1,).
    places: of each term first point and number of cells of its table, (terms, 2).
    ranges: of each term low end, spacing, stiffness of the wall below and cutoff, (terms, 4);
        Å, kJ/(mol Å²).
    energy, slope: at the points, kJ/mol and kJ/(mol Å), (points,).
    """

    types: Integers
    terms: Integers
    partners: Integers
    ends: Integers
    places: Integers
    ranges: Floats
    energy: Floats
    slope: Floats


def classical_forces(force_field: ForceField, chunk: Chunk) -> Tensor:
    """Forces of bonded and pair terms on the beads of frames.

    Args:
        force_field: whose network is left out.
        chunk: frames, molecules whole; each box at least twice the cutoff high.

    Returns:
        kJ/(mol Å), (frames, beads, 3).
    """
    system, forces = force_field.system, torch.zeros_like(chunk.positions)
    parts = zip(system.components, system.slices, force_field.potentials, strict=True)
    for part, where, potential in parts:
        copies = chunk.positions[:, where].reshape(-1, part.n_beads, 3)
        forces[:, where] = potential.forces(copies).reshape(len(forces), -1, 3)
    if force_field.nonbonded is not None and force_field.nonbonded.terms:
        tables = tables_of(force_field.nonbonded, system)
        cutoff = force_field.nonbonded.cutoff
        for (positions, box), pull in zip(
            frames_of(chunk, slice(None)), forces.numpy(), strict=True
        ):
            add_pair_forces(pairs_of(positions, box, cutoff), tables, pull)
    return forces


def tables_of(nonbonded: Nonbonded, system: System) -> PairTables:
    """Give pair terms to the compiled loop."""
    excluded = system.exclusions(nonbonded.excluded_bonds)
    ends = torch.searchsorted(excluded[:, 0].contiguous(), torch.arange(system.n_beads + 1))
    tables = [term.table for term in nonbonded.terms]
    sizes = np.array([len(table.energy) for table in tables])
    ranges = [
        (table.low, (table.high - table.low) / (len(table.energy) - 1), table.wall_stiffness)
        for table in tables
    ]
    cutoffs = [term.cutoff for term in nonbonded.terms]
    return PairTables(
        types=system.types.numpy(),
        terms=nonbonded.term_of(system.type_names).numpy(),
        partners=excluded[:, 1].contiguous().numpy(),
        ends=ends.numpy(),
        places=np.stack((np.cumsum(sizes) - sizes, sizes - 1), axis=1),
        ranges=np.column_stack((np.array(ranges), cutoffs)),
        energy=torch.cat([table.energy for table in tables]).double().numpy(),
        slope=torch.cat([table.slope for table in tables]).double().numpy(),
    )


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def _slope(tables: PairTables, term: int, r: float) -> float:
    """dU/dr of a pair; cubic Hermite inside the table, a wall below it."""
    low, spacing, stiffness = tables.ranges[term, 0], tables.ranges[term, 1], tables.ranges[term, 2]
    scaled = max(r - low, 0.0) / spacing
    cell = min(int(scaled), tables.places[term, 1] - 1)
    t, point = scaled - cell, tables.places[term, 0] + cell
    rise = tables.energy[point + 1] - tables.energy[point]
    start, end = spacing * tables.slope[point], spacing * tables.slope[point + 1]
    curvature, third = 3.0 * rise - 2.0 * start - end, start + end - 2.0 * rise
    inside = (start + t * (2.0 * curvature + 3.0 * t * third)) / spacing
    return inside + stiffness * min(r - low, 0.0)


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def add_pair_forces(pairs: Pairs, tables: PairTables, forces: Floats) -> None:
    """Add the forces of the pair terms, in place.

    Args:
        pairs: all those nearer than the longest cutoff.
        tables: of the terms.
        forces: kJ/(mol Å), (beads, 3).
    """
    for p in range(len(pairs.first)):
        i, j = pairs.first[p], pairs.second[p]
        term, felt, a = tables.terms[tables.types[i], tables.types[j]], True, min(i, j)
        for k in range(tables.ends[a], tables.ends[a + 1]):
            felt = felt and tables.partners[k] != max(i, j)
        x, y, z = pairs.apart[p, 0], pairs.apart[p, 1], pairs.apart[p, 2]
        r = np.sqrt(x * x + y * y + z * z)
        if term < 0 or not felt or r >= tables.ranges[term, 3] or r == 0.0:
            continue
        pull = _slope(tables, term, r) / r
        for axis in range(3):
            forces[i, axis] += pull * pairs.apart[p, axis]
            forces[j, axis] -= pull * pairs.apart[p, axis]
