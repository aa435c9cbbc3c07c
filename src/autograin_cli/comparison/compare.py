"""Two trajectories of beads -> Comparison."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.comparison import statistics
from autograin_cli.comparison.comparison import Comparison, Distribution, Score
from autograin_cli.comparison.observables import (
    Observable,
    Subject,
    bin_edges,
    boltzmann_density,
)
from autograin_cli.comparison.sampling import Survey, block_counts, survey
from autograin_cli.settings import ComparisonSettings
from autograin_cli.trajectory import Trajectory

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


def compare(
    reference: Trajectory,
    model: Trajectory,
    subject: Subject,
    overlap: float,
    settings: ComparisonSettings,
) -> Comparison:
    """Compare the distributions of a model with those of the mapped reference.

    Both are read twice, a chunk at a time: once for ranges and correlation times, once for
    the counts of blocks.

    Args:
        reference: beads mapped from atoms, Å; one copy of the molecule after the other.
        model: beads of the simulation, Å; likewise, of any number of copies.
        subject: the molecule and its observables.
        overlap: share of the reference frames that the training has seen.
        settings: bins and resamples.

    Returns:
        Comparison, with a distribution for each observable.

    Raises:
        InputError: there is nothing to observe, the beads of a trajectory are not those of
            whole copies, its samples are too few, or a position is not finite.
    """
    surveys = survey(reference, subject), survey(model, subject)
    edges = tuple(
        bin_edges(observable, min(a.low, b.low), max(a.high, b.high), settings.bins)
        for observable, a, b in zip(
            subject.observables, surveys[0].ranges, surveys[1].ranges, strict=True
        )
    )
    references = _samples(reference, subject, surveys[0], edges)
    models = _samples(model, subject, surveys[1], edges)
    distributions = [
        _distribution(observable, edges[i], (references[i], models[i]), subject, settings)
        for i, observable in enumerate(subject.observables)
    ]
    return Comparison(
        distributions=tuple(distributions),
        reference_frames=surveys[0].n_samples,
        model_frames=surveys[1].n_samples,
        reference_time=surveys[0].duration,
        overlap=overlap,
    )


def _samples(
    trajectory: Trajectory, subject: Subject, surveyed: Survey, edges: tuple[Tensor, ...]
) -> list[Sample]:
    """Count every observable of a trajectory in its blocks."""
    layouts = tuple(found.blocks for found in surveyed.ranges)
    counts = block_counts(trajectory, subject, layouts, edges)
    effective = (found.effective for found in surveyed.ranges)
    return [Sample(*pair) for pair in zip(counts, effective, strict=True)]


def _distribution(
    observable: Observable,
    edges: Tensor,
    samples: tuple[Sample, Sample],
    subject: Subject,
    settings: ComparisonSettings,
) -> Distribution:
    """Densities, bands and scores of one observable."""
    generator = torch.Generator().manual_seed(settings.seed)
    width = float(edges[1] - edges[0])
    draws = [
        statistics.resampled(sample.counts, settings.resamples, generator) for sample in samples
    ]
    bands = [
        statistics.band(drawn / width, sample.n_blocks)
        for drawn, sample in zip(draws, samples, strict=True)
    ]
    halves = statistics.halved(samples[0].counts, settings.resamples, generator)
    return Distribution(
        name=observable.name,
        coordinate=observable.coordinate,
        unit=observable.unit,
        edges=edges,
        reference=statistics.pooled(samples[0].counts) / width,
        reference_low=bands[0][0],
        reference_high=bands[0][1],
        model=statistics.pooled(samples[1].counts) / width,
        model_low=bands[1][0],
        model_high=bands[1][1],
        analytic=boltzmann_density(observable, edges, subject.temperature),
        reference_effective=samples[0].effective,
        model_effective=samples[1].effective,
        reference_blocks=samples[0].n_blocks,
        model_blocks=samples[1].n_blocks,
        scores=tuple(
            _score(metric, samples, (draws[0], draws[1]), halves)
            for metric in metrics(observable, width, samples)
        ),
    )


def _score(
    metric: Metric,
    samples: tuple[Sample, Sample],
    draws: tuple[Tensor, Tensor],
    halves: tuple[Tensor, Tensor],
) -> Score:
    """Score reference against model, with its interval and its floor."""
    value = metric.between(*(statistics.pooled(sample.counts) for sample in samples))
    n_blocks = min(sample.n_blocks for sample in samples)
    low, high = statistics.centred_band(float(value), metric.between(*draws), n_blocks)
    floor = metric.between_halves(*halves).mean()
    return Score(metric.name, metric.unit, float(value), low, high, float(floor))


def metrics(
    observable: Observable, width: float, samples: tuple[Sample, Sample]
) -> tuple[Metric, ...]:
    """Distances by which an observable is scored.

    Args:
        observable: what is scored.
        width: of a bin, Å or degrees.
        samples: of reference and model; they give chi-squared its errors.

    Returns:
        One metric for each score.
    """
    unit, density = observable.unit, f"1/{observable.unit}"
    transport = statistics.circular_wasserstein if observable.periodic else statistics.wasserstein
    plain: tuple[tuple[str, str, Distance], ...] = (
        ("max deviation", density, lambda p, q: statistics.max_deviation(p, q) / width),
        ("rms deviation", density, lambda p, q: statistics.rms_deviation(p, q) / width),
        ("jensen-shannon", "bits", statistics.jensen_shannon),
        ("wasserstein-1", unit, lambda p, q: transport(p, q, width)),
    )
    same = [Metric(name, of, distance, distance) for name, of, distance in plain]
    return (*same, _chi_squared(samples))


def _chi_squared(samples: tuple[Sample, Sample]) -> Metric:
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
