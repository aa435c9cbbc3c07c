"""What a command tells of its result: tables for a person, plain values for JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import Any

from autograin_cli.cli.console import Console
from autograin_cli.files.pages import liquid_tables, reconstruction, tables
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.pair import PairTerm
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Term
from autograin_cli.simulation.simulation import Simulation
from autograin_cli.units import to_degrees


def show_mapping(mapping: Mapping, console: Console) -> None:
    """Show which atoms are in which bead, and how far to trust it."""
    molecule = mapping.molecule
    plural = "bead" if mapping.n_beads == 1 else "beads"
    title = f"{molecule.name}: {molecule.n_atoms} atoms in {mapping.n_beads} {plural}"
    console.table(title, ("bead", "mass", "atoms"), columns_of(tables.bead_rows(mapping)))
    if mapping.certificate is not None:
        console.facts("How far to trust it", facts_of(tables.trust_rows(mapping.certificate)))
    errors = reconstruction.bead_error_rows(mapping)
    if errors:
        columns = ("bead", "root mean square error", "atoms")
        console.table("How well atoms are put back", columns, columns_of(errors))


def mapping_values(mapping: Mapping) -> dict[str, Any]:
    """Beads and certificate of a mapping."""
    names, masses = mapping.molecule.atom_names, mapping.bead_masses
    certificate = mapping.certificate
    return {
        "molecule": mapping.molecule.name,
        "copies": mapping.molecule.n_copies,
        "beads": [
            {
                "name": name,
                "type": mapping.bead_types[bead],
                "mass": None if masses is None else float(masses[bead]),
                "atoms": [names[a] for a in (mapping.assignment == bead).nonzero()[:, 0].tolist()],
            }
            for bead, name in enumerate(mapping.bead_names)
        ],
        "assignment": mapping.assignment.tolist(),
        "reconstruction_errors": None
        if mapping.reconstruction_errors is None
        else mapping.reconstruction_errors.tolist(),
        "certificate": None
        if certificate is None
        else asdict(certificate)
        | {"rmsd": certificate.rmsd, "loss_per_component": certificate.loss_per_component},
    }


def show_potential(potential: Potential, console: Console) -> None:
    """Show the terms with their parameters, and how much of the forces they explain."""
    title = f"{potential.molecule}: potential at {potential.temperature:g} K"
    rows = [(term.name, term.form, _sampled(term), _parameters(term)) for term in potential.terms]
    if rows:
        console.table(title, ("term", "form", "sampled", "parameters"), rows)
    else:
        console.facts(title, [("terms", "none: no bond, angle or dihedral joins beads")])
    channels = tables.channel_rows(potential.channels)
    columns = ("forces along", "R² on frames left out", "R² of the best possible")
    n_columns = 3 if any(row.meaning for row in channels) else 2
    if channels:
        cells = [cell[:n_columns] for cell in columns_of(channels)]
        console.table(f"{potential.force_map_kind} force map", columns[:n_columns], cells)


def _sampled(term: Term) -> str:
    if term.coordinate == "bond":
        return f"{term.sampled_low:.2f} to {term.sampled_high:.2f} Å"
    return f"{to_degrees(term.sampled_low):.0f} to {to_degrees(term.sampled_high):.0f} degrees"


def _parameters(term: Term) -> str:
    rows = tables.parameter_rows(term)
    if len(rows) < len(term.parameters):
        return f"{len(term.parameters)} coefficients"
    units = ["" if row.meaning == "1" else f" {row.meaning}" for row in rows]
    shown = zip(rows, units, strict=True)
    return ", ".join(f"{row.name} = {row.value}{unit}" for row, unit in shown)


def potential_values(potential: Potential) -> dict[str, Any]:
    """Terms and channels of a potential."""
    return {
        "molecule": potential.molecule,
        "temperature": potential.temperature,
        "force_map": potential.force_map_kind,
        "n_frames": potential.n_frames,
        "terms": [_term_values(term) for term in potential.terms],
        "channels": [asdict(channel) for channel in potential.channels],
    }


def _term_values(term: Term) -> dict[str, Any]:
    return {
        "name": term.name,
        "form": term.form,
        "beads": term.beads.tolist(),
        "sampled": [term.sampled_low, term.sampled_high],
        "parameters": parameter_values(term),
    }


def parameter_values(term: Term | PairTerm) -> list[dict[str, Any]]:
    """Parameters of a term with their errors; None for an error that is not known."""
    numbers = zip(
        term.parameter_names,
        term.parameters.tolist(),
        term.parameter_errors.tolist(),
        term.parameter_units,
        strict=True,
    )
    return [
        {"name": name, "value": value, "error": error if isfinite(error) else None, "unit": unit}
        for name, value, error, unit in numbers
    ]


def show_simulation(simulation: Simulation, term_names: Sequence[str], console: Console) -> None:
    """Show what ran, the temperatures, the convergence, and the time outside what was sampled.

    Args:
        simulation: what to show.
        term_names: in the order of `Simulation.outside`.
        console: where.
    """
    rows = liquid_tables.run_rows(simulation, ()) + tables.simulation_rows(simulation)
    rows += tables.convergence_rows(simulation)
    rows += [
        tables.Row(f"outside, {name}", f"{share:.3%}", "beyond what was sampled")
        for name, share in zip(term_names, simulation.outside.tolist(), strict=True)
    ]
    console.facts(f"{', '.join(simulation.molecules)}: simulation", facts_of(rows))


def simulation_values(simulation: Simulation, term_names: Sequence[str]) -> dict[str, Any]:
    """What a run was, and its diagnostics; names of terms in the order of `outside`."""
    outside = dict(zip(term_names, simulation.outside.tolist(), strict=True))
    copies = zip(simulation.molecules, simulation.copies.tolist(), strict=True)
    values = {
        name: value
        for name, value in vars(simulation).items()
        if name not in ("molecules", "copies", "convergence")
    }
    return values | {
        "molecules": dict(copies),
        "box": None if simulation.box is None else simulation.box.tolist(),
        "outside": outside,
        "convergence": [asdict(convergence) for convergence in simulation.convergence],
    }


def columns_of(rows: list[tables.Row]) -> list[tuple[str, ...]]:
    """Rows for a table of three columns."""
    return [(row.name, row.value, row.meaning) for row in rows]


def facts_of(rows: list[tables.Row]) -> list[tuple[str, str]]:
    """Rows for a list of names and what they are."""
    return [(row.name, ": ".join(filter(None, (row.value, row.meaning)))) for row in rows]
