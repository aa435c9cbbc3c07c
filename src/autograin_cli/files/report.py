"""Artifact -> one HTML file that shows all of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from autograin_cli.comparison.comparison import Distribution
from autograin_cli.comparison.verdict import Verdict, verdicts
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.output import NewFile, as_access_error
from autograin_cli.files.pages import (
    figures,
    liquid_sections,
    liquid_tables,
    order_sections,
    tables,
)
from autograin_cli.files.pages.drawing import molecule_figure
from autograin_cli.files.pages.figures import drawn
from autograin_cli.files.pages.neural_sections import neural_section
from autograin_cli.files.pages.reconstruction import bead_error_rows, reconstruction_figure
from autograin_cli.files.storage.artifact import term_names
from autograin_cli.files.visible import visible
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Term
from autograin_cli.simulation.simulation import Simulation

TEMPLATE = Path(__file__).with_name("report.html.jinja")


@dataclass(frozen=True)
class MappingSection:
    """A mapping as the report shows it: SVG of its figures, and rows of its tables."""

    mapping: Mapping
    molecule: Markup
    assignment: Markup
    loss: Markup | None
    beads: list[tables.Row]
    trust: list[tables.Row]
    reconstruction: Markup | None
    errors: list[tables.Row]


@dataclass(frozen=True)
class TermSection:
    """A term as the report shows it."""

    term: Term
    figure: Markup
    parameters: list[tables.Row]


@dataclass(frozen=True)
class PotentialSection:
    """A potential as the report shows it."""

    potential: Potential
    channels: list[tables.Row]
    terms: list[TermSection]


@dataclass(frozen=True)
class SimulationSection:
    """A run as the report shows it."""

    run: list[tables.Row]
    convergence: list[tables.Row]
    outside: list[tables.Row]


@dataclass(frozen=True)
class DistributionSection:
    """A distribution as the report shows it."""

    distribution: Distribution
    verdict: Verdict
    figure: Markup
    scores: list[tables.Row]


def write_report(artifact: Artifact, path: Path, overwrite: bool) -> None:
    """Write the report of an artifact: one file, no script, nothing fetched.

    Args:
        artifact: of any stage; sections of stages to come are left out.
        path: of the HTML file.
        overwrite: whether a file that is there may be replaced.

    Raises:
        OutputExistsError: the file is there and may not be replaced.
        FileAccessError: it cannot be written.
    """
    with NewFile(path, overwrite=overwrite) as new:
        page = render(artifact)
        with as_access_error(path):
            new.temporary.write_bytes(page.encode("utf-8", "backslashreplace"))
        new.commit()


def render(artifact: Artifact) -> str:
    """Fill the template with an artifact; all text from files is escaped."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        artifact=artifact,
        title=" and ".join(mapping.molecule.name for mapping in artifact.mappings),
        mappings=[_mapping_section(mapping) for mapping in artifact.mappings],
        potentials=[_potential_section(potential) for potential in artifact.potentials],
        nonbonded=liquid_sections.nonbonded_section(artifact.nonbonded),
        neural=neural_section(artifact.neural, artifact.nonbonded),
        simulation=_simulation_section(artifact),
        distributions=_distribution_sections(artifact),
        pairs=liquid_sections.pair_distribution_sections(artifact.comparison),
        factors=liquid_sections.structure_factor_sections(artifact.comparison),
        triplets=order_sections.triplet_sections(artifact.comparison),
        orientations=order_sections.orientation_sections(artifact.comparison),
        joints=order_sections.joint_sections(artifact.comparison),
        quantities=_quantities(artifact),
        no_match=liquid_tables.NO_MATCH,
        settings=_entries(artifact.provenance.settings),
        versions=_entries(artifact.provenance.versions),
        number=tables.number,
    )


def _shown(value: Any) -> Any:
    """Escape what cannot be printed, in everything that the template inserts."""
    return visible(value) if type(value) is str else value


def _mapping_section(mapping: Mapping) -> MappingSection:
    """Draw and tabulate a mapping."""
    name = mapping.molecule.name
    history, errors = mapping.history, reconstruction_figure(mapping)
    return MappingSection(
        mapping=mapping,
        molecule=drawn(molecule_figure(mapping), f"atoms of {name}, coloured by bead"),
        assignment=drawn(figures.assignment_figure(mapping), f"assignment of {name} over time"),
        loss=drawn(figures.loss_figure(mapping, history), f"loss of {name}") if history else None,
        beads=tables.bead_rows(mapping),
        trust=tables.trust_rows(mapping.certificate) if mapping.certificate else [],
        reconstruction=drawn(errors, f"errors of the atoms of {name}") if errors else None,
        errors=bead_error_rows(mapping),
    )


def _potential_section(potential: Potential) -> PotentialSection:
    """Draw and tabulate a potential."""
    terms = [
        TermSection(
            term=term,
            figure=drawn(figures.term_figure(term), f"potential of {term.name}"),
            parameters=tables.parameter_rows(term),
        )
        for term in potential.terms
    ]
    return PotentialSection(potential, tables.channel_rows(potential.channels), terms)


def _simulation_section(artifact: Artifact) -> SimulationSection | None:
    """Tabulate a run."""
    simulation: Simulation | None = artifact.simulation
    if simulation is None:
        return None
    rows = liquid_tables.run_rows(simulation, artifact.mappings)
    return SimulationSection(
        run=rows + tables.simulation_rows(simulation),
        convergence=tables.convergence_rows(simulation),
        outside=[
            tables.Row(name, f"{share:.3%}")
            for name, share in zip(term_names(artifact), simulation.outside.tolist(), strict=True)
        ],
    )


def _quantities(artifact: Artifact) -> list[tables.Row]:
    """Tabulate what is told beside the scores."""
    comparison = artifact.comparison
    return liquid_tables.quantity_rows(comparison.quantities) if comparison else []


def _distribution_sections(artifact: Artifact) -> list[DistributionSection]:
    """Draw, judge and tabulate every distribution of a comparison."""
    if artifact.comparison is None:
        return []
    return [
        DistributionSection(
            distribution=distribution,
            verdict=verdict,
            figure=drawn(
                figures.distribution_figure(distribution), f"distribution of {distribution.name}"
            ),
            scores=tables.score_rows(distribution.scores),
        )
        for distribution, verdict in zip(
            artifact.comparison.distributions, verdicts(artifact.comparison), strict=True
        )
    ]


def _entries(text: str) -> list[tables.Row]:
    """List what a JSON object in the provenance holds; other text is one entry."""
    try:
        entries = json.loads(text)
    except ValueError:
        return [tables.Row("", text)]
    if not isinstance(entries, dict):
        return [tables.Row("", text)]
    return [tables.Row(str(name), str(value)) for name, value in entries.items()]
