"""The figures of what a comparison finds beside one coordinate and g(r)."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autograin_cli.comparison.comparison import (
    JointDistribution,
    Orientation,
    TripletDistribution,
)
from autograin_cli.files.pages.figures import (
    ANALYTIC,
    BLACK,
    GREY,
    MODEL,
    STYLE,
    Floats,
    printable,
)
from autograin_cli.files.pages.liquid_figures import SIZE, draw_difference

ENCLOSED = (0.9, 0.5)  # of the reference, by the lines drawn over both planes


def triplet_figure(triplets: TripletDistribution) -> Figure:
    """Draw the density of the angle of reference and model, and that of beads anywhere."""
    edges = triplets.edges.numpy()
    centres = (edges[1:] + edges[:-1]) / 2
    with matplotlib.rc_context(STYLE):
        figure, upper, lower = _panels()
        anywhere = np.pi / 360.0 * np.sin(np.deg2rad(centres))
        upper.plot(centres, anywhere, color=GREY, ls="--", lw=1.2, label="beads anywhere")
        _draw_curves(upper, centres, triplets)
        upper.set_ylim(bottom=0)
        upper.set_ylabel("density (1/degrees)")
        upper.legend(loc="best")
        draw_difference(lower, centres, triplets)
        lower.set_xlabel("θ (degrees)")
        lower.set_xlim(edges[0], edges[-1])
        lower.set_xticks(range(0, 181, 30))
    return figure


def orientation_figure(curves: Orientation) -> Figure:
    """Draw P1 or P2 of reference and model by distance, and model minus reference."""
    edges = curves.edges.numpy()
    centres = (edges[1:] + edges[:-1]) / 2
    with matplotlib.rc_context(STYLE):
        figure, upper, lower = _panels()
        upper.axhline(0, color=GREY, linewidth=0.8)
        _draw_curves(upper, centres, curves)
        upper.set_ylabel("⟨cos θ⟩" if curves.order == 1 else "⟨3 cos²θ − 1⟩ / 2")
        upper.legend(loc="best")
        draw_difference(lower, centres, curves)
        lower.set_xlabel("distance of the centres (Å)")
        lower.set_xlim(edges[0], edges[-1])
    return figure


def joint_figure(joint: JointDistribution) -> Figure:
    """Draw the density of two coordinates in reference and model, and their difference."""
    reference, model = joint.reference.numpy(), joint.model.numpy()
    top = max(float(reference.max()), float(model.max()), 1e-300)
    lines = _levels(reference)
    difference = model - reference
    most = max(float(np.abs(difference).max()), 1e-300)
    known = joint.correlation
    panels = (
        (f"reference, r = {known.reference:.3f}", reference, ("Greys", 0.0, top)),
        (f"model, r = {known.model:.3f}", model, ("Greys", 0.0, top)),
        ("model − reference", difference, ("PuOr_r", -most, most)),
    )
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.4, 3.3), layout="constrained")
        row = figure.subplots(1, 3, sharex=True, sharey=True)
        for axes, (title, plane, scale) in zip(row, panels, strict=True):
            image = _draw_plane(axes, joint, plane, lines, scale)
            axes.set_title(title, fontsize=9)
            axes.set_xlabel(printable(f"{joint.first} ({joint.first_unit})"))
            if plane is not reference:  # whose scale is that of the model
                figure.colorbar(image, ax=axes, shrink=0.85).ax.tick_params(labelsize=8)
        row[0].set_ylabel(printable(f"{joint.second} ({joint.second_unit})"))
    return figure


def _draw_plane(
    axes: Axes,
    joint: JointDistribution,
    plane: Floats,
    lines: list[float],
    scale: tuple[str, float, float],
) -> matplotlib.image.AxesImage:
    """Draw a density of two coordinates, and lines around half and most of the reference."""
    x, y = joint.first_edges.numpy(), joint.second_edges.numpy()
    colours, low, high = scale
    image = axes.imshow(
        plane.T,
        origin="lower",
        extent=(x[0], x[-1], y[0], y[-1]),
        aspect="auto",
        cmap=colours,
        vmin=low,
        vmax=high,
        interpolation="none",
    )
    if lines:
        middle = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
        axes.contour(*middle, joint.reference.numpy().T, lines, colors=ANALYTIC, linewidths=1.0)
    return image


def _levels(plane: Floats) -> list[float]:
    """Densities above which half and most of a distribution lie, rising."""
    falling = np.sort(plane.ravel())[::-1]
    if falling.sum() <= 0.0:
        return []
    shares = falling.cumsum() / falling.sum()
    levels = {float(falling[np.searchsorted(shares, share)]) for share in ENCLOSED}
    return sorted(level for level in levels if 0.0 < level < falling[0])


def _panels() -> tuple[Figure, Axes, Axes]:
    """A figure of curves above and of their difference below."""
    figure = Figure(figsize=SIZE, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    return figure, upper, lower


def _draw_curves(axes: Axes, centres: Floats, curves: TripletDistribution | Orientation) -> None:
    """Draw reference and model with their bands."""
    for name, colour in (("reference", BLACK), ("model", MODEL)):
        value, low, high = (
            getattr(curves, f"{name}{end}").numpy() for end in ("", "_low", "_high")
        )
        axes.plot(centres, value, color=colour, label=name)
        axes.fill_between(centres, low, high, color=colour, alpha=0.25, linewidth=0)
