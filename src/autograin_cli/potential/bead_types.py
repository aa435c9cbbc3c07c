"""Types of beads that a user gives in place of those from symmetry."""

import re
from collections.abc import Sequence

from autograin_cli.errors import SettingError

_TYPE = re.compile(r"[A-Za-z0-9_+*.']+")  # a name of a term joins types with '-'


def given_types(
    text: str, molecules: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]]
) -> tuple[tuple[str, ...], ...]:
    """Read types of beads, as CH3,CH2,CH3 or, by molecule, propane=CH3,CH2,CH3 water=W.

    Args:
        text: what the user gave.
        molecules: of each type of molecule its name, the names of its beads, and their types from
            symmetry, which it keeps where the text does not name it.

    Returns:
        Types of the beads of each molecule.

    Raises:
        SettingError: an unknown molecule, not a type for each bead, or a type that is no name.
    """
    beads = {name: names for name, names, _ in molecules}
    found = {name: types for name, _, types in molecules}
    for word in text.split():
        molecule, equals, listed = word.rpartition("=")
        if not equals and len(molecules) > 1:
            raise _wrong(f"types {word!r} without a molecule", beads)
        name = molecule if equals else molecules[0][0]
        if name not in beads:
            raise _wrong(f"types of {name!r}, which is not in the trajectory", beads)
        types = tuple(listed.split(","))
        if len(types) != len(beads[name]):
            raise _wrong(f"{len(types)} types for the {len(beads[name])} beads of {name}", beads)
        for kind in types:
            if not _TYPE.fullmatch(kind):
                raise _wrong(f"{kind!r} as the type of a bead", beads)
        found[name] = types
    return tuple(found[name] for name, _, _ in molecules)


def _wrong(given: str, beads: dict[str, tuple[str, ...]]) -> SettingError:
    listed = "; ".join(f"{name}: {', '.join(names)}" for name, names in beads.items())
    example = " ".join(f"{name}={','.join('A' for _ in names)}" for name, names in beads.items())
    return SettingError(
        given=given,
        expected=f"a type of letters and digits for each bead, in their order ({listed})",
        remedy=f"give --types '{example}' with types of your own",
    )
