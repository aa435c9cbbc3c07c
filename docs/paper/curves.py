"""The panels of figures 4 to 6: functions of the beads with their bands, and pair potentials."""

from typing import Any

import numpy as np
import torch
from comparisons import Drawn, comparison_of, conditions
from drawing import COLOURS
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import Tensor

from autograin_cli.comparison.comparison import (
    Distribution,
    Orientation,
    PairDistribution,
    TripletDistribution,
)
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.pages.figures import BLACK, GREY, Floats
from autograin_cli.potential.neural.pair_curve import lone_pair_term, pair_curve
from autograin_cli.potential.pair import PairTerm

Curve = Distribution | PairDistribution | Orientation | TripletDistribution
REFERENCE = "atoms, mapped to beads"
NEAREST = 2.5  # Å; no two molecules are nearer
TRUSTED = 1.96  # standard errors of a band of 95 %
TITLES = {
    "bond": "bond",
    "pairs": "pair distribution",
    "triplets": "angles between neighbours",
    "axes": "order of the axes",
}


def letter(axes: Axes, name: str, title: str = "") -> None:
    """Name a panel, above its upper left corner, and say what is in it."""
    axes.set_title(f"({name})  {title}", loc="left", fontsize=10.5, pad=7)


def pair_distribution(artifact: Artifact) -> Curve:
    """The g(r) between molecules of the first pair of types."""
    return comparison_of(artifact).pair_distributions[0]


def bond(artifact: Artifact) -> Curve:
    """The distribution of the first bond."""
    return comparison_of(artifact).distributions[0]


def triplet(artifact: Artifact) -> Curve:
    """The distribution of the angle at a bead between two of its neighbours."""
    return comparison_of(artifact).triplet_distributions[0]


def orientation(artifact: Artifact) -> Curve:
    """The mean P2 of the axes of two molecules at a distance."""
    return comparison_of(artifact).orientations[0]


def draw_curves(axes: Axes, curves: dict[str, Curve]) -> None:
    """Draw the reference and the models of one function, each with its band."""
    first = next(iter(curves.values()))
    x = centres(first)
    band(axes, x, first.reference_low.numpy(), first.reference_high.numpy(), BLACK)
    axes.plot(x, first.reference.numpy(), color=BLACK, lw=2.4, label=REFERENCE)
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        x = centres(curve)
        band(axes, x, curve.model_low.numpy(), curve.model_high.numpy(), colour)
        axes.plot(x, curve.model.numpy(), color=colour, lw=1.3, label=name)
    axes.set_xlabel(abscissa(first))
    axes.set_ylabel(ordinate(first))
    frame(axes, first)


def frame(axes: Axes, curve: Curve) -> None:
    """Show of an axis what is of interest, with a line where nothing is ordered."""
    if isinstance(curve, PairDistribution):
        axes.set(xlim=(NEAREST, float(curve.edges[-1])), ylim=(0.0, None))
        axes.axhline(1.0, color=GREY, lw=0.8, zorder=0)
    elif isinstance(curve, TripletDistribution):
        axes.set(xlim=(0.0, 180.0), xticks=range(0, 181, 30), ylim=(0.0, None))
    elif isinstance(curve, Orientation):
        axes.axhline(0.0, color=GREY, lw=0.8, zorder=0)
    else:
        axes.set_ylim(bottom=0.0)


def draw_differences(axes: Axes, curves: dict[str, Curve]) -> None:
    """Draw models less reference, each with the band of the model, on that of the reference."""
    first = next(iter(curves.values()))
    zero = first.reference.numpy()
    low, high = first.reference_low.numpy() - zero, first.reference_high.numpy() - zero
    band(axes, centres(first), low, high, BLACK)
    axes.axhline(0.0, color=BLACK, lw=0.8)
    for colour, curve in zip(COLOURS, curves.values(), strict=False):
        zero = curve.reference.numpy()
        low, high = curve.model_low.numpy() - zero, curve.model_high.numpy() - zero
        band(axes, centres(curve), low, high, colour)
        axes.plot(centres(curve), curve.model.numpy() - zero, color=colour, lw=1.4)
    axes.set_xlabel(abscissa(first))
    axes.set_ylabel("beads less atoms")


