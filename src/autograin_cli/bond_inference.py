"""Bonds and hydrogens from distances alone, where no topology tells them."""

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.geometry import minimum_image

_LONGEST_BOND = 2.4  # Å, mean
_LARGEST_DEVIATION = 0.12  # standard deviation over mean
_FARTHEST = 4.0  # Å; a bond is never that long in any frame: five standard deviations
_RING_FACTOR = 1.2  # how much longer than those of the tree a bond that closes a ring may be
_LONGEST_HYDROGEN_BOND = 1.15  # Å, mean: C-H 1.11, but C#N 1.16 and C=O 1.21
_NEXT_TO_HYDROGEN = 1.48  # Å, mean; H-H is 1.51 in water, most bonds of heavy atoms are shorter
_DENSEST = 5.0  # atoms/Å³: thirty times as dense as diamond
_MOST_NEAR = 1000  # atoms that may be near one, mean: all are where none is farther than a bond
_WORKING_POINTS = 1000  # whose neighbours are counted, before those of all are listed
_WORKING_SIZE = 2**21  # numbers in the largest temporary array


def infer_bonds(
    positions: Tensor, boxes: Tensor | None, may_be_hydrogens: Tensor | None = None
) -> Tensor:
    """Infer which atoms are bonded from how far apart they stay.

    A spanning forest of the shortest mean distances gives the molecules; rings are closed by all
    pairs that are no farther apart than 1.2 times the smaller of the two atoms' longest edges in
    the forest. Only pairs count whose distance stays below 2.4 Å in the mean, and within 12 %.
    A hydrogen is bonded to the nearest atom alone: in a short trajectory a hydrogen bond is as
    stiff as another.

    Args:
        positions: Å, (frames, atoms, 3), a sample of the trajectory.
        boxes: Å, (frames, 3, 3); None in vacuum.
        may_be_hydrogens: whether an atom that has another within 1.15 Å, and no second one within
            1.48 Å, is a hydrogen, (atoms,), bool; None where nothing is known of the atoms.

    Returns:
        Pairs of atoms, (bonds, 2), int64, the smaller index first, sorted.

    Raises:
        InputError: there are more atoms in less space than matter has.
    """
    n_atoms = positions.shape[1]
    pairs = _near_pairs(positions[0], None if boxes is None else boxes[:1])
    means, deviations = _distances(positions, boxes, pairs)
    stiff = (means < _LONGEST_BOND) & (deviations < _LARGEST_DEVIATION * means)
    pairs, means = pairs[stiff], means[stiff]
    if may_be_hydrogens is not None:
        single = _is_single(pairs, means, may_be_hydrogens)
        pairs, means = pairs[single], means[single]
    longest = _longest_edges(n_atoms, pairs, means)
    return pairs[means <= _RING_FACTOR * longest[pairs].min(1).values]


def _is_single(pairs: Tensor, means: Tensor, may_be_hydrogens: Tensor) -> Tensor:
    """Whether a pair is the shortest one of each hydrogen in it, (pairs,), bool."""
    nearest = torch.full((len(may_be_hydrogens),), torch.inf, dtype=means.dtype)
    for ends in pairs.T:
        nearest.scatter_reduce_(0, ends, means, "amin")
    close = pairs[means < _NEXT_TO_HYDROGEN].flatten()
    lonely = torch.bincount(close, minlength=len(nearest)) == 1
    hydrogens = may_be_hydrogens & lonely & (nearest < _LONGEST_HYDROGEN_BOND)
    return (~hydrogens[pairs] | (means[:, None] <= nearest[pairs])).all(1)


