"""Graphs of atoms and beads: what must stay together, what is equivalent, what is bonded."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograin_cli.molecules import Molecule

# A constraint holds a distance to 1e-4; the rounding of XTC at its usual precision adds 4e-3.
_RIGID_DEVIATION = 7e-3
# Beyond this the refinement of pairs takes longer than all the rest, and is left out.
LARGEST_SYMMETRISED = 1500


@dataclass(frozen=True)
class Units:
    """Atoms that may not be parted, contracted into the vertices of a graph.

    labels: unit of each atom, (atoms,), int64.
    neighbours: units bonded to each unit.
    """

    labels: Tensor
    neighbours: tuple[frozenset[int], ...]

    @property
    def count(self) -> int:
        """Number of units."""
        return len(self.neighbours)


def components(n_vertices: int, edges: Tensor) -> Tensor:
    """Connected components of a graph, numbered by their smallest vertex.

    Args:
        n_vertices: number of vertices.
        edges: pairs of vertices, (edges, 2), int64.

    Returns:
        Component of each vertex, (vertices,), int64.
    """
    root = list(range(n_vertices))

    def find(vertex: int) -> int:
        while root[vertex] != vertex:
            root[vertex] = root[root[vertex]]
            vertex = root[vertex]
        return vertex

    for first, second in edges.tolist():
        low, high = sorted((find(first), find(second)))
        root[high] = low
    return torch.tensor([find(vertex) for vertex in range(n_vertices)]).unique(return_inverse=True)[
        1
    ]


def rigid_groups(structures: Tensor, bonds: Tensor) -> Tensor:
    """Groups of atoms held together by constraints, from the spread of distances.

    Bonds and distances across one angle are looked at: SHAKE, LINCS and SETTLE hold no others.

    Args:
        structures: Å, (structures, atoms, 3).
        bonds: (bonds, 2).

    Returns:
        Group of each atom, (atoms,), int64; -1 for an atom in none.
    """
    n_atoms = structures.shape[1]
    none = torch.full((n_atoms,), -1)
    if structures.shape[0] < 2 or bonds.shape[0] == 0:
        return none
    pairs = torch.cat([bonds, _across_angles(n_atoms, bonds)])
    lengths = (structures[:, pairs[:, 0]] - structures[:, pairs[:, 1]]).norm(dim=-1)
    rigid = pairs[lengths.std(0) < _RIGID_DEVIATION * lengths.mean(0)]
    labels = components(n_atoms, rigid)
    grouped = torch.isin(torch.arange(n_atoms), rigid)
    none[grouped] = labels[grouped].unique(return_inverse=True)[1]
    return none


def _across_angles(n_atoms: int, bonds: Tensor) -> Tensor:
    """Pairs of atoms bonded to the same atom, (pairs, 2)."""
    near: list[list[int]] = [[] for _ in range(n_atoms)]
    for first, second in bonds.tolist():
        near[first].append(second)
        near[second].append(first)
    pairs = {(i, j) for around in near for i in around for j in around if i < j}
    return torch.tensor(sorted(pairs), dtype=torch.int64).reshape(-1, 2)


def units(molecule: Molecule, rigid: Tensor, *, connected: bool) -> Units:
    """Contract what may not be parted: rigid groups and, in connected mappings, hydrogens.

    Args:
        molecule: its bonds and elements.
        rigid: rigid group of each atom, (atoms,); -1 for none.
        connected: whether beads must be connected; if not, every unit neighbours every other.

    Returns:
        The units and their graph.
    """
    joined = [_within_groups(rigid)]
    if connected:
        joined.append(_hydrogen_bonds(molecule))
    labels = components(molecule.n_atoms, torch.cat(joined))
    count = int(labels.max()) + 1
    if not connected:
        return Units(labels, tuple(frozenset(range(count)) - {u} for u in range(count)))
    return Units(labels, _neighbours(count, quotient_bonds(molecule.bonds, labels)))


def _within_groups(rigid: Tensor) -> Tensor:
    """Edges that join each atom of a rigid group to the first one, (edges, 2)."""
    edges = []
    for group in range(int(rigid.max()) + 1):
        atoms = (rigid == group).nonzero().flatten()
        edges.append(torch.stack([atoms[:1].expand(len(atoms) - 1), atoms[1:]], dim=1))
    return torch.cat(edges) if edges else torch.zeros(0, 2, dtype=torch.int64)


def _hydrogen_bonds(molecule: Molecule) -> Tensor:
    """Bonds of a hydrogen with its heavy atom, (bonds, 2)."""
    hydrogen = torch.tensor([element == "H" for element in molecule.elements])
    return molecule.bonds[hydrogen[molecule.bonds].sum(1) == 1]


def _neighbours(count: int, edges: Tensor) -> tuple[frozenset[int], ...]:
    """Neighbours of each vertex of a graph."""
    near: list[set[int]] = [set() for _ in range(count)]
    for first, second in edges.tolist():
        near[first].add(second)
        near[second].add(first)
    return tuple(frozenset(around) for around in near)


def quotient_bonds(bonds: Tensor, labels: Tensor) -> Tensor:
    """Bonds between groups of atoms: those of the beads from those of the atoms.

    Args:
        bonds: between atoms, (bonds, 2).
        labels: group of each atom, (atoms,); -1 for none.

    Returns:
        Pairs of different groups, each once, smaller first, sorted, (pairs, 2), int64.
    """
    pairs = labels[bonds].sort(dim=1).values
    return pairs[(pairs[:, 0] != pairs[:, 1]) & (pairs[:, 0] >= 0)].unique(dim=0).reshape(-1, 2)


def pair_classes(molecule: Molecule) -> Tensor:
    """Classes of ordered pairs of atoms under the symmetries of the bond graph.

    Two-dimensional Weisfeiler-Leman refinement stands in for the orbits of the automorphism
    group: it never separates two pairs of one orbit. Elements and masses colour the atoms.

    Args:
        molecule: of at most `LARGEST_SYMMETRISED` atoms.

    Returns:
        Class of each pair, (atoms, atoms), int64; the diagonal holds the classes of atoms.

    Source: docs/method.md, "Symmetry".
    """
    n_atoms = molecule.n_atoms
    bonded = np.zeros((n_atoms, n_atoms), dtype=np.int64)
    bonded[tuple(molecule.bonds.T.numpy())] = 1
    classes = _number(np.diag(2 * _atom_colours(molecule)) + bonded + bonded.T)
    while True:
        refined = _refine(classes)
        if refined.max() == classes.max():
            return torch.from_numpy(refined)
        classes = refined


def _atom_colours(molecule: Molecule) -> NDArray[np.int64]:
    """Colour of each atom, from 1: its element and its mass."""
    masses = [0.0] * molecule.n_atoms if molecule.masses is None else molecule.masses.tolist()
    kinds = list(zip(molecule.elements, masses, strict=True))
    order = {kind: number + 1 for number, kind in enumerate(sorted(set(kinds)))}
    return np.array([order[kind] for kind in kinds], dtype=np.int64)


def _refine(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """One step: split classes by the multiset over k of (class of (i, k), class of (k, j)).

    Multisets are compared through three sums of products of random integers below 2^20: exact
    in float64 up to 4096 atoms, so that the product of matrices is a fast one.
    """
    generator = np.random.default_rng(0)
    odd = generator.integers(1, 2**62, size=4, dtype=np.uint64) * 2 + 1
    key = classes.astype(np.uint64) * odd[0]
    for multiplier in odd[1:]:
        colours = generator.integers(0, 2**20, size=(2, int(classes.max()) + 1)).astype(np.float64)
        key += (colours[0][classes] @ colours[1][classes]).astype(np.uint64) * multiplier
    return _number(key)


def _number(values: NDArray[Any]) -> NDArray[np.int64]:
    """Replace equal values by equal numbers from 0."""
    return np.unique(values, return_inverse=True)[1].reshape(values.shape).astype(np.int64)


def average_over_classes(matrix: Tensor, classes: Tensor) -> Tensor:
    """Mean of a symmetric matrix over classes of pairs.

    Args:
        matrix: (..., atoms, atoms).
        classes: of ordered pairs, (atoms, atoms), int64.

    Returns:
        The matrix with every element replaced by the mean of its class, (..., atoms, atoms).
    """
    flat, count = classes.flatten(), int(classes.max()) + 1
    sums = matrix.new_zeros(*matrix.shape[:-2], count)
    sums.index_add_(-1, flat, matrix.flatten(-2))
    means = (sums / flat.bincount())[..., classes]
    return (means + means.mT) / 2


def colour_refinement(colours: list[object], neighbours: tuple[frozenset[int], ...]) -> list[int]:
    """Split colours of vertices by those of their neighbours until nothing changes.

    Returns:
        Colour of each vertex, numbered in order of first appearance.
    """
    current = _first_appearance(colours)
    while True:
        refined = _first_appearance(
            [
                (current[v], tuple(sorted(Counter(current[u] for u in neighbours[v]).items())))
                for v in range(len(current))
            ]
        )
        if max(refined) == max(current):
            return refined
        current = refined


def _first_appearance(colours: list[object]) -> list[int]:
    """Number colours in order of first appearance."""
    order: dict[object, int] = {}
    return [order.setdefault(colour, len(order)) for colour in colours]


def bead_types(assignment: Tensor, n_beads: int, bonds: Tensor, orbits: Tensor) -> tuple[str, ...]:
    """Types of beads: equal where atoms and surroundings are equivalent; named A to Z, then AA.

    Args:
        assignment: bead of each atom, (atoms,).
        n_beads: number of beads.
        bonds: of beads, (bonds, 2).
        orbits: symmetry class of each atom, (atoms,).
    """
    contents: list[object] = [
        tuple(sorted(orbits[assignment == bead].tolist())) for bead in range(n_beads)
    ]
    colours = colour_refinement(contents, _neighbours(n_beads, bonds))
    return tuple(_letters(colour) for colour in colours)


def _letters(number: int) -> str:
    """Spreadsheet-like name: A to Z, then AA, AB and so on."""
    name = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def bead_names(types: tuple[str, ...]) -> tuple[str, ...]:
    """Names of beads: the type, numbered from 1 where several beads share it."""
    seen: Counter[str] = Counter()
    total = Counter(types)
    names = []
    for kind in types:
        seen[kind] += 1
        names.append(f"{kind}{seen[kind]}" if total[kind] > 1 else kind)
    return tuple(names)


def orbits_of(molecule: Molecule, classes: Tensor | None) -> Tensor:
    """Symmetry class of each atom, (atoms,), int64: of pairs of atoms, else by refinement."""
    if classes is not None:
        return classes.diagonal().unique(return_inverse=True)[1]
    near = _neighbours(molecule.n_atoms, molecule.bonds)
    return torch.tensor(colour_refinement(list(molecule.elements), near))
