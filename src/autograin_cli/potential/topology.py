"""Which beads make bonds, angles and dihedrals, and which of these are of one kind."""

from dataclasses import dataclass

import torch
from torch import Tensor

_COORDINATES = {2: "bond", 3: "angle", 4: "dihedral"}


@dataclass(frozen=True)
class TermMembers:
    """All bonds, angles or dihedrals of one kind in a molecule.

    name: such as 'bond A-B': the coordinate and the types along the path, in canonical order.
    coordinate: 'bond', 'angle' or 'dihedral'.
    beads: bead indices along the path of each instance, (instances, 2 | 3 | 4), int64.
    """

    name: str
    coordinate: str
    beads: Tensor


def bonded_terms(bonds: Tensor, bead_types: tuple[str, ...]) -> tuple[TermMembers, ...]:
    """Bonds, angles and dihedrals of a bond graph of beads, those of the same types together.

    Angles and dihedrals are the paths of two and three bonds that meet no bead twice. The angles
    of a ring of three are left out: its bonds determine them, and the forces could not tell which
    of the two is at work.

    Args:
        bonds: bonded pairs of beads, (bonds, 2), int64, in any order.
        bead_types: one for each bead; beads of one type are equivalent.

    Returns:
        Bonds, then angles, then dihedrals, each in the order of their names.
    """
    neighbours = _neighbours(bonds, len(bead_types))
    paths: list[tuple[int, ...]] = [(a, b) for a, near in enumerate(neighbours) for b in near]
    terms: list[TermMembers] = []
    for _ in _COORDINATES:
        free = [path for path in paths if len(path) != 3 or path[2] not in neighbours[path[0]]]
        terms += _grouped(free, bead_types)
        paths = [(*path, c) for path in paths for c in neighbours[path[-1]] if c not in path]
    return tuple(terms)


def _neighbours(bonds: Tensor, n_beads: int) -> list[list[int]]:
    near: list[set[int]] = [set() for _ in range(n_beads)]
    for a, b in bonds.tolist():
        near[a].add(b)
        near[b].add(a)
    return [sorted(beads) for beads in near]


def _grouped(paths: list[tuple[int, ...]], bead_types: tuple[str, ...]) -> list[TermMembers]:
    """Group paths by the types along them; each path enters in one direction only."""
    kinds: dict[tuple[str, ...], list[tuple[int, ...]]] = {}
    for path in paths:
        types = tuple(bead_types[bead] for bead in path)
        if (types, path) < (types[::-1], path[::-1]):
            kinds.setdefault(types, []).append(path)
    return [
        TermMembers(
            name=f"{_COORDINATES[len(types)]} {'-'.join(types)}",
            coordinate=_COORDINATES[len(types)],
            beads=torch.tensor(sorted(kinds[types])),
        )
        for types in sorted(kinds)
    ]
