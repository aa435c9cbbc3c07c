"""Draw figure 6 of the paper: ethane with a network, and what two lone beads feel.

python docs/paper/figure_6.py OUT.svg [--quick] NAME=COMPARISON ...
"""

from comparisons import Drawn, read_arguments
from curves import (
    NEAREST,
    TITLES,
    bond,
    describe,
    draw_curves,
    draw_pair_potentials,
    letter,
    orientation,
    pair_distribution,
    range_key,
    triplet,
)
from drawing import new_figure, save
from matplotlib import rc_context
from matplotlib.figure import Figure

from autograin_cli.files.pages.figures import STYLE


def figure_of(drawn: Drawn) -> Figure:
    """The pair potential, then the functions of the beads."""
    figure = new_figure(11.0, 6.6)
    panels = figure.subplot_mosaic([["potential", "key", "bond"], ["pairs", "triplets", "axes"]])
    draw_pair_potentials(panels["potential"], drawn.models)
    panels["potential"].set(xlim=(NEAREST, None), ylim=(-2.0, 5.0))
    letter(panels["potential"], "a", "effective pair potential")
    functions = {
        "bond": bond,
        "pairs": pair_distribution,
        "triplets": triplet,
        "axes": orientation,
    }
    for name, (place, function) in zip("bcde", functions.items(), strict=True):
        draw_curves(panels[place], {label: function(m) for label, m in drawn.models.items()})
        letter(panels[place], name, TITLES[place])
    what = "liquid ethane, beads at centres of mass"
    describe(panels["key"], panels["pairs"], what, drawn, range_key())
    return figure


def main() -> None:
    """Read the comparisons and write the figure."""
    drawn = read_arguments("Draw figure 6.")
    with rc_context(STYLE):
        save(figure_of(drawn), drawn.target, quick=drawn.quick)


if __name__ == "__main__":
    main()
