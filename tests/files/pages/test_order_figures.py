"""Figures of triplets, axes and planes: that they show what the records hold."""

from xml.etree import ElementTree

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autograin_cli.comparison.comparison import Comparison
from autograin_cli.files.pages.figures import svg
from autograin_cli.files.pages.order_figures import (
    joint_figure,
    orientation_figure,
    triplet_figure,
)
from example_artifacts import example


def comparison() -> Comparison:
    found = example("liquid comparison").comparison
    assert found is not None
    return found


def curves(axes: Axes) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.asarray(line.get_ydata(), float) for line in axes.lines}


def test_triplets_are_drawn_beside_those_of_beads_anywhere_with_their_floor() -> None:
    (triplets,) = comparison().triplet_distributions
    upper, lower = triplet_figure(triplets).axes
    drawn = curves(upper)
    assert np.array_equal(drawn["reference"], triplets.reference.numpy())
    assert np.array_equal(drawn["model"], triplets.model.numpy())
    assert abs(drawn["beads anywhere"].sum() * 5.0 - 1.0) < 1e-3  # bins of 5 degrees
    levels = [np.asarray(line.get_ydata(), float).tolist() for line in lower.lines]
    assert levels[:2] == [[-0.001, -0.001], [0.001, 0.001]]
    assert levels[-1] == (triplets.model - triplets.reference).tolist()


def test_orientation_is_drawn_from_where_there_are_molecules_by_its_order() -> None:
    second, first = comparison().orientations
    for found, label in ((second, "⟨3 cos²θ − 1⟩ / 2"), (first, "⟨cos θ⟩")):
        upper, lower = orientation_figure(found).axes
        assert upper.get_ylabel() == label
        assert np.array_equal(curves(upper)["model"], found.model.numpy())
        assert lower.get_xlim() == (3.0, 10.0)


def test_a_plane_is_drawn_twice_on_one_scale_and_as_a_difference() -> None:
    (joint,) = comparison().joint_distributions
    figure = joint_figure(joint)
    reference, model, difference = figure.axes[:3]
    images = [axes.images[0] for axes in (reference, model, difference)]
    assert np.array_equal(np.asarray(images[0].get_array()), joint.reference.numpy().T)
    assert np.array_equal(np.asarray(images[1].get_array()), joint.model.numpy().T)
    assert images[0].get_clim() == images[1].get_clim()
    low, high = images[2].get_clim()
    assert low == -high < 0
    assert tuple(images[0].get_extent()) == (1.0, 3.0, 90.0, 150.0)
    assert reference.get_title() == "reference, r = -0.250"
    assert model.get_title() == "model, r = 0.125"


def all_figures() -> list[Figure]:
    found = comparison()
    return [
        triplet_figure(found.triplet_distributions[0]),
        orientation_figure(found.orientations[0]),
        joint_figure(found.joint_distributions[0]),
    ]


def test_these_figures_are_the_same_every_time_and_fetch_nothing() -> None:
    first, second = ([svg(figure, "<x>") for figure in all_figures()] for _ in range(2))
    assert first == second
    for text in first:
        root = ElementTree.fromstring(text)  # noqa: S314, our own text
        assert root.get("aria-label") == "<x>"
        assert "http" not in text and "<script" not in text
