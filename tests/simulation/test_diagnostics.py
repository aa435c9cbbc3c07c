from dataclasses import replace
from math import inf, pi, sqrt

import pytest
import torch

from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.potential import Potential
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.compiled import CompiledEngine, terms_of
from autograin_cli.simulation.diagnostics import Diagnostics, Source, forces_and_curvature
from autograin_cli.simulation.engine import Snapshot
from autograin_cli.simulation.simulation import Simulation
from autograin_cli.simulation.start import prepare
from autograin_cli.statistics import effective_samples
from autograin_cli.system import Component, System
from autograin_cli.units import BOLTZMANN
from tabulated import chain, hessian, hindered, pair, potential, spring, start, structures, term

MASSES = [15.0, 30.0, 22.0, 41.0]


def alone(given: Potential, n_beads: int = 4) -> ForceField:
    """One molecule with a potential."""
    bonds = torch.zeros(0, 2, dtype=torch.int64)
    return ForceField(System((Component("M", ("A",) * n_beads, bonds, None, 1),)), (given,), None)


def simulated(given: Potential, settings: SimulationSettings) -> Simulation:
    begun = prepare(given, structures(1), torch.tensor(MASSES).double(), settings)
    diagnostics = Diagnostics(Source(alone(given), begun, settings, "builtin", "cpu"))
    for snapshot in CompiledEngine(threads=1).run(given, begun, settings):
        diagnostics.add(snapshot)
    return diagnostics.result()


SETTINGS = SimulationSettings(time=200.0, replicas=64, equilibration=10.0, interval=0.5, seed=5)


def test_both_temperatures_of_a_molecule_are_those_of_the_bath() -> None:
    record = simulated(chain(), replace(SETTINGS, temperature=250.0))
    for value, error in [
        (record.kinetic_temperature, record.kinetic_temperature_error),
        (record.configurational_temperature, record.configurational_temperature_error),
    ]:
        assert abs(value - 250.0) < 4 * error
        assert 0 < error < 3.0
    assert record.n_frames == 400
    assert (record.replicas, record.temperature, record.friction) == (64, 250.0, 1.0)


def test_wells_that_mix_are_reported_as_mixed_and_others_are_not() -> None:
    low, high = (simulated(chain(barrier), SETTINGS).convergence for barrier in (1.0, 60.0))
    assert [mixing.name for mixing in low] == [one.name for one in chain().terms]
    assert max(mixing.r_hat for mixing in low) < 1.01
    assert min(mixing.effective_samples for mixing in low) > 1000
    assert high[3].r_hat > 1.2
    assert high[3].effective_samples < 200
    assert max(mixing.r_hat for mixing in high[:3]) < 1.01


def test_the_worst_instance_of_a_term_counts() -> None:
    given = potential(
        term("bond A-A", [[0, 1], [2, 3]], spring(100.0, 3.0)),
        term("dihedral A-A-A-A", [[0, 1, 2, 3], [0, 1, 3, 2]], hindered(1.0)),
    )
    diagnostics = Diagnostics(
        Source(
            alone(given), start(structures(4), MASSES, timestep=0.01), SETTINGS, "builtin", "cpu"
        )
    )
    for snapshot in made_up(100, 4):
        stuck = snapshot.positions.clone()
        stuck[:, 3] = stuck[:, 2] + torch.tensor([3.0, 0, 0]) * torch.arange(1, 5)[:, None]
        diagnostics.add(replace(snapshot, positions=stuck, outside=torch.zeros(2)))
    bond, _ = diagnostics.result().convergence
    assert bond.r_hat > 2


def made_up(n_snapshots: int, n_replicas: int) -> list[Snapshot]:
    """Independent snapshots, of a kinetic energy that tells which one it is."""
    return [
        Snapshot(
            step=number,
            time=float(number),
            positions=structures(n_replicas, seed=number),
            velocities=structures(n_replicas, seed=number),
            potential_energy=torch.zeros(n_replicas, dtype=torch.float64),
            kinetic_energy=torch.full((n_replicas,), float(number % 7), dtype=torch.float64),
            outside=torch.full((4,), 0.25 * (number % 3), dtype=torch.float64),
        )
        for number in range(n_snapshots)
    ]


def test_memory_stays_flat_and_no_kinetic_energy_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograin_cli.simulation.diagnostics.MOST_FRAMES", 16)
    begun = start(structures(2), MASSES, timestep=0.01)
    diagnostics = Diagnostics(Source(alone(chain()), begun, SETTINGS, "builtin", "cpu"))
    snapshots = made_up(128, 2)
    for snapshot in snapshots:
        diagnostics.add(snapshot)
        kept = (diagnostics._kinetic, diagnostics._coordinates, diagnostics._forces)
        assert max(map(len, kept)) <= 16
    assert len(diagnostics._coordinates) == 8
    record = diagnostics.result()
    mean = sum(float(snapshot.kinetic_energy[0]) for snapshot in snapshots) / 128
    assert record.kinetic_temperature == pytest.approx(mean / (6 * BOLTZMANN), rel=1e-12)
    outside = torch.stack([snapshot.outside for snapshot in snapshots]).mean(0)
    torch.testing.assert_close(record.outside, outside)
    assert record.n_frames == 128


