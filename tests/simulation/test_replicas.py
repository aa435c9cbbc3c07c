from dataclasses import replace

import pytest
import torch

from autograin_cli.errors import DivergenceError
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.compiled import CompiledEngine
from autograin_cli.simulation.random_numbers import Use, generator
from autograin_cli.simulation.replicas import kinetic_limit, schedule
from autograin_cli.units import thermal_energy
from tabulated import hindered, potential, spring, start, structures, table, term


def test_random_numbers_of_different_uses_and_seeds_differ() -> None:
    first = {
        float(torch.rand((), generator=generator(seed, use))) for seed in range(5) for use in Use
    }
    assert len(first) == 5 * len(Use)


def test_no_replica_has_more_kinetic_energy_than_it_can_get() -> None:
    sloping = table(lambda r: 30 - 10 * r, 1.0, 3.0, points=3, wall=5.0, periodic=False)
    given = potential(
        term("bond A-A", [[0, 1], [1, 2]], sloping),
        term("dihedral A-A-A-A", [[0, 1, 2, 3]], hindered(4.0)),
    )
    begun = start(structures(6), [10.0] * 4, timestep=0.01)
    # The bonds sink (10 kJ/mol/Å)²/(2 5 kJ/mol/Å²) = 10 kJ/mol below their end at 3 Å.
    to_give = float(given.energy(begun.positions).max()) - 2 * (0.0 - 10.0)
    expected = (100 + 6 * 4) * thermal_energy(300.0) + to_give
    assert kinetic_limit(given, begun) == pytest.approx(expected, rel=1e-3)


def test_the_limit_of_a_cold_run_is_that_of_the_temperature_of_the_fit() -> None:
    begun = start(structures(1)[:, :2], [10.0] * 2, timestep=0.01)
    given = potential(term("bond A-A", [[0, 1]], spring(10.0, 2.8)))
    cold = replace(begun, temperature=0.0)
    assert kinetic_limit(given, cold) == kinetic_limit(given, begun)


def test_a_term_that_lies_high_but_at_its_minimum_is_not_blamed() -> None:
    high = replace(spring(1.0, 3.0), energy=spring(1.0, 3.0).energy + 1e6)
    given = potential(
        term("bond A-A", [[0, 1]], high), term("bond B-B", [[2, 3]], spring(400.0, 3.0))
    )
    begun = start(structures(2, noise=0.01), [10.0] * 4, timestep=0.2)
    settings = SimulationSettings(time=20.0, interval=0.2, equilibration=0.0)
    with pytest.raises(DivergenceError, match=r"'bond B-B' is .* above its minimum"):
        list(CompiledEngine().run(given, begun, settings))


def test_a_run_is_as_long_as_asked_for() -> None:
    plan = schedule(0.007, SimulationSettings(time=1.0, interval=0.21, equilibration=0.5))
    assert (plan.equilibration, plan.interval, plan.n_snapshots) == (71, 30, 4)
    exact = schedule(0.1, SimulationSettings(time=0.3, interval=0.1, equilibration=0.0))
    assert (exact.equilibration, exact.interval, exact.n_snapshots) == (0, 1, 3)
