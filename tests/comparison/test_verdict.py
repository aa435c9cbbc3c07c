"""What is said about scores."""

from dataclasses import replace

import pytest
import torch

from autograin_cli.comparison.comparison import (
    Comparison,
    Distribution,
    JointDistribution,
    Orientation,
    PairDistribution,
    Quantity,
    Score,
    TripletDistribution,
)
from autograin_cli.comparison.verdict import (
    joint_verdicts,
    order_verdicts,
    pair_verdicts,
    verdicts,
    worst_ratio,
)
from autograin_cli.errors import InputError

FLOOR = 0.002  # bits


def distribution(ratio: float, low: float, high: float, effective: float = 1000.0) -> Distribution:
    """A distribution whose Jensen-Shannon score is `ratio` floors, in an interval of floors."""
    ones = torch.ones(4, dtype=torch.float64)
    divergence = Score("jensen-shannon", "bits", ratio * FLOOR, low * FLOOR, high * FLOOR, FLOOR)
    moved = Score("wasserstein-1", "Å", 0.0012, 0.001, 0.0016, 0.004)
    return Distribution(
        name="bond A-B",
        coordinate="bond",
        unit="Å",
        edges=torch.linspace(1, 2, 5, dtype=torch.float64),
        reference=ones,
        reference_low=ones,
        reference_high=ones,
        model=ones,
        model_low=ones,
        model_high=ones,
        analytic=None,
        reference_effective=effective,
        model_effective=5000.0,
        reference_blocks=32,
        model_blocks=64,
        scores=(divergence, moved),
    )


def comparison(*distributions: Distribution, overlap: float = 0.0) -> Comparison:
    return Comparison(distributions, (), (), (), (), (), (), 1000, 5000, 2000.0, overlap)


@pytest.mark.parametrize(
    ("ratio", "low", "high", "effective", "word"),
    [
        (0.4, 0.1, 0.9, 1000.0, "agrees"),
        (0.8, 0.3, 1.7, 1000.0, "agrees"),
        (1.2, 0.9, 1.4, 1000.0, "agrees"),
        (1.2, 0.6, 1.9, 1000.0, "undecided"),
        (1.8, 1.2, 2.4, 1000.0, "undecided"),
        (3.0, 2.0, 4.0, 1000.0, "differs"),
        (0.4, 0.1, 0.9, 50.0, "not converged"),
        (3.0, 2.0, 4.0, 50.0, "differs"),
    ],
)
def test_the_word_weighs_the_score_its_interval_and_the_samples(
    ratio: float, low: float, high: float, effective: float, word: str
) -> None:
    (verdict,) = verdicts(comparison(distribution(ratio, low, high, effective)))
    assert verdict.word == word
    assert (verdict.ratio, verdict.low, verdict.high) == pytest.approx((ratio, low, high))


def test_the_sentence_gives_the_distance_in_the_unit_of_the_coordinate() -> None:
    (verdict,) = verdicts(comparison(distribution(0.4, 0.1, 0.9)))
    assert "0.0012 Å" in verdict.sentence and "floor 0.004" in verdict.sentence


def test_too_few_samples_are_said() -> None:
    (verdict,) = verdicts(comparison(distribution(0.4, 0.1, 0.9, effective=37.0)))
    assert "The reference holds only 37 independent samples." in verdict.sentence
    assert "model holds only" not in verdict.sentence


def test_frames_seen_in_training_are_said() -> None:
    judged = distribution(0.4, 0.1, 0.9)
    (verdict,) = verdicts(comparison(judged, overlap=0.25))
    assert "25% of the reference was used in training." in verdict.sentence
    (clean,) = verdicts(comparison(judged))
    assert "training" not in clean.sentence


def test_a_model_where_the_reference_has_never_been_is_said() -> None:
    lonely = replace(
        distribution(0.4, 0.1, 0.9), reference=torch.tensor([2.0, 2.0, 0.0, 0.0]).double()
    )
    (verdict,) = verdicts(comparison(lonely))
    assert "50.0% of the model lies where the reference has never been." in verdict.sentence


def test_the_worse_of_two_scores_judges() -> None:
    found = distribution(0.4, 0.1, 0.9)
    assert verdicts(comparison(found))[0].score == "jensen-shannon"
    divergence, moved = found.scores
    shifted = replace(found, scores=(divergence, replace(moved, value=0.04, low=0.03, high=0.05)))
    (verdict,) = verdicts(comparison(shifted))
    assert (verdict.score, verdict.word) == ("wasserstein-1", "differs")
    assert (verdict.ratio, verdict.low, verdict.high) == pytest.approx((10.0, 7.5, 12.5))


