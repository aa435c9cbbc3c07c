from math import inf, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from figure_optimum import cost_of_success
from study import open_frames, seen_frames, short_frames
from study_loss import Frames, goal_of, optima
from study_methods import Case, annealed, pose_case, rates
from study_results import Optimum, Proof, Rate, Soft, Study, load_study, save_study, wilson
from torch import Tensor
from trained_decoder import train

from autograin_cli.mapping.anneal import anneal
from autograin_cli.mapping.autoencoder import decoder, encoder, reconstruction_loss
from autograin_cli.mapping.enumeration import enumerate_mappings
from autograin_cli.mapping.moments import Survey, moments
from autograin_cli.trajectory import gather

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


@pytest.fixture(scope="module")
def aniline() -> Frames:
    reading = open_frames(SAMPLES, "aniline", "aniline_6ps")
    return seen_frames(reading, "aniline", "6 ps", symmetric=False)


@pytest.fixture(scope="module")
def otp_case() -> Case:
    """Ortho-terphenyl in four beads: the ring that is parted, and how, leaves four images."""
    reading = open_frames(SAMPLES, "otp", "otp_6ps")
    return pose_case(seen_frames(reading, "otp", "6 ps", symmetric=True), 4, "ae+compactness")


def test_loss_and_force_are_those_of_the_frames_as_published(aniline: Frames) -> None:
    """A plain second version: the least over all mappings, frame by frame, in kcal."""
    frames = gather(open_frames(SAMPLES, "aniline", "aniline_6ps").trajectory, 300)
    assert frames.forces is not None
    units = aniline.problem(3, "uniform", "ae").units
    listed = enumerate_mappings(units, 3, 1000)
    assert listed is not None
    found = []
    for labels in listed[:, units.labels]:
        x = (frames.positions - frames.positions.mean(1, keepdim=True)).numpy()
        z = np.stack([x[:, labels == bead].mean(1) for bead in range(3)], axis=1)
        flat_z, flat_x = (a.transpose(0, 2, 1).reshape(-1, a.shape[1]) for a in (z, x))
        decoded = flat_z @ np.linalg.lstsq(flat_z, flat_x, rcond=None)[0]
        forces = [frames.forces[:, labels == bead].sum(1) / 4.184 for bead in range(3)]
        square = float(torch.stack(forces).square().sum(-1).mean())
        found.append((((flat_x - decoded) ** 2).mean(), square))
    one = next(iter(optima(aniline, 3, "uniform")))
    assert one.loss == pytest.approx(min(found)[0], rel=1e-9)
    assert one.force == pytest.approx(min(found)[1], rel=1e-9)


def test_errors_of_blocks_are_those_of_independent_frames(aniline: Frames) -> None:
    """One bead, whose loss and force are known frame by frame."""
    generator = torch.Generator().manual_seed(1)
    n_frames, n_blocks, n_atoms = 4000, 80, aniline.molecule.n_atoms
    shape = (n_frames, n_atoms, 3)
    still = aniline.seen.mean_structure.double()
    positions = still + 0.2 * torch.randn(shape, generator=generator, dtype=torch.float64)
    forces = 4.184 * torch.randn(shape, generator=generator, dtype=torch.float64)
    pairs = zip(positions.tensor_split(n_blocks), forces.tensor_split(n_blocks), strict=True)
    seen = Survey(tuple(moments(*pair) for pair in pairs), positions[:20])
    one = next(
        iter(optima(Frames("aniline", "noise", aniline.molecule, seen, False), 1, "uniform"))
    )
    losses = (positions - positions.mean(1, keepdim=True)).square().mean((1, 2))
    loss_error = float(losses.std()) / sqrt(n_frames)
    force_error = sqrt(6 / n_frames) * n_atoms  # |F|² of normal forces has variance 6 n²
    bound = 4 / sqrt(2 * (n_blocks - 1))
    assert abs(one.loss_error / loss_error - 1) < bound
    assert abs(one.force_error / force_error - 1) < bound


def test_hundreds_of_frames_split_into_runs_are_each_judged_alone(
    aniline: Frames, tmp_path: Path
) -> None:
    frames = gather(open_frames(SAMPLES, "aniline", "aniline_6ps").trajectory, 300)
    assert frames.forces is not None
    halves = [x.reshape(2, 150, -1, 3).double() for x in (frames.positions, frames.forces)]
    np.savez(tmp_path / "runs.npz", positions=halves[0].numpy(), forces=halves[1].numpy())
    runs = list(short_frames(aniline, tmp_path / "runs.npz"))
    assert [run.sampling for run in runs] == ["6 ps run:1", "6 ps run:2"]
    both = (runs[0].seen.total + runs[1].seen.total).gram
    torch.testing.assert_close(both, aniline.seen.total.gram, rtol=1e-10, atol=1e-10)


