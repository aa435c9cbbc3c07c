"""Figures: that they show what the records hold, and nothing that a file could smuggle in."""

import re
from dataclasses import replace
from math import pi
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from autograin_cli.files.pages.drawing import molecule_figure
from autograin_cli.files.pages.figures import (
    BEAD_COLOURS,
    GREY,
    assignment_figure,
    bead_colour,
    distribution_figure,
    loss_figure,
    printable,
    svg,
    term_figure,
)
from autograin_cli.files.pages.layout import LARGEST, flat_layout, rings
from autograin_cli.mapping.mapping import History, Mapping
from autograin_cli.molecules import Molecule
from autograin_cli.potential.terms import Term
from example_artifacts import example
from systems import alkane, aniline, ortho_terphenyl

ARTIFACT = example("comparison")
MAPPING = ARTIFACT.mappings[0]
BENZENE = [(i, (i + 1) % 6) for i in range(6)]
NAPHTHALENE = [*((i, i + 1) for i in range(9)), (0, 9), (0, 5)]
HOSTILE = '<script>alert("1")</script>&$x_{$'


def history() -> History:
    assert MAPPING.history is not None
    return MAPPING.history


def all_figures(mapping: Mapping) -> list[Figure]:
    assert ARTIFACT.comparison is not None
    assert mapping.history is not None
    return [
        molecule_figure(mapping),
        assignment_figure(mapping),
        loss_figure(mapping, mapping.history),
        *(term_figure(term) for term in ARTIFACT.potentials[0].terms),
        *(distribution_figure(found) for found in ARTIFACT.comparison.distributions),
    ]


def layout_of(molecule: Molecule) -> np.ndarray:
    structure = np.random.default_rng(0).normal(size=(molecule.n_atoms, 3))
    bonds = [(i, j) for i, j in molecule.bonds.tolist()]
    hydrogens = [a for a, element in enumerate(molecule.elements) if element == "H"]
    return flat_layout(structure, bonds, hydrogens)


def bond_lengths(layout: np.ndarray, bonds: list[tuple[int, int]]) -> np.ndarray:
    return np.array([np.linalg.norm(layout[i] - layout[j]) for i, j in bonds])


def test_rings_are_found_in_order_around_them() -> None:
    (ring,) = rings(7, [*BENZENE, (0, 6)])
    bonded = {frozenset(bond) for bond in BENZENE}
    assert {frozenset((a, b)) for a, b in zip(ring, ring[1:] + ring[:1], strict=True)} == bonded


def test_fused_rings_are_two_and_a_chain_has_none() -> None:
    assert sorted(map(len, rings(10, NAPHTHALENE))) == [6, 6]
    assert rings(8, [(i, i + 1) for i in range(7)]) == []
    assert rings(20, [(i, (i + 1) % 20) for i in range(20)]) == []


def test_benzene_is_drawn_as_a_regular_hexagon() -> None:
    layout = flat_layout(np.random.default_rng(1).normal(size=(6, 3)), BENZENE, [])
    centre = layout.mean(0)
    assert bond_lengths(layout, BENZENE) == pytest.approx(np.ones(6), abs=1e-3)
    assert np.linalg.norm(layout - centre, axis=1) == pytest.approx(np.ones(6), abs=1e-3)


@pytest.mark.parametrize("molecule", [aniline(), ortho_terphenyl(), alkane(6)])
def test_atoms_are_drawn_apart_and_bonds_of_like_length(molecule: Molecule) -> None:
    layout = layout_of(molecule)
    apart = np.linalg.norm(layout[:, None] - layout, axis=2)[np.triu_indices(len(layout), 1)]
    heavy = [element != "H" for element in molecule.elements]
    bonds = [(i, j) for i, j in molecule.bonds.tolist() if heavy[i] and heavy[j]]
    lengths = bond_lengths(layout, bonds)
    assert apart.min() > 0.6
    assert lengths.min() > 0.8 and lengths.max() < 1.25


def test_rings_of_ortho_terphenyl_stay_round() -> None:
    molecule = ortho_terphenyl()
    layout = layout_of(molecule)
    found = rings(molecule.n_atoms, [(i, j) for i, j in molecule.bonds.tolist()])
    assert len(found) == 3
    for ring in found:
        radii = np.linalg.norm(layout[ring] - layout[ring].mean(0), axis=1)
        assert np.ptp(radii) < 0.25 * radii.mean()


def test_hydrogens_stand_where_their_atom_has_room() -> None:
    bonds = [(0, 1), (0, 2), (0, 3), (0, 4)]
    methane = flat_layout(np.zeros((5, 3)), bonds, [1, 2, 3, 4])
    arms = methane[1:] - methane[0]
    assert np.linalg.norm(arms, axis=1) == pytest.approx(np.full(4, 0.7))
    assert arms @ arms[0] == pytest.approx([0.49, 0.0, -0.49, 0.0], abs=1e-12)
    water = flat_layout(np.zeros((3, 3)), [(0, 1), (1, 2)], [2])
    oxygen, hydrogen = water[1] - water[0], water[2] - water[1]
    assert hydrogen / 0.7 == pytest.approx(oxygen / np.linalg.norm(oxygen))


