"""Boxes turned and reduced as other programs want them."""

import pytest
import torch
from torch import Tensor

from autograin_cli.simulation.lattice import lattice_of, reduced


def boxes() -> list[Tensor]:
    random = torch.Generator().manual_seed(1)
    return [10 * torch.randn(3, 3, generator=random, dtype=torch.float64) for _ in range(20)]


@pytest.mark.parametrize("box", boxes())
def test_a_reduced_box_spans_the_turned_lattice(box: Tensor) -> None:
    triangle, rotation = reduced(box)
    counts = triangle @ torch.linalg.inv(box @ rotation)
    torch.testing.assert_close(counts, counts.round(), rtol=0, atol=1e-9)
    assert abs(abs(float(torch.linalg.det(counts))) - 1) < 1e-9


@pytest.mark.parametrize("box", boxes())
def test_a_reduced_box_is_a_short_triangle_and_the_turn_is_no_mirror(box: Tensor) -> None:
    triangle, rotation = reduced(box)
    assert torch.equal(triangle, triangle.tril())
    assert bool((triangle.diagonal() > 0).all())
    (a, _, _), (bx, b, _), (cx, cy, _) = triangle.tolist()
    assert 2 * max(abs(bx), abs(cx)) <= a * (1 + 1e-12)
    assert 2 * abs(cy) <= b * (1 + 1e-12)
    eye = torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(rotation @ rotation.T, eye, rtol=0, atol=1e-12)
    assert float(torch.linalg.det(rotation)) > 0


def test_an_orthorhombic_box_stays_as_it_is() -> None:
    box = torch.diag(torch.tensor([20.0, 30.0, 25.0], dtype=torch.float64))
    lattice = lattice_of(box)
    assert lattice.box is not None
    assert torch.equal(lattice.box, box)
    assert torch.equal(lattice.rotation, torch.eye(3, dtype=torch.float64))


def test_vectors_come_back_from_the_turned_frame() -> None:
    vectors = torch.randn(5, 3, dtype=torch.float64)
    lattice = lattice_of(boxes()[0])
    torch.testing.assert_close(lattice.returned(lattice.turned(vectors)), vectors)
    assert torch.equal(lattice_of(None).turned(vectors), vectors)
