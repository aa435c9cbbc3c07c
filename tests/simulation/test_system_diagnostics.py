"""The record of a run of a box: temperatures and pressure against what is known."""

from math import inf

import pytest
import torch

from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.diagnostics import Diagnostics, Source
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.liquid import LiquidEngine
from autograin_cli.simulation.packing import relaxed
from autograin_cli.simulation.simulation import Simulation
from autograin_cli.simulation.system_diagnostics import SystemDiagnostics, diagnostics_of
from autograin_cli.system import Configuration
from autograin_cli.units import BOLTZMANN
from tabulated_liquids import argon, cubic, dumbbells, isolated_chain, placed


def simulated(force_field, edge, **settings) -> Simulation:  # type: ignore[no-untyped-def]
    box = cubic(edge)
    positions = relaxed(force_field, Configuration(placed(force_field, box)[0], box), 300.0)
    start = Start(positions[None], force_field.system.masses, 300.0, 0.004, box)
    chosen = SimulationSettings(friction=5.0, seed=2, **settings)
    diagnostics = diagnostics_of(Source(force_field, start, chosen, "builtin", "cpu"))
    assert isinstance(diagnostics, SystemDiagnostics)
    for snapshot in LiquidEngine(1).run(force_field, start, chosen):
        diagnostics.add(snapshot)
    return diagnostics.result()


@pytest.mark.parametrize(("model", "edge"), [(argon, 20.0), (dumbbells, 20.0)])
def test_both_temperatures_of_a_liquid_are_those_of_the_bath(model, edge) -> None:  # type: ignore[no-untyped-def]
    force_field = model()
    record = simulated(force_field, edge, time=20.0, interval=0.1, equilibration=2.0)
    for value, error in [
        (record.kinetic_temperature, record.kinetic_temperature_error),
        (record.configurational_temperature, record.configurational_temperature_error),
    ]:
        assert abs(value - 300.0) < 4 * error
        assert 0 < error < 8.0
    assert record.n_frames == 200
    assert record.copies.tolist() == [force_field.system.n_molecules]
    names = [mixing.name for mixing in record.convergence]
    assert names[:2] == ["potential energy", "pressure"]
    assert len(record.outside) == len(force_field.term_names)


@pytest.mark.slow
def test_the_pressure_of_a_thin_gas_is_that_of_its_second_virial_coefficient() -> None:
    force_field = argon(64)
    record = simulated(force_field, 60.0, time=60.0, interval=0.1, equilibration=5.0)
    kt, density = BOLTZMANN * 300.0, 64 / 60.0**3
    r = torch.linspace(0.5, 7.0, 20001, dtype=torch.float64)
    assert force_field.nonbonded is not None
    energy = force_field.nonbonded.terms[0].evaluate(r)[0]
    second = -2 * torch.pi * torch.trapezoid(((-energy / kt).exp() - 1) * r**2, r)
    second = second + 2 * torch.pi * 0.5**3 / 3
    expected = density * kt * (1 + float(second) * density) * 16605.39
    assert record.pressure is not None
    assert record.pressure_error is not None
    assert abs(record.pressure - expected) < 4 * record.pressure_error
    assert record.pressure_error < 0.1 * expected


def test_one_molecule_keeps_its_own_diagnostics_and_a_chain_with_pair_terms_does_not() -> None:
    force_field = isolated_chain()
    masses = force_field.system.masses
    assert masses is not None
    start = Start(placed(force_field, cubic(20.0)), masses, 300.0, 0.004)
    settings = SimulationSettings(time=0.4, interval=0.1, equilibration=0.0)
    source = Source(force_field, start, settings, "builtin", "cpu")
    diagnostics = diagnostics_of(source)
    assert isinstance(diagnostics, SystemDiagnostics)
    for snapshot in LiquidEngine(1).run(force_field, start, settings):
        diagnostics.add(snapshot)
    record = diagnostics.result()
    assert record.pressure is None
    assert "pressure" not in [mixing.name for mixing in record.convergence]
    bare = type(force_field)(force_field.system, force_field.potentials, None)
    alone = diagnostics_of(Source(bare, start, settings, "builtin", "cpu"))
    assert isinstance(alone, Diagnostics)


def test_memory_stays_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograin_cli.simulation.system_diagnostics.MOST_FRAMES", 32)
    force_field = argon(27)
    positions = placed(force_field, cubic(15.0))
    masses = force_field.system.masses
    assert masses is not None
    start = Start(positions, masses, 300.0, 0.004, cubic(15.0))
    settings = SimulationSettings(time=0.4, interval=0.004, equilibration=0.0)
    diagnostics = SystemDiagnostics(Source(force_field, start, settings, "builtin", "cpu"))
    kinetic = []
    for snapshot in LiquidEngine(1).run(force_field, start, settings):
        diagnostics.add(snapshot)
        kinetic.append(float(snapshot.kinetic_energy))
        assert len(diagnostics._rows) < 32
    assert len(kinetic) == 100
    record = diagnostics.result()
    mean = sum(kinetic[: len(diagnostics._rows) * diagnostics._stride]) / (
        len(diagnostics._rows) * diagnostics._stride
    )
    assert record.kinetic_temperature == pytest.approx(mean / (1.5 * 27 * BOLTZMANN), rel=1e-9)


def test_a_run_of_one_snapshot_claims_no_convergence() -> None:
    record = simulated(argon(64), 18.0, time=0.1, interval=0.1, equilibration=0.0)
    assert all(mixing.r_hat == inf for mixing in record.convergence)
