"""The errors of the atoms, in words and as bars."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from autograin_cli.files.pages.figures import GREY, bead_colour
from autograin_cli.files.pages.reconstruction import (
    atom_error_rows,
    bead_error_rows,
    reconstruction_figure,
)
from autograin_cli.files.report import render
from example_artifacts import example

ARTIFACT = example("mapping")
ERRORS = torch.tensor([0.1, 0.2, 0.5, 0.499, 0.03, 1.25, 2.0]).double()
MAPPING = replace(ARTIFACT.mappings[0], reconstruction_errors=ERRORS)
UNKNOWN = replace(MAPPING, reconstruction_errors=None)


def test_each_bead_names_its_worst_atoms() -> None:
    """Atoms that are as bad within 1 % are named together: images under a symmetry."""
    rows = [(row.name, row.value, row.meaning) for row in bead_error_rows(MAPPING)]
    assert rows == [
        ("A1", "0.1 to 0.2 Å", "worst H1"),
        ("B1", "0.499 to 0.5 Å", "worst C2 H2"),
        ("A2", "0.03 to 1.25 Å", "worst H3"),
        ("atoms in no bead", "2 Å", "worst X*"),
    ]


def test_every_atom_has_a_row() -> None:
    rows = atom_error_rows(MAPPING)
    assert [row.name for row in rows] == list(MAPPING.molecule.atom_names)
    assert [row.value for row in rows] == ["A1", "A1", "B1", "B1", "A2", "A2", "none"]
    assert [float(row.meaning) for row in rows] == pytest.approx(ERRORS.tolist(), abs=5e-4)


def test_bars_are_the_errors_in_the_colours_of_the_beads() -> None:
    figure = reconstruction_figure(MAPPING)
    assert figure is not None
    (axes,) = figure.axes
    found = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    assert [bar.get_height() for bar in found] == pytest.approx(ERRORS.tolist())
    colours = [to_hex(bar.get_facecolor()).upper() for bar in found]
    expected = [bead_colour(bead) for bead in MAPPING.assignment.tolist()]
    assert colours == [colour.upper() for colour in expected]
    assert colours[-1] == GREY
    (line,) = axes.lines
    mean = float(ERRORS.square().mean().sqrt())
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([mean, mean])


def test_the_report_shows_them_and_leaves_out_what_an_older_file_does_not_know() -> None:
    known = render(replace(ARTIFACT, mappings=(MAPPING,)))
    assert "How well the atoms are put back" in known
    assert "worst C2 H2" in known
    assert "put back" not in render(replace(ARTIFACT, mappings=(UNKNOWN,))).split("How far")[0]
    assert bead_error_rows(UNKNOWN) == atom_error_rows(UNKNOWN) == []
    assert reconstruction_figure(UNKNOWN) is None
