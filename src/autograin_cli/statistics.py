"""How much a correlated series tells: effective samples, split R-hat, the error of a mean."""

from math import inf, log10, sqrt

import torch
from torch import Tensor

_FEWEST = 4  # frames of a chain below which nothing is known of its correlation


def effective_samples(series: Tensor) -> float:
    """Independent samples that would give the mean of all chains as precisely.

    Chains that disagree lower the number, as correlation along them does.

    Args:
        series: a quantity along independent chains, (chains, frames), in any unit.

    Returns:
        The number of chains where there are fewer than four frames; the number of values where
        they are all the same.

    Source: A. Vehtari et al., Bayesian Anal. 16, 667 (2021), section 3.2, with the initial
    monotone sequence of C. J. Geyer, Stat. Sci. 7, 473 (1992).
    """
    return float(each_effective_samples(series[None])[0])


def each_effective_samples(series: Tensor) -> Tensor:
    """Give the `effective_samples` of many quantities at once.

    Args:
        series: (quantities, chains, frames), each in any unit.

    Returns:
        (quantities,).
    """
    if series.shape[2] < _FEWEST or not len(series):
        return torch.full((len(series),), float(series.shape[1]), dtype=torch.float64)
    chains = _halves(series.double())
    n_values, n_pairs = chains.shape[1] * chains.shape[2], chains.shape[2] // 2
    within, total = _variances(chains)
    correlations = 1.0 - (within[:, None] - _autocovariance(chains).mean(1)) / total[:, None]
    correlations[:, 0] = 1.0
    pairs = correlations[:, : 2 * n_pairs].reshape(-1, n_pairs, 2).sum(2)
    positive = (pairs > 0).cumprod(1)
    lasting = torch.where(positive > 0, pairs.cummin(1).values, 0.0).sum(1)
    times = 2.0 * lasting - positive[:, 0]
    return torch.where(total == 0, n_values, n_values / times.clamp(min=1.0 / log10(n_values)))


def split_r_hat(series: Tensor) -> float:
    """Disagreement of the chains and of their halves; 1 where they are samples of one distribution.

    The larger of the values for ranks and for distances from the median, so that chains that
    differ in place, in spread or with infinite variance are all found.

    Args:
        series: a quantity along independent chains, (chains, frames), in any unit.

    Returns:
        Infinity where there are fewer than four frames: then nothing is known.

    Source: A. Vehtari et al., Bayesian Anal. 16, 667 (2021), section 4.
    """
    if series.shape[1] < _FEWEST:
        return inf
    chains = _halves(series.double())
    folded = (chains - chains.median()).abs()
    return max(_ratio(_normal_scores(chains)), _ratio(_normal_scores(folded)))


def standard_error(series: Tensor) -> float:
    """Standard error of the mean over all chains and frames, (chains, frames), in its unit."""
    return sqrt(float(series.double().var(correction=0)) / effective_samples(series))


def _halves(series: Tensor) -> Tensor:
    """Cut each chain in two: (..., chains, frames) to (..., 2 chains, frames // 2)."""
    half = series.shape[-1] // 2
    return torch.cat((series[..., :half], series[..., -half:]), dim=-2)


def _variances(chains: Tensor) -> tuple[Tensor, Tensor]:
    """Variance within chains, and of all values as estimated from within and between chains.

    Args:
        chains: (..., chains, frames).

    Returns:
        (...) both.
    """
    n_frames = chains.shape[-1]
    within = chains.var(-1).mean(-1).double()
    return within, within * (n_frames - 1) / n_frames + chains.mean(-1).var(-1)


def _autocovariance(chains: Tensor) -> Tensor:
    """Covariance with itself some frames later, over all frames, (..., chains, frames)."""
    n_frames = chains.shape[-1]
    centred = chains - chains.mean(-1, keepdim=True)
    spectrum = torch.fft.rfft(centred, n=2 * n_frames)
    return torch.fft.irfft(spectrum.abs().square(), n=2 * n_frames)[..., :n_frames] / n_frames


def _ratio(chains: Tensor) -> float:
    within, total = _variances(chains)
    if within == 0.0:
        return 1.0 if total == 0.0 else inf
    return sqrt(total / within)


def _normal_scores(values: Tensor) -> Tensor:
    """Normal deviates of the ranks of values, equal values sharing their mean rank."""
    _, group, counts = values.unique(return_inverse=True, return_counts=True)
    ranks = counts.cumsum(0) - (counts - 1) / 2
    return torch.special.ndtri((ranks[group] - 0.375) / (values.numel() + 0.25))
