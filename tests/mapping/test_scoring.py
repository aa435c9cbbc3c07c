"""Scores of hard mappings from contracted sums against the plain equations."""

import pytest
import torch

from autograin_cli.mapping.autoencoder import (
    compactness,
    decoder,
    encoder,
    mean_square_force,
    one_hot,
    reconstruction_loss,
)
from autograin_cli.mapping.moments import moments
from autograin_cli.mapping.scoring import objective, score
from autograin_cli.mapping.topology import units
from systems import ortho_terphenyl, springs


@pytest.mark.parametrize("weights", ["mass", "uniform"])
@pytest.mark.parametrize("n_beads", [1, 2, 4])
def test_contracted_scores_are_those_of_the_plain_equations(weights: str, n_beads: int) -> None:
    molecule = ortho_terphenyl()
    system = springs(molecule.bonds, molecule.n_atoms, seed=1)
    positions = system.draw(100, seed=2)
    seen = moments(positions, system.forces(positions))
    assert molecule.masses is not None
    atom_weights = molecule.masses if weights == "mass" else torch.ones(32, dtype=torch.float64)
    parts = units(molecule, torch.full((32,), -1), connected=True)
    target = objective(seen.gram, seen.force_gram, atom_weights, parts, (1.0, 3.0, 0.01))
    generator = torch.Generator().manual_seed(3)
    free = torch.randint(n_beads, (5, 18 - n_beads), generator=generator)
    labels = torch.cat([torch.arange(n_beads).repeat(5, 1), free], dim=1)
    found = score(target, labels, n_beads)
    columns = (found.loss, found.compactness, found.mean_square_force, found.objective)
    for row, values in enumerate(zip(*columns, strict=True)):
        shares = one_hot(labels[row][parts.labels], n_beads)
        encoding = encoder(shares, atom_weights)
        loss = reconstruction_loss(encoding, decoder(encoding, seen.gram), seen.gram)
        compact = compactness(shares, encoding, seen.gram)
        assert seen.force_gram is not None
        force = mean_square_force(shares, seen.force_gram)
        expected = torch.stack([loss, compact, force, loss + 3 * compact + 0.01 * force])
        torch.testing.assert_close(torch.stack(values), expected, rtol=1e-9, atol=1e-12)


def test_scores_of_blocks_together_are_those_of_each_block() -> None:
    molecule = ortho_terphenyl()
    system = springs(molecule.bonds, molecule.n_atoms, seed=1)
    parts = units(molecule, torch.full((32,), -1), connected=True)
    grams = [moments(system.draw(60, seed)).gram for seed in range(3)]
    labels = torch.arange(18).remainder(3).repeat(4, 1)
    labels[1:, 0] = torch.tensor([1, 2, 1])
    weights = torch.ones(32, dtype=torch.float64)
    together = score(
        objective(torch.stack(grams)[:, None], None, weights, parts, (1.0, 3.0, 0.0)), labels, 3
    )
    alone = [score(objective(g, None, weights, parts, (1.0, 3.0, 0.0)), labels, 3) for g in grams]
    expected = torch.stack([one.objective for one in alone])
    torch.testing.assert_close(together.objective, expected, rtol=1e-12, atol=0)
