from math import pi

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from torch import Tensor

from autograin_cli.potential.bonded_forms import Cosine, Fourier, Harmonic, form_of
from autograin_cli.potential.forms import Form, Spline, evaluate

FORMS: list[Form] = [
    Harmonic(1.3),
    Cosine(0.4),
    Fourier(3),
    Spline(0.8, 2.9, 7, periodic=False),
    Spline(-pi, pi, 9, periodic=True),
]
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.name} {form.size}")


def coefficients(form: Form) -> Tensor:
    return torch.randn(form.size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@every_form
def test_the_slope_is_the_derivative_of_the_energy(form: Form) -> None:
    q = torch.linspace(0.9, 2.8, 57, dtype=torch.float64)
    _, slope = evaluate(form, coefficients(form), q)
    above, _ = evaluate(form, coefficients(form), q + 1e-5)
    below, _ = evaluate(form, coefficients(form), q - 1e-5)
    assert torch.allclose((above - below) / 2e-5, slope, rtol=1e-7, atol=1e-8)


@every_form
def test_each_coefficient_is_the_weight_of_one_function(form: Form) -> None:
    ring = form.name == "fourier" or (isinstance(form, Spline) and form.periodic)
    q = torch.linspace(*((-3.1, 3.1) if ring else (0.8, 2.9)), 60, dtype=torch.float64)
    local = form.local(q)
    dense = torch.zeros(60, form.size, dtype=torch.float64)
    dense.scatter_add_(1, local.columns, local.values)
    energy, _ = evaluate(form, coefficients(form), q)
    assert torch.allclose(dense @ coefficients(form), energy, rtol=1e-11)
    assert torch.linalg.matrix_rank(dense) == form.size


def test_the_spline_is_that_of_scipy_on_the_same_knots() -> None:
    form = Spline(0.8, 2.9, 7, periodic=False)
    q = torch.linspace(0.8, 2.9, 101, dtype=torch.float64)
    energy, slope = evaluate(form, coefficients(form), q)
    theirs = BSpline(form.knots.numpy(), coefficients(form).numpy(), 3)
    assert np.allclose(energy, theirs(q.numpy()), rtol=1e-12, atol=1e-13)
    assert np.allclose(slope, theirs.derivative()(q.numpy()), rtol=1e-11, atol=1e-12)


def test_a_periodic_spline_is_smooth_over_the_end_of_its_period() -> None:
    form = Spline(-pi, pi, 9, periodic=True)
    at_ends = torch.tensor([-pi, pi], dtype=torch.float64)
    energy, slope = evaluate(form, coefficients(form), at_ends)
    assert torch.allclose(energy[0], energy[1], rtol=1e-12)
    assert torch.allclose(slope[0], slope[1], rtol=1e-12)


def test_the_penalty_spares_quadratic_energies_and_nothing_else() -> None:
    form = Spline(0.8, 2.9, 7, periodic=False)
    centres = form.knots[2:-2]
    for power in (0, 1, 2):
        quiet = centres**power
        assert float(quiet @ form.penalty() @ quiet) < 1e-20
    assert int(torch.linalg.matrix_rank(form.penalty())) == form.size - 3
    q = torch.linspace(0.8, 2.9, 31, dtype=torch.float64)
    _, slope = evaluate(form, centres**2, q)
    assert slope.diff().diff().abs().max() < 1e-12
    ring = Spline(-pi, pi, 9, periodic=True).penalty()
    assert int(torch.linalg.matrix_rank(ring)) == 8
    assert ring.sum(0).abs().max() < 1e-12


def test_textbook_parameters_give_the_textbook_energy() -> None:
    q = torch.linspace(0.9, 2.8, 31, dtype=torch.float64)
    for form in (Harmonic(1.3), Cosine(0.4)):
        weights = torch.tensor([25.0, 7.0], dtype=torch.float64)
        energy, _ = evaluate(form, weights, q)
        k, least = form.parameters(weights)[:2]
        shift = q - least if isinstance(form, Harmonic) else q.cos() - least
        assert torch.allclose(energy.diff(), (k * shift.square()).diff(), rtol=1e-10, atol=1e-11)
        assert (
            len(form.parameter_names) == len(form.parameter_units) == len(form.parameters(weights))
        )
    angle = Cosine(0.4).parameters(weights)[2]
    assert torch.allclose(angle.deg2rad().cos(), least, rtol=1e-12)


def test_a_cosine_beyond_one_is_shown_as_the_nearest_angle() -> None:
    weights = torch.tensor([1.0, 4.0], dtype=torch.float64)
    _, cosine, angle = Cosine(-0.9).parameters(weights).tolist()
    assert cosine == pytest.approx(-2.9)
    assert angle == pytest.approx(180.0)


def test_a_stiffness_of_zero_has_a_finite_minimum() -> None:
    for form in (Harmonic(1.3), Cosine(0.4)):
        assert form.parameters(torch.zeros(2, dtype=torch.float64)).isfinite().all()


def test_a_form_is_chosen_by_name() -> None:
    for name in ("harmonic", "cosine", "fourier", "spline"):
        assert form_of(name, 1.0, 2.0, knots=8, harmonics=2).name == name
    ring = form_of("periodic spline", 1.0, 2.0, knots=8, harmonics=2)
    assert isinstance(ring, Spline) and ring.periodic and ring.low == -pi
    assert form_of("fourier", 1.0, 2.0, knots=8, harmonics=2).size == 4
