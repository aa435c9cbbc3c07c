"""Pairs of beads by cells against all pairs, plainly."""

from math import pi

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli.geometry import minimum_image
from autograin_cli.potential.force_field import heights
from autograin_cli.potential.pair_search import frames_of, pairs_of
from autograin_cli.trajectory import Chunk

SKEW = torch.tensor([[20.0, 0, 0], [6.0, 19.0, 0], [-7.0, 5.0, 21.0]]).double()


def frame(n_beads: int, box: Tensor | None, seed: int = 1) -> Chunk:
    """Beads inside and outside of a box."""
    random = torch.Generator().manual_seed(seed)
    shares = 3 * torch.rand(1, n_beads, 3, generator=random).double() - 1
    edges = SKEW if box is None else box
    boxes = None if box is None else box[None]
    return Chunk(shares @ edges, torch.zeros(1).double(), boxes)


def random_box(random: np.random.Generator, edge: float) -> Tensor:
    """A box of either handedness, in no special orientation."""
    box = edge * (np.eye(3) + random.uniform(-0.3, 0.3, (3, 3)))
    return torch.from_numpy(box[random.permutation(3)])


def assert_same(chunk: Chunk, reach: float) -> None:
    (beads, apart), (expected, exact) = found_in(chunk, reach), plainly(chunk, reach)
    assert torch.equal(beads, expected)
    assert torch.allclose(apart, exact, rtol=0, atol=1e-10)


def plainly(chunk: Chunk, reach: float) -> tuple[Tensor, Tensor]:
    """Pairs nearer than a reach, the smaller bead first, sorted, and the way between them."""
    z = chunk.positions[0]
    first, second = torch.triu_indices(len(z), len(z), 1)
    apart = (z[second] - z[first])[None]
    apart = (apart if chunk.boxes is None else minimum_image(apart, chunk.boxes))[0]
    near = apart.norm(dim=1) < reach
    return torch.stack((first, second))[:, near], apart[near]


def found_in(chunk: Chunk, reach: float) -> tuple[Tensor, Tensor]:
    """What the search finds, in the same order."""
    found = pairs_of(*frames_of(chunk, slice(0, 1))[0], reach)
    beads = torch.from_numpy(np.stack((found.first, found.second)))
    apart = torch.where((beads[0] < beads[1])[:, None], 1, -1) * torch.from_numpy(found.apart)
    beads = beads.sort(dim=0).values
    order = (beads[0] * chunk.positions.shape[1] + beads[1]).argsort()
    return beads[:, order], apart[order]


@pytest.mark.parametrize(
    ("n_beads", "reach"), [(2, 8.0), (40, 8.0), (300, 8.0), (300, 5.0), (300, 2.0)]
)
@pytest.mark.parametrize("box", [SKEW, 18.0 * torch.eye(3).double(), None], ids=str)
def test_every_pair_is_found_once(n_beads: int, reach: float, box: Tensor | None) -> None:
    chunk = frame(n_beads, box)
    if box is not None:
        assert reach <= float(heights(box).min()) / 2
    (beads, apart), (expected, exact) = found_in(chunk, reach), plainly(chunk, reach)
    assert torch.equal(beads, expected)
    assert torch.allclose(apart, exact, rtol=1e-12, atol=1e-12)


def test_pairs_that_do_not_fit_the_room_are_found_again() -> None:
    chunk = frame(400, 20.0 * torch.eye(3).double())
    crowded = Chunk(chunk.positions % 4.0, chunk.times, chunk.boxes)
    found = found_in(crowded, 6.0)
    even = 400 * 399 / 2 * 4 / 3 * pi * 6.0**3 / 20.0**3
    assert len(found[1]) > 1.5 * even + 100 * 400
    assert torch.equal(found[0], plainly(crowded, 6.0)[0])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", [0.11, 0.2, 0.33, 0.499])
def test_every_pair_within_reach_is_found_once_in_any_box(seed: int, share: float) -> None:
    box = random_box(np.random.default_rng(seed), 20.0)
    assert_same(frame(200, box, seed), share * float(heights(box).min()))


@pytest.mark.parametrize("n_beads", [0, 1, 2])
def test_a_box_of_hardly_any_beads_is_no_special_case(n_beads: int) -> None:
    box = 20.0 * torch.eye(3).double()
    corners = torch.tensor([[0.1, 0.1, 0.1], [19.9, 19.9, 19.9]]).double()
    assert_same(Chunk(corners[None, :n_beads], torch.zeros(1).double(), box[None]), 3.0)
