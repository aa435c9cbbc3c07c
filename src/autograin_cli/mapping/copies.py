"""What is done to every copy of a molecule in every frame: compiled where molecules are small."""

import numba
import numpy as np
import torch
from torch import Tensor

_LANES = 64  # copies that are summed side by side, so that the inner loop is one of vectors
_LARGEST = 32  # atoms; beyond, multiplying whole matrices is as fast
_SLICE = 2**17  # numbers of a slice of frames: what it takes stays in the cache of a core
_NEAR = 100.0  # Å; nearer to the origin than this, centring the sums is exact to 1e-12


def sum_products(vectors: Tensor, copies: Tensor, *, centred: bool) -> Tensor:
    """Sum over frames, copies and directions of products of two atoms' vectors.

    Args:
        vectors: of any unit, (frames, atoms of the frame, 3), float64.
        copies: index in the frame of each atom of each copy, (copies, atoms), int64.
        centred: whether the vectors of a copy are taken relative to the mean of its atoms.

    Returns:
        The square of that unit, (atoms, atoms).
    """
    n_copies, n_atoms = copies.shape
    consecutive = torch.equal(copies.flatten(), torch.arange(vectors.shape[1]))
    if n_atoms > _LARGEST:
        molecules = vectors if consecutive else vectors[:, copies.flatten()]
        total = _multiplied(molecules.reshape(-1, n_atoms, 3), centred=centred)
    else:
        if consecutive and n_copies < _LANES:  # frames are as good as copies, and there are more
            copies = torch.arange(vectors.shape[0] * vectors.shape[1]).reshape(-1, n_atoms)
            vectors = vectors.reshape(1, -1, 3)
        sums = np.zeros((n_atoms, n_atoms))
        _sum_products(vectors.contiguous().numpy(), copies.contiguous().numpy(), centred, sums)
        total = torch.from_numpy(sums + np.tril(sums, -1).T)
    if not centred:
        return total
    # X - 1 c with c the mean over atoms: the centring matrix on both sides of the sums.
    total = total - total.mean(0)
    return total - total.mean(1, keepdim=True)


def map_copies(matrix: Tensor, vectors: Tensor, copies: Tensor) -> Tensor:
    """Apply a matrix from atoms to beads to every copy.

    Args:
        matrix: (beads, atoms), float64.
        vectors: of any unit, (frames, atoms of the frame, 3), float64.
        copies: index in the frame of each atom of each copy, (copies, atoms), int64.

    Returns:
        That unit, (frames, copies, beads, 3).
    """
    if copies.shape[1] > _LARGEST:
        return torch.einsum("ba,fcad->fcbd", matrix, vectors[:, copies])
    mapped = vectors.new_empty(vectors.shape[0], len(copies), len(matrix), 3)
    _map_copies(
        matrix.contiguous().numpy(),
        vectors.contiguous().numpy(),
        copies.contiguous().numpy(),
        mapped.numpy(),
    )
    return mapped


def _multiplied(molecules: Tensor, *, centred: bool) -> Tensor:
    """Sum over structures and directions of products of atoms, (atoms, atoms)."""
    n_atoms = molecules.shape[1]
    # Subtracting an atom takes as long as the sums.
    far = centred and len(molecules) > 0 and bool(molecules[:, 0].abs().max() >= _NEAR)
    sums = torch.zeros(n_atoms, n_atoms, dtype=molecules.dtype)
    for part in molecules.split(max(1, _SLICE // (3 * n_atoms))):
        near = part - part[:, :1] if far else part
        rows = near.transpose(1, 2).reshape(-1, n_atoms)
        sums.addmm_(rows.T, rows)
    return sums


_compiled = numba.njit(
    cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy"
)


@_compiled
def _gather(vectors: np.ndarray, copies: np.ndarray, centred: bool, rows: np.ndarray) -> None:
    """Put copies side by side, relative to their first atoms if centred; no copy is zeros."""
    n_copies, n_atoms = copies.shape
    if n_copies < _LANES:
        rows[:] = 0.0
    for lane in range(n_copies):
        x = y = z = 0.0
        if centred:
            root = copies[lane, 0]
            x, y, z = vectors[root, 0], vectors[root, 1], vectors[root, 2]
        for i in range(n_atoms):
            atom = copies[lane, i]
            rows[i, lane] = vectors[atom, 0] - x
            rows[i, _LANES + lane] = vectors[atom, 1] - y
            rows[i, 2 * _LANES + lane] = vectors[atom, 2] - z


@_compiled
def _sum_products(vectors: np.ndarray, copies: np.ndarray, centred: bool, sums: np.ndarray) -> None:
    """Add the products of vectors, relative to a copy's first atom if centred, to a triangle."""
    n_copies, n_atoms = copies.shape
    rows = np.zeros((n_atoms, 3 * _LANES))
    for f in range(vectors.shape[0]):
        for first in range(0, n_copies, _LANES):
            _gather(vectors[f], copies[first : first + _LANES], centred, rows)
            for i in range(n_atoms):
                for j in range(i + 1):
                    product = 0.0
                    for k in range(3 * _LANES):
                        product += rows[i, k] * rows[j, k]
                    sums[i, j] += product


@_compiled
def _map_copies(
    matrix: np.ndarray, vectors: np.ndarray, copies: np.ndarray, mapped: np.ndarray
) -> None:
    """Compute `map_copies` into an array."""
    n_beads, n_atoms = matrix.shape
    for f in range(vectors.shape[0]):
        for c in range(copies.shape[0]):
            for b in range(n_beads):
                x = y = z = 0.0
                for i in range(n_atoms):
                    atom, weight = copies[c, i], matrix[b, i]
                    x += weight * vectors[f, atom, 0]
                    y += weight * vectors[f, atom, 1]
                    z += weight * vectors[f, atom, 2]
                mapped[f, c, b, 0], mapped[f, c, b, 1], mapped[f, c, b, 2] = x, y, z
