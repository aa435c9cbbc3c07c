"""Draw figures 4 to 6 of the paper, the functions of the beads, from comparisons.

    python docs/liquid_figures.py OUT.svg NAME=comparison.h5 ...

Every comparison is against the same reference, and its model is drawn under its name. Where a model
has networks, what two lone beads feel is drawn too (figure 6a).
"""

import sys
from pathlib import Path

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autograin_cli.comparison.comparison import (
    Distribution,
    Orientation,
    PairDistribution,
    TripletDistribution,
)
from autograin_cli.files.artifacts import Artifact, load
from autograin_cli.files.pages.figures import BLACK, STYLE
from autograin_cli.potential.neural.pair_curve import lone_pair_term, pair_curve

COLOURS = ("#D55E00", "#0072B2", "#009E73")
Curve = Distribution | PairDistribution | Orientation | TripletDistribution


def curves(artifact: Artifact) -> tuple[Curve, ...]:
    """What is drawn, a panel each."""
    found = artifact.comparison
    if found is None:
        return ()
    of_three: tuple[Curve, ...] = found.triplet_distributions
    return found.pair_distributions + found.orientations + of_three + found.distributions


def draw_curve(axes: Axes, models: dict[str, Curve]) -> None:
    """Draw the reference with its band, and the models with theirs."""
    first = next(iter(models.values()))
    centres = ((first.edges[1:] + first.edges[:-1]) / 2).numpy()
    low, high = first.reference_low.numpy(), first.reference_high.numpy()
    axes.fill_between(centres, low, high, color=BLACK, alpha=0.2, lw=0)
    axes.plot(centres, first.reference.numpy(), color=BLACK, lw=1.4, label="atoms, mapped")
    for colour, (name, curve) in zip(COLOURS, models.items(), strict=False):
        x = ((curve.edges[1:] + curve.edges[:-1]) / 2).numpy()
        low, high = curve.model_low.numpy(), curve.model_high.numpy()
        axes.fill_between(x, low, high, color=colour, alpha=0.25, lw=0)
        axes.plot(x, curve.model.numpy(), color=colour, lw=1.2, label=name)
    name_axes(axes, first)


def name_axes(axes: Axes, curve: Curve) -> None:
    """Label the axes of a curve."""
    if isinstance(curve, PairDistribution | Orientation):
        what = "g(r)" if isinstance(curve, PairDistribution) else f"P{curve.order}(r)"
        axes.set_xlabel("r (Å)")
        axes.set_ylabel(f"{what}, {curve.name}")
    else:
        unit = curve.unit if isinstance(curve, Distribution) else "degrees"
        axes.set_xlabel(f"{curve.name} ({unit})")
        axes.set_ylabel(f"density (1/{unit})")


def draw_pair_potentials(axes: Axes, artifacts: dict[str, Artifact]) -> None:
    """Draw the energy of two lone beads of the first pair term, that of each model."""
    for colour, (label, artifact) in zip(COLOURS, artifacts.items(), strict=False):
        if artifact.nonbonded is None:
            continue
        term = artifact.nonbonded.terms[0]
        types = (term.types[0], term.types[1])
        r = torch.linspace(0.9 * term.sampled_low, term.cutoff, 400, dtype=torch.float64)
        if artifact.neural is None:
            energy = lone_pair_term(artifact.nonbonded, types, r)
        else:
            energy = pair_curve(artifact.neural, artifact.nonbonded, types, r)
        axes.plot(r.numpy(), energy.numpy(), color=colour, lw=1.2, label=label)
        axes.set_xlabel(f"r of two lone beads {types[0]} and {types[1]} (Å)")
    axes.axhline(0.0, color=BLACK, lw=0.8)
    axes.set_ylim(-2.0, 4.0)
    axes.set_ylabel("U (kJ/mol)")


def figure_of(artifacts: dict[str, Artifact]) -> Figure:
    """One panel for each curve that the comparisons have, in rows of at most three if over four."""
    names = [curve.name for curve in curves(next(iter(artifacts.values())))]
    with_networks = any(artifact.neural is not None for artifact in artifacts.values())
    n_panels = len(names) + with_networks
    columns = n_panels if n_panels <= 4 else 3
    rows = -(-n_panels // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6 * columns, 3.4 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, title in zip(panels, names, strict=False):
            models = {
                label: next(curve for curve in curves(artifact) if curve.name == title)
                for label, artifact in artifacts.items()
            }
            draw_curve(axes, models)
        if with_networks:
            draw_pair_potentials(panels[len(names)], artifacts)
        for axes in panels[n_panels:]:
            axes.set_visible(False)
        figure.axes[0].legend(frameon=False)
    return figure


def main(arguments: list[str]) -> None:
    """Read the comparisons and write the figure."""
    target, *named = arguments
    pairs = [argument.partition("=")[::2] for argument in named]
    loaded = {label: load(Path(path), ("comparison",)) for label, path in pairs}
    with matplotlib.rc_context(STYLE):
        figure_of(loaded).savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1:])
