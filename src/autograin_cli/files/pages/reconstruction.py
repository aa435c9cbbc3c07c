"""How well each atom is put back by the decoder: rows, and a figure of bars."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from autograin_cli.files.pages.figures import BLACK, MOST_ATOMS, STYLE, bead_colour, printable
from autograin_cli.files.pages.tables import Row, number
from autograin_cli.mapping.mapping import Mapping

_MOST_WORST = 4  # atoms named for each bead
_TIE = 1e-2  # relative; atoms this near to the worst one are as bad


def bead_error_rows(mapping: Mapping) -> list[Row]:
    """Give for each bead the least and the largest error of its atoms, and the worst of them."""
    errors = mapping.reconstruction_errors
    if errors is None:
        return []
    names = mapping.molecule.atom_names
    rows = []
    beads = [*enumerate(mapping.bead_names), (-1, "atoms in no bead")]
    for bead, title in beads:
        atoms = (mapping.assignment == bead).nonzero().flatten()
        if not len(atoms):
            continue
        least, most = float(errors[atoms].min()), float(errors[atoms].max())
        span = f"{number(least, 3)} to {number(most, 3)} Å" if len(atoms) > 1 else ""
        worst = atoms[errors[atoms] >= (1 - _TIE) * most].tolist()
        listed = " ".join(names[atom] for atom in worst[:_MOST_WORST])
        more = f" and {len(worst) - _MOST_WORST} more" if len(worst) > _MOST_WORST else ""
        rows.append(Row(title, span or f"{number(most, 3)} Å", f"worst {listed}{more}"))
    return rows


def atom_error_rows(mapping: Mapping) -> list[Row]:
    """Give the bead and the error of each atom."""
    if mapping.reconstruction_errors is None:
        return []
    beads = [*mapping.bead_names, "none"]
    return [
        Row(name, beads[bead], f"{error:.3f}")
        for name, bead, error in zip(
            mapping.molecule.atom_names,
            mapping.assignment.tolist(),
            mapping.reconstruction_errors.tolist(),
            strict=True,
        )
    ]


def reconstruction_figure(mapping: Mapping) -> Figure | None:
    """Draw the error of each atom as a bar in the colour of its bead, and their root mean square.

    Returns:
        None where the errors are not known.
    """
    if mapping.reconstruction_errors is None:
        return None
    errors = mapping.reconstruction_errors.numpy()
    names = [printable(name, 12) for name in mapping.molecule.atom_names]
    colours = [bead_colour(bead) for bead in mapping.assignment.tolist()]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.0, 2.6), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(errors))
        axes.bar(places, errors, width=0.8, color=colours, linewidth=0)
        mean = float(np.sqrt((errors**2).mean()))
        label = f"root mean square of all: {mean:.2f} Å"
        axes.axhline(mean, color=BLACK, ls="--", lw=1.0, label=label)
        step = -(-len(names) // MOST_ATOMS)
        axes.set_xticks(places[::step], names[::step], fontsize=8, rotation=90)
        axes.set_xlim(-0.7, len(errors) - 0.3)
        axes.set_ylim(0, 1.25 * max(float(errors.max()), 1e-3))
        axes.set_ylabel("error of the atom (Å)")
        axes.legend(loc="upper left")
    return figure
