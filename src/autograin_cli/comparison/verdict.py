"""What the scores of an observable say in words, and how far to trust them."""

from dataclasses import dataclass
from math import hypot, inf

from torch import Tensor

from autograin_cli.comparison.comparison import (
    Comparison,
    Distribution,
    JointDistribution,
    Orientation,
    PairDistribution,
    Quantity,
    Score,
    TripletDistribution,
    score_of,
)

WITHIN_NOISE = 1.5
ENOUGH_SAMPLES = 100.0
NOISIER = 1.5  # times the noise of the reference, beyond which that of the model is told
CLEAR = 3.0  # standard errors between two correlations that are told
JUDGES = ("jensen-shannon", "wasserstein-1")
JOINT_JUDGES = ("jensen-shannon",)
PAIR_JUDGES = ("rms deviation",)  # of g(r), triplet angles, P1 and P2
POWERS = {"jensen-shannon": 1.0, "wasserstein-1": 0.5}  # of a variance, that a score of noise is
Curves = PairDistribution | TripletDistribution | Orientation


@dataclass(frozen=True)
class Verdict:
    """The scores of one observable against their floors, in words.

    Distributions are judged by the worse of Jensen-Shannon, which sees the shape, and
    Wasserstein-1, which sees a shift that is small against the noise of single bins. A long run
    of a perfect model has a ratio of about 0.25 and 0.5: each half of the reference has twice the
    variance of the whole, there are two of them, and the first goes with the variance, the
    second with its root. A short run of a perfect model scores what its own noise is, which may
    be many floors: what differs lies beyond the floor of the noisier of the two runs.

    name: of the observable.
    word: 'agrees', 'differs', 'undecided' or 'not converged'.
    score: 'jensen-shannon', 'wasserstein-1' or, of what a liquid has beside, 'rms deviation'.
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


def pair_verdicts(comparison: Comparison) -> tuple[Verdict, ...]:
    """Judge g(r) of every kind of pairs of a comparison, by its rms deviation.

    The floor is that of the reference alone: a model whose run is long has a ratio of about 0.5
    where it is perfect, one as long as the reference 0.7. A longer reference has a lower floor,
    so a ratio means something only beside the length of the reference.
    """
    return tuple(
        _judge_curves(pairs, comparison.overlap) for pairs in comparison.pair_distributions
    )


def order_verdicts(comparison: Comparison) -> tuple[Verdict, ...]:
    """Judge triplet angles and axes, which a right g(r) does not fix; as g(r)."""
    curves: list[Curves] = [*comparison.triplet_distributions, *comparison.orientations]
    return tuple(_judge_curves(found, comparison.overlap) for found in curves)


def joint_verdicts(comparison: Comparison) -> tuple[Verdict, ...]:
    """Judge every two neighbouring coordinates of a comparison, by Jensen-Shannon."""
    return tuple(
        _judge_joint(found, comparison.overlap) for found in comparison.joint_distributions
    )


def worst_ratio(comparison: Comparison) -> float:
    """Find the largest score over its floor; what `--fail-above` bounds.

    Jensen-Shannon of distributions, of one coordinate and of two, and the rms deviation of g(r),
    triplet angles, P1 and P2.
    """
    densities = (
        *((found.name, found.scores) for found in comparison.distributions),
        *((found.name, found.scores) for found in comparison.joint_distributions),
    )
    curves = (
        *((found.name, found.scores) for found in comparison.pair_distributions),
        *((found.name, found.scores) for found in comparison.triplet_distributions),
        *((found.name, found.scores) for found in comparison.orientations),
    )
    scores = [score_of(*found, "jensen-shannon") for found in densities]
    scores += [score_of(*found, PAIR_JUDGES[0]) for found in curves]
    return max((_over(score.value, score.floor) for score in scores), default=0.0)


def _judge(distribution: Distribution, overlap: float) -> Verdict:
    """Judge one observable."""
    effective = distribution.reference_effective, distribution.model_effective
    judges = [distribution.score(name) for name in JUDGES]
    score = max(judges, key=lambda found: _worse(found, effective))
    ratio, low, high = _ratios(score)
    limit = WITHIN_NOISE * _noisier(score, effective)
    word = _word((low, ratio, high), limit, enough=min(effective) >= ENOUGH_SAMPLES)
    meaning = _meaning(word, ratio, limit)
    parts = [meaning, _distance(distribution), *_cautions(distribution, overlap)]
    return Verdict(distribution.name, word, score.name, ratio, low, high, " ".join(parts))


def _judge_joint(joint: JointDistribution, overlap: float) -> Verdict:
    """Judge two coordinates together."""
    score = score_of(joint.name, joint.scores, JOINT_JUDGES[0])
    effective = joint.reference_effective, joint.model_effective
    ratio, low, high = _ratios(score)
    limit = WITHIN_NOISE * _noisier(score, effective)
    word = _word((low, ratio, high), limit, enough=min(effective) >= ENOUGH_SAMPLES)
    parts = [_meaning(word, ratio, limit), _correlations(joint.correlation), *_seen(overlap)]
    return Verdict(joint.name, word, score.name, ratio, low, high, " ".join(parts))


def _correlations(found: Quantity) -> str:
    """Say whether two coordinates move together as in the reference."""
    a, b = found.reference or 0.0, found.model or 0.0
    errors = hypot(found.reference_error or 0.0, found.model_error or 0.0)
    told = f"Their correlation is {b:.3f} in the model and {a:.3f} in the reference"
    apart = _over(abs(a - b), errors)
    return f"{told}{f', {apart:.2g} standard errors apart' if apart > CLEAR else ''}."


def _judge_curves(curves: Curves, overlap: float) -> Verdict:
    """Judge one g(r), density of triplet angles, P1 or P2."""
    score = score_of(curves.name, curves.scores, PAIR_JUDGES[0])
    ratio, low, high = _ratios(score)
    unit = "" if score.unit == "1" else f" {score.unit}"
    off = f"The curves are {score.value:.2g}{unit} apart (rms; floor {score.floor:.2g})."
    noises = (
        _noise(curves.reference_low, curves.reference_high),
        _noise(curves.model_low, curves.model_high),
    )
    limit = WITHIN_NOISE * max(1.0, _over(noises[1], noises[0]))
    word = _word((low, ratio, high), limit, enough=True)
    cautions = []
    if noises[1] > NOISIER * noises[0]:
        cautions.append(
            f"The model's own noise is {noises[1]:.2g}{unit}, the reference's {noises[0]:.2g}: "
            "a longer run of the model would tell more."
        )
    parts = [_meaning(word, ratio, limit), off, *cautions, *_seen(overlap)]
    return Verdict(curves.name, word, score.name, ratio, low, high, " ".join(parts))


def _noise(low: Tensor, high: Tensor) -> float:
    """Standard error of a curve as its 95 % band has it, rms over the bins."""
    return float(((high - low) / (2 * 1.96)).square().mean().sqrt())


def _ratios(score: Score) -> tuple[float, float, float]:
    """A score and its interval over its floor: score, low and high."""
    ratio, low, high = (_over(value, score.floor) for value in (score.value, score.low, score.high))
    return ratio, low, high


def _noisier(score: Score, effective: tuple[float, float]) -> float:
    """Floor of the noisier run over that of the reference, from the samples of both."""
    return max(1.0, _over(*effective)) ** POWERS[score.name]


def _worse(score: Score, effective: tuple[float, float]) -> tuple[bool, float]:
    """What puts the worse of two scores last: one that differs before one of mere noise."""
    ratio, low, _ = _ratios(score)
    return low > WITHIN_NOISE * _noisier(score, effective), ratio


def _over(value: float, floor: float) -> float:
    """Ratio to a floor, which is 0 only where the reference never leaves one bin."""
    if floor > 0.0:
        return value / floor
    return inf if value > 0.0 else 0.0


def _word(ratios: tuple[float, float, float], limit: float, *, enough: bool) -> str:
    """Sum the verdict up: only what lies beyond the limit with its whole interval differs."""
    low, ratio, high = ratios
    if low > limit:
        return "differs"
    if not enough:
        return "not converged"
    return "agrees" if ratio <= 1.0 or high <= WITHIN_NOISE else "undecided"


def _meaning(word: str, ratio: float, limit: float) -> str:
    """Say what the word means."""
    short = ""
    if limit > WITHIN_NOISE and word in ("undecided", "not converged"):
        short = f" So short a run of the model may score {limit:.2g} by its noise alone."
    times = f"{ratio:.2g} times what two halves of the reference score against each other"
    return {
        "agrees": f"No difference beyond the noise of the reference: {times}.",
        "differs": f"A difference that sampling does not explain: {times}.",
        "undecided": f"Perhaps a difference: {times}, and the interval reaches past "
        f"{WITHIN_NOISE:g}; a longer run would tell.",
        "not converged": f"Too few independent samples to tell: {times}.",
    }[word] + short


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
    return [*cautions, *_seen(overlap)]


def _seen(overlap: float) -> list[str]:
    """Say how much of the reference the training has seen, if any."""
    return [f"{overlap:.0%} of the reference was used in training."] if overlap > 0.0 else []
