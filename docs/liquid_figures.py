"""Draw figures 4 and 5 of the paper, the functions of the beads, from comparisons.

    python docs/liquid_figures.py OUT.svg NAME=comparison.h5 ...

Every comparison is against the same reference, and its model is drawn under its name.
"""

import sys
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autograin_cli.comparison.comparison import Comparison, Distribution, PairDistribution
from autograin_cli.files.artifacts import load
from autograin_cli.files.pages.figures import BLACK, STYLE

COLOURS = ("#D55E00", "#0072B2", "#009E73")
Curve = Distribution | PairDistribution


def curves(comparison: Comparison) -> tuple[Curve, ...]:
    """What is drawn, a panel each."""
    return comparison.pair_distributions + comparison.distributions


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
    if isinstance(first, PairDistribution):
        axes.set_xlabel("r (Å)")
        axes.set_ylabel(f"g(r), {first.name}")
    else:
        axes.set_xlabel(f"{first.name} ({first.unit})")
        axes.set_ylabel(f"density (1/{first.unit})")


def figure_of(comparisons: dict[str, Comparison]) -> Figure:
    """One panel for each curve that the comparisons have."""
    names = [curve.name for curve in curves(next(iter(comparisons.values())))]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6 * len(names), 3.4), layout="constrained")
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            models = {
                label: next(curve for curve in curves(comparison) if curve.name == name)
                for label, comparison in comparisons.items()
            }
            draw_curve(axes, models)
        figure.axes[0].legend(frameon=False)
    return figure


def main(arguments: list[str]) -> None:
    """Read the comparisons and write the figure."""
    target, *named = arguments
    pairs = [argument.partition("=")[::2] for argument in named]
    loaded = {name: load(Path(path), ("comparison",)).comparison for name, path in pairs}
    found = {name: comparison for name, comparison in loaded.items() if comparison is not None}
    with matplotlib.rc_context(STYLE):
        figure_of(found).savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1:])
