"""Peaks and minima of curves with noise."""

import pytest
import torch
from torch import Tensor

from autograin_cli.comparison.peaks import first_peak, highest_near, minimum_behind

SPACING = 0.1
MIDDLES = SPACING * (torch.arange(120, dtype=torch.float64) + 0.5)
NONE = torch.zeros(120, dtype=torch.float64)


def liquid(shift: float = 0.0) -> Tensor:
    """A curve with peaks near 4 and 8 Å and a minimum between."""
    waves = 1 + 2 * torch.exp(-(MIDDLES - 4) / 3) * torch.cos(
        2 * torch.pi * (MIDDLES - 4 - shift) / 4
    )
    return torch.where(MIDDLES > 3.0, waves, 0.0)


def test_the_vertex_of_a_parabola_is_found_between_bins() -> None:
    curve = 3.0 - 0.7 * (MIDDLES - 4.237) ** 2
    assert first_peak(curve, NONE, SPACING) == 42
    place, height = highest_near(curve, 42, SPACING)
    assert float(place) == pytest.approx(4.237)
    assert float(height) == pytest.approx(3.0)


def test_the_first_peak_is_taken_not_the_highest() -> None:
    curve = liquid() + 5 * torch.exp(-((MIDDLES - 8.0) ** 2))
    peak = first_peak(curve, NONE, SPACING)
    assert peak is not None and abs(float(MIDDLES[peak]) - 3.7) < 0.3


def test_noise_makes_no_peak_and_a_rise_at_the_end_none_either() -> None:
    noise = 0.05 * torch.randn(120, generator=torch.Generator().manual_seed(0)).double()
    assert first_peak(1 + noise, NONE + 0.05, SPACING) is None
    assert first_peak(1 + MIDDLES**2, NONE, SPACING) is None


def test_the_minimum_lies_behind_the_peak() -> None:
    curve = liquid()
    peak = first_peak(curve, NONE, SPACING)
    assert peak is not None
    place = minimum_behind(curve, peak, SPACING)
    lowest = float(MIDDLES[30:80][curve[30:80].argmin()])
    assert place == pytest.approx(lowest, abs=SPACING)
    assert minimum_behind(curve[:55], peak, SPACING) is None


def test_the_peaks_of_many_curves_are_found_at_once() -> None:
    shifts = [-0.3, 0.0, 0.2]
    places, heights = highest_near(torch.stack([liquid(s) for s in shifts]), 39, SPACING)
    for row, shift in enumerate(shifts):
        place, height = highest_near(liquid(shift), 39, SPACING)
        assert (float(places[row]), float(heights[row])) == (float(place), float(height))
