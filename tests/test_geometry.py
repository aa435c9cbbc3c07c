"""Coordinates against known shapes, and superposition against rotations put in."""

import math

import pytest
import torch
from torch import Tensor

from autograin_cli.geometry import (
    angles,
    bond_lengths,
    coordinates,
    dihedrals,
    mean_structure,
    minimum_image,
    superpose,
)


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _rotation(seed: int) -> Tensor:
    turn = torch.linalg.qr(_random(3, 3, seed=seed)).Q
    return turn * torch.linalg.det(turn)


def test_a_bond_an_angle_and_a_dihedral_of_known_size() -> None:
    # IUPAC: looking along the middle bond, the far end turned clockwise is positive.
    turned = math.radians(60)
    points = torch.tensor(
        [[1, 0, 0], [0, 0, 0], [0, 0, 1.5], [math.cos(turned), math.sin(turned), 1.5]],
        dtype=torch.float64,
    )
    assert float(bond_lengths(points, torch.tensor([[1, 2]]))) == pytest.approx(1.5)
    assert float(angles(points, torch.tensor([[0, 1, 2]]))) == pytest.approx(math.pi / 2)
    assert float(dihedrals(points, torch.tensor([[0, 1, 2, 3]]))) == pytest.approx(turned)
    mirrored = points * torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    assert float(dihedrals(mirrored, torch.tensor([[0, 1, 2, 3]]))) == pytest.approx(-turned)


def test_dihedrals_agree_with_an_independent_program() -> None:
    from MDAnalysis.lib.distances import calc_angles, calc_dihedrals

    points = _random(50, 4, 3)
    members = torch.tensor([[0, 1, 2, 3]])
    a, b, c, d = (points[:, i].numpy() for i in range(4))
    own = dihedrals(points, members)[:, 0]
    torch.testing.assert_close(own, torch.from_numpy(calc_dihedrals(a, b, c, d)), atol=1e-6, rtol=0)
    own = angles(points, members[:, :3])[:, 0]
    torch.testing.assert_close(own, torch.from_numpy(calc_angles(a, b, c)), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("kind", "size"), [("bond", 2), ("angle", 3), ("dihedral", 4)])
def test_coordinates_do_not_see_rotations_or_translations(kind: str, size: int) -> None:
    points, members = _random(20, 4, 3), torch.arange(size)[None]
    moved = points @ _rotation(1) + 7.0
    torch.testing.assert_close(
        coordinates(kind, moved, members), coordinates(kind, points, members), rtol=1e-9, atol=1e-9
    )


def test_straight_and_folded_angles_are_exact() -> None:
    line = torch.tensor([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]], dtype=torch.float64)
    fold = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.float64)
    members = torch.tensor([[0, 1, 2]])
    assert float(angles(line, members)) == math.pi
    assert float(angles(fold, members)) == 0.0


def test_superposition_undoes_rotation_and_translation_but_no_reflection() -> None:
    target = _random(6, 3)
    moved = torch.stack([target @ _rotation(seed) + seed for seed in range(1, 5)])
    torch.testing.assert_close(superpose(moved, target), target.expand(4, 6, 3))
    mirrored = target * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    assert (superpose(mirrored[None], target) - target).norm() > 0.1


def test_the_mean_of_moved_copies_is_the_structure_itself() -> None:
    shape = _random(7, 3)
    copies = torch.stack([shape @ _rotation(seed) + seed for seed in range(1, 9)])
    mean = mean_structure(copies)
    torch.testing.assert_close(superpose(mean[None], shape)[0], shape)
    spread = mean.square().sum(0)
    assert spread[0] >= spread[1] >= spread[2]


def test_minimum_images_are_the_shortest_of_all_images() -> None:
    box = torch.tensor([[10.0, 0, 0], [2.0, 9, 0], [-1.0, 3, 8]], dtype=torch.float64)
    short = 2.5 * torch.nn.functional.normalize(_random(40, 3), dim=1)
    shifts = torch.randint(-2, 3, (40, 3), generator=torch.Generator().manual_seed(1)).double()
    folded = minimum_image((short + shifts @ box)[None], box[None])[0]
    torch.testing.assert_close(folded, short, atol=1e-12, rtol=0)