def test_the_worst_observable_counts() -> None:
    found = comparison(distribution(0.4, 0.1, 0.9), distribution(7.0, 6.0, 8.0))
    assert worst_ratio(found) == pytest.approx(7.0)


def test_a_score_that_is_missing_is_said() -> None:
    lacking = replace(distribution(0.4, 0.1, 0.9), scores=())
    with pytest.raises(InputError, match="no score jensen-shannon of bond A-B"):
        verdicts(comparison(lacking))


def test_a_floor_of_zero_makes_any_difference_infinite() -> None:
    found = distribution(0.4, 0.1, 0.9)
    without = tuple(replace(score, floor=0.0) for score in found.scores)
    (verdict,) = verdicts(comparison(replace(found, scores=without)))
    assert verdict.ratio == float("inf") and verdict.word == "differs"


def pairs(ratio: float, low: float, high: float, noise: float = 0.01) -> PairDistribution:
    """A g(r) whose rms deviation is `ratio` floors of 0.02; the reference has a noise of 0.01."""
    ones = torch.ones(4, dtype=torch.float64)
    return PairDistribution(
        name="intermolecular A-A",
        kind="intermolecular",
        types=("A", "A"),
        edges=torch.linspace(0, 4, 5, dtype=torch.float64),
        reference=ones,
        reference_low=ones - 1.96 * 0.01,
        reference_high=ones + 1.96 * 0.01,
        model=ones,
        model_low=ones - 1.96 * noise,
        model_high=ones + 1.96 * noise,
        reference_blocks=32,
        model_blocks=32,
        shell=None,
        features=(),
        scores=(Score("rms deviation", "1", ratio * 0.02, low * 0.02, high * 0.02, 0.02),),
    )


@pytest.mark.parametrize(
    ("ratio", "low", "high", "word"),
    [
        (0.7, 0.4, 1.0, "agrees"),
        (1.2, 0.8, 1.4, "agrees"),
        (1.8, 1.2, 2.4, "undecided"),
        (3.0, 2.0, 4.0, "differs"),
    ],
)
def test_curves_are_judged_by_their_rms_deviation(
    ratio: float, low: float, high: float, word: str
) -> None:
    found = replace(comparison(), pair_distributions=(pairs(ratio, low, high),))
    (verdict,) = pair_verdicts(found)
    assert (verdict.word, verdict.score) == (word, "rms deviation")
    assert (verdict.ratio, verdict.low, verdict.high) == pytest.approx((ratio, low, high))
    assert verdicts(found) == ()


def test_the_worst_curve_counts_beside_the_distributions() -> None:
    found = replace(comparison(distribution(0.4, 0.1, 0.9)), pair_distributions=(pairs(5, 4, 6),))
    assert worst_ratio(found) == pytest.approx(5.0)


def test_a_model_that_is_noisier_than_the_reference_is_said() -> None:
    for noise, said in ((0.01, False), (0.03, True)):
        curves = (pairs(1.0, 0.5, 1.4, noise),)
        (verdict,) = pair_verdicts(replace(comparison(), pair_distributions=curves))
        assert ("The model's own noise is 0.03" in verdict.sentence) == said


def orientation(ratio: float, low: float, high: float) -> Orientation:
    """P2 whose rms deviation is `ratio` floors of 0.02."""
    like = pairs(ratio, low, high)
    return Orientation(
        name="P2 rod-rod",
        order=2,
        molecules=("rod", "rod"),
        edges=like.edges,
        reference=like.reference,
        reference_low=like.reference_low,
        reference_high=like.reference_high,
        model=like.model,
        model_low=like.model_low,
        model_high=like.model_high,
        reference_blocks=16,
        model_blocks=16,
        scores=like.scores,
    )


def triplets(ratio: float, low: float, high: float) -> TripletDistribution:
    """Triplets whose rms deviation is `ratio` floors of 0.02."""
    like = orientation(ratio, low, high)
    return TripletDistribution(
        name="triplet A-A-A",
        types=("A", "A", "A"),
        shells=torch.tensor([5.0, 5.0]).double(),
        edges=like.edges,
        reference=like.reference,
        reference_low=like.reference_low,
        reference_high=like.reference_high,
        model=like.model,
        model_low=like.model_low,
        model_high=like.model_high,
        reference_blocks=16,
        model_blocks=16,
        scores=tuple(replace(score, unit="1/degrees") for score in like.scores),
    )


