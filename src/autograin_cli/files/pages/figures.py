"""The figures of the report: one function each, and their SVG."""

import re
from collections.abc import Sequence
from html import escape
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from autograin_cli.comparison.comparison import Distribution
from autograin_cli.mapping.mapping import History, Mapping
from autograin_cli.potential.terms import Table, Term

Floats = NDArray[np.float64]

# Okabe and Ito's colours, which colour-blind readers tell apart.
BLACK, GREY = "#000000", "#777777"
BEAD_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
MODEL, ANALYTIC, SAMPLED = "#D55E00", "#0072B2", "#EEF3F7"

STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 10,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "autograin",
    "text.parse_math": False,
}
SYMBOLS = {"bond": "r (Å)", "angle": "θ (degrees)", "dihedral": "φ (degrees)"}
PANELS = 5
MOST_BARS = 50
MOST_ATOMS, TALLEST_PANEL = 40, 1.6  # names along an axis, inches


def svg(figure: Figure, title: str) -> str:
    """Draw a figure as an SVG element for HTML: no script, no address, no date.

    Args:
        figure: what to draw.
        title: what a reader who does not see it is told.
    """
    drawing = StringIO()
    with matplotlib.rc_context(STYLE):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(drawing, format="svg", metadata=nothing)
    text = drawing.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text)
    # Every figure numbers its groups from 1; nothing refers to them.
    text = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", text).replace("xlink:href", "href")
    label = escape(printable(title, 200))
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def drawn(figure: Figure, title: str) -> Markup:
    """Turn a figure into SVG that a template inserts as it is."""
    return Markup(svg(figure, title))  # noqa: S704, every text in it is escaped


def printable(name: str, longest: int = 32) -> str:
    """Cut a name from a file to what the fonts of a figure can show."""
    shown = "".join(c if c.isprintable() and ord(c) < 0x250 else "?" for c in name)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def bead_colour(bead: int) -> str:
    """Colour of a bead; grey for an atom that is in none."""
    return BEAD_COLOURS[bead % len(BEAD_COLOURS)] if bead >= 0 else GREY


def assignment_figure(mapping: Mapping) -> Figure:
    """Draw the share of each atom in each bead while the mapping was learned, and at the end."""
    final = np.zeros((mapping.n_beads, mapping.molecule.n_atoms))
    inside = (mapping.assignment >= 0).numpy()
    final[mapping.assignment.numpy()[inside], np.flatnonzero(inside)] = 1.0
    panels = _history_panels(mapping.history, final) if mapping.history else []
    panels.append(("final mapping", final))
    with matplotlib.rc_context(STYLE):
        height = min(0.2 * mapping.n_beads, TALLEST_PANEL)
        figure = Figure(figsize=(7.0, len(panels) * (height + 0.28) + 0.9), layout="constrained")
        column = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (title, shares) in zip(column, panels, strict=True):
            image = axes.imshow(
                shares, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="none"
            )
            axes.set_title(title, loc="left", pad=2, fontsize=9)
            axes.tick_params(length=0)
            _name_ticks(axes.yaxis, mapping.bead_names, int(height / 0.15))
        _name_ticks(column[-1].xaxis, mapping.molecule.atom_names, MOST_ATOMS)
        column[-1].tick_params(axis="x", rotation=90)
        figure.colorbar(image, ax=list(column), label="share of the atom", shrink=0.6)
    return figure


def _history_panels(history: History, final: Floats) -> list[tuple[str, Floats]]:
    """Choose records evenly over what changes, their beads in the order of the final ones."""
    matrices = history.assignments.numpy()
    _, order = linear_sum_assignment(-final @ matrices[-1].T)
    changes = np.abs(np.diff(matrices, axis=0, prepend=matrices[:1])).sum((1, 2)).cumsum()
    parts = np.linspace(0.0, 1.0, PANELS)[:-1] * changes[-1:]
    rows = np.unique(np.append(np.searchsorted(changes, parts), len(matrices) - 1))
    return [
        (
            f"step {int(history.steps[row])}, β = {float(history.beta[row]):.3g}",
            matrices[row][order],
        )
        for row in rows
    ]


