"""Distances between distributions and block errors, against exact results."""

from collections.abc import Callable
from itertools import product
from math import erf, log2, sqrt

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from autograin_cli.comparison import statistics


def gaussian(mean: float, width: float, edges: Tensor) -> Tensor:
    """Probabilities of the bins under a normal distribution, exactly."""
    heights = torch.tensor([erf((edge - mean) / width / sqrt(2)) / 2 for edge in edges.tolist()])
    return heights.double().diff() / heights.double().diff().sum()


def random_probabilities(*shape: int) -> Tensor:
    values = torch.rand(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return values / values.sum(-1, keepdim=True)


def cheapest_transport(first: Tensor, second: Tensor, cost: np.ndarray) -> float:
    """The least mean distance by linear programming over all ways to move the bins."""
    n_bins = len(first)
    rows = np.kron(np.eye(n_bins), np.ones(n_bins))
    columns = np.kron(np.ones(n_bins), np.eye(n_bins))
    demands = np.concatenate((first.numpy(), second.numpy()))
    solution = linprog(cost.ravel(), A_eq=np.vstack((rows, columns)), b_eq=demands)
    assert solution.fun is not None
    return float(solution.fun)


def ar1(n_series: int, n_steps: int, correlation: float, seed: int) -> Tensor:
    """Stationary Gaussian series of unit variance, (series, steps)."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(n_series, n_steps, generator=generator, dtype=torch.float64)
    series = noise.clone()
    for step in range(1, n_steps):
        kick = sqrt(1 - correlation**2) * noise[:, step]
        series[:, step] = correlation * series[:, step - 1] + kick
    return series


def counts_of(series: Tensor, edges: Tensor, n_blocks: int) -> Tensor:
    """Counts of one series in blocks and bins."""
    blocks = series.reshape(n_blocks, -1)
    bins = torch.bucketize(blocks, edges[1:-1])
    return torch.stack([row.bincount(minlength=len(edges) - 1) for row in bins]).double()


def test_wasserstein_of_shifted_gaussians_is_the_difference_of_their_means() -> None:
    edges = torch.linspace(-10, 14, 2001, dtype=torch.float64)
    width = float(edges[1] - edges[0])
    moved = statistics.wasserstein(gaussian(0.0, 1.2, edges), gaussian(1.7, 1.2, edges), width)
    assert float(moved) == pytest.approx(1.7, rel=1e-6)


def test_wasserstein_of_gaussians_of_different_width_is_their_mean_deviation() -> None:
    edges = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    width = float(edges[1] - edges[0])
    moved = statistics.wasserstein(gaussian(0.0, 1.0, edges), gaussian(0.0, 2.5, edges), width)
    assert float(moved) == pytest.approx(1.5 * sqrt(2 / torch.pi), rel=1e-5)


def test_wasserstein_is_the_cheapest_transport() -> None:
    first, second = random_probabilities(2, 9)
    places = np.arange(9) * 0.3
    cheapest = cheapest_transport(first, second, abs(places[:, None] - places))
    assert float(statistics.wasserstein(first, second, 0.3)) == pytest.approx(cheapest, rel=1e-9)


@pytest.mark.parametrize("n_bins", [8, 9])
def test_wasserstein_on_the_circle_is_the_cheapest_transport_around_it(n_bins: int) -> None:
    first, second = random_probabilities(2, n_bins)
    apart = abs(np.arange(n_bins)[:, None] - np.arange(n_bins))
    cost = np.minimum(apart, n_bins - apart) * 360 / n_bins
    moved = float(statistics.circular_wasserstein(first, second, 360 / n_bins))
    assert moved == pytest.approx(cheapest_transport(first, second, cost), rel=1e-9)


def test_wasserstein_on_the_circle_does_not_depend_on_where_it_is_cut() -> None:
    first, second = random_probabilities(2, 30)
    moved = statistics.circular_wasserstein(first, second, 12.0)
    turned = statistics.circular_wasserstein(first.roll(11), second.roll(11), 12.0)
    assert float(turned) == pytest.approx(float(moved), rel=1e-12)


def test_jensen_shannon_of_two_coins_is_known() -> None:
    first, second = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.5, 0.5]).double()
    entropy = -0.75 * log2(0.75) - 0.25 * log2(0.25)
    divergence = float(statistics.jensen_shannon(first, second))
    assert divergence == pytest.approx(entropy - 0.5, rel=1e-12)


def test_jensen_shannon_runs_from_zero_to_one_bit() -> None:
    first, second = torch.tensor([[0.3, 0.7, 0, 0], [0, 0, 0.9, 0.1]], dtype=torch.float64)
    assert float(statistics.jensen_shannon(first, first)) == 0.0
    assert float(statistics.jensen_shannon(first, second)) == pytest.approx(1.0, rel=1e-12)


def test_deviations_are_the_largest_and_the_root_mean_square_difference() -> None:
    first, second = torch.tensor([0.1, 0.5, 0.4]), torch.tensor([0.1, 0.9, 0.1])
    assert float(statistics.max_deviation(first, second)) == pytest.approx(0.4)
    assert float(statistics.rms_deviation(first, second)) == pytest.approx(sqrt(0.25 / 3))


@pytest.mark.parametrize(
    "distance",
    [
        statistics.max_deviation,
        statistics.rms_deviation,
        statistics.jensen_shannon,
        lambda p, q: statistics.wasserstein(p, q, 0.1),
        lambda p, q: statistics.circular_wasserstein(p, q, 12.0),
    ],
)
def test_a_distance_of_many_pairs_is_that_of_each(
    distance: Callable[[Tensor, Tensor], Tensor],
) -> None:
    first, second = random_probabilities(2, 4, 30)
    each = torch.stack([distance(p, q) for p, q in zip(first, second, strict=True)])
    torch.testing.assert_close(distance(first, second), each, rtol=1e-12, atol=0.0)
    torch.testing.assert_close(distance(second, first), each, rtol=1e-12, atol=0.0)


def test_merged_bins_hold_enough_of_the_expected_samples() -> None:
    probabilities = random_probabilities(60) ** 3
    probabilities /= probabilities.sum()
    groups = statistics.merged_bins(probabilities, 200.0)
    held = statistics.merged(probabilities, groups)
    assert groups[0] == 0 and set(groups.diff().tolist()) == {0, 1}
    assert float(held.min()) * 200 >= statistics.EXPECTED_COUNT - 1e-9
    assert float(held.sum()) == pytest.approx(1.0)


def test_chi_squared_of_multinomial_noise_is_one_per_degree_of_freedom() -> None:
    generator = torch.Generator().manual_seed(5)
    probabilities = gaussian(0.0, 1.0, torch.linspace(-3, 3, 21).double())
    n_samples, n_repeats = 2000, 400
    groups = statistics.merged_bins(probabilities, float(n_samples))
    shares = statistics.merged(probabilities, groups)
    variance = 2 * shares * (1 - shares) / n_samples
    drawn = torch.multinomial(
        probabilities.expand(2 * n_repeats, -1), n_samples, replacement=True, generator=generator
    )
    found = torch.stack([row.bincount(minlength=20) for row in drawn]).double() / n_samples
    scores = statistics.chi_squared(found[:n_repeats], found[n_repeats:], variance, groups)
    standard_error = sqrt(2 / (len(shares) - 1) / n_repeats)
    # The terms are dependent: they add up to sum(1 - p), which is the degrees of freedom.
    assert abs(float(scores.mean()) - 1) < 4 * standard_error


def test_block_variance_of_independent_samples_is_that_of_the_multinomial() -> None:
    edges = torch.tensor([-9.0, -1.0, 0.0, 1.5, 9.0]).double()
    series = ar1(200, 6400, 0.0, seed=1)
    found = torch.stack([statistics.block_variance(counts_of(s, edges, 64)) for s in series])
    probabilities = gaussian(0.0, 1.0, edges)
    expected = probabilities * (1 - probabilities) / 6400
    standard_error = expected * sqrt(2 / 63 / 200)
    assert bool(((found.mean(0) - expected).abs() < 4 * standard_error).all())


def test_the_bootstrap_has_the_variance_of_the_blocks() -> None:
    edges = torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0]).double()
    counts = counts_of(ar1(1, 6400, 0.9, seed=2)[0], edges, 64)
    drawn = statistics.resampled(counts, 20_000, torch.Generator().manual_seed(0))
    expected = statistics.block_variance(counts) * 63 / 64
    assert bool(((drawn.var(0) / expected - 1).abs() < 5 * sqrt(2 / 20_000)).all())
    torch.testing.assert_close(drawn.sum(1), torch.ones(20_000).double())


@pytest.mark.parametrize(("correlation", "n_steps"), [(0.0, 3200), (0.8, 8192)])
def test_the_band_covers_the_true_density_nineteen_times_in_twenty(
    correlation: float, n_steps: int
) -> None:
    edges = torch.tensor([-9.0, -1.0, 0.0, 0.7, 9.0]).double()
    truth, n_series, n_blocks = gaussian(0.0, 1.0, edges), 400, 32
    generator = torch.Generator().manual_seed(0)
    covered = torch.zeros(4).double()
    for series in ar1(n_series, n_steps, correlation, seed=7):
        counts = counts_of(series, edges, n_blocks)
        low, high = statistics.band(statistics.resampled(counts, 400, generator), n_blocks)
        covered += (low <= truth) & (truth <= high)
    standard_error = sqrt(0.95 * 0.05 / n_series)
    # A block of 256 steps is 28 correlation times of 9 steps long: its variance lacks 2 %.
    assert bool(((covered / n_series - 0.95).abs() < 4 * standard_error).all())


def test_bands_from_blocks_shorter_than_the_correlation_are_too_narrow() -> None:
    edges = torch.tensor([-9.0, 0.0, 9.0]).double()
    (series,) = ar1(1, 8192, 0.98, seed=9)
    variances = [
        float(statistics.block_variance(counts_of(series, edges, n_blocks))[0])
        for n_blocks in (4096, 16)
    ]
    assert variances[0] < 0.2 * variances[1]


def test_the_interval_of_a_distance_covers_the_true_one() -> None:
    edges = torch.linspace(-6, 7, 41, dtype=torch.float64)
    width = float(edges[1] - edges[0])
    generator = torch.Generator().manual_seed(0)
    truth, n_repeats, covered = 0.4, 300, 0
    first, second = ar1(n_repeats, 1600, 0.0, seed=11), ar1(n_repeats, 1600, 0.0, seed=12) + truth
    for pair in zip(first, second, strict=True):
        counts = [counts_of(series, edges, 32) for series in pair]
        draws = [statistics.resampled(of, 400, generator) for of in counts]
        whole = [statistics.pooled(of) for of in counts]
        value = statistics.wasserstein(whole[0], whole[1], width)
        drawn = statistics.wasserstein(draws[0], draws[1], width)
        low, high = statistics.centred_band(float(value), drawn, 32)
        covered += low <= truth <= high
    assert abs(covered / n_repeats - 0.95) < 4 * sqrt(0.95 * 0.05 / n_repeats)


def test_the_interval_of_a_distance_holds_its_value_where_nothing_differs() -> None:
    edges = torch.linspace(-5, 5, 31, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    counts = [counts_of(series, edges, 32) for series in ar1(2, 3200, 0.0, seed=13)]
    draws = [statistics.resampled(of, 400, generator) for of in counts]
    value = float(statistics.jensen_shannon(*map(statistics.pooled, counts)))
    low, high = statistics.centred_band(value, statistics.jensen_shannon(*draws), 32)
    assert 0.0 <= low < value < high


def test_every_block_is_in_one_half_or_the_other() -> None:
    counts = torch.eye(10, dtype=torch.float64)
    first, second = statistics.halved(counts, 50, torch.Generator().manual_seed(0))
    torch.testing.assert_close(first + second, torch.full((50, 10), 0.2).double())
    assert set(first.unique().tolist()) == {0.0, 0.2}


def test_halves_are_drawn_from_all_ways_alike() -> None:
    counts = torch.eye(4, dtype=torch.float64)
    first, _ = statistics.halved(counts, 6000, torch.Generator().manual_seed(0))
    ways = [way for way in product((0.0, 0.5), repeat=4) if sum(way) == 1]
    found = [int((first == torch.tensor(way).double()).all(1).sum()) for way in ways]
    assert sum(found) == 6000
    assert max(abs(n - 1000) for n in found) < 4 * sqrt(6000 * 5 / 36)


def test_the_floor_of_independent_samples_is_multinomial_noise() -> None:
    edges = torch.linspace(-2.5, 2.5, 11).double()
    probabilities = gaussian(0.0, 1.0, edges)
    n_samples, n_repeats = 3200, 100
    generator = torch.Generator().manual_seed(1)
    drawn = torch.multinomial(
        probabilities.expand(n_repeats, -1), n_samples, replacement=True, generator=generator
    )
    floors = []
    for row in drawn:
        counts = torch.nn.functional.one_hot(row, 10).double().reshape(64, -1, 10).sum(1)
        halves = statistics.halved(counts, 200, generator)
        floors.append(float((halves[0] - halves[1]).square().sum(1).mean()))
    # Two halves of n/2 samples: the variance of a difference of shares is 4 p (1 - p) / n.
    expected = float((4 * probabilities * (1 - probabilities) / n_samples).sum())
    mean, spread = np.mean(floors), np.std(floors, ddof=1)
    assert abs(mean - expected) < 4 * spread / sqrt(n_repeats)


def test_levels_widen_as_blocks_get_few() -> None:
    few, many = statistics.interval_levels(16), statistics.interval_levels(100_000)
    assert many == pytest.approx((0.025, 0.975), abs=1e-4)
    assert few[0] < 0.015 and few[1] == pytest.approx(1 - few[0])
