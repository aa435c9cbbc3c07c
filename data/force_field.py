"""OPLS-AA for one molecule, free of any engine: which terms it has, with which parameters.

Terms hold the parameters as `oplsaa.json` gives them, in nm, kJ/mol and degrees; an
engine converts them to its own units.
"""

import json
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from molecules import MOLECULES, Array, Atoms, Topology, topology

FORCE_FIELD = Path(__file__).with_name("oplsaa.json")
RING_IMPROPER = (2, np.pi, 4.6024)  # n, phase, kJ/mol: as the force field's source says

Term = tuple[Atoms, tuple[float, ...]]  # atoms, parameters


@dataclass(frozen=True)
class Terms:
    """The bonded energy.

    bonds: r0 in nm, k in kJ/(mol nm²); E = k/2 (r - r0)².
    angles: theta0 in degrees, k in kJ/(mol rad²); E = k/2 (theta - theta0)².
    dihedrals: Ryckaert-Bellemans C0 to C5 in kJ/mol.
    impropers: n, phase in radians, k in kJ/mol; E = k (1 + cos(n phi - phase)).
    """

    bonds: tuple[Term, ...]
    angles: tuple[Term, ...]
    dihedrals: tuple[Term, ...]
    impropers: tuple[Term, ...]


@dataclass(frozen=True)
class Molecule:
    """A molecule with its force field.

    names, kinds, classes: one per atom; the first letter of a name is the element, a kind
        is a type of the force field, a class what its bonded terms go by.
    charges: e, shape (atoms,). masses: u, shape (atoms,).
    sigmas: nm, shape (atoms,). epsilons: kJ/mol, shape (atoms,).
    positions: the ideal geometry, Å, shape (atoms, 3).
    """

    residue: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    classes: tuple[str, ...]
    charges: Array
    masses: Array
    sigmas: Array
    epsilons: Array
    positions: Array
    topology: Topology
    terms: Terms


def build(name: str) -> Molecule:
    """A molecule of MOLECULES with the parameters of the force field."""
    residue, make_sites = MOLECULES[name]
    sites = make_sites()
    field = json.loads(FORCE_FIELD.read_text())
    entries = [field["types"][kind] for _, kind, _ in sites]
    classes = tuple(entry["class"] for entry in entries)
    shape = topology(sites)
    return Molecule(
        residue=residue,
        names=tuple(name for name, _, _ in sites),
        kinds=tuple(kind for _, kind, _ in sites),
        classes=classes,
        charges=np.array([entry["q"] for entry in entries]),
        masses=np.array([entry["mass"] for entry in entries]),
        sigmas=np.array([entry["sigma"] for entry in entries]),
        epsilons=np.array([entry["epsilon"] for entry in entries]),
        positions=np.array([position for _, _, position in sites]),
        topology=shape,
        terms=bonded_terms(field, shape, classes),
    )


def look_up(table: dict[str, list[float]], classes: list[str]) -> tuple[float, ...]:
    """The entry for these atom classes in either direction, X standing for any end."""
    any_ends = ["X", *classes[1:-1], "X"]
    for wanted in (classes, classes[::-1], any_ends, any_ends[::-1]):
        if "-".join(wanted) in table:
            return tuple(table["-".join(wanted)])
    raise KeyError(f"no parameters for {'-'.join(classes)}")


def ring_class(name: str) -> str:
    """The class of an atom in terms inside a ring."""
    return "CA" if name == "C!" else name


def bonded_terms(
    field: dict[str, dict[str, list[float]]], shape: Topology, classes: tuple[str, ...]
) -> Terms:
    """Bonds, angles, Ryckaert-Bellemans torsions and the impropers of ring carbons.

    The class C! holds only in the bond between two rings and the torsions about it.
    Elsewhere it is the aromatic CA: the bond between the two substituted carbons of
    ortho-terphenyl is inside a ring, and not a biaryl bond.
    """

    def term(table: str, atoms: Atoms, axis: Atoms = ()) -> Term:
        joint = () if tuple(sorted(axis)) in shape.ring_bonds else axis
        kinds = [classes[a] if a in joint else ring_class(classes[a]) for a in atoms]
        return atoms, look_up(field[table], kinds)

    return Terms(
        bonds=tuple(term("bonds", atoms, atoms) for atoms in shape.bonds),
        angles=tuple(term("angles", atoms) for atoms in shape.angles),
        dihedrals=tuple(term("dihedrals", atoms, atoms[1:3]) for atoms in shape.dihedrals),
        impropers=tuple((atoms, RING_IMPROPER) for atoms in shape.impropers),
    )


def pair_scale(shape: Topology, i: int, j: int) -> float:
    """Share of the Lennard-Jones and Coulomb energy of two atoms of a molecule that counts.

    Pairs 1-2 and 1-3 do not interact, pairs 1-4 by half.
    """
    pair = {i, j}
    if any(pair == set(bond) for bond in shape.bonds):
        return 0.0
    if any(pair == {a, c} for a, _, c in shape.angles):
        return 0.0
    return 0.5 if any(pair == {a, d} for a, _, _, d in shape.dihedrals) else 1.0


def mixed(a: float, b: float) -> float:
    """The geometric mean, which OPLS takes of sigma as of epsilon."""
    return float(np.sqrt(a * b))


def intramolecular_pairs(molecule: Molecule) -> list[tuple[int, int, float]]:
    """Every pair of atoms of the molecule with its `pair_scale`."""
    pairs = combinations(range(len(molecule.names)), 2)
    return [(i, j, pair_scale(molecule.topology, i, j)) for i, j in pairs]
