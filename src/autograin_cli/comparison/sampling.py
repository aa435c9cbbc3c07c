"""Blocks of a run, each resampled as a whole, and the counts of observables in them."""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from autograin_cli.comparison.observables import Observable
from autograin_cli.comparison.runs import Run
from autograin_cli.passes import State, numbered, of_number
from autograin_cli.statistics import effective_samples
from autograin_cli.trajectory import Chunk

FEWEST_BLOCKS, MOST_BLOCKS = 16, 256
CORRELATION_TIMES_IN_A_BLOCK = 10
KEPT_VALUES = 2_000_000


@dataclass(frozen=True)
class Blocks:
    """How frames and chains fall into blocks, each resampled as a whole.

    n_frames, n_chains: what is divided; a chain is what is independent of the others.
    n_groups: groups of neighbouring chains.
    n_segments: segments of the time; a block is one group in one segment.
    """

    n_frames: int
    n_chains: int
    n_groups: int
    n_segments: int

    @property
    def n_blocks(self) -> int:
        """Blocks in all."""
        return self.n_groups * self.n_segments

    def indices(self, first: int, n_frames: int) -> Tensor:
        """Block of each chain in `n_frames` frames from `first` on, (frames, chains), int64."""
        segments = torch.arange(first, first + n_frames) * self.n_segments // self.n_frames
        groups = torch.arange(self.n_chains) * self.n_groups // self.n_chains
        return groups * self.n_segments + segments[:, None]

    def joined(self, other: "Blocks") -> Tensor:
        """Block of a coarser division in which each block of this one lies, (blocks,), int64."""
        groups = torch.arange(self.n_groups) * other.n_groups // self.n_groups
        segments = torch.arange(self.n_segments) * other.n_segments // self.n_segments
        return (groups[:, None] * other.n_segments + segments).flatten()


class BlockCounts:
    """Counts of the values of every observable in every block and bin, filled chunk by chunk."""

    def __init__(
        self,
        run: Run,
        observables: tuple[Observable, ...],
        layouts: tuple[Blocks, ...],
        edges: tuple[Tensor, ...],
    ) -> None:
        """Begin with nothing.

        Args:
            run: the trajectory.
            observables: what is observed.
            layouts: blocks of each observable.
            edges: of the even bins of each observable, (bins + 1,).
        """
        self._run, self._all = run, tuple(zip(observables, layouts, edges, strict=True))
        self.counts = [
            torch.zeros(blocks.n_blocks, len(bins) - 1, dtype=torch.float64)
            for _, blocks, bins in self._all
        ]

    def add(self, first: int, chunk: Chunk) -> None:
        """Count a chunk whose first frame has this number."""
        for i, (observable, blocks, edges) in enumerate(self._all):
            values = self._run.observe(observable, chunk)
            indices = blocks.indices(first, chunk.n_frames)
            self.counts[i] += _count(values, edges, indices, blocks.n_blocks)

    def state(self) -> State:
        """Give what was added so far."""
        return numbered("counts", self.counts)

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self.counts = of_number(state, "counts")


def divide(n_frames: int, n_chains: int, effective: float) -> Blocks:
    """Choose blocks ten correlation times long, 16 of them at least and 256 at most.

    Chains are independent, so a block never joins the end of one to the start of the next;
    where there are more chains than blocks, a block is a group of whole chains.

    Args:
        n_frames, n_chains: what is divided; their product is at least 16.
        effective: effective samples over all chains.
    """
    wanted = int(min(effective / CORRELATION_TIMES_IN_A_BLOCK, MOST_BLOCKS))
    wanted = max(wanted, FEWEST_BLOCKS)
    n_groups = min(n_chains, wanted)
    n_segments = max(wanted // n_groups, ceil(FEWEST_BLOCKS / n_groups))
    return Blocks(n_frames, n_chains, n_groups, min(n_segments, n_frames))


def effective_values(observable: Observable, values: Tensor) -> float:
    """Effective samples of the mean; on a circle the fewer of the cosine's and the sine's.

    Every instance in every copy counts as a chain of its own.

    Args:
        observable: what the values are of.
        values: Å or degrees, (frames, copies, instances).
    """
    return min(effective_samples(part.flatten(1).T) for part in _linear(observable, values))


def shared_effective_values(observable: Observable, values: Tensor) -> tuple[float, float]:
    """Effective samples of the mean over molecules that feel one another, and of its series.

    The mean over a frame has a variance of its own, so that what molecules share counts.

    Args:
        observable: what the values are of.
        values: Å or degrees, (frames, replicas, instances in a replica).

    Returns:
        Values, and frames of all replicas, that are as good as independent.
    """
    found = []
    for part in _linear(observable, values):
        series = part.mean(2).T
        of_chains = effective_samples(series)
        spread, shared = float(part.var(correction=0)), float(series.var(correction=0))
        gain = spread / shared if shared > 0.0 else float(values.shape[2])
        found.append((gain * of_chains, of_chains))
    return min(found)


def _linear(observable: Observable, values: Tensor) -> tuple[Tensor, ...]:
    """Values that may be averaged: of an angle around the circle, its cosine and its sine."""
    if not observable.periodic:
        return (values,)
    angles = values.deg2rad()
    return angles.cos(), angles.sin()


def _count(values: Tensor, edges: Tensor, blocks: Tensor, n_blocks: int) -> Tensor:
    """Counts of values (frames, chains, instances) in blocks (frames, chains) and even bins."""
    n_bins = len(edges) - 1
    bins = (values - edges[0]) / (edges[1] - edges[0])
    bins = bins.long().clamp(0, n_bins - 1)
    flat = (blocks[:, :, None] * n_bins + bins).flatten()
    return torch.bincount(flat, minlength=n_blocks * n_bins).reshape(n_blocks, n_bins).double()
