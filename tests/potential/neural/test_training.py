"""Training: what is learned, what is not, and that it goes on exactly where it stopped."""

import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural import learning, training
from autograin_cli.potential.neural.batches import lesson_of
from autograin_cli.potential.neural.learning import adam_step
from autograin_cli.potential.neural.parallel import Group
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.potential.neural.training import train, trained
from autograin_cli.potential.neural.training_state import Progress, TrainingState
from autograin_cli.settings import NeuralSettings
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory
from tabulated import chain, potential, structures
from tabulated_liquids import component, cubic, nonbonded, pair_term, placed

BOX = cubic(11.0)
SYSTEM = System((component("dumbbell", "AB", [15.0, 25.0], 12),))
NOTHING = nonbonded(pair_term(("A", "A"), lambda r: 0 * r, 0.01, 4.5))
PRIOR = ForceField(SYSTEM, (potential(),), NOTHING)
TRUE = nonbonded(
    pair_term(("A", "B"), lambda r: 30 * torch.exp(-r), 0.5, 4.5),
    pair_term(("B", "B"), lambda r: -10 * torch.exp(-(r - 3).square()), 0.5, 4.5),
    excluded_bonds=0,
)
SETTINGS = NeuralSettings(
    neural_cutoff=4.5, features=8, moments=2, interactions=1, batch=128, epochs=2, rank=1
)


def liquid(n_frames: int = 60, scale: float = 1.0) -> StoredTrajectory:
    """Frames whose forces are those of pair energies that the prior has not."""
    random = torch.Generator().manual_seed(3)
    frames = torch.cat([placed(PRIOR, BOX, seed) for seed in range(n_frames)])
    frames = frames + 0.5 * torch.randn(frames.shape, generator=random, dtype=torch.float64)
    forces = replace(PRIOR, nonbonded=TRUE).forces(frames, BOX)
    times = torch.arange(n_frames).double()
    return StoredTrajectory(Chunk(frames, times, BOX.expand(n_frames, 3, 3), scale * forces))


def noisy(n_frames: int = 40) -> StoredTrajectory:
    """Frames whose forces nothing can explain."""
    chunk = liquid(n_frames).chunk
    random = torch.Generator().manual_seed(4)
    forces = torch.randn(chunk.positions.shape, generator=random, dtype=torch.float64)
    return StoredTrajectory(replace(chunk, forces=forces))


def last(progress: Iterator[Progress]) -> Progress:
    *_, end = progress
    return end


def finished(
    beads: StoredTrajectory, settings: NeuralSettings, prior: ForceField = PRIOR
) -> tuple[NeuralPotential, tuple[str, ...], TrainingState]:
    state = last(train(beads, prior, settings)).state
    return *trained(beads, prior, settings, state), state


def tensors(record: Any) -> list[Tensor]:
    """All tensors of a record, in order."""
    if isinstance(record, Tensor):
        return [record]
    if isinstance(record, dict):
        return [each for name in sorted(record) for each in tensors(record[name])]
    if isinstance(record, tuple):
        return [each for part in record for each in tensors(part)]
    if is_dataclass(record):
        return [each for f in fields(record) for each in tensors(getattr(record, f.name))]
    return [torch.tensor(float(record))] if isinstance(record, int | float) else []


def assert_same(one: Any, other: Any) -> None:
    pairs = list(zip(tensors(one), tensors(other), strict=True))
    assert pairs and all(torch.equal(a, b) for a, b in pairs)


def test_what_the_prior_leaves_is_learned() -> None:
    settings = replace(SETTINGS, epochs=15, learning_rate=1e-2)
    neural, told, state = finished(liquid(), settings)
    by_name = {channel.name: channel for channel in neural.channels}
    assert list(by_name) == ["all", "prior"]
    assert by_name["prior"].r_squared == pytest.approx(0.0, abs=1e-6)
    assert by_name["all"].r_squared > 0.9
    assert 0 < by_name["all"].r_squared_error < 0.05
    assert not [sentence for sentence in told if "gains nothing" in sentence]
    assert neural.n_frames == 48 and neural.spread is None and neural.type_names == ("A", "B")
    # The weights are those that did best on the frames held out.
    lesson, (history,) = lesson_of(liquid(), PRIOR, 4.5), neural.histories
    assert 1 - by_name["all"].r_squared == pytest.approx(
        float(history.validation_loss.min()) / lesson.variance, rel=1e-4
    )
    assert len(history.learning_rate) == state.members[0].epoch


