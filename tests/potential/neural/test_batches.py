"""Frames to train on: what the prior leaves, which are held out, and in which order they come."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import torch

from autograin_cli.errors import InputError, SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.frame_forces import classical_forces
from autograin_cli.potential.neural.batches import (
    Examples,
    frames_of_batch,
    graph_of_frames,
    lesson_of,
    seeded,
)
from autograin_cli.trajectory import Chunk, Keeper, StoredTrajectory, take_frames
from tabulated_liquids import isolated_chain, mixture, placed, triclinic

N_FRAMES, SIZE = 43, 4


def chunk(force_field: ForceField, edge: float | None, n_frames: int = N_FRAMES) -> Chunk:
    """Frames of a box that varies, or in vacuum; forces without a meaning."""
    random = torch.Generator().manual_seed(0)
    edges = 19.0 + 0.05 * torch.arange(n_frames)
    boxes = torch.stack([triclinic(float(e) if edge is None else edge) for e in edges])
    frames = [placed(force_field, box, seed)[0] for seed, box in enumerate(boxes)]
    positions = torch.stack(frames)
    positions = positions + 0.2 * torch.randn(positions.shape, generator=random).double()
    forces = torch.randn(positions.shape, generator=random, dtype=torch.float64)
    return Chunk(positions, torch.arange(n_frames).double(), boxes, forces)


@dataclass(frozen=True)
class Pieces:
    """A trajectory in chunks of uneven length."""

    whole: Chunk

    @property
    def n_frames(self) -> int:
        return self.whole.n_frames

    @property
    def n_atoms(self) -> int:
        return self.whole.positions.shape[1]

    @property
    def has_forces(self) -> bool:
        return self.whole.forces is not None

    @property
    def keeper(self) -> Keeper | None:
        return None

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        for rows in torch.arange(self.n_frames).split([1, 10, 5, 20, 7]):
            if int(rows[0]) >= first:
                yield take_frames(self.whole, rows)


@pytest.fixture(scope="module")
def liquid() -> Chunk:
    return chunk(mixture(), None)


@pytest.mark.parametrize("periodic", [True, False])
def test_classical_forces_at_linear_cost_are_those_of_every_pair(
    liquid: Chunk, *, periodic: bool
) -> None:
    force_field = mixture() if periodic else isolated_chain()
    frames = take_frames(liquid, torch.arange(3))
    if not periodic:
        random = torch.Generator().manual_seed(1)
        shaken = 0.3 * torch.randn(3, 4, 3, generator=random, dtype=torch.float64)
        frames = Chunk(frames.positions[:, :4] + shaken, frames.times)
    boxes = [None] * 3 if frames.boxes is None else frames.boxes
    plain = [
        force_field.forces(positions[None], box)[0]
        for positions, box in zip(frames.positions, boxes, strict=True)
    ]
    found = classical_forces(force_field, frames)
    torch.testing.assert_close(found, torch.stack(plain), rtol=1e-10, atol=1e-9)


def test_beads_nearer_than_a_table_feel_its_wall() -> None:
    force_field = mixture()
    positions = placed(force_field, triclinic(19.0))
    positions[0, -1] = positions[0, -2] + torch.tensor([1.0, 0.5, 0.0]).double()
    frame = Chunk(positions, torch.zeros(1).double(), triclinic(19.0)[None])
    expected = force_field.forces(positions, triclinic(19.0))
    torch.testing.assert_close(classical_forces(force_field, frame), expected, rtol=1e-9, atol=1e-8)


def test_residuals_are_what_the_prior_leaves_of_the_forces(liquid: Chunk) -> None:
    lesson = lesson_of(Pieces(liquid), mixture(), 5.0)
    residuals = torch.empty(N_FRAMES, *liquid.positions.shape[1:])
    for examples in (lesson.training, lesson.held_out):
        (frames,) = examples.windows()
        residuals[examples.wanted] = frames.residuals
    assert liquid.forces is not None
    expected = liquid.forces - classical_forces(mixture(), liquid)
    torch.testing.assert_close(residuals.double(), expected, rtol=1e-5, atol=1e-4)
    held_out = lesson.held_out.wanted
    assert lesson.prior_loss == pytest.approx(float(expected[held_out].square().mean()), rel=1e-5)
    assert lesson.variance == pytest.approx(float(liquid.forces[held_out].square().mean()))
    scale = expected[~held_out].square().mean().sqrt()
    assert lesson.scales.force == pytest.approx(float(scale), rel=1e-5)


def test_two_blocks_of_ten_in_time_are_held_out(liquid: Chunk) -> None:
    lesson = lesson_of(StoredTrajectory(liquid), mixture(), 5.0)
    blocks = torch.arange(N_FRAMES) * 10 // N_FRAMES
    assert blocks[lesson.held_out.wanted].unique().tolist() == [4, 9]
    assert torch.equal(lesson.training.wanted, ~lesson.held_out.wanted)


def order(examples: Examples, *seeds: int, first: int = 0) -> list[list[float]]:
    """Frames of the batches, told by what sets them apart."""
    batches = examples.shuffled(SIZE, seeded(*seeds), first)
    return [batch.squares.tolist() for batch in batches]


@pytest.mark.parametrize("memory", [2**30, 2**16], ids=["held", "streamed"])
def test_an_epoch_shows_every_frame_once_in_an_order_of_its_seed(
    liquid: Chunk, memory: int
) -> None:
    examples = lesson_of(Pieces(liquid), mixture(), 5.0, memory).training
    assert (examples.held is None) == (memory == 2**16)
    batches = order(examples, 1)
    assert liquid.forces is not None
    squares = liquid.forces.square().sum((1, 2))[examples.wanted]
    assert sorted(value for batch in batches for value in batch) == squares.sort().values.tolist()
    assert max(len(batch) for batch in batches) <= SIZE
    assert len(batches) == examples.n_batches(SIZE)
    assert order(examples, 1) == batches
    assert order(examples, 2) != batches
    assert order(examples, 1, first=3) == batches[3:]
    assert batches != [batch.squares.tolist() for batch in examples.in_order(SIZE)]


def test_what_does_not_fit_into_memory_is_read_in_windows(liquid: Chunk) -> None:
    everything = lesson_of(Pieces(liquid), mixture(), 5.0)
    streamed = lesson_of(Pieces(liquid), mixture(), 5.0, memory=2**16)
    (whole,) = everything.training.windows()
    windows = list(streamed.training.windows())
    assert len(windows) > 2
    assert {window.n_frames for window in windows[:-1]} == {streamed.training.window}
    assert torch.equal(torch.cat([w.residuals for w in windows]), whole.residuals)
    assert replace(streamed.scales) == everything.scales
    size = sum(each.numel() * each.element_size() for each in (whole.positions, whole.residuals))
    assert streamed.training.window / len(whole.positions) * size <= 2**15


def test_copies_in_a_vacuum_pass_no_messages() -> None:
    system = isolated_chain().system.with_copies([5])
    prior = ForceField(system, isolated_chain().potentials, None)
    random = torch.Generator().manual_seed(1)
    positions = torch.randn(20, 20, 3, generator=random, dtype=torch.float64)
    beads = StoredTrajectory(Chunk(positions, torch.arange(20).double(), None, positions))
    lesson = lesson_of(beads, prior, 20.0)
    (frames,) = lesson.training.windows()
    graph = graph_of_frames(frames, system, 20.0)
    assert len(graph.first) == graph.n_inside == frames.n_frames * 5 * 6
    assert lesson.scales.neighbours == (3.0, 0.0)


def test_a_box_without_pair_terms_is_a_vacuum(liquid: Chunk) -> None:
    prior = replace(mixture(), nonbonded=None)
    (frames,) = lesson_of(StoredTrajectory(liquid), prior, 5.0).training.windows()
    assert frames.boxes is None


def test_too_few_frames_no_forces_and_too_small_boxes_are_refused(liquid: Chunk) -> None:
    few = StoredTrajectory(take_frames(liquid, torch.arange(9)))
    with pytest.raises(InputError, match="9 frames"):
        lesson_of(few, mixture(), 5.0)
    with pytest.raises(InputError, match="without forces"):
        lesson_of(StoredTrajectory(replace(liquid, forces=None)), mixture(), 5.0)
    with pytest.raises(SettingError, match="--neural-cutoff 9"):
        lesson_of(StoredTrajectory(liquid), mixture(), 9.0)


@pytest.mark.parametrize(
    ("batch", "n_beads", "n_frames", "expected"),
    [
        (None, 128, 1600, 8),  # a liquid: 1024 beads
        (None, 3, 2400, 80),  # one molecule: thirty steps an epoch
        (None, 3, 100, 21),  # few frames: 64 beads
        (None, 5000, 50, 1),
        (300, 128, 1600, 2),
        (1, 128, 1600, 1),
    ],
)
def test_batches_are_whole_frames(
    batch: int | None, n_beads: int, n_frames: int, expected: int
) -> None:
    assert frames_of_batch(batch, n_beads, n_frames) == expected
