"""Forms of a term: the basis functions phi_k(q) in which its energy is linear."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_DEGREE = 3
_ROUGHNESS = 3  # order of the differences of spline coefficients that are penalised


@dataclass(frozen=True)
class Local:
    """The basis functions that do not vanish at given coordinates.

    columns: which functions, (..., width), int64.
    values: phi_k(q), (..., width).
    derivatives: dphi_k/dq, (..., width).
    """

    columns: Tensor
    values: Tensor
    derivatives: Tensor


class Form(Protocol):
    """Basis functions of one coordinate."""

    @property
    def name(self) -> str:
        """As users choose it."""

    @property
    def size(self) -> int:
        """Number of basis functions."""

    def local(self, q: Tensor) -> Local:
        """Evaluate the functions that do not vanish at q; Å or radians, (...)."""

    def penalty(self) -> Tensor:
        """Quadratic form that is large for rough energies, (size, size)."""


@dataclass(frozen=True)
class Spline:
    """Cubic B-splines on even knots; beyond the ends the outermost polynomials go on.

    low, high: of the range with knots, Å or radians; -pi and pi where periodic.
    intervals: between low and high.
    periodic: whether the coordinate is a dihedral.

    Source: de Boor, A Practical Guide to Splines (1978); the penalty is that of Eilers and
    Marx, Stat. Sci. 11, 89 (1996), of third order: an energy quadratic in q is not penalised.
    """

    low: float
    high: float
    intervals: int
    periodic: bool
    name: str = "spline"
    domain: None = None
    flexible: bool = True

    @property
    def size(self) -> int:
        """One function for each interval, and three more where not periodic."""
        return self.intervals if self.periodic else self.intervals + _DEGREE

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Number of each."""
        return tuple(f"c{k}" for k in range(self.size))

    @property
    def parameter_units(self) -> tuple[str, ...]:
        """All energies."""
        return ("kJ/mol",) * self.size

    @property
    def spacing(self) -> float:
        """Distance of the knots, Å or radians."""
        return (self.high - self.low) / self.intervals

    @property
    def knots(self) -> Tensor:
        """All knots, those outside the range included, (intervals + 7,)."""
        return self.low + self.spacing * torch.arange(
            -_DEGREE, self.intervals + _DEGREE + 1, dtype=torch.float64
        )

    def local(self, q: Tensor) -> Local:
        """Evaluate the four functions that do not vanish."""
        scaled = (q - self.low) / self.spacing
        cell = scaled.floor().clamp(0, self.intervals - 1)
        t = scaled - cell
        s = 1 - t
        values = (s**3, 3 * t**3 - 6 * t**2 + 4, 3 * s**3 - 6 * s**2 + 4, t**3)
        slopes = (-3 * s**2, 9 * t**2 - 12 * t, 12 * s - 9 * s**2, 3 * t**2)
        columns = cell.long()[..., None] + torch.arange(_DEGREE + 1)
        return Local(
            columns=columns % self.size,
            values=torch.stack(values, dim=-1) / 6,
            derivatives=torch.stack(slopes, dim=-1) / (6 * self.spacing),
        )

    def penalty(self) -> Tensor:
        """Sum of the squares of the third differences of the coefficients."""
        differences = torch.eye(self.size, dtype=torch.float64)
        for _ in range(_ROUGHNESS):
            differences = differences.roll(-1, dims=0) - differences
        if not self.periodic:
            differences = differences[: self.size - _ROUGHNESS]
        return differences.T @ differences

    def parameters(self, coefficients: Tensor) -> Tensor:
        """The coefficients themselves."""
        return coefficients

    def confines(self, _: Tensor, /) -> bool:
        """It has no law where nothing was sampled."""
        return False


def evaluate(form: Form, coefficients: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Energy and slope of a form.

    Args:
        form: of the term.
        coefficients: kJ/mol and its fractions, (..., size).
        q: Å or radians, (points,).

    Returns:
        kJ/mol and kJ/mol per Å or radian, both (..., points).
    """
    local = form.local(q)
    taken = coefficients[..., local.columns]
    return (taken * local.values).sum(-1), (taken * local.derivatives).sum(-1)
