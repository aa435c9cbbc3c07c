"""The engine of liquids against plain versions, and the laws that it keeps."""

from dataclasses import replace
from math import sqrt

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation import liquid
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.evaluation import Evaluator
from autograin_cli.simulation.liquid import LiquidEngine
from autograin_cli.simulation.packing import relaxed
from autograin_cli.statistics import standard_error
from autograin_cli.system import Configuration
from autograin_cli.units import ACCELERATION, BOLTZMANN
from tabulated_liquids import (
    argon,
    cubic,
    dumbbells,
    isolated_chain,
    mixture,
    placed,
    triclinic,
)

CASES = [
    pytest.param(argon, cubic(20.0), id="argon"),
    pytest.param(argon, triclinic(21.0), id="argon, skewed"),
    pytest.param(dumbbells, cubic(20.0), id="dumbbells"),
    pytest.param(mixture, triclinic(22.0), id="mixture, skewed"),
    pytest.param(isolated_chain, None, id="chain in vacuum"),
]
every_case = pytest.mark.parametrize(("model", "box"), CASES)


def begun(
    force_field: ForceField,
    box: Tensor | None,
    *,
    timestep: float = 0.004,
    temperature: float = 300.0,
) -> Start:
    """A relaxed start."""
    positions = placed(force_field, cubic(20.0) if box is None else box)
    if box is not None:
        positions = relaxed(force_field, Configuration(positions[0], box), 300.0)[None]
    masses = force_field.system.masses
    assert masses is not None
    return Start(positions, masses, temperature, timestep, box)


def run(
    force_field: ForceField,
    start: Start,
    n_steps: int,
    *,
    every: int = 1,
    before: int = 0,
    friction: float = 1.0,
    threads: int = 1,
    seed: int = 3,
) -> list[Snapshot]:
    """Snapshots, times in numbers of steps."""
    settings = SimulationSettings(
        time=n_steps * start.timestep,
        interval=every * start.timestep,
        equilibration=before * start.timestep,
        friction=friction,
        seed=seed,
    )
    return list(LiquidEngine(threads).run(force_field, start, settings))


def total_energies(snapshots: list[Snapshot], masses: Tensor) -> Tensor:
    """kJ/mol, (snapshots,)."""
    return torch.stack(
        [
            s.potential_energy[0]
            + (masses[:, None] * s.velocities[0] ** 2).sum() / 2 / ACCELERATION
            for s in snapshots
        ]
    )


@every_case
def test_energies_and_forces_are_those_of_the_plain_force_field(model, box) -> None:  # type: ignore[no-untyped-def]
    force_field = model()
    for positions in run(force_field, begun(force_field, box), 40, every=20)[-1].positions:
        found = Evaluator(force_field, box)(positions)
        plain = force_field.forces(positions[None], box)[0]
        assert found.energy == pytest.approx(
            float(force_field.energy(positions[None], box)), rel=1e-7, abs=1e-6
        )
        assert float((found.forces - plain).abs().max()) < 1e-6 * float(plain.abs().max())


