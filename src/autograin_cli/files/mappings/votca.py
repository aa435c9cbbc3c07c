"""Mappings of VOTCA, XML: the beads of one type of molecule by the names of its atoms."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.files.mappings.written import assigned_atoms, clear_name, shown
from autograin_cli.mapping.given import GivenBeads
from autograin_cli.molecules import Molecule

_ROOT = "cg_molecule"
_CHILDREN = {
    _ROOT: ("name", "ident", "topology", "maps"),
    "topology": ("cg_beads", "cg_bonded"),
    "cg_beads": ("cg_bead",),
    "cg_bead": ("name", "type", "symmetry", "mapping", "beads"),
    "cg_bonded": ("bond", "angle", "dihedral"),
    "bond": ("name", "beads"),
    "angle": ("name", "beads"),
    "dihedral": ("name", "beads"),
    "maps": ("map",),
    "map": ("name", "weights", "d"),
}
_MANY = {"cg_bead", "bond", "angle", "dihedral", "map"}
_MEMBERS = {"bond": 2, "angle": 3, "dihedral": 4}
_REMEDY = "correct the file: docs/engines.md shows what a mapping may hold"


@dataclass(frozen=True)
class _Bead:
    """A bead: its name and type, the map of its weights, and the names of its atoms."""

    name: str
    kind: str
    mapping: str
    atoms: tuple[str, ...]


def read_votca(text: str, molecules: Sequence[Molecule]) -> tuple[Molecule, GivenBeads]:
    """Read the beads of one type of molecule.

    Args:
        text: of the file.
        molecules: types of molecules of the trajectory: the only one, or the one whose name the
            file calls ident.

    Raises:
        InputError: it is not XML, or has a document type; a key is not known or is missing; a
            name is not that of an atom, a bead or a map; weights are wrong.
    """
    root = _parsed(text)
    molecule = _molecule(_text(root, "ident"), molecules)
    topology = _child(root, "topology")
    beads = [_bead(element) for element in _child(topology, "cg_beads")]
    maps = _maps(_child(root, "maps"))
    places = _places(molecule)
    atoms = [tuple(_atom(name, places, molecule) for name in bead.atoms) for bead in beads]
    names = tuple(bead.name for bead in beads)
    if not beads:
        raise _wrong("cg_beads", "nothing", "at least one cg_bead")
    weights = [_weights(bead, maps) for bead in beads]
    assigned = assigned_atoms(molecule, names, list(zip(atoms, weights, strict=True)))
    bonds = _bonds(topology.find("cg_bonded"), names)
    return molecule, GivenBeads(names, tuple(bead.kind for bead in beads), *assigned, bonds)


def _parsed(text: str) -> Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(
            given="an XML file with a document type or entities",
            expected="plain elements: entities may stand for files of this computer",
            remedy="remove the lines that begin with <!DOCTYPE and <!ENTITY",
        )
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  entities are refused above
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(
            given=f"text that is not XML: {shown(str(error))}",
            expected="a mapping of VOTCA",
            remedy=_REMEDY,
        ) from error
    if root.tag != _ROOT:
        raise _wrong("the outermost element", root.tag, _ROOT)
    _check_keys(root)
    return root


def _check_keys(element: Element) -> None:
    """Refuse keys that are not known, at most as deep as those that are."""
    known = _CHILDREN.get(element.tag, ())
    if element.attrib:
        raise _wrong(f"an attribute of {element.tag}", next(iter(element.attrib)), "none")
    count = Counter(child.tag for child in element)
    for child in element:
        if child.tag not in known:
            raise InputError(
                given=f"the key '{shown(child.tag)}' in {element.tag}",
                expected="one of " + ", ".join(known) if known else "text alone",
                remedy="correct the key, or remove it: it would have no effect",
            )
        if count[child.tag] > 1 and child.tag not in _MANY:
            raise _wrong(element.tag, f"{count[child.tag]} times {child.tag}", "it once")
        _check_keys(child)


def _child(element: Element, tag: str) -> Element:
    found = element.find(tag)
    if found is None:
        raise InputError(
            given=f"{element.tag} without '{tag}'",
            expected=", ".join(_CHILDREN[element.tag]),
            remedy=_REMEDY,
        )
    return found


def _text(element: Element, tag: str) -> str:
    return (_child(element, tag).text or "").strip()


def _molecule(ident: str, molecules: Sequence[Molecule]) -> Molecule:
    if len(molecules) == 1:
        return molecules[0]
    for molecule in molecules:
        if molecule.name == ident:
            return molecule
    names = ", ".join(molecule.name for molecule in molecules)
    raise _wrong("ident", ident, f"the name of a type of molecule: {names}")


def _bead(element: Element) -> _Bead:
    name = _text(element, "name")
    symmetry = element.find("symmetry")
    if symmetry is not None and (symmetry.text or "").strip() != "1":
        raise _wrong(f"symmetry of bead {shown(name)}", symmetry.text or "", "1: spherical beads")
    return _Bead(
        clear_name(name),
        clear_name(_text(element, "type")),
        _text(element, "mapping"),
        tuple(_text(element, "beads").split()),
    )


def _maps(element: Element) -> dict[str, tuple[float, ...]]:
    maps: dict[str, tuple[float, ...]] = {}
    for given in element:
        name = _text(given, "name")
        if name in maps:
            raise _wrong("maps", f"{shown(name)} twice", "distinct names of maps")
        maps[name] = _numbers(_text(given, "weights"), f"weights of map {shown(name)}")
        if given.find("d") is not None:
            _check_forces(name, _numbers(_text(given, "d"), f"d of map {shown(name)}"), maps[name])
    return maps


def _numbers(text: str, where: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(word) for word in text.split())
    except ValueError:
        raise _wrong(where, text, "numbers of 0 or more") from None
    if not all(isfinite(number) and 0 <= number < 1e30 for number in numbers):
        raise _wrong(where, text, "numbers of 0 or more")
    return numbers


def _check_forces(name: str, forces: Sequence[float], weights: Sequence[float]) -> None:
    """Check the weights of forces: as many, and none of an atom without a weight."""
    without = [f for f, w in zip(forces, weights, strict=False) if f and not w]
    if len(forces) != len(weights) or without or not sum(forces):
        raise _wrong(
            f"d of map {shown(name)}",
            f"{len(forces)} numbers",
            "as many as weights, 0 where these are",
        )


def _weights(bead: _Bead, maps: dict[str, tuple[float, ...]]) -> tuple[float, ...]:
    if bead.mapping not in maps:
        raise _wrong(f"mapping of bead {bead.name}", bead.mapping, "the name of a map")
    weights = maps[bead.mapping]
    if len(weights) != len(bead.atoms):
        raise _wrong(
            f"weights of bead {bead.name}",
            f"{len(weights)} numbers",
            f"{len(bead.atoms)}, one for each of its atoms",
        )
    return weights


def _places(molecule: Molecule) -> dict[str, int]:
    """Where the atom of each name stands in the molecule."""
    twice = [name for name, count in Counter(molecule.atom_names).items() if count > 1]
    if twice:
        raise InputError(
            given=f"{molecule.name} with more than one atom called {shown(twice[0])}",
            expected="atoms of distinct names, as VOTCA tells them apart by resid:resname:name",
            remedy="give the mapping as .yaml of OpenMSCG or as .ndx, by indices",
        )
    return {name: atom for atom, name in enumerate(molecule.atom_names)}


def _atom(given: str, places: dict[str, int], molecule: Molecule) -> int:
    parts = given.split(":")
    if len(parts) != 3 or parts[2] not in places:
        few = ", ".join(molecule.atom_names[:8])
        raise _wrong(
            "an atom of a bead",
            given,
            f"resid:resname:name with the name of an atom of {molecule.name}: {few}"
            + (", ..." if molecule.n_atoms > 8 else ""),
        )
    return places[parts[2]]


def _bonds(bonded: Element | None, names: Sequence[str]) -> Tensor | None:
    """Pairs of bonded beads; None where the file names none. Angles must follow from them."""
    found: dict[str, list[list[int]]] = {tag: [] for tag in _MEMBERS}
    for element in bonded if bonded is not None else ():
        found[element.tag] += _instances(element, names)
    bonds = {tuple(sorted(pair)) for pair in found["bond"]}
    for path in (*found["angle"], *found["dihedral"]):
        if any(tuple(sorted(pair)) not in bonds for pair in pairwise(path)):
            raise _wrong(
                "cg_bonded",
                " ".join(names[bead] for bead in path),
                "angles and dihedrals along bonds, which give all of them",
            )
    return torch.tensor(sorted(bonds)) if bonds else None


def _instances(element: Element, names: Sequence[str]) -> list[list[int]]:
    words = _text(element, "beads").split()
    size = _MEMBERS[element.tag]
    for word in words:
        if clear_name(word) not in names:
            raise _wrong(
                f"beads of a {element.tag}", word, "names of beads: " + ", ".join(names[:8])
            )
    beads = [names.index(clear_name(word)) for word in words]
    instances = [beads[k : k + size] for k in range(0, len(beads), size)]
    if any(len(set(instance)) != size for instance in instances):
        raise _wrong(
            f"beads of a {element.tag}", " ".join(words), f"groups of {size} distinct beads"
        )
    return instances


def _wrong(where: str, given: str, expected: str) -> InputError:
    return InputError(given=f"{where}: {shown(given)}", expected=expected, remedy=_REMEDY)
