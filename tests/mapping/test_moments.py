"""Moments are sums over frames and copies; one pass over a trajectory gives them all."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.mapping.moments import moments, survey, surveys
from autograin_cli.trajectory import Chunk, DerivedTrajectory, StoredTrajectory, take_frames
from systems import alkane, springs


@pytest.fixture
def chunk() -> Chunk:
    """Two copies of ethane, interleaved atom by atom, 50 frames."""
    system = springs(alkane(2).bonds, 8, seed=1)
    positions = system.draw(100, seed=2).reshape(50, 2, 8, 3).transpose(1, 2).reshape(50, 16, 3)
    return Chunk(positions, torch.arange(50, dtype=torch.float64), forces=-positions)


def _copies() -> Tensor:
    return torch.arange(16).reshape(8, 2).T


def test_moments_do_not_see_translations_or_rotations(chunk: Chunk) -> None:
    positions = chunk.positions[:, :8]
    turn = torch.linalg.qr(
        torch.randn(3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    ).Q
    torch.testing.assert_close(
        moments(positions @ turn + 1e3).gram, moments(positions).gram, rtol=1e-9, atol=1e-9
    )


def test_moments_of_parts_add_up(chunk: Chunk) -> None:
    whole = moments(chunk.positions, -chunk.positions)
    parts = [moments(part, -part) for part in chunk.positions.split([20, 30])]
    added = parts[0] + parts[1]
    assert added.count == whole.count == 50
    torch.testing.assert_close(added.positions, whole.positions, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(added.forces, whole.forces, rtol=1e-12, atol=1e-12)


@dataclass(frozen=True)
class InPieces(StoredTrajectory):
    """The same frames, seven at a time."""

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        for rows in torch.arange(first, self.n_frames).split(7):
            yield take_frames(self.chunk, rows)


def test_a_survey_sums_copies_in_blocks_whatever_the_chunks(chunk: Chunk) -> None:
    ethane = replace(alkane(2), copies=_copies())
    seen = survey(StoredTrajectory(chunk), ethane, 4)
    pieces = survey(InPieces(chunk), ethane, 4)
    assert [block.count for block in seen.blocks] == [26, 24, 26, 24]
    for block, piece in zip(seen.blocks, pieces.blocks, strict=True):
        torch.testing.assert_close(block.positions, piece.positions, rtol=1e-12, atol=1e-12)
    molecules = chunk.positions[:, _copies()].flatten(0, 1)
    torch.testing.assert_close(seen.total.gram, moments(molecules).gram, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(seen.structures, pieces.structures)


def test_a_position_that_is_not_finite_stops_the_survey(chunk: Chunk) -> None:
    spoilt = chunk.positions.clone()
    spoilt[7, 3, 1] = float("nan")
    with pytest.raises(DivergenceError, match="not finite"):
        survey(StoredTrajectory(Chunk(spoilt, chunk.times)), alkane(2), 2)


def test_a_trajectory_of_too_few_atoms_is_refused(chunk: Chunk) -> None:
    short = DerivedTrajectory(
        StoredTrajectory(chunk), lambda c: Chunk(c.positions[:, :5], c.times), 5, False
    )
    with pytest.raises(InputError, match="5 atoms"):
        survey(short, alkane(2), 2)


@dataclass(frozen=True)
class Counted(InPieces):
    """A trajectory that remembers how often it is read."""

    passes: list[int] = field(default_factory=list)

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        self.passes.append(1)
        return super().chunks(first)


def test_all_types_of_molecules_are_surveyed_in_one_pass(chunk: Chunk) -> None:
    ethane = replace(alkane(2), copies=_copies()[:1])
    methyl = replace(alkane(1), copies=torch.tensor([[1, 3, 5, 7, 9], [0, 2, 4, 6, 8]]))
    trajectory = Counted(chunk)
    both = surveys(trajectory, [ethane, methyl], 3)
    assert len(trajectory.passes) == 1
    for molecule, seen in zip((ethane, methyl), both, strict=True):
        alone = survey(StoredTrajectory(chunk), molecule, 3)
        assert seen.total.count == alone.total.count == 50 * molecule.n_copies
        torch.testing.assert_close(seen.total.gram, alone.total.gram, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(seen.total.forces, alone.total.forces, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(seen.structures, alone.structures)


def test_few_frames_of_many_copies_give_many_structures(chunk: Chunk) -> None:
    few = take_frames(chunk, torch.arange(3))
    seen = survey(StoredTrajectory(few), replace(alkane(2), copies=_copies()), 8)
    assert len(seen.blocks) == 3
    assert len(seen.structures) == 6
    assert torch.equal(seen.structures[1], few.positions[0, _copies()[1]])
