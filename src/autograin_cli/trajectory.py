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


@dataclass(frozen=True)
class PassState:
    """How far a pass over a trajectory is, or work in steps.

    n_frames: frames that were added up, or steps that were taken.
    sums: of the frames, or what the steps have made so far, by name.
    """

    n_frames: int
    sums: dict[str, Tensor]


class Keeper(Protocol):
    """Keeps how far the passes over a trajectory are, so that work can be stopped and resumed.

    Passes are told apart by their order, so the same work has to make the same passes. Work in
    steps, such as a search, is kept as a pass is: see `steps.take_steps`.
    """

    def begun(self) -> PassState | None:
        """Begin the next pass; give how far it was when it was left, None where it begins."""

    def passed(self, n_frames: int, sums: Callable[[], dict[str, Tensor]]) -> None:
        """Learn how far the pass is; called after every chunk or step. It may end the work here.

        Args:
            n_frames: frames that were added up, or steps that were taken.
            sums: gives those of these frames, until the next chunk is added.
        """

    def ended(self, n_frames: int, sums: Callable[[], dict[str, Tensor]]) -> None:
        """Learn that the pass has ended."""


class Trajectory(Protocol):
    """Frames that can be read again and again, a chunk at a time.

    The chunks from the first frame on together hold `n_frames` frames; forces are in all of them
    or in none, as `has_forces` says.
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

    @property
    def keeper(self) -> Keeper | None:
        """What keeps how far passes are; None where nothing does."""

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """Yield the frames in order, from the chunk on that holds a frame."""


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

    @property
    def keeper(self) -> None:
        """Nothing is kept: it is read in no time."""
        return

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """Yield the one chunk."""
        if first < self.n_frames:
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

    @property
    def keeper(self) -> Keeper | None:
        """That of the source."""
        return self.source.keeper

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """Yield the derived chunks."""
        for chunk in self.source.chunks(first):
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
