from math import sqrt

import pytest
import torch

from autograin_cli.errors import SettingError
from autograin_cli.simulation.timestep import (
    default_timestep,
    fitting_timestep,
    highest_frequency,
    stiffness,
)
from autograin_cli.units import ACCELERATION
from tabulated import chain, hessian, hindered, pair, potential, spring, structures, table, term


def test_the_frequency_of_a_chain_of_springs_is_that_of_its_normal_modes() -> None:
    masses = torch.tensor([12.0, 30.0, 8.0, 50.0, 21.0], dtype=torch.float64)
    constants = torch.tensor([300.0, 450.0, 200.0, 380.0], dtype=torch.float64)
    bonds = [
        term(f"bond {i}", [[i, i + 1]], spring(float(k), 3.0)) for i, k in enumerate(constants)
    ]
    hessian = torch.zeros(5, 5, dtype=torch.float64)
    for i, k in enumerate(constants):
        hessian[i : i + 2, i : i + 2] += k * torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    modes = torch.linalg.eigvalsh(hessian / (masses[:, None] * masses).sqrt())
    exact = sqrt(ACCELERATION * float(modes.max()))
    straight = 3.0 * torch.arange(5)[None, :, None] * torch.tensor([0.6, 0.0, 0.8])
    found = highest_frequency(potential(*bonds), straight.double(), masses)
    assert found == pytest.approx(exact, rel=1e-10)
    step = default_timestep(potential(*bonds), straight.double(), masses)
    assert step == pytest.approx(0.25 * 2 / exact, rel=1e-10)


def test_the_frequency_bounds_the_modes_of_a_molecule_at_its_minimum() -> None:
    given, masses = chain(), torch.tensor([15.0, 30.0, 22.0, 41.0], dtype=torch.float64)
    resting = structures(1, noise=0.0)
    for _ in range(3000):
        resting = resting + 1e-3 * given.forces(resting)
    assert float(given.forces(resting).abs().max()) < 1e-3
    matrix = hessian(given, resting)
    weights = masses.repeat_interleave(3).rsqrt()
    exact = sqrt(
        ACCELERATION * float(torch.linalg.eigvalsh(weights[:, None] * matrix * weights).max())
    )
    found = highest_frequency(given, resting, masses)
    assert exact * (1 - 1e-6) <= found <= 1.5 * exact


def test_the_stiffest_of_many_structures_counts() -> None:
    masses = torch.full((4,), 20.0)
    many = structures(10, noise=0.3)
    each = [highest_frequency(chain(), one[None], masses) for one in many]
    assert highest_frequency(chain(), many, masses) == pytest.approx(max(each), rel=1e-12)


def test_the_order_of_beads_does_not_matter() -> None:
    masses, order = torch.tensor([15.0, 30.0, 22.0, 41.0]), torch.tensor([3, 2, 1, 0])
    positions = structures(3)
    there = highest_frequency(chain(), positions, masses)
    back = highest_frequency(chain(), positions[:, order], masses[order])
    symmetric = potential(*chain().terms[1:])  # the terms of the chain look alike from both ends
    there = highest_frequency(symmetric, positions, masses)
    back = highest_frequency(symmetric, positions[:, order], masses[order])
    assert there == pytest.approx(back, rel=1e-10)


def test_a_wall_stiffer_than_the_well_counts() -> None:
    soft = table(lambda r: 5 * (r - 3) ** 2, 2.5, 3.5, wall=900.0, periodic=False)
    assert stiffness(soft) == 900.0


def test_the_curvature_of_a_table_is_the_largest_between_any_points() -> None:
    wavy = table(lambda r: (9 * r).sin(), 0.0, 2.0, points=41, wall=0.0, periodic=False)
    inside = torch.linspace(1e-4, 2 - 1e-4, 200_001, dtype=torch.float64)
    slopes = wavy.evaluate(inside)[1]
    curvatures = slopes.diff() / inside.diff()
    assert stiffness(wavy) == pytest.approx(float(curvatures.max()), rel=1e-3)
    assert stiffness(wavy) == pytest.approx(81.0, rel=0.02)


def test_the_ends_of_a_table_count() -> None:
    rising, falling = (
        table(energy, 0.0, 1.0, points=5, wall=0.0, periodic=False)
        for energy in (lambda r: r**3, lambda r: (1 - r) ** 3)
    )
    assert stiffness(rising) == pytest.approx(6.0, rel=1e-12)
    assert stiffness(falling) == pytest.approx(6.0, rel=1e-12)


def test_a_periodic_table_has_no_wall() -> None:
    assert stiffness(hindered(4.0)) == pytest.approx(8.0, rel=1e-3)


def test_heavier_beads_allow_longer_steps() -> None:
    positions = torch.tensor([[[0.0, 0, 0], [1, 0, 0]]], dtype=torch.float64)
    light, heavy = (
        default_timestep(pair(40.0), positions, torch.full((2,), mass)) for mass in (5.0, 20.0)
    )
    assert heavy == pytest.approx(2 * light, rel=1e-12)


def test_without_terms_any_step_will_do() -> None:
    free = default_timestep(potential(), torch.zeros(1, 1, 3), torch.ones(1))
    assert fitting_timestep(free, 0.5) == 0.5


@pytest.mark.parametrize(
    ("longest", "interval", "expected"),
    [(0.01, 1.0, 0.01), (0.003, 1.0, 1 / 334), (0.3, 0.1, 0.1), (0.1, 0.1, 0.1), (0.1, 0.3, 0.1)],
)
def test_the_interval_is_a_whole_number_of_steps(
    longest: float, interval: float, expected: float
) -> None:
    assert fitting_timestep(longest, interval) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("longest", "interval"), [(0.0, 1.0), (0.1, 0.0)])
def test_a_step_or_an_interval_of_0_is_refused(longest: float, interval: float) -> None:
    with pytest.raises(SettingError, match="above 0"):
        fitting_timestep(longest, interval)
