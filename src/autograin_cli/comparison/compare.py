"""Two trajectories of beads -> Comparison."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograin_cli.comparison import statistics
from autograin_cli.comparison.comparison import Comparison, Distribution, Score
from autograin_cli.comparison.liquids import (
    Grid,
    Structure,
    diffusions,
    grid_of,
    pair_distributions,
    structure_factors,
)
from autograin_cli.comparison.observables import (
    Observable,
    Subject,
    bin_edges,
    boltzmann_density,
)
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import BlockCounts, Survey, survey
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

    Both are read twice, a chunk at a time: once for ranges, boxes and correlation times, once
    for the counts of blocks. Molecules without a box are independent; those that share a box are
    not, and blocks are then blocks of the time alone.

    Args:
        reference: beads mapped from atoms, Å, molecules whole.
        model: beads of the simulation, Å, molecules whole; one replica after the other.
        subject: what the beads are, and the observables.
        overlap: share of the reference frames that the training has seen.
        settings: bins and resamples.

    Returns:
        Comparison, with a distribution for each observable; where both have boxes with several
        molecules also g(r), S(q) and diffusion.

    Raises:
        InputError: there is nothing to observe, the beads of a trajectory are not those of its
            system, its samples are too few, or a position is not finite.
        SettingError: the range of g(r) does not fit the boxes.
    """
    runs = (
        Run(reference, subject.reference, 1),
        Run(model, subject.model, subject.replicas),
    )
    surveys = survey(runs[0], subject.observables), survey(runs[1], subject.observables)
    edges = tuple(
        bin_edges(observable, min(a.low, b.low), max(a.high, b.high), settings.bins)
        for observable, a, b in zip(
            subject.observables, surveys[0].ranges, surveys[1].ranges, strict=True
        )
    )
    grid = grid_of(surveys, settings)
    samples, structures = [], []
    for run, surveyed in zip(runs, surveys, strict=True):
        structure = None if grid is None else Structure(run, surveyed, grid, settings.seed)
        samples.append(_samples(run, subject, surveyed, edges, structure))
        structures += [] if structure is None else [structure]
    distributions = [
        _distribution(observable, edges[i], (samples[0][i], samples[1][i]), subject, settings)
        for i, observable in enumerate(subject.observables)
    ]
    comparison = Comparison(
        distributions=tuple(distributions),
        pair_distributions=(),
        structure_factors=(),
        quantities=subject.known,
        reference_frames=surveys[0].n_samples,
        model_frames=surveys[1].n_samples,
        reference_time=surveys[0].duration,
        overlap=overlap,
    )
    if grid is None:
        return comparison
    return _with_structure(comparison, (structures[0], structures[1]), runs, grid, settings)


def _samples(
    run: Run,
    subject: Subject,
    surveyed: Survey,
    edges: tuple[Tensor, ...],
    structure: Structure | None,
) -> list[Sample]:
    """Count every observable of a run in its blocks, and gather its structure, in one pass."""
    layouts = tuple(found.blocks for found in surveyed.ranges)
    counts = BlockCounts(run, subject.observables, layouts, edges)
    for first, chunk in run.frames():
        counts.add(first, chunk)
        if structure is not None:
            structure.add(first, chunk)
    effective = (found.effective for found in surveyed.ranges)
    return [Sample(*pair) for pair in zip(counts.counts, effective, strict=True)]


def _with_structure(
    comparison: Comparison,
    structures: tuple[Structure, Structure],
    runs: tuple[Run, Run],
    grid: Grid,
    settings: ComparisonSettings,
) -> Comparison:
    """Add what two liquids have beside the distributions inside their molecules."""
    system = runs[0].system
    molecules = tuple(part.name for part in system.components)
    return replace(
        comparison,
        pair_distributions=pair_distributions(structures, runs, grid, settings),
        structure_factors=structure_factors(structures, system.type_names, grid),
        quantities=(*comparison.quantities, *diffusions(structures, molecules)),
    )


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
