"""The figures of liquids: pair terms, g(r) and S(q)."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from autograin_cli.comparison.comparison import (
    Orientation,
    PairDistribution,
    StructureFactor,
    TripletDistribution,
    score_of,
)
from autograin_cli.files.pages.figures import (
    ANALYTIC,
    BLACK,
    GREY,
    MODEL,
    SAMPLED,
    STYLE,
    Floats,
    bars,
)
from autograin_cli.potential.pair import PairTerm

SIZE = (4.6, 4.0)
WALL = "#B22222"
MARGIN = 0.6  # Å drawn beyond the sampled range and the cutoff
DEEPS = 2.5  # depths of the well that are drawn above zero
LEAST_HEIGHT = 0.5  # kJ/mol of the energy axis, however flat the term


def pair_figure(term: PairTerm, switch: float) -> Figure:
    """Draw the energy of a pair term with its error, wall, switch and cutoff, and the pairs.

    Args:
        term: what to draw.
        switch: distance from which the terms are switched off, Å.
    """
    r = term.table.points.numpy()
    energy = term.table.energy.numpy()
    errors = _finite(1.96 * term.energy_errors)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for axes in (upper, lower):
            axes.axvspan(term.sampled_low, term.cutoff, color=SAMPLED, linewidth=0, zorder=0)
        upper.axhline(0, color=BLACK, linewidth=0.8)
        upper.fill_between(r, energy - errors, energy + errors, color=ANALYTIC, alpha=0.3, lw=0)
        upper.plot(r, energy, color=ANALYTIC)
        upper.axvline(term.sampled_low, color=WALL, ls="--", lw=1, label="wall: no pair so near")
        if switch < term.cutoff and term.form != "spline":
            upper.axvline(switch, color=GREY, ls=":", lw=1.2, label="switched off from here")
        upper.axvline(term.cutoff, color=GREY, ls="--", lw=1, label="cutoff")
        upper.set_ylim(*_energy_limits(energy[r >= term.sampled_low]))
        upper.set_ylabel("U (kJ/mol)")
        upper.legend(loc="upper right", frameon=True, framealpha=0.8, edgecolor="none")
        centres, counts, width = bars(r, term.counts.numpy())
        lower.bar(centres, counts, width=width, color=GREY, linewidth=0)
        lower.set_ylabel("pairs")
        lower.set_xlabel("r (Å)")
        lower.set_xlim(term.sampled_low - MARGIN, term.cutoff + MARGIN)
    return figure


def _energy_limits(sampled: Floats) -> tuple[float, float]:
    """Show the well and a part of the repulsion, whatever its height."""
    energies = sampled if sampled.size else np.zeros(1)
    depth = max(0.0, -float(energies.min()))
    highest = max(float(energies.max()), 0.0)
    top = min(highest, DEEPS * depth) if depth > 0.02 * highest else highest
    height = max(top + depth, LEAST_HEIGHT)
    return -depth - 0.12 * height, top + 0.35 * height


def pair_distribution_figure(pairs: PairDistribution) -> Figure:
    """Draw g(r) of reference and model with their bands, and model minus reference."""
    edges = pairs.edges.numpy()
    centres = (edges[1:] + edges[:-1]) / 2
    is_density = pairs.kind == "intramolecular"
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        if not is_density:
            upper.axhline(1, color=GREY, linewidth=0.8)
        for name, colour in (("reference", BLACK), ("model", MODEL)):
            value, low, high = (
                getattr(pairs, f"{name}{end}").numpy() for end in ("", "_low", "_high")
            )
            upper.plot(centres, value, color=colour, label=name)
            upper.fill_between(centres, low, high, color=colour, alpha=0.25, linewidth=0)
        if pairs.shell is not None:
            upper.axvline(pairs.shell, color=GREY, ls=":", lw=1.2, label="first shell ends")
        upper.set_ylim(bottom=0)
        upper.set_ylabel("density (1/Å)" if is_density else "g(r)")
        upper.legend(loc="best")
        draw_difference(lower, centres, pairs)
        lower.set_xlabel("r (Å)")
        lower.set_xlim(edges[0], edges[-1])
    return figure


def draw_difference(
    axes: Axes, centres: Floats, pairs: PairDistribution | TripletDistribution | Orientation
) -> None:
    """Draw model minus reference, the band of the reference, and the floor of the rms deviation."""
    reference = pairs.reference.numpy()
    low, high = pairs.reference_low.numpy() - reference, pairs.reference_high.numpy() - reference
    axes.fill_between(centres, low, high, color=BLACK, alpha=0.2, linewidth=0)
    floor = score_of(pairs.name, pairs.scores, "rms deviation").floor
    for level in (-floor, floor):
        axes.axhline(level, color=ANALYTIC, ls="--", linewidth=0.9)
    axes.axhline(0, color=BLACK, linewidth=0.8)
    axes.plot(centres, pairs.model.numpy() - reference, color=MODEL)
    axes.set_ylabel("difference")


def structure_factor_figure(factor: StructureFactor) -> Figure:
    """Draw S(q) of reference and model with their 95 % errors."""
    q = factor.q.numpy()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        axes = figure.subplots()
        for name, colour in (("reference", BLACK), ("model", MODEL)):
            value = getattr(factor, name).numpy()
            error = _finite(1.96 * getattr(factor, f"{name}_error"))
            axes.fill_between(q, value - error, value + error, color=colour, alpha=0.25, lw=0)
            axes.plot(q, value, color=colour, label=name, marker=".", markersize=3, linewidth=1.2)
        axes.set_xlim(left=0)
        axes.set_xlabel("q (1/Å)")
        axes.set_ylabel("S(q)")
        axes.legend(loc="best")
    return figure


def _finite(errors: Tensor) -> Floats:
    """Nothing is drawn where an error is infinite."""
    found: Floats = errors.numpy()
    return np.where(np.isfinite(found), found, np.nan)
