"""What compare tells of its result: tables for a person, plain values for JSON."""

from dataclasses import asdict
from typing import Any

from torch import Tensor

from autograin_cli.cli.console import Console
from autograin_cli.cli.summary import columns_of, facts_of
from autograin_cli.comparison.comparison import (
    Comparison,
    Distribution,
    JointDistribution,
    Orientation,
    PairDistribution,
    StructureFactor,
    TripletDistribution,
)
from autograin_cli.comparison.verdict import (
    Verdict,
    joint_verdicts,
    order_verdicts,
    pair_verdicts,
    verdicts,
)
from autograin_cli.files.pages import liquid_tables, tables

Scored = Distribution | JointDistribution | PairDistribution | TripletDistribution | Orientation


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Show the verdict on all that was compared, the first peaks, correlations and quantities."""
    judged = (
        *pair_verdicts(comparison),
        *order_verdicts(comparison),
        *verdicts(comparison),
        *joint_verdicts(comparison),
    )
    console.facts("Simulation against the reference", facts_of([_told(each) for each in judged]))
    rows = [
        (pairs.name if first == 0 else "", row.name, row.value, row.meaning)
        for pairs in comparison.pair_distributions
        for first, row in enumerate(liquid_tables.quantity_rows(pairs.features))
    ]
    if rows:
        console.table("g(r)", ("pairs", "feature", "reference", "model"), rows)
    if comparison.joint_distributions:
        planes = [
            (joint.name, row.value, row.meaning)
            for joint in comparison.joint_distributions
            for row in liquid_tables.quantity_rows((joint.correlation,))
        ]
        console.table("Correlation coefficients", ("coordinates", "reference", "model"), planes)
    if comparison.quantities:
        quantities = columns_of(liquid_tables.quantity_rows(comparison.quantities))
        console.table("Not expected to match", ("quantity", "reference", "model"), quantities)


def _told(verdict: Verdict) -> tables.Row:
    score = f"{verdict.word}, {verdict.score} {verdict.ratio:.2g} times its floor"
    return tables.Row(verdict.name, score, verdict.sentence)


def comparison_values(comparison: Comparison) -> dict[str, Any]:
    """Scores and verdicts of a comparison, features of g(r), curves and quantities."""
    return {
        "reference_frames": comparison.reference_frames,
        "model_frames": comparison.model_frames,
        "reference_time": comparison.reference_time,
        "overlap": comparison.overlap,
        "distributions": _distribution_values(comparison),
        "joint_distributions": [
            _common(joint, verdict) | {"correlation": asdict(joint.correlation)}
            for joint, verdict in zip(
                comparison.joint_distributions, joint_verdicts(comparison), strict=True
            )
        ],
        "pair_distributions": [
            _common(pairs, verdict)
            | {"kind": pairs.kind, "shell": pairs.shell}
            | {"features": [asdict(feature) for feature in pairs.features]}
            for pairs, verdict in zip(
                comparison.pair_distributions, pair_verdicts(comparison), strict=True
            )
        ],
        **_order_values(comparison),
        "structure_factors": [
            {"name": factor.name, "q": factor.q.tolist()} | _curves(factor)
            for factor in comparison.structure_factors
        ],
        "quantities": [asdict(quantity) for quantity in comparison.quantities],
    }


def _distribution_values(comparison: Comparison) -> list[dict[str, Any]]:
    """Scores and verdicts of distributions of one coordinate."""
    return [
        _common(distribution, verdict)
        | {
            "unit": distribution.unit,
            "reference_effective": distribution.reference_effective,
            "model_effective": distribution.model_effective,
        }
        for distribution, verdict in zip(
            comparison.distributions, verdicts(comparison), strict=True
        )
    ]


def _order_values(comparison: Comparison) -> dict[str, Any]:
    """Triplets and orientations, with their curves."""
    n_triplets, judged = len(comparison.triplet_distributions), order_verdicts(comparison)
    return {
        "triplet_distributions": [
            _common(triplets, verdict)
            | {"shells": triplets.shells.tolist(), "degrees": _middles(triplets.edges)}
            | _curves(triplets)
            for triplets, verdict in zip(
                comparison.triplet_distributions, judged[:n_triplets], strict=True
            )
        ],
        "orientations": [
            _common(curves, verdict)
            | {"order": curves.order, "molecules": list(curves.molecules)}
            | {"distance": _middles(curves.edges)}
            | _curves(curves)
            for curves, verdict in zip(comparison.orientations, judged[n_triplets:], strict=True)
        ],
    }


def _common(found: Scored, verdict: Verdict) -> dict[str, Any]:
    """What is told of everything that is scored."""
    return {
        "name": found.name,
        "verdict": asdict(verdict),
        "scores": [asdict(score) for score in found.scores],
    }


def _middles(edges: Tensor) -> list[float]:
    """Middles of bins."""
    middles: list[float] = ((edges[1:] + edges[:-1]) / 2).tolist()
    return middles


def _curves(found: TripletDistribution | Orientation | StructureFactor) -> dict[str, Any]:
    return {"reference": found.reference.tolist(), "model": found.model.tolist()}
