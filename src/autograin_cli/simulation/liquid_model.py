"""A force field as the arrays that the kernels of liquids take."""

from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from autograin_cli.kernel_arrays import LANES, Floats, Integers, Terms
from autograin_cli.liquid_arrays import Molecules, PairTables
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.pair import Nonbonded, PairTerm
from autograin_cli.simulation.compiled import terms_of
from autograin_cli.system import System

N_CELLS = 2048  # of a pair table; `tests/simulation/test_liquid_model.py` says how exact that is


def molecules_of(force_field: ForceField) -> Molecules:
    """Give the molecules of a force field and their bonded terms to the kernels."""
    system = force_field.system
    terms, instances = _bonded(force_field)
    inner, ends = _inner(force_field)
    components, units, base = [], [], 0
    for number, (part, where) in enumerate(zip(system.components, system.slices, strict=True)):
        first, last = instances[number], instances[number + 1]
        components.append([where.start, part.n_copies, part.n_beads, first, last, base])
        base += part.n_beads
        units += [
            [number, where.start + copy * part.n_beads, min(LANES, part.n_copies - copy)]
            for copy in range(0, part.n_copies, LANES)
        ]
    return Molecules(
        components=np.array(components, np.int64).reshape(-1, 6),
        units=np.array(units, np.int64).reshape(-1, 3),
        types=system.types.numpy(),
        owners=system.molecules.numpy(),
        inner=inner,
        inner_ends=ends,
        terms=terms,
    )


def _bonded(force_field: ForceField) -> tuple[Terms, list[int]]:
    """Terms of all components one after the other; where the instances of each begin."""
    parts = [terms_of(potential) for potential in force_field.potentials]
    n_terms, n_cells, shifted = 0, 0, []
    for potential, part in zip(force_field.potentials, parts, strict=True):
        shifted.append(part.layout + np.array([0, n_terms, n_cells, 0]))
        n_terms, n_cells = n_terms + len(potential.terms), n_cells + len(part.cells)
    ends = [0, *accumulate(len(part.members) for part in parts)]
    return Terms(
        np.concatenate([part.members for part in parts]),
        np.concatenate(shifted),
        np.concatenate([part.ranges for part in parts]),
        np.concatenate([part.cells for part in parts]),
    ), ends


def _inner(force_field: ForceField) -> tuple[Integers, Integers]:
    """Partners in a bead's own molecule, as differences; where those of each bead begin."""
    found, ends = list[int](), [0]
    nonbonded, system = force_field.nonbonded, force_field.system
    for part in system.components:
        alone = System((part,)).with_copies([1])
        felt = torch.ones(part.n_beads, part.n_beads, dtype=torch.bool).fill_diagonal_(False)
        if nonbonded is not None:
            terms = nonbonded.term_of(alone.type_names)[alone.types][:, alone.types]
            felt &= terms >= 0
            excluded = alone.exclusions(nonbonded.excluded_bonds)
            felt[tuple(excluded.T)] = felt[tuple(excluded.flip(1).T)] = False
        for bead in range(part.n_beads):
            if nonbonded is not None:
                found += (felt[bead].nonzero()[:, 0] - bead).tolist()
            ends.append(len(found))
    return np.array(found, np.int64), np.array(ends, np.int64)


def pair_tables(nonbonded: Nonbonded | None, type_names: tuple[str, ...]) -> PairTables:
    """Tabulate pair terms against the square of the distance.

    Between the points the energy is the cubic Hermite polynomial in the square, so that the
    force is exactly minus its slope, and needs no square root.
    """
    if nonbonded is None or not nonbonded.terms:
        none = np.zeros((1, 4))
        lone = np.full((len(type_names), len(type_names)), -1)
        return PairTables(none, none, lone, 0.0, 0.0, np.zeros(0))
    square = nonbonded.cutoff**2
    cubics = np.concatenate([_cubics(term, square) for term in nonbonded.terms])
    density = N_CELLS / square
    pulls = 2 * density * cubics[:, 1:] * np.array([1.0, 2.0, 3.0])
    found = nonbonded.term_of(type_names).numpy()
    return PairTables(
        pulls=np.ascontiguousarray(np.pad(pulls, ((0, 0), (0, 1)))),
        cubics=cubics,
        offsets=np.where(found >= 0, found * (N_CELLS + 1), -1),
        density=density,
        last=float(N_CELLS),
        near=np.array([term.sampled_low**2 for term in nonbonded.terms]),
    )


def _cubics(term: PairTerm, square: float) -> Floats:
    """Coefficients of the energy in each cell, kJ/mol, (cells + 1, 4)."""
    s = torch.linspace(0.0, square, N_CELLS + 1, dtype=torch.float64)
    # At a distance of 0 the slope by the square is infinite: the first point stands in its cell.
    r = s.clamp(min=0.25 * float(s[1])).sqrt()
    energy, slope = (values.double() for values in term.evaluate(r))
    by_cell = slope / (2 * r) * float(s[1])
    rise = energy.diff()
    second = 3 * rise - 2 * by_cell[:-1] - by_cell[1:]
    third = by_cell[:-1] + by_cell[1:] - 2 * rise
    cubics = torch.stack((energy[:-1], by_cell[:-1], second, third), dim=1)
    beyond: Tensor = torch.cat((cubics, cubics.new_zeros(1, 4)))
    return beyond.numpy()
