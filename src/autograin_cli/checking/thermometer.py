"""What coordinates and the forces along them say: how well they fit, and how warm it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import torch
from torch import Tensor

from autograin_cli.checking.probe import Probe
from autograin_cli.checking.sample import Sample
from autograin_cli.statistics import standard_error
from autograin_cli.units import BOLTZMANN

_FEWEST = 5  # values of a coordinate without which its mean says nothing


@dataclass(frozen=True)
class Fit:
    """How well forces fit the positions that they are paired with.

    correlation: of the deviations with the forces along them, mean over the coordinates: near -1
        where the forces pull back, near 0 where they are of other frames or atoms.
    noise: standard error that the correlation would have if they had nothing to do with each other.
    """

    correlation: float
    noise: float


@dataclass(frozen=True)
class Temperature:
    """What the forces imply.

    value: K.
    error: standard error, K.
    """

    value: float
    error: float

    @property
    def relative_error(self) -> float:
        """Standard error over value; infinite where the value is not positive."""
        return self.error / self.value if self.value > 0 else inf

    def __str__(self) -> str:
        """Write it for a person."""
        digits = max(0, 1 - len(str(int(self.error)))) if self.error >= 1 else 1
        return f"{self.value:.{digits}f} ± {self.error:.{digits}f} K"


def fit_of(probes: Sequence[Probe], frames: Tensor, partners: Tensor) -> Fit:
    """How well the forces of some frames fit the positions of others.

    Args:
        probes: from `probes`.
        frames: places of the positions in the sample, (pairs,).
        partners: places of the forces in the sample, (pairs,).
    """
    total = weight = 0.0
    n_values = 0
    for probe in probes:
        d = probe.deviations[frames].flatten(0, 1)
        q = along(probe, frames, partners).flatten(0, 1)
        if len(d) < 2:
            continue
        d, q = d - d.mean(0), q - q.mean(0)
        spread = (d.square().mean(0) * q.square().mean(0)).sqrt()
        total += float((d * q).mean(0).sum())
        weight += float(spread.sum())
        n_values += d.numel()
    # Coordinates that share an atom are not independent: half of them is taken to be.
    noise = sqrt(2 / n_values) if n_values else inf
    return Fit(total / weight if weight else 0.0, noise)


def along(probe: Probe, frames: Tensor, partners: Tensor) -> Tensor:
    """Forces of some frames along the coordinates of others, (pairs, copies, coordinates)."""
    return (probe.directions[frames] * probe.forces[partners]).sum(3)


def stiffness(probes: Sequence[Probe], frames: Tensor) -> float:
    """Curvature -<d Q> / <d²> in some frames, summed over the coordinates, kJ/(mol Å²).

    Unlike the temperature it does not depend on how much energy is in the coordinates.
    """
    return float(sum(float(_curvature(probe, frames).sum()) for probe in probes))


def _curvature(probe: Probe, frames: Tensor) -> Tensor:
    d, q = probe.deviations[frames], along(probe, frames, frames)
    d, q = d - d.mean((0, 1)), q - q.mean((0, 1))
    work = d * q
    return -work.sum((0, 1)) / d.square().sum((0, 1)).clamp(min=torch.finfo(d.dtype).tiny)


def temperature(probes: Sequence[Probe], sample: Sample) -> Temperature | None:
    """Temperature that the forces imply; None where there are too few values.

    The mean of a coordinate is that of the sample, which takes one degree of freedom.
    """
    n_frames = sample.n_frames
    work = torch.zeros(n_frames, dtype=torch.float64)
    divergence = 0.0
    everything = torch.arange(n_frames)
    for probe in probes:
        n_values = probe.deviations.shape[0] * probe.deviations.shape[1]
        if n_values < _FEWEST:
            return None
        d, q = probe.deviations, along(probe, everything, everything)
        work -= (d * (q - q.mean((0, 1)))).sum((1, 2)) * n_values / (n_values - 1)
        divergence += float(probe.divergences.sum()) / n_frames
    if divergence <= 0:
        return None
    series = work / divergence / BOLTZMANN
    if len(series) < 2:
        return None
    return Temperature(float(series.mean()), _error(series, sample))


def _error(series: Tensor, sample: Sample) -> float:
    """Standard error of the mean of a series, K: of its runs where these are spread, (frames,)."""
    starts = torch.ones(len(series), dtype=torch.bool)
    starts[1:] = sample.frames.diff() > 1
    runs = starts.long().cumsum(0) - 1
    n_runs = int(runs[-1]) + 1
    if n_runs == 1:
        return standard_error(series[None])
    sums = torch.zeros(n_runs, dtype=series.dtype).index_add(0, runs, series)
    means = sums / torch.bincount(runs)
    return standard_error(means[None])
