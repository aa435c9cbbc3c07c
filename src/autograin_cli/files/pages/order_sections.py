"""The sections of the report on triplets, axes and neighbouring coordinates together."""

from dataclasses import dataclass

from markupsafe import Markup

from autograin_cli.comparison.comparison import (
    Comparison,
    JointDistribution,
    Orientation,
    TripletDistribution,
)
from autograin_cli.comparison.verdict import Verdict, joint_verdicts, order_verdicts
from autograin_cli.files.pages import liquid_tables, order_figures, tables
from autograin_cli.files.pages.figures import drawn


@dataclass(frozen=True)
class OrderSection:
    """Triplet angles, or axes, as the report shows them."""

    curves: TripletDistribution | Orientation
    verdict: Verdict
    figure: Markup
    meaning: str
    scores: list[tables.Row]


@dataclass(frozen=True)
class JointSection:
    """Two neighbouring coordinates as the report shows them."""

    joint: JointDistribution
    verdict: Verdict
    figure: Markup
    correlation: list[tables.Row]
    scores: list[tables.Row]


def triplet_sections(comparison: Comparison | None) -> list[OrderSection]:
    """Draw, judge and tabulate the angles of every kind of triplet."""
    if comparison is None:
        return []
    found = comparison.triplet_distributions
    return [
        OrderSection(
            curves=triplets,
            verdict=verdict,
            figure=drawn(order_figures.triplet_figure(triplets), f"angles of {triplets.name}"),
            meaning=_neighbours(triplets),
            scores=tables.score_rows(triplets.scores),
        )
        for triplets, verdict in zip(found, order_verdicts(comparison)[: len(found)], strict=True)
    ]


def _neighbours(triplets: TripletDistribution) -> str:
    """Say up to where beads count as neighbours."""
    ends = (triplets.types[0], triplets.types[2])
    told = {
        f"{end} up to {tables.number(shell)} Å"
        for end, shell in zip(ends, triplets.shells.tolist(), strict=True)
    }
    return (
        f"At a bead {triplets.types[1]}, between two neighbours of two other molecules: "
        + " and ".join(sorted(told))
        + "."
    )


def orientation_sections(comparison: Comparison | None) -> list[OrderSection]:
    """Draw, judge and tabulate P1 and P2 of every pair of types of molecules."""
    if comparison is None:
        return []
    found = comparison.orientations
    first = len(comparison.triplet_distributions)
    return [
        OrderSection(
            curves=curves,
            verdict=verdict,
            figure=drawn(order_figures.orientation_figure(curves), f"orientation, {curves.name}"),
            meaning="Of the angle θ between the axes of two molecules; 0 where they turn freely.",
            scores=tables.score_rows(curves.scores),
        )
        for curves, verdict in zip(found, order_verdicts(comparison)[first:], strict=True)
    ]


def joint_sections(comparison: Comparison | None) -> list[JointSection]:
    """Draw, judge and tabulate every two neighbouring coordinates."""
    if comparison is None:
        return []
    return [
        JointSection(
            joint=joint,
            verdict=verdict,
            figure=drawn(order_figures.joint_figure(joint), f"joint distribution, {joint.name}"),
            correlation=liquid_tables.quantity_rows((joint.correlation,)),
            scores=tables.score_rows(joint.scores),
        )
        for joint, verdict in zip(
            comparison.joint_distributions, joint_verdicts(comparison), strict=True
        )
    ]
