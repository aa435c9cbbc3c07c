"""Bond, angle, dihedral: energy as a function of one coordinate, and its table."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Table:
    """Energy against one coordinate: what every engine reads.

    On an even grid, cubic Hermite between its points, so that the force is exactly minus the
    slope of the energy. Beyond either end e the energy goes on as a wall,
    U(e) + U'(e) (q - e) + wall_stiffness (q - e)² / 2; a periodic table has no end: its last
    point is its first, a period later.

    low, high: coordinate of the first and the last point; Å, or radians.
    energy: kJ/mol, (points,).
    slope: dU/dq, kJ/mol per Å or radian, (points,).
    wall_stiffness: d²U/dq² beyond the ends, kJ/mol per Å² or radian².
    periodic: whether the coordinate is a dihedral.
    """

    low: float
    high: float
    energy: Tensor
    slope: Tensor
    wall_stiffness: float
    periodic: bool

    @property
    def points(self) -> Tensor:
        """Coordinates of the points, Å or radians, (points,)."""
        return torch.linspace(self.low, self.high, len(self.energy), dtype=self.energy.dtype)

    def evaluate(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Energy and slope at any coordinates.

        Args:
            q: Å or radians, (...).

        Returns:
            kJ/mol and dU/dq, kJ/mol per Å or radian, both (...).
        """
        if self.periodic:
            q = self.low + torch.remainder(q - self.low, self.high - self.low)
        spacing = (self.high - self.low) / (len(self.energy) - 1)
        inside = q.clamp(self.low, self.high)
        scaled = (inside - self.low) / spacing
        cell = scaled.detach().floor().clamp(max=len(self.energy) - 2)
        energy, slope = self._hermite(cell.long(), scaled - cell, spacing)
        beyond = q - inside
        energy = energy + beyond * (slope + self.wall_stiffness * beyond / 2)
        return energy, slope + self.wall_stiffness * beyond

    def _hermite(self, cell: Tensor, t: Tensor, spacing: float) -> tuple[Tensor, Tensor]:
        """Cubic Hermite in a cell between two points, t from 0 to 1."""
        energies, slopes = self.energy.to(t), spacing * self.slope.to(t)
        start, end = energies[cell], energies[cell + 1]
        start_slope, end_slope = slopes[cell], slopes[cell + 1]
        rise = end - start
        curvature = 3 * rise - 2 * start_slope - end_slope
        third = start_slope + end_slope - 2 * rise
        energy = start + t * (start_slope + t * (curvature + t * third))
        slope = (start_slope + t * (2 * curvature + 3 * t * third)) / spacing
        return energy, slope


@dataclass(frozen=True)
class Term:
    """One kind of bond, angle or dihedral of a molecule: U(q) = sum_k c_k phi_k(q).

    name: of the term, such as 'bond A-B'.
    coordinate: 'bond' (r, Å), 'angle' (theta, radians, 0 to pi) or 'dihedral' (phi, -pi to pi).
    form: 'harmonic', 'cosine', 'fourier' or 'spline'.
    beads: bead indices within the molecule of each instance, (instances, 2 | 3 | 4), int64.
    parameter_names: one for each parameter.
    parameters: (parameters,); units in `parameter_units`.
    parameter_errors: standard errors from blocks, (parameters,).
    parameter_units: one for each parameter.
    knots: of the B-spline, Å or radians, (knots,); empty for other forms.
    sampled_low, sampled_high: range of the coordinate in the reference, Å or radians; of a
        dihedral the shortest stretch with all samples, from low within the period up to high,
        which is above pi where the stretch passes over the end of the period.
    counts: samples of the reference nearest to each point of the table, (points,), int64.
    energy_errors: standard error of the energy at the points of the table from blocks, kJ/mol.
    table: energy and slope on a grid, walls included.
    """

    name: str
    coordinate: str
    form: str
    beads: Tensor
    parameter_names: tuple[str, ...]
    parameters: Tensor
    parameter_errors: Tensor
    parameter_units: tuple[str, ...]
    knots: Tensor
    sampled_low: float
    sampled_high: float
    counts: Tensor
    energy_errors: Tensor
    table: Table

    def is_outside(self, q: Tensor) -> Tensor:
        """Whether coordinates lie beyond the sampled range; Å or radians, (...)."""
        if self.table.periodic:
            period = self.table.high - self.table.low
            q = self.sampled_low + torch.remainder(q - self.sampled_low, period)
        return (q < self.sampled_low) | (q > self.sampled_high)
