"""How much of the box is empty: whether there was room for atoms that were not written."""

import torch
from torch import Tensor

from autograin_cli.checking.conditions import Examined
from autograin_cli.geometry import minimum_image

MOST_EMPTY = (
    0.15  # of the box: fluids of united atoms have less, dilute solutes without solvent more
)
_FAR = 5.0  # Å from every atom: few holes of a liquid are that wide, and solvent fits in
_POINTS, _FRAMES = 600, 4
_MOST_DISTANCES = 4_000_000  # of a frame; of a box of many atoms fewer points tell as much
_WORKING_SIZE = 500_000
# Powers of the root of x⁴ = x + 1: their multiples, modulo 1, fill a cube evenly.
# Source: H. Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods (1992), for such
# sequences; the numbers are those of the generalised golden ratio.
_STEPS = 1.2207440846057596 ** -torch.arange(1, 4, dtype=torch.float64)


def emptiness(examined: Examined) -> float:
    """Share of the box that is far from every atom, mean over a few frames; 0 without a box."""
    spread = examined.sample.frames[examined.sample.spread()]
    few = spread[torch.linspace(0, len(spread) - 1, min(_FRAMES, len(spread))).round().long()]
    chunk = examined.frames.at(few)
    if chunk.boxes is None:
        return 0.0
    n_points = max(1, min(_POINTS, _MOST_DISTANCES // examined.frames.n_atoms))
    points = (torch.arange(1, n_points + 1)[:, None] * _STEPS) % 1.0
    shares = [
        _far_share(points @ box, positions, box)
        for positions, box in zip(chunk.positions.double(), chunk.boxes.double(), strict=True)
    ]
    return sum(shares) / len(shares)


def _far_share(points: Tensor, positions: Tensor, box: Tensor) -> float:
    """Share of points that no atom is near to; points and positions Å, (…, 3)."""
    parts = points.split(max(1, _WORKING_SIZE // len(positions)))
    return sum(int(_is_far(part, positions, box).sum()) for part in parts) / len(points)


def _is_far(points: Tensor, positions: Tensor, box: Tensor) -> Tensor:
    between = minimum_image((points[:, None] - positions)[None], box[None])[0]
    return between.square().sum(2).amin(1) > _FAR**2
