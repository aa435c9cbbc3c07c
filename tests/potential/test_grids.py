from math import pi, radians

import pytest
import torch

from autograin_cli.potential.bonded_forms import Cosine, Fourier, Harmonic
from autograin_cli.potential.forms import Spline, evaluate
from autograin_cli.potential.grids import Grid, grid_of
from autograin_cli.potential.terms import Table


@pytest.mark.parametrize("intervals", [4, 24, 999, 1000])
def test_the_knots_of_a_spline_are_points_of_its_table(intervals: int) -> None:
    form = Spline(4.2, 4.6, intervals, periodic=False)
    grid = grid_of(form, 4.2, 4.6)
    assert grid.n_points >= 1000
    inner = form.knots[3:-3]
    assert torch.allclose(grid.points[:: grid.intervals_per_cell], inner, rtol=1e-14)


def test_a_table_of_a_spline_is_the_spline_between_its_points_too() -> None:
    form = Spline(4.2, 4.6, 24, periodic=False)
    weights = torch.randn(27, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    grid = grid_of(form, 4.2, 4.6)
    table = Table(grid.low, grid.high, *evaluate(form, weights, grid.points), 0.0, False)
    q = 4.2 + 0.4 * torch.rand(500, generator=torch.Generator().manual_seed(3)).double()
    energy, slope = table.evaluate(q)
    exact, exact_slope = evaluate(form, weights, q)
    assert torch.allclose(energy, exact, rtol=0, atol=1e-12)
    assert torch.allclose(slope, exact_slope, rtol=0, atol=1e-9)


def test_tables_of_smooth_forms_are_exact_to_a_millionth_of_kt() -> None:
    for form in (Cosine(0.4), Fourier(6)):
        weights = 50 * torch.ones(form.size, dtype=torch.float64)
        grid = grid_of(form, 1.0, 2.0)
        table = Table(grid.low, grid.high, *evaluate(form, weights, grid.points), 0.0, False)
        q = pi * torch.rand(500, generator=torch.Generator().manual_seed(3)).double()
        assert torch.allclose(table.evaluate(q)[0], evaluate(form, weights, q)[0], atol=2.5e-6)


def test_samples_are_counted_at_the_nearest_point() -> None:
    grid = Grid(0.0, 1.0, 5, 2, periodic=False)
    counts = grid.count(torch.tensor([[0.0, 0.04, 0.06], [0.5, 1.0, 1.0]]).double())
    assert counts.tolist() == [2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 2]
    assert grid.visited(counts).tolist() == [True, False, True, False, True]


def test_the_end_of_a_period_counts_as_its_start() -> None:
    grid = Grid(-pi, pi, 4, 2, periodic=True)
    counts = grid.count(torch.tensor([-pi, pi, 3.0, 0.0]).double())
    assert counts.tolist() == [3, 0, 0, 0, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("angles", "low", "high"),
    [
        (range(-60, 61, 5), -60, 60),
        ([*range(150, 181, 5), *range(-180, -149, 5)], 150, 210),
        (range(-180, 180, 5), -180, 180),
        (range(-170, 171, 5), -180, 180),  # a gap of 20 degrees is no gap of two cells
    ],
)
def test_the_sampled_stretch_of_a_dihedral_is_the_shortest_one_with_all_samples(
    angles: list[int], low: float, high: float
) -> None:
    grid = grid_of(Spline(-pi, pi, 24, periodic=True), -pi, pi)
    counts = grid.count(torch.tensor([radians(angle) for angle in angles]).double())
    spacing = 2 * pi / (grid.n_points - 1)
    assert grid.sampled(counts) == pytest.approx((radians(low), radians(high)), abs=spacing)


def test_a_harmonic_is_tabulated_where_it_was_sampled_and_a_cosine_everywhere() -> None:
    assert (grid_of(Harmonic(1.5), 1.0, 2.0).low, grid_of(Harmonic(1.5), 1.0, 2.0).high) == (1, 2)
    assert (grid_of(Cosine(0.5), 1.0, 2.0).low, grid_of(Cosine(0.5), 1.0, 2.0).high) == (0, pi)
