"""How well forces of another run would fit by chance, of frames that are like their neighbours.

The forces of another run know nothing of the bonds, but both swing on from frame to frame, and a
correlation of two series that do has a larger spread than one of independent values. By M. S.
Bartlett the variance is the sum over lags of the product of both autocorrelations, divided by the
number of frames; and that sum, taken around a circle, is the mean square of the correlations
of one series with the other shifted by every number of frames. So the spread is measured as that
mean square, over all coordinates at once: what they have in common is counted too. Its inverse is
the number of independent frames, which takes the place of theirs in Student's distribution.

Source: M. S. Bartlett, J. R. Stat. Soc. 98, 536 (1935), for the variance.
"""

from collections.abc import Sequence

import torch
from scipy.special import stdtr
from torch import Tensor

from autograin_cli.checking.probe import Probe
from autograin_cli.checking.thermometer import Fit


def chance_of(
    probes: Sequence[Probe], numbers: Tensor, places: tuple[Tensor, Tensor], fit: Fit
) -> float:
    """Probability that forces of another run fit at least as well as some do.

    Args:
        probes: from `probes`.
        numbers: of the frames of the sample, (frames,), int64, increasing.
        places: of the positions and of the forces in the sample, (pairs,) each.
        fit: how well they fit, or push.

    Returns:
        0 to 1; 1 where there are too few frames to tell.
    """
    turned = _turned(probes, numbers[places[0]], *places)
    if not len(turned):
        return 1.0
    noise = max(fit.noise**2, float(turned.square().mean()))
    freedom = 1 / noise - 2
    if freedom <= 0:
        return 1.0
    unexplained = max(1 - fit.correlation**2, torch.finfo(torch.float64).tiny)
    student = -abs(fit.correlation) * (freedom / unexplained) ** 0.5
    return float(stdtr(min(freedom, len(turned)), student))


def _turned(probes: Sequence[Probe], numbers: Tensor, frames: Tensor, partners: Tensor) -> Tensor:
    """Correlations with the forces of later pairs, the first ones behind the last, (turns,).

    Frames in short runs are turned by whole runs, so that neighbours stay neighbours.
    """
    n_pairs = len(frames)
    if n_pairs < 2:
        return torch.zeros(0, dtype=torch.float64)
    n_runs = 1 + int((numbers.diff() > 1).sum())
    step = n_pairs // n_runs if n_runs > 1 else 1
    turns = torch.arange(step, n_pairs, max(1, step))
    products = torch.zeros(n_pairs, n_pairs, dtype=torch.float64)
    weight = 0.0
    for probe in probes:
        d, along = probe.deviations[frames], probe.directions[frames]
        d = d - d.mean((0, 1))
        pulls = probe.forces[partners]
        products += (d[..., None] * along).flatten(1) @ pulls.flatten(1).T
        q = (along * pulls).sum(3)
        spread = d.square().mean((0, 1)) * (q - q.mean((0, 1))).square().mean((0, 1))
        weight += float(spread.sqrt().sum()) * d.shape[0] * d.shape[1]
    rows = torch.arange(n_pairs)
    sums = products[rows, (rows + turns[:, None]) % n_pairs].sum(1)
    return sums / weight if weight else sums * 0
