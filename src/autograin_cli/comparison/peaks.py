"""The first peak of g(r) and the minimum behind it, on curves with noise."""

from dataclasses import dataclass

import torch
from torch import Tensor

REACH = 1.0  # Å; a peak is higher than everything so near
SMOOTHED = 0.25  # Å; half of the window in which the curve is taken for a parabola
CLEAR = 3.0  # standard errors by which a peak stands above 1


@dataclass(frozen=True)
class Parabolas:
    """Curves as parabolas around each bin that has enough neighbours.

    value, slope, curve: of v + s d + c d², d in bins from the middle of the bin, (..., bins).
    margin: bins at either end that have no parabola of their own; they are as empty as -inf.
    """

    value: Tensor
    slope: Tensor
    curve: Tensor
    margin: int


def parabolas(curves: Tensor, spacing: float) -> Parabolas:
    """Fit a parabola around each bin by least squares.

    Args:
        curves: of any unit, (..., bins).
        spacing: of the bins, Å.

    Source: A. Savitzky, M. J. E. Golay, Anal. Chem. 36, 1627 (1964).
    """
    half = max(1, round(SMOOTHED / spacing))
    offsets = torch.arange(-half, half + 1, dtype=curves.dtype)
    powers = torch.stack((torch.ones_like(offsets), offsets, offsets**2))
    fitted = curves.unfold(-1, 2 * half + 1, 1) @ torch.linalg.pinv(powers)
    padded = torch.nn.functional.pad(fitted, (0, 0, half, half), value=0.0)
    return Parabolas(padded[..., 0], padded[..., 1], padded[..., 2], half)


def first_peak(curve: Tensor, error: Tensor, spacing: float) -> int | None:
    """Find the bin of the first peak: clearly above 1, and above everything near it.

    Args:
        curve: g(r), (bins,).
        error: standard error of each bin, (bins,).
        spacing: of the bins, Å.

    Returns:
        None where there is no such bin.
    """
    found = parabolas(curve, spacing)
    clear = (found.value - 1.0 > CLEAR * error) & _highest(found.value, spacing, found.margin)
    bins = clear.nonzero()
    return int(bins[0]) if len(bins) else None


def minimum_behind(curve: Tensor, peak: int, spacing: float) -> float | None:
    """Find the first distance behind a peak where the curve is below everything near it.

    Args:
        curve: g(r), (bins,).
        peak: its bin.
        spacing: of the bins, Å.

    Returns:
        Å; None where the curve has no such place before its end.
    """
    found = parabolas(curve, spacing)
    lowest = _highest(-found.value, spacing, found.margin)
    lowest[: peak + 1] = False
    bins = lowest.nonzero()
    if not len(bins):
        return None
    return float(vertex(parabolas(-curve, spacing), bins[0], spacing)[0])


def highest_near(curves: Tensor, peak: int, spacing: float) -> tuple[Tensor, Tensor]:
    """Find the place and the height of the peak of each curve that is nearest to a bin.

    Args:
        curves: g(r), (..., bins).
        peak: bin about which to look.
        spacing: of the bins, Å.

    Returns:
        Å and the unit of the curve, both (...).
    """
    found, reach = parabolas(curves, spacing), max(1, round(REACH / spacing))
    low = max(peak - reach, found.margin)
    high = min(peak + reach + 1, curves.shape[-1] - found.margin)
    at = found.value[..., low:high].argmax(-1) + low
    return vertex(found, at, spacing)


def vertex(found: Parabolas, at: Tensor, spacing: float) -> tuple[Tensor, Tensor]:
    """Place, Å, and height of the vertex of the parabola around a bin, never beyond that bin."""
    value, slope, curve = (
        part.gather(-1, at[..., None])[..., 0] if part.dim() > 1 else part[at].squeeze()
        for part in (found.value, found.slope, found.curve)
    )
    shift = (-slope / (2.0 * curve).clamp(max=-1e-12)).clamp(-1.0, 1.0)
    height = value + slope * shift + curve * shift**2
    return (at.squeeze() + 0.5 + shift) * spacing, height


def _highest(values: Tensor, spacing: float, margin: int) -> Tensor:
    """Whether each bin is at least as high as all within reach, all of which must be there."""
    reach = max(1, round(REACH / spacing))
    inside = values[margin : len(values) - margin]
    highest = torch.zeros_like(values, dtype=torch.bool)
    if len(inside) <= reach:
        return highest
    padded = torch.nn.functional.pad(inside, (reach, 0), value=-torch.inf)
    windows = padded.unfold(0, 2 * reach + 1, 1).amax(1)
    highest[margin : margin + len(windows)] = inside[: len(windows)] >= windows
    return highest
