"""The time step: how fast the stiffest motion of a molecule is."""

from math import ceil, inf, sqrt

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.potential.gradients import coordinates_with_gradients
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table
from autograin_cli.units import ACCELERATION

_SHARE = 0.25  # of the stable limit 2/omega
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
    return _SHARE * 2.0 / frequency if frequency > 0 else inf


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
