"""Figures of liquids: that they show what the records hold, wall, cutoff and floor included."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from autograin_cli.comparison.comparison import Comparison
from autograin_cli.files.pages.figures import svg
from autograin_cli.files.pages.liquid_figures import (
    pair_distribution_figure,
    pair_figure,
    structure_factor_figure,
)
from autograin_cli.files.pages.liquid_tables import box_words
from autograin_cli.potential.pair import Nonbonded, PairTerm
from example_artifacts import example


def nonbonded() -> Nonbonded:
    found = example("liquid comparison").nonbonded
    assert found is not None
    return found


def comparison() -> Comparison:
    found = example("liquid comparison").comparison
    assert found is not None
    return found


def lines(axes: Axes) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.asarray(line.get_xdata(), float) for line in axes.lines}


def lennard_jones(scale: float) -> PairTerm:
    """LJ 12-6 with a well of `scale` kJ/mol at 4 Å, sampled from 3.5 Å on."""
    term = nonbonded().terms[0]
    r = torch.linspace(2.0, 10.0, 801, dtype=torch.float64)
    six = (4.0 / r) ** 6
    table = replace(term.table, low=2.0, energy=scale * (six**2 - 2 * six))
    return replace(
        term,
        sampled_low=3.5,
        table=table,
        counts=torch.arange(801),
        energy_errors=torch.zeros(801).double(),
    )


def test_the_wall_the_switch_and_the_cutoff_of_a_pair_term_are_marked() -> None:
    _, switched, _ = nonbonded().terms
    marks = lines(pair_figure(switched, 9.0).axes[0])
    assert marks["wall: no pair so near"].tolist() == [3.6, 3.6]
    assert marks["switched off from here"].tolist() == [9.0, 9.0]
    assert marks["cutoff"].tolist() == [10.0, 10.0]
    spline = nonbonded().terms[0]
    assert "switched off from here" not in lines(pair_figure(spline, 9.0).axes[0])
    assert "switched off from here" not in lines(pair_figure(switched, 10.0).axes[0])


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_the_well_is_seen_whatever_the_height_of_the_repulsion(scale: float) -> None:
    upper, _ = pair_figure(lennard_jones(scale), 10.0).axes
    low, high = upper.get_ylim()
    assert low < -scale
    assert high < 5 * max(scale, 0.5)
    left, right = upper.get_xlim()
    assert left < 3.5 and right > 10.0


def test_every_pair_is_in_a_bar_and_errors_that_are_infinite_are_not_drawn() -> None:
    term = nonbonded().terms[0]
    upper, lower = pair_figure(term, 9.0).axes
    bars = [patch for patch in lower.patches if isinstance(patch, Rectangle)][1:]
    assert sum(bar.get_height() for bar in bars) == int(term.counts.sum())
    (band,) = [drawn for drawn in upper.collections if isinstance(drawn, PolyCollection)]
    reached = np.concatenate([path.vertices for path in band.get_paths()])
    assert np.isfinite(reached).all()
    assert reached[:, 0].min() >= 3.6


def test_g_of_r_is_drawn_as_it_is_with_its_shell_and_its_floor() -> None:
    near, inside = comparison().pair_distributions
    upper, lower = pair_distribution_figure(near).axes
    drawn = {str(line.get_label()): np.asarray(line.get_ydata()) for line in upper.lines}
    assert np.array_equal(drawn["reference"], near.reference.numpy())
    assert np.array_equal(drawn["model"], near.model.numpy())
    assert lines(upper)["first shell ends"].tolist() == [6.4, 6.4]
    levels = [np.asarray(line.get_ydata(), float).tolist() for line in lower.lines]
    assert levels[:2] == [[-0.015, -0.015], [0.015, 0.015]]
    assert levels[-1] == (near.model - near.reference).tolist()
    upper, _ = pair_distribution_figure(inside).axes
    assert upper.get_ylabel() == "density (1/Å)"
    assert "first shell ends" not in lines(upper)


def test_s_of_q_is_drawn_with_the_errors_that_are_known() -> None:
    (factor,) = comparison().structure_factors
    (axes,) = structure_factor_figure(factor).axes
    drawn = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines}
    assert np.array_equal(drawn["model"], factor.model.numpy())
    known, unknown = (drawn for drawn in axes.collections if isinstance(drawn, PolyCollection))
    assert len(known.get_paths()) == 1 and len(unknown.get_paths()) == 0


def all_figures() -> list[Figure]:
    return [
        pair_figure(nonbonded().terms[0], 9.0),
        pair_distribution_figure(comparison().pair_distributions[0]),
        structure_factor_figure(comparison().structure_factors[0]),
    ]


def test_figures_of_liquids_are_the_same_every_time_and_fetch_nothing() -> None:
    first, second = ([svg(figure, "<x>") for figure in all_figures()] for _ in range(2))
    assert first == second
    for text in first:
        root = ElementTree.fromstring(text)  # noqa: S314, our own text
        assert root.get("aria-label") == "<x>"
        assert "http" not in text and "<script" not in text


def test_a_box_is_told_by_its_edges_and_by_angles_that_are_not_right() -> None:
    cube = 20.0 * torch.eye(3, dtype=torch.float64)
    assert box_words(cube) == ("20.00 × 20.00 × 20.00 Å", "orthorhombic")
    cube[2] = torch.tensor([10.0, 0.0, 300.0**0.5], dtype=torch.float64)
    expected = ("20.00 × 20.00 × 20.00 Å", "angles 90.00, 60.00, 90.00 degrees")
    assert box_words(cube) == expected
