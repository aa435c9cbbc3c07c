"""The tables of liquids: pair terms, boxes, features of g(r) and quantities."""

from collections.abc import Sequence

import torch
from torch import Tensor

from autograin_cli.comparison.comparison import Quantity
from autograin_cli.files.pages.tables import MOST_PARAMETERS, Row, number, with_error
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.pair import Nonbonded, PairTerm
from autograin_cli.simulation.simulation import Simulation
from autograin_cli.units import cubic_angstrom_of, to_degrees

ON_BOUND = "ON ITS BOUND"
ALMOST_RIGHT = 0.005  # degrees
NO_MATCH = (
    "Not expected to match: beads without the atoms inside them move faster than the atoms do, and "
    "forces matched at one volume need not give the pressure there."
)


def nonbonded_rows(nonbonded: Nonbonded) -> list[Row]:
    """Say what all pair terms have in common."""
    switched = nonbonded.switch < nonbonded.cutoff
    rows = [Row("cutoff", f"{number(nonbonded.cutoff)} Å", "no pair feels anything beyond")]
    if switched:
        start = f"{number(nonbonded.switch)} Å"
        rows.append(Row("switch", start, "from here Lennard-Jones terms are switched off"))
    bonds = nonbonded.excluded_bonds
    near = f"at most {bonds} bond{'' if bonds == 1 else 's'} apart"
    return [
        *rows,
        Row("excluded", near if bonds else "none", "pairs in a molecule that feel no pair term"),
        Row("frames", f"{nonbonded.n_frames:,}", "that were fitted"),
    ]


def pair_rows(term: PairTerm) -> list[Row]:
    """List the parameters of a pair term; one on its bound is said so; of a long spline, how many.

    The range and the pairs that it was fitted to come first.
    """
    rows = [
        Row("sampled from", f"{number(term.sampled_low)} Å", "nearer, the energy is only a wall"),
        Row("pairs", f"{int(term.counts.sum()):,}", "of the reference"),
    ]
    if len(term.parameters) > MOST_PARAMETERS:
        return [*rows, Row("coefficients", str(len(term.parameters)), "drawn, not listed")]
    numbers = zip(
        term.parameter_names,
        term.parameters.tolist(),
        term.parameter_errors.tolist(),
        term.parameter_units,
        strict=True,
    )
    for name, value, error, unit in numbers:
        held = name in term.on_bounds
        text = f"{number(value)}, {ON_BOUND}" if held else with_error(value, error)
        rows.append(Row(name, text, unit))
    return rows


def bound_sentence(term: PairTerm) -> str:
    """Say which parameters a bound holds, and what that means; empty where none is held."""
    if not term.on_bounds:
        return ""
    held = ", ".join(term.on_bounds)
    return (
        f"{held} stands on its bound: the forces ask for a value that is not physical, so this "
        "form does not describe these beads. Fit with --pair spline, or choose other beads."
    )


def run_rows(simulation: Simulation, mappings: Sequence[Mapping]) -> list[Row]:
    """Say what was in the box of a run: molecules, box, density, pressure."""
    numbers = zip(simulation.copies.tolist(), simulation.molecules, strict=True)
    molecules = ", ".join(f"{count:,} {name}" for count, name in numbers if count)
    rows = [Row("molecules", molecules, "in each replica")]
    if simulation.box is None:
        return [*rows, Row("box", "none", "vacuum")]
    rows.append(Row("box", *box_words(simulation.box)))
    return rows + density_rows(simulation, mappings) + pressure_rows(simulation)


def density_rows(simulation: Simulation, mappings: Sequence[Mapping]) -> list[Row]:
    """Give the density of the beads, where there is a box and the masses are known."""
    parts = system_of(mappings).components if mappings else ()
    masses = [float(part.masses.sum()) for part in parts if part.masses is not None]
    if not parts or len(masses) < len(parts) or simulation.box is None:
        return []
    # Not bead by bead: a record says how many copies there are, and need not hold their frames.
    total = sum(n * mass for n, mass in zip(simulation.copies.tolist(), masses, strict=True))
    at_one = cubic_angstrom_of(total, 1.0)  # volume at 1 g/cm3
    density = at_one / float(torch.linalg.det(simulation.box).abs())
    return [Row("density", f"{density:.4f} g/cm3")]


def pressure_rows(simulation: Simulation) -> list[Row]:
    """Give the pressure of the beads, where there is one."""
    if simulation.pressure is None:
        return []
    error = torch.inf if simulation.pressure_error is None else simulation.pressure_error
    text = f"{with_error(simulation.pressure, error)} bar"
    return [Row("pressure of the beads", text, "not expected to be that of the atoms")]


def box_words(box: Tensor) -> tuple[str, str]:
    """Give the edges of a box (3, 3), and its angles where they are not right."""
    lengths = box.norm(dim=1)
    a, b, c = box / lengths[:, None]
    angles = [to_degrees(float((x @ y).clamp(-1, 1).acos())) for x, y in ((b, c), (a, c), (a, b))]
    edges = " × ".join(f"{length:.2f}" for length in lengths.tolist()) + " Å"
    if max(abs(angle - 90) for angle in angles) < ALMOST_RIGHT:
        return edges, "orthorhombic"
    return edges, "angles " + ", ".join(f"{angle:.2f}" for angle in angles) + " degrees"


def quantity_rows(quantities: Sequence[Quantity]) -> list[Row]:
    """List quantities of reference and model."""
    return [
        Row(
            item.name,
            _measured(item.reference, item.reference_error, item.unit),
            _measured(item.model, item.model_error, item.unit),
        )
        for item in quantities
    ]


def _measured(value: float | None, error: float | None, unit: str) -> str:
    """Write a value with its error and unit; one that is not known is said so."""
    if value is None:
        return "not known"
    text = number(value) if error is None else with_error(value, error)
    return text if unit == "1" else f"{text} {unit}"
