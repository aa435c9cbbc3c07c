"""Diffusion of the centres of molecules, from frames that may be folded into the box."""

from math import ceil, sqrt

import torch
from torch import Tensor

from autograin_cli.comparison.runs import Run, heights
from autograin_cli.comparison.sampling import KEPT_VALUES
from autograin_cli.geometry import minimum_image
from autograin_cli.passes import State, numbered, of_number
from autograin_cli.system import Component
from autograin_cli.trajectory import Chunk

BLOCKS = 10  # of the time, for the error
FEWEST_LAGS = 4
MOST_LAGS = 16
SURE = 6.0  # standard deviations of a step that fit into half of the box
UNEVEN = 0.01  # of the usual time between frames


class Centres:
    """Centres of molecules in every frame, of as many as memory allows, filled chunk by chunk."""

    def __init__(self, run: Run) -> None:
        """Begin with nothing."""
        self._run = run
        self._weights = centre_weights(run)
        most = KEPT_VALUES // (3 * run.n_frames * run.replicas * len(run.system.components))
        self._strides = [ceil(part.n_copies / max(1, most)) for part in run.system.components]
        self._kept: list[list[Tensor]] = [[] for _ in run.system.components]
        self._times: list[Tensor] = []
        self._boxes: list[Tensor] = []

    def add(self, first: int, chunk: Chunk) -> None:  # noqa: ARG002
        """Keep the centres of a chunk."""
        if chunk.boxes is None:
            return
        self._times.append(chunk.times)
        self._boxes.append(chunk.boxes)
        system = self._run.system
        positions = chunk.positions.reshape(chunk.n_frames, self._run.replicas, -1, 3)
        for number, part in enumerate(system.components):
            copies = positions[:, :, system.slices[number]]
            copies = copies.reshape(*positions.shape[:2], -1, part.n_beads, 3)
            some = copies[:, :, :: self._strides[number]]
            self._kept[number].append(torch.einsum("b,frcbd->frcd", self._weights[number], some))

    def state(self) -> State:
        """Give what was added so far."""
        state = numbered("times", self._times) | numbered("boxes", self._boxes)
        for number, kept in enumerate(self._kept):
            state |= numbered(f"centres{number}", kept)
        return state

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self._times, self._boxes = of_number(state, "times"), of_number(state, "boxes")
        self._kept = [of_number(state, f"centres{number}") for number in range(len(self._kept))]

    def diffusion(self, component: int) -> tuple[float, float] | None:
        """Give the diffusion coefficient of a component and its standard error, Å²/ps.

        Returns:
            None where times are not known, or the frames are too few, unevenly spaced, or too
            far apart to tell across which side of the box a molecule went.
        """
        if not self._run.timed:
            return None
        times = torch.cat(self._times)
        steps = times.diff()
        n_frames = len(times) // BLOCKS
        if n_frames // 2 - n_frames // 4 < FEWEST_LAGS:
            return None
        usual = float(steps.median())
        if float((steps - usual).abs().max()) > UNEVEN * usual:
            return None
        boxes = torch.cat(self._boxes)
        paths = [unwrapped(torch.cat(kept), boxes) for kept in self._kept]
        if any(path is None for path in paths):
            return None
        known = [path for path in paths if path is not None]
        return diffusion_coefficient(known[component] - self._drift(known), usual)

    def _drift(self, paths: list[Tensor]) -> Tensor:
        """Path of the centre of the whole box, Å, (frames, replicas, 1, 3).

        A heat bath that acts on every atom pushes the box about, one molecule of the mass of all,
        which is as large as diffusion in a box of a hundred and no property of the liquid.
        """
        components = self._run.system.components
        masses = [_masses(part) for part in components]
        if any(part.masses is None for part in components):
            masses = [torch.ones(part.n_beads, dtype=torch.float64) for part in components]
        shares = torch.stack(
            [part.n_copies * mass.sum() for part, mass in zip(components, masses, strict=True)]
        )
        means = torch.stack([path.mean(2, keepdim=True) for path in paths])
        return torch.einsum("c,cfrmd->frmd", shares / shares.sum(), means)


def unwrapped(centres: Tensor, boxes: Tensor) -> Tensor | None:
    """Undo the folding of paths into the box, by the nearest image of every step.

    Args:
        centres: Å, (frames, replicas, molecules, 3).
        boxes: Å, (frames, 3, 3), rows are the box vectors.

    Returns:
        Å, (frames, replicas, molecules, 3); None where steps are so long that one may be taken
        for its image.
    """
    steps = minimum_image(centres.diff(dim=0), boxes[1:])
    longest = SURE * float(steps.square().mean().sqrt())
    if longest > 0.5 * float(heights(boxes).min()):
        return None
    return torch.cat((centres[:1], steps)).cumsum(0)


def diffusion_coefficient(path: Tensor, step: float) -> tuple[float, float]:
    """Fit the growth of the mean square displacement, and find its error from blocks.

    Each block of the time and each replica gives a coefficient: a sixth of the slope of a line
    through the mean square displacements at a quarter to half of the length of the block.

    Args:
        path: of molecules, unwrapped, Å, (frames, replicas, molecules, 3).
        step: time between frames, ps.

    Returns:
        Å²/ps: mean over the blocks, and its standard error.

    Source: A. Einstein, Ann. Phys. 322, 549 (1905).
    """
    length = len(path) // BLOCKS
    blocks = path[: BLOCKS * length].unflatten(0, (BLOCKS, length))
    lags = torch.linspace(length // 4, length // 2, MOST_LAGS).round().long().unique()
    squares = [
        (blocks[:, lag:] - blocks[:, :-lag]).square().sum(-1).mean((1, 3)).flatten()
        for lag in lags.tolist()
    ]
    times = lags.double() * step
    centred = times - times.mean()
    slopes = (centred @ torch.stack(squares)) / centred.square().sum()
    found = slopes / 6.0
    return float(found.mean()), float(found.std()) / sqrt(len(found))


def centre_weights(run: Run) -> list[Tensor]:
    """Shares of the beads in the centre of a molecule, by mass where known, (beads,)."""
    weights = [_masses(part) for part in run.system.components]
    return [masses / masses.sum() for masses in weights]


def _masses(part: Component) -> Tensor:
    """Masses of the beads, u; ones where they are not known."""
    if part.masses is None:
        return torch.ones(part.n_beads, dtype=torch.float64)
    return part.masses.double()
