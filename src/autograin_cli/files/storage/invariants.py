"""What must hold inside the records of an artifact, beyond shapes, for later stages to trust it."""

import torch
from torch import Tensor

from autograin_cli.checking.finding import OUTCOMES
from autograin_cli.files.storage.artifact import Artifact, term_names
from autograin_cli.files.storage.checks import check_choice, require
from autograin_cli.files.storage.mapping_laws import check_mappings
from autograin_cli.files.storage.neural_laws import check_neural
from autograin_cli.files.storage.potential_laws import (
    check_configuration,
    check_nonbonded,
    check_potentials,
)
from autograin_cli.files.storage.run_laws import check_comparison, check_simulation
from autograin_cli.files.storage.schema import KIND_COMMANDS
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.simulation.simulation import Simulation


def check_artifact(artifact: Artifact) -> None:
    """Check all records of an artifact, and that those of its stage are there.

    Raises:
        InputError: it names the record, what is wrong and what was expected.
    """
    _check_stage(artifact)
    check_mappings(artifact.mappings)
    check_potentials(artifact.potentials, artifact.mappings)
    if artifact.nonbonded is not None:
        check_nonbonded(artifact.nonbonded, artifact.mappings)
    if artifact.neural is not None:
        check_neural(artifact.neural, artifact.mappings)
    if artifact.configuration is not None:
        check_configuration(artifact.configuration, artifact.mappings)
    if artifact.simulation is not None:
        n_terms = len(term_names(artifact))
        check_simulation(artifact.simulation, artifact.mappings, n_terms)
    if artifact.comparison is not None:
        check_comparison(artifact.comparison)
    for finding in artifact.checks or ():
        check_choice(f"check {finding.name}: outcome", finding.outcome, OUTCOMES)


def _check_stage(artifact: Artifact) -> None:
    kind = artifact.kind
    check_choice("kind", kind, tuple(KIND_COMMANDS))
    has = {
        "mapping": bool(artifact.mappings),
        "potential": bool(artifact.potentials),
        "simulation": artifact.simulation is not None,
        "comparison": artifact.comparison is not None,
    }
    needed = ["mapping"] if kind == "mapping" else ["mapping", "potential", kind]
    for record in needed:
        require(has[record], f"a {kind} artifact without a {record}", f"the {record}")


def check_frames(
    simulation: Simulation,
    mappings: tuple[Mapping, ...],
    shape: tuple[int, ...],
    box: Tensor | None,
) -> None:
    """Check that the frames of a simulation are those that its record names.

    Args:
        simulation: the record.
        mappings: of the types of molecules.
        shape: frames and particles.
        box: of the frames, Å, (3, 3); None where they have none.

    Raises:
        InputError: the numbers differ.
    """
    n_beads = system_of(mappings).with_copies(simulation.copies.tolist()).n_beads
    expected = (simulation.n_frames, simulation.replicas * n_beads)
    require(shape == expected, f"{shape} frames and beads", f"{expected}, as the simulation says")
    if box is None or simulation.box is None:
        same = box is simulation.box
    else:
        same = torch.equal(box, simulation.box.to(box))
    require(same, "frames in another box than that of the simulation", "the same box in both")
