"""What the passes over a trajectory of beads leave behind: ranges, blocks, counts."""

from dataclasses import dataclass
from math import ceil, inf

import torch
from torch import Tensor

from autograin_cli.comparison.observables import Observable
from autograin_cli.comparison.runs import Run, heights
from autograin_cli.errors import InputError
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


@dataclass(frozen=True)
class Range:
    """What the first pass learns of one observable.

    low, high: smallest and largest value, Å or degrees.
    effective: effective samples of its mean, over all copies and instances.
    blocks: of the bootstrap.
    """

    low: float
    high: float
    effective: float
    blocks: Blocks


@dataclass(frozen=True)
class Survey:
    """What the first pass learns of a trajectory.

    n_samples: frames times molecules.
    duration: from the first frame to the last, ps.
    ranges: of each observable.
    interacts: whether several molecules share a periodic box.
    height: least distance between opposite faces of a box, Å; infinite in vacuum.
    box: mean of the boxes, Å, (3, 3); None in vacuum.
    """

    n_samples: int
    duration: float
    ranges: tuple[Range, ...]
    interacts: bool
    height: float
    box: Tensor | None


class Kept:
    """Range of an observable and a sample of its values, filled chunk by chunk."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.low, self.high = inf, -inf
        self.values: list[Tensor] = []

    def add(self, values: Tensor, rows: slice) -> None:
        """Take the values of a chunk, of which `rows` are kept, (frames, chains, instances)."""
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        # A copy, or the frames left out would stay in memory.
        self.values.append(values[rows].clone())


def survey(run: Run, observables: tuple[Observable, ...]) -> Survey:
    """Find the range and the correlation of every observable, and the boxes, in one pass.

    Args:
        run: the trajectory.
        observables: what is observed.

    Returns:
        Survey; memory does not grow with the number of frames.

    Raises:
        InputError: there is nothing to observe, the beads are not those of the system, the
            samples are too few, or a position is not finite.
    """
    stride = _stride(run, observables)
    kept = [Kept() for _ in observables]
    start = end = 0.0
    height, boxes, interacts = inf, torch.zeros(3, 3, dtype=torch.float64), False
    for first, chunk in run.frames():
        if first == 0:
            interacts = run.interacts(chunk)
            _check_samples(run, observables, interacts)
            start = float(chunk.times[0])
        end = float(chunk.times[-1])
        if chunk.boxes is not None:
            height = min(height, float(heights(chunk.boxes).min()))
            boxes += chunk.boxes.sum(0) / run.n_frames
        for observable, found in zip(observables, kept, strict=True):
            found.add(run.observe(observable, chunk), slice(-first % stride, None, stride))
    return Survey(
        n_samples=run.n_frames * run.replicas * run.system.n_molecules,
        duration=end - start,
        ranges=tuple(
            _range(run, observable, found, interacts)
            for observable, found in zip(observables, kept, strict=True)
        ),
        interacts=interacts,
        height=height,
        box=boxes if height < inf else None,
    )


def _range(run: Run, observable: Observable, kept: Kept, interacts: bool) -> Range:
    values = torch.cat(kept.values)
    if interacts:
        effective, of_chains = shared_effective_values(observable, values)
    else:
        effective = effective_values(observable, values)
        of_chains = effective / values.shape[2]
    blocks = divide(run.n_frames, values.shape[1], of_chains)
    return Range(kept.low, kept.high, effective, blocks)


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


def _stride(run: Run, observables: tuple[Observable, ...]) -> int:
    """Keep every so many frames for the correlation, so that memory stays bounded."""
    counts = (
        run.system.components[observable.component].n_copies * observable.beads.shape[0]
        for observable in observables
    )
    return max(1, ceil(run.n_frames * run.replicas * max(counts, default=1) / KEPT_VALUES))


def _check_samples(run: Run, observables: tuple[Observable, ...], interacts: bool) -> None:
    """Check that there is something to compare, and that there is enough of it."""
    if not observables and not interacts:
        beads = [part.n_beads for part in run.system.components]
        raise InputError(
            given=f"molecules of {', '.join(map(str, beads))} beads without a bond, angle or "
            "dihedral, and no periodic box with several of them",
            expected="a coordinate or a g(r) whose distribution can be compared",
            remedy="fit a mapping with --beads 2 or more, or give a trajectory with boxes",
        )
    chains = [run.n_chains(observable, interacts) for observable in observables]
    n_samples = run.n_frames * min(chains, default=run.replicas)
    if n_samples < FEWEST_BLOCKS:
        raise InputError(
            given=f"a trajectory of {run.n_frames} frames: {n_samples} samples of the "
            + ("system" if interacts or run.system.n_molecules > 1 else "molecule"),
            expected=f"at least {FEWEST_BLOCKS}, so that there are blocks to resample",
            remedy="give more frames: a smaller --stride, or a longer run",
        )
