"""Molecules that a periodic box has broken, made whole along their bonds."""

from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

from autograin_cli.molecules import BondTree


@dataclass(frozen=True)
class Whole:
    """Frames with whole molecules, and how sure that is; shares are of the box's least height.

    positions: Å, (frames, atoms, 3).
    step: longest step of the tree in each frame, as a share, (frames,); near a half it does not
        tell which image it leads to.
    reach: the farthest that an atom is from the first one of its molecule, as a share, (frames,).
    """

    positions: Tensor
    step: Tensor
    reach: Tensor


def make_whole(positions: Tensor, boxes: Tensor, tree: BondTree) -> Whole:
    """Put every atom into the periodic image that is nearest to its parent in the tree.

    The first atom of each molecule stays. Exact in any box as long as bonds are shorter than half
    the least height of the box.

    Args:
        positions: Å, (frames, atoms, 3), float64.
        boxes: Å, (frames, 3, 3), rows are the box vectors.
        tree: along bonds.
    """
    inverses = torch.linalg.inv(boxes).contiguous()
    # The heights of a box are one over the lengths of the columns of its inverse.
    steepest = inverses.square().sum(1).amax(1)
    whole = torch.empty(positions.shape, dtype=positions.dtype)
    squares = torch.zeros(2, len(positions), dtype=positions.dtype)
    _make_whole(
        positions.contiguous().numpy(),
        boxes.contiguous().numpy(),
        inverses.numpy(),
        (0.25 / steepest).numpy(),
        tree.order.numpy(),
        tree.parents.numpy(),
        whole.numpy(),
        squares.numpy(),
    )
    step, reach = (squares * steepest).sqrt()
    return Whole(whole, step, reach)


def spans(positions: Tensor, boxes: Tensor, tree: BondTree) -> tuple[Tensor, Tensor]:
    """How much of a box its longest molecule takes, along the vector where it takes most.

    Args:
        positions: Å, (frames, atoms, 3), molecules whole.
        boxes: Å, (frames, 3, 3), rows are the box vectors.
        tree: along bonds.

    Returns:
        Share of each frame's box, (frames,), and the first atom of that molecule, (frames,).
    """
    shares = torch.zeros(len(positions), dtype=positions.dtype)
    firsts = torch.zeros(len(positions), dtype=torch.int64)
    _spans(
        positions.contiguous().numpy(),
        torch.linalg.inv(boxes).contiguous().numpy(),
        tree.order.numpy(),
        tree.parents.numpy(),
        shares.numpy(),
        firsts.numpy(),
    )
    return shares, firsts


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _make_whole(
    positions: np.ndarray,
    boxes: np.ndarray,
    inverses: np.ndarray,
    near: np.ndarray,
    order: np.ndarray,
    parents: np.ndarray,
    whole: np.ndarray,
    squares: np.ndarray,
) -> None:
    """Compute `make_whole`, and the squares of the longest step and reach of each frame, Å²."""
    for f in range(positions.shape[0]):
        step = reach = 0.0
        root = order[0]
        for atom in order:
            x, y, z = positions[f, atom, 0], positions[f, atom, 1], positions[f, atom, 2]
            parent = parents[atom]
            if parent < 0:
                root = atom
            else:
                dx = x - whole[f, parent, 0]
                dy = y - whole[f, parent, 1]
                dz = z - whole[f, parent, 2]
                square = dx * dx + dy * dy + dz * dz
                # A vector shorter than half of the least height is its own nearest image.
                if square > near[f]:
                    for k in range(3):
                        image = np.rint(
                            dx * inverses[f, 0, k] + dy * inverses[f, 1, k] + dz * inverses[f, 2, k]
                        )
                        x -= image * boxes[f, k, 0]
                        y -= image * boxes[f, k, 1]
                        z -= image * boxes[f, k, 2]
                    dx = x - whole[f, parent, 0]
                    dy = y - whole[f, parent, 1]
                    dz = z - whole[f, parent, 2]
                    square = dx * dx + dy * dy + dz * dz
                step = max(step, square)
                dx, dy, dz = x - whole[f, root, 0], y - whole[f, root, 1], z - whole[f, root, 2]
                reach = max(reach, dx * dx + dy * dy + dz * dz)
            whole[f, atom, 0], whole[f, atom, 1], whole[f, atom, 2] = x, y, z
        squares[0, f], squares[1, f] = step, reach


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _spans(
    positions: np.ndarray,
    inverses: np.ndarray,
    order: np.ndarray,
    parents: np.ndarray,
    shares: np.ndarray,
    firsts: np.ndarray,
) -> None:
    """Compute `spans` into arrays."""
    low, high = np.zeros(3), np.zeros(3)
    for f in range(positions.shape[0]):
        root = order[0]
        for atom in order:
            x, y, z = positions[f, atom, 0], positions[f, atom, 1], positions[f, atom, 2]
            is_first = parents[atom] < 0
            if is_first:
                root = atom
            for k in range(3):
                share = x * inverses[f, 0, k] + y * inverses[f, 1, k] + z * inverses[f, 2, k]
                low[k] = share if is_first else min(low[k], share)
                high[k] = share if is_first else max(high[k], share)
                if high[k] - low[k] > shares[f]:
                    shares[f], firsts[f] = high[k] - low[k], root
