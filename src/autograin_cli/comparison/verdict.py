"""What the scores of an observable say in words, and how far to trust them."""

from dataclasses import dataclass
from math import inf

from autograin_cli.comparison.comparison import Comparison, Distribution

WITHIN_NOISE = 1.5
ENOUGH_SAMPLES = 100.0
JUDGES = ("jensen-shannon", "wasserstein-1")


@dataclass(frozen=True)
class Verdict:
    """The scores of one observable against their floors, in words.

    Judged by the worse of Jensen-Shannon, which sees the shape, and Wasserstein-1, which sees a
    shift that is small against the noise of single bins. A long run of a perfect model has a
    ratio of about 0.25 and 0.5: each half of the reference has twice the variance of the whole,
    there are two of them, and the first goes with the variance, the second with its root.

    name: of the observable.
    word: 'agrees', 'differs', 'undecided' or 'not converged'.
    score: 'jensen-shannon' or 'wasserstein-1'.
    ratio: score over floor.
    low, high: 95 % interval of the ratio.
    sentence: what this means and how far to trust it.
    """

    name: str
    word: str
    score: str
    ratio: float
    low: float
    high: float
    sentence: str


def verdicts(comparison: Comparison) -> tuple[Verdict, ...]:
    """Judge every observable of a comparison."""
    return tuple(
        _judge(distribution, comparison.overlap) for distribution in comparison.distributions
    )


def worst_ratio(comparison: Comparison) -> float:
    """Find the largest Jensen-Shannon score over its floor; what `--fail-above` bounds."""
    scores = [found.score("jensen-shannon") for found in comparison.distributions]
    return max((_over(score.value, score.floor) for score in scores), default=0.0)


def _judge(distribution: Distribution, overlap: float) -> Verdict:
    """Judge one observable."""
    judges = [distribution.score(name) for name in JUDGES]
    score = max(judges, key=lambda judge: _over(judge.value, judge.floor))
    ratio, low, high = (_over(value, score.floor) for value in (score.value, score.low, score.high))
    word = _word(distribution, low, ratio, high)
    parts = [_meaning(word, ratio), _distance(distribution), *_cautions(distribution, overlap)]
    return Verdict(distribution.name, word, score.name, ratio, low, high, " ".join(parts))


def _over(value: float, floor: float) -> float:
    """Ratio to a floor, which is 0 only where the reference never leaves one bin."""
    if floor > 0.0:
        return value / floor
    return inf if value > 0.0 else 0.0


def _word(distribution: Distribution, low: float, ratio: float, high: float) -> str:
    """Sum the verdict up: only what lies beyond the limit with its whole interval differs."""
    if low > WITHIN_NOISE:
        return "differs"
    if min(distribution.reference_effective, distribution.model_effective) < ENOUGH_SAMPLES:
        return "not converged"
    return "agrees" if ratio <= 1.0 or high <= WITHIN_NOISE else "undecided"


def _meaning(word: str, ratio: float) -> str:
    """Say what the word means."""
    times = f"{ratio:.2g} times what two halves of the reference score against each other"
    return {
        "agrees": f"No difference beyond the noise of the reference: {times}.",
        "differs": f"A difference that sampling does not explain: {times}.",
        "undecided": f"Perhaps a difference: {times}, and the interval reaches past "
        f"{WITHIN_NOISE:g}; a longer run would tell.",
        "not converged": f"Too few independent samples to tell: {times}.",
    }[word]


def _distance(distribution: Distribution) -> str:
    """Say how far the distributions lie apart, in the unit of the coordinate."""
    moved = distribution.score("wasserstein-1")
    return (
        f"The values are off by {moved.value:.2g} {moved.unit} on average "
        f"(floor {moved.floor:.2g})."
    )


def _cautions(distribution: Distribution, overlap: float) -> list[str]:
    """Say what speaks against trusting the scores."""
    cautions = []
    for name, effective in (
        ("reference", distribution.reference_effective),
        ("model", distribution.model_effective),
    ):
        if effective < ENOUGH_SAMPLES:
            cautions.append(f"The {name} holds only {effective:.0f} independent samples.")
    width = float(distribution.edges[1] - distribution.edges[0])
    outside = float(distribution.model[distribution.reference == 0].sum()) * width
    if outside >= 0.001:
        cautions.append(f"{outside:.1%} of the model lies where the reference has never been.")
    if overlap > 0.0:
        cautions.append(f"{overlap:.0%} of the reference was used in training.")
    return cautions
