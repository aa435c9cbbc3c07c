"""The section of the report on networks: what they are, their training, two lone beads."""

from dataclasses import dataclass

from markupsafe import Markup

from autograin_cli.files.pages import neural_figures, neural_tables, tables
from autograin_cli.files.pages.figures import drawn
from autograin_cli.potential.neural.pair_curve import lone_pair_term, pair_curve
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.potential.pair import Nonbonded


@dataclass(frozen=True)
class NeuralSection:
    """Networks as the report shows them: rows of tables, and SVG of their figures."""

    facts: list[tables.Row]
    explained: list[tables.Row]
    training: Markup
    pairs: list[Markup]
    meaning: str


def neural_section(
    neural: NeuralPotential | None, nonbonded: Nonbonded | None
) -> NeuralSection | None:
    """Draw and tabulate networks."""
    if neural is None:
        return None
    return NeuralSection(
        facts=neural_tables.network_rows(neural),
        explained=neural_tables.explained_rows(neural),
        training=drawn(neural_figures.training_figure(neural.histories), "training of networks"),
        pairs=[
            _pair(neural, nonbonded, types) for types in neural_tables.type_pairs(neural, nonbonded)
        ],
        meaning=neural_tables.LONE_BEADS,
    )


def _pair(neural: NeuralPotential, nonbonded: Nonbonded | None, types: tuple[str, str]) -> Markup:
    r = neural_tables.pair_distances(neural, nonbonded)
    both, alone = pair_curve(neural, nonbonded, types, r), lone_pair_term(nonbonded, types, r)
    figure = neural_figures.pair_curve_figure(types, r, both, alone)
    return drawn(figure, f"energy of two lone beads, {types[0]} and {types[1]}")
