"""Draw figure 4 of the paper: g(r) of liquid methane, one bead a molecule.

python docs/paper/figure_4.py OUT.svg [--quick] NAME=COMPARISON ...
"""

from comparisons import Drawn, conditions, read_arguments
from curves import (
    NEAREST,
    draw_curves,
    draw_differences,
    draw_pair_potentials,
    key,
    letter,
    pair_distribution,
    range_key,
    say,
)
from drawing import new_figure, save
from matplotlib import rc_context
from matplotlib.figure import Figure

from autograin_cli.files.pages.figures import STYLE


def figure_of(drawn: Drawn) -> Figure:
    """g(r) over its difference from the atoms, and the pair potentials beside both."""
    curves = {name: pair_distribution(model) for name, model in drawn.models.items()}
    figure = new_figure(9.6, 5.6)
    panels = figure.subplot_mosaic([["g", "u"], ["d", "u"]], height_ratios=(2.2, 1))
    upper, lower, right = panels["g"], panels["d"], panels["u"]
    draw_curves(upper, curves)
    key(upper, loc="upper right")
    letter(upper, "a", "liquid methane, one bead a molecule")
    draw_differences(lower, curves)
    lower.set_xlim(upper.get_xlim())
    letter(lower, "b", "models less atoms")
    draw_pair_potentials(right, drawn.models)
    right.set(xlim=(NEAREST, None), ylim=(-2.0, 8.0))
    right.legend(handles=[*right.get_legend_handles_labels()[0], range_key()], loc="upper right")
    say(right, 0.98, 0.42, conditions(drawn))
    letter(right, "c", "pair potentials")
    return figure


def main() -> None:
    """Read the comparisons and write the figure."""
    drawn = read_arguments("Draw figure 4.")
    with rc_context(STYLE):
        save(figure_of(drawn), drawn.target, quick=drawn.quick)


if __name__ == "__main__":
    main()
