"""What the forces add to the joint loss: its gradient, and what is left of it without noise."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from autograin_cli.joint.bonded import Bonded, bonded_of, least_squares
from autograin_cli.joint.encoding import Goal, goal_of, soft_encoder, soft_force_map
from autograin_cli.joint.force_terms import neighbours, shared, unexplained
from autograin_cli.joint.learned import Learned
from autograin_cli.joint.structures import Structures, sample
from autograin_cli.joint.training import beads_of, own_objective
from autograin_cli.mapping.autoencoder import encoder
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.force_maps import projected_map, sum_map
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.mapping.moments import moments
from autograin_cli.settings import MappingSettings, NeuralSettings, PotentialSettings
from chains import Chain
from spring_chains import spring_chain, spring_trajectory

KINDS = ("optimal", "projected", "sum")


def _start(n_beads: int, kind: str = "optimal") -> tuple[Mapping, Goal, Structures]:
    trajectory = spring_trajectory(n_beads, 200)
    _, molecule = spring_chain(n_beads)
    mapping = fit_mapping(trajectory, molecule, MappingSettings(beads=n_beads, method="exact"))
    structures = sample(trajectory, molecule, 4, 0)
    goal = goal_of(mapping, moments(structures.positions, structures.forces), kind)
    return mapping, goal, structures


def _logits(goal: Goal, n_beads: int) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.rand(n_beads, goal.units.count, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_the_joint_loss_is_that_of_finite_differences(kind: str) -> None:
    """By the logits of the encoder, with coefficients and neighbours as they are found."""
    mapping, goal, structures = _start(3, kind)
    logits = _logits(goal, 3).requires_grad_()
    bonded = bonded_of(mapping, mapping.map_positions(structures.positions)[:, 0], _settings())
    _, encoding = soft_encoder(goal, logits.detach(), 2.0)
    seen = beads_of(structures, encoding, soft_force_map(goal, encoding))
    coefficients = least_squares(bonded.basis(seen.positions), seen.forces)
    near = neighbours(seen.positions, seen.blocks)

    def loss(values: Tensor) -> Tensor:
        shares, encoding = soft_encoder(goal, values, 2.0)
        seen = beads_of(structures, encoding, soft_force_map(goal, encoding))
        fitted = bonded.basis(seen.positions) @ coefficients
        return own_objective(goal, shares, encoding) + unexplained(seen.forces, fitted, near)

    (gradient,) = torch.autograd.grad(loss(logits), logits)
    direction = _logits(goal, 3) - 0.5
    step = 1e-5
    here = logits.detach()
    ahead, behind = loss(here + step * direction), loss(here - step * direction)
    expected = float(ahead - behind) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(expected, rel=1e-6)


def _settings() -> PotentialSettings:
    return PotentialSettings(dihedral="none")


def test_coefficients_are_those_of_the_chain() -> None:
    """Bonds k (r - r0)² and angles k' (cos - cos0)² of independent coordinates, no noise."""
    chain = Chain(3)
    positions = chain.draw(50, seed=2)
    mapping = replace(_start(3)[0], bead_bonds=chain.bonds, bead_types=chain.types)
    bonded = bonded_of(mapping, positions, _settings())
    found = least_squares(bonded.basis(positions), chain.forces(positions))
    by_term = found.split([form.size for form in bonded.forms])
    for member, form, (quadratic, linear) in zip(
        bonded.members, bonded.forms, by_term, strict=True
    ):
        stiffness, least = chain.bond if member.coordinate == "bond" else chain.angle
        assert float(quadratic) == pytest.approx(stiffness, rel=1e-6)
        centre = form.centre - float(linear) / (2 * stiffness)  # type: ignore[attr-defined]
        assert centre == pytest.approx(least, rel=1e-6)


def test_a_bead_that_all_atoms_leave_stays_with_the_last_of_them() -> None:
    """The soft encoder is that of the mapping stage, but for beads whose shares underflow."""
    _, goal, _ = _start(2)
    logits = _logits(goal, 2)
    shares, encoding = soft_encoder(goal, logits, 3.0)
    torch.testing.assert_close(encoding, encoder(shares, goal.atom_weights), rtol=1e-12, atol=0)
    logits[0], logits[1] = 0.0, torch.arange(goal.units.count) - 1000.0
    shares, encoding = soft_encoder(goal, logits, 10.0)
    assert float(shares[1].sum()) == 0.0
    assert float(encoding[1, -1]) > 0.99
    assert bool(soft_force_map(goal, encoding).isfinite().all())