def test_a_network_in_a_vacuum_sees_how_bonds_and_angles_of_a_molecule_hang_together() -> None:
    system = System((component("chain", "ABBA", [15.0, 30.0, 22.0, 15.0], 4),))
    prior = ForceField(system, (chain(),), None)
    positions = structures(4 * 100, seed=2).reshape(100, 16, 3)
    moved = positions.clone().requires_grad_()
    ends = moved.unflatten(1, (4, 4))
    energy = 3.0 * ((ends[:, :, 3] - ends[:, :, 0]).norm(dim=-1) - 8.0).square().sum()
    (slope,) = torch.autograd.grad(energy, moved)
    forces = prior.forces(positions, None) - slope
    beads = StoredTrajectory(Chunk(positions, torch.arange(100).double(), None, forces))
    settings = replace(SETTINGS, neural_cutoff=14.0, epochs=15, learning_rate=1e-2)
    neural, told, _ = finished(beads, settings, prior)
    explained, before = (channel.r_squared for channel in neural.channels)
    assert 1 - explained < 0.1 * (1 - before), told


@pytest.mark.parametrize("memory", [2**30, 2**15], ids=["held", "streamed"])
def test_training_goes_on_from_any_batch_to_the_same_last_bit(
    memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "lesson_of", partial(lesson_of, memory=memory))
    settings, beads = replace(SETTINGS, ensemble=2), liquid(40)
    steps = [deepcopy(step) for step in train(beads, PRIOR, settings)]
    per_epoch = steps[0].n_batches
    assert len(steps) == 4 * per_epoch
    # In the first epoch, at its end, in the next one, between the networks, in the second one.
    for stop in (0, per_epoch - 1, per_epoch + 1, 2 * per_epoch - 1, 3 * per_epoch + 1):
        rest = list(train(beads, PRIOR, settings, resumed=steps[stop].state))
        assert len(rest) == len(steps) - stop - 1
        assert_same(rest[-1].state, steps[-1].state)
        assert [step.loss for step in rest] == [step.loss for step in steps[stop + 1 :]]
    assert not list(train(beads, PRIOR, settings, resumed=steps[-1].state))


def test_progress_says_what_was_done_last() -> None:
    settings, beads = replace(SETTINGS, ensemble=2), liquid(40)
    steps = list(train(beads, PRIOR, settings))
    n = steps[0].n_batches
    where = [(step.member, step.epoch, step.batch) for step in steps]
    assert where == [(m, e, b) for m in range(2) for e in range(2) for b in range(n)]
    assert [step.validation is None for step in steps] == 2 * ([True] * (n - 1) + [False] * (n + 1))
    assert all(step.prior == pytest.approx(1.0, abs=1e-6) for step in steps)
    assert [len(step.state.members) for step in steps] == [1] * 2 * n + [2] * 2 * n
    first, second = steps[-1].state.members
    assert not torch.equal(first.best["embedding"], second.best["embedding"])
    assert first.weights.keys() == first.first_moments.keys() == first.best.keys()


def test_training_does_not_depend_on_the_unit_of_force() -> None:
    """All is multiplied by a power of 2, so that not one bit may change."""
    plain = last(train(liquid(20), PRIOR, SETTINGS)).state.members[0]
    scaled = last(train(liquid(20, scale=1024.0), PRIOR, SETTINGS)).state.members[0]
    assert float(scaled.weights["unit"]) == 1024 * float(plain.weights["unit"])
    for name in plain.weights.keys() - {"unit"}:
        assert torch.equal(scaled.weights[name], plain.weights[name]), name
        assert torch.equal(scaled.best[name], plain.best[name]), name


