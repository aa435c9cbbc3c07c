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
    if series.shape[1] < _FEWEST:
        return float(series.shape[0])
    chains = _halves(series.double())
    within, total = _variances(chains)
    if total == 0.0:
        return float(chains.numel())
    correlations = 1.0 - (within - _autocovariance(chains).mean(0)) / total
    correlations[0] = 1.0
    pairs = correlations[: len(correlations) // 2 * 2].reshape(-1, 2).sum(1)
    positive = pairs[: int((pairs <= 0).nonzero()[0]) if (pairs <= 0).any() else len(pairs)]
    time = 2.0 * float(positive.cummin(0).values.sum()) - 1.0 if len(positive) else 0.0
    return chains.numel() / max(time, 1.0 / log10(chains.numel()))


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
    """Cut each chain in two: (chains, frames) to (2 chains, frames // 2)."""
    half = series.shape[1] // 2
    return torch.cat((series[:, :half], series[:, -half:]))


def _variances(chains: Tensor) -> tuple[float, float]:
    """Variance within chains, and of all values as estimated from within and between chains."""
    n_frames = chains.shape[1]
    within = float(chains.var(1).mean())
    return within, within * (n_frames - 1) / n_frames + float(chains.mean(1).var())


def _autocovariance(chains: Tensor) -> Tensor:
    """Covariance with itself some frames later, over all frames, (chains, frames)."""
    n_frames = chains.shape[1]
    centred = chains - chains.mean(1, keepdim=True)
    spectrum = torch.fft.rfft(centred, n=2 * n_frames)
    return torch.fft.irfft(spectrum.abs().square(), n=2 * n_frames)[:, :n_frames] / n_frames


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
