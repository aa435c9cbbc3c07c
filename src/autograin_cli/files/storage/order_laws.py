"""What must hold inside the triplets, axes and joint distributions of a comparison."""

from autograin_cli.comparison.comparison import (
    Comparison,
    JointDistribution,
    Orientation,
    Score,
    TripletDistribution,
)
from autograin_cli.comparison.verdict import JOINT_JUDGES, PAIR_JUDGES
from autograin_cli.files.storage.checks import (
    ROUNDING,
    check_bands,
    check_choice,
    check_increasing,
    check_range,
    check_unique,
    require,
)
from autograin_cli.files.visible import visible

_UNITS = ("Å", "degrees")


def check_order(comparison: Comparison) -> None:
    """Check what a comparison holds beside distributions of one coordinate and g(r).

    Raises:
        InputError: it names the record, what is wrong and what was expected.
    """
    joint = [found.name for found in comparison.joint_distributions]
    triplets = [found.name for found in comparison.triplet_distributions]
    axes = [found.name for found in comparison.orientations]
    check_unique("comparison: joint distributions", joint)
    check_unique("comparison: triplets", triplets)
    check_unique("comparison: orientations", axes)
    for plane in comparison.joint_distributions:
        _check_joint(f"joint distribution of {visible(plane.name)}", plane)
    for angles in comparison.triplet_distributions:
        _check_triplets(visible(angles.name), angles)
    for curves in comparison.orientations:
        _check_orientation(visible(curves.name), curves)


def _check_joint(where: str, joint: JointDistribution) -> None:
    check_choice(f"{where}: first_unit", joint.first_unit, _UNITS)
    check_choice(f"{where}: second_unit", joint.second_unit, _UNITS)
    check_increasing(f"{where}: first_edges", joint.first_edges, strictly=True)
    check_increasing(f"{where}: second_edges", joint.second_edges, strictly=True)
    check_bands(where, joint)
    found = joint.correlation
    for name, value in (("reference", found.reference), ("model", found.model)):
        known = value is not None and abs(value) <= 1 + ROUNDING
        require(known, f"{where}: a correlation of {value} in the {name}", "from -1 to 1")
    for name, error in (("reference", found.reference_error), ("model", found.model_error)):
        require(error is not None, f"{where}: a {name} without error", "a standard error")
    _check_scores(where, joint.scores, JOINT_JUDGES)


def _check_triplets(where: str, triplets: TripletDistribution) -> None:
    check_increasing(f"{where}: edges", triplets.edges, strictly=True)
    check_range(f"{where}: edges", triplets.edges, 0, 180 + ROUNDING)
    positive = bool((triplets.shells > 0).all())
    require(positive, f"{where}: a shell of no width", "distances above 0")
    check_bands(where, triplets)
    _check_scores(where, triplets.scores, PAIR_JUDGES)


def _check_orientation(where: str, curves: Orientation) -> None:
    require(curves.order in (1, 2), f"{where}: order {curves.order}", "1 or 2")
    check_increasing(f"{where}: edges", curves.edges, strictly=True)
    least = -1.0 if curves.order == 1 else -0.5
    for name in ("reference", "model"):
        low, value, high = (getattr(curves, f"{name}{end}") for end in ("_low", "", "_high"))
        check_range(f"{where}: {name}", value, least - ROUNDING, 1 + ROUNDING)
        ordered = bool((low <= high).all())
        require(ordered, f"{where}: the band of the {name} is upside down", "low <= high")
    _check_scores(where, curves.scores, PAIR_JUDGES)


def _check_scores(where: str, scores: tuple[Score, ...], judges: tuple[str, ...]) -> None:
    """Require distinct names, and among them the scores that judge."""
    names = [score.name for score in scores]
    check_unique(f"{where}: scores", names)
    require(set(judges) <= set(names), f"{where}: scores {names}", f"also {', '.join(judges)}")
