"""Boxes as other programs want them: turned into lower triangular form, and reduced."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Lattice:
    """A periodic box with its first vector along x and its second in the plane of x and y.

    box: Å, (3, 3), lower triangular, rows are the box vectors; of each entry below the diagonal
        the size is at most half that of the diagonal entry above it. None in vacuum.
    rotation: (3, 3), from the frame of the user, on rows.
    """

    box: Tensor | None
    rotation: Tensor

    def turned(self, vectors: Tensor) -> Tensor:
        """Vectors in the frame of this box, (..., 3)."""
        return vectors @ self.rotation

    def returned(self, vectors: Tensor) -> Tensor:
        """Vectors in the frame of the user, (..., 3)."""
        return vectors @ self.rotation.T


def lattice_of(box: Tensor | None) -> Lattice:
    """Turn a box, if there is one."""
    if box is None:
        return Lattice(None, torch.eye(3, dtype=torch.float64))
    return Lattice(*reduced(box))


def reduced(box: Tensor) -> tuple[Tensor, Tensor]:
    """Turn a box and choose the shortest vectors that span the same lattice in its triangle.

    Args:
        box: Å, (3, 3), rows are the box vectors, of either handedness.

    Returns:
        The box, Å, and the rotation, both (3, 3), as in `Lattice`.
    """
    vectors = box.double().clone()
    if float(torch.linalg.det(vectors)) < 0:
        vectors[2] = -vectors[2]  # the same lattice; a turn may not mirror molecules
    orthogonal, upper = torch.linalg.qr(vectors.T)
    signs = upper.diagonal().sign()
    a, b, c = (upper * signs[:, None]).T.tril()
    b = b - (b[0] / a[0]).round() * a
    c = c - (c[1] / b[1]).round() * b
    c = c - (c[0] / a[0]).round() * a
    return torch.stack((a, b, c)), orthogonal * signs
