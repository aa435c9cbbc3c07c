"""What two passes over a trajectory of beads leave behind: ranges, blocks, counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from autograin_cli.comparison.observables import Observable, Subject, observe
from autograin_cli.errors import InputError
from autograin_cli.statistics import effective_samples
from autograin_cli.trajectory import Trajectory

FEWEST_BLOCKS, MOST_BLOCKS = 16, 256
CORRELATION_TIMES_IN_A_BLOCK = 10
KEPT_VALUES = 2_000_000


@dataclass(frozen=True)
class Blocks:
    """How frames and copies fall into blocks, each resampled as a whole.

    n_frames, n_copies: what is divided.
    n_groups: groups of neighbouring copies.
    n_segments: segments of the time; a block is one group in one segment.
    """

    n_frames: int
    n_copies: int
    n_groups: int
    n_segments: int

    @property
    def n_blocks(self) -> int:
        """Blocks in all."""
        return self.n_groups * self.n_segments

    def indices(self, first: int, n_frames: int) -> Tensor:
        """Block of each copy in `n_frames` frames from `first` on, (frames, copies), int64."""
        segments = torch.arange(first, first + n_frames) * self.n_segments // self.n_frames
        groups = torch.arange(self.n_copies) * self.n_groups // self.n_copies
        return groups * self.n_segments + segments[:, None]


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

    n_samples: frames times copies.
    duration: from the first frame to the last, ps.
    ranges: of each observable.
    """

    n_samples: int
    duration: float
    ranges: tuple[Range, ...]


def survey(trajectory: Trajectory, subject: Subject) -> Survey:
    """Find the range and the correlation of every observable, in one pass.

    Args:
        trajectory: of beads, Å; one whole copy of the molecule after the other.
        subject: what is observed.

    Returns:
        Survey; memory does not grow with the number of frames.

    Raises:
        InputError: there is nothing to observe, the beads are not those of whole copies, the
            samples are too few, or a position is not finite.
    """
    n_copies = _count_copies(trajectory, subject)
    stride = _stride(trajectory.n_frames * n_copies, subject)
    lows = [float("inf")] * len(subject.observables)
    highs = [float("-inf")] * len(subject.observables)
    kept: list[list[Tensor]] = [[] for _ in subject.observables]
    start = end = 0.0
    for first, times, observed in _observations(trajectory, subject):
        start, end = float(times[0]) if first == 0 else start, float(times[-1])
        for i, values in enumerate(observed):
            lows[i] = min(lows[i], float(values.min()))
            highs[i] = max(highs[i], float(values.max()))
            # A copy, or the frames left out would stay in memory.
            kept[i].append(values[-first % stride :: stride].clone())
    size = (trajectory.n_frames, n_copies)
    ranges = []
    for i, observable in enumerate(subject.observables):
        effective = effective_values(observable, torch.cat(kept[i]))
        blocks = divide(*size, effective / observable.beads.shape[0])
        ranges.append(Range(lows[i], highs[i], effective, blocks))
    return Survey(size[0] * size[1], end - start, tuple(ranges))


