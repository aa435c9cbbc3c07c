"""Distances between distributions, and what block counts say about their errors."""

from math import log

import torch
from scipy import special
from torch import Tensor

EXPECTED_COUNT = 5.0


def max_deviation(first: Tensor, second: Tensor) -> Tensor:
    """Largest difference of two densities, in their unit.

    Args:
        first, second: densities, (..., bins).

    Returns:
        (...).
    """
    return (first - second).abs().amax(-1)


def rms_deviation(first: Tensor, second: Tensor) -> Tensor:
    """Root of the mean over bins of the squared difference of two densities, in their unit.

    Args:
        first, second: densities, (..., bins).

    Returns:
        (...).
    """
    return (first - second).square().mean(-1).sqrt()


def jensen_shannon(first: Tensor, second: Tensor) -> Tensor:
    """Jensen-Shannon divergence in bits: 0 for equal distributions, 1 for disjoint ones.

    The divergence itself, not its root, which is called the Jensen-Shannon distance.

    Args:
        first, second: probabilities of the bins, (..., bins).

    Returns:
        (...).

    Source: J. Lin, IEEE Trans. Inf. Theory 37, 145 (1991).
    """
    middle = (first + second) / 2
    surprise = torch.special.xlogy(first, first) + torch.special.xlogy(second, second)
    nats = surprise.sum(-1) / 2 - torch.special.xlogy(middle, middle).sum(-1)
    bits: Tensor = nats.clamp(min=0.0) / log(2.0)
    return bits


def wasserstein(first: Tensor, second: Tensor, width: float) -> Tensor:
    """Least mean distance by which one distribution must be moved to become the other.

    The probability of a bin counts as lying at its centre.

    Args:
        first, second: probabilities of the bins, (..., bins).
        width: of a bin, Å or degrees.

    Returns:
        Unit of the width, (...).
    """
    return (first - second).cumsum(-1).abs().sum(-1) * width


def circular_wasserstein(first: Tensor, second: Tensor, width: float) -> Tensor:
    """Like `wasserstein`, the bins lying around a circle.

    Args:
        first, second: probabilities of the bins, (..., bins).
        width: of a bin, degrees.

    Returns:
        Unit of the width, (...).

    Source: J. Rabin, J. Delon, Y. Gousseau, J. Math. Imaging Vis. 41, 147 (2011): the flow
    around the circle that moves least is the median of the difference of the distribution
    functions.
    """
    excess = (first - second).cumsum(-1)
    flow = excess.median(-1, keepdim=True).values
    return (excess - flow).abs().sum(-1) * width


def chi_squared(first: Tensor, second: Tensor, variance: Tensor, groups: Tensor) -> Tensor:
    """Squared differences in units of their variances, per degree of freedom.

    Args:
        first, second: probabilities of the bins, (..., bins).
        variance: of the difference in each group of bins, above 0, (groups,).
        groups: group of each bin, from `merged_bins`, (bins,), int64.

    Returns:
        1 on average where both are samples of one distribution, (...).
    """
    terms = merged(first - second, groups).square() / variance
    return terms.sum(-1) / max(variance.shape[0] - 1, 1)


def merged(values: Tensor, groups: Tensor) -> Tensor:
    """Sum values over the bins of each group: (..., bins) to (..., groups)."""
    n_groups = int(groups.max()) + 1
    totals = torch.zeros(*values.shape[:-1], n_groups, dtype=values.dtype)
    return totals.index_add(-1, groups, values)


def merged_bins(probabilities: Tensor, effective: float) -> Tensor:
    """Join neighbouring bins until each group is expected to hold five effective samples.

    Args:
        probabilities: of the bins, (bins,).
        effective: effective samples of the smaller sample.

    Returns:
        Group of each bin, rising from 0, (bins,), int64.
    """
    needed = min(EXPECTED_COUNT / effective, 0.49)
    groups: list[int] = []
    group, held, left = 0, 0.0, 1.0
    for share in probabilities.tolist():
        groups.append(group)
        held, left = held + share, left - share
        if held >= needed and left >= needed:
            group, held = group + 1, 0.0
    return torch.tensor(groups)


