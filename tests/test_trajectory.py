"""Trajectories: chunks joined, frames taken, beads derived from atoms."""

import torch

from autograin_cli.trajectory import (
    Chunk,
    DerivedTrajectory,
    StoredTrajectory,
    gather,
    join,
    take_frames,
)


def _chunk(n_frames: int) -> Chunk:
    positions = torch.arange(n_frames * 6, dtype=torch.float64).reshape(n_frames, 2, 3)
    return Chunk(positions, torch.arange(n_frames, dtype=torch.float64), forces=-positions)


def test_taking_all_frames_in_parts_and_joining_gives_the_chunk_back() -> None:
    whole = _chunk(7)
    parts = [take_frames(whole, rows) for rows in torch.arange(7).split(3)]
    joined = join(parts)
    assert joined.forces is not None
    assert torch.equal(joined.positions, whole.positions)
    assert torch.equal(joined.forces, -whole.positions)
    assert joined.boxes is None


def test_gathered_frames_are_spread_from_first_to_last() -> None:
    gathered = gather(StoredTrajectory(_chunk(101)), 5)
    assert gathered.times.tolist() == [0, 25, 50, 75, 100]


def test_more_frames_than_there_are_gather_all() -> None:
    assert gather(StoredTrajectory(_chunk(4)), 10).n_frames == 4


def test_a_derived_trajectory_can_be_read_twice() -> None:
    beads = DerivedTrajectory(
        StoredTrajectory(_chunk(5)),
        lambda chunk: Chunk(chunk.positions.mean(1, keepdim=True), chunk.times),
        n_atoms=1,
        has_forces=False,
    )
    first, again = join(list(beads.chunks())), join(list(beads.chunks()))
    assert beads.n_frames == 5 and first.positions.shape == (5, 1, 3)
    assert torch.equal(first.positions, again.positions)
