"""A molecule laid out flat, for drawing: rings as polygons, chains as zigzags."""

from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

Floats = NDArray[np.float64]
Bonds = list[tuple[int, int]]

LARGEST = 300
LONGEST_RING = 8
LEAF_BOND = 0.7
STIFFER = 10.0  # weight of bonds and rings, which the eye knows best
STEPS, RELAXATIONS = 300, 30


def flat_layout(structure: Floats, bonds: Bonds, hydrogens: list[int]) -> Floats:
    """Lay the atoms of a molecule out in a plane, the longest extent along x.

    Stress majorisation of the distances that a drawing on paper would have, then hydrogens fanned
    out where their atom has most room; a molecule too large for that is seen along its shortest
    axis.

    Args:
        structure: Å, (atoms, 3), longest extent along x.
        bonds: pairs of atoms.
        hydrogens: atoms drawn close to their neighbour.

    Returns:
        In units of a bond, (atoms, 2).

    Source: Gansner, Koren, North, Graph Drawing 2004, LNCS 3383, 239.
    """
    if len(structure) > LARGEST:
        return structure[:, :2]
    leaves = _leaves(bonds, set(hydrogens))
    core = [atom for atom in range(len(structure)) if atom not in leaves]
    places = {atom: place for place, atom in enumerate(core)}
    inner = [(places[i], places[j]) for i, j in bonds if i in places and j in places]
    layout = np.zeros((len(structure), 2))
    layout[core] = _core_layout(structure[core], inner)
    fanned = _fan_out(layout, bonds, leaves)
    # With its hydrogens the core makes room for them; then they are fanned out anew.
    relaxed = _majorise(fanned, *_paper_distances(len(structure), bonds), RELAXATIONS)
    return _turned(_fan_out(relaxed, bonds, leaves))


def _fan_out(layout: Floats, bonds: Bonds, leaves: set[int]) -> Floats:
    """Place every leaf where its atom has most room."""
    partners: list[list[int]] = [[] for _ in layout]
    for i, j in bonds:
        partners[i].append(j)
        partners[j].append(i)
    placed = layout.copy()
    for atom, bonded in enumerate(partners):
        fanned = [other for other in bonded if other in leaves]
        if fanned:
            others = [other for other in bonded if other not in leaves]
            placed[fanned] = layout[atom] + _fan(layout[others] - layout[atom], len(fanned))
    return placed


def _leaves(bonds: Bonds, hydrogens: set[int]) -> set[int]:
    """Find the hydrogens with one bond, to an atom that is no hydrogen."""
    partners: dict[int, list[int]] = {atom: [] for atom in hydrogens}
    for i, j in bonds:
        for atom, other in ((i, j), (j, i)):
            if atom in hydrogens:
                partners[atom].append(other)
    return {
        atom for atom, others in partners.items() if len(others) == 1 and others[0] not in hydrogens
    }


def _fan(arms: Floats, n_leaves: int) -> Floats:
    """Spread leaves evenly over the widest angle between the other bonds of their atom.

    Args:
        arms: from the atom to its other neighbours, (bonds, 2).
        n_leaves: how many.

    Returns:
        From the atom to each leaf, (leaves, 2).
    """
    if len(arms):
        angles = np.sort(np.arctan2(arms[:, 1], arms[:, 0]))
        gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
        start, step = angles[gaps.argmax()], gaps.max() / (n_leaves + 1)
    else:
        start, step = np.pi / 4, 2 * np.pi / n_leaves
    turns = start + step * np.arange(1, n_leaves + 1)
    return LEAF_BOND * np.column_stack((np.cos(turns), np.sin(turns)))


def _core_layout(structure: Floats, bonds: Bonds) -> Floats:
    """Lay out the atoms that are no leaves."""
    targets, weights = _paper_distances(len(structure), bonds)
    starts = (_scaled(targets), structure[:, :2] / 1.4)
    layouts = [_majorise(start, targets, weights, STEPS) for start in starts]
    return min(layouts, key=lambda layout: _stress(layout, targets, weights))


def _turned(layout: Floats) -> Floats:
    """Turn the longest extent along x."""
    centred = layout - layout.mean(0)
    turned: Floats = centred @ np.linalg.eigh(centred.T @ centred)[1][:, ::-1]
    return turned


def rings(n_atoms: int, bonds: Bonds) -> list[list[int]]:
    """Find the shortest ring through each bond, of up to eight atoms, in order around it."""
    neighbours: list[set[int]] = [set() for _ in range(n_atoms)]
    for i, j in bonds:
        neighbours[i].add(j)
        neighbours[j].add(i)
    found: dict[frozenset[int], list[int]] = {}
    for i, j in bonds:
        ring = _path_around(neighbours, i, j)
        if ring:
            found.setdefault(frozenset(ring), ring)
    return list(found.values())


def _path_around(neighbours: list[set[int]], first: int, last: int) -> list[int]:
    """Find the shortest path between bonded atoms that avoids their bond; empty if none."""
    paths = deque([[first]])
    seen = {first}
    while paths:
        path = paths.popleft()
        for atom in sorted(neighbours[path[-1]] - seen):
            if len(path) == 1 and atom == last:
                continue
            if atom == last:
                return [*path, atom]
            if len(path) < LONGEST_RING - 1:
                paths.append([*path, atom])
                seen.add(atom)
    return []


def _paper_distances(n_atoms: int, bonds: Bonds) -> tuple[Floats, Floats]:
    """Distances of all pairs on paper, in bonds, and their weights: zigzags, and polygons."""
    i, j = np.array(bonds, dtype=np.int32).reshape(-1, 2).T
    graph = csr_array((np.ones(len(i)), (i, j)), shape=(n_atoms, n_atoms))
    steps = shortest_path(graph, directed=False, unweighted=True)
    reached = np.isfinite(steps)
    steps[~reached] = steps[reached].max() + 2
    distances = np.hypot(np.sqrt(3) / 2 * steps, np.where(steps % 2 == 1, 0.5, 0.0))
    weights = np.where(steps == 1, STIFFER, 1.0) / np.maximum(steps, 1.0) ** 2
    for ring in rings(n_atoms, bonds):
        around = np.arange(len(ring))
        turns = np.abs(around[:, None] - around) * np.pi / len(ring)
        distances[np.ix_(ring, ring)] = np.sin(turns) / np.sin(np.pi / len(ring))
        weights[np.ix_(ring, ring)] = STIFFER
    np.fill_diagonal(distances, 0.0)
    np.fill_diagonal(weights, 0.0)
    return distances, weights


def _scaled(targets: Floats) -> Floats:
    """Classical scaling: the plane in which the distances are kept best."""
    n_atoms = len(targets)
    centring = np.eye(n_atoms) - 1 / n_atoms
    values, vectors = np.linalg.eigh(-centring @ targets**2 @ centring / 2)
    axes = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0.0))
    return np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))


def _distances(layout: Floats) -> Floats:
    return np.asarray(np.linalg.norm(layout[:, None] - layout, axis=2), dtype=np.float64)


def _stress(layout: Floats, targets: Floats, weights: Floats) -> float:
    """Weighted squared error of the distances."""
    return float((weights * (_distances(layout) - targets) ** 2).sum())


def _majorise(layout: Floats, targets: Floats, weights: Floats, n_steps: int) -> Floats:
    """Lower the stress step by step."""
    inverse = np.linalg.pinv(np.diag(weights.sum(1)) - weights)
    for _ in range(n_steps):
        pull = weights * targets / np.maximum(_distances(layout), 1e-9)
        layout = inverse @ (np.diag(pull.sum(1)) - pull) @ layout
    return layout
