import pytest
import torch
from torch import Tensor

from autograin_cli.potential.bonded_forms import BondedForm, Cosine, Harmonic
from autograin_cli.potential.channels import explained
from autograin_cli.potential.grids import grid_of
from autograin_cli.potential.normal_equations import Model, accumulate
from autograin_cli.potential.potential import Channel
from autograin_cli.potential.regression import solve
from autograin_cli.potential.survey import survey
from autograin_cli.potential.topology import bonded_terms
from autograin_cli.trajectory import Chunk, StoredTrajectory
from autograin_cli.units import thermal_energy
from chains import Chain
from systems import springs


def channels(
    trajectory: StoredTrajectory, bonds: Tensor, types: tuple[str, ...], *, angles: bool = True
) -> dict[str, Channel]:
    members = tuple(t for t in bonded_terms(bonds, types) if angles or t.coordinate == "bond")
    forms: tuple[BondedForm, ...] = tuple(
        Harmonic(3.0) if m.coordinate == "bond" else Cosine(-0.3) for m in members
    )
    grids = tuple(grid_of(form, 2.5, 3.5) for form in forms)
    model = Model(members, forms, grids, len(types))
    seen = survey(trajectory, members, len(types), 20)
    solution = solve(accumulate(trajectory, model, 20), model)
    return {channel.name: channel for channel in explained(model, solution, seen.sample)}


def ceiling(channel: Channel) -> tuple[float, float]:
    """The ceiling of a channel, which it has, and its standard error."""
    assert channel.ceiling is not None and channel.ceiling_error is not None
    return channel.ceiling, channel.ceiling_error


def test_without_noise_all_of_the_force_is_explained() -> None:
    chain = Chain(3)
    found = channels(chain.trajectory(400, seed=1), chain.bonds, chain.types)
    assert list(found) == ["bond", "angle", "all"]
    for channel in found.values():
        assert channel.r_squared == pytest.approx(1.0, abs=1e-9)
        assert channel.ceiling == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("n_beads", [2, 3])
def test_the_ceiling_is_one_minus_the_share_of_a_known_noise(n_beads: int) -> None:
    chain, noise = Chain(n_beads), 30.0
    trajectory = chain.trajectory(3000, seed=2, noise=noise)
    exact = chain.forces(trajectory.chunk.positions)
    found = channels(trajectory, chain.bonds, chain.types)
    r = trajectory.chunk.positions.diff(dim=1)
    units = r / r.norm(dim=-1, keepdim=True)
    along = ((exact[:, 1:] - exact[:, :-1]) * units).sum(-1) / 2**0.5
    expected = {
        "bond": along.var(0, correction=0).sum() / (along.var(0, correction=0) + noise**2).sum(),
        "all": exact.square().mean() / (exact.square().mean() + noise**2),
    }
    for name, value in expected.items():
        channel = found[name]
        highest, error = ceiling(channel)
        assert abs(highest - float(value)) < 4 * error
        assert abs(channel.r_squared - float(value)) < 4 * channel.r_squared_error


def test_the_ceiling_of_atoms_on_springs_is_that_of_their_conditional_noise() -> None:
    """Noise of W f given z = E x: kT (W K Wᵀ - K') with K' the stiffness of the beads.

    Two beads share one spring, and the force across it is noise alone: three components of
    noise for the force along it and the rest.
    """
    bonds = torch.tensor([[i, i + 1] for i in range(5)])
    system = springs(bonds, 6, seed=3)
    encoder = torch.zeros(2, 6).double()
    encoder[0, :3], encoder[1, 3:] = 1 / 3, 1 / 3
    force_map = (encoder > 0).double()
    positions = system.draw(4000, seed=4)
    beads = torch.einsum("ba,fad->fbd", encoder, positions)
    forces = torch.einsum("ba,fad->fbd", force_map, system.forces(positions))
    run = StoredTrajectory(Chunk(beads, torch.arange(4000).double(), None, forces))
    found = channels(run, torch.tensor([[0, 1]]), ("A", "B"))
    total = force_map @ system.stiffness @ force_map.T
    noise = thermal_energy(300.0) * (total - system.bead_stiffness(encoder))
    bond = torch.tensor([-1.0, 1.0]).double() / 2**0.5
    r = beads[:, 1] - beads[:, 0]
    along = ((forces[:, 1] - forces[:, 0]) * r).sum(1) / r.norm(dim=1) / 2**0.5
    expected = {
        "bond": 1 - float(bond @ noise @ bond / along.var(correction=0)),
        "all": 1 - float(3 * noise.trace() / forces.square().sum((1, 2)).mean()),
    }
    for name, value in expected.items():
        highest, error = ceiling(found[name])
        assert abs(highest - value) < 4 * error
        assert abs(found[name].r_squared - value) < 4 * found[name].r_squared_error


def test_what_the_model_has_no_term_for_stays_below_the_ceiling() -> None:
    chain = Chain(3)
    trajectory = chain.trajectory(2000, seed=5, noise=10.0)
    full = channels(trajectory, chain.bonds, chain.types)["all"]
    bonds_alone = channels(trajectory, chain.bonds, chain.types, angles=False)["all"]
    gap = full.r_squared - bonds_alone.r_squared
    assert gap > 4 * bonds_alone.r_squared_error
    assert abs(ceiling(full)[0] - ceiling(bonds_alone)[0]) < 0.2 * gap


def test_turning_each_frame_changes_nothing() -> None:
    chain = Chain(3)
    chunk = chain.trajectory(300, seed=6, noise=20.0).chunk
    assert chunk.forces is not None
    turns, _ = torch.linalg.qr(
        torch.randn(300, 3, 3, generator=torch.Generator().manual_seed(7)).double()
    )
    turns = turns * torch.linalg.det(turns)[:, None, None]
    turned = Chunk(chunk.positions @ turns + 5.0, chunk.times, None, chunk.forces @ turns)
    before = channels(StoredTrajectory(chunk), chain.bonds, chain.types)
    after = channels(StoredTrajectory(turned), chain.bonds, chain.types)
    for name, channel in before.items():
        assert after[name].r_squared == pytest.approx(channel.r_squared, abs=1e-9)
        assert after[name].ceiling == pytest.approx(channel.ceiling, abs=1e-9)


def test_a_molecule_and_its_mirror_image_are_no_neighbours() -> None:
    """The force along a dihedral has opposite signs in the two, at the same distances."""
    chain = Chain(4, dihedral=(8.0,))
    trajectory = chain.trajectory(3000, seed=8)
    bent = channels(trajectory, chain.bonds, chain.types)["all"]
    assert ceiling(bent)[0] > 0.95
