"""The sections of the report that only liquids have: pair terms, g(r), S(q), quantities."""

from dataclasses import dataclass

from markupsafe import Markup

from autograin_cli.comparison.comparison import Comparison, PairDistribution, StructureFactor
from autograin_cli.comparison.verdict import Verdict, pair_verdicts
from autograin_cli.files.pages import liquid_figures, liquid_tables, tables
from autograin_cli.files.pages.figures import drawn
from autograin_cli.potential.pair import Nonbonded, PairTerm


@dataclass(frozen=True)
class PairTermSection:
    """A pair term as the report shows it: SVG of its figure, rows of its table, what is wrong."""

    term: PairTerm
    figure: Markup
    parameters: list[tables.Row]
    caution: str


@dataclass(frozen=True)
class NonbondedSection:
    """All pair terms as the report shows them."""

    common: list[tables.Row]
    channels: list[tables.Row]
    terms: list[PairTermSection]


@dataclass(frozen=True)
class PairDistributionSection:
    """A g(r) as the report shows it."""

    distribution: PairDistribution
    verdict: Verdict
    figure: Markup
    features: list[tables.Row]
    scores: list[tables.Row]


@dataclass(frozen=True)
class StructureFactorSection:
    """An S(q) as the report shows it."""

    factor: StructureFactor
    figure: Markup


def nonbonded_section(nonbonded: Nonbonded | None) -> NonbondedSection | None:
    """Draw and tabulate the pair terms."""
    if nonbonded is None:
        return None
    return NonbondedSection(
        common=liquid_tables.nonbonded_rows(nonbonded),
        channels=tables.channel_rows(nonbonded.channels),
        terms=[
            PairTermSection(
                term=term,
                figure=drawn(
                    liquid_figures.pair_figure(term, nonbonded.switch), f"potential of {term.name}"
                ),
                parameters=liquid_tables.pair_rows(term),
                caution=liquid_tables.bound_sentence(term),
            )
            for term in nonbonded.terms
        ],
    )


def pair_distribution_sections(comparison: Comparison | None) -> list[PairDistributionSection]:
    """Draw, judge and tabulate every g(r)."""
    if comparison is None:
        return []
    return [
        PairDistributionSection(
            distribution=pairs,
            verdict=verdict,
            figure=drawn(
                liquid_figures.pair_distribution_figure(pairs), f"distribution of {pairs.name}"
            ),
            features=liquid_tables.quantity_rows(pairs.features),
            scores=tables.score_rows(pairs.scores),
        )
        for pairs, verdict in zip(
            comparison.pair_distributions, pair_verdicts(comparison), strict=True
        )
    ]


def structure_factor_sections(comparison: Comparison | None) -> list[StructureFactorSection]:
    """Draw every S(q)."""
    return [
        StructureFactorSection(
            factor, drawn(liquid_figures.structure_factor_figure(factor), factor.name)
        )
        for factor in (comparison.structure_factors if comparison else ())
    ]