def test_a_network_that_gains_nothing_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "_SETTLED", 0)
    settings = replace(SETTINGS, epochs=30, patience=1, learning_rate=1e-2)
    neural, told, state = finished(noisy(), settings)
    assert any("gains nothing" in sentence for sentence in told)
    # Without progress the learning rate is halved until training ends, long before its limit.
    rates = neural.histories[0].learning_rate
    assert state.members[0].finished and len(rates) < 30
    assert (rates.diff() <= 0).all() and float(rates[-1]) == settings.learning_rate / 2**4


def test_a_lone_bead_that_nothing_passes_messages_to_gains_nothing() -> None:
    lone = ForceField(System((component("A", "A", [40.0], 1),)), (potential(),), None)
    positions = torch.randn(40, 1, 3, generator=torch.Generator().manual_seed(0)).double()
    beads = StoredTrajectory(Chunk(positions, torch.arange(40).double(), None, 0 * positions))
    _, told, _ = finished(beads, SETTINGS, lone)
    assert any("gains nothing" in sentence for sentence in told)


def test_noise_that_is_learned_by_heart_is_told_of() -> None:
    settings = replace(SETTINGS, epochs=60, patience=60, learning_rate=1e-2, features=16)
    beads = liquid(10)
    random = torch.Generator().manual_seed(1)
    assert beads.chunk.forces is not None
    noise = torch.randn(beads.chunk.positions.shape, generator=random, dtype=torch.float64)
    beads.chunk.forces.add_(10 * noise)
    _, told, _ = finished(beads, settings)
    assert any("rose after epoch" in sentence for sentence in told), told
    assert any("few frames" in sentence for sentence in told)


def test_a_training_stopped_early_is_told_of() -> None:
    steps = list(train(liquid(20), PRIOR, SETTINGS))
    _, told = trained(liquid(20), PRIOR, SETTINGS, steps[-1].state)
    assert any("still improving after 2 epochs" in sentence for sentence in told)
    going = train(liquid(20), PRIOR, replace(SETTINGS, epochs=9))
    begun = next(going).state
    with pytest.raises(SettingError, match="first epoch"):
        trained(liquid(20), PRIOR, SETTINGS, begun)
    while not (state := next(going).state).members[0].best:
        pass
    _, told = trained(liquid(20), PRIOR, SETTINGS, state)
    assert any("was stopped after 1 epochs" in sentence for sentence in told)


