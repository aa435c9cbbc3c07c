"""The equations of the autoencoder against plain evaluations over frames."""

import pytest
import torch
from torch import Tensor

from autograin_cli.mapping.autoencoder import (
    bond_lengths,
    compactness,
    decoder,
    encoder,
    mean_square_force,
    one_hot,
    reconstruction_bound,
    reconstruction_errors,
    reconstruction_loss,
)
from autograin_cli.mapping.moments import moments
from autograin_cli.mapping.topology import average_over_classes, pair_classes
from systems import Springs, aniline, ortho_terphenyl, springs


@pytest.fixture(scope="module")
def structures() -> Tensor:
    """Structures of ortho-terphenyl on springs, displaced and rotated at random."""
    molecule = ortho_terphenyl()
    system = springs(molecule.bonds, molecule.n_atoms, seed=1)
    positions = system.draw(200, seed=2)
    generator = torch.Generator().manual_seed(3)
    rotations = torch.linalg.qr(torch.randn(200, 3, 3, generator=generator, dtype=torch.float64)).Q
    shifts = 100 * torch.randn(200, 1, 3, generator=generator, dtype=torch.float64)
    return positions @ rotations + shifts


def _random_encoder(n_beads: int, n_atoms: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shares = torch.softmax(
        torch.randn(n_beads, n_atoms, generator=generator, dtype=torch.float64), 0
    )
    return shares, encoder(
        shares, torch.rand(n_atoms, generator=generator, dtype=torch.float64) + 1
    )


def _plain_loss(positions: Tensor, encoding: Tensor, decoding: Tensor) -> Tensor:
    """Mean over frames and atoms of |x - D E x|², in the frame as it is."""
    return (positions - decoding @ (encoding @ positions)).square().sum(-1).mean()


def test_the_loss_from_moments_is_the_plain_loss_over_frames(structures: Tensor) -> None:
    gram = moments(structures).gram
    _, encoding = _random_encoder(3, 32, seed=0)
    decoding = decoder(encoding, gram)
    expected = _plain_loss(structures, encoding, decoding)
    torch.testing.assert_close(
        reconstruction_loss(encoding, decoding, gram), expected, rtol=1e-10, atol=0
    )


def test_errors_of_atoms_from_moments_are_the_plain_ones_and_their_mean_square_is_the_loss(
    structures: Tensor,
) -> None:
    gram = moments(structures).gram
    encodings = torch.stack([_random_encoder(3, 32, seed=seed)[1] for seed in (0, 1)])
    decodings = decoder(encodings, gram)
    errors = reconstruction_errors(encodings, decodings, gram)
    for encoding, decoding, found in zip(encodings, decodings, errors, strict=True):
        distances = (structures - decoding @ (encoding @ structures)).square().sum(-1)
        torch.testing.assert_close(found, distances.mean(0).sqrt(), rtol=1e-10, atol=0)
        loss = reconstruction_loss(encoding, decoding, gram)
        torch.testing.assert_close(found.square().mean(), loss, rtol=1e-12, atol=0)


def test_lengths_of_bonds_from_moments_are_the_plain_ones(structures: Tensor) -> None:
    bonds = ortho_terphenyl().bonds
    steps = structures[:, bonds[:, 0]] - structures[:, bonds[:, 1]]
    plain = steps.square().sum(-1).mean(0).sqrt()
    found = bond_lengths(moments(structures).gram, bonds)
    torch.testing.assert_close(found, plain, rtol=1e-10, atol=0)


def test_the_symmetrised_loss_is_the_plain_loss_over_frames_and_their_images() -> None:
    molecule = aniline()
    # The mirror of aniline: it swaps ortho, meta and amine hydrogens in pairs.
    image = torch.tensor([0, 5, 4, 3, 2, 1, 6, 11, 10, 9, 8, 7, 13, 12])
    amine = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 12])
    positions = springs(molecule.bonds, 14, seed=4).draw(150, seed=5)
    images = torch.cat([positions[:, g] for g in (torch.arange(14), image, amine, image[amine])])
    gram = average_over_classes(moments(positions).gram, pair_classes(molecule))
    _, encoding = _random_encoder(2, 14, seed=6)
    decoding = decoder(encoding, gram)
    torch.testing.assert_close(
        reconstruction_loss(encoding, decoding, gram),
        _plain_loss(images, encoding, decoding),
        rtol=1e-10,
        atol=0,
    )


