"""How molecules are looked at, coloured and drawn in the figures."""

from math import cos, pi, sin

import numpy as np
import pytest
import torch
from drawing import new_figure
from matplotlib.colors import to_rgb
from structures import Ball, Stick, clearest_view, draw, extent, half_sticks, mixed_colours

from autograin_cli.files.pages.figures import bead_colour

DOUBLE = torch.float64


def hexagon() -> torch.Tensor:
    """A flat ring, Å, (6, 3), in a plane that no axis lies in."""
    corners = [(cos(pi * k / 3), sin(pi * k / 3), 0.0) for k in range(6)]
    axes = torch.linalg.qr(torch.tensor([[1.0, 2, 3], [0, 1, 4], [5, 6, 0]], dtype=DOUBLE)).Q
    return 1.4 * torch.tensor(corners, dtype=DOUBLE) @ axes.T


def test_a_flat_ring_is_looked_at_along_its_normal() -> None:
    ring = hexagon()
    view = clearest_view(ring[None])
    normal = torch.linalg.cross(ring[1] - ring[0], ring[2] - ring[0])
    # 2000 directions over a half sphere are 0.06 apart.
    assert abs(float(view[2] @ normal / normal.norm())) > cos(0.06)


def test_a_view_is_a_rotation() -> None:
    view = clearest_view(hexagon()[None])
    torch.testing.assert_close(view @ view.T, torch.eye(3, dtype=DOUBLE))
    assert float(torch.linalg.det(view)) == pytest.approx(1.0)


def test_what_is_longest_lies_along_x() -> None:
    rod = torch.tensor([[0.0, 0, 0], [0, 0, 1], [0.3, 0, 2], [0, 0, 3]], dtype=DOUBLE)
    seen = rod @ clearest_view(rod[None]).T
    spread = seen.amax(0) - seen.amin(0)
    assert spread[0] > spread[1] and spread[0] > spread[2]


def test_an_atom_of_one_bead_has_its_colour_and_a_shared_one_lies_between() -> None:
    shares = torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])
    first, second, both = mixed_colours(shares)
    assert first == pytest.approx(to_rgb(bead_colour(0)), abs=1e-6)
    assert second == pytest.approx(to_rgb(bead_colour(1)), abs=1e-6)
    for low, middle, high in zip(
        map(min, first, second), both, map(max, first, second), strict=True
    ):
        assert low - 1e-6 <= middle <= high + 1e-6


def test_half_bonds_meet_in_the_middle_in_the_colours_of_their_ends() -> None:
    ends = torch.tensor([[0.0, 0, 0], [2.0, 0, 0]])
    first, second = half_sticks(ends, torch.tensor([[0, 1]]), [(1, 0, 0), (0, 0, 1)], 0.1)
    assert isinstance(first, Stick) and isinstance(second, Stick)
    assert first.end.tolist() == second.end.tolist() == [1.0, 0.0, 0.0]
    assert (first.colour, second.colour) == ((1, 0, 0), (0, 0, 1))


def test_every_ball_lies_within_the_panel() -> None:
    balls = [Ball(torch.tensor([3.0, -1, 0]), 0.5, (1, 0, 0)), Ball(torch.zeros(3), 2.0, (0, 0, 1))]
    width, height = extent(balls)
    assert width >= 3.5 and height >= 2.0


def test_what_is_nearer_is_drawn_later() -> None:
    near = Ball(torch.tensor([0.0, 0, 2]), 1.0, (1.0, 0.0, 0.0), opacity=0.5)
    far = Ball(torch.tensor([0.0, 0, -2]), 1.0, (0.0, 0.0, 1.0), opacity=0.5)
    axes = new_figure(1, 1).subplots()
    draw(axes, [near, far], 2.0, 2.0)
    (collection,) = axes.collections
    last = np.asarray(collection.get_facecolor())[-1]
    assert last.tolist() == pytest.approx([1.0, 0.0, 0.0, 0.5])