def _name_ticks(axis: Axis, names: Sequence[str], most: int) -> None:
    """Name rows or columns, every so many where there is no room for all."""
    step = -(-len(names) // most)
    shown = [printable(name, 12) for name in names[::step]]
    axis.set_ticks(range(0, len(names), step), shown, fontsize=8)


def loss_figure(mapping: Mapping, history: History) -> Figure:
    """Draw the loss while annealing against its bound, and the inverse temperature."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 4.0), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        steps = history.steps.numpy() + 1
        upper.plot(steps, history.loss.numpy(), color=ANALYTIC, label="soft encoder, best seed")
        if mapping.certificate:
            upper.axhline(
                mapping.certificate.loss, color=MODEL, ls="--", label="final, hard mapping"
            )
            upper.axhline(
                mapping.certificate.bound, color=BLACK, ls=":", label="bound for any encoder"
            )
        upper.set_ylabel("L_AE (Å² per atom)")
        upper.legend()
        lower.plot(steps, history.beta.numpy(), color=BLACK)
        lower.set_ylim(bottom=0)
        lower.set_ylabel("β")
        lower.set_xscale("log")
        lower.xaxis.set_major_formatter("{x:g}")
        lower.set_xlabel("step + 1")
    return figure


def term_figure(term: Term) -> Figure:
    """Draw the energy of a term with its error, the sampled range, and the samples."""
    shown = _shown(term.coordinate)
    grid, energy = _with_walls(term.table)
    low, high = shown(term.sampled_low), shown(term.sampled_high)
    points = shown(np.linspace(term.table.low, term.table.high, len(term.table.energy)))
    zero, top = _levels(term, (points >= low) & (points <= high))
    level, errors = term.table.energy.numpy() - zero, _errors(term)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 3.8), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for axes in (upper, lower):
            axes.axvspan(low, high, color=SAMPLED, linewidth=0, zorder=0)
        upper.fill_between(points, level - errors, level + errors, color=ANALYTIC, alpha=0.3, lw=0)
        upper.plot(shown(grid), energy - zero, color=ANALYTIC)
        upper.set_ylim(-0.08 * top - 0.1, 1.3 * top + 0.1)
        upper.set_ylabel("U (kJ/mol)")
        centres, counts, width = bars(points, term.counts.numpy())
        lower.bar(centres, counts, width=width, color=GREY, linewidth=0)
        lower.set_ylabel("samples")
        lower.set_xlabel(SYMBOLS[term.coordinate])
        margin = 0.08 * (high - low) + 1e-9
        lower.set_xlim(low - margin, high + margin)
    return figure


def bars(points: Floats, counts: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64], float]:
    """Join the counts of neighbouring points to a few bars: centres, counts and width."""
    joined = -(-len(points) // MOST_BARS)
    starts = np.arange(0, len(points), joined)
    sizes = np.diff(starts, append=len(points))
    centres = np.add.reduceat(points, starts) / sizes
    width = joined * float(points[1] - points[0])
    return centres, np.add.reduceat(counts, starts), width


def _errors(term: Term) -> Floats:
    """95 % errors of the energy; nothing is drawn where they are infinite."""
    errors: Floats = 1.96 * term.energy_errors.numpy()
    return np.where(np.isfinite(errors), errors, np.nan)


def _levels(term: Term, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Least energy in the sampled range, and the largest above it with its error."""
    energy = term.table.energy.numpy()
    sampled = energy[inside] if inside.any() else energy
    upper = energy + np.nan_to_num(_errors(term))
    top = upper[inside] if inside.any() else upper
    return float(sampled.min()), float(top.max() - sampled.min())


def _shown(coordinate: str) -> Any:
    """Turn Å or radians into what is on the axis: Å or degrees."""
    return np.asarray if coordinate == "bond" else np.rad2deg


def _with_walls(table: Table) -> tuple[Floats, Floats]:
    """Grid and energy of a table with a piece of the wall at each end."""
    grid = np.linspace(table.low, table.high, len(table.energy))
    energy = table.energy.numpy()
    if table.periodic:
        return grid, energy
    beyond = np.linspace(0.0, 0.15 * (table.high - table.low), 30)[1:]
    stiff = 0.5 * table.wall_stiffness * beyond**2
    before = energy[0] - float(table.slope[0]) * beyond + stiff
    after = energy[-1] + float(table.slope[-1]) * beyond + stiff
    return (
        np.concatenate((table.low - beyond[::-1], grid, table.high + beyond)),
        np.concatenate((before[::-1], energy, after)),
    )


def distribution_figure(distribution: Distribution) -> Figure:
    """Draw reference, model and analytic density of a coordinate, and model minus reference."""
    edges = distribution.edges.numpy()
    centres = (edges[1:] + edges[:-1]) / 2
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.0), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for name, colour in (("reference", BLACK), ("model", MODEL)):
            density, low, high = _density(distribution, name)
            upper.plot(centres, density, color=colour, label=name)
            upper.fill_between(centres, low, high, color=colour, alpha=0.25, linewidth=0)
        if distribution.analytic is not None:
            curve = distribution.analytic.numpy()
            upper.plot(centres, curve, color=ANALYTIC, ls="--", label="term alone")
        upper.set_ylim(bottom=0)
        upper.set_ylabel(f"density (1/{printable(distribution.unit)})")
        upper.legend()
        _draw_difference(lower, centres, distribution)
        lower.set_xlabel(SYMBOLS[distribution.coordinate])
        lower.set_xlim(edges[0], edges[-1])
    return figure


def _density(distribution: Distribution, which: str) -> tuple[Floats, Floats, Floats]:
    """Density of 'reference' or 'model', and the ends of its band."""
    ends = (which, f"{which}_low", f"{which}_high")
    density, low, high = (getattr(distribution, name).numpy() for name in ends)
    return density, low, high


def _draw_difference(axes: Axes, centres: Floats, distribution: Distribution) -> None:
    """Draw model minus reference on the band of the reference."""
    reference, low, high = _density(distribution, "reference")
    axes.fill_between(
        centres, low - reference, high - reference, color=BLACK, alpha=0.2, linewidth=0
    )
    axes.axhline(0, color=BLACK, linewidth=0.8)
    axes.plot(centres, distribution.model.numpy() - reference, color=MODEL)
    axes.set_ylabel("difference")
