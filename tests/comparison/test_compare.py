"""Comparisons of beads whose distributions are known."""

from dataclasses import replace
from math import exp, sqrt

import pytest
import torch
from torch import Tensor

from autograin_cli.comparison.compare import compare
from autograin_cli.comparison.comparison import Comparison, Distribution
from autograin_cli.comparison.observables import Observable, Subject
from autograin_cli.comparison.verdict import verdicts
from autograin_cli.settings import ComparisonSettings
from autograin_cli.trajectory import Chunk, StoredTrajectory
from autograin_cli.units import thermal_energy
from gases import system_of
from systems import springs

TEMPERATURE = 300.0
STIFFNESS, LENGTH = 20.0, 4.0  # k (r - r0)², kJ/(mol Å²) and Å
SPREAD = sqrt(thermal_energy(TEMPERATURE) / 2 / STIFFNESS)
SETTINGS = ComparisonSettings(bins=30, resamples=200)


def harmonic(r: Tensor) -> Tensor:
    return STIFFNESS * (r - LENGTH) ** 2


BOND = Observable("bond A-A", "bond", 0, torch.tensor([[0, 1]]), harmonic)


def compare_dimers(
    reference: StoredTrajectory,
    model: StoredTrajectory,
    overlap: float = 0.0,
    settings: ComparisonSettings = SETTINGS,
) -> Comparison:
    """Compare copies of two beads with replicas of two beads, both in vacuum."""
    one = system_of("AA", 1)
    several = one.with_copies([reference.n_atoms // 2])
    subject = Subject(several, one, model.n_atoms // 2, TEMPERATURE, (BOND,))
    return compare(reference, model, subject, overlap, settings)


def dimers(n_frames: int, n_copies: int, seed: int, stretch: float = 0.0) -> StoredTrajectory:
    """Bonds drawn exactly from r² exp(-U/kT), all `stretch` Å longer."""
    generator = torch.Generator().manual_seed(seed)
    n_values = n_frames * n_copies
    trials = LENGTH + SPREAD * torch.randn(4 * n_values, generator=generator).double()
    kept = torch.rand(4 * n_values, generator=generator) < trials**2 / (2 * LENGTH**2)
    lengths = trials[kept][:n_values].reshape(n_frames, n_copies) + stretch
    positions = torch.zeros(n_frames, n_copies, 2, 3).double()
    positions[:, :, 1, 2] = lengths
    return StoredTrajectory(
        Chunk(positions.flatten(1, 2), torch.arange(n_frames, dtype=torch.float64))
    )


def twisted(middle: float, seed: int) -> StoredTrajectory:
    """Four beads with a dihedral normal about `middle`, 8 degrees wide."""
    noise = torch.randn(4000, generator=torch.Generator().manual_seed(seed)).double()
    phi = (middle + 8.0 * noise).deg2rad()
    positions = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]]).double()
    positions = positions.repeat(4000, 1, 1)
    # IUPAC: clockwise along the middle bond, which points up the z axis, is positive.
    positions[:, 3] = torch.stack((phi.cos(), phi.sin(), torch.ones_like(phi)), dim=1)
    return StoredTrajectory(Chunk(positions, torch.arange(4000, dtype=torch.float64)))


def only(comparison: Comparison) -> Distribution:
    (distribution,) = comparison.distributions
    return distribution


def test_a_trajectory_compared_with_itself_scores_zero() -> None:
    run = dimers(500, 2, seed=0)
    for score in only(compare_dimers(run, run, 1.0, SETTINGS)).scores:
        assert score.value == 0.0
        assert score.floor > 0.0
        assert score.low == 0.0 < score.high


def test_densities_are_normalised_and_inside_their_bands() -> None:
    found = only(compare_dimers(dimers(2000, 1, 0), dimers(100, 20, 1), 0.0, SETTINGS))
    width = float(found.edges.diff()[0])
    for density, low, high in (
        (found.reference, found.reference_low, found.reference_high),
        (found.model, found.model_low, found.model_high),
    ):
        assert float(density.sum() * width) == pytest.approx(1.0, rel=1e-12)
        assert bool(((low <= density) & (density <= high)).all())


