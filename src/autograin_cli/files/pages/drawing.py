"""A molecule drawn flat, its atoms on the colours of their beads."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from autograin_cli.files.pages.figures import BLACK, STYLE, bead_colour, printable
from autograin_cli.files.pages.layout import Floats, flat_layout, rings
from autograin_cli.mapping.mapping import Mapping

BOND_LENGTH, WIDEST, TALLEST = 0.62, 7.0, 6.0  # inches on paper
MOST_NAMED, COLUMNS = 12, 3
LEAST_FONT = 4.0
HALO = 0.78  # of the length of a bond


def molecule_figure(mapping: Mapping) -> Figure:
    """Draw the atoms of a molecule in two dimensions, on the colours of their beads."""
    hydrogens = np.flatnonzero(_hydrogens(mapping)).tolist()
    layout = flat_layout(mapping.mean_structure.numpy(), _bonds(mapping), hydrogens)
    extent = np.ptp(layout, axis=0) + 1.4
    scale = float(min(BOND_LENGTH, WIDEST / extent[0], TALLEST / extent[1]))
    width, height = max(extent[0] * scale, 6.0), extent[1] * scale
    legend = 0.26 * -(-min(mapping.n_beads, MOST_NAMED) // COLUMNS) + 0.1
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height + legend))
        axes = figure.add_axes((0.0, legend / (height + legend), 1.0, height / (height + legend)))
        axes.set_axis_off()
        middle = (layout.max(0) + layout.min(0)) / 2
        axes.set_xlim(middle[0] - width / scale / 2, middle[0] + width / scale / 2)
        axes.set_ylim(middle[1] - extent[1] / 2, middle[1] + extent[1] / 2)
        _draw_beads(axes, mapping, layout, 72 * scale)
        _draw_atoms(axes, mapping, layout, 72 * scale)
        _name_beads(figure, mapping)
    return figure


def _bonds(mapping: Mapping) -> list[tuple[int, int]]:
    """Bonded pairs of atoms."""
    return [(i, j) for i, j in mapping.molecule.bonds.tolist()]


def _hydrogens(mapping: Mapping) -> list[bool]:
    """Which atoms are drawn small: hydrogens by their element, else by their name."""
    molecule = mapping.molecule
    kinds = (e or n for e, n in zip(molecule.elements, molecule.atom_names, strict=True))
    return [kind[:1].upper() == "H" and kind[1:2] not in set("efgos") for kind in kinds]


def _draw_beads(axes: Axes, mapping: Mapping, layout: Floats, points: float) -> None:
    """Draw the beads behind their atoms; `points` is the length of a bond on paper."""
    beads = mapping.assignment.tolist()
    tints = [_tint(bead_colour(bead)) for bead in beads]
    for i, j in _bonds(mapping):
        if beads[i] == beads[j] >= 0:
            axes.plot(
                *layout[[i, j]].T,
                color=tints[i],
                linewidth=HALO * points,
                solid_capstyle="round",
                zorder=1,
            )
    for ring in rings(len(layout), _bonds(mapping)):
        if len({beads[atom] for atom in ring}) == 1 and beads[ring[0]] >= 0:
            axes.fill(*layout[ring].T, color=tints[ring[0]], linewidth=0, zorder=1)
    for (x, y), bead, tint in zip(layout, beads, tints, strict=True):
        if bead >= 0:
            axes.plot(x, y, "o", color=tint, markersize=HALO * points, mew=0, zorder=1)


def _draw_atoms(axes: Axes, mapping: Mapping, layout: Floats, points: float) -> None:
    """Draw bonds, and atoms with their names where there is room."""
    hydrogens = np.array(_hydrogens(mapping))
    lines = list(layout[mapping.molecule.bonds.numpy()])
    axes.add_collection(LineCollection(lines, colors=BLACK, linewidths=0.035 * points, zorder=2))
    edges = [bead_colour(bead) for bead in mapping.assignment.tolist()]
    sizes = (np.where(hydrogens, 0.32, 0.56) * points) ** 2
    axes.scatter(
        layout[:, 0],
        layout[:, 1],
        s=sizes,
        c="white",
        edgecolors=edges,
        linewidths=0.035 * points,
        zorder=3,
    )
    for (x, y), name, small in zip(layout, mapping.molecule.atom_names, hydrogens, strict=True):
        label = "H" if small else printable(name, 6)
        size = points * (0.2 if small else min(0.26, 0.66 / len(label)))
        if size >= LEAST_FONT:
            axes.text(x, y, label, fontsize=size, ha="center", va="center_baseline", zorder=4)


def _name_beads(figure: Figure, mapping: Mapping) -> None:
    """Name the beads under the drawing, the first dozen of them."""
    marks = [
        Line2D(
            [],
            [],
            marker="o",
            markersize=10,
            linestyle="none",
            color=_tint(colour),
            markeredgecolor=colour,
        )
        for colour in map(bead_colour, range(min(mapping.n_beads, MOST_NAMED)))
    ]
    labels = [
        f"{printable(name, 16)}: {int((mapping.assignment == bead).sum())} atoms"
        for bead, name in enumerate(mapping.bead_names[:MOST_NAMED])
    ]
    figure.legend(marks, labels, loc="lower center", ncols=COLUMNS, fontsize=10)


def _tint(colour: str) -> tuple[float, float, float]:
    """Mix a colour with white."""
    red, green, blue = (0.45 * part + 0.55 for part in to_rgb(colour))
    return red, green, blue
