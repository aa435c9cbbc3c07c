"""Runs with a network on top of the classical terms: the same contract on each engine."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, EngineError, SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation import openmm_network
from autograin_cli.simulation.builtin import BuiltinEngine, device_of
from autograin_cli.simulation.engine import Engine, Snapshot, Start
from autograin_cli.simulation.lammps import LammpsEngine
from autograin_cli.simulation.neural import NeuralEngine
from autograin_cli.simulation.openmm import OpenMMEngine
from autograin_cli.statistics import standard_error
from autograin_cli.units import ACCELERATION, thermal_energy
from tabulated import structures
from tabulated_liquids import argon, cubic, dumbbells, isolated_chain, mixture, placed, triclinic
from tabulated_networks import with_network

TEMPERATURE = 120.0
ENGINES: dict[str, Callable[[], Engine]] = {
    "builtin": lambda: NeuralEngine(threads=1),
    "cuda": lambda: NeuralEngine(threads=1, device="cuda"),
    "openmm": OpenMMEngine,
}
every_engine = pytest.mark.parametrize("name", ENGINES)


def engine(name: str) -> Engine:
    """An engine, if its program or its device is there."""
    if name == "openmm":
        pytest.importorskip("openmm")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return ENGINES[name]()


@dataclass(frozen=True)
class Case:
    """A system with a network, and a frame of it."""

    force_field: ForceField
    positions: Tensor
    box: Tensor | None

    def start(self, timestep: float, temperature: float = TEMPERATURE) -> Start:
        masses = self.force_field.system.masses
        assert masses is not None
        return Start(self.positions, masses, temperature, timestep, self.box)


def liquid(force_field: ForceField, box: Tensor, n_networks: int = 1) -> Case:
    return Case(with_network(force_field, n_networks), placed(force_field, box), box)


def bonded_alone() -> Case:
    """A chain that feels no pair term: replicas of it are a batch."""
    alone = replace(isolated_chain(), nonbonded=None)
    return Case(with_network(alone), structures(1, noise=0.4), None)


CASES: dict[str, Callable[[], Case]] = {
    "argon": lambda: liquid(argon(), cubic(18.0), n_networks=2),
    "dumbbells": lambda: liquid(dumbbells(), triclinic(21.0)),
    "mixture": lambda: liquid(mixture(), triclinic(22.0)),
    "chain": lambda: Case(with_network(isolated_chain()), structures(1, noise=0.4), None),
    "bonded": bonded_alone,
}


def one_step(given: Case, name: str) -> tuple[Snapshot, Tensor]:
    """The snapshot after one step from rest without friction, and the forces that made it."""
    timestep = 1e-3
    settings = SimulationSettings(
        time=timestep, interval=timestep, equilibration=0.0, friction=0.0, device="cpu"
    )
    start = given.start(timestep, temperature=1e-24)
    (snapshot,) = engine(name).run(given.force_field, start, settings)
    moved = snapshot.positions - given.positions
    return snapshot, 2 * start.masses[:, None] * moved / (timestep**2 * ACCELERATION)


@every_engine
@pytest.mark.parametrize("case", CASES)
def test_forces_and_energies_are_those_of_the_force_field(name: str, case: str) -> None:
    given = CASES[case]()
    snapshot, forces = one_step(given, name)
    ours = given.force_field.forces(given.positions, given.box)
    # Without the network they would be off by this much.
    network = ours - given.force_field.prior.forces(given.positions, given.box)
    assert float(network.norm() / ours.norm()) > 1e-3
    assert float((forces - ours).norm() / ours.norm()) < 1e-5
    energy = given.force_field.energy(snapshot.positions, given.box)
    torch.testing.assert_close(snapshot.potential_energy, energy, rtol=1e-5, atol=1e-3)


@every_engine
@pytest.mark.parametrize("case", ["chain", "bonded"])
def test_replicas_of_a_molecule_do_not_feel_one_another(name: str, case: str) -> None:
    given = replace(CASES[case](), positions=structures(3, noise=0.4))
    snapshot, forces = one_step(given, name)
    ours = given.force_field.forces(given.positions, None)
    assert float((forces - ours).norm() / ours.norm()) < 1e-5
    energy = given.force_field.energy(snapshot.positions, None)
    torch.testing.assert_close(snapshot.potential_energy, energy, rtol=1e-5, atol=1e-3)


def test_replicas_of_a_box_do_not_feel_one_another() -> None:
    given = CASES["mixture"]()
    shifted = placed(given.force_field, triclinic(22.0), seed=3)
    both = replace(given, positions=torch.cat((given.positions, shifted)))
    snapshot, forces = one_step(both, "builtin")
    ours = given.force_field.forces(both.positions, given.box)
    assert float((forces - ours).norm() / ours.norm()) < 1e-5
    energy = given.force_field.energy(snapshot.positions, given.box)
    torch.testing.assert_close(snapshot.potential_energy, energy, rtol=1e-5, atol=1e-3)


def short(n_snapshots: int = 3, **changes: object) -> SimulationSettings:
    """A few frames, every 0.02 ps."""
    settings = SimulationSettings(
        time=0.02 * n_snapshots, interval=0.02, equilibration=0.03, seed=7, threads=1, device="cpu"
    )
    return replace(settings, **changes)  # type: ignore[arg-type]


@every_engine
def test_snapshots_come_at_the_interval_after_the_equilibration(name: str) -> None:
    given = CASES["dumbbells"]()
    snapshots = list(engine(name).run(given.force_field, given.start(0.002), short()))
    assert [snapshot.step for snapshot in snapshots] == [25, 35, 45]
    assert [snapshot.time for snapshot in snapshots] == pytest.approx([0.05, 0.07, 0.09])
    for snapshot in snapshots:
        assert snapshot.positions.shape == snapshot.velocities.shape == given.positions.shape
        assert snapshot.potential_energy.shape == snapshot.kinetic_energy.shape == (1,)
        assert len(snapshot.outside) == len(given.force_field.term_names)
        assert bool(((snapshot.outside >= 0) & (snapshot.outside <= 1)).all())
        # Whole molecules that nobody folds back move a little from frame to frame.
        assert float((snapshot.positions - given.positions).abs().max()) < 1.0


@every_engine
def test_one_seed_gives_one_run_and_another_seed_another(name: str) -> None:
    given, settings = CASES["dumbbells"](), short(1)
    one, again, other = (
        next(iter(engine(name).run(given.force_field, given.start(0.002), chosen))).positions
        for chosen in (settings, settings, replace(settings, seed=2**80))
    )
    assert torch.equal(one, again)
    assert float((one - other).abs().max()) > 1e-3


def test_networks_in_threads_of_their_own_give_the_same_run() -> None:
    given = CASES["argon"]()
    one, two = (
        next(iter(NeuralEngine(threads).run(given.force_field, given.start(0.002), short(1))))
        for threads in (1, 2)
    )
    assert torch.equal(one.positions, two.positions)


def test_without_friction_openmm_follows_the_path_of_the_built_in_engine() -> None:
    given = CASES["dumbbells"]()
    settings = SimulationSettings(
        time=0.02, interval=0.01, equilibration=0.0, friction=0.0, device="cpu", threads=1
    )
    for one, other in zip(
        engine("openmm").run(given.force_field, given.start(0.001), settings),
        engine("builtin").run(given.force_field, given.start(0.001), settings),
        strict=True,
    ):
        assert one.step == other.step
        torch.testing.assert_close(one.positions, other.positions, rtol=0, atol=1e-4)
        torch.testing.assert_close(one.velocities, other.velocities, rtol=0, atol=1e-2)


@every_engine
def test_a_box_smaller_than_twice_the_cutoff_of_the_network_is_refused(name: str) -> None:
    given = CASES["argon"]()
    wide = with_network(given.force_field, cutoff=9.5)
    with pytest.raises(SettingError, match=r"cutoff of 9\.5"):
        next(iter(engine(name).run(wide, given.start(0.002), short())))


@every_engine
def test_a_step_that_is_too_long_diverges(name: str) -> None:
    given = CASES["dumbbells"]()
    settings = SimulationSettings(time=20.0, interval=10.0, equilibration=0.0, device="cpu")
    with pytest.raises(DivergenceError, match=r"(?s)step \d+ .*--timestep"):
        list(engine(name).run(given.force_field, given.start(0.2), settings))


def test_a_force_that_is_not_finite_is_a_divergence_at_its_step() -> None:
    given = CASES["dumbbells"]()
    neural = given.force_field.neural
    assert neural is not None
    broken = replace(neural.networks[0], energies=neural.networks[0].energies * torch.inf)
    field = replace(given.force_field, neural=replace(neural, networks=(broken,)))
    with pytest.raises(DivergenceError, match="replica 0 diverged at step 0 "):
        next(iter(NeuralEngine(1).run(field, given.start(0.002), short())))


def drift(timestep: float) -> float:
    """Range of the total energy, kT per bead, over 0.4 ps without friction."""
    given = CASES["dumbbells"]()
    settings = SimulationSettings(
        time=0.48, interval=0.02, equilibration=0.08, friction=0.0, seed=3, threads=1, device="cpu"
    )
    start, energies = given.start(timestep), []
    for snapshot in NeuralEngine(1).run(given.force_field, start, settings):
        squares = start.masses[:, None] * snapshot.velocities.square()
        kinetic = squares.sum((1, 2)) / (2 * ACCELERATION)
        energies.append(float(snapshot.potential_energy + kinetic))
    whole = torch.tensor(energies, dtype=torch.float64)
    heat = thermal_energy(TEMPERATURE) * len(start.masses)
    return float(whole.max() - whole.min()) / heat


def test_without_friction_the_energy_is_kept_to_the_square_of_the_time_step() -> None:
    long, half = drift(0.004), drift(0.002)
    assert half < 0.005
    assert 3.5 < long / half < 5.0  # 4, but for what is of fourth order: steps are 0.3 / omega


def test_the_built_in_engine_hands_a_network_to_its_own_version() -> None:
    given, settings = CASES["bonded"](), short(1)
    (one,) = BuiltinEngine().run(given.force_field, given.start(0.002), settings)
    (other,) = NeuralEngine(1).run(given.force_field, given.start(0.002), settings)
    assert torch.equal(one.positions, other.positions)


def test_auto_puts_a_network_on_cuda_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    given, settings = CASES["argon"](), SimulationSettings(device="auto")
    for present, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda present=present: present)
        assert device_of(given.force_field, given.start(0.002), settings) == device


def test_lammps_refuses_a_network_and_names_what_can_run_it() -> None:
    given = CASES["argon"]()
    with pytest.raises(SettingError, match="--engine builtin or openmm"):
        next(LammpsEngine().run(given.force_field, given.start(0.002), short()))


def test_an_openmm_that_cannot_call_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        __version__ = "8.1"

    given = CASES["argon"]()
    pytest.importorskip("openmm")
    monkeypatch.setattr(openmm_network, "load_openmm", Old)
    with pytest.raises(EngineError, match=r"OpenMM 8.1.*\n.*PythonForce"):
        next(OpenMMEngine().run(given.force_field, given.start(0.002), short()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["builtin", "openmm"])
@pytest.mark.parametrize("case", ["dumbbells", "chain"])
def test_the_kinetic_temperature_is_that_of_the_bath(name: str, case: str) -> None:
    given = CASES[case]()
    settings = SimulationSettings(
        time=30.0, interval=0.1, equilibration=5.0, friction=2.0, seed=5, threads=1, device="cpu"
    )
    run = engine(name).run(given.force_field, given.start(0.005), settings)
    kinetic = torch.stack([snapshot.kinetic_energy for snapshot in run], 1)
    expected = 1.5 * thermal_energy(TEMPERATURE) * given.positions.shape[1]
    error = standard_error(kinetic)
    assert abs(float(kinetic.mean()) - expected) < 4 * error
    assert error < 0.2 * expected
