"""Forms along bonds, angles and dihedrals.

A new form is a class here, a line in `form_of` and a choice in settings/potential.py: fits, tables,
artifacts, engines, exports and pages ask it for all that they need.
"""

from dataclasses import dataclass
from math import pi
from typing import Protocol

import torch
from torch import Tensor

from autograin_cli.potential.forms import Form, Local, Spline


class BondedForm(Form, Protocol):
    """A form along bonds, angles or dihedrals; it knows its table and its textbook parameters."""

    @property
    def domain(self) -> tuple[float, float] | None:
        """Range that is tabulated whatever was sampled, Å or radians; None for what was sampled."""

    @property
    def periodic(self) -> bool:
        """Whether the energy has the period of a dihedral."""

    @property
    def flexible(self) -> bool:
        """Whether the energy may sink where nothing was sampled, between what was."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters as the textbook writes them."""

    @property
    def parameter_units(self) -> tuple[str, ...]:
        """Units of the same."""

    def parameters(self, coefficients: Tensor) -> Tensor:
        """Parameters from coefficients, (..., size) to (..., parameters)."""

    def confines(self, coefficients: Tensor, /) -> bool:
        """Whether the law itself drives the coordinate back where nothing was sampled; (size,)."""


@dataclass(frozen=True)
class Harmonic:
    """k (r - r0)² as c_0 (r - centre)² + c_1 (r - centre).

    centre: any length within the sampled range, Å; near it the two functions are independent.

    Source: Section 4 of arXiv:1812.02706.
    """

    centre: float
    name: str = "harmonic"
    size: int = 2
    domain: None = None
    periodic: bool = False
    flexible: bool = False
    parameter_names: tuple[str, ...] = ("k", "r0")
    parameter_units: tuple[str, ...] = ("kJ/(mol Å²)", "Å")

    def local(self, q: Tensor) -> Local:
        """Evaluate both functions."""
        shift = q - self.centre
        values = torch.stack((shift.square(), shift), dim=-1)
        return _all(values, torch.stack((2 * shift, torch.ones_like(q)), dim=-1))

    def penalty(self) -> Tensor:
        """Nothing is penalised."""
        return torch.zeros(self.size, self.size, dtype=torch.float64)

    def parameters(self, coefficients: Tensor) -> Tensor:
        """Constant and length of least energy, (..., 2)."""
        return torch.stack(_minimum(coefficients, self.centre), dim=-1)

    def confines(self, coefficients: Tensor, /) -> bool:
        """Whether its constant is positive."""
        return float(coefficients[0]) > 0


@dataclass(frozen=True)
class Cosine:
    """k (cos theta - cos theta0)² as c_0 (cos theta - centre)² + c_1 (cos theta - centre).

    centre: any cosine within the sampled range.

    Source: Section 4 of arXiv:1812.02706.
    """

    centre: float
    name: str = "cosine"
    size: int = 2
    domain: tuple[float, float] = (0.0, pi)
    periodic: bool = False
    flexible: bool = False
    parameter_names: tuple[str, ...] = ("k", "cos theta0", "theta0")
    parameter_units: tuple[str, ...] = ("kJ/mol", "1", "degrees")

    def local(self, q: Tensor) -> Local:
        """Evaluate both functions."""
        shift, slope = q.cos() - self.centre, -q.sin()
        values = torch.stack((shift.square(), shift), dim=-1)
        return _all(values, torch.stack((2 * shift * slope, slope), dim=-1))

    def penalty(self) -> Tensor:
        """Nothing is penalised."""
        return torch.zeros(self.size, self.size, dtype=torch.float64)

    def parameters(self, coefficients: Tensor) -> Tensor:
        """Constant, cosine of least energy and the angle nearest to it, (..., 3)."""
        stiffness, least = _minimum(coefficients, self.centre)
        angle = torch.rad2deg(least.clamp(-1, 1).acos())
        return torch.stack((stiffness, least, angle), dim=-1)

    def confines(self, coefficients: Tensor, /) -> bool:
        """Whether its constant is positive."""
        return float(coefficients[0]) > 0


@dataclass(frozen=True)
class Fourier:
    """Sum over n of a_n cos(n phi) + b_n sin(n phi).

    harmonics: largest n.
    """

    harmonics: int
    name: str = "fourier"
    domain: tuple[float, float] = (-pi, pi)
    periodic: bool = True
    flexible: bool = True

    @property
    def size(self) -> int:
        """A cosine and a sine for each harmonic."""
        return 2 * self.harmonics

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Wave and order of each."""
        orders = range(1, self.harmonics + 1)
        return tuple(f"{wave} {order}" for wave in ("cos", "sin") for order in orders)

    @property
    def parameter_units(self) -> tuple[str, ...]:
        """All energies."""
        return ("kJ/mol",) * self.size

    def local(self, q: Tensor) -> Local:
        """Evaluate all cosines, then all sines."""
        order = torch.arange(1, self.harmonics + 1, dtype=q.dtype)
        cosine, sine = (q[..., None] * order).cos(), (q[..., None] * order).sin()
        derivatives = torch.cat((-order * sine, order * cosine), dim=-1)
        return _all(torch.cat((cosine, sine), dim=-1), derivatives)

    def penalty(self) -> Tensor:
        """Nothing is penalised."""
        return torch.zeros(self.size, self.size, dtype=torch.float64)

    def parameters(self, coefficients: Tensor) -> Tensor:
        """The coefficients themselves."""
        return coefficients

    def confines(self, _: Tensor, /) -> bool:
        """It has no law where nothing was sampled."""
        return False


def form_of(choice: str, low: float, high: float, *, knots: int, harmonics: int) -> BondedForm:
    """Choose the form of a term whose coordinate was sampled from `low` to `high`.

    Args:
        choice: 'harmonic', 'cosine', 'fourier', 'spline' or, of a dihedral, 'periodic spline'.
        low, high: Å or radians.
        knots: intervals of a spline.
        harmonics: of a Fourier series.
    """
    middle = torch.tensor((low + high) / 2, dtype=torch.float64)
    forms: dict[str, BondedForm] = {
        "harmonic": Harmonic(float(middle)),
        "cosine": Cosine(float(middle.cos())),
        "fourier": Fourier(harmonics),
        "spline": Spline(low, high, knots, periodic=False),
        "periodic spline": Spline(-pi, pi, knots, periodic=True),
    }
    return forms[choice]


def _all(values: Tensor, derivatives: Tensor) -> Local:
    columns = torch.arange(values.shape[-1]).expand(values.shape)
    return Local(columns=columns, values=values, derivatives=derivatives)


def _minimum(coefficients: Tensor, centre: float) -> tuple[Tensor, Tensor]:
    """Constant of a square about a centre, and where it is least; (...) from (..., 2)."""
    stiffness = coefficients[..., 0]
    shift = coefficients[..., 1] / (2 * stiffness)
    return stiffness, centre - torch.where(stiffness == 0, 0.0, shift)
