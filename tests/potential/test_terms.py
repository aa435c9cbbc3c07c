from math import pi

import torch
from torch import Tensor

from autograin_cli.potential.terms import Table


def table(periodic: bool = False) -> Table:
    points = torch.linspace(-pi, pi, 201, dtype=torch.float64)
    return Table(
        low=-pi,
        high=pi,
        energy=2 * points.cos() + points.sin(),
        slope=points.cos() - 2 * points.sin(),
        wall_stiffness=40.0,
        periodic=periodic,
    )


def around() -> Tensor:
    return torch.linspace(-7.0, 7.0, 997, dtype=torch.float64)


def test_at_its_points_a_table_gives_back_its_numbers() -> None:
    energy, slope = table().evaluate(table().points)
    assert torch.allclose(energy, table().energy, rtol=0, atol=1e-13)
    assert torch.allclose(slope, table().slope, rtol=0, atol=1e-11)


def test_the_slope_is_the_derivative_inside_on_the_walls_and_around_a_period() -> None:
    for periodic in (False, True):
        q = around().requires_grad_()
        energy, slope = table(periodic).evaluate(q)
        (expected,) = torch.autograd.grad(energy.sum(), q)
        assert torch.allclose(slope, expected, rtol=1e-10, atol=1e-10)


def test_beyond_its_ends_a_table_goes_on_as_a_parabola() -> None:
    for end, sign in ((-pi, -1), (pi, 1)):
        beyond = sign * torch.linspace(0, 2, 9, dtype=torch.float64)
        energy, slope = table().evaluate(end + beyond)
        at_end, slope_at_end = table().evaluate(torch.tensor(end, dtype=torch.float64))
        assert torch.allclose(energy, at_end + slope_at_end * beyond + 20 * beyond**2, rtol=1e-12)
        assert torch.allclose(slope, slope_at_end + 40 * beyond, rtol=1e-12)


def test_a_periodic_table_has_no_end() -> None:
    energy, slope = table(periodic=True).evaluate(around())
    for turns in (-2, 1):
        again = table(periodic=True).evaluate(around() + 2 * pi * turns)
        assert torch.allclose(again[0], energy, rtol=0, atol=1e-11)
        assert torch.allclose(again[1], slope, rtol=0, atol=1e-10)


def test_any_shape_of_coordinates_is_taken() -> None:
    q = around()[:12].reshape(2, 3, 2)
    energy, slope = table().evaluate(q)
    assert energy.shape == slope.shape == (2, 3, 2)