def test_many_replicas_keep_fewer_frames_each() -> None:
    begun = start(structures(20_000), MASSES, timestep=0.01)
    diagnostics = Diagnostics(Source(alone(chain()), begun, SETTINGS, "builtin", "cpu"))
    assert 32 <= diagnostics._most < 60


def test_the_estimate_of_the_laplacian_is_right_on_average() -> None:
    given, one = chain(), structures(1)
    matrix = hessian(given, one)
    random = torch.Generator().manual_seed(0)
    squares, estimates = forces_and_curvature(terms_of(given), one.expand(4000, 4, 3), random)
    expected = float(matrix.trace())
    error = float(estimates.std()) / sqrt(4000)
    assert abs(float(estimates.mean()) - expected) < 4 * error
    assert error < 0.05 * expected
    assert float(squares[0]) == pytest.approx(float((given.forces(one) ** 2).sum()), rel=1e-10)


def test_the_estimate_along_each_vector_is_the_curvature_along_it() -> None:
    given, one = chain(), structures(1)
    matrix = hessian(given, one)
    signs = 2.0 * torch.randint(0, 2, (1, 4, 3), generator=torch.Generator().manual_seed(9)) - 1
    random = torch.Generator().manual_seed(9)
    _, estimate = forces_and_curvature(terms_of(given), one, random)
    vector = signs.flatten().double()
    assert float(estimate) == pytest.approx(float(vector @ matrix @ vector), rel=1e-5)


def test_the_error_of_the_configurational_temperature_is_its_spread() -> None:
    given, settings = pair(40.0), SETTINGS
    begun = start(torch.zeros(500, 2, 3).double(), [10.0, 30.0], timestep=0.01)
    random = torch.Generator().manual_seed(1)
    spread = sqrt(BOLTZMANN * 300.0 / 40.0)
    found, errors = [], []
    for seed in range(600):
        apart = spread * torch.randn(500, 3, generator=random, dtype=torch.float64)
        source = Source(alone(given), begun, replace(settings, seed=seed), "builtin", "cpu")
        diagnostics = Diagnostics(source)
        shape = made_up(1, 500)[0]
        positions = torch.stack((torch.zeros_like(apart), apart), dim=1)
        diagnostics.add(replace(shape, positions=positions, outside=torch.zeros(1)))
        record = diagnostics.result()
        found.append(record.configurational_temperature)
        errors.append(record.configurational_temperature_error)
    temperatures = torch.tensor(found, dtype=torch.float64)
    stated = sum(errors) / 600
    assert abs(float(temperatures.mean()) - 300.0) < 4 * stated / sqrt(600)
    assert abs(float(temperatures.std()) / stated - 1) < 4 / sqrt(2 * 600)


def test_a_dihedral_that_swings_about_180_degrees_is_not_torn() -> None:
    given = potential(term("dihedral A-A-A-A", [[0, 1, 2, 3]], hindered(1.0)))
    random = torch.Generator().manual_seed(2)
    swing, swings = torch.randn(8, generator=random, dtype=torch.float64), []
    diagnostics = Diagnostics(
        Source(
            alone(given), start(structures(8), MASSES, timestep=0.01), SETTINGS, "builtin", "cpu"
        )
    )
    shape = made_up(1, 8)[0]
    for _ in range(1500):
        noise = torch.randn(8, generator=random, dtype=torch.float64)
        swing = 0.9 * swing + sqrt(1 - 0.9**2) * noise
        swings.append(swing)
        angle = pi + 0.2 * swing
        positions = torch.zeros(8, 4, 3, dtype=torch.float64)
        positions[:, 0] = torch.tensor([1.0, 0.0, -0.5])
        positions[:, 2, 2] = 1.5
        positions[:, 3] = torch.stack((angle.cos(), angle.sin(), torch.full_like(angle, 2.0)), 1)
        diagnostics.add(replace(shape, positions=positions, outside=torch.zeros(1)))
    (mixing,) = diagnostics.result().convergence
    expected = effective_samples(torch.stack(swings, dim=1))
    assert mixing.effective_samples == pytest.approx(expected, rel=0.03)


def test_without_terms_forces_tell_no_temperature() -> None:
    begun = start(torch.zeros(3, 1, 3).double(), [10.0], timestep=0.01)
    source = Source(alone(potential(), 1), begun, SETTINGS, "builtin", "cpu")
    diagnostics = Diagnostics(source)
    settings = replace(SETTINGS, time=2.0, equilibration=0.0)
    for snapshot in CompiledEngine(threads=1).run(potential(), begun, settings):
        diagnostics.add(snapshot)
    record = diagnostics.result()
    assert record.configurational_temperature_error == inf
    assert record.convergence == ()


def test_a_run_of_one_snapshot_claims_no_convergence() -> None:
    settings = replace(SETTINGS, time=0.5, replicas=8)
    record = simulated(pair_in_chain(), settings)
    assert record.n_frames == 1
    assert all(mixing.r_hat == inf for mixing in record.convergence)


def pair_in_chain() -> Potential:
    return replace(pair(50.0), terms=(*pair(50.0).terms, term("bond C-D", [[2, 3]], spring(9.0))))
