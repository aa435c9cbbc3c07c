from dataclasses import replace

import pytest
import torch

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.potential.survey import survey
from autograin_cli.potential.topology import bonded_terms
from autograin_cli.trajectory import Chunk, StoredTrajectory
from chains import Chain

CHAIN = Chain(3)
MEMBERS = bonded_terms(CHAIN.bonds, CHAIN.types)


def test_ranges_are_those_of_all_instances_in_all_frames() -> None:
    trajectory = CHAIN.trajectory(500, seed=1)
    seen = survey(trajectory, MEMBERS, 3, 10)
    r = trajectory.chunk.positions.diff(dim=1).norm(dim=-1)
    assert torch.allclose(seen.ranges[:2, 0], r.amin(0), rtol=1e-14)
    assert torch.allclose(seen.ranges[:2, 1], r.amax(0), rtol=1e-14)
    assert seen.ranges.shape == (3, 2)


@pytest.mark.parametrize(("n_frames", "kept"), [(20, 20), (12_000, 5000)])
def test_structures_are_spread_evenly_over_the_trajectory(n_frames: int, kept: int) -> None:
    times = torch.arange(n_frames).double()
    positions = times[:, None, None].expand(n_frames, 3, 3).contiguous()
    whole = StoredTrajectory(Chunk(positions, times, None, positions))
    sample = survey(whole, (), 3, 10).sample
    frames = sample.positions[:, 0, 0]
    assert len(frames) == kept
    assert frames.diff().min() >= n_frames // kept
    assert frames.diff().max() <= -(-n_frames // kept)
    assert torch.equal(sample.blocks, (frames * 10 / n_frames).long())
    assert torch.equal(sample.forces, sample.positions)


def test_copies_in_a_frame_share_its_block() -> None:
    frames = torch.arange(24).double().reshape(4, 6, 1).expand(4, 6, 3).contiguous()
    trajectory = StoredTrajectory(Chunk(frames, torch.arange(4).double(), None, frames))
    seen = survey(trajectory, (), 3, 2)
    assert seen.n_copies == 2
    assert seen.sample.blocks.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert torch.equal(seen.sample.positions.flatten(0, 1), frames.flatten(0, 1))


def test_there_are_no_more_blocks_than_frames() -> None:
    assert survey(CHAIN.trajectory(4, seed=1), MEMBERS, 3, 10).n_blocks == 4


@pytest.mark.parametrize("where", ["positions", "forces"])
def test_a_number_that_is_not_finite_stops_with_its_frame(where: str) -> None:
    chunk = CHAIN.trajectory(10, seed=1).chunk
    broken = getattr(chunk, where).clone()
    broken[7, 1, 2] = torch.nan
    with pytest.raises(DivergenceError, match="frame 7"):
        survey(StoredTrajectory(replace(chunk, **{where: broken})), MEMBERS, 3, 5)


def test_what_cannot_be_fitted_is_refused() -> None:
    chunk = CHAIN.trajectory(4, seed=1).chunk
    with pytest.raises(InputError, match="without forces"):
        survey(StoredTrajectory(replace(chunk, forces=None)), MEMBERS, 3, 2)
    with pytest.raises(InputError, match="1 frames"):
        survey(CHAIN.trajectory(1, seed=1), MEMBERS, 3, 2)
    with pytest.raises(InputError, match="3 beads for a molecule of 2"):
        survey(StoredTrajectory(chunk), MEMBERS, 2, 2)