def block_counts(
    trajectory: Trajectory, subject: Subject, layouts: tuple[Blocks, ...], edges: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """Count the values of every observable in every block and bin, in one pass.

    Args:
        trajectory: of beads, Å.
        subject: what is observed.
        layouts: blocks of each observable.
        edges: of the even bins of each observable, (bins + 1,).

    Returns:
        Counts of each observable, (blocks, bins), float64.
    """
    counts = [
        torch.zeros(blocks.n_blocks, len(bins) - 1, dtype=torch.float64)
        for blocks, bins in zip(layouts, edges, strict=True)
    ]
    for first, times, observed in _observations(trajectory, subject):
        for i, values in enumerate(observed):
            indices = layouts[i].indices(first, len(times))
            counts[i] += _count(values, edges[i], indices, layouts[i].n_blocks)
    return tuple(counts)


def divide(n_frames: int, n_copies: int, effective: float) -> Blocks:
    """Choose blocks ten correlation times long, 16 of them at least and 256 at most.

    Copies are independent, so a block never joins the end of one to the start of the next;
    where there are more copies than blocks, a block is a group of whole copies.

    Args:
        n_frames, n_copies: what is divided; their product is at least 16.
        effective: effective samples of one instance over all copies.
    """
    wanted = int(effective / CORRELATION_TIMES_IN_A_BLOCK)
    wanted = min(max(wanted, FEWEST_BLOCKS), MOST_BLOCKS)
    n_groups = min(n_copies, wanted)
    n_segments = max(wanted // n_groups, ceil(FEWEST_BLOCKS / n_groups))
    return Blocks(n_frames, n_copies, n_groups, min(n_segments, n_frames))


def effective_values(observable: Observable, values: Tensor) -> float:
    """Effective samples of the mean; on a circle the fewer of the cosine's and the sine's.

    Every instance in every copy counts as a chain of its own.

    Args:
        observable: what the values are of.
        values: Å or degrees, (frames, copies, instances).
    """
    chains = values.flatten(1).T
    if not observable.periodic:
        return effective_samples(chains)
    angles = chains.deg2rad()
    return min(effective_samples(angles.cos()), effective_samples(angles.sin()))


def _observations(
    trajectory: Trajectory, subject: Subject
) -> Iterator[tuple[int, Tensor, list[Tensor]]]:
    """Number of the first frame, times, and values of each observable, chunk by chunk."""
    first = 0
    for chunk in trajectory.chunks():
        if not chunk.positions.isfinite().all():
            raise InputError(
                given=f"positions that are not finite, after {first} frames",
                expected="finite positions of the beads in every frame",
                remedy="run the simulation that wrote them again, or leave these frames out",
            )
        positions = chunk.positions.reshape(chunk.n_frames, -1, subject.n_beads, 3)
        observed = [observe(observable, positions) for observable in subject.observables]
        yield first, chunk.times, observed
        first += chunk.n_frames


def _count(values: Tensor, edges: Tensor, blocks: Tensor, n_blocks: int) -> Tensor:
    """Counts of values (frames, copies, instances) in blocks (frames, copies) and even bins."""
    n_bins = len(edges) - 1
    bins = (values - edges[0]) / (edges[1] - edges[0])
    bins = bins.long().clamp(0, n_bins - 1)
    flat = (blocks[:, :, None] * n_bins + bins).flatten()
    return torch.bincount(flat, minlength=n_blocks * n_bins).reshape(n_blocks, n_bins).double()


def _stride(n_samples: int, subject: Subject) -> int:
    """Keep every so many frames for the correlation, so that memory stays bounded."""
    most = max(observable.beads.shape[0] for observable in subject.observables)
    return ceil(n_samples * most / KEPT_VALUES)


def _count_copies(trajectory: Trajectory, subject: Subject) -> int:
    """Copies of the molecule in a frame, after the checks that `survey` promises."""
    if not subject.observables:
        raise InputError(
            given=f"a molecule of {subject.n_beads} beads without a bond, angle or dihedral",
            expected="a coordinate whose distribution can be compared",
            remedy="fit a mapping with --beads 2 or more",
        )
    n_copies, rest = divmod(trajectory.n_atoms, subject.n_beads)
    if rest:
        raise InputError(
            given=f"a trajectory of {trajectory.n_atoms} beads",
            expected=f"whole copies of a molecule of {subject.n_beads} beads",
            remedy="compare with the trajectory of the same model",
        )
    if trajectory.n_frames * n_copies < FEWEST_BLOCKS:
        raise InputError(
            given=f"{trajectory.n_frames * n_copies} samples of the molecule",
            expected=f"at least {FEWEST_BLOCKS}, so that there are blocks to resample",
            remedy="give more frames, or a smaller stride",
        )
    return n_copies