@pytest.mark.parametrize("kind", KINDS)
def test_forces_of_a_soft_encoder_are_unbiased(kind: str) -> None:
    _, goal, _ = _start(2, kind)
    _, encoding = soft_encoder(goal, _logits(goal, 2), 2.0)
    identity = soft_force_map(goal, encoding) @ encoding.T
    torch.testing.assert_close(identity, torch.eye(2).double(), rtol=0, atol=1e-10)


def test_force_maps_of_a_hard_encoder_are_those_of_the_mapping_stage() -> None:
    for kind in ("projected", "sum"):
        mapping, goal, _ = _start(2, kind)
        expected = {
            "projected": projected_map(mapping.encoder, mapping.rigid_groups),
            "sum": sum_map(mapping.assignment, mapping.rigid_groups),
        }[kind]
        torch.testing.assert_close(soft_force_map(goal, mapping.encoder), expected)


@pytest.mark.parametrize("noise", [0.0, 30.0, 100.0])
def test_noise_does_not_enter_what_is_missed(noise: float) -> None:
    """<r·r'> of neighbours is the square of the error of the model, whatever the noise."""
    chain = Chain(3)
    positions = chain.draw(3000, seed=3)
    blocks = torch.arange(3000) % 6
    generator = torch.Generator().manual_seed(4)
    mean_force = chain.forces(positions)
    forces = mean_force + noise * torch.randn(mean_force.shape, generator=generator).double()
    products = shared(forces - 0.5 * mean_force, neighbours(positions, blocks))
    # Neighbours are not at the same place, so that their mean forces differ a little.
    expected = float(shared(0.5 * mean_force, neighbours(positions, blocks)).mean())
    error = float(products.std()) / len(products) ** 0.5
    # Each structure is met in some six products.
    assert abs(float(products.mean()) - expected) < 4 * 6**0.5 * error + 1e-9
    exact = float((0.5 * mean_force).square().sum((1, 2)).mean())
    assert expected == pytest.approx(exact, rel=0.1)


def test_the_unexplained_share_bounds_the_share_missed_from_above() -> None:
    chain = Chain(3)
    positions = chain.draw(2000, seed=3)
    near = neighbours(positions, torch.arange(2000) % 4)
    forces = chain.forces(positions)
    assert float(unexplained(forces, forces, near)) == pytest.approx(0.0, abs=1e-12)
    assert 0.2 < float(unexplained(forces, 0.5 * forces, near)) < 0.3
    noise = torch.randn(forces.shape, generator=torch.Generator().manual_seed(1)).double()
    assert float(unexplained(noise, torch.zeros_like(noise), near)) == pytest.approx(1.0)


def test_forces_of_the_network_are_differentiable_by_the_positions() -> None:
    """Without bonded terms, and with a network that does not learn."""
    chain = Chain(3)
    positions = chain.draw(5, seed=6)
    settings = NeuralSettings(features=8, moments=4, learning_rate=0.0, neural_cutoff=12.0)
    model = Learned(Bonded((), ()), chain.types, settings, 100.0)
    generator = torch.Generator().manual_seed(7)
    v, direction = torch.randn(2, *positions.shape, generator=generator).double()
    moved = positions.clone().requires_grad_()
    zeros = torch.zeros_like(positions)
    (gradient,) = torch.autograd.grad((v * model.fitted(moved, zeros)).sum(), moved)
    step = 1e-4
    ahead = model.fitted(positions + step * direction, zeros)
    behind = model.fitted(positions - step * direction, zeros)
    expected = float((v * (ahead - behind)).sum()) / (2 * step)
    assert float((gradient * direction).sum()) == pytest.approx(expected, rel=1e-5)


def test_the_network_learns_what_the_bonded_terms_miss() -> None:
    """A quartic bond, of which a harmonic one leaves a part."""
    generator = torch.Generator().manual_seed(8)
    along = torch.randn(64, 3, generator=generator).double()
    length = 3 + 0.5 * torch.randn(64, 1, generator=generator).double()
    ends = along / along.norm(dim=1, keepdim=True) * length
    positions = torch.stack((torch.zeros_like(ends), ends), dim=1)
    pull = -40 * (length - 3) ** 3 * ends / length
    forces = torch.stack((-pull, pull), dim=1)
    settings = NeuralSettings(features=8, moments=4, learning_rate=3e-3)
    model = Learned(_harmonic(), ("A", "A"), settings, float(forces.square().mean().sqrt()))
    missed = [float((model.fitted(positions, forces) - forces).square().mean()) for _ in range(60)]
    assert missed[-1] < 0.5 * missed[0]


def _harmonic() -> Bonded:
    mapping, _, _ = _start(2)
    beads = torch.tensor([[[0.0, 0, 0], [3.0, 0, 0]]]).double()
    return bonded_of(mapping, beads, _settings())
