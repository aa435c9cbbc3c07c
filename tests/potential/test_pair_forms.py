"""Basis functions of pair terms: their slopes, their end at the cutoff, their parameters."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from autograin_cli.potential.forms import evaluate
from autograin_cli.potential.pair_forms import (
    LennardJones,
    PairForm,
    PairSpline,
    mie,
    on_bounds,
    pair_form_of,
    pair_names,
    pair_parameters,
)

CUTOFF = 8.0
FORMS: tuple[PairForm, ...] = (
    LennardJones(12, 3.5, 7.0, CUTOFF),
    LennardJones(9, 3.5, 5.0, CUTOFF),
    PairSpline(3.0, CUTOFF, 7),
)
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)


def coefficients(form: PairForm) -> torch.Tensor:
    return torch.rand(form.size, generator=torch.Generator().manual_seed(1)).double() + 0.5


@every_form
def test_slopes_are_derivatives_of_values(form: PairForm) -> None:
    r = torch.linspace(3.05, 7.99, 300, dtype=torch.float64, requires_grad=True)
    energy, slope = evaluate(form, coefficients(form), r)
    (expected,) = torch.autograd.grad(energy.sum(), r)
    assert torch.allclose(slope, expected, rtol=1e-10, atol=1e-12)


@every_form
def test_energy_slope_and_curvature_are_zero_at_the_cutoff(form: PairForm) -> None:
    near = torch.tensor([CUTOFF - 1e-4, CUTOFF], dtype=torch.float64)
    energy, slope = evaluate(form, coefficients(form), near)
    assert energy[1] == 0 and slope[1] == 0
    assert abs(float(slope[0])) < 1e-5  # it falls with the square of the distance: 1e-8 of 1e2
    assert abs(float(energy[0])) < 1e-9


def test_the_spline_is_that_of_its_knots_with_zeros_at_the_end() -> None:
    form = PairSpline(3.0, CUTOFF, 7)
    parameters = pair_parameters(form, coefficients(form), ())
    r = np.linspace(3.0, CUTOFF, 100)
    expected = BSpline(form.whole.knots.numpy(), parameters.numpy(), 3)(r)
    energy, _ = evaluate(form, coefficients(form), torch.from_numpy(r))
    assert np.allclose(energy, expected, rtol=1e-12, atol=1e-12)
    assert len(pair_names(form, ())[0]) == len(parameters)


@pytest.mark.parametrize("exponent", [9, 12])
def test_epsilon_is_the_depth_and_sigma_the_zero_of_the_energy(exponent: int) -> None:
    form = LennardJones(exponent, 3.3, 30.0, 40.0)
    epsilon, sigma = 0.8, 3.7
    scaled = mie(exponent) * epsilon * (sigma / form.scale) ** torch.tensor([exponent, 6])
    names, _ = pair_names(form, ())
    values = dict(zip(names, pair_parameters(form, scaled.double(), ()).tolist(), strict=True))
    assert values["epsilon"] == pytest.approx(epsilon, rel=1e-6)
    assert values["sigma"] == pytest.approx(sigma, rel=1e-6)
    assert values["A"] / values["B"] == pytest.approx(sigma ** (exponent - 6), rel=1e-6)
    r = torch.linspace(3.0, 6.0, 30001).double()
    energy, _ = evaluate(form, scaled.double(), r)
    assert float(energy.min()) == pytest.approx(-epsilon, rel=1e-6)
    at_sigma, _ = evaluate(form, scaled.double(), torch.tensor([sigma]).double())
    assert abs(float(at_sigma)) < 1e-6


def test_a_parameter_on_its_bound_is_named_and_leaves_no_sigma() -> None:
    form = LennardJones(12, 3.5, 7.0, CUTOFF)
    assert on_bounds(form, torch.tensor([0.0, 1.0])) == ("A",)
    assert on_bounds(form, torch.tensor([2.0, 0.0])) == ("B",)
    assert on_bounds(PairSpline(3.0, CUTOFF, 7), torch.zeros(7)) == ()
    assert pair_names(form, ("A",))[0] == ("A", "B")
    found = pair_parameters(form, torch.tensor([0.0, 1.0]).double(), ("A",))
    assert found.tolist() == pytest.approx([0.0, 3.5**6])


def test_a_rough_tail_is_penalised_more_than_a_rough_wall() -> None:
    penalty = PairSpline(3.0, CUTOFF, 20).penalty()
    wall, tail = torch.zeros(20).double(), torch.zeros(20).double()
    wall[4], tail[15] = 1.0, 1.0
    assert wall @ penalty @ wall < 0.1 * (tail @ penalty @ tail)
    assert torch.linalg.eigvalsh(penalty).min() > 0


def test_forms_are_chosen_by_name() -> None:
    for name in ("lj-12-6", "lj-9-6", "spline"):
        assert pair_form_of(name, 3.0, 7.0, CUTOFF, knots=12).name == name
