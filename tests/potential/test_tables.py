from math import pi, radians

import pytest
import torch
from torch import Tensor

from autograin_cli.potential.bonded_forms import BondedForm, Cosine, Fourier, Harmonic
from autograin_cli.potential.forms import Spline, evaluate
from autograin_cli.potential.grids import Grid, grid_of
from autograin_cli.potential.tables import Stretches, tabulate
from autograin_cli.potential.terms import Table
from autograin_cli.units import thermal_energy

KT = thermal_energy(300.0)


def made(form: BondedForm, weights: Tensor, sampled: Tensor) -> tuple[Table, Stretches, Grid]:
    low, high = float(sampled.min()), float(sampled.max())
    grid = grid_of(form, low, high)
    table, bridged = tabulate(form, weights, grid, grid.count(sampled), (low, high), KT)
    return table, bridged, grid


def spline_through(form: Spline, energy: Tensor) -> Tensor:
    """Coefficients of the spline nearest to energies at 400 even points."""
    q = torch.linspace(form.low, form.high, 400, dtype=torch.float64)
    local = form.local(q)
    dense = torch.zeros(400, form.size, dtype=torch.float64)
    dense.scatter_add_(1, local.columns, local.values)
    return torch.linalg.lstsq(dense, energy, driver="gelsd").solution


def test_the_least_energy_is_zero_and_differences_are_those_of_the_form() -> None:
    form = Spline(1.0, 2.0, 8, periodic=False)
    weights = torch.randn(11, generator=torch.Generator().manual_seed(1)).double()
    table, _, grid = made(form, weights, torch.linspace(1, 2, 300).double())
    exact, slope = evaluate(form, weights, grid.points)
    assert float(table.energy.min()) == 0.0
    assert torch.allclose(table.energy, exact - exact.min(), rtol=1e-12)
    assert torch.equal(table.slope, slope)


def test_a_confining_harmonic_goes_on_as_it_is_beyond_the_sampled_range() -> None:
    table, _, _ = made(Harmonic(1.5), torch.tensor([40.0, 0.0]).double(), torch.tensor([1.2, 1.7]))
    q = torch.linspace(0.2, 3.0, 57).double()
    assert torch.allclose(table.evaluate(q)[0], 40 * (q - 1.5).square(), rtol=0, atol=1e-4)
    assert torch.allclose(table.evaluate(q)[1], 80 * (q - 1.5), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("form", "weights"),
    [
        (Harmonic(1.5), [-40.0, 3.0]),
        (Spline(1.0, 2.0, 4, periodic=False), [0.0, 9, -7, 4, -3, 8, 0]),
        (Cosine(0.1), [-30.0, 2.0]),
    ],
)
def test_beyond_the_sampled_range_a_term_that_does_not_confine_meets_a_wall(
    form: BondedForm, weights: list[float]
) -> None:
    """It rises by kT within the sampled range's width, and sinks by no more than kT/4 before."""
    sampled = torch.linspace(1.0, 2.0, 300).double()
    table, _, _ = made(form, torch.tensor(weights).double(), sampled)
    for end, out in ((1.0, -1), (2.0, 1)):
        beyond = end + out * torch.linspace(0, 1.0, 200).double()
        at_end, _ = table.evaluate(torch.tensor(end).double())
        energy, slope = table.evaluate(beyond)
        assert float((energy - at_end).min()) > -0.2501 * KT
        assert float(energy[-1] - at_end) > KT
        assert (slope.diff() * out > 0).all()


def test_a_dihedral_that_was_seen_all_around_has_no_wall_and_no_bridge() -> None:
    form = Fourier(3)
    weights = torch.tensor([1.0, -2, 3, 0, 1, 0]).double()
    table, bridged, _ = made(form, weights, torch.linspace(-pi, pi, 720).double())
    assert bridged == ()
    assert table.periodic and table.wall_stiffness == 0
    assert table.energy[0] == pytest.approx(float(table.energy[-1]), abs=1e-12)


@pytest.mark.parametrize("centre", [0.0, 180.0, 100.0])
def test_a_stretch_of_a_dihedral_never_seen_gets_a_barrier_where_the_fit_attracts(
    centre: float,
) -> None:
    """The fit has a deep well where nothing was sampled: across from the centre."""
    form = Spline(-pi, pi, 24, periodic=True)
    away = torch.linspace(-pi, pi, 400).double() - radians(centre)
    weights = spline_through(form, 20 * away.cos() + 30 * (1 - away.cos()).square() / 4)
    weights = weights - 200 * (
        (form.low + form.spacing * torch.arange(24) - radians(centre)).cos() < -0.5
    )
    sampled = torch.deg2rad(torch.linspace(centre - 60, centre + 60, 200)).double()
    sampled = torch.remainder(sampled + pi, 2 * pi) - pi
    table, bridged, grid = made(form, weights, sampled)
    assert len(bridged) == 1
    first, last = bridged[0]
    middle = first + (last - first) % (2 * pi) / 2
    at_ends, _ = table.evaluate(torch.tensor(bridged[0]).double())
    top, slope = table.evaluate(torch.tensor(middle).double())
    assert float(top) >= float(at_ends.max()) + 4.9 * KT
    assert abs(float(slope)) < 1e-5 * float(table.slope.abs().max())
    exact, _ = evaluate(form, weights, grid.points)
    seen = grid.count(sampled) > 0
    shift = table.energy[seen] - exact[seen]
    assert shift.max() - shift.min() < 1e-9
    q = torch.linspace(-pi, pi, 5001).double()
    _, slope = table.evaluate(q)
    assert slope.diff().abs().max() < 0.2 * slope.abs().max()


def test_a_gap_that_does_not_attract_is_left_as_it_was_fitted() -> None:
    form = Spline(1.0, 2.0, 10, periodic=False)
    q = torch.linspace(1.0, 2.0, 400).double()
    weights = spline_through(form, 30 * (q - 1.3).square())
    sampled = torch.cat((torch.linspace(1.0, 1.55, 200), torch.tensor([2.0]))).double()
    table, bridged, grid = made(form, weights, sampled)
    assert bridged == ()
    exact, _ = evaluate(form, weights, grid.points)
    assert torch.allclose(table.energy, exact - exact.min(), rtol=0, atol=1e-12)


def test_a_gap_between_two_wells_of_an_angle_gets_a_barrier_too() -> None:
    form = Spline(1.0, 2.0, 10, periodic=False)
    q = torch.linspace(1.0, 2.0, 400).double()
    weights = spline_through(form, -50 * (-((q - 1.5) / 0.1).square()).exp())
    sampled = torch.cat((torch.linspace(1.0, 1.2, 99), torch.linspace(1.8, 2.0, 99))).double()
    table, bridged, _ = made(form, weights, sampled)
    assert len(bridged) == 1
    middle, _ = table.evaluate(torch.tensor(1.5).double())
    assert float(middle) > 5 * KT