def draw_pair_potentials(axes: Axes, artifacts: dict[str, Artifact]) -> None:
    """Draw the energy of two lone beads of each model, dotted where the reference has no pair.

    The band of a pair term is from its standard errors; a network has none.
    """
    for colour, (name, artifact) in zip(COLOURS, artifacts.items(), strict=False):
        if artifact.nonbonded is None:
            continue
        term = artifact.nonbonded.terms[0]
        types = (term.types[0], term.types[1])
        r = torch.linspace(0.8 * term.sampled_low, term.cutoff, 400, dtype=torch.float64)
        if artifact.neural is None:
            energy = lone_pair_term(artifact.nonbonded, types, r).numpy()
            errors = trusted_errors(term, r).numpy()
            band(axes, r.numpy(), energy - errors, energy + errors, colour)
        else:
            energy = pair_curve(artifact.neural, artifact.nonbonded, types, r).numpy()
        seen = r.numpy() >= term.sampled_low
        axes.plot(r.numpy()[seen], energy[seen], color=colour, lw=1.4, label=name)
        axes.plot(r.numpy()[~seen], energy[~seen], color=colour, lw=1.2, ls=":")
        axes.axvline(term.sampled_low, color=GREY, lw=0.9, ls="--", zorder=0)
    axes.axhline(0.0, color=BLACK, lw=0.8)
    axes.set_xlabel("r (Å)")
    axes.set_ylabel("U of two lone beads (kJ/mol)")


def trusted_errors(term: PairTerm, r: Tensor) -> Tensor:
    """Half of the band of the energy of a pair term, kJ/mol; not a number where it is unknown."""
    errors = TRUSTED * term.energy_errors.numpy()
    known = np.where(np.isfinite(errors), errors, np.nan)
    return torch.from_numpy(np.interp(r.numpy(), term.table.points.numpy(), known))


def band(axes: Axes, x: Floats, low: Floats, high: Floats, colour: str) -> None:
    """Shade between two curves."""
    axes.fill_between(x, low, high, color=colour, alpha=0.25, lw=0)


def key(axes: Axes, **place: Any) -> None:
    """Explain the curves of a panel, and its bands, in a legend."""
    axes.legend(handles=[*axes.get_legend_handles_labels()[0], band_key()], **place)


def say(axes: Axes, x: float, y: float, text: str) -> None:
    """Write lines into a panel, to the left of a place in shares of its size."""
    axes.text(x, y, text, transform=axes.transAxes, ha="right", va="top", fontsize=9)


def range_key() -> Line2D:
    """What stands in a legend for the end of the sampled range."""
    return Line2D([], [], color=GREY, lw=0.9, ls="--", label="nearest pair of the training")


def describe(axes: Axes, drawn_in: Axes, what: str, drawn: Drawn, *more: Line2D) -> None:
    """Fill a panel with the legend of another, and with what was run."""
    axes.axis("off")
    handles = [*drawn_in.get_legend_handles_labels()[0], band_key(), *more]
    axes.legend(handles=handles, loc="upper left", borderaxespad=0.0)
    text = f"{what}\n{conditions(drawn)}"
    axes.text(0.0, 0.0, text, transform=axes.transAxes, fontsize=9, va="bottom", linespacing=1.4)


def band_key() -> Patch:
    """What stands for all bands in a legend."""
    return Patch(color=GREY, alpha=0.35, lw=0, label="bands: 95 % (blocks of time)")


def centres(curve: Curve) -> Floats:
    """Middles of the bins."""
    middles: Floats = ((curve.edges[1:] + curve.edges[:-1]) / 2).numpy()
    return middles


def abscissa(curve: Curve) -> str:
    """Label of the axis of the coordinate."""
    if isinstance(curve, Distribution):
        return f"bond {_between(curve.name)} ({curve.unit})"
    if isinstance(curve, TripletDistribution):
        return "angle of two neighbours at a bead (degrees)"
    if isinstance(curve, Orientation):
        return "r of two centres (Å)"
    return "r (Å)"


def ordinate(curve: Curve) -> str:
    """Label of the axis of the function."""
    if isinstance(curve, Distribution):
        return f"density (1/{curve.unit})"
    if isinstance(curve, TripletDistribution):
        return "density (1/degree)"
    return "P₂ of the axes" if isinstance(curve, Orientation) else "g(r) between molecules"


def _between(name: str) -> str:
    """The types in the name of a term."""
    return name.rpartition(" ")[2]
