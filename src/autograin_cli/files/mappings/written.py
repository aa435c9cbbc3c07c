"""Beads as a file names them, atom by atom of a frame -> the beads of each type of molecule."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from autograin_cli.errors import InputError
from autograin_cli.files.visible import visible
from autograin_cli.mapping.given import GivenBeads
from autograin_cli.mapping.topology import bead_names
from autograin_cli.molecules import Molecule

_FOREIGN = re.compile(r"[^A-Za-z0-9_.+*']")
_LONGEST_NAME = 64
_SHOWN = 40  # characters of what a file says, in a message
_LARGEST = 10**20  # of the numbers that a message repeats


@dataclass(frozen=True)
class WrittenBead:
    """A bead of a frame.

    kind: type of the bead.
    atoms: indices in the frame.
    weights: one for each atom; None where the file has none.
    origin: index of the first atom as the file counts: what messages count from.
    """

    kind: str
    atoms: tuple[int, ...]
    weights: tuple[float, ...] | None
    origin: int = 0


@dataclass(frozen=True)
class _Part:
    """A bead of one copy of a molecule; atoms are those of the copy."""

    kind: str
    atoms: tuple[int, ...]
    weights: tuple[float, ...] | None


def clear_name(given: str) -> str:
    """Replace what is not a letter, a digit or one of _ . + * ' in a name by underscores.

    Raises:
        InputError: nothing is left, or the name is too long.
    """
    name = _FOREIGN.sub("_", given.strip())
    if not name.strip("_") or len(name) > _LONGEST_NAME:
        raise InputError(
            given=f"the name '{shown(given)}' of a bead",
            expected=f"1 to {_LONGEST_NAME} letters and digits",
            remedy="give the bead another name",
        )
    return name


def shown(given: object) -> str:
    """Give the beginning of what a file says, safe to see."""
    plain = isinstance(given, str | float) or (isinstance(given, int) and abs(given) < _LARGEST)
    text = str(given) if plain else f"a {type(given).__name__}"
    return visible(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def beads_of_molecules(
    beads: Sequence[WrittenBead], molecules: Sequence[Molecule]
) -> tuple[tuple[Molecule, GivenBeads], ...]:
    """Find which beads of a frame belong to which type of molecule.

    Either all copies of a type have beads, and the same ones, or one copy stands for all. Types
    of molecules without beads are left out.

    Args:
        beads: of a frame.
        molecules: types of molecules, with their copies.

    Raises:
        InputError: an index is beyond the frame, a bead reaches over two molecules, an atom is in
            two beads, or copies differ.
    """
    place = {
        atom: (number, copy, local)
        for number, molecule in enumerate(molecules)
        for copy, row in enumerate(molecule.copies.tolist())
        for local, atom in enumerate(row)
    }
    parts: dict[int, dict[int, list[_Part]]] = defaultdict(lambda: defaultdict(list))
    for bead in beads:
        number, copy, part = _placed(bead, place)
        parts[number][copy].append(part)
    if not parts:
        raise InputError(
            given="no bead in the file", expected="at least one", remedy="name the atoms of a bead"
        )
    return tuple(
        (molecules[number], _one_copy(molecules[number], parts[number])) for number in sorted(parts)
    )


def _placed(bead: WrittenBead, place: dict[int, tuple[int, int, int]]) -> tuple[int, int, _Part]:
    """Type and copy of the molecule of a bead, and its atoms there."""
    written = [atom + bead.origin for atom in bead.atoms if atom not in place]
    if written or not bead.atoms:
        raise InputError(
            given=f"bead {bead.kind} "
            + (f"with the atom of index {shown(written[0])}" if written else "without atoms"),
            expected="atoms of the trajectory read, indices "
            f"{bead.origin} to {len(place) - 1 + bead.origin} counted from {bead.origin}",
            remedy="count the atoms of the trajectory after --select, if that is given",
        )
    where = [place[atom] for atom in bead.atoms]
    if len({(number, copy) for number, copy, _ in where}) > 1:
        numbers = [atom + bead.origin for atom in bead.atoms]
        raise InputError(
            given=f"bead {bead.kind} with atoms {_few(numbers)}, "
            f"counted from {bead.origin}, which are of different molecules",
            expected="the atoms of a bead in one molecule, joined by bonds",
            remedy="look for an index that is off by one; give a --topology if bonds were inferred",
        )
    number, copy, _ = where[0]
    order = sorted(range(len(where)), key=lambda k: where[k][2])
    weights = None if bead.weights is None else tuple(bead.weights[k] for k in order)
    return number, copy, _Part(bead.kind, tuple(where[k][2] for k in order), weights)


def _one_copy(molecule: Molecule, copies: dict[int, list[_Part]]) -> GivenBeads:
    """Beads of a type of molecule, from those of its copies."""
    first = min(copies)
    if len(copies) not in (1, molecule.n_copies):
        raise InputError(
            given=f"beads in {len(copies)} of {molecule.n_copies} molecules {molecule.name}",
            expected="beads in all of them, or in one that stands for all",
            remedy="give the beads of one molecule alone",
        )
    expected = sorted(copies[first], key=_key)
    for copy, parts in copies.items():
        if sorted(parts, key=_key) != expected:
            raise InputError(
                given=f"other beads in molecule {copy + 1} of the {molecule.n_copies} "
                f"{molecule.name} than in molecule {first + 1}",
                expected="the same atoms, weights and names of beads in all copies of a molecule",
                remedy="give the beads of one molecule alone: it stands for all",
            )
    kinds = tuple(part.kind for part in copies[first])
    assigned = assigned_atoms(
        molecule, bead_names(kinds), [(p.atoms, p.weights) for p in copies[first]]
    )
    return GivenBeads(bead_names(kinds), kinds, *assigned, None)


def _key(part: _Part) -> tuple[tuple[int, ...], str]:
    return part.atoms, part.kind


def assigned_atoms(
    molecule: Molecule,
    names: Sequence[str],
    beads: Sequence[tuple[tuple[int, ...], tuple[float, ...] | None]],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Bead and weight of each atom of a molecule.

    Args:
        molecule: its masses are the weights of beads without any; ones where these are unknown.
        names: of the beads.
        beads: atoms of the molecule, and their weights.

    Returns:
        Assignment, (atoms,), int64, and weights, (atoms,).

    Raises:
        InputError: an atom is in two beads or twice in one, a name is there twice.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            given=f"two beads called {twice[0]}",
            expected="a name of its own for every bead of a molecule",
            remedy="rename one of them",
        )
    assignment = torch.full((molecule.n_atoms,), -1)
    weights = torch.ones(molecule.n_atoms, dtype=torch.float64)
    for number, (atoms, given) in enumerate(beads):
        for atom in atoms:
            if assignment[atom] >= 0:
                raise _in_two(molecule, atom, names[int(assignment[atom])], names[number])
            assignment[atom] = number
        if given is not None:
            weights[list(atoms)] = torch.tensor(given, dtype=torch.float64)
        elif molecule.masses is not None:
            weights[list(atoms)] = molecule.masses[list(atoms)]
    return assignment, weights


def _in_two(molecule: Molecule, atom: int, first: str, second: str) -> InputError:
    return InputError(
        given=f"atom {atom} ({visible(molecule.atom_names[atom])}) of {molecule.name}, counted "
        f"from 0, in bead {first} and in bead {second}",
        expected="every atom in one bead at most, once",
        remedy="leave it in one of them; atoms may also stay unmapped",
    )


def _few(atoms: Sequence[int]) -> str:
    listed = ", ".join(map(str, atoms[:8]))
    return listed if len(atoms) <= 8 else f"{listed}, ..."
