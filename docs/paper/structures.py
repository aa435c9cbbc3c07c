"""Molecules in three dimensions: from where they are seen best, and as balls and sticks.

The viewer looks down the z axis from above. What is far away is drawn first and paler.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Circle, Patch, Polygon
from torch import Tensor

from autograin_cli.files.pages.figures import bead_colour

RGB = tuple[float, float, float]
GREY: RGB = (0.62, 0.62, 0.62)
RADII = {"H": 0.24, "C": 0.36, "N": 0.38}  # Å, of the balls
STICK = 0.10  # half of its width, Å
SHELLS = 5  # circles of which a ball is made
MARGIN = 0.1  # Å, around a scene
LIGHT = np.array([-0.32, 0.36])  # where the highlight is, in radii
HAZE = 0.55  # share of white in what is farthest away
DIRECTIONS = 2000  # from which a molecule is looked at
SOFTENING = 0.05  # Å²; two atoms one behind the other hide each other, but not infinitely


@dataclass(frozen=True)
class Ball:
    """An atom or a bead: where it is, Å, (3,), its radius, Å, its colour and how solid it is."""

    centre: Tensor
    radius: float
    colour: RGB
    opacity: float = 1.0


@dataclass(frozen=True)
class Stick:
    """Half of a bond: its two ends, Å, (3,) each, half of its width, Å, and its colour."""

    start: Tensor
    end: Tensor
    width: float
    colour: RGB


def clearest_view(positions: Tensor) -> Tensor:
    """Find the direction from which atoms hide one another least.

    Of directions spread evenly over a half sphere, the one with the least sum over frames and
    pairs of 1 / (d² + softening), d their distance as seen. The longest extent then lies along x.

    Args:
        positions: Å, (frames, atoms, 3).

    Returns:
        Rotation whose rows are the new axes, (3, 3): positions @ rotation.T is what is seen.
    """
    first, second = torch.triu_indices(positions.shape[1], positions.shape[1], 1)
    steps = (positions[:, first] - positions[:, second]).flatten(0, 1)
    k = torch.arange(DIRECTIONS, dtype=positions.dtype)
    height, turn = (k + 0.5) / DIRECTIONS, k * pi * (3 - 5**0.5)
    flat = (1 - height.square()).sqrt()
    directions = torch.stack((flat * turn.cos(), flat * turn.sin(), height), dim=1)
    seen = steps.square().sum(1) - (directions @ steps.T).square()
    hidden = (1 / (seen.clamp_min(0.0) + SOFTENING)).sum(1)
    return _along_x(positions, directions[hidden.argmin()])


def _along_x(positions: Tensor, towards: Tensor) -> Tensor:
    """Axes with z towards the viewer and x along the longest extent as seen."""
    centred = (positions - positions.mean(1, keepdim=True)).flatten(0, 1)
    flat = centred - (centred @ towards)[:, None] * towards
    x = torch.linalg.eigh(flat.T @ flat).eigenvectors[:, 2]
    return torch.stack((x, torch.linalg.cross(towards, x), towards))


def mixed_colours(shares: Tensor) -> list[RGB]:
    """Colour of each atom: those of the beads, mixed by its shares in them, (beads, atoms)."""
    colours = torch.tensor([to_rgb(bead_colour(bead)) for bead in range(len(shares))])
    # Light adds up in its intensity, of which the numbers of a colour are about the root.
    mixed = (shares.T.to(colours) @ colours.square()).sqrt()
    return [_rgb(row) for row in mixed.tolist()]


def ball_and_stick(
    positions: Tensor, elements: Sequence[str], bonds: Tensor, colours: Sequence[RGB]
) -> list[Ball | Stick]:
    """A molecule; positions, Å, (atoms, 3), bonds, (bonds, 2)."""
    sticks = half_sticks(positions, bonds, colours, STICK)
    balls = zip(positions, elements, colours, strict=True)
    return [*sticks, *(Ball(x, RADII.get(element, 0.36), c) for x, element, c in balls)]


def half_sticks(
    positions: Tensor, bonds: Tensor, colours: Sequence[RGB], width: float
) -> list[Ball | Stick]:
    """Bonds of which each half has the colour of its end."""
    halves: list[Ball | Stick] = []
    for first, second in bonds.tolist():
        middle = (positions[first] + positions[second]) / 2
        halves += [Stick(positions[end], middle, width, colours[end]) for end in (first, second)]
    return halves


def extent(things: Sequence[Ball | Stick]) -> tuple[float, float]:
    """Half of the width and of the height that balls about the origin need, Å."""
    balls = [thing for thing in things if isinstance(thing, Ball)]
    corners = torch.stack([ball.centre[:2].abs() + ball.radius for ball in balls])
    width, height = corners.amax(0).tolist()
    return width + MARGIN, height + MARGIN


def draw(axes: Axes, things: Sequence[Ball | Stick], half_width: float, half_height: float) -> None:
    """Draw what is in a scene, about the origin, on axes that are then hidden."""
    depths = [_depth(thing) for thing in things]
    low, high = min(depths), max(depths)
    patches: list[Patch] = []
    for depth, thing in sorted(zip(depths, things, strict=True), key=lambda pair: pair[0]):
        haze = HAZE * (high - depth) / max(high - low, 3.0)
        patches += _ball(thing, haze) if isinstance(thing, Ball) else _stick(thing, haze)
    axes.add_collection(PatchCollection(patches, match_original=True))
    axes.set_xlim(-half_width, half_width)
    axes.set_ylim(-half_height, half_height)
    axes.set_aspect("equal")
    axes.axis("off")


def _depth(thing: Ball | Stick) -> float:
    if isinstance(thing, Ball):
        return float(thing.centre[2])
    return float(thing.start[2] + thing.end[2]) / 2


def _ball(ball: Ball, haze: float) -> list[Patch]:
    """Circles within one another, lighter towards the light."""
    x, y, _ = ball.centre.tolist()
    edge = _towards(_towards(ball.colour, 0.0, 0.35), 1.0, haze)
    circles: list[Patch] = []
    for shell in range(SHELLS if ball.opacity == 1.0 else 1):
        share = shell / SHELLS
        centre = np.array([x, y]) + share * ball.radius * LIGHT
        colour = _towards(_towards(ball.colour, 1.0, 0.75 * share**1.5), 1.0, haze)
        circles.append(
            Circle(
                (float(centre[0]), float(centre[1])),
                ball.radius * (1 - share),
                facecolor=(*colour, ball.opacity),
                edgecolor=(*edge, 1.0) if shell == 0 else "none",
                linewidth=0.4 if ball.opacity == 1.0 else 0.8,
            )
        )
    return circles


def _stick(stick: Stick, haze: float) -> list[Patch]:
    """A bar of the width of the stick, and none where it points at the viewer."""
    start, end = stick.start[:2].numpy(), stick.end[:2].numpy()
    along = end - start
    length = float(np.hypot(*along))
    if length < 1e-6:
        return []
    across = np.array([-along[1], along[0]]) * stick.width / length
    corners = np.stack((start + across, end + across, end - across, start - across))
    colour = _towards(stick.colour, 1.0, haze)
    edge = _towards(colour, 0.0, 0.25)
    return [Polygon(corners, closed=True, facecolor=colour, edgecolor=edge, linewidth=0.2)]


def _towards(colour: RGB, end: float, share: float) -> RGB:
    """Mix a colour with black, 0, or white, 1."""
    return _rgb([(1 - share) * part + share * end for part in colour])


def _rgb(parts: Sequence[float]) -> RGB:
    red, green, blue = parts
    return red, green, blue
