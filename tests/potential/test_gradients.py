import pytest
import torch
from torch import Tensor

from autograin_cli.geometry import coordinates
from autograin_cli.potential.gradients import coordinates_with_gradients

MEMBERS = {
    "bond": torch.tensor([[0, 1], [4, 2]]),
    "angle": torch.tensor([[0, 1, 2], [5, 3, 1]]),
    "dihedral": torch.tensor([[0, 1, 2, 3], [5, 4, 1, 0]]),
}
every_kind = pytest.mark.parametrize("kind", list(MEMBERS))


def positions(seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(40, 6, 3, generator=generator, dtype=torch.float64)


def dense(kind: str, z: Tensor) -> Tensor:
    """Gradients by all beads, (frames, instances, beads, 3)."""
    _, gradients = coordinates_with_gradients(kind, z, MEMBERS[kind])
    whole = torch.zeros(len(z), len(MEMBERS[kind]), 6, 3, dtype=torch.float64)
    whole[:, torch.arange(len(MEMBERS[kind]))[:, None], MEMBERS[kind]] = gradients
    return whole


@every_kind
def test_values_are_those_of_the_geometry(kind: str) -> None:
    values, _ = coordinates_with_gradients(kind, positions(), MEMBERS[kind])
    assert torch.allclose(values, coordinates(kind, positions(), MEMBERS[kind]), rtol=1e-14)


@every_kind
def test_gradients_are_those_of_automatic_differentiation(kind: str) -> None:
    z = positions().requires_grad_()
    values = coordinates(kind, z, MEMBERS[kind])
    for instance in range(len(MEMBERS[kind])):
        (expected,) = torch.autograd.grad(values[:, instance].sum(), z, retain_graph=True)
        assert torch.allclose(dense(kind, z.detach())[:, instance], expected, atol=1e-12)


@every_kind
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    z, step = positions(1), 1e-5
    shift = step * positions(2)
    change = coordinates(kind, z + shift, MEMBERS[kind]) - coordinates(
        kind, z - shift, MEMBERS[kind]
    )
    change = torch.remainder(change + torch.pi, 2 * torch.pi) - torch.pi
    expected = torch.einsum("fibd,fbd->fi", dense(kind, z), 2 * shift)
    assert torch.allclose(change, expected, rtol=1e-6, atol=1e-7 * float(expected.abs().max()))


@every_kind
def test_no_coordinate_changes_when_the_molecule_is_shifted_or_turned(kind: str) -> None:
    z = positions(3)
    gradients = dense(kind, z)
    assert gradients.sum(2).abs().max() < 1e-12
    torque = torch.linalg.cross(z[:, None].expand_as(gradients), gradients).sum(2)
    assert torque.abs().max() < 1e-11


def test_gradients_stay_finite_where_they_have_no_direction() -> None:
    straight = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]]], dtype=torch.float64)
    for kind, members in (("angle", [[0, 1, 2]]), ("dihedral", [[0, 1, 2, 3]]), ("bond", [[0, 0]])):
        values, gradients = coordinates_with_gradients(kind, straight, torch.tensor(members))
        assert values.isfinite().all() and gradients.isfinite().all()