def test_a_chain_is_a_zigzag() -> None:
    steps = np.diff(layout_of(alkane(8))[:8], axis=0)
    turns = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
    assert bool((np.sign(turns[1:]) == -np.sign(turns[:-1])).all())
    assert bool(((steps[:-1] * steps[1:]).sum(1) > 0).all())


def test_the_longest_extent_lies_along_x() -> None:
    layout = layout_of(alkane(8))
    assert np.ptp(layout[:, 0]) > 2 * np.ptp(layout[:, 1])


def test_small_and_broken_molecules_are_laid_out_too() -> None:
    assert flat_layout(np.zeros((1, 3)), [], []).shape == (1, 2)
    pair = flat_layout(np.zeros((2, 3)), [(0, 1)], [])
    assert np.linalg.norm(pair[1] - pair[0]) == pytest.approx(1.0)
    apart = flat_layout(np.random.default_rng(0).normal(size=(4, 3)), [(0, 1), (2, 3)], [])
    assert np.isfinite(apart).all() and np.linalg.norm(apart[0] - apart[2]) > 1


def test_a_large_molecule_is_seen_along_its_shortest_axis() -> None:
    structure = np.random.default_rng(0).normal(size=(LARGEST + 1, 3))
    bonds = [(i, i + 1) for i in range(LARGEST)]
    assert np.array_equal(flat_layout(structure, bonds, []), structure[:, :2])


def test_beads_have_colours_of_their_own_and_atoms_in_none_are_grey() -> None:
    colours = [bead_colour(bead) for bead in range(len(BEAD_COLOURS))]
    assert len(set(colours)) == len(colours) and GREY not in colours
    assert bead_colour(-1) == GREY


def test_every_atom_is_edged_in_the_colour_of_its_bead() -> None:
    (axes,) = molecule_figure(MAPPING).axes
    (atoms,) = [drawn for drawn in axes.collections if len(drawn.get_edgecolor()) == 7]
    assert [to_hex(tuple(c)).upper() for c in np.asarray(atoms.get_edgecolor())] == [
        bead_colour(bead) for bead in MAPPING.assignment.tolist()
    ]


def test_the_legend_counts_the_atoms_of_each_bead() -> None:
    (legend,) = molecule_figure(MAPPING).legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["A1: 2 atoms", "B1: 2 atoms", "A2: 2 atoms"]


def test_the_last_panel_is_the_final_mapping() -> None:
    figure = assignment_figure(MAPPING)
    panels = [axes for axes in figure.axes if axes.images]
    final = np.asarray(panels[-1].images[0].get_array())
    assert final.sum(0).tolist() == [1, 1, 1, 1, 1, 1, 0]
    assert final[:, :6].argmax(0).tolist() == MAPPING.assignment[:6].tolist()


def test_beads_of_the_history_are_shown_in_the_order_of_the_final_ones() -> None:
    final = torch.nn.functional.one_hot(MAPPING.assignment[:6], 3).T.double()
    shares = torch.cat((final, torch.zeros(3, 1).double()), dim=1)
    half = torch.full_like(shares, 1 / 3)
    shuffled = torch.stack([half, half, shares])[:, [2, 0, 1]]
    going = replace(history(), steps=torch.arange(3), beta=torch.ones(3), assignments=shuffled)
    panels = [
        axes for axes in assignment_figure(replace(MAPPING, history=going)).axes if axes.images
    ]
    last = np.asarray(panels[-2].images[0].get_array())
    assert np.array_equal(last, shares.numpy())
    assert panels[-2].get_title(loc="left").startswith("step 2")


def test_without_history_the_final_mapping_is_shown_alone() -> None:
    figure = assignment_figure(replace(MAPPING, history=None))
    assert len([axes for axes in figure.axes if axes.images]) == 1


def test_the_loss_is_drawn_with_its_bound() -> None:
    upper, lower = loss_figure(MAPPING, history()).axes
    assert MAPPING.certificate is not None
    curves = {str(line.get_label()): np.asarray(line.get_ydata()) for line in upper.lines}
    assert np.array_equal(curves["soft encoder, best seed"], history().loss.numpy())
    assert set(curves["bound for any encoder"]) == {MAPPING.certificate.bound}
    assert set(curves["final, hard mapping"]) == {MAPPING.certificate.loss}
    assert np.array_equal(np.asarray(lower.lines[0].get_ydata()), history().beta.numpy())


