"""Trajectory: frames in chunks, of atoms and of beads alike; what it must satisfy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Chunk:
    """Consecutive frames of a trajectory; every array is float64.

    positions: Å, (frames, atoms, 3).
    times: ps, (frames,).
    boxes: Å, (frames, 3, 3), rows are the box vectors; None in vacuum.
    forces: kJ/(mol Å), (frames, atoms, 3); None where there are none.
    """

    positions: Tensor
    times: Tensor
    boxes: Tensor | None = None
    forces: Tensor | None = None

    @property
    def n_frames(self) -> int:
        """Number of frames in the chunk."""
        return self.positions.shape[0]


class Trajectory(Protocol):
    """Frames that can be read again and again, a chunk at a time.

    Every call of `chunks` starts from the first frame. The chunks together hold `n_frames`
    frames; forces are in all of them or in none, as `has_forces` says.
    """

    @property
    def n_frames(self) -> int:
        """Frames that `chunks` yields in all."""

    @property
    def n_atoms(self) -> int:
        """Atoms, or beads, in a frame."""

    @property
    def has_forces(self) -> bool:
        """Whether the chunks carry forces."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield the frames in order."""


@dataclass(frozen=True)
class StoredTrajectory:
    """A trajectory that lies in memory as one chunk: tests, and runs that are small."""

    chunk: Chunk

    @property
    def n_frames(self) -> int:
        """Frames in all."""
        return self.chunk.n_frames

    @property
    def n_atoms(self) -> int:
        """Atoms, or beads, in a frame."""
        return self.chunk.positions.shape[1]

    @property
    def has_forces(self) -> bool:
        """Whether there are forces."""
        return self.chunk.forces is not None

    def chunks(self) -> Iterator[Chunk]:
        """Yield the one chunk."""
        yield self.chunk


@dataclass(frozen=True)
class DerivedTrajectory:
    """A trajectory computed chunk by chunk from another one, such as beads from atoms.

    source: where the frames come from.
    derive: from a chunk of the source to a chunk of this trajectory, of as many frames.
    n_atoms: atoms, or beads, in a derived frame.
    has_forces: whether derived chunks carry forces.
    """

    source: Trajectory
    derive: Callable[[Chunk], Chunk]
    n_atoms: int
    has_forces: bool

    @property
    def n_frames(self) -> int:
        """Frames of the source."""
        return self.source.n_frames

    def chunks(self) -> Iterator[Chunk]:
        """Yield the derived chunks."""
        for chunk in self.source.chunks():
            yield self.derive(chunk)


def gather(trajectory: Trajectory, n_frames: int) -> Chunk:
    """Join at most `n_frames` frames spread evenly over a trajectory, in one pass.

    Returns:
        One chunk; memory is that of the frames kept.
    """
    keep = set(torch.linspace(0, trajectory.n_frames - 1, n_frames).round().long().tolist())
    kept: list[Chunk] = []
    first = 0
    for chunk in trajectory.chunks():
        rows = [i for i in range(chunk.n_frames) if first + i in keep]
        first += chunk.n_frames
        if rows:
            kept.append(take_frames(chunk, torch.tensor(rows)))
    return join(kept)


def take_frames(chunk: Chunk, rows: Tensor) -> Chunk:
    """Keep the frames of a chunk whose indices are `rows`, (frames,)."""
    return Chunk(
        positions=chunk.positions[rows],
        times=chunk.times[rows],
        boxes=None if chunk.boxes is None else chunk.boxes[rows],
        forces=None if chunk.forces is None else chunk.forces[rows],
    )


def join(chunks: list[Chunk]) -> Chunk:
    """Join chunks of one trajectory into one chunk."""
    boxes = [chunk.boxes for chunk in chunks if chunk.boxes is not None]
    forces = [chunk.forces for chunk in chunks if chunk.forces is not None]
    return Chunk(
        positions=torch.cat([chunk.positions for chunk in chunks]),
        times=torch.cat([chunk.times for chunk in chunks]),
        boxes=torch.cat(boxes) if boxes else None,
        forces=torch.cat(forces) if forces else None,
    )
