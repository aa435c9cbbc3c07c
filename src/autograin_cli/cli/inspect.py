"""inspect: what is in an artifact."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograin_cli.cli import options

if TYPE_CHECKING:
    from torch import Tensor

    from autograin_cli.cli.console import Console
    from autograin_cli.comparison.comparison import Comparison, StructureFactor
    from autograin_cli.files.artifacts import Artifact, InputFile, Provenance
    from autograin_cli.mapping.mapping import Mapping
    from autograin_cli.potential.potential import Potential
    from autograin_cli.potential.terms import Term

_MOST_VALUES = 1000
_LOG_WIDTH = 100
_EPILOG = """\b
Examples:
  autograin inspect potential.h5
  autograin inspect simulation.h5 --json
"""


@click.command("inspect", epilog=_EPILOG)
@click.argument("artifact", type=options.PATH)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="write everything as JSON: names and units as in docs/artifacts.md, angles in radians; "
    f"of an array with more than {_MOST_VALUES} values only shape, least and largest value",
)
def inspect(artifact: str, as_json: bool) -> None:
    """Show what is in an artifact: the mapping, the potential, the simulation, the comparison.

    ARTIFACT is what fit-mapping, fit-potential, simulate or compare wrote. Its digest and all its
    content are checked on the way. The result goes to standard output.
    """
    from autograin_cli.cli.caches import provide_caches
    from autograin_cli.cli.console import open_console
    from autograin_cli.cli.results import write_json

    console = open_console(quiet=False, verbose=False)
    for note in provide_caches():
        console.note(note)
    with console.working():
        content, digest = _read(Path(artifact))
        if as_json:
            about = {"artifact": artifact, "content_sha256": digest}
            write_json(about | values_of(content) | {"pair_curves": _pair_curves(content)})
        else:
            show(content, artifact, digest, _standard_output())


def _read(path: Path) -> "tuple[Artifact, str]":
    """Read an artifact and its digest, after what takes seconds to import."""
    from autograin_cli.files.artifacts import content_digest, load
    from autograin_cli.files.storage.schema import KIND_COMMANDS

    return load(path, tuple(KIND_COMMANDS)), content_digest(path)


def _pair_curves(artifact: "Artifact") -> list[dict[str, Any]]:
    """Effective pair potentials of networks, which are not stored."""
    from autograin_cli.cli.neural_summary import pair_curve_values

    neural = artifact.neural
    return [] if neural is None else pair_curve_values(neural, artifact.nonbonded)


def values_of(record: Any) -> Any:
    """Turn a record into what JSON can hold; keys are the names of the fields.

    An array is its shape with its values, or with None and its least and largest value where it
    is large.
    """
    import torch

    if isinstance(record, torch.Tensor):
        return _array_values(record)
    if is_dataclass(record):
        return {item.name: values_of(getattr(record, item.name)) for item in fields(record)}
    if isinstance(record, tuple):
        return [values_of(part) for part in record]
    if isinstance(record, str):  # a file name may hold bytes that are not UTF-8
        return record.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return record


def _array_values(array: "Tensor") -> dict[str, Any]:
    n_values = array.numel()
    return {
        "shape": list(array.shape),
        "values": array.tolist() if n_values <= _MOST_VALUES else None,
        "min": array.min().item() if n_values else None,
        "max": array.max().item() if n_values else None,
    }


def show(artifact: "Artifact", path: str, digest: str, console: "Console") -> None:
    """Show an artifact to a person."""
    from autograin_cli.cli.checks import show_checks
    from autograin_cli.cli.summary import show_mapping

    console.facts(f"{artifact.kind} artifact", [("file", path), ("content SHA-256", digest)])
    for mapping in artifact.mappings:
        show_mapping(mapping, console)
        _show_errors(mapping, console)
        console.facts("Details", _mapping_facts(mapping))
    for potential in artifact.potentials:
        _show_potential(potential, console)
    _show_liquid(artifact, console)
    _show_simulation(artifact, console)
    if artifact.comparison is not None:
        _show_comparison(artifact.comparison, console)
    if artifact.checks:
        show_checks(artifact.checks, console)
    _show_inputs("Inputs of this stage", artifact.inputs, console)
    _show_inputs("Inputs of the training", artifact.training, console)
    console.facts("Provenance", _provenance_facts(artifact.provenance))
    for warning in artifact.warnings:
        console.warn(warning)


def _standard_output() -> "Console":
    """Make a console on standard output, without escape codes if that is no terminal."""
    import sys

    from rich.console import Console as Screen
    from rich.progress import Progress

    from autograin_cli.cli.console import Console

    terminal = sys.stdout.isatty()
    screen = Screen(
        force_terminal=terminal,
        width=None if terminal else _LOG_WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
    )
    silent = Progress(console=screen, disable=True)
    return Console(screen=screen, progress=silent, quiet=False, verbose=False)


def _show_errors(mapping: "Mapping", console: "Console") -> None:
    from autograin_cli.cli.summary import columns_of
    from autograin_cli.files.pages.reconstruction import atom_error_rows

    rows = columns_of(atom_error_rows(mapping))
    if rows:
        columns = ("atom", "bead", "root mean square error in Å")
        console.table("How well each atom is put back", columns, rows)


def _mapping_facts(mapping: "Mapping") -> list[tuple[str, str]]:
    molecule, names = mapping.molecule, mapping.bead_names
    bonds = [f"{names[i]}-{names[j]}" for i, j in mapping.bead_bonds.tolist()]
    rigid = len({group for group in mapping.rigid_groups.tolist() if group >= 0})
    rows = [
        ("copies in a frame", f"{molecule.n_copies:,}"),
        ("bonds of beads", ", ".join(bonds) or "none"),
        ("rigid groups of atoms", f"{rigid:,}"),
        ("force map", mapping.force_map_kind),
    ]
    if mapping.history is not None:
        steps = mapping.history.steps.tolist()
        rows.append(("annealing", f"{len(steps):,} records, to step {max(steps, default=0):,}"))
    return rows


def _show_potential(potential: "Potential", console: "Console") -> None:
    from autograin_cli.cli.summary import show_potential

    show_potential(potential, console)
    columns = ("term", "instances", "sampled range", "least energy at", "samples")
    rows = [_range_row(term) for term in potential.terms]
    title = f"{potential.molecule}: ranges sampled in {potential.n_frames:,} frames times copies"
    if rows:
        console.table(title, columns, rows)


def _range_row(term: "Term") -> tuple[str, ...]:
    """Say where a term was sampled, with angles in degrees."""
    from autograin_cli.units import to_degrees

    table = term.table
    is_length = term.coordinate == "bond"
    unit = "Å" if is_length else "degrees"
    step = (table.high - table.low) / (len(table.energy) - 1)
    least = table.low + int(table.energy.argmin()) * step
    low, high, minimum = (
        value if is_length else to_degrees(value)
        for value in (term.sampled_low, term.sampled_high, least)
    )
    digits = 3 if is_length else 1
    return (
        term.name,
        str(len(term.beads)),
        f"{low:.{digits}f} to {high:.{digits}f} {unit}",
        f"{minimum:.{digits}f} {unit}",
        f"{int(term.counts.sum()):,}",
    )


def _show_liquid(artifact: "Artifact", console: "Console") -> None:
    """Show the pair terms, the networks, and the frame of the reference."""
    from autograin_cli.cli.neural_summary import show_neural
    from autograin_cli.cli.pair_summary import show_nonbonded
    from autograin_cli.files.pages.liquid_tables import bound_sentence, box_words

    show_nonbonded(artifact.nonbonded, console)
    for term in artifact.nonbonded.terms if artifact.nonbonded else ():
        if term.on_bounds:
            console.warn(f"{term.name}: {bound_sentence(term)}")
    show_neural(artifact.neural, console)
    if artifact.configuration is not None:
        frame = artifact.configuration
        box = "vacuum" if frame.box is None else ", ".join(box_words(frame.box))
        facts = [("beads", f"{len(frame.positions):,}"), ("box", box)]
        console.facts("Frame of the reference", facts)


def _show_simulation(artifact: "Artifact", console: "Console") -> None:
    from autograin_cli.cli.summary import show_simulation
    from autograin_cli.files.pages.liquid_tables import density_rows
    from autograin_cli.files.storage.artifact import term_names

    if artifact.simulation is None:
        return
    show_simulation(artifact.simulation, term_names(artifact), console)
    density = density_rows(artifact.simulation, artifact.mappings)
    if density:
        console.facts("Density", [(row.name, row.value) for row in density])


def _show_comparison(comparison: "Comparison", console: "Console") -> None:
    from autograin_cli.cli.comparison_summary import show_comparison
    from autograin_cli.files.pages.tables import score_rows

    show_comparison(comparison, console)
    scored = [(found.name, found.scores) for found in comparison.pair_distributions]
    scored += [(found.name, found.scores) for found in comparison.triplet_distributions]
    scored += [(found.name, found.scores) for found in comparison.orientations]
    scored += [(found.name, found.scores) for found in comparison.distributions]
    scored += [(found.name, found.scores) for found in comparison.joint_distributions]
    rows = [
        (name if first == 0 else "", row.name, row.value, row.meaning)
        for name, scores in scored
        for first, row in enumerate(score_rows(scores))
    ]
    console.table("Scores", ("distribution", "score", "value (95 % interval)", "floor"), rows)
    if comparison.structure_factors:
        factors = [_q_row(factor) for factor in comparison.structure_factors]
        console.table("Structure factors", ("name", "shells", "wave vectors in 1/Å"), factors)
    time = f", {comparison.reference_time:g} ps" if comparison.reference_time else ""
    reference = f"{comparison.reference_frames:,} frames{time}"
    console.facts(
        "Frames compared",
        [
            ("reference", f"{reference}; {comparison.overlap:.1%} seen in the training"),
            ("model", f"{comparison.model_frames:,} frames"),
        ],
    )


def _q_row(factor: "StructureFactor") -> tuple[str, str, str]:
    least, most = (factor.q.min(), factor.q.max()) if len(factor.q) else (0.0, 0.0)
    return factor.name, str(len(factor.q)), f"{float(least):.3f} to {float(most):.3f}"


def _show_inputs(title: str, inputs: "tuple[InputFile, ...]", console: "Console") -> None:
    rows = [
        (
            item.role,
            item.path,
            f"{item.n_frames:,}, every {item.stride:,}" if item.n_frames else "",
            f"{item.first_time:g} to {item.last_time:g}" if item.n_frames else "",
            item.fingerprint[:12],
        )
        for item in inputs
    ]
    if rows:
        console.table(title, ("role", "file", "frames", "times in ps", "fingerprint"), rows)


def _provenance_facts(provenance: "Provenance") -> list[tuple[str, str]]:
    return [(item.name, getattr(provenance, item.name)) for item in fields(provenance)]
