"""From the coefficients of a term to its table; walls and barriers where nothing was sampled."""

import torch
from torch import Tensor

from autograin_cli.potential.bonded_forms import BondedForm
from autograin_cli.potential.forms import evaluate
from autograin_cli.potential.grids import LEAST_WIDTH, Grid
from autograin_cli.potential.terms import Table

_WALL = 64.0  # stiffness of a wall, kT per squared sampled range: it rises kT/2 in an eighth of it
_DIP = 0.25  # kT that a wall may sink at most where the edge of the sampled range slopes down
_STEEPEST = 25.0  # times the curvature of the term, at most: the time step depends on it
_CURVED_POINTS = 200
BARRIER = 5.0  # kT by which a bridge over a stretch never visited rises above its ends

Stretches = tuple[tuple[float, float], ...]  # ends of each, Å or radians


def tabulate(
    form: BondedForm,
    coefficients: Tensor,
    grid: Grid,
    counts: Tensor,
    sampled: tuple[float, float],
    thermal_energy: float,
) -> tuple[Table, Stretches]:
    """Tabulate a term, minimum 0, bounded where the reference says nothing.

    A form that confines goes on as it is. Any other ends in walls; a stretch inside a flexible
    form that was never visited and would attract the beads is bridged by a barrier.

    Args:
        form: of the term.
        coefficients: kJ/mol and its fractions, (size,).
        grid: points of the table.
        counts: samples nearest to each point, (points,).
        sampled: range of the coordinate in the reference, Å or radians.
        thermal_energy: kT, kJ/mol.

    Returns:
        The table, and the ends of each stretch that was bridged, Å or radians.
    """
    energy, slope = evaluate(form, coefficients, grid.points)
    bridged: Stretches = ()
    beyond_samples = form.domain is not None and not grid.periodic
    ends = sampled if beyond_samples else (grid.low, grid.high)
    stiffness = 0.0 if grid.periodic else _stiffness(form, coefficients, ends, thermal_energy)
    if beyond_samples and not form.confines(coefficients):
        energy, slope = _walled(form, coefficients, grid, ends, stiffness)
    if form.flexible:
        energy, slope, bridged = bridge(grid, energy, slope, counts, BARRIER * thermal_energy)
    table = Table(grid.low, grid.high, energy - energy.min(), slope, stiffness, grid.periodic)
    return table, bridged


def _stiffness(
    form: BondedForm, coefficients: Tensor, ends: tuple[float, float], thermal_energy: float
) -> float:
    """Wall stiffness, kJ/mol per Å² or radian², enough for any slope at the ends."""
    _, slopes = evaluate(form, coefficients, torch.tensor(ends, dtype=torch.float64))
    if form.domain is None and form.confines(coefficients):
        return float(slopes[1] - slopes[0]) / (ends[1] - ends[0])
    width = max(ends[1] - ends[0], LEAST_WIDTH)
    downhill = max(float(slopes[0]), -float(slopes[1]), 0.0)
    inside = torch.linspace(*ends, _CURVED_POINTS, dtype=torch.float64)
    curvature = evaluate(form, coefficients, inside)[1].diff().abs().max() / inside.diff()[0]
    least = _WALL * thermal_energy / width**2
    most = max(least, _STEEPEST * float(curvature))
    return min(max(least, downhill**2 / (2 * _DIP * thermal_energy)), most)


def _walled(
    form: BondedForm, coefficients: Tensor, grid: Grid, ends: tuple[float, float], stiffness: float
) -> tuple[Tensor, Tensor]:
    """Energy and slope of a form that goes on as walls beyond two ends."""
    inside = grid.points.clamp(*ends)
    beyond = grid.points - inside
    energy, slope = evaluate(form, coefficients, inside)
    return energy + beyond * (slope + stiffness * beyond / 2), slope + stiffness * beyond


def bridge(
    grid: Grid, energy: Tensor, slope: Tensor, counts: Tensor, barrier: float
) -> tuple[Tensor, Tensor, Stretches]:
    """Put a barrier on every stretch between visited cells that sinks below both its ends.

    Args:
        grid: points of the table.
        energy, slope: kJ/mol and kJ/mol per Å or radian, (points,).
        counts: samples nearest to each point, (points,).
        barrier: height above the ends, kJ/mol.

    Returns:
        Energy and slope, and the ends of each stretch that was bridged, Å or radians.
    """
    energy, slope = energy.clone(), slope.clone()
    bridged = []
    for first, last in gaps(grid, counts):
        where = torch.arange(first, last + 1)
        where = where % (grid.n_points - 1) if grid.periodic else where
        if float(energy[where].min()) < float(energy[where[[0, -1]]].min()) - 1e-9:
            energy[where], slope[where] = _arch(energy[where], slope[where], grid, barrier)
            ends = grid.points[where[[0, -1]]].tolist()
            bridged.append((ends[0], ends[1]))
    if grid.periodic:
        energy[-1], slope[-1] = energy[0], slope[0]
    return energy, slope, tuple(bridged)


def gaps(grid: Grid, counts: Tensor) -> list[tuple[int, int]]:
    """First and last point of each run of cells never visited that lies between visited ones.

    In a period the last point may lie beyond the end of the grid.
    """
    visited = torch.nonzero(grid.visited(counts)).flatten().tolist()
    if not visited:
        return []
    after = [*visited[1:], visited[0] + grid.cells] if grid.periodic else visited[1:]
    return [
        ((a + 1) * grid.intervals_per_cell, b * grid.intervals_per_cell)
        for a, b in zip(visited, after, strict=False)
        if b > a + 1
    ]


def _arch(energy: Tensor, slope: Tensor, grid: Grid, barrier: float) -> tuple[Tensor, Tensor]:
    """Two cubic pieces over a stretch, smooth at its ends and at the top in the middle."""
    spacing = (grid.high - grid.low) / (grid.n_points - 1)
    half = spacing * (len(energy) - 1) / 2
    rises = torch.stack((slope[0], -slope[-1], torch.zeros_like(slope[0])))
    top = torch.maximum(energy[0], energy[-1]) + rises.max() * half + barrier
    ends = torch.stack((energy[0], top, energy[-1]))
    slopes = torch.stack((slope[0], torch.zeros_like(top), slope[-1]))
    pieces = Table(-half, half, ends, slopes, wall_stiffness=0.0, periodic=False)
    return pieces.evaluate(torch.linspace(-half, half, len(energy), dtype=torch.float64))