def test_the_counts_of_frames_and_blocks_are_told() -> None:
    found = compare_dimers(dimers(2000, 1, 0), dimers(100, 20, 1), 0.25, SETTINGS)
    assert (found.reference_frames, found.model_frames) == (2000, 2000)
    assert (found.reference_time, found.overlap) == (1999.0, 0.25)
    blocks = (only(found).reference_blocks, only(found).model_blocks)
    effective = (only(found).reference_effective, only(found).model_effective)
    assert all(16 <= n <= 256 for n in blocks)
    assert effective == pytest.approx((2000, 2000), rel=0.2)


def test_the_length_of_a_reference_without_times_is_not_told() -> None:
    run = dimers(200, 1, 0)
    subject = Subject(*2 * (system_of("AA", 1),), 1, TEMPERATURE, (BOND,), timed=(False, True))
    assert compare(run, run, subject, 0.0, SETTINGS).reference_time == 0.0


def test_exact_samples_agree_with_the_curve_of_their_term_within_chi_squared() -> None:
    found = only(compare_dimers(dimers(4000, 1, 0), dimers(4000, 16, 1), 0.0, SETTINGS))
    assert found.analytic is not None
    width = float(found.edges.diff()[0])
    expected = found.analytic * width * 64_000
    enough = expected > 10
    difference = (found.model * width * 64_000 - expected)[enough]
    chi_squared = float((difference**2 / expected[enough]).sum())
    n_bins = int(enough.sum())
    assert abs(chi_squared - n_bins) < 4 * sqrt(2 * n_bins)


def test_a_stretched_bond_is_off_by_its_stretch() -> None:
    stretch = 0.08
    found = only(compare_dimers(dimers(4000, 1, 0), dimers(4000, 4, 1, stretch), 0.0, SETTINGS))
    score = found.score("wasserstein-1")
    standard_error = SPREAD * sqrt(1 / 4000 + 1 / 16_000)
    assert score.unit == "Å"
    assert abs(score.value - stretch) < 4 * standard_error
    assert score.low < stretch < score.high
    assert score.high - score.low == pytest.approx(2 * 1.96 * standard_error, rel=0.3)
    assert found.score("jensen-shannon").low > found.score("jensen-shannon").floor


def test_disjoint_distributions_score_one_bit() -> None:
    found = only(compare_dimers(dimers(400, 1, 0), dimers(400, 1, 1, 3.0), 0.0, SETTINGS))
    assert found.score("jensen-shannon").value == pytest.approx(1.0, rel=1e-12)
    assert found.score("chi-squared").low > 10 * found.score("chi-squared").floor


def test_a_perfect_model_of_equal_length_scores_half_the_variance_of_the_floor() -> None:
    settings = replace(SETTINGS, bins=10)
    comparisons = [
        only(compare_dimers(dimers(800, 1, 2 * i), dimers(800, 1, 2 * i + 1), 0.0, settings))
        for i in range(60)
    ]
    # Two samples of n differ by a variance of 2/n, two halves of one by 4/n. Jensen-Shannon goes
    # with the variance, the others with its root; chi-squared is in units of it.
    for name, expected in (
        ("jensen-shannon", 0.5),
        ("wasserstein-1", sqrt(0.5)),
        ("rms deviation", sqrt(0.5)),
        ("max deviation", sqrt(0.5)),
        ("chi-squared", 1.0),
    ):
        scores = [found.score(name) for found in comparisons]
        values = torch.tensor([score.value for score in scores])
        floor = float(torch.tensor([score.floor for score in scores]).mean())
        standard_error = float(values.std()) / sqrt(60) / floor
        assert abs(float(values.mean()) / floor - expected) < 4 * standard_error


def test_a_perfect_model_is_hardly_ever_said_to_differ() -> None:
    words = [
        verdicts(compare_dimers(dimers(800, 1, 2 * i), dimers(200, 8, 2 * i + 1), 0.0, SETTINGS))[
            0
        ].word
        for i in range(40)
    ]
    assert "differs" not in words
    assert words.count("agrees") > 30


