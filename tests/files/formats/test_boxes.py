"""Box vectors: from lengths and angles, and the shortest ones of a lattice."""

import numpy as np
import pytest

from autograin_cli.files.formats.boxes import boxes_of_cells, reduced

RNG = np.random.default_rng(6)


def test_a_cell_has_its_lengths_and_angles() -> None:
    lengths, angles = RNG.uniform(5, 9, (20, 3)), RNG.uniform(70, 110, (20, 3))
    boxes = boxes_of_cells(lengths, np.cos(np.radians(angles)))
    np.testing.assert_allclose(np.linalg.norm(boxes, axis=2), lengths, rtol=1e-12)
    for k, (i, j) in enumerate(((1, 2), (0, 2), (0, 1))):
        cosine = (boxes[:, i] * boxes[:, j]).sum(1) / lengths[:, i] / lengths[:, j]
        np.testing.assert_allclose(np.degrees(np.arccos(cosine)), angles[:, k], rtol=1e-12)
    right = boxes_of_cells(np.array([[5.0, 6, 7]]), np.cos(np.radians([[90.0, 90, 90]])))
    np.testing.assert_array_equal(right[0], np.diag([5, 6, 7]))


def test_reduced_boxes_span_the_same_lattice_with_shorter_vectors() -> None:
    for _ in range(50):
        turn, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
        box = np.tril(RNG.uniform(-30, 30, (3, 3)), -1) + np.diag(RNG.uniform(8, 12, 3))
        found = reduced((box @ turn)[None])[0]
        change = found @ np.linalg.inv(box @ turn)
        np.testing.assert_allclose(change, change.round(), atol=1e-9)
        assert np.linalg.det(change) == pytest.approx(1)
        straight = found @ turn.T
        assert np.all(np.abs(straight[[1, 2], 0]) <= straight[0, 0] / 2 + 1e-9)
        assert abs(straight[2, 1]) <= straight[1, 1] / 2 + 1e-9
        # The thickness across each pair of vectors, which limits the cutoff, is no smaller.
        before, after = (
            (1 / np.linalg.norm(np.linalg.inv(one), axis=0)).min() for one in (box, found)
        )
        assert after >= before - 1e-9


def test_right_angled_boxes_stay_as_they_are() -> None:
    boxes = np.stack([np.diag([3.0, 4, 5]), np.diag([30.0, 4, 0.5])])
    np.testing.assert_array_equal(reduced(boxes), boxes)
