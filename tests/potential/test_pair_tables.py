"""Tables of pair terms: as exact as the form, and walls that keep rising."""

import pytest
import torch

from autograin_cli.potential.forms import evaluate
from autograin_cli.potential.pair_forms import LennardJones, PairForm, PairSpline, mie
from autograin_cli.potential.pair_tables import pair_grid, tabulate_pair
from autograin_cli.units import thermal_energy

THERMAL = thermal_energy(120.0)
LOW, CUTOFF = 3.2, 9.0


def lennard_jones(n: int) -> tuple[PairForm, torch.Tensor]:
    form = LennardJones(n, LOW, 8.0, CUTOFF)
    return form, mie(n) * 0.9 * (3.6 / LOW) ** torch.tensor([n, 6]).double()


@pytest.mark.parametrize("n", [9, 12])
def test_tables_of_lennard_jones_hold_energies_to_1e_6_and_forces_to_5e_5(n: int) -> None:
    form, coefficients = lennard_jones(n)
    grid = pair_grid(LOW, CUTOFF, None)
    counts = torch.ones(grid.n_points, dtype=torch.int64)
    shape = tabulate_pair(form, coefficients, grid, counts, THERMAL)
    r = torch.linspace(grid.low, CUTOFF, 40_001).double()
    energy, slope = evaluate(form, coefficients, r)
    found, found_slope = shape.table.evaluate(r)
    scale = energy.abs() + 1e-3  # kJ/mol
    assert float(((found - energy).abs() / scale).max()) < 1e-6
    assert float(((found_slope - slope).abs() / (slope.abs() + 1e-2)).max()) < 5e-5
    assert grid.low == pytest.approx(0.6 * LOW, abs=0.2)
    assert shape.start == 0.0 and shape.unseen == ()


def test_tables_of_splines_are_the_splines_themselves() -> None:
    form = PairSpline(LOW, CUTOFF, 15)
    coefficients = torch.randn(15, generator=torch.Generator().manual_seed(1)).double()
    grid = pair_grid(LOW, CUTOFF, 15)
    counts = torch.full((grid.n_points,), 100)
    counts[grid.points < LOW - 1e-9] = 0
    shape = tabulate_pair(form, coefficients, grid, counts, THERMAL)
    r = torch.linspace(LOW, CUTOFF, 5000).double()
    energy, slope = evaluate(form, coefficients, r)
    found, found_slope = shape.table.evaluate(r)
    assert torch.allclose(found, energy, rtol=0, atol=1e-12)
    assert torch.allclose(found_slope, slope, rtol=0, atol=1e-10)
    assert float(found[-1]) == 0.0 and float(found_slope[-1]) == 0.0
    assert shape.start == pytest.approx(LOW)


@pytest.mark.parametrize("slope", [-30.0, -0.01, 0.0, 3.0])
def test_a_wall_rises_more_and_more_whatever_the_slope_where_it_begins(slope: float) -> None:
    form = PairSpline(LOW, CUTOFF, 10)
    coefficients = torch.zeros(10).double()
    # Slopes at the first knot: -1/2 of c0, +1/2 of c2, by the spacing.
    coefficients[0], coefficients[2] = -slope * form.whole.spacing, slope * form.whole.spacing
    grid = pair_grid(LOW, CUTOFF, 10)
    counts = torch.full((grid.n_points,), 100)
    counts[grid.points < LOW - 1e-9] = 0
    table = tabulate_pair(form, coefficients, grid, counts, THERMAL).table
    assert float(table.evaluate(torch.tensor(LOW).double())[1]) == pytest.approx(slope, abs=1e-9)
    r = torch.linspace(0.0, LOW, 2001).double()
    energy, slopes = table.evaluate(r)
    at_low = table.evaluate(torch.tensor(LOW).double())[0]
    assert float(energy.min()) >= float(at_low) - 0.26 * THERMAL
    deeper = r < 0.85 * LOW
    assert (slopes[deeper] < -1.0).all() and (slopes[deeper].diff() > -1e-9).all()
    assert float(energy[r > 0.6 * LOW][0] - at_low) > 100 * THERMAL
    jump = slopes.diff().abs().max() / (r[1] - r[0])
    assert float(jump) < 1.1 * table.wall_stiffness


def test_the_wall_begins_where_the_fit_rests_on_some_pairs() -> None:
    form = PairSpline(LOW, CUTOFF, 10)
    grid = pair_grid(LOW, CUTOFF, 10)
    counts = torch.zeros(grid.n_points, dtype=torch.int64)
    at = [int((grid.points - r).abs().argmin()) for r in (3.25, 3.6, 4.0)]
    counts[at[0]], counts[at[1]], counts[at[2]] = 1, 18, 5000
    shape = tabulate_pair(form, torch.linspace(3, 0, 10).double(), grid, counts, THERMAL)
    assert shape.start == pytest.approx(4.0, abs=0.01)
    few = tabulate_pair(form, torch.linspace(3, 0, 10).double(), grid, counts // 500, THERMAL)
    assert few.start == pytest.approx(4.0, abs=0.01)