def test_beads_on_springs_agree_with_draws_from_their_own_stiffness() -> None:
    atoms = springs(torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]), 6, seed=3)
    encoder = torch.kron(torch.eye(3), torch.full((1, 2), 0.5)).double()
    reference = encoder @ atoms.draw(4000, seed=1)
    model = replace(atoms, stiffness=atoms.bead_stiffness(encoder)).draw(16_000, seed=2)
    chain = Subject(
        system_of("ABA", 1),
        system_of("ABA", 1),
        16,
        TEMPERATURE,
        (
            Observable("bond A-B", "bond", 0, torch.tensor([[0, 1], [1, 2]]), None),
            Observable("angle A-B-A", "angle", 0, torch.tensor([[0, 1, 2]]), None),
        ),
    )
    runs = [
        StoredTrajectory(Chunk(beads, torch.arange(len(beads), dtype=torch.float64)))
        for beads in (reference, model.reshape(1000, 16 * 3, 3))
    ]
    found = compare(runs[0], runs[1], chain, 0.0, SETTINGS)
    assert [verdict.word for verdict in verdicts(found)] == ["agrees", "agrees"]
    wrong = StoredTrajectory(replace(runs[1].chunk, positions=1.1 * runs[1].chunk.positions))
    longer, _ = verdicts(compare(runs[0], wrong, chain, 0.0, SETTINGS))
    assert longer.word == "differs"


def test_a_dihedral_turned_across_180_degrees_is_off_by_its_turn() -> None:
    four = system_of("AAAA", 1)
    twist = Subject(
        four,
        four,
        1,
        TEMPERATURE,
        (Observable("dihedral", "dihedral", 0, torch.tensor([[0, 1, 2, 3]]), None),),
    )
    runs = [twisted(middle, seed) for seed, middle in enumerate((170.0, 195.0))]
    found = only(compare(runs[0], runs[1], twist, 0.0, SETTINGS))
    score = found.score("wasserstein-1")
    assert score.unit == "degrees"
    assert abs(score.value - 25.0) < 4 * 8.0 * sqrt(2 / 4000)


def test_order_of_copies_does_not_matter_to_densities() -> None:
    model = dimers(200, 8, 1)
    turned = model.chunk.positions.reshape(200, 8, 2, 3).flip(1).flatten(1, 2)
    flipped = StoredTrajectory(replace(model.chunk, positions=turned))
    reference = dimers(500, 1, 0)
    one, other = (only(compare_dimers(reference, run, 0.0, SETTINGS)) for run in (model, flipped))
    assert torch.equal(one.model, other.model)
    assert [s.value for s in one.scores] == [s.value for s in other.scores]


def test_one_seed_gives_one_result_and_another_seed_another() -> None:
    runs = dimers(500, 1, 0), dimers(500, 1, 1)
    first, again, other = (
        only(compare_dimers(*runs, settings=replace(SETTINGS, seed=seed))) for seed in (1, 1, 2)
    )
    assert first.scores == again.scores
    assert torch.equal(first.model_low, again.model_low)
    assert first.scores != other.scores
    assert [s.value for s in first.scores] == [s.value for s in other.scores]


def waves(n_frames: int, seed: int, stretch: float = 0.0) -> StoredTrajectory:
    """A bond that forgets itself in 1.25 frames, a normal 0.1 Å wide and `stretch` Å longer."""
    noise = torch.randn(n_frames, generator=torch.Generator().manual_seed(seed)).double().tolist()
    kept, lengths = exp(-0.8), noise[:1]
    for kick in noise[1:]:
        lengths.append(kept * lengths[-1] + sqrt(1 - kept**2) * kick)
    positions = torch.zeros(n_frames, 2, 3).double()
    positions[:, 1, 2] = LENGTH + stretch + 0.1 * torch.tensor(lengths)
    return StoredTrajectory(Chunk(positions, torch.arange(n_frames, dtype=torch.float64)))


@pytest.mark.parametrize("n_frames", [75, 150, 300])
def test_a_short_run_of_a_perfect_model_does_not_differ(n_frames: int) -> None:
    # 3000 frames of the reference hold 1,100 independent samples; the model 33, 63 and 119.
    settings = ComparisonSettings(resamples=100)
    words: list[str] = []
    false: list[str] = []
    for seed in range(10):
        reference = waves(3000, 2 * seed)
        for stretch, found in ((0.0, false), (0.15, words)):
            model = waves(n_frames, 2 * seed + 1, stretch)
            (verdict,) = verdicts(compare_dimers(reference, model, 0.0, settings))
            found.append(verdict.word)
    assert "differs" not in false
    assert words.count("differs") >= 8
