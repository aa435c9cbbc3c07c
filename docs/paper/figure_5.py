"""Draw figure 5 of the paper: the mapping of ethane, and three functions of its beads.

python docs/paper/figure_5.py OUT.svg [--quick] NAME=COMPARISON ...
"""

from comparisons import Drawn, read_arguments
from curves import (
    TITLES,
    bond,
    describe,
    draw_curves,
    letter,
    pair_distribution,
    triplet,
)
from drawing import new_figure, save
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from structures import Ball, ball_and_stick, clearest_view, draw, mixed_colours

from autograin_cli.files.pages.figures import STYLE, bead_colour
from autograin_cli.mapping.mapping import Mapping

BEAD = 1.25  # Å, drawn radius
CLEAR = 0.22  # how solid a bead is


def draw_matrix(axes: Axes, mapping: Mapping) -> None:
    """Draw the weight of every atom in every bead, with its number."""
    weights = mapping.encoder.numpy()
    axes.imshow(weights, cmap="viridis", vmin=0.0, aspect="auto")
    for bead, row in enumerate(weights):
        for atom, weight in enumerate(row):
            colour = "black" if weight > 0.5 * weights.max() else "white"
            text = f"{weight:.2f}" if weight else "0"
            axes.text(atom, bead, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(mapping.molecule.n_atoms), mapping.molecule.atom_names, fontsize=8)
    axes.set_yticks(range(mapping.n_beads), mapping.bead_names)
    for bead, label in enumerate(axes.get_yticklabels()):
        label.set(color=bead_colour(bead), fontweight="bold")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xlabel("atom")
    axes.set_ylabel("bead")


def draw_molecule(axes: Axes, mapping: Mapping) -> None:
    """Draw the atoms in the colours of their beads, inside their beads."""
    view = clearest_view(mapping.mean_structure[None])
    atoms = (mapping.mean_structure - mapping.mean_structure.mean(0)) @ view.T
    beads = mapping.encoder @ atoms
    shares = (mapping.encoder > 0).double()
    molecule = mapping.molecule
    scene = ball_and_stick(atoms, molecule.elements, molecule.bonds, mixed_colours(shares))
    behind = atoms[:, 2].min() - 1.0
    for number, place in enumerate(beads):
        centre = place.clone()
        centre[2] = behind
        scene.append(Ball(centre, BEAD, to_rgb(bead_colour(number)), CLEAR))
    draw(axes, scene, half_width=2.3, half_height=1.6)
    for name, place in zip(mapping.bead_names, beads, strict=True):
        axes.text(float(place[0]), BEAD + 0.12, name, ha="center", fontsize=10)


def figure_of(drawn: Drawn) -> Figure:
    """The mapping above, the functions of its beads below."""
    mapping = drawn.first.mappings[0]
    figure = new_figure(11.0, 6.4)
    panels = figure.subplot_mosaic(
        [["matrix", "molecule", "key"], ["bond", "pairs", "triplets"]], height_ratios=(1, 1.35)
    )
    draw_matrix(panels["matrix"], mapping)
    letter(panels["matrix"], "a", "mapping matrix E of ethane")
    draw_molecule(panels["molecule"], mapping)
    letter(panels["molecule"], "b", "the mapping on the molecule")
    functions = {"bond": bond, "pairs": pair_distribution, "triplets": triplet}
    for name, (place, function) in zip("cde", functions.items(), strict=True):
        draw_curves(panels[place], {label: function(m) for label, m in drawn.models.items()})
        letter(panels[place], name, TITLES[place])
    describe(panels["key"], panels["pairs"], "liquid ethane, beads at geometric centres", drawn)
    return figure


def main() -> None:
    """Read the comparisons and write the figure."""
    drawn = read_arguments("Draw figure 5.")
    with rc_context(STYLE):
        save(figure_of(drawn), drawn.target, quick=drawn.quick)


if __name__ == "__main__":
    main()
