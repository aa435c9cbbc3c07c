"""Forms of a term: the basis functions phi_k(q) in which its energy is linear."""

from dataclasses import dataclass
from math import pi
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
        """'harmonic', 'cosine', 'fourier' or 'spline'."""

    @property
    def size(self) -> int:
        """Number of basis functions."""

    def local(self, q: Tensor) -> Local:
        """Evaluate the functions that do not vanish at q; Å or radians, (...)."""

    def penalty(self) -> Tensor:
        """Quadratic form that is large for rough energies, (size, size)."""


@dataclass(frozen=True)
class Harmonic:
    """k (r - r0)² as c_0 (r - centre)² + c_1 (r - centre).

    centre: any length within the sampled range, Å; near it the two functions are independent.

    Source: Section 4 of arXiv:1812.02706.
    """

    centre: float
    name: str = "harmonic"
    size: int = 2

    def local(self, q: Tensor) -> Local:
        """Evaluate both functions."""
        shift = q - self.centre
        values = torch.stack((shift.square(), shift), dim=-1)
        return _all(values, torch.stack((2 * shift, torch.ones_like(q)), dim=-1))

    def penalty(self) -> Tensor:
        """Nothing is penalised."""
        return torch.zeros(self.size, self.size, dtype=torch.float64)


@dataclass(frozen=True)
class Cosine:
    """k (cos theta - cos theta0)² as c_0 (cos theta - centre)² + c_1 (cos theta - centre).

    centre: any cosine within the sampled range.

    Source: Section 4 of arXiv:1812.02706.
    """

    centre: float
    name: str = "cosine"
    size: int = 2

    def local(self, q: Tensor) -> Local:
        """Evaluate both functions."""
        shift, slope = q.cos() - self.centre, -q.sin()
        values = torch.stack((shift.square(), shift), dim=-1)
        return _all(values, torch.stack((2 * shift * slope, slope), dim=-1))

    def penalty(self) -> Tensor:
        """Nothing is penalised."""
        return torch.zeros(self.size, self.size, dtype=torch.float64)


@dataclass(frozen=True)
class Fourier:
    """Sum over n of a_n cos(n phi) + b_n sin(n phi).

    harmonics: largest n.
    """

    harmonics: int
    name: str = "fourier"

    @property
    def size(self) -> int:
        """A cosine and a sine for each harmonic."""
        return 2 * self.harmonics

    def local(self, q: Tensor) -> Local:
        """Evaluate all cosines, then all sines."""
        order = torch.arange(1, self.harmonics + 1, dtype=q.dtype)
        cosine, sine = (q[..., None] * order).cos(), (q[..., None] * order).sin()
        derivatives = torch.cat((-order * sine, order * cosine), dim=-1)
        return _all(torch.cat((cosine, sine), dim=-1), derivatives)

    def penalty(self) -> Tensor:
        """Nothing is penalised."""
        return torch.zeros(self.size, self.size, dtype=torch.float64)


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

    @property
    def size(self) -> int:
        """One function for each interval, and three more where not periodic."""
        return self.intervals if self.periodic else self.intervals + _DEGREE

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


def form_of(choice: str, low: float, high: float, *, knots: int, harmonics: int) -> Form:
    """Choose the form of a term whose coordinate was sampled from `low` to `high`.

    Args:
        choice: 'harmonic', 'cosine', 'fourier', 'spline' or, of a dihedral, 'periodic spline'.
        low, high: Å or radians.
        knots: intervals of a spline.
        harmonics: of a Fourier series.
    """
    middle = torch.tensor((low + high) / 2, dtype=torch.float64)
    forms: dict[str, Form] = {
        "harmonic": Harmonic(float(middle)),
        "cosine": Cosine(float(middle.cos())),
        "fourier": Fourier(harmonics),
        "spline": Spline(low, high, knots, periodic=False),
        "periodic spline": Spline(-pi, pi, knots, periodic=True),
    }
    return forms[choice]


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


def _all(values: Tensor, derivatives: Tensor) -> Local:
    columns = torch.arange(values.shape[-1]).expand(values.shape)
    return Local(columns=columns, values=values, derivatives=derivatives)


def physical_names(form: Form) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and units of what `physical_parameters` gives."""
    if form.name == "harmonic":
        return ("k", "r0"), ("kJ/(mol Å²)", "Å")
    if form.name == "cosine":
        return ("k", "cos theta0", "theta0"), ("kJ/mol", "1", "degrees")
    if form.name == "fourier":
        orders = range(1, form.size // 2 + 1)
        names = [f"{wave} {n}" for wave in ("cos", "sin") for n in orders]
    else:
        names = [f"c{k}" for k in range(form.size)]
    return tuple(names), ("kJ/mol",) * form.size


def physical_parameters(form: Form, coefficients: Tensor) -> Tensor:
    """Parameters as the textbook writes them: k and r0, k and theta0, or the coefficients.

    Args:
        form: of the term.
        coefficients: (..., size).

    Returns:
        (..., parameters), in the units of `physical_names`; theta0 is the nearest angle where
        the fitted cosine is beyond -1 or 1.
    """
    if isinstance(form, Harmonic | Cosine):
        stiffness = coefficients[..., 0]
        shift = coefficients[..., 1] / (2 * stiffness)
        least = form.centre - torch.where(stiffness == 0, 0.0, shift)
        if isinstance(form, Harmonic):
            return torch.stack((stiffness, least), dim=-1)
        angle = torch.rad2deg(least.clamp(-1, 1).acos())
        return torch.stack((stiffness, least, angle), dim=-1)
    return coefficients
