import pytest
import torch

from autograin_cli.errors import InputError
from autograin_cli.mapping.autoencoder import decoder, reconstruction_loss
from autograin_cli.mapping.given import GivenBeads, given_mapping
from autograin_cli.mapping.moments import moments
from autograin_cli.molecules import Molecule
from systems import MASSES


def chain(elements: str) -> Molecule:
    """Atoms in a row."""
    row = torch.arange(len(elements))
    return Molecule(
        name="chain",
        atom_names=tuple(f"{element}{k}" for k, element in enumerate(elements)),
        elements=tuple(elements),
        masses=torch.tensor([MASSES[element] for element in elements], dtype=torch.float64),
        bonds=torch.stack((row[:-1], row[1:]), dim=1),
        copies=row[None],
    )


def beads(assignment: list[int], types: str, weights: list[float] | None = None) -> GivenBeads:
    return GivenBeads(
        names=tuple(f"{kind}{k}" for k, kind in enumerate(types)),
        types=tuple(types),
        assignment=torch.tensor(assignment),
        weights=torch.tensor(weights or [1.0] * len(assignment), dtype=torch.float64),
        bonds=None,
    )


def structures(n_atoms: int, noise: float = 0.2) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    line = 1.5 * torch.arange(n_atoms).double()[:, None] * torch.eye(3)[0]
    return line + noise * torch.randn(40, n_atoms, 3, generator=random, dtype=torch.float64)


def test_the_force_map_and_the_masses_are_those_of_the_weights() -> None:
    molecule = chain("CCNC")
    mapping = given_mapping(
        molecule, beads([0, 0, 1, 1], "AB", [3.0, 1.0, 2.0, 2.0]), structures(4)
    )
    expected = torch.tensor([[0.75, 0.25, 0, 0], [0, 0, 0.5, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(mapping.encoder, expected)
    torch.testing.assert_close(mapping.force_map @ mapping.encoder.T, torch.eye(2).double())
    carbon, nitrogen = MASSES["C"], MASSES["N"]
    masses = [carbon / (0.75**2 + 0.25**2), 4 / (1 / carbon + 1 / nitrogen)]
    assert mapping.bead_masses is not None
    assert mapping.bead_masses.tolist() == pytest.approx(masses)
    assert mapping.bead_bonds.tolist() == [[0, 1]]
    assert mapping.certificate is None


def test_the_decoder_is_the_best_one_of_the_structures() -> None:
    frames = structures(6)
    mapping = given_mapping(chain("CNNNNH"), beads([0, 0, 0, 1, 1, 1], "AB"), frames)
    gram = moments(frames).gram
    torch.testing.assert_close(mapping.decoder, decoder(mapping.encoder, gram), atol=1e-9, rtol=0)
    best = reconstruction_loss(mapping.encoder, mapping.decoder, gram)
    random = torch.Generator().manual_seed(2)
    for _ in range(20):
        shift = 0.1 * torch.randn(6, 2, generator=random, dtype=torch.float64)
        other = mapping.decoder + shift - shift.mean(1, keepdim=True)
        assert float(reconstruction_loss(mapping.encoder, other, gram)) > float(best)


def test_beads_are_bonded_through_unmapped_atoms() -> None:
    mapping = given_mapping(
        chain("CNNCNNC"), beads([0, -1, -1, 1, -1, -1, 2], "AAA"), structures(7)
    )
    assert mapping.bead_bonds.tolist() == [[0, 1], [1, 2]]


def test_rigid_groups_are_found_and_may_not_be_split() -> None:
    frames = structures(4)
    frames[:, 1] = frames[:, 0] + torch.tensor([0.0, 1.0, 0.0])
    mapping = given_mapping(chain("CCCC"), beads([0, 0, 1, 1], "AB"), frames)
    assert mapping.rigid_groups.tolist() == [0, 0, -1, -1]
    with pytest.raises(InputError, match="C0 in bead 0, C1 in bead 1"):
        given_mapping(chain("CCCC"), beads([0, 1, 1, 1], "AB"), frames)


def test_beads_of_one_type_have_one_mass() -> None:
    with pytest.raises(InputError, match=r"A0 and A1 of type A with masses of 24\.022 and 12\.011"):
        given_mapping(chain("CCC"), beads([0, 0, 1], "AA"), structures(3))


def test_a_bead_without_weight_is_refused() -> None:
    with pytest.raises(InputError, match="bead B1, the weights of whose atoms sum to 0"):
        given_mapping(chain("CCC"), beads([0, 0, 1], "AB", [1.0, 1.0, 0.0]), structures(3))
