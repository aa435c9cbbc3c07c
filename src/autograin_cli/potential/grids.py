"""The points at which a term is tabulated, and how often the reference came near each."""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from autograin_cli.potential.bonded_forms import BondedForm
from autograin_cli.potential.forms import Spline

LEAST_WIDTH = 0.05  # Å or radians: narrower ranges are widened, so that knots do not coincide
_INTERVALS = 1000  # of a table, at least
_CELLS = 50  # of a form without knots


@dataclass(frozen=True)
class Grid:
    """The points of a table.

    low, high: first and last point, Å or radians.
    cells: stretches that count as visited or not; the knot intervals of a spline.
    intervals_per_cell: of the table in each cell.
    periodic: whether the last point is the first, a period later.
    """

    low: float
    high: float
    cells: int
    intervals_per_cell: int
    periodic: bool

    @property
    def n_points(self) -> int:
        """Points, both ends included."""
        return self.cells * self.intervals_per_cell + 1

    @property
    def points(self) -> Tensor:
        """Å or radians, (points,)."""
        return torch.linspace(self.low, self.high, self.n_points, dtype=torch.float64)

    def count(self, q: Tensor) -> Tensor:
        """Samples nearest to each point, (points,), int64; a period's end counts as its start."""
        scaled = (q.flatten() - self.low) / (self.high - self.low) * (self.n_points - 1)
        nearest = scaled.round().long().clamp(0, self.n_points - 1)
        if self.periodic:
            nearest = nearest % (self.n_points - 1)
        return torch.bincount(nearest, minlength=self.n_points)

    def visited(self, counts: Tensor) -> Tensor:
        """Whether the reference was in each cell, (cells,); counts (points,)."""
        cell = (torch.arange(self.n_points) // self.intervals_per_cell).clamp(max=self.cells - 1)
        return torch.bincount(cell, counts.double(), minlength=self.cells) > 0

    def sampled(self, counts: Tensor) -> tuple[float, float]:
        """Shortest stretch of a period with all samples in it, radians; counts (points,).

        It may pass over the end of the period, high is then above the last point; it is the
        whole period where no stretch longer than two cells was left out.
        """
        visited = torch.nonzero(counts).flatten()
        period = self.n_points - 1
        steps = torch.cat((visited.diff(), visited[:1] + period - visited[-1:]))
        widest = int(steps.argmax())
        if int(steps[widest]) <= 2 * self.intervals_per_cell:
            return self.low, self.high
        first = int(visited[(widest + 1) % len(visited)])
        last = first + period - int(steps[widest])
        spacing = (self.high - self.low) / period
        return self.low + spacing * first, self.low + spacing * last


def grid_of(form: BondedForm, low: float, high: float) -> Grid:
    """Points of the table of a form whose coordinate was sampled from `low` to `high`.

    The knots of a spline are points of its table, so that the cubic Hermite polynomials between
    the points are the spline itself. A cosine is tabulated from 0 to pi, a dihedral over its
    period, a harmonic bond over the sampled range, beyond which its wall goes on as it does.
    """
    if isinstance(form, Spline):
        return Grid(
            form.low, form.high, form.intervals, ceil(_INTERVALS / form.intervals), form.periodic
        )
    ends = form.domain or (low, high)
    return Grid(*ends, _CELLS, ceil(_INTERVALS / _CELLS), form.periodic)
