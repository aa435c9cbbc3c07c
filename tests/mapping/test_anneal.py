"""Annealing: seeds, hardening, histories, and the stop at a loss that is not finite."""

import pytest
import torch

from autograin_cli.errors import DivergenceError
from autograin_cli.mapping.anneal import Goal, anneal
from autograin_cli.mapping.autoencoder import decoder, encoder, reconstruction_loss
from autograin_cli.mapping.moments import moments
from systems import alkane, springs


def _goal(*, learned: bool = False) -> Goal:
    molecule = alkane(4)
    positions = springs(molecule.bonds, molecule.n_atoms, seed=1).draw(100, seed=2)
    assert molecule.masses is not None
    return Goal(moments(positions).gram, None, molecule.masses, (1.0, 1.0, 0.0), learned)


@pytest.mark.parametrize("gumbel", [False, True])
def test_one_seed_gives_one_result_and_another_seed_another(gumbel: bool) -> None:
    first = anneal(_goal(), 2, 3, 60, seed=4, gumbel=gumbel)
    again = anneal(_goal(), 2, 3, 60, seed=4, gumbel=gumbel)
    other = anneal(_goal(), 2, 3, 60, seed=5, gumbel=gumbel)
    assert torch.equal(first.shares, again.shares)
    assert not torch.equal(first.shares, other.shares)


def test_the_assignment_hardens_as_beta_rises() -> None:
    annealed = anneal(_goal(), 2, 2, 400, seed=0, gumbel=False)
    for history in annealed.histories:
        assert bool((history.beta.diff() > 0).all())
        softness = (1 - history.assignments.amax(1)).mean(1)
        assert softness[-1] < 0.02 < softness[0]


@pytest.mark.parametrize("learned", [False, True])
def test_the_recorded_loss_is_that_of_the_soft_encoder(learned: bool) -> None:
    goal = _goal(learned=learned)
    annealed = anneal(goal, 2, 2, 50, seed=0, gumbel=False)
    if not learned:
        encoding = encoder(annealed.shares, goal.atom_weights)
        expected = reconstruction_loss(encoding, decoder(encoding, goal.gram), goal.gram)
        torch.testing.assert_close(annealed.loss, expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(
        annealed.shares.sum(1), torch.ones_like(annealed.shares[:, 0]), rtol=1e-12, atol=0
    )
    assert torch.equal(annealed.loss, torch.stack([h.loss[-1] for h in annealed.histories]))


def test_a_loss_that_is_not_finite_stops_the_annealing_and_names_the_step() -> None:
    goal = _goal()
    spoilt = goal.gram.clone()
    spoilt[0, 0] = float("inf")
    with pytest.raises(DivergenceError, match="step 0"):
        anneal(
            Goal(spoilt, None, goal.atom_weights, goal.weights, False), 2, 1, 10, 0, gumbel=False
        )
