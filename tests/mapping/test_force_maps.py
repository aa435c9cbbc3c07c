import pytest
import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.mapping.force_maps import (
    bead_masses,
    check_rigid_groups,
    crossed_maps,
    force_covariance,
    optimal_map,
    projected_map,
    sum_map,
)
from autograin_cli.trajectory import Chunk, StoredTrajectory
from autograin_cli.units import thermal_energy
from systems import Springs, springs

ASSIGNMENT = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2])
BONDS = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 6], [6, 7], [0, 2], [5, 7]])
FREE = torch.full((8,), -1)
RIGID = torch.tensor([-1, 0, 0, -1, -1, 1, 1, 1])


def weighted(weights: Tensor) -> Tensor:
    raw = torch.nn.functional.one_hot(ASSIGNMENT).T * weights
    return raw / raw.sum(1, keepdim=True)


ENCODER = weighted(torch.tensor([12.0, 1.0, 14.0, 12.0, 1.0, 16.0, 12.0, 1.0], dtype=torch.float64))
UNIFORM = weighted(torch.ones(8, dtype=torch.float64))


def chain() -> Springs:
    return springs(BONDS, 8, seed=3)


def run(n_frames: int, seed: int = 1) -> StoredTrajectory:
    positions = chain().draw(n_frames, seed)
    return StoredTrajectory(
        Chunk(positions, torch.arange(n_frames).double(), None, chain().forces(positions))
    )


def covariance(n_blocks: int = 4, n_frames: int = 400) -> Tensor:
    return force_covariance(run(n_frames), torch.arange(8)[None], n_blocks)


def noise(force_map: Tensor) -> float:
    exact = thermal_energy(300.0) * chain().stiffness
    return float((force_map @ exact * force_map).sum())


@pytest.mark.parametrize("rigid", [FREE, RIGID])
@pytest.mark.parametrize("encoder", [ENCODER, UNIFORM])
def test_every_map_is_inverse_to_the_encoder_and_constant_in_rigid_groups(
    encoder: Tensor, rigid: Tensor
) -> None:
    maps = [sum_map(ASSIGNMENT, rigid), optimal_map(encoder, covariance(), rigid)]
    maps += list(crossed_maps(encoder, covariance(), rigid))
    if encoder is UNIFORM:
        one_group = torch.tensor([0, 0, 0, -1, -1, 1, 1, 1]) if rigid is RIGID else FREE
        maps.append(projected_map(encoder, one_group))
    for force_map in maps:
        assert torch.allclose(force_map @ encoder.T, torch.eye(3).double(), rtol=0, atol=1e-12)
        for group in {*rigid.tolist()} - {-1}:
            columns = force_map[:, rigid == group]
            assert torch.allclose(columns, columns[:, :1].expand_as(columns), rtol=0, atol=1e-12)


def test_optimal_forces_of_atoms_on_springs_are_the_mean_force_without_noise() -> None:
    exact = thermal_energy(300.0) * chain().stiffness
    force_map = optimal_map(ENCODER, torch.stack((exact, exact)) / 2, FREE)
    positions = chain().draw(50, seed=2)
    forces = torch.einsum("ba,fad->fbd", force_map, chain().forces(positions))
    beads = torch.einsum("ba,fad->fbd", ENCODER, positions)
    expected = -torch.einsum("bc,fcd->fbd", chain().bead_stiffness(ENCODER), beads)
    assert torch.allclose(forces, expected, rtol=0, atol=1e-6 * float(expected.abs().max()))


@pytest.mark.parametrize("rigid", [FREE, RIGID])
def test_no_other_valid_map_has_less_noise_than_the_optimal_one(rigid: Tensor) -> None:
    exact = thermal_energy(300.0) * chain().stiffness
    best = optimal_map(ENCODER, torch.stack((exact, exact)) / 2, rigid)
    generator = torch.Generator().manual_seed(5)
    groups = torch.where(rigid < 0, 10 + torch.arange(8), rigid)
    member = (groups[:, None] == groups[None, :]).double()
    average = member / member.sum(1, keepdim=True)
    rows = ENCODER @ average
    null = torch.eye(8).double() - torch.linalg.pinv(rows) @ rows
    for _ in range(20):
        step = 0.1 * torch.randn(3, 8, generator=generator).double() @ average @ null @ average
        other = best + step - step @ ENCODER.T @ torch.linalg.solve(rows @ rows.T, rows) @ average
        assert torch.allclose(other @ ENCODER.T, torch.eye(3).double(), atol=1e-9)
        assert noise(other) > noise(best) - 1e-9


def test_the_maps_give_the_same_mean_force_and_the_virial_of_free_beads() -> None:
    """<F_I·(z_J - z̄)> = -3 kT (delta_IJ - 1/N), on frames whose covariance is exact."""
    values, vectors = torch.linalg.eigh(chain().stiffness)
    scale = torch.where(values > 1e-9, thermal_energy(300.0) / values, 0.0).sqrt()
    modes = (vectors * scale).T * 8**0.5
    positions = torch.einsum("ma,de->mdae", modes, torch.eye(3).double()).reshape(24, 8, 3) * 3**0.5
    forces = chain().forces(positions)
    for force_map in (
        sum_map(ASSIGNMENT, FREE),
        projected_map(ENCODER, FREE),
        optimal_map(ENCODER, covariance(), FREE),
    ):
        beads = torch.einsum("ba,fad->fbd", ENCODER, positions)
        on_beads = torch.einsum("ba,fad->fbd", force_map, forces)
        centred = beads - beads.mean(1, keepdim=True)
        virial = torch.einsum("fid,fjd->ij", on_beads, centred) / 24
        expected = -3 * thermal_energy(300.0) * (torch.eye(3).double() - 1 / 3)
        assert torch.allclose(virial, expected, rtol=0, atol=1e-9)


