"""What coordinates and the forces along them say: how well they fit, and how warm it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import torch
from torch import Tensor

from autograin_cli.checking.probe import Probe
from autograin_cli.checking.sample import Sample
from autograin_cli.units import BOLTZMANN

_FEWEST = 5  # values of a coordinate without which its mean says nothing
_BLOCKS = 30  # in time: their spread is known to 13 %
_FEWEST_BLOCKS = 4  # without which nothing is known of correlation
_MOST_CORRELATED = 0.9
_FEWEST_COORDINATES = 8  # whose spread is known to a quarter


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
    x, y, z = (probe.directions[frames] * probe.forces[partners]).unbind(3)
    return x + y + z


def stiffness(probes: Sequence[Probe], frames: Tensor) -> float:
    """Curvature -<d Q> / <d²> in some frames, summed over the coordinates, kJ/(mol Å²).

    Unlike the temperature it does not depend on how much energy is in the coordinates.
    """
    return float(sum(float(curvature(probe, frames).sum()) for probe in probes))


def curvature(probe: Probe, frames: Tensor) -> Tensor:
    """Curvature -<d Q> / <d²> of each coordinate in some frames, (coordinates,)."""
    d, q = probe.deviations[frames], along(probe, frames, frames)
    d, q = d - d.mean((0, 1)), q - q.mean((0, 1))
    return -(d * q).sum((0, 1)) / d.square().sum((0, 1)).clamp(min=torch.finfo(d.dtype).tiny)


def temperature(probes: Sequence[Probe], sample: Sample) -> Temperature | None:
    """Temperature that the forces imply; None where there are too few values.

    The mean of a coordinate is that of the sample, which takes one degree of freedom.
    """
    if sample.n_frames < 2:
        return None
    works, divergence = [], 0.0
    everything = torch.arange(sample.n_frames)
    for probe in probes:
        d, q = probe.deviations, along(probe, everything, everything)
        n_values = d.shape[0] * d.shape[1]
        if n_values < _FEWEST:
            return None
        works.append((d * (q - q.mean((0, 1)))).flatten(1) * n_values / (1 - n_values))
        divergence += float(probe.divergences.sum()) / sample.n_frames
    if divergence <= 0:
        return None
    shares = torch.cat(works, dim=1) / divergence / BOLTZMANN
    return Temperature(float(shares.sum(1).mean()), mean_error(shares, blocks(sample.frames)))


def blocks(frames: Tensor) -> Tensor:
    """Number of the block in time that each frame is counted with, (frames,), int64.

    At most `_BLOCKS`, each of frames that are all next to one another, or of whole runs.

    Args:
        frames: numbers of the frames, (frames,), int64, increasing.
    """
    begins = torch.ones(len(frames), dtype=torch.bool)
    begins[1:] = frames.diff() > 1
    runs = begins.long().cumsum(0) - 1
    units = runs if int(runs[-1]) else torch.arange(len(frames))
    return units // -(-(int(units[-1]) + 1) // _BLOCKS)


def mean_error(shares: Tensor, block: Tensor) -> float:
    """Standard error of the mean of a sum over coordinates, however these are correlated.

    The larger of two estimates, and not less than that of independent values:

    * from the means of blocks in time, which sees what coordinates have in common. What one block
      tells of the next is counted as in an autoregressive process;
    * clustered both ways, by blocks and by coordinates: the sum of both variances less that of
      independent values. It sees coordinates that keep their energy for longer than the run, as
      stiff bonds do that hardly exchange heat with others.

    Args:
        shares: of each coordinate in the sum, in any unit, (frames, coordinates); all have the
            same expectation.
        block: from `blocks`.

    Source: A. C. Cameron, J. B. Gelbach and D. L. Miller, J. Bus. Econ. Stat. 29, 238 (2011), for
    clusters in two ways; M. G. Kendall, Biometrika 41, 403 (1954), for the bias of a correlation.
    """
    n_frames, n_coordinates = shares.shape
    n_blocks = int(block[-1]) + 1
    sums = torch.zeros(n_blocks, dtype=shares.dtype).index_add(0, block, shares.sum(1))
    means = sums / torch.bincount(block)
    by_time = float(means.var()) / n_blocks
    alone = float(shares.var()) * n_coordinates / n_frames
    by_both = 0.0
    if n_coordinates >= _FEWEST_COORDINATES:
        by_both = by_time + float(shares.mean(0).var()) * n_coordinates - alone
    return sqrt(max(by_time * _lasting(means), by_both, alone))


def _lasting(means: Tensor) -> float:
    """How many times larger correlation makes the variance of the mean of a series."""
    n, d = len(means), means - means.mean()
    squares = float(d.square().sum())
    if n < _FEWEST_BLOCKS or not squares:
        return 1.0
    found = float((d[1:] * d[:-1]).sum()) / squares
    correlation = min(max(found + (1 + 3 * found) / n, 0.0), _MOST_CORRELATED)
    return (1 + correlation) / (1 - correlation)
