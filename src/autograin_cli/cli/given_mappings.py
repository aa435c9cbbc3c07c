"""The mapping that fit-potential starts from: an artifact, or made by hand."""

from dataclasses import replace
from pathlib import Path

from autograin_cli.cli.atoms import applied
from autograin_cli.files.artifacts import Artifact, load
from autograin_cli.files.atomistic import Reading
from autograin_cli.files.hand_made import is_hand_made, read_hand_made
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.bead_types import given_types


def artifact_of(path: Path) -> Artifact | None:
    """Read the artifact of a mapping; None where the mapping was made by hand."""
    return None if is_hand_made(path) else load(path, ("mapping", "potential"))


def mappings_for(
    path: Path, before: Artifact | None, read: Reading, types: str | None
) -> tuple[Mapping, ...]:
    """Give the mappings for the molecules of a trajectory, with the types that the user chose.

    Args:
        path: of the mapping.
        before: what `artifact_of` gave.
        read: the trajectory and its molecules.
        types: of the beads, as the user gave them; None for those from symmetry.
    """
    mappings = read_hand_made(path, read) if before is None else applied(before.mappings, read)
    molecules = [(one.molecule.name, one.bead_names, one.bead_types) for one in mappings]
    chosen = given_types(types or "", molecules)
    return tuple(
        replace(one, bead_types=kinds) for one, kinds in zip(mappings, chosen, strict=True)
    )