@pytest.mark.parametrize("n_beads", [1, 2, 3, 7])
def test_the_decoder_follows_translations_and_no_other_is_better(
    structures: Tensor, n_beads: int
) -> None:
    gram = moments(structures).gram
    _, encoding = _random_encoder(n_beads, 32, seed=7)
    decoding = decoder(encoding, gram)
    torch.testing.assert_close(
        decoding.sum(1), torch.ones(32, dtype=torch.float64), rtol=1e-10, atol=0
    )
    best = reconstruction_loss(encoding, decoding, gram)
    generator = torch.Generator().manual_seed(8)
    for _ in range(20):
        change = torch.randn(32, n_beads, generator=generator, dtype=torch.float64)
        change -= change.mean(1, keepdim=True)
        other = reconstruction_loss(encoding, decoding + 1e-3 * change, gram)
        assert other >= best * (1 - 1e-12)


def test_the_decoder_exists_where_the_beads_moments_are_singular(structures: Tensor) -> None:
    gram = moments(structures).gram
    shares = one_hot(torch.arange(32) % 3, 3)
    encoding = encoder(shares, torch.ones(32, dtype=torch.float64))
    twice = torch.cat([encoding, encoding[:1]])
    torch.testing.assert_close(
        reconstruction_loss(twice, decoder(twice, gram), gram),
        reconstruction_loss(encoding, decoder(encoding, gram), gram),
        rtol=1e-9,
        atol=0,
    )


def test_one_bead_decodes_every_atom_to_the_bead(structures: Tensor) -> None:
    gram = moments(structures).gram
    encoding = torch.full((1, 32), 1 / 32, dtype=torch.float64)
    decoding = decoder(encoding, gram)
    torch.testing.assert_close(decoding, torch.ones(32, 1, dtype=torch.float64), rtol=1e-10, atol=0)
    centred = structures - structures.mean(1, keepdim=True)
    torch.testing.assert_close(
        reconstruction_loss(encoding, decoding, gram),
        centred.square().sum(-1).mean(),
        rtol=1e-10,
        atol=0,
    )


@pytest.mark.parametrize("n_beads", [1, 3, 6])
def test_no_encoder_beats_the_bound(structures: Tensor, n_beads: int) -> None:
    gram = moments(structures).gram
    bound = reconstruction_bound(gram, n_beads)
    for seed in range(20):
        _, encoding = _random_encoder(n_beads, 32, seed)
        loss = reconstruction_loss(encoding, decoder(encoding, gram), gram)
        assert loss >= bound * (1 - 1e-12)


def test_the_bound_is_reached_by_principal_components(structures: Tensor) -> None:
    gram = moments(structures).gram
    components = torch.linalg.eigh(gram).eigenvectors[:, -2:]
    encoding = torch.cat([components.T, -components.sum(1)[None]]) + 1 / 32
    encoding = encoding / encoding.sum(1, keepdim=True)
    loss = reconstruction_loss(encoding, decoder(encoding, gram), gram)
    assert float(loss) == pytest.approx(reconstruction_bound(gram, 3), rel=1e-9)


def test_compactness_is_the_mean_square_distance_from_the_beads(structures: Tensor) -> None:
    shares, encoding = _random_encoder(3, 32, seed=9)
    beads = encoding @ structures
    distance = (structures[:, None] - beads[:, :, None]).square().sum(-1)
    expected = (shares * distance).sum((1, 2)).mean() / 32
    torch.testing.assert_close(
        compactness(shares, encoding, moments(structures).gram), expected, rtol=1e-10, atol=0
    )


def test_the_force_term_is_the_mean_square_of_summed_forces(structures: Tensor) -> None:
    system = Springs(torch.eye(32, dtype=torch.float64) - 1 / 32)
    forces = system.forces(structures)
    shares, _ = _random_encoder(3, 32, seed=10)
    expected = (shares @ forces).square().sum(-1).mean()
    gram = moments(structures, forces).force_gram
    assert gram is not None
    torch.testing.assert_close(mean_square_force(shares, gram), expected, rtol=1e-10, atol=0)


def test_the_gradient_with_the_decoder_held_fixed_is_the_whole_gradient(
    structures: Tensor,
) -> None:
    gram = moments(structures).gram
    weights = torch.ones(32, dtype=torch.float64)
    logits = torch.randn(3, 32, generator=torch.Generator().manual_seed(11), dtype=torch.float64)

    def loss(values: Tensor, decoding: Tensor | None = None) -> Tensor:
        encoding = encoder(torch.softmax(values, 0), weights)
        best = decoder(encoding, gram) if decoding is None else decoding
        return reconstruction_loss(encoding, best, gram)

    leaf = logits.clone().requires_grad_()
    fixed = decoder(encoder(torch.softmax(logits, 0), weights), gram)
    loss(leaf, fixed).backward()
    assert leaf.grad is not None
    for bead, atom in ((0, 0), (1, 17), (2, 31)):
        step = torch.zeros_like(logits)
        step[bead, atom] = 1e-5
        difference = (loss(logits + step) - loss(logits - step)) / 2e-5
        assert float(leaf.grad[bead, atom]) == pytest.approx(float(difference), rel=1e-6)
