"""What is told and drawn of networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autograin_cli.files.pages import neural_tables
from autograin_cli.files.pages.neural_figures import pair_curve_figure, training_figure
from autograin_cli.files.pages.neural_sections import neural_section
from autograin_cli.files.pages.neural_tables import (
    explained_rows,
    n_numbers,
    network_rows,
    pair_distances,
    type_pairs,
)
from autograin_cli.files.report import render
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.potential.pair import Nonbonded
from example_artifacts import example


@pytest.fixture
def neural() -> NeuralPotential:
    found = example("neural potential").neural
    assert found is not None
    return found


@pytest.fixture
def nonbonded() -> Nonbonded:
    found = example("liquid potential").nonbonded
    assert found is not None
    return found


def test_the_rows_say_what_a_network_is_and_what_it_explains(neural: NeuralPotential) -> None:
    rows = {row.name: row.value for row in network_rows(neural)}
    assert rows["features"] == "4" and rows["interactions"] == "2"
    assert rows["rank"] == "2: angles too"
    assert rows["cutoff"] == "6.00 Å"
    assert rows["epochs"] == "7, 5"
    assert "rms" in rows["spread of a force among them"]
    schnet = replace(neural, networks=neural.networks[1:], spread=None, spread_high=None)
    rows = {row.name: row.value for row in network_rows(schnet)}
    assert rows["rank"] == "0, as SchNet: distances alone"
    assert "spread of a force among them" not in rows
    explained = [(row.name, row.value) for row in explained_rows(neural)]
    without = "without, fitted to these frames too"
    expected = [("with the networks", "0.4500 ± 0.0100"), (without, "0.3750 ± 0.0200")]
    assert explained == expected


def test_all_numbers_of_a_network_are_counted(neural: NeuralPotential) -> None:
    """4 types, 4 features, 2 interactions of 12 rows, 5 hidden, as `example_artifacts` draws."""
    outside = 4 * 4 + 4 * 5 + 5 + 5
    layer = 16 + 2 * 12 * 4 + 4 * 4 + 4 + 16
    assert n_numbers(neural.networks[1]) == outside + 2 * layer
    ranked = 4 * 3 + 2 * 12 * 3 + 2 * 6 * 4
    wider = 2 * 4 * 4  # rows of `hidden` for the products of two ranks
    assert n_numbers(neural.networks[0]) == outside + 2 * (layer + wider + 2 * ranked)


def test_pairs_are_drawn_from_before_the_first_contact_to_the_longest_cutoff(
    neural: NeuralPotential, nonbonded: Nonbonded
) -> None:
    r = pair_distances(neural, nonbonded)
    assert float(r[0]) == pytest.approx(0.9 * 3.6)
    assert float(r[-1]) == 10.0
    assert float(pair_distances(neural, replace(nonbonded, terms=()))[-1]) == 6.0
    assert len(type_pairs(neural, nonbonded)) == 10
    assert type_pairs(neural, None) == []


def test_the_curves_of_a_figure_are_those_that_were_given(neural: NeuralPotential) -> None:
    upper, lower = training_figure(neural.histories).axes
    drawn = [np.asarray(line.get_ydata()) for line in upper.lines]
    assert len(drawn) == 4 and len(lower.lines) == 2
    assert drawn[0].tolist() == neural.histories[0].validation_loss.tolist()
    assert drawn[3].tolist() == neural.histories[1].training_loss.tolist()
    r = torch.linspace(3.0, 6.0, 4)
    both, alone = torch.tensor([900.0, -2.0, -1.0, 0.0]), torch.tensor([800.0, -1.0, -0.5, 0.0])
    (axes,) = pair_curve_figure(("A", "B"), r, both, alone).axes
    assert np.asarray(axes.lines[2].get_ydata()).tolist() == both.tolist()
    low, high = axes.get_ylim()
    assert low < -2.0 and 0 < high < 10.0


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many pairs of types are drawn; and matplotlib is slow."""
    monkeypatch.setattr(neural_tables, "_MOST_PAIRS", 2)


@pytest.mark.usefixtures("few_figures")
def test_a_hostile_name_of_a_type_is_escaped(neural: NeuralPotential, nonbonded: Nonbonded) -> None:
    hostile = replace(neural, type_names=("<script>alert(1)</script>", *neural.type_names[1:]))
    section = neural_section(hostile, nonbonded)
    assert section is not None
    assert len(section.pairs) == 2
    assert all("&lt;script" in figure for figure in section.pairs)
    assert not any("<script" in figure for figure in section.pairs)


@pytest.mark.usefixtures("few_figures")
def test_the_report_shows_networks_where_there_are_some(nonbonded: Nonbonded) -> None:
    given = example("neural potential")
    mapping = replace(given.mappings[1], history=None)
    bare = replace(given.potentials[1], channels=())
    few = replace(given, mappings=(mapping,), potentials=(bare,), nonbonded=nonbonded)
    page = render(replace(few, nonbonded=replace(nonbonded, terms=nonbonded.terms[:1])))
    assert 'id="neural"' in page
    assert page.count("energy of two lone beads") == 2
    assert "no other bead is near" in page
    assert neural_section(None, nonbonded) is None
    in_vacuum = neural_section(given.neural, None)
    assert in_vacuum is not None and in_vacuum.pairs == []
