"""The beads of mapped molecules as a system."""

from collections.abc import Sequence

from autograin_cli.mapping.mapping import Mapping
from autograin_cli.system import Component, System


def system_of(mappings: Sequence[Mapping]) -> System:
    """Give the system that a frame of mapped molecules is.

    The types of beads keep their names where there is one type of molecule; else the name of the
    molecule stands before them, as in 'ethane:A'.

    Args:
        mappings: of the types of molecules, with the copies that a frame has of each.
    """
    return System(
        tuple(
            Component(
                name=mapping.molecule.name,
                bead_types=tuple(
                    kind if len(mappings) == 1 else f"{mapping.molecule.name}:{kind}"
                    for kind in mapping.bead_types
                ),
                bonds=mapping.bead_bonds,
                masses=mapping.bead_masses,
                n_copies=mapping.molecule.n_copies,
            )
            for mapping in mappings
        )
    )