def pooled(counts: Tensor) -> Tensor:
    """Probabilities of the bins from the counts of all blocks, (blocks, bins) to (bins,)."""
    return counts.sum(0) / counts.sum()


def block_variance(counts: Tensor) -> Tensor:
    """Variance of the pooled probabilities, from how the blocks differ.

    Args:
        counts: of each block in each bin, (blocks, bins).

    Returns:
        (bins,).

    Source: W. G. Cochran, Sampling Techniques (1977), section 6.3: the variance of a ratio.
    """
    n_blocks = counts.shape[0]
    sizes = counts.sum(1, keepdim=True)
    residuals = counts - pooled(counts) * sizes
    return n_blocks / (n_blocks - 1) * residuals.square().sum(0) / sizes.sum() ** 2


def resampled(counts: Tensor, n_resamples: int, generator: torch.Generator) -> Tensor:
    """Probabilities of the bins in bootstrap resamples of the blocks.

    Args:
        counts: of each block in each bin, (blocks, bins).
        n_resamples: how many.
        generator: of the random numbers.

    Returns:
        (resamples, bins).
    """
    totals = resamples(counts.shape[0], n_resamples, generator) @ counts
    return totals / totals.sum(1, keepdim=True)


def resamples(n_blocks: int, n_resamples: int, generator: torch.Generator) -> Tensor:
    """How often each block is drawn in bootstrap resamples, (resamples, blocks).

    Source: H. R. Künsch, Ann. Stat. 17, 1217 (1989).
    """
    drawn = torch.randint(n_blocks, (n_resamples, n_blocks), generator=generator)
    times = torch.zeros(n_resamples, n_blocks, dtype=torch.float64)
    return times.scatter_add(1, drawn, torch.ones_like(times))


def halved(counts: Tensor, n_ways: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Probabilities of the bins in two halves of the blocks, for many ways to halve them.

    Args:
        counts: of each block in each bin, (blocks, bins).
        n_ways: random ways, every block in one half or the other.
        generator: of the random numbers.

    Returns:
        One half and the other, both (ways, bins).
    """
    first = halves(counts.shape[0], n_ways, generator) @ counts
    second = counts.sum(0) - first
    return first / first.sum(1, keepdim=True), second / second.sum(1, keepdim=True)


def halves(n_blocks: int, n_ways: int, generator: torch.Generator) -> Tensor:
    """Whether each block is in the first half, 1 or 0, for many ways to halve, (ways, blocks)."""
    order = torch.rand(n_ways, n_blocks, generator=generator).argsort(1)
    return (order < n_blocks // 2).double()


def interval_levels(n_blocks: int) -> tuple[float, float]:
    """Quantiles that bound a 95 % bootstrap interval from so few blocks.

    The plain 2.5 % and 97.5 % are too narrow: they lack the n/(n - 1) of a variance and take
    Student's t for a normal distribution.

    Source: T. C. Hesterberg, Am. Stat. 69, 371 (2015), the expanded percentile interval.
    """
    reach = (n_blocks / (n_blocks - 1)) ** 0.5 * float(special.stdtrit(n_blocks - 1, 0.975))
    tail = float(special.ndtr(-reach))
    return tail, 1.0 - tail


def band(samples: Tensor, n_blocks: int) -> tuple[Tensor, Tensor]:
    """95 % interval of resampled values, (resamples, ...) to two of (...)."""
    low, high = interval_levels(n_blocks)
    return samples.quantile(low, dim=0), samples.quantile(high, dim=0)


def centred_band(value: float, samples: Tensor, n_blocks: int) -> tuple[float, float]:
    """95 % interval of a distance: the spread of its resamples about their mean, moved to `value`.

    Resampling adds the noise of sampling a second time, which lengthens every distance: the
    resamples lie above the value that they vary, and only their spread is used.

    Args:
        value: of the distance.
        samples: of the distance in bootstrap resamples, (resamples,).
        n_blocks: blocks of the sample with the fewer.

    Returns:
        Low and high end; neither below 0.
    """
    low, high = band(samples - samples.mean() + value, n_blocks)
    return max(float(low), 0.0), max(float(high), 0.0)
