"""What figures 2 and 3 of the paper compute: stages and losses of a training, decoded atoms."""

from pathlib import Path

import pytest
import torch
from reconstruction import decode, fidelity, frames_of
from training import Lesson, lesson_of, losses_of, stages

from autograin_cli.files.atomistic import read
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.mapping import History, Mapping
from autograin_cli.settings import MappingSettings, ReadingSettings

ANILINE = Path(__file__).parents[2] / "data" / "samples" / "aniline"
DOUBLE = torch.float64
END = 1000.0  # ps


@pytest.fixture(scope="module")
def aniline() -> Mapping:
    reading = ReadingSettings(topology=f"{ANILINE}.psf", end=END)
    found = read([f"{ANILINE}.xtc"], reading)
    settings = MappingSettings(
        beads=2, method="anneal", weights="uniform", anneal_steps=200, anneal_seeds=2
    )
    return fit_mapping(found.trajectory, found.molecules[0], settings)


@pytest.fixture(scope="module")
def lesson(aniline: Mapping) -> Lesson:
    return lesson_of(aniline, ANILINE, END)


def history_of(aniline: Mapping) -> History:
    assert aniline.history is not None
    return aniline.history


def test_losses_computed_anew_are_those_that_annealing_recorded(
    aniline: Mapping, lesson: Lesson
) -> None:
    history = history_of(aniline)
    losses = losses_of(history, lesson.problem)
    torch.testing.assert_close(3 * losses.reconstruction, history.loss, rtol=1e-10, atol=0.0)


def test_the_last_stage_has_the_losses_of_the_certificate(aniline: Mapping, lesson: Lesson) -> None:
    found = aniline.certificate
    assert found is not None
    losses = losses_of(history_of(aniline), lesson.problem)
    # At beta = 60 an atom's share in another bead is of the order of exp(-60 x the logit).
    assert float(losses.reconstruction[-1]) == pytest.approx(found.loss / 3, rel=1e-6)
    assert float(losses.compactness[-1]) == pytest.approx(found.compactness / 3, rel=1e-6)


def test_the_structure_that_is_drawn_is_a_frame_on_the_mean_structure(
    aniline: Mapping, lesson: Lesson
) -> None:
    mean = aniline.mean_structure
    original = frames_of(ANILINE, "aniline.xtc", None)
    bonds = aniline.molecule.bonds
    lengths = (lesson.structure[bonds[:, 0]] - lesson.structure[bonds[:, 1]]).norm(dim=1)
    known = (original[:, bonds[:, 0]] - original[:, bonds[:, 1]]).norm(dim=2)
    assert float((known - lengths).abs().amax(1).min()) < 1e-9
    assert float((lesson.structure.mean(0) - mean.mean(0)).norm()) < 1e-9


def test_stages_begin_and_end_with_the_training_and_share_its_changes() -> None:
    shares = torch.tensor([0.5, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0], dtype=DOUBLE)
    assignments = torch.stack((shares, 1 - shares), dim=1)[:, :, None]
    rows = torch.arange(len(shares))
    history = History(rows, rows.to(DOUBLE), rows.to(DOUBLE), assignments)
    assert stages(history, 3) == [0, 4, 7]


def test_a_training_that_changes_nothing_has_its_ends_as_stages() -> None:
    rows = torch.arange(5)
    still = torch.full((5, 2, 3), 0.5, dtype=DOUBLE)
    assert stages(History(rows, rows.to(DOUBLE), rows.to(DOUBLE), still), 4) == [0, 4]


def test_decoded_structures_have_the_loss_that_the_moments_give(aniline: Mapping) -> None:
    found = aniline.certificate
    assert found is not None
    original = frames_of(ANILINE, "aniline.xtc", None)[:500]  # those up to END
    _, decoded = decode(aniline, original)
    measured = fidelity(original, decoded, aniline.molecule.bonds)
    # The decoder is the best over frames and images; the best over frames alone loses less.
    assert measured.loss >= found.loss_sampled / 3 * (1 - 1e-6)
    assert measured.loss == pytest.approx(found.loss / 3, rel=1e-2)
    assert float(measured.errors.square().mean()) / 3 == pytest.approx(measured.loss)


def test_beads_and_decoded_atoms_follow_a_shift_and_a_turn(aniline: Mapping) -> None:
    original = frames_of(ANILINE, "aniline.xtc", None)[:3]
    turn = torch.linalg.qr(torch.tensor([[1.0, 2, 3], [0, 1, 4], [5, 6, 0]], dtype=DOUBLE)).Q
    shift = torch.tensor([10.0, -3.0, 7.0], dtype=DOUBLE)
    for before, after in zip(
        decode(aniline, original), decode(aniline, original @ turn.T + shift), strict=True
    ):
        torch.testing.assert_close(before @ turn.T + shift, after, rtol=0.0, atol=1e-9)


def test_bonds_within_15_percent_are_counted_frame_by_frame() -> None:
    original = torch.tensor([[[0.0, 0, 0], [1.0, 0, 0]]], dtype=DOUBLE).repeat(4, 1, 1)
    decoded = original.clone()
    decoded[:, 1, 0] = torch.tensor([1.0, 1.14, 0.84, 0.5], dtype=DOUBLE)
    measured = fidelity(original, decoded, torch.tensor([[0, 1]]))
    assert measured.near.tolist() == [0.5]
    assert measured.errors.tolist() == pytest.approx(
        [0.0, (0.14**2 / 4 + 0.16**2 / 4 + 0.0625) ** 0.5]
    )
