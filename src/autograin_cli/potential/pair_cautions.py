"""What a user should be warned of in fitted pair terms."""

from collections.abc import Sequence

from autograin_cli.potential.pair import PairTerm
from autograin_cli.potential.pair_tables import Shape

_BOUNDS = {
    "A": "the forces ask for a repulsion below zero; A was held at 0 and only a wall keeps the "
    "beads apart: fit a spline, or map to centres of mass",
    "B": "the forces ask for an attraction below zero; B was held at 0 and the beads only repel: "
    "fit a spline",
}
_FEW = 1000  # pairs


def pair_cautions(
    terms: Sequence[PairTerm], shapes: Sequence[Shape], undetermined: Sequence[bool]
) -> tuple[str, ...]:
    """Sentences about terms on their bounds, that attract, or were seen in part or hardly.

    Args:
        terms: fitted.
        shapes: of their tables.
        undetermined: whether the data say nothing on a combination of their coefficients.
    """
    told: list[str] = []
    for term, shape, free in zip(terms, shapes, undetermined, strict=True):
        told += [
            f"{term.name} is on its bound, {name} = 0: {_BOUNDS[name]}" for name in term.on_bounds
        ]
        told += _seen(term, shape)
        if free:
            told.append(
                f"{term.name}: the forces do not determine all of its energy, as other terms can "
                "take its part; the least coefficients were taken"
            )
    return tuple(told)


def _seen(term: PairTerm, shape: Shape) -> list[str]:
    told = []
    n_pairs = int(term.counts.sum())
    if n_pairs < _FEW:
        told.append(
            f"{term.name} rests on {n_pairs} pairs from {term.sampled_low:.2f} Å to the cutoff: "
            "give more frames"
        )
    if shape.slope >= 0 and not term.on_bounds:
        told.append(
            f"{term.name} does not repel at {shape.start:.2f} Å, the least distance that the fit "
            "rests on: only a wall below it keeps the beads apart"
        )
    for low, high in shape.unseen:
        stands = "a barrier stands there"
        if (low, high) not in shape.bridged:
            stands = "the fit is led over it by its smoothness alone"
        told.append(f"{term.name} was never seen between {low:.2f} and {high:.2f} Å: {stands}")
    return told


def never_met(name: str, cutoff: float) -> str:
    """Say that a pair term was left out."""
    return (
        f"{name} was left out: no such pair came within the cutoff of {cutoff:.2f} Å, so these "
        "beads will not feel each other"
    )
