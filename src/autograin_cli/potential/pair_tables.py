"""From the coefficients of a pair term to its table; a wall where no pair came so near."""

from dataclasses import dataclass
from math import ceil, floor

import torch
from torch import Tensor

from autograin_cli.potential.forms import evaluate
from autograin_cli.potential.grids import Grid
from autograin_cli.potential.pair_forms import LennardJones, PairForm, PairSpline
from autograin_cli.potential.tables import BARRIER, Stretches, bridge, gaps
from autograin_cli.potential.terms import Table

_INTERVALS = 1000  # of a table over the sampled range, at least
_CELLS = 50  # of Lennard-Jones, which has no knots
_NEAREST = 0.6  # of the least sampled distance: where the table begins
_STEEPNESS = 12  # exponent of a wall
_FEW = 20  # pairs nearer than the start of a wall, which the fit does not rest on
_DIP = 0.25  # kT that a wall may sink at most where the energy slopes down towards it


@dataclass(frozen=True)
class Shape:
    """The table of a pair term, and where it is not what was fitted.

    table: up to the cutoff.
    start: distance below which a wall stands, Å; 0 where the form is its own wall.
    slope: dU/dr at the least distance that the fit rests on, kJ/(mol Å).
    unseen: ends of each stretch of a spline between knots that saw no pair, Å.
    bridged: those of them on which a barrier was put.
    """

    table: Table
    start: float
    slope: float
    unseen: Stretches
    bridged: Stretches


def pair_grid(low: float, cutoff: float, intervals: int | None) -> Grid:
    """Points of the table of a pair term: from about six tenths of the least distance on.

    The knots of a spline are points of the table, so that the cubic Hermite polynomials between
    the points are the spline itself.

    Args:
        low: least sampled distance, Å.
        cutoff: Å.
        intervals: of a spline; None for other forms.
    """
    cells = intervals or _CELLS
    width = (cutoff - low) / cells
    extra = floor((1 - _NEAREST) * low / width)
    return Grid(low - extra * width, cutoff, cells + extra, ceil(_INTERVALS / cells), False)


def tabulate_pair(
    form: PairForm, coefficients: Tensor, grid: Grid, counts: Tensor, thermal_energy: float
) -> Shape:
    """Tabulate a pair term, with a wall that keeps rising where hardly a pair came so near.

    Lennard-Jones that repels at the least sampled distance goes on as it is. A spline, or
    Lennard-Jones that attracts there, goes on below it as
    U(s) + U'(s) (r - s) + K ((s/r)¹² - 1 + 12 (r/s - 1)), a power law if the slope allows it.

    Args:
        form: of the term.
        coefficients: kJ/mol, (size,).
        grid: points of the table.
        counts: pairs nearest to each point, (points,).
        thermal_energy: kT, kJ/mol.
    """
    r = grid.points
    first = _first(counts, 1 if isinstance(form, LennardJones) else _FEW)
    energy, slope = evaluate(form, coefficients, r)
    energy[-1] = slope[-1] = 0.0
    start, at_start = float(r[first]), float(slope[first])
    unseen: Stretches = ()
    bridged: Stretches = ()
    if isinstance(form, PairSpline):
        unseen = tuple((float(r[a]), float(r[b])) for a, b in gaps(grid, counts))
        energy, slope, bridged = bridge(grid, energy, slope, counts, BARRIER * thermal_energy)
    if isinstance(form, LennardJones) and at_start < 0:
        start = 0.0
    else:
        energy, slope = _walled(r, energy, slope, first, thermal_energy)
    stiffness = max(0.0, float((slope[1] - slope[0]) / (r[1] - r[0])))
    table = Table(grid.low, grid.high, energy, slope, stiffness, periodic=False)
    return Shape(table, start, at_start, unseen, bridged)


def _first(counts: Tensor, few: int) -> int:
    """First point of a table with so many pairs at it or nearer, or with half of all."""
    enough = min(few, (int(counts.sum()) + 1) // 2)
    return int((counts.cumsum(0) >= enough).nonzero()[0])


def _walled(
    r: Tensor, energy: Tensor, slope: Tensor, first: int, thermal_energy: float
) -> tuple[Tensor, Tensor]:
    """Energy and slope with a wall below a point."""
    start, fall = float(r[first]), -float(slope[first])
    height = max(thermal_energy, fall * start / _STEEPNESS)
    if fall < 0:
        curvature = _STEEPNESS * (_STEEPNESS + 1) / start**2
        height = max(height, fall**2 / (2 * _DIP * thermal_energy * curvature))
    near, ratio = r[:first], start / r[:first]
    tangent = _STEEPNESS * (near / start - 1)
    wall = energy[first] - fall * (near - start)
    wall = wall + height * (ratio**_STEEPNESS - 1 + tangent)
    rise = -fall + height * _STEEPNESS / start * (1 - ratio ** (_STEEPNESS + 1))
    return torch.cat((wall, energy[first:])), torch.cat((rise, slope[first:]))
