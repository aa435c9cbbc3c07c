"""Which atoms are bonded, which make one molecule, and which molecules are of one type."""

import re
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor


@dataclass(frozen=True)
class Molecule:
    """One type of molecule, and where its copies stand in a frame.

    name: of the type, as in the topology; a letter or underscore first, then letters, digits,
        _ . + -.
    atom_names: one for each atom.
    elements: one for each atom; '' where unknown.
    masses: u, (atoms,); None where unknown.
    bonds: pairs of atoms of the molecule, (bonds, 2), int64, the smaller index first.
    copies: index in the frame of each atom of each copy, (copies, atoms), int64.
    """

    name: str
    atom_names: tuple[str, ...]
    elements: tuple[str, ...]
    masses: Tensor | None
    bonds: Tensor
    copies: Tensor

    @property
    def n_atoms(self) -> int:
        """Atoms of one copy."""
        return len(self.atom_names)

    @property
    def n_copies(self) -> int:
        """Copies in a frame."""
        return self.copies.shape[0]


@dataclass(frozen=True)
class BondTree:
    """A walk along bonds that visits every atom of every molecule, each after its parent.

    order: of the visits, (atoms,), int64.
    parents: atom that each atom is reached from, (atoms,), int64; -1 for the first of a molecule.
    """

    order: Tensor
    parents: Tensor


def molecule_types(
    names: Sequence[str] | None,
    elements: Sequence[str],
    masses: Tensor | None,
    bonds: Tensor,
    labels: Sequence[str],
) -> tuple[Molecule, ...]:
    """Part a frame into molecules along its bonds, and find which are of one type.

    Molecules are of one type if names, elements, masses, labels and bonds of their atoms agree,
    in order. Types stand in the order of their first atoms.

    Args:
        names: of the atoms; None where unknown: they become X1, H2 and so on, by molecule.
        elements: of the atoms; '' where unknown.
        masses: u, (atoms,); None where unknown.
        bonds: pairs of atoms, (bonds, 2), int64, the smaller index first.
        labels: what the molecule of each atom is called; '' where unknown.
    """
    groups: dict[tuple[Any, ...], list[list[int]]] = defaultdict(list)
    all_masses = [] if masses is None else masses.tolist()
    for atoms, inner in _connected(len(elements), bonds):
        kinds = [(elements[a], labels[a], names[a] if names else "") for a in atoms]
        weights = tuple(all_masses[a] for a in atoms) if all_masses else ()
        groups[(tuple(kinds), weights, tuple(map(tuple, inner)))].append(atoms)
    titles = _titles([_title({labels[a] for a in copies[0]}) for copies in groups.values()])
    return tuple(
        Molecule(
            name=title,
            atom_names=_atom_names(names, elements, copies[0]),
            elements=tuple(elements[a] for a in copies[0]),
            masses=None if masses is None else masses[copies[0]],
            bonds=torch.tensor(key[2], dtype=torch.int64).reshape(-1, 2),
            copies=torch.tensor(copies, dtype=torch.int64),
        )
        for title, (key, copies) in zip(titles, groups.items(), strict=True)
    )


def _connected(n_atoms: int, bonds: Tensor) -> list[tuple[list[int], list[list[int]]]]:
    """Atoms of each molecule, increasing, and its bonds in its own numbers, sorted."""
    first, second = bonds.int().numpy().T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n_atoms, n_atoms))
    count, molecule = connected_components(graph, directed=False)
    atoms: list[list[int]] = [[] for _ in range(count)]
    place = np.empty(n_atoms, dtype=np.int64)
    for atom, m in enumerate(molecule.tolist()):
        place[atom] = len(atoms[m])
        atoms[m].append(atom)
    inner: list[list[list[int]]] = [[] for _ in range(count)]
    for m, bond in zip(molecule[first].tolist(), place[bonds.numpy()].tolist(), strict=True):
        inner[m].append(bond)
    return [(members, sorted(within)) for members, within in zip(atoms, inner, strict=True)]


def _atom_names(
    names: Sequence[str] | None, elements: Sequence[str], atoms: list[int]
) -> tuple[str, ...]:
    if names:
        return tuple(names[a] for a in atoms)
    return tuple(f"{elements[a] or 'X'}{number}" for number, a in enumerate(atoms, 1))


def _title(labels: set[str]) -> str:
    """Name of a molecule that is allowed everywhere; '' where its atoms have none in common."""
    title = re.sub(r"[^A-Za-z0-9_.+-]", "_", labels.pop()) if len(labels) == 1 else ""
    return title if not title or re.match(r"[A-Za-z_]", title) else f"_{title}"


def _titles(titles: list[str]) -> list[str]:
    """Distinct names of molecules; where there is none, 'molecule', or 'mol1', 'mol2', ..."""
    distinct: list[str] = []
    for number, title in enumerate(titles, 1):
        name = title or ("molecule" if len(titles) == 1 else f"mol{number}")
        names = [name, *(f"{name}_{k}" for k in range(2, len(titles) + 1))]
        distinct.append(next(name for name in names if name not in distinct))
    return distinct


def bond_tree(molecules: Sequence[Molecule]) -> BondTree:
    """Walk along the bonds of all copies of molecules, breadth first.

    Args:
        molecules: whose copies hold every atom of a frame once.
    """
    orders, parents = [], torch.full((sum(m.copies.numel() for m in molecules),), -1)
    for molecule in molecules:
        order, before = _walk(molecule)
        orders.append(molecule.copies[:, order].flatten())
        reached = order[1:]
        parents[molecule.copies[:, reached]] = molecule.copies[:, before[reached]]
    return BondTree(order=torch.cat(orders), parents=parents)


def _walk(molecule: Molecule) -> tuple[Tensor, Tensor]:
    """Order in which atoms are visited from the first one, and the parent of each, (atoms,)."""
    near: list[list[int]] = [[] for _ in range(molecule.n_atoms)]
    for first, second in molecule.bonds.tolist():
        near[first].append(second)
        near[second].append(first)
    order, parents, waiting = [0], [-1] * molecule.n_atoms, deque([0])
    while waiting:
        atom = waiting.popleft()
        found = [other for other in near[atom] if other != 0 and parents[other] < 0]
        for other in found:
            parents[other] = atom
        order.extend(found)
        waiting.extend(found)
    return torch.tensor(order), torch.tensor(parents)
