import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from autograin_cli.cells import FEWEST, count_cells, pairs_within
from autograin_cli.geometry import minimum_image

Array = NDArray[np.float64]


def found(
    positions: Array, box: Array | None, reach: float, room: int = 100_000
) -> tuple[int, dict[tuple[int, int], Array]]:
    """How many pairs there are, and those that were filled in."""
    matrix = np.zeros((3, 3)) if box is None else box
    inverse = matrix if box is None else np.asarray(np.linalg.inv(box), np.float64)
    first, second = np.empty(room, np.int64), np.empty(room, np.int64)
    apart = np.empty((room, 3))
    count = pairs_within(positions, matrix, inverse, reach, first, second, apart)
    kept = min(count, room)
    pairs = {(int(first[k]), int(second[k])): apart[k] for k in range(kept)}
    assert len(pairs) == kept, "each pair once"
    return count, pairs


def expected(positions: Array, box: Array | None, reach: float) -> dict[tuple[int, int], Array]:
    """Every pair, plainly."""
    i, j = np.triu_indices(len(positions), 1)
    apart = torch.from_numpy(positions[j] - positions[i])[None]
    if box is not None:
        apart = minimum_image(apart, torch.from_numpy(box)[None])
    vectors = apart[0].numpy()
    near = np.linalg.norm(vectors, axis=1) < reach
    return {(int(a), int(b)): v for a, b, v in zip(i[near], j[near], vectors[near], strict=True)}


def random_box(random: np.random.Generator, edge: float) -> Array:
    """A box of either handedness, in no special orientation."""
    box = edge * (np.eye(3) + random.uniform(-0.3, 0.3, (3, 3)))
    return box[random.permutation(3)]


def least_height(box: Array) -> float:
    return float(1 / np.linalg.norm(np.linalg.inv(box), axis=0).max())


def assert_same(positions: Array, box: Array | None, reach: float) -> None:
    count, pairs = found(positions, box, reach)
    wanted = expected(positions, box, reach)
    assert count == len(wanted)
    assert pairs.keys() == wanted.keys()
    for pair, vector in wanted.items():
        np.testing.assert_allclose(pairs[pair], vector, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", [0.11, 0.2, 0.33, 0.499])
def test_every_pair_within_reach_is_found_once_in_any_box(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    box = random_box(random, 20.0)
    positions = random.uniform(-2.0, 3.0, (200, 3)) @ box  # in several images of the box
    assert_same(positions, box, share * least_height(box))


def test_cells_are_used_where_they_fit_and_not_where_they_do_not() -> None:
    box = np.diag([30.0, 40.0, 20.0])
    numbers = np.zeros(3, np.int64)
    assert count_cells(np.linalg.inv(box), 5.0, 1000, numbers)
    assert numbers.tolist() == [5, 7, 3]
    assert not count_cells(np.linalg.inv(box), 6.8, 1000, numbers)
    assert not count_cells(np.zeros((3, 3)), 5.0, 1000, numbers)
    assert min(numbers) < FEWEST


def test_in_vacuum_nothing_has_an_image() -> None:
    random = np.random.default_rng(1)
    assert_same(random.normal(0.0, 5.0, (60, 3)), None, 6.0)


def test_without_room_the_count_is_right_all_the_same() -> None:
    random = np.random.default_rng(2)
    box = np.diag([20.0, 20.0, 20.0])
    positions = random.uniform(0.0, 20.0, (100, 3))
    count, _ = found(positions, box, 6.0)
    short, pairs = found(positions, box, 6.0, room=10)
    assert short == count > 10
    assert len(pairs) == 10


@pytest.mark.parametrize("n_beads", [0, 1, 2])
def test_a_box_of_hardly_any_beads_is_no_special_case(n_beads: int) -> None:
    box = np.diag([20.0, 20.0, 20.0])
    positions = np.array([[0.1, 0.1, 0.1], [19.9, 19.9, 19.9]])[:n_beads]
    assert_same(positions, box, 3.0)