def joint(ratio: float, correlations: tuple[float, float], effective: float) -> JointDistribution:
    """Two coordinates whose Jensen-Shannon is `ratio` floors, within a tenth of that."""
    plane, edges = torch.ones(2, 2).double(), torch.linspace(1, 2, 3).double()
    a, b = correlations
    return JointDistribution(
        name="bond A-B, bond A-B",
        first="bond A-B",
        second="bond A-B",
        first_unit="Å",
        second_unit="Å",
        unit="1/Å²",
        first_edges=edges,
        second_edges=edges,
        reference=plane,
        reference_low=plane,
        reference_high=plane,
        model=plane,
        model_low=plane,
        model_high=plane,
        correlation=Quantity("correlation", "1", a, 0.03, b, 0.04, expected_to_match=True),
        reference_effective=effective,
        model_effective=5000.0,
        reference_blocks=32,
        model_blocks=32,
        scores=(
            Score(
                "jensen-shannon",
                "bits",
                ratio * FLOOR,
                0.9 * ratio * FLOOR,
                1.1 * ratio * FLOOR,
                FLOOR,
            ),
        ),
    )


def test_triplets_and_axes_are_judged_by_their_rms_deviation_and_count() -> None:
    found = replace(
        comparison(),
        triplet_distributions=(triplets(7.0, 6.0, 8.0),),
        orientations=(orientation(0.7, 0.4, 1.0),),
    )
    first, second = order_verdicts(found)
    assert (first.name, first.word) == ("triplet A-A-A", "differs")
    assert (second.name, second.word) == ("P2 rod-rod", "agrees")
    assert (first.score, second.score) == ("rms deviation", "rms deviation")
    assert "0.14 1/degrees apart" in first.sentence and "0.014 apart" in second.sentence
    assert worst_ratio(found) == pytest.approx(7.0)
    turned = replace(found, orientations=(orientation(9.0, 8.0, 10.0),))
    assert worst_ratio(turned) == pytest.approx(9.0)


@pytest.mark.parametrize(
    ("ratio", "effective", "word"),
    [(0.5, 1000.0, "agrees"), (3.0, 1000.0, "differs"), (0.5, 50.0, "not converged")],
)
def test_two_coordinates_are_judged_by_jensen_shannon(
    ratio: float, effective: float, word: str
) -> None:
    found = replace(comparison(), joint_distributions=(joint(ratio, (0.5, 0.4), effective),))
    (verdict,) = joint_verdicts(found)
    assert (verdict.word, verdict.score) == (word, "jensen-shannon")
    assert "0.400 in the model and 0.500 in the reference." in verdict.sentence
    assert worst_ratio(found) == pytest.approx(ratio)


def test_correlations_that_clearly_differ_are_said_whatever_the_word() -> None:
    found = replace(comparison(), joint_distributions=(joint(0.5, (0.5, 0.1), 1000.0),))
    (verdict,) = joint_verdicts(found)
    assert verdict.word == "agrees"
    assert "8 standard errors apart" in verdict.sentence


@pytest.mark.parametrize(
    ("samples", "word"), [(5000.0, "differs"), (500.0, "undecided"), (50.0, "not converged")]
)
def test_a_short_run_of_the_model_has_to_be_beyond_its_own_noise(samples: float, word: str) -> None:
    # The floor of a run with half the samples is twice that of the reference: 2 < 2 * 1.5.
    found = replace(distribution(3.0, 2.0, 4.0), model_effective=samples)
    (verdict,) = verdicts(comparison(found))
    assert verdict.word == word
    assert ("by its noise alone" in verdict.sentence) == (word != "differs")
    plane = replace(joint(3.0, (0.5, 0.4), 1000.0), model_effective=samples)
    (verdict,) = joint_verdicts(replace(comparison(), joint_distributions=(plane,)))
    assert verdict.word == word


def test_the_score_that_is_judged_is_the_worse_beside_the_noise_of_the_short_run() -> None:
    # A quarter of the samples: by noise, four floors by Jensen-Shannon and two by Wasserstein.
    found = replace(distribution(8.0, 5.0, 9.0), model_effective=250.0)
    divergence, moved = found.scores
    shifted = replace(found, scores=(divergence, replace(moved, value=0.02, low=0.014, high=0.03)))
    (verdict,) = verdicts(comparison(shifted))
    assert (verdict.score, verdict.word) == ("wasserstein-1", "differs")
    assert verdict.ratio == pytest.approx(5.0)


def test_curves_of_a_noisy_model_have_to_be_beyond_its_noise() -> None:
    for noise, word in ((0.01, "differs"), (0.03, "undecided")):
        curves = (pairs(3.0, 2.0, 4.0, noise),)
        (verdict,) = pair_verdicts(replace(comparison(), pair_distributions=curves))
        assert verdict.word == word