def test_networks_of_an_ensemble_differ_and_say_by_how_much() -> None:
    neural, _, _ = finished(liquid(20), replace(SETTINGS, ensemble=2))
    assert neural.spread is not None and neural.spread_high is not None
    assert 0 < neural.spread < neural.spread_high
    chunk = liquid(20).chunk
    one, two = (
        ForceField(SYSTEM, (potential(),), TRUE, replace(neural, networks=(network,)))
        for network in neural.networks
    )
    frames = chunk.positions[torch.isin(torch.arange(20) * 10 // 20, torch.tensor([4, 9]))]
    apart = (one.forces(frames, BOX) - two.forces(frames, BOX)).square() / 2
    assert neural.spread == pytest.approx(float(apart.mean().sqrt()), rel=1e-4)
    highest = apart.mean(-1).sqrt().flatten().sort().values
    assert float(highest[-2]) <= neural.spread_high * 1.0001
    assert neural.spread_high <= float(highest[-1]) * 1.0001


def test_forces_that_are_not_finite_stop_the_training() -> None:
    beads = liquid(20)
    assert beads.chunk.forces is not None
    beads.chunk.forces[3, 1, 0] = torch.nan
    with pytest.raises(DivergenceError, match="network 1, epoch 1"):
        list(train(beads, PRIOR, SETTINGS))


def test_adam_steps_are_those_of_its_algorithm() -> None:
    random = torch.Generator().manual_seed(0)
    gradients = torch.randn(15, 50, generator=random, dtype=torch.float64)
    weights = torch.randn(50, generator=random, dtype=torch.float64)
    ours = (weights.clone(), torch.zeros(50).double(), torch.zeros(50).double())
    for step, gradient in enumerate(gradients, start=1):
        adam_step(ours, gradient, step, 0.01)
        past = gradients[:step]
        age = torch.arange(step - 1, -1, -1).double()[:, None]
        mean = (0.9**age * past).sum(0) / (0.9**age).sum(0)
        square = (0.999**age * past.square()).sum(0) / (0.999**age).sum(0)
        weights = weights - 0.01 * mean / (square.sqrt() + 1e-8)
    torch.testing.assert_close(ours[0], weights, rtol=1e-10, atol=1e-12)


def test_a_gradient_longer_than_usual_is_cut_whatever_its_unit() -> None:
    random = torch.Generator().manual_seed(0)
    for unit in (1e-6, 1.0, 1e6):
        vectors = (torch.zeros(50), torch.zeros(50), torch.zeros(50))
        for step in range(1, 41):
            adam_step(vectors, unit * torch.randn(50, generator=random), step, 0.01)
        before = vectors[1].clone()
        adam_step(vectors, 1000 * unit * torch.ones(50), 41, 0.01)
        added = (vectors[1] - 0.9 * before) / 0.1
        assert float(added.norm()) < 4 * 50**0.5 * unit


def in_threads(beads: StoredTrajectory, settings: NeuralSettings, size: int) -> list[Progress]:
    """The last progress of processes that are threads here."""
    barrier, given, ends = Barrier(size), [torch.zeros(0)] * size, {}

    def work(rank: int) -> None:
        def total(values: Tensor) -> Tensor:
            given[rank] = values
            barrier.wait()
            found = torch.stack(list(given)).sum(0)
            barrier.wait()
            return found

        ends[rank] = last(train(beads, PRIOR, settings, group=Group(rank, size, total)))

    threads = [Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [ends[rank] for rank in range(size)]


@pytest.mark.parametrize("size", [2, 7])
def test_processes_that_share_batches_train_the_network_that_one_would(size: int) -> None:
    """Seven are more than the frames of a batch."""
    alone = last(train(liquid(20), PRIOR, SETTINGS))
    together = in_threads(liquid(20), SETTINGS, size)
    for end in together:
        assert_same(end.state, together[0].state)
        assert end.loss == pytest.approx(alone.loss, rel=1e-4)
        assert end.validation == pytest.approx(alone.validation, rel=1e-4)
    weights, expected = (end.state.members[0].weights for end in (together[0], alone))
    for name, values in weights.items():
        torch.testing.assert_close(values, expected[name], rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_trains_the_network_that_a_cpu_would() -> None:
    alone = last(train(liquid(20), PRIOR, SETTINGS))
    there = last(train(liquid(20), PRIOR, SETTINGS, device="cuda"))
    assert there.loss == pytest.approx(alone.loss, rel=1e-3)
    neural, _ = trained(liquid(20), PRIOR, SETTINGS, there.state, device="cuda")
    expected, _ = trained(liquid(20), PRIOR, SETTINGS, alone.state)
    assert neural.networks[0].embedding.device.type == "cpu"
    assert neural.channels[0].r_squared == pytest.approx(expected.channels[0].r_squared, abs=1e-3)


@pytest.mark.slow
def test_two_processes_of_torchrun_train_the_network_that_one_would(tmp_path: Path) -> None:
    program = tmp_path / "together.py"
    program.write_text(
        "import sys, torch\n"
        f"sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[2])]!r}\n"
        "from test_training import *\n"
        "from autograin_cli.potential.neural.parallel import joined_processes\n"
        "torch.distributed.init_process_group('gloo')\n"
        "group = joined_processes()\n"
        "end = last(train(liquid(20), PRIOR, SETTINGS, group=group))\n"
        "if group.rank == 0:\n"
        "    torch.save((end.loss, end.state.members[0].weights), sys.argv[1])\n"
        "torch.distributed.destroy_process_group()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, str(program), str(tmp_path / "end.pt")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    loss, weights = torch.load(tmp_path / "end.pt")
    alone = last(train(liquid(20), PRIOR, SETTINGS))
    assert loss == pytest.approx(alone.loss, rel=1e-4)
    for name, values in alone.state.members[0].weights.items():
        torch.testing.assert_close(weights[name], values, rtol=1e-3, atol=1e-4)