@every_case
def test_the_energy_of_a_snapshot_is_that_of_its_positions(model, box) -> None:  # type: ignore[no-untyped-def]
    force_field = model()
    for snapshot in run(force_field, begun(force_field, box), 60, every=20):
        expected = force_field.energy(snapshot.positions, box)
        torch.testing.assert_close(snapshot.potential_energy, expected, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize(("model", "box"), [(argon, cubic(20.0)), (mixture, triclinic(22.0))])
def test_the_virial_is_the_answer_of_the_energy_to_a_stretch(model, box) -> None:  # type: ignore[no-untyped-def]
    force_field = model()
    positions = begun(force_field, box).positions[0]
    nudge = 1e-5
    # Bonded terms feel positions, pairs feel box and positions: a stretch of both.
    ahead, behind = (
        float(force_field.energy((positions * s)[None], box * s)) for s in (1 + nudge, 1 - nudge)
    )
    virial = Evaluator(force_field, box)(positions).virial
    assert virial == pytest.approx(-(ahead - behind) / (2 * nudge), rel=1e-4, abs=1e-2)


@every_case
@pytest.mark.parametrize("threads", [2, 3])
def test_no_number_of_threads_changes_a_bit(model, box, threads, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(liquid, "_FEWEST", 20)
    force_field = model()
    start = begun(force_field, box)
    one, other = (run(force_field, start, 60, every=30, threads=n) for n in (1, threads))
    for first, second in zip(one, other, strict=True):
        for name in ("positions", "velocities", "potential_energy", "kinetic_energy", "outside"):
            assert torch.equal(getattr(first, name), getattr(second, name)), name


def test_replicas_differ_and_each_is_the_run_that_it_would_be_alone() -> None:
    force_field = argon(64)
    start = begun(force_field, cubic(18.0))
    both = replace(start, positions=start.positions.expand(2, -1, 3))
    one, two = (
        run(force_field, start, 30, every=30)[0],
        run(force_field, both, 30, every=30, threads=2)[0],
    )
    assert torch.equal(one.positions[0], two.positions[0])
    assert not torch.equal(two.positions[0], two.positions[1])


def test_the_division_into_calls_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    force_field = dumbbells(40)
    start = begun(force_field, cubic(18.0))
    whole = run(force_field, start, 60, every=30)
    monkeypatch.setattr(liquid, "_BEAD_STEPS", 80 * 7)
    for one, other in zip(whole, run(force_field, start, 60, every=30), strict=True):
        assert torch.equal(one.positions, other.positions)
        torch.testing.assert_close(one.kinetic_energy, other.kinetic_energy, rtol=1e-12, atol=0)


def test_another_seed_gives_another_run() -> None:
    force_field = argon(64)
    start = begun(force_field, cubic(18.0))
    one, other = (run(force_field, start, 5, every=5, seed=seed)[0] for seed in (1, 2))
    assert not torch.equal(one.positions, other.positions)


@pytest.mark.parametrize(("model", "box"), [(argon, cubic(20.0)), (dumbbells, triclinic(20.0))])
def test_without_friction_the_error_of_the_energy_is_of_second_order(model, box) -> None:  # type: ignore[no-untyped-def]
    force_field = model()
    warm = run(force_field, begun(force_field, box), 1, before=300)[-1].positions
    spread = []
    for timestep in (0.004, 0.002):
        start = replace(begun(force_field, box, timestep=timestep), positions=warm)
        snapshots = run(force_field, start, round(0.8 / timestep), friction=0.0)
        spread.append(float(total_energies(snapshots, start.masses).std()))
    n_beads = force_field.system.n_beads
    assert spread[0] < 0.01 * n_beads * BOLTZMANN * 300.0
    assert spread[0] / spread[1] == pytest.approx(4.0, rel=0.15)


def test_without_friction_momentum_is_kept() -> None:
    force_field = mixture()
    start = begun(force_field, triclinic(22.0), timestep=0.002)
    momenta = torch.stack(
        [
            (start.masses[:, None] * s.velocities[0]).sum(0)
            for s in run(force_field, start, 100, every=20, friction=0.0)
        ]
    )
    torch.testing.assert_close(momenta, momenta[:1].expand_as(momenta), rtol=0, atol=1e-8)


def test_a_shift_of_all_beads_changes_nothing_but_their_place() -> None:
    force_field, box = dumbbells(), triclinic(20.0)
    start = begun(force_field, box)
    shift = torch.tensor([113.0, -71.0, 38.0], dtype=torch.float64)
    here, there = (
        run(force_field, replace(start, positions=p), 20, every=20)[0]
        for p in (start.positions, start.positions + shift)
    )
    torch.testing.assert_close(here.positions + shift, there.positions, rtol=0, atol=1e-8)


def test_a_box_and_another_cell_of_its_lattice_give_one_run() -> None:
    force_field, box = argon(), cubic(20.0)
    skewed = torch.tensor([[1.0, 0, 0], [1.0, 1.0, 0], [-1.0, 2.0, 1.0]]).double() @ box
    start = begun(force_field, box)
    upright = run(force_field, start, 30, every=30)[0]
    # The same lattice: its shortest vectors are those of the cube.
    turned = run(force_field, replace(start, box=skewed), 30, every=30)[0]
    torch.testing.assert_close(turned.positions, upright.positions, rtol=0, atol=1e-8)


def test_beads_move_on_as_if_there_were_no_box_and_molecules_stay_whole() -> None:
    force_field = dumbbells(40)
    start = begun(force_field, cubic(18.0), temperature=900.0)
    before = start.positions
    for snapshot in run(force_field, start, 600, every=20, friction=0.1):
        assert float((snapshot.positions - before).norm(dim=-1).max()) < 6.0
        before = snapshot.positions
        bonds = snapshot.positions[0, 1::2] - snapshot.positions[0, ::2]
        assert float(bonds.norm(dim=1).max()) < 4.0
    assert float((before - start.positions).abs().max()) > 5.0


@pytest.mark.parametrize(("model", "box"), [(argon, cubic(20.0)), (dumbbells, cubic(20.0))])
def test_a_liquid_has_the_temperature_of_the_bath(model, box) -> None:  # type: ignore[no-untyped-def]
    force_field = model()
    start = begun(force_field, box)
    snapshots = run(force_field, start, 6000, every=20, before=500, friction=5.0)
    kinetic = torch.stack([s.kinetic_energy for s in snapshots], dim=1)
    found = kinetic / (1.5 * BOLTZMANN * force_field.system.n_beads)
    error = standard_error(found)
    assert abs(float(found.mean()) - 300.0) < 4 * error
    assert error < 4.0


def test_pairs_nearer_than_was_sampled_and_bonds_outside_are_counted() -> None:
    force_field, box = dumbbells(), cubic(20.0)
    (snapshot,) = run(force_field, begun(force_field, box), 1)
    assert snapshot.outside.shape == (len(force_field.term_names),)
    lengths = (snapshot.positions[0, 1::2] - snapshot.positions[0, ::2]).norm(dim=1)
    share = ((lengths < 2.2) | (lengths > 2.8)).double().mean()
    # The step counts the bonds before it: those of the start.
    assert 0 <= float(snapshot.outside[0]) <= 1
    assert float(Evaluator(force_field, box)(snapshot.positions[0]).outside[0]) == pytest.approx(
        float(share)
    )
    assert force_field.nonbonded is not None
    near = replace(
        force_field.nonbonded,
        terms=tuple(replace(t, sampled_low=t.cutoff) for t in force_field.nonbonded.terms),
    )
    all_near = Evaluator(replace(force_field, nonbonded=near), box)(snapshot.positions[0]).outside
    assert float(all_near[1]) == pytest.approx(1.0)


def test_a_box_smaller_than_twice_the_cutoff_is_refused() -> None:
    force_field = argon(27)
    with pytest.raises(SettingError, match="twice the cutoff"):
        run(force_field, replace(begun(force_field, cubic(16.0)), box=cubic(13.0)), 1)


def test_a_step_that_is_too_long_diverges_and_names_step_and_term() -> None:
    force_field = dumbbells(40)
    start = begun(force_field, cubic(18.0), timestep=0.2)
    with pytest.raises(DivergenceError, match=r"replica 0 .*at step \d+ .*'bond A-B'") as caught:
        run(force_field, start, 1000, every=1000)
    assert "--timestep" in str(caught.value)


def test_the_tables_in_the_square_of_the_distance_are_exact_to_a_millionth() -> None:
    force_field = argon(2)
    assert force_field.nonbonded is not None
    (term,) = force_field.nonbonded.terms
    r = torch.linspace(2.9, 6.95, 400, dtype=torch.float64)
    energy, slope = term.evaluate(r)
    evaluate = Evaluator(force_field, None, skin=10.0)
    for k, distance in enumerate(r.tolist()):
        found = evaluate(torch.tensor([[0.0, 0, 0], [distance, 0, 0]]).double())
        scale = 1.0 + abs(float(slope[k]))
        assert found.energy == pytest.approx(
            float(energy[k]), abs=1e-6 * (1 + abs(float(energy[k])))
        )
        assert float(found.forces[1, 0]) == pytest.approx(-float(slope[k]), abs=2e-6 * scale)
    assert sqrt(float(found.forces.square().sum())) < 1.0
