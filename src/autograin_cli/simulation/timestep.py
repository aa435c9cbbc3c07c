"""The time step: how fast the stiffest motion of a molecule is."""

from collections.abc import Sequence
from math import ceil, inf, sqrt

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.gradients import coordinates_with_gradients
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table
from autograin_cli.units import ACCELERATION, thermal_energy

SHARE = 0.25  # of the stable limit 2/omega
_COLLISION = 4.0  # kT above the minimum, up to which a pair term counts
_MOST_STRUCTURES = 16
_WORK = 1e10  # multiplications that the eigenvalues may cost


def default_timestep(potential: Potential, positions: Tensor, masses: Tensor) -> float:
    """A quarter of the longest stable time step, 2/omega_max, ps; infinite without terms.

    Args:
        potential: of the molecule.
        positions: structures, Å, (structures, beads, 3).
        masses: u, (beads,).
    """
    frequency = highest_frequency(potential, positions, masses)
    return SHARE * 2.0 / frequency if frequency > 0 else inf


def highest_frequency(potential: Potential, positions: Tensor, masses: Tensor) -> float:
    """Angular frequency of the fastest motion, 1/ps, with every term at its stiffest.

    The largest eigenvalue of the mass-weighted matrix sum_i k_i (dq_i/dz)(dq_i/dz)ᵀ over the
    instances i, at the structure where it is largest; k_i is the largest curvature of the
    term's table or of its wall, so it is an upper bound of the matrix with the curvatures met
    on the way, and exact for harmonic bonds. Left out is U' d²q/dz², the stiffness of a bond
    or an angle under tension against motions across it.

    Args:
        potential: of the molecule.
        positions: structures, Å, (structures, beads, 3); up to 16 of them are looked at.
        masses: u, (beads,).
    """
    n_instances = sum(len(term.beads) for term in potential.terms)
    if n_instances == 0:
        return 0.0
    n_structures = min(len(positions), _MOST_STRUCTURES, max(int(_WORK / n_instances**3), 1))
    chosen = positions[:n_structures].double()
    rows = []
    for term in potential.terms:
        _, gradients = coordinates_with_gradients(term.coordinate, chosen, term.beads)
        scaled = gradients / masses.double()[term.beads].sqrt()[..., None]
        row = torch.zeros(n_structures, len(term.beads), *chosen.shape[1:], dtype=torch.float64)
        where = torch.arange(len(term.beads))[:, None]
        row[:, where, term.beads] = scaled * sqrt(stiffness(term.table))
        rows.append(row.flatten(2))
    matrix = torch.cat(rows, dim=1)
    squares = torch.linalg.eigvalsh(matrix @ matrix.transpose(1, 2))
    return sqrt(ACCELERATION * max(float(squares.max()), 0.0))


def stiffness(table: Table) -> float:
    """Largest curvature of a table and of its walls, kJ/mol per Å² or radian²; at least 0."""
    spacing = (table.high - table.low) / (len(table.energy) - 1)
    steepness = table.energy.diff() / spacing
    at_start = (6 * steepness - 4 * table.slope[:-1] - 2 * table.slope[1:]) / spacing
    at_end = (2 * table.slope[:-1] + 4 * table.slope[1:] - 6 * steepness) / spacing
    wall = 0.0 if table.periodic else table.wall_stiffness
    return max(float(at_start.max()), float(at_end.max()), wall, 0.0)


def fitting_timestep(longest: float, interval: float) -> float:
    """Longest time step up to `longest` of which the interval is a whole number, ps.

    Raises:
        SettingError: there is none, since the interval or the time step is 0.
    """
    if not (interval > 0 and longest > 0):
        raise SettingError(
            given=f"an interval of {interval:g} ps and a time step of {longest:g} ps",
            expected="both above 0",
            remedy="leave --timestep out, or give another --interval",
        )
    return interval / ceil(interval / longest - 1e-9) if longest < interval else interval


def system_timestep(force_field: ForceField, structures: Sequence[Tensor], masses: Tensor) -> float:
    """A quarter of 2/omega, ps, omega² being the sum of the largest of bonded and of pair terms.

    Args:
        force_field: of the system.
        structures: of a molecule of each component, Å, (beads of a copy, 3).
        masses: of all beads, u, (beads,).
    """
    squares = [0.0]
    system = force_field.system
    for potential, structure, part, where in zip(
        force_field.potentials, structures, system.components, system.slices, strict=True
    ):
        own = masses[where][: part.n_beads]
        squares.append(highest_frequency(potential, structure[None], own) ** 2)
    square = max(squares) + pair_frequency(force_field, masses) ** 2
    return SHARE * 2.0 / sqrt(square) if square > 0 else inf


def pair_frequency(force_field: ForceField, masses: Tensor) -> float:
    """Angular frequency of the fastest collision of two beads, 1/ps.

    The largest curvature of a pair term over the distances at which it is at most four kT above
    its minimum, with the reduced mass of the lightest beads of its types.

    Args:
        force_field: of the system.
        masses: of all beads, u, (beads,).
    """
    system, squares = force_field.system, [0.0]
    heat = thermal_energy(force_field.potentials[0].temperature)
    for term in force_field.nonbonded.terms if force_field.nonbonded else ():
        inverse = 0.0
        for name in term.types:
            if name in system.type_names:
                inverse += 1 / float(masses[system.types == system.type_names.index(name)].min())
        table = term.table
        met = table.energy <= float(table.energy.min()) + _COLLISION * heat
        curvature = table.slope.diff() / ((table.high - table.low) / (len(table.energy) - 1))
        curvature = curvature[met[1:]]
        most = float(curvature.max()) if len(curvature) else 0.0
        squares.append(max(most, 0.0) * inverse * ACCELERATION)
    return sqrt(max(squares))