def test_a_map_chosen_on_its_own_frames_weakens_the_force_and_crossed_maps_do_not() -> None:
    """The share (atoms - beads) / (3 frames) of the mean force is taken for noise."""
    exact = chain().bead_stiffness(ENCODER)
    n_frames, n_runs = 16, 120
    own, crossed = torch.zeros(n_runs).double(), torch.zeros(n_runs).double()
    for number in range(n_runs):
        trajectory = run(n_frames, seed=number)
        covariances = force_covariance(trajectory, torch.arange(8)[None], 4)
        beads = torch.einsum("ba,fad->fbd", ENCODER, trajectory.chunk.positions)
        mean_force = -torch.einsum("bc,fcd->fbd", exact, beads)
        atoms = trajectory.chunk.forces
        assert atoms is not None
        mapped = torch.einsum("ba,fad->fbd", optimal_map(ENCODER, covariances, FREE), atoms)
        apart = crossed_maps(ENCODER, covariances, FREE).repeat_interleave(4, dim=0)
        from_others = torch.einsum("fba,fad->fbd", apart, atoms)
        own[number] = (mapped * mean_force).sum() / mean_force.square().sum()
        crossed[number] = (from_others * mean_force).sum() / mean_force.square().sum()
    assert own.mean() < 1 - 4 * own.std() / n_runs**0.5
    assert abs(crossed.mean() - 1) < 4 * crossed.std() / n_runs**0.5


def test_few_frames_of_many_atoms_do_not_silence_the_forces() -> None:
    """Fewer force components than atoms: without a ridge the map would cancel every force."""
    long_chain = torch.stack((torch.arange(39), torch.arange(1, 40)), dim=1)
    system = springs(long_chain, 40, seed=4)
    encoder = torch.zeros(2, 40).double()
    encoder[0, :20], encoder[1, 20:] = 1 / 20, 1 / 20
    positions = system.draw(8, seed=6)
    trajectory = StoredTrajectory(
        Chunk(positions, torch.arange(8).double(), None, system.forces(positions))
    )
    covariances = force_covariance(trajectory, torch.arange(40)[None], 4)
    force_map = optimal_map(encoder, covariances, torch.full((40,), -1))
    exact = thermal_energy(300.0) * system.stiffness
    plain = sum_map(torch.arange(40) // 20, torch.full((40,), -1))
    assert float((force_map @ exact * force_map).sum()) < float((plain @ exact * plain).sum())


def test_the_covariance_is_the_same_over_chunks_and_copies() -> None:
    trajectory = run(20)
    forces = trajectory.chunk.forces
    assert forces is not None
    plain = torch.einsum("fad,fbd->ab", forces, forces) / 60
    whole = force_covariance(trajectory, torch.arange(8)[None], 4)
    assert torch.allclose(whole.sum(0), plain, rtol=1e-12)
    first = torch.einsum("fad,fbd->ab", forces[:5], forces[:5]) / 60
    assert torch.allclose(whole[0], first, rtol=1e-12)
    pairs = StoredTrajectory(
        Chunk(
            torch.zeros(10, 16, 3).double(),
            torch.arange(10).double(),
            None,
            forces.reshape(10, 16, 3),
        )
    )
    copies = torch.arange(16).reshape(2, 8)
    assert torch.allclose(force_covariance(pairs, copies, 2).sum(0), plain, rtol=1e-12)


def test_an_unmapped_atom_is_carried_only_where_a_rigid_group_ties_it() -> None:
    assignment = torch.tensor([0, 0, -1, -1, 1, 1])
    rigid = torch.tensor([-1, 0, 0, -1, -1, -1])
    expected = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1]]).double()
    assert torch.equal(sum_map(assignment, rigid), expected)


def test_a_mapping_that_splits_a_rigid_group_is_refused_by_the_names_of_its_atoms() -> None:
    names = ("C1", "H1", "H2")
    check_rigid_groups(torch.tensor([0, 0, 1]), torch.tensor([0, 0, -1]), names)
    check_rigid_groups(torch.tensor([0, 0, -1]), torch.tensor([0, 0, 0]), names)
    with pytest.raises(InputError, match="C1 in bead 0, H1 in bead 0, H2 in bead 1"):
        check_rigid_groups(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 0]), names)


def test_the_projected_map_is_refused_where_the_weights_of_a_rigid_group_differ() -> None:
    with pytest.raises(InputError, match="unequal weights"):
        projected_map(ENCODER, RIGID)


def test_forces_are_asked_for_where_there_are_none() -> None:
    silent = StoredTrajectory(Chunk(torch.zeros(2, 8, 3).double(), torch.zeros(2).double()))
    with pytest.raises(InputError, match="without forces"):
        force_covariance(silent, torch.arange(8)[None], 2)


def test_mass_weights_give_the_sum_of_the_masses_and_others_less() -> None:
    masses = torch.tensor([12.011, 1.008, 1.008, 1.008]).double()
    centre_of_mass = (masses / masses.sum())[None]
    centre = torch.full((1, 4), 0.25).double()
    assert torch.allclose(bead_masses(centre_of_mass, masses), masses.sum()[None], rtol=1e-12)
    assert abs(float(bead_masses(centre, masses)) - 5.23) < 0.01  # u, facts: 5.2 for CH3
