"""Ideal gases of molecules in periodic boxes, and trajectories in pieces."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from autograin_cli.system import Component, System
from autograin_cli.trajectory import Chunk, Keeper, StoredTrajectory, take_frames


@dataclass(frozen=True)
class ChunkedTrajectory:
    """The frames of one chunk in pieces of a few."""

    chunk: Chunk
    n_in_chunk: int
    has_forces: bool = False

    @property
    def n_frames(self) -> int:
        return self.chunk.n_frames

    @property
    def n_atoms(self) -> int:
        return self.chunk.positions.shape[1]

    @property
    def keeper(self) -> Keeper | None:
        return None

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        for begin in range(first, self.n_frames, self.n_in_chunk):
            last = min(begin + self.n_in_chunk, self.n_frames)
            yield take_frames(self.chunk, torch.arange(begin, last))


def chains(types: str, n_copies: int, name: str = "chain") -> Component:
    """Copies of a molecule of beads in a row, one letter for the type of each."""
    bonds = torch.tensor(list(pairwise(range(len(types)))), dtype=torch.int64).reshape(-1, 2)
    return Component(name, tuple(types), bonds, None, n_copies)


def system_of(types: str, n_copies: int) -> System:
    """Copies of one molecule of beads in a row."""
    return System((chains(types, n_copies),))


def cube(edge: float) -> Tensor:
    """A cubic box, Å, (3, 3)."""
    return edge * torch.eye(3, dtype=torch.float64)


def ideal_gas(
    system: System, n_frames: int, box: Tensor, seed: int, length: float = 0.0, replicas: int = 1
) -> StoredTrajectory:
    """Molecules anywhere in a box, or in a box for each frame; beads in a row `length` Å apart.

    Frames are independent. Molecules are whole and begin inside the box.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (n_frames, replicas, system.n_molecules, 3)
    boxes = box.expand(n_frames, 3, 3)
    centres = torch.rand(shape, generator=generator, dtype=torch.float64)
    centres = (centres.flatten(1, 2) @ boxes).reshape(shape)
    directions = torch.randn(shape, generator=generator, dtype=torch.float64)
    directions = length * directions / directions.norm(dim=-1, keepdim=True)
    counts = [part.n_beads for part in system.components for _ in range(part.n_copies)]
    number = torch.cat([torch.arange(n) for n in counts])
    beads = centres[:, :, system.molecules] + directions[:, :, system.molecules] * number[:, None]
    times = torch.arange(n_frames, dtype=torch.float64)
    return StoredTrajectory(Chunk(beads.flatten(1, 2), times, boxes))