def test_a_trained_decoder_comes_near_the_best_and_never_below_it(aniline: Frames) -> None:
    problem = aniline.problem(2, "uniform", "ae")
    goal = goal_of(problem)
    trained = train(goal, 2, 4, 2000, 0, noise=False)
    encoding = encoder(trained.shares, goal.atom_weights)
    best = reconstruction_loss(encoding, decoder(encoding, goal.gram), goal.gram)
    assert bool((trained.loss >= best * (1 - 1e-3)).all())
    assert float(trained.loss.min()) == pytest.approx(float(best.min()), rel=1e-2)
    eliminated = anneal(goal, 2, 4, 1000, 0, gumbel=False)
    assert float(trained.loss.min()) == pytest.approx(float(eliminated.loss.min()), rel=1e-2)


def test_images_of_the_optimum_count_as_found_and_other_mappings_do_not(otp_case: Case) -> None:
    listed = enumerate_mappings(otp_case.problem.units, 4, 10_000)
    assert listed is not None
    order = otp_case.values(listed).argsort()
    values = otp_case.values(listed)[order]
    n_images = int((values <= values[0] * (1 + 1e-9)).sum())
    assert n_images == 4

    def images(_: Case, n_seeds: int) -> Tensor:
        return listed[order[torch.arange(n_seeds) % n_images]]

    def second(_: Case, n_seeds: int) -> Tensor:
        return listed[order[n_images]].expand(n_seeds, -1)

    proof, first, other = rates(otp_case, 8, 1.0, {"images": images, "second": second})
    assert isinstance(proof, Proof) and isinstance(first, Rate) and isinstance(other, Rate)
    assert proof.n_mappings == 6735
    assert proof.margin == pytest.approx(float(values[n_images] / values[0]) - 1, rel=1e-9)
    assert (first.found, first.near, first.distinct) == (8, 8, 1)
    assert (other.found, other.distinct) == (0, 1)


def test_annealing_gives_a_connected_mapping_for_each_seed(otp_case: Case) -> None:
    labels = annealed(otp_case, 3)
    listed = enumerate_mappings(otp_case.problem.units, 4, 10_000)
    assert listed is not None
    known = set(otp_case.values(listed).tolist())
    assert labels.shape == (3, otp_case.problem.units.count)
    assert all(min(abs(v - k) for k in known) < 1e-9 for v in otp_case.values(labels).tolist())


@pytest.mark.parametrize(
    ("found", "seeds", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634)],
)
def test_wilsons_interval_is_that_of_the_tables(
    found: int, seeds: int, low: float, high: float
) -> None:
    assert wilson(found, seeds) == pytest.approx((low, high), abs=1e-4)


def test_wilsons_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    draws, chance = 4000, 0.3
    generator = np.random.default_rng(1)
    holds = [
        low <= chance <= high
        for low, high in map(_interval, generator.binomial(100, chance, draws))
    ]
    assert abs(np.mean(holds) - 0.95) < 0.02  # it is known to swing by 0.015 about 0.95


def _interval(found: int) -> tuple[float, float]:
    return wilson(int(found), 100)


def test_what_never_succeeds_costs_without_limit() -> None:
    never = Rate("otp", 3, "ae", "guess", seeds=10, found=0, near=0, distinct=3, cost=2.0)
    middle, low, high = cost_of_success(never)
    assert (middle, high) == (inf, inf)
    assert low == pytest.approx(2.0 / wilson(0, 10)[1])


def test_half_of_the_successes_cost_twice_as_much() -> None:
    half = Rate("otp", 3, "ae", "guess", seeds=10, found=5, near=5, distinct=3, cost=2.0)
    middle, low, high = cost_of_success(half)
    assert middle == pytest.approx(4.0)
    assert low < middle < high


def test_a_study_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    study = Study(
        (
            Optimum(
                "otp",
                "6 ns",
                "mass",
                "ae",
                3,
                0.5,
                0.1,
                9.0,
                1.0,
                0.4,
                8,
                2,
                (1.0, 2.0),
                (0.0, 3.0),
            ),
        ),
        (Soft("otp", 3, "annealed", (0.1, 0.2), (3.0, 4.0)),),
        (Rate("otp", 3, "ae", "guess", 10, 5, 6, 2, 0.1),),
        (Proof("otp", 3, "ae", 826, 88, 1e-5, 2.0),),
    )
    save_study(study, tmp_path / "study.json")
    assert load_study(tmp_path / "study.json") == study