def infer_hydrogens(positions: Tensor, boxes: Tensor | None, bonds: Tensor) -> Tensor:
    """Infer which atoms are hydrogens: bonded once, by a bond below 1.15 Å in the mean.

    Args:
        positions: Å, (frames, atoms, 3), a sample of the trajectory.
        boxes: Å, (frames, 3, 3); None in vacuum.
        bonds: pairs of atoms, (bonds, 2).

    Returns:
        (atoms,), bool.
    """
    n_atoms = positions.shape[1]
    n_bonds = torch.bincount(bonds.flatten(), minlength=n_atoms)
    means, _ = _distances(positions, boxes, bonds)
    short = bonds[means < _LONGEST_HYDROGEN_BOND].flatten()
    return (n_bonds == 1) & (torch.bincount(short, minlength=n_atoms) == 1)


def _near_pairs(positions: Tensor, box: Tensor | None) -> Tensor:
    """Pairs of atoms of one frame that are near enough to be bonded, (pairs, 2), sorted."""
    points, atoms = positions.numpy(), np.arange(len(positions))
    if box is not None:
        volume = abs(float(torch.linalg.det(box[0])))
        if len(atoms) > _DENSEST * volume:
            raise _too_dense(f"{len(atoms)} atoms in a box of {volume:.3g} Å³")
        points, atoms = _with_images(points, box[0].numpy())
    tree = cKDTree(points)
    some = points[:: 1 + len(points) // _WORKING_POINTS]
    n_near = float(tree.query_ball_point(some, _FARTHEST, return_length=True).mean())
    if n_near > _MOST_NEAR:
        raise _too_dense(f"{n_near:.0f} atoms within {_FARTHEST:g} Å of another, in the mean")
    found = np.sort(atoms[tree.query_pairs(_FARTHEST, output_type="ndarray")], axis=1)
    return torch.from_numpy(np.unique(found[found[:, 0] != found[:, 1]], axis=0))


def _too_dense(given: str) -> InputError:
    return InputError(
        given=given,
        expected="atoms as far apart as atoms are, in Å",
        remedy="look at the unit of the positions and the box, which may be nm: write them in Å, "
        "or in a format that has a unit",
        code="length-unit",
    )


def _with_images(points: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Atoms wrapped into the box with their images around it, and which atom each is an image of.

    Args:
        points: Å, (atoms, 3).
        box: Å, (3, 3), rows are the box vectors.
    """
    inverse = np.linalg.inv(box)
    fractions = points @ inverse
    fractions -= np.floor(fractions)
    margins = _FARTHEST * np.linalg.norm(inverse, axis=0)  # a height is one over such a length
    atoms = np.arange(len(points))
    for axis, margin in enumerate(margins.tolist()):
        reach = int(np.ceil(margin))
        shifts = np.repeat(np.arange(-reach, reach + 1), len(atoms))
        along = np.tile(fractions[:, axis], 2 * reach + 1) + shifts
        near = (along > -margin) & (along < 1 + margin)
        fractions = np.tile(fractions, (2 * reach + 1, 1))[near]
        fractions[:, axis] = along[near]
        atoms = np.tile(atoms, 2 * reach + 1)[near]
    return fractions @ box, atoms


def _distances(positions: Tensor, boxes: Tensor | None, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of minimum-image distances over frames, Å, (pairs,) each."""
    means, deviations = [], []
    for some in pairs.split(max(1, _WORKING_SIZE // (3 * positions.shape[0]))):
        between = positions[:, some[:, 1]] - positions[:, some[:, 0]]
        if boxes is not None:
            between = minimum_image(between, boxes)
        lengths = between.norm(dim=-1)
        means.append(lengths.mean(0))
        deviations.append((lengths - means[-1]).square().mean(0).sqrt())
    return torch.cat(means), torch.cat(deviations)


def _longest_edges(n_atoms: int, pairs: Tensor, means: Tensor) -> Tensor:
    """Longest edge of each atom in the spanning forest of the shortest edges, Å, (atoms,)."""
    first, second = pairs.int().numpy().T
    graph = coo_array((means.numpy(), (first, second)), shape=(n_atoms, n_atoms))
    forest = minimum_spanning_tree(graph.tocsr()).tocoo()
    longest = np.zeros(n_atoms)
    for ends in forest.coords:
        np.maximum.at(longest, ends, forest.data)
    return torch.from_numpy(longest)
