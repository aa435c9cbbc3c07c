"""Probabilities of bins in two runs: bands, and distances with intervals and floors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.comparison import statistics
from autograin_cli.comparison.comparison import Score
from autograin_cli.settings import ComparisonSettings

Distance = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Sample:
    """One observable in one trajectory.

    counts: of each block in each bin, (blocks, bins).
    effective: effective samples of the mean.
    """

    counts: Tensor
    effective: float

    @property
    def n_blocks(self) -> int:
        """Blocks of the bootstrap."""
        return self.counts.shape[0]


@dataclass(frozen=True)
class Metric:
    """A distance between two distributions, of models and of halves of the reference.

    name, unit: of the score.
    between: distance of reference and model, from probabilities (..., bins) to (...).
    between_halves: distance of two halves of the reference, likewise.
    """

    name: str
    unit: str
    between: Distance
    between_halves: Distance


@dataclass(frozen=True)
class Densities:
    """What is known of some curve of both runs.

    whole: of the reference and of the model, (bins,).
    draws: of bootstrap resamples of each, (resamples, bins).
    halves: of one half of the reference and the other, (ways, bins).
    n_blocks: that were resampled, of reference and model.
    """

    whole: tuple[Tensor, Tensor]
    draws: tuple[Tensor, Tensor]
    halves: tuple[Tensor, Tensor]
    n_blocks: tuple[int, int]

    @property
    def bands(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Ends of the 95 % bands of reference and model, (bins,) each."""
        reference = statistics.band(self.draws[0], self.n_blocks[0])
        return reference, statistics.band(self.draws[1], self.n_blocks[1])

    def scores(self, metrics: Sequence[Metric]) -> tuple[Score, ...]:
        """Score reference against model, with intervals and floors."""
        found = []
        for metric in metrics:
            value = float(metric.between(*self.whole))
            spread = metric.between(*self.draws)
            low, high = statistics.centred_band(value, spread, min(self.n_blocks))
            floor = float(metric.between_halves(*self.halves).mean())
            found.append(Score(metric.name, metric.unit, value, low, high, floor))
        return tuple(found)


def densities(samples: tuple[Sample, Sample], settings: ComparisonSettings) -> Densities:
    """Find the probabilities of the bins of two runs, resampled and halved.

    Args:
        samples: of reference and model.
        settings: resamples and seed.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    reference, model = (sample.counts for sample in samples)
    return Densities(
        whole=(statistics.pooled(reference), statistics.pooled(model)),
        draws=(
            statistics.resampled(reference, settings.resamples, generator),
            statistics.resampled(model, settings.resamples, generator),
        ),
        halves=statistics.halved(reference, settings.resamples, generator),
        n_blocks=(samples[0].n_blocks, samples[1].n_blocks),
    )


def metrics_of(unit: str, width: float, *, periodic: bool) -> tuple[Metric, ...]:
    """Distances by which the probabilities of bins of a coordinate are scored.

    Args:
        unit: of the coordinate.
        width: of a bin, in this unit.
        periodic: whether the bins lie around a circle.
    """
    transport = statistics.circular_wasserstein if periodic else statistics.wasserstein
    density = f"1/{unit}"
    return (
        plain("max deviation", density, lambda p, q: statistics.max_deviation(p, q) / width),
        plain("rms deviation", density, lambda p, q: statistics.rms_deviation(p, q) / width),
        plain("jensen-shannon", "bits", statistics.jensen_shannon),
        plain("wasserstein-1", unit, lambda p, q: transport(p, q, width)),
    )


def plain(name: str, unit: str, distance: Distance) -> Metric:
    """A distance that is the same between halves."""
    return Metric(name, unit, distance, distance)


def chi_squared(samples: tuple[Sample, Sample]) -> Metric:
    """Chi-squared, with the variances that the blocks of two samples give."""
    reference, model = samples
    middle = (statistics.pooled(reference.counts) + statistics.pooled(model.counts)) / 2
    # Half the reference, so that the same groups serve for the floor.
    effective = min(reference.effective / 2, model.effective)
    groups = statistics.merged_bins(middle, effective)
    variances = [
        statistics.block_variance(statistics.merged(sample.counts, groups)) for sample in samples
    ]
    least = effective**-2
    whole = (variances[0] + variances[1]).clamp(min=least)
    # A half has twice the variance of the whole, and there are two of them.
    halves = (4 * variances[0]).clamp(min=least)
    return Metric(
        "chi-squared",
        "1",
        lambda p, q: statistics.chi_squared(p, q, whole, groups),
        lambda p, q: statistics.chi_squared(p, q, halves, groups),
    )
