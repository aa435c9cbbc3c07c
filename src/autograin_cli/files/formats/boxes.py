"""Box vectors from the lengths and angles of a cell."""

import numpy as np

_RIGHT = 1e-12  # a cosine below belongs to a right angle


def boxes_of_cells(lengths: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """Box vectors with the first along x and the second in the plane xy; NaN where impossible.

    Args:
        lengths: of the vectors, Å, (frames, 3).
        cosines: of the angles between the second and third, first and third, first and second.

    Returns:
        Å, (frames, 3, 3), rows are the box vectors.
    """
    a, b, c = lengths.T
    alpha, beta, gamma = np.where(np.abs(cosines) < _RIGHT, 0.0, cosines).T
    boxes = np.zeros((len(lengths), 3, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        sine = np.sqrt(1 - gamma**2)
        slope = (alpha - beta * gamma) / sine
        boxes[:, 0, 0] = a
        boxes[:, 1, 0], boxes[:, 1, 1] = b * gamma, b * sine
        boxes[:, 2, 0], boxes[:, 2, 1] = c * beta, c * slope
        boxes[:, 2, 2] = c * np.sqrt(1 - beta**2 - slope**2)
    return boxes


def reduced(boxes: np.ndarray) -> np.ndarray:
    """Choose short vectors that span the same lattice, so that the box is as thick as it can be.

    The second vector reaches at most half of the first along it, the third at most half of the
    first and of what is upright of the second. A right-angled box stays as it is.

    Args:
        boxes: Å, (frames, 3, 3), rows are the box vectors, with a volume.

    Returns:
        Å, (frames, 3, 3).
    """
    a, b, c = boxes[:, 0], boxes[:, 1], boxes[:, 2]
    b = b - np.round(_share(b, a)) * a
    upright = b - _share(b, a) * a
    c = c - np.round(_share(c, upright)) * b
    c = c - np.round(_share(c, a)) * a
    return np.stack([a, b, c], axis=1)


def _share(vectors: np.ndarray, along: np.ndarray) -> np.ndarray:
    """How often others go into vectors, along the others, (frames, 1)."""
    shares: np.ndarray = (vectors * along).sum(1, keepdims=True) / (along**2).sum(1, keepdims=True)
    return shares
