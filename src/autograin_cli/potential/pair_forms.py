"""Forms of a pair term: basis functions phi_k(r) that end at the cutoff, energy and slope alike."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.potential.forms import Local, Spline

_ENDING = 3  # splines of a cubic that do not vanish at the cutoff, and are left out
_ROUGHNESS = 3  # order of the differences of spline coefficients that are penalised
_STIFFENING = 6  # power of r with which the penalty on a difference grows
_ATTRACTION = 6  # exponent
EXPONENTS = {"lj-12-6": 12, "lj-9-6": 9}


@dataclass(frozen=True)
class LennardJones:
    """S(r) (A r⁻ⁿ - B r⁻⁶) with A, B >= 0, as c_0 S (s/r)ⁿ - c_1 S (s/r)⁶.

    S = 1 - 10 x³ + 15 x⁴ - 6 x⁵ with x = (r - switch) / (cutoff - switch), 1 before the switch:
    energy, slope and curvature are continuous everywhere and 0 at the cutoff.

    exponent: n, of the repulsion, 12 or 9.
    scale: s, a length within the sampled range, Å; it keeps the coefficients of one size.
    switch, cutoff: Å.
    """

    exponent: int
    scale: float
    switch: float
    cutoff: float
    size: int = 2

    @property
    def name(self) -> str:
        """'lj-12-6' or 'lj-9-6'."""
        return f"lj-{self.exponent}-{_ATTRACTION}"

    def local(self, q: Tensor) -> Local:
        """Evaluate both functions; r in Å, (...)."""
        x = ((q - self.switch) / (self.cutoff - self.switch)).clamp(0, 1)
        share = 1 - x**3 * (10 - x * (15 - 6 * x))
        fall = -30 * (x * (1 - x)).square() / (self.cutoff - self.switch)
        values, slopes = [], []
        for sign, power in ((1, self.exponent), (-1, _ATTRACTION)):
            plain = sign * (self.scale / q) ** power
            values.append(share * plain)
            slopes.append((fall - share * power / q) * plain)
        columns = torch.arange(2).expand(*q.shape, 2)
        return Local(columns, torch.stack(values, dim=-1), torch.stack(slopes, dim=-1))

    def penalty(self) -> Tensor:
        """Nothing is penalised."""
        return torch.zeros(2, 2, dtype=torch.float64)


@dataclass(frozen=True)
class PairSpline:
    """Cubic B-splines on even knots up to the cutoff, where energy, slope and curvature are 0.

    low: least sampled distance, Å.
    cutoff: Å.
    intervals: between them.
    """

    low: float
    cutoff: float
    intervals: int
    name: str = "spline"

    @property
    def size(self) -> int:
        """One function for each interval: the three that do not vanish at the cutoff are out."""
        return self.intervals

    @property
    def whole(self) -> Spline:
        """The splines with those that are left out, the last three."""
        return Spline(self.low, self.cutoff, self.intervals, periodic=False)

    def local(self, q: Tensor) -> Local:
        """Evaluate the functions that do not vanish; r in Å, (...)."""
        every = self.whole.local(q)
        kept = every.columns < self.size
        columns = every.columns.clamp(max=self.size - 1)
        return Local(columns, every.values * kept, every.derivatives * kept)

    def penalty(self) -> Tensor:
        """Sum of the squares of the weighted third differences of the coefficients.

        The zeros at the cutoff are among the coefficients. A wall is curved by its nature and a
        tail is not, so the differences have the weight (r / cutoff)⁶.
        """
        differences = torch.eye(self.intervals + _ENDING, dtype=torch.float64)
        for _ in range(_ROUGHNESS):
            differences = differences.diff(dim=0)
        middles = self.low + self.whole.spacing * torch.arange(self.intervals)
        weights = (middles / self.cutoff) ** _STIFFENING
        differences = weights[:, None] * differences[:, : self.size]
        return differences.T @ differences


PairForm = LennardJones | PairSpline


def pair_form_of(choice: str, low: float, switch: float, cutoff: float, *, knots: int) -> PairForm:
    """Choose the form of a pair term.

    Args:
        choice: 'lj-12-6', 'lj-9-6' or 'spline'.
        low: least sampled distance, Å.
        switch, cutoff: Å.
        knots: intervals of a spline.
    """
    if choice == "spline":
        return PairSpline(low, cutoff, knots)
    return LennardJones(EXPONENTS[choice], low, switch, cutoff)


def pair_names(form: PairForm, on_bounds: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Names and units of what `pair_parameters` gives."""
    if isinstance(form, PairSpline):
        size = form.intervals + _ENDING
        return tuple(f"c{k}" for k in range(size)), ("kJ/mol",) * size
    powers = {12: "¹²", 9: "⁹"}[form.exponent]
    names, units = ("A", "B"), (f"kJ Å{powers}/mol", "kJ Å⁶/mol")
    if on_bounds:
        return names, units
    return ("epsilon", "sigma", *names), ("kJ/mol", "Å", *units)


def pair_parameters(form: PairForm, coefficients: Tensor, on_bounds: tuple[str, ...]) -> Tensor:
    """Parameters as the textbook writes them.

    Of Lennard-Jones the depth epsilon of the minimum, the distance sigma at which the energy is
    0, both before the switch, A and B; without the first two where A or B is 0. Of a spline all
    coefficients, with the three zeros at the cutoff.

    Args:
        form: of the term.
        coefficients: kJ/mol, (..., size).
        on_bounds: 'A' and 'B', where they are held at 0.

    Returns:
        (..., parameters), in the units of `pair_names`.
    """
    if isinstance(form, PairSpline):
        return torch.nn.functional.pad(coefficients, (0, _ENDING))
    n = form.exponent
    repulsion, attraction = coefficients[..., 0], coefficients[..., 1]
    plain = torch.stack((repulsion * form.scale**n, attraction * form.scale**_ATTRACTION), dim=-1)
    if on_bounds:
        return plain
    ratio = repulsion / attraction
    depth = attraction / (mie(n) * ratio ** (_ATTRACTION / (n - _ATTRACTION)))
    width = form.scale * ratio ** (1 / (n - _ATTRACTION))
    return torch.cat((torch.stack((depth, width), dim=-1), plain), dim=-1)


def mie(n: int) -> float:
    """C in U = C epsilon ((sigma/r)ⁿ - (sigma/r)⁶), whose minimum is -epsilon: 4 for n = 12."""
    share = n / _ATTRACTION
    return float(n / (n - _ATTRACTION) * share ** (_ATTRACTION / (n - _ATTRACTION)))


def on_bounds(form: PairForm, coefficients: Tensor) -> tuple[str, ...]:
    """Names of the parameters that are held at 0."""
    if isinstance(form, PairSpline):
        return ()
    return tuple(
        name for name, value in zip("AB", coefficients.tolist(), strict=True) if value <= 0
    )
