"""Autoregressive processes, whose correlation time is known, and chains that disagree."""

from math import inf, sqrt

import pytest
import torch
from scipy.signal import lfilter
from torch import Tensor

from autograin_cli.statistics import (
    each_effective_samples,
    effective_samples,
    split_r_hat,
    standard_error,
)


def autoregressive(n_chains: int, n_frames: int, memory: float, seed: int = 0) -> Tensor:
    """x' = memory x + noise, of variance 1 from the first frame on, (chains, frames)."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(n_chains, n_frames, generator=random, dtype=torch.float64)
    share = sqrt(1 - memory**2)
    noise[:, 0] /= share
    return torch.from_numpy(lfilter([share], [1.0, -memory], noise.numpy()))


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("n_chains", [1, 20])
def test_effective_samples_of_an_autoregressive_process(memory: float, n_chains: int) -> None:
    series = autoregressive(n_chains, 80_000 // n_chains, memory)
    expected = series.numel() * (1 - memory) / (1 + memory)
    assert effective_samples(series) == pytest.approx(expected, rel=0.15)


def test_chains_that_alternate_tell_more_of_their_mean_than_independent_values() -> None:
    series = autoregressive(10, 5000, -0.5)
    assert effective_samples(series) == pytest.approx(3 * series.numel(), rel=0.15)


def test_many_quantities_at_once_are_each_what_they_are_alone() -> None:
    several = torch.stack([autoregressive(3, 101, memory, 7) for memory in (0.0, 0.6, 0.95)])
    several = torch.cat((several, torch.ones(1, 3, 101)))
    alone = [effective_samples(one) for one in several]
    assert each_effective_samples(several).tolist() == pytest.approx(alone, rel=1e-12)
    assert alone[-1] == 300.0
    assert each_effective_samples(several[:, :, :3]).tolist() == [3.0] * 4


@pytest.mark.parametrize("n_frames", [3, 101])
def test_no_quantities_at_all_have_no_effective_samples(n_frames: int) -> None:
    """As of molecules without bonds: nothing is told, and nothing fails."""
    none = each_effective_samples(torch.zeros(0, 5, n_frames))
    assert none.shape == (0,) and none.dtype == torch.float64
    some = each_effective_samples(torch.ones(2, 5, n_frames))
    assert torch.cat([none, some]).tolist() == some.tolist()


def test_the_standard_error_is_the_spread_of_means() -> None:
    runs = [autoregressive(4, 1000, 0.8, seed) for seed in range(200)]
    means = torch.tensor([float(run.mean()) for run in runs])
    errors = torch.tensor([standard_error(run) for run in runs])
    spread_of_spread = 1 / sqrt(2 * 200)
    assert abs(float(errors.mean() / means.std()) - 1) < 4 * spread_of_spread


def test_chains_that_disagree_have_few_effective_samples_and_a_large_r_hat() -> None:
    apart = autoregressive(8, 1000, 0.5) + 3 * torch.arange(8)[:, None]
    assert effective_samples(apart) < 20
    assert split_r_hat(apart) > 1.5


def test_one_chain_that_drifts_is_found() -> None:
    drifting = autoregressive(1, 2000, 0.0) + torch.linspace(0, 2, 2000)
    assert split_r_hat(drifting) > 1.2
    assert effective_samples(drifting) < 20


def test_chains_of_different_spread_are_found() -> None:
    series = autoregressive(8, 1000, 0.0) * torch.tensor([1.0, 4.0] * 4)[:, None]
    assert split_r_hat(series) > 1.1


def test_r_hat_of_chains_that_agree_is_1() -> None:
    assert 0.999 < split_r_hat(autoregressive(16, 2000, 0.5)) < 1.01


def test_r_hat_depends_on_ranks_only() -> None:
    series = autoregressive(6, 500, 0.7)
    centred = series - series.median()  # so that distances from the median keep their order
    assert split_r_hat(torch.special.erf(centred)) == pytest.approx(split_r_hat(centred), rel=1e-12)


def test_values_that_never_change_are_no_disagreement() -> None:
    constant = torch.full((3, 100), 1.5, dtype=torch.float64)
    assert split_r_hat(constant) == 1.0
    assert effective_samples(constant) == 300.0
    assert standard_error(constant) == 0.0


def test_frozen_chains_at_different_values_are_not_mixed() -> None:
    frozen = torch.arange(5, dtype=torch.float64)[:, None].expand(5, 100)
    assert split_r_hat(frozen) == inf
    assert effective_samples(frozen) == pytest.approx(5.0, rel=0.02)


def test_with_few_frames_nothing_is_claimed() -> None:
    short = autoregressive(7, 3, 0.0)
    assert effective_samples(short) == 7.0
    assert split_r_hat(short) == inf


def test_units_do_not_matter() -> None:
    series = autoregressive(4, 400, 0.6)
    assert effective_samples(1e6 * series - 3e7) == pytest.approx(
        effective_samples(series), rel=1e-6
    )
    assert split_r_hat(1e6 * series - 3e7) == pytest.approx(split_r_hat(series), rel=1e-9)
