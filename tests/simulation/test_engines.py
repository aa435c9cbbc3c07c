"""The contract of every engine, and the exact results of BAOAB, on each of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import pi, sqrt

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, SettingError
from autograin_cli.potential.potential import Potential
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation import replicas as replicas_module
from autograin_cli.simulation.batched import BatchedEngine
from autograin_cli.simulation.compiled import CompiledEngine
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.statistics import standard_error
from autograin_cli.units import ACCELERATION, thermal_energy
from tabulated import chain, hindered, pair, potential, spring, start, structures, table, term

Builtin = CompiledEngine | BatchedEngine
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
ENGINES = [
    pytest.param(CompiledEngine(threads=1), id="compiled"),
    pytest.param(BatchedEngine("cpu"), id="batched"),
    pytest.param(BatchedEngine("cuda"), id="cuda", marks=needs_cuda),
]
every_engine = pytest.mark.parametrize("engine", ENGINES)

KT = thermal_energy(300.0)
MASSES = [10.0, 30.0]
REDUCED = 7.5  # u
STIFFNESS = 40.0  # kJ/(mol Å²)
OMEGA = sqrt(STIFFNESS * ACCELERATION / REDUCED)  # 1/ps


def steps(
    timestep: float, n_steps: int, *, every: int = 1, before: int = 0, friction: float = 1.0
) -> SimulationSettings:
    """Settings in numbers of steps."""
    return SimulationSettings(
        time=n_steps * timestep,
        interval=every * timestep,
        equilibration=before * timestep,
        friction=friction,
        seed=3,
    )


@dataclass(frozen=True)
class Run:
    """Snapshots stacked, (replicas, snapshots, ...)."""

    positions: Tensor
    velocities: Tensor
    potential_energy: Tensor
    kinetic_energy: Tensor


def collect(snapshots: Iterator[Snapshot]) -> Run:
    kept = list(snapshots)
    return Run(
        *[
            torch.stack([getattr(snapshot, name) for snapshot in kept], dim=1)
            for name in ("positions", "velocities", "potential_energy", "kinetic_energy")
        ]
    )


@cache
def in_a_well(engine: Builtin, turn: float) -> Run:
    """Two beads on a spring of rest length 0; `turn` is omega times the time step."""
    timestep = turn / OMEGA
    begun = start(torch.zeros(200, 2, 3).double(), MASSES, timestep=timestep)
    settings = steps(timestep, 3000, every=3, before=300, friction=0.3 * OMEGA)
    return collect(engine.run(pair(STIFFNESS), begun, settings))


def assert_mean(values: Tensor, expected: float) -> None:
    """Within four standard errors; values are (replicas, snapshots, ...)."""
    flat = values.flatten(2) if values.dim() > 2 else values[..., None]
    error = standard_error(flat.mean(2))
    assert abs(float(flat.mean()) - expected) < 4 * error
    assert error < 0.02 * abs(expected), "the bound means something"


@every_engine
@pytest.mark.parametrize("turn", [0.3, 1.0, 1.7])
def test_positions_in_a_well_have_variance_kt_over_k_at_any_stable_step(
    engine: Builtin, turn: float
) -> None:
    run = in_a_well(engine, turn)
    assert_mean((run.positions[:, :, 1] - run.positions[:, :, 0]) ** 2, KT / STIFFNESS)


@every_engine
@pytest.mark.parametrize("turn", [0.3, 1.0, 1.7])
def test_velocities_at_the_end_of_a_step_are_low_by_a_known_share(
    engine: Builtin, turn: float
) -> None:
    run = in_a_well(engine, turn)
    relative = run.velocities[:, :, 1] - run.velocities[:, :, 0]
    assert_mean(relative**2, KT * ACCELERATION / REDUCED * (1 - turn**2 / 4))


@every_engine
@pytest.mark.parametrize("turn", [0.3, 1.0, 1.7])
def test_mid_step_velocities_have_the_temperature_of_the_bath(engine: Builtin, turn: float) -> None:
    assert_mean(in_a_well(engine, turn).kinetic_energy, 3 * KT)


@every_engine
def test_a_bead_alone_is_a_free_brownian_particle(engine: Builtin) -> None:
    begun = start(torch.zeros(400, 1, 3).double(), [20.0], timestep=0.01)
    run = collect(engine.run(potential(), begun, steps(0.01, 1000, every=1000, before=1)))
    assert_mean(run.kinetic_energy, 1.5 * KT)
    # An Ornstein-Uhlenbeck velocity of decay time 1 ps; the step is a hundredth of it.
    speed = KT * ACCELERATION / 20.0
    time = 10.01
    expected = 2 * speed * (time - 1 + torch.tensor(-time).exp())
    squares = run.positions**2
    assert abs(float(squares.mean() / expected) - 1) < 4 * sqrt(2 / squares.numel())


def undamped(engine: Builtin, timestep: float, time: float) -> tuple[Run, Start]:
    begun = start(structures(8, noise=0.02), [15.0, 30.0, 22.0, 41.0], timestep=timestep)
    settings = steps(timestep, round(time / timestep), friction=0.0)
    smooth = table(
        lambda a: 20 * (a.cos() + 0.4) ** 2, 0.5, 3.0, points=4001, wall=1.0, periodic=False
    )
    given = potential(
        term("bond A-A", [[0, 1], [1, 2], [2, 3]], spring(300.0, 3.4)),
        term("angle A-A-A", [[0, 1, 2], [1, 2, 3]], smooth),
        term("dihedral A-A-A-A", [[0, 1, 2, 3]], hindered(3.0)),
    )
    return collect(engine.run(given, begun, settings)), begun


def total_energy(run: Run, begun: Start) -> Tensor:
    """kJ/mol, (replicas, snapshots)."""
    halves = begun.masses[:, None] / (2 * ACCELERATION)
    return run.potential_energy + (halves * run.velocities**2).sum((-2, -1))


@every_engine
def test_without_friction_the_error_of_the_energy_is_of_second_order(engine: Builtin) -> None:
    long, short = (
        total_energy(*undamped(engine, timestep, time=0.8)).std(1) for timestep in (0.002, 0.001)
    )
    assert float(long.max()) < 0.15
    torch.testing.assert_close(long / short, torch.full_like(long, 4.0), rtol=0.04, atol=0)


@every_engine
def test_without_friction_momentum_and_angular_momentum_are_kept(engine: Builtin) -> None:
    run, begun = undamped(engine, 0.004, time=0.8)
    momenta = begun.masses[:, None] * run.velocities
    angular = torch.linalg.cross(run.positions, momenta).sum(2)
    for conserved in (momenta.sum(2), angular):
        first = conserved[:, :1].expand_as(conserved)
        torch.testing.assert_close(conserved, first, rtol=1e-9, atol=1e-7)


@every_engine
def test_without_friction_a_run_retraces_its_path(engine: Builtin) -> None:
    given = chain()
    begun = start(structures(4), [15.0, 30.0, 22.0, 41.0], timestep=0.004, temperature=0.0)
    there = collect(engine.run(given, begun, steps(0.004, 200, friction=0.0)))
    # At rest at the start, so it is symmetric in time: the mirrored path is the path.
    turned = replace(begun, positions=there.positions[:, 99])
    velocities = -there.velocities[:, 99]
    again = collect(_from(engine, given, turned, velocities))
    torch.testing.assert_close(again.positions[:, 99], begun.positions, rtol=1e-8, atol=1e-8)


def _from(
    engine: Builtin, given: Potential, begun: Start, velocities: Tensor
) -> Iterator[Snapshot]:
    """Run with velocities other than those of the bath."""
    plain = replicas_module.begin

    def begin(*arguments: object) -> replicas_module.Replicas:
        return replace(plain(*arguments), velocities=velocities)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replicas_module, "begin", begin)
        yield from engine.run(given, begun, steps(0.004, 100, friction=0.0))


@every_engine
def test_at_zero_friction_both_versions_follow_one_path(engine: Builtin) -> None:
    given = chain()
    begun = start(structures(20), [15.0, 30.0, 22.0, 41.0], timestep=0.004)
    settings = steps(0.004, 60, every=20, before=7, friction=0.0)
    ours = list(engine.run(given, begun, settings))
    compiled = list(CompiledEngine().run(given, begun, settings))
    for one, other in zip(ours, compiled, strict=True):
        assert (one.step, one.time) == (other.step, other.time)
        for name in ("positions", "velocities", "potential_energy", "kinetic_energy", "outside"):
            torch.testing.assert_close(
                getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9
            )


@every_engine
def test_snapshots_come_at_the_interval_after_the_equilibration(engine: Builtin) -> None:
    begun = start(structures(3), [10.0] * 4, timestep=0.002)
    settings = SimulationSettings(time=0.1, interval=0.02, equilibration=0.03, seed=1)
    snapshots = list(engine.run(chain(), begun, settings))
    assert [snapshot.step for snapshot in snapshots] == [25, 35, 45, 55, 65]
    assert [snapshot.time for snapshot in snapshots] == pytest.approx(
        [0.05, 0.07, 0.09, 0.11, 0.13]
    )
    last = snapshots[-1]
    assert last.positions.shape == last.velocities.shape == (3, 4, 3)
    assert last.potential_energy.shape == last.kinetic_energy.shape == (3,)
    assert last.outside.shape == (4,)
    torch.testing.assert_close(last.potential_energy, chain().energy(last.positions))


@every_engine
def test_one_seed_gives_one_run_and_another_seed_another(engine: Builtin) -> None:
    begun = start(structures(3), [10.0] * 4, timestep=0.002)
    settings = SimulationSettings(time=0.1, interval=0.1, equilibration=0.0, seed=1)
    seeds = (settings, settings, replace(settings, seed=2), replace(settings, seed=2**80))
    one, again, other, large = (
        next(iter(engine.run(chain(), begun, chosen))).positions for chosen in seeds
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert large.isfinite().all()


@every_engine
def test_the_division_into_calls_does_not_show(
    engine: Builtin, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = start(structures(3), [10.0] * 4, timestep=0.002)
    settings = SimulationSettings(time=0.1, interval=0.05, equilibration=0.05, seed=1)
    whole = list(engine.run(chain(), begun, settings))
    monkeypatch.setattr(replicas_module, "_BEAD_STEPS", 12 * 7)
    parts = list(engine.run(chain(), begun, settings))
    for one, other in zip(whole, parts, strict=True):
        assert torch.equal(one.positions, other.positions)
        assert torch.equal(one.outside, other.outside)
        torch.testing.assert_close(one.kinetic_energy, other.kinetic_energy, rtol=1e-12, atol=0)


@every_engine
def test_time_outside_is_the_share_of_a_distribution_beyond_the_sampled_range(
    engine: Builtin,
) -> None:
    inner = 0.2  # Å
    spread = sqrt(KT / STIFFNESS)
    well = term("bond A-B", [[0, 1]], spring(STIFFNESS), sampled=(0.0, inner))
    begun = start(torch.zeros(200, 2, 3).double(), MASSES, timestep=0.5 / OMEGA)
    settings = steps(begun.timestep, 2000, every=20, before=200, friction=OMEGA)
    shares = [float(s.outside) for s in engine.run(potential(well), begun, settings)]
    x = torch.tensor(inner / spread / sqrt(2))  # of a Maxwell distribution of the distance
    expected = float(torch.erfc(x) + 2 / sqrt(torch.pi) * x * (-(x**2)).exp())
    measured = torch.tensor(shares)[None]
    assert abs(float(measured.mean()) - expected) < 4 * standard_error(measured)
    assert standard_error(measured) < 0.02 * expected


@every_engine
def test_a_dihedral_sampled_around_half_a_turn_is_inside_on_both_sides_of_it(
    engine: Builtin,
) -> None:
    flat = table(lambda phi: 0.0 * phi, -pi, pi, wall=0.0, periodic=True)
    turn = 0.6  # radians to either side of pi
    sampled = (pi - turn, pi + turn)
    given = potential(term("dihedral A-B-B-A", [[0, 1, 2, 3]], flat, sampled=sampled))
    angles = torch.tensor([pi - 0.5, -pi + 0.5, pi - 0.7, -pi + 0.7], dtype=torch.float64)
    zero, one = torch.zeros_like(angles), torch.ones_like(angles)
    ends = torch.stack([angles.cos(), angles.sin(), one], dim=1)
    others = ((one, zero, zero), (zero, zero, zero), (zero, zero, one))
    middle = [torch.stack(vectors, dim=1) for vectors in others]
    begun = start(torch.stack([*middle, ends], dim=1), [1e9] * 4, timestep=1e-6)
    settings = steps(begun.timestep, 4, every=4)
    shares = torch.stack([s.outside for s in engine.run(given, begun, settings)])
    assert float(shares.mean()) == pytest.approx(0.5)


@every_engine
def test_a_step_beyond_the_stable_limit_diverges_and_one_below_does_not(engine: Builtin) -> None:
    def run(turn: float) -> None:
        begun = start(torch.zeros(4, 2, 3).double(), MASSES, timestep=turn / OMEGA)
        list(engine.run(pair(STIFFNESS), begun, steps(begun.timestep, 1000, every=500)))

    run(1.98)
    with pytest.raises(DivergenceError, match=r"at step \d+ .*'bond A-B' is") as caught:
        run(2.02)
    assert "--timestep" in str(caught.value)
    assert caught.value.exit_code == 65


@every_engine
def test_a_divergence_names_its_step_and_the_term(engine: Builtin) -> None:
    broken = table(lambda r: (0 * r - 1).sqrt(), 0.0, 1.0, points=3, wall=1.0, periodic=False)
    given = potential(
        term("bond A-A", [[0, 1]], spring(300.0, 3.0)),
        term("bond A-B", [[1, 2]], broken),
    )
    with pytest.raises(DivergenceError, match=r"replica 0 .*at step 0 .*'bond A-B'"):
        list(
            engine.run(
                given, start(structures(3)[:, :3], [10.0] * 3, timestep=0.001), steps(0.001, 5)
            )
        )


@every_engine
@pytest.mark.parametrize(("time", "interval"), [(1.0, 2.0), (0.0, 0.1), (1.0, 0.0)])
def test_times_that_give_no_snapshot_are_refused(
    engine: Builtin, time: float, interval: float
) -> None:
    settings = SimulationSettings(time=time, interval=interval)
    with pytest.raises(SettingError, match="--time"):
        list(engine.run(chain(), start(structures(1), [10.0] * 4, timestep=0.01), settings))
