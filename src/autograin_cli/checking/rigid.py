"""Which distances of a molecule constraints hold, and which atoms move as one."""

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from autograin_cli.checking.sample import Sample
from autograin_cli.molecules import Molecule

# A constraint holds a distance to 1e-4; the rounding of XTC at its usual precision adds 4e-3.
_RIGID_DEVIATION = 7e-3
_ENOUGH = 1000  # values, of which the quartiles are known to 4 % of the spread
_FEWEST = 10  # distances without which a spread says nothing


def distances(positions: Tensor, molecule: Molecule, pairs: Tensor) -> Tensor:
    """Distances of pairs of atoms in all copies of a molecule.

    Args:
        positions: Å, (frames, atoms, 3).
        molecule: its copies index the atoms.
        pairs: atoms of the molecule, (pairs, 2).

    Returns:
        Å, (frames, copies, pairs).
    """
    first, second = molecule.copies[:, pairs[:, 0]], molecule.copies[:, pairs[:, 1]]
    return (positions[:, second] - positions[:, first]).norm(dim=3)


def some(values: Tensor) -> Tensor:
    """Enough of many values for a spread, (frames, copies, pairs) to (values, pairs)."""
    flat = values.flatten(0, 1)
    return flat[:: 1 + len(flat) // _ENOUGH]


def rigid_groups(sample: Sample, molecule: Molecule) -> Tensor:
    """Atoms that constraints join, over bonds and across angles: SHAKE, LINCS, SETTLE.

    Returns:
        Group of each atom of the molecule, (atoms,), int64; an atom that is free is alone.
    """
    pairs = torch.cat([molecule.bonds, across_angles(molecule)])
    rigid = pairs[is_rigid(distances(sample.positions, molecule, pairs))]
    return connected(molecule.n_atoms, rigid)


def is_rigid(lengths: Tensor) -> Tensor:
    """Whether distances keep their lengths in all frames and copies, (frames, copies, pairs).

    Returns:
        (pairs,), bool; nothing counts as rigid where there are too few lengths to tell.
    """
    flat = some(lengths)
    if len(flat) < _FEWEST or not flat.numel():  # a molecule of one atom has no pairs
        return torch.zeros(flat.shape[1], dtype=torch.bool)
    return flat.std(0) < _RIGID_DEVIATION * flat.mean(0)


def connected(n_atoms: int, pairs: Tensor) -> Tensor:
    """Connected components of a graph, (atoms,), int64."""
    first, second = pairs.reshape(-1, 2).int().numpy().T
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n_atoms, n_atoms))
    _, labels = connected_components(graph, directed=False)
    return torch.from_numpy(labels.astype(np.int64))


def across_angles(molecule: Molecule) -> Tensor:
    """Pairs of atoms bonded to the same atom, (pairs, 2)."""
    triples = angle_triples(molecule)
    return triples[:, [0, 2]].sort(1).values.unique(dim=0)


def angle_triples(molecule: Molecule) -> Tensor:
    """Atoms i, j, k of each angle, j in the middle, i before k, (angles, 3)."""
    near: list[list[int]] = [[] for _ in range(molecule.n_atoms)]
    for first, second in molecule.bonds.tolist():
        near[first].append(second)
        near[second].append(first)
    triples = [(i, j, k) for j, around in enumerate(near) for i in around for k in around if i < k]
    return torch.tensor(triples, dtype=torch.int64).reshape(-1, 3)
