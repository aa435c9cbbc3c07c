"""What fit-potential tells of pair terms, and of all terms as plain values for JSON."""

from dataclasses import asdict
from typing import Any

from autograin_cli.cli.console import Console
from autograin_cli.cli.neural_summary import neural_values
from autograin_cli.cli.summary import parameter_values, potential_values
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.pair import Nonbonded, PairTerm

_MOST_PARAMETERS = 6


def show_nonbonded(nonbonded: Nonbonded | None, console: Console) -> None:
    """Show the pair terms with their parameters, and how much of the forces is explained."""
    if nonbonded is None:
        return
    switched = f", switched off from {nonbonded.switch:.2f} Å"
    title = f"pair terms to {nonbonded.cutoff:.2f} Å"
    title += switched if nonbonded.switch < nonbonded.cutoff else ""
    title += f", none within {nonbonded.excluded_bonds} bonds"
    rows = [
        (
            term.name,
            term.form,
            f"from {term.sampled_low:.2f} Å, {int(term.counts.sum()):,} pairs",
            _parameters(term),
        )
        for term in nonbonded.terms
    ]
    console.table(title, ("term", "form", "sampled", "parameters"), rows)
    channels = [
        (channel.name, f"{channel.r_squared:.3f} ± {channel.r_squared_error:.3f}")
        for channel in nonbonded.channels
    ]
    console.table("all molecules", ("forces", "R² on frames left out"), channels)


def _parameters(term: PairTerm) -> str:
    if len(term.parameters) > _MOST_PARAMETERS:
        return f"{len(term.parameters)} coefficients"
    return ", ".join(
        f"{name} = {value:.4g} ± {error:.2g} {unit}" + (" (bound)" * (name in term.on_bounds))
        for name, value, error, unit in zip(
            term.parameter_names,
            term.parameters.tolist(),
            term.parameter_errors.tolist(),
            term.parameter_units,
            strict=True,
        )
    )


def force_field_values(force_field: ForceField) -> dict[str, Any]:
    """Bonded terms of each molecule, pair terms, networks, and channels."""
    nonbonded, neural = force_field.nonbonded, force_field.neural
    return {
        "potentials": [potential_values(potential) for potential in force_field.potentials],
        "nonbonded": None if nonbonded is None else nonbonded_values(nonbonded),
        "neural": None if neural is None else neural_values(neural, nonbonded),
    }


def nonbonded_values(nonbonded: Nonbonded) -> dict[str, Any]:
    """Pair terms and channels."""
    return {
        "cutoff": nonbonded.cutoff,
        "switch": nonbonded.switch,
        "excluded_bonds": nonbonded.excluded_bonds,
        "n_frames": nonbonded.n_frames,
        "terms": [_term_values(term) for term in nonbonded.terms],
        "channels": [asdict(channel) for channel in nonbonded.channels],
    }


def _term_values(term: PairTerm) -> dict[str, Any]:
    return {
        "name": term.name,
        "types": list(term.types),
        "form": term.form,
        "sampled_low": term.sampled_low,
        "pairs": int(term.counts.sum()),
        "on_bounds": list(term.on_bounds),
        "parameters": parameter_values(term),
    }