def curve(axes: Axes, which: int = 0) -> tuple[np.ndarray, np.ndarray]:
    line = axes.lines[which]
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def harmonic_term(coordinate: str) -> Term:
    """An angle or bond with U = 40 (q - 1.5)² on a table from 1.2 to 1.9."""
    term = replace(ARTIFACT.potentials[0].terms[0], coordinate=coordinate)
    q = torch.linspace(1.2, 1.9, 9, dtype=torch.float64)
    table = replace(
        term.table,
        low=1.2,
        high=1.9,
        energy=40 * (q - 1.5) ** 2 + 7.0,
        slope=80 * (q - 1.5),
        wall_stiffness=80.0,
    )
    return replace(term, table=table, sampled_low=1.2, sampled_high=1.9)


def test_the_walls_of_a_harmonic_term_continue_its_parabola() -> None:
    q, energy = curve(term_figure(harmonic_term("bond")).axes[0])
    assert q[0] < 1.2 and q[-1] > 1.9
    parabola = 40 * (q - 1.5) ** 2
    assert energy - energy.min() == pytest.approx(parabola - parabola.min(), abs=1e-9)


def test_angles_are_drawn_in_degrees() -> None:
    upper, lower = term_figure(harmonic_term("angle")).axes
    q, _ = curve(upper)
    assert 1.2 * 180 / pi in q.round(9).tolist() or np.isclose(q, 1.2 * 180 / pi).any()
    assert lower.get_xlabel() == "θ (degrees)"


def test_every_sample_is_in_one_of_a_few_bars() -> None:
    term = harmonic_term("bond")
    n_points = 523
    fine = torch.linspace(1.2, 1.9, n_points, dtype=torch.float64)
    table = replace(term.table, energy=40 * (fine - 1.5) ** 2, slope=80 * (fine - 1.5))
    counts = torch.arange(n_points)
    errors = torch.ones(n_points).double()
    _, lower = term_figure(replace(term, table=table, counts=counts, energy_errors=errors)).axes
    bars = [patch for patch in lower.patches if isinstance(patch, Rectangle)][1:]
    assert len(bars) <= 50
    assert sum(bar.get_height() for bar in bars) == counts.sum()
    middle = sum(bar.get_height() * (bar.get_x() + bar.get_width() / 2) for bar in bars)
    assert middle / counts.sum() == pytest.approx(
        float((fine * counts).sum() / counts.sum()), rel=1e-3
    )


def test_infinite_errors_leave_the_energy_to_be_seen() -> None:
    term = harmonic_term("bond")
    errors = torch.full((9,), torch.inf).double()
    upper, _ = term_figure(replace(term, energy_errors=errors)).axes
    low, high = upper.get_ylim()
    assert low < 0 and 40 * 0.4**2 < high < 2 * 40 * 0.4**2


def test_the_distribution_is_drawn_as_it_is() -> None:
    assert ARTIFACT.comparison is not None
    found = ARTIFACT.comparison.distributions[0]
    upper, lower = distribution_figure(found).axes
    drawn = {str(line.get_label()): np.asarray(line.get_ydata()) for line in upper.lines}
    assert np.array_equal(drawn["reference"], found.reference.numpy())
    assert np.array_equal(drawn["model"], found.model.numpy())
    assert found.analytic is not None
    assert np.array_equal(drawn["term alone"], found.analytic.numpy())
    difference = np.asarray(lower.lines[-1].get_ydata())
    assert np.array_equal(difference, (found.model - found.reference).numpy())
    assert to_rgba(upper.lines[0].get_color()) != to_rgba(upper.lines[1].get_color())


def test_figures_are_the_same_every_time() -> None:
    first, second = ([svg(figure, "x") for figure in all_figures(MAPPING)] for _ in range(2))
    assert first == second


def test_figures_fetch_nothing_and_share_no_names() -> None:
    for text in (svg(figure, "x") for figure in all_figures(MAPPING)):
        root = ElementTree.fromstring(text)  # noqa: S314, our own text
        assert "http" not in text and "<script" not in text
        for element in root.iter():
            link = element.get("href", "#")
            assert link.startswith(("#", "data:image/png;base64,"))
        names = re.findall(r' id="([^"]*)"', text)
        assert len(names) == len(set(names))
        assert all(re.search(r"[0-9a-f]{10}$", name) for name in names), names


def test_names_from_files_are_text_in_figures() -> None:
    names = (HOSTILE, *MAPPING.molecule.atom_names[1:])
    molecule = replace(MAPPING.molecule, atom_names=names, elements=("",) * 7)
    mapping = replace(MAPPING, molecule=molecule, bead_names=(HOSTILE, "é\x1b[31m", "β☃"))
    for figure in all_figures(mapping):
        text = svg(figure, HOSTILE)
        root = ElementTree.fromstring(text)  # noqa: S314, our own text
        assert "<script" not in text
        assert root.get("aria-label") == HOSTILE


def test_names_that_no_font_has_are_replaced() -> None:
    assert printable("C1'\x1b☃\u202e") == "C1'???"
    assert printable("x" * 50, longest=10) == "x" * 9 + "…"
