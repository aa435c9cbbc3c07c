"""Frames of beads with what a prior leaves of their forces, in batches, streamed or held."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autograin_cli.errors import InputError, SettingError
from autograin_cli.potential.force_field import ForceField, heights
from autograin_cli.potential.frame_forces import classical_forces
from autograin_cli.potential.neural.graphs import graph_of
from autograin_cli.potential.neural.network import Graph
from autograin_cli.potential.neural.trainable import Scales
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, Trajectory, take_frames

_BLOCKS = 10  # in time, of which some are held out
_HELD_OUT = (4, 9)
_MEMORY = 2**30  # bytes of frames that are kept; more are read again in every epoch
_TINY = 1e-150
MOST_BEADS, _LEAST_BEADS = 1024, 64  # of a batch
_STEPS = 30  # of an epoch, where there are enough frames
_LOOKED_AT = 16  # frames in which neighbours are counted


@dataclass(frozen=True)
class Frames:
    """Frames, and what the prior leaves of their forces.

    positions: Å, (frames, beads, 3), float32; molecules whole.
    boxes: Å, (frames, 3, 3), float64; None where molecules do not feel one another.
    residuals: kJ/(mol Å), (frames, beads, 3), float32.
    squares: sum of the squared components of all forces, (kJ/(mol Å))², (frames,), float64.
    """

    positions: Tensor
    boxes: Tensor | None
    residuals: Tensor
    squares: Tensor

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.positions)

    def take(self, rows: Tensor | slice) -> "Frames":
        """Keep some frames."""
        boxes = None if self.boxes is None else self.boxes[rows]
        return Frames(self.positions[rows], boxes, self.residuals[rows], self.squares[rows])


def join_frames(parts: list[Frames]) -> Frames:
    """Join frames of one system."""
    boxes = [part.boxes for part in parts if part.boxes is not None]
    return Frames(
        torch.cat([part.positions for part in parts]),
        torch.cat(boxes) if boxes else None,
        torch.cat([part.residuals for part in parts]),
        torch.cat([part.squares for part in parts]),
    )


@dataclass(frozen=True)
class Source:
    """A trajectory of beads with forces, and the prior.

    beads: with forces, molecules whole.
    prior: the classical terms.
    cutoff: of the network, Å.
    """

    beads: Trajectory
    prior: ForceField
    cutoff: float

    def is_held_out(self) -> Tensor:
        """Whether each frame lies in a block that is held out, (frames,)."""
        n_frames = self.beads.n_frames
        blocks = torch.arange(n_frames) * _BLOCKS // n_frames
        return torch.isin(blocks, torch.tensor(_HELD_OUT))

    def frames(self, wanted: Tensor) -> Iterator[Frames]:
        """Read those frames that are wanted, (frames,), chunk by chunk."""
        first = 0
        for chunk in self.beads.chunks():
            rows = wanted[first : first + chunk.n_frames].nonzero()[:, 0]
            first += chunk.n_frames
            if len(rows):
                yield self._learned(take_frames(chunk, rows))

    def _learned(self, chunk: Chunk) -> Frames:
        forces = chunk.forces
        if forces is None:
            raise InputError(
                given="beads without forces",
                expected="forces, which the network is trained on",
                remedy="give --forces",
            )
        boxes = chunk.boxes if self.prior.nonbonded is not None else None
        if boxes is not None:
            _check_boxes(boxes, self.cutoff)
        residuals = forces - classical_forces(self.prior, chunk)
        squares = forces.square().sum((1, 2))
        return Frames(chunk.positions.float(), boxes, residuals.float(), squares)


def _check_boxes(boxes: Tensor, cutoff: float) -> None:
    least = float(heights(boxes).min())
    if least < 2 * cutoff:
        raise SettingError(
            given=f"--neural-cutoff {cutoff:g} and a box {least:.4g} Å high at its thinnest",
            expected=f"at most half of the box, {least / 2:.4g} Å",
            remedy="give a shorter --neural-cutoff",
        )


@dataclass(frozen=True)
class Examples:
    """The frames to train on, or those held out.

    source: of the frames.
    wanted: which of its frames these are, (frames of the source,).
    held: all of them, where there is memory; else they are read again and again.
    window: frames that are in memory at a time.
    """

    source: Source
    wanted: Tensor
    held: Frames | None
    window: int

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(self.wanted.sum())

    def windows(self) -> Iterator[Frames]:
        """Yield the frames in order, as many at a time as may be in memory."""
        if self.held is not None:
            yield self.held
            return
        waiting: list[Frames] = []
        for part in self.source.frames(self.wanted):
            waiting.append(part)
            while sum(each.n_frames for each in waiting) >= self.window:
                joined = join_frames(waiting)
                yield joined.take(slice(0, self.window))
                waiting = [joined.take(slice(self.window, None))]
        if waiting and (rest := join_frames(waiting)).n_frames:
            yield rest

    def n_batches(self, size: int) -> int:
        """Batches of at most so many frames."""
        whole, rest = divmod(self.n_frames, self.window)
        return whole * _ceil(self.window, size) + _ceil(rest, size)

    def in_order(self, size: int) -> Iterator[Frames]:
        """Yield batches of at most so many frames, in order."""
        for window in self.windows():
            for start in range(0, window.n_frames, size):
                yield window.take(slice(start, start + size))

    def shuffled(self, size: int, random: torch.Generator, first: int) -> Iterator[Frames]:
        """Yield batches of nearly even size in random order, from one of them on.

        Args:
            size: most frames of a batch.
            random: of the order.
            first: batches to leave out.
        """
        number = 0
        for window in self.windows():
            order = torch.randperm(window.n_frames, generator=random)
            for rows in order.tensor_split(_ceil(window.n_frames, size)):
                if number >= first:
                    yield window.take(rows)
                number += 1


def _ceil(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


@dataclass(frozen=True)
class Lesson:
    """All that is learned from.

    training, held_out: the frames.
    scales: of the residuals of the frames to train on.
    prior_loss: mean square component of the residuals held out, (kJ/(mol Å))².
    variance: mean square component of the forces held out, (kJ/(mol Å))².
    """

    training: Examples
    held_out: Examples
    scales: Scales
    prior_loss: float
    variance: float


def lesson_of(beads: Trajectory, prior: ForceField, cutoff: float, memory: int = _MEMORY) -> Lesson:
    """Read all frames once, and keep them if there is memory.

    Args:
        beads: with forces, molecules whole.
        prior: the classical terms.
        cutoff: of the network, Å.
        memory: for frames, bytes.

    Raises:
        InputError: too few frames, or no forces.
        SettingError: the cutoff is longer than half a box.
    """
    if beads.n_frames < _BLOCKS:
        raise InputError(
            given=f"{beads.n_frames} frames",
            expected=f"at least {_BLOCKS} to train a network: some are held out",
            remedy="give a longer trajectory, or leave --neural out",
        )
    source = Source(beads, prior, cutoff)
    is_held_out = source.is_held_out()
    training, first, sums = _surveyed(source, ~is_held_out, memory)
    held_out, _, held_out_sums = _surveyed(source, is_held_out, memory)
    size = 3 * prior.system.n_beads
    residual, prior_loss = sums[0] / training.n_frames, held_out_sums[0] / held_out.n_frames
    return Lesson(
        training=training,
        held_out=held_out,
        scales=Scales(max(residual / size, _TINY) ** 0.5, _neighbours(source, first)),
        prior_loss=prior_loss / size,
        variance=max(held_out_sums[1] / held_out.n_frames / size, _TINY),
    )


def _surveyed(
    source: Source, wanted: Tensor, memory: int
) -> tuple[Examples, Frames, tuple[float, float]]:
    """Frames, kept where they fit; the first of them; sums of squared residuals and forces."""
    n_frames, size = int(wanted.sum()), 24 * source.prior.system.n_beads + 80
    fits = n_frames * size <= memory
    kept: list[Frames] = []
    residual = force = 0.0
    for part in source.frames(wanted):
        residual += float(part.residuals.double().square().sum())
        force += float(part.squares.sum())
        if fits or not kept:
            kept.append(part)
    held = join_frames(kept) if fits else None
    window = n_frames if fits else max(1, memory // (2 * size))
    first = kept[0].take(slice(0, _LOOKED_AT))
    return Examples(source, wanted, held, window), first, (residual, force)


def _neighbours(source: Source, frames: Frames) -> tuple[float, float]:
    """Mean number of neighbours of a bead, in its molecule and in others."""
    graph = graph_of_frames(frames, source.prior.system, source.cutoff)
    inside = 2 * graph.n_inside / len(graph.types)
    return inside, 2 * len(graph.first) / len(graph.types) - inside


def frames_of_batch(batch: int | None, n_beads: int, n_frames: int) -> int:
    """Most frames of a batch.

    Args:
        batch: beads of a batch; None for as many as serve well.
        n_beads: of a frame.
        n_frames: to train on.
    """
    if batch is None:
        batch = min(MOST_BEADS, max(_LEAST_BEADS, n_frames * n_beads // _STEPS))
    return max(1, batch // n_beads)


def graph_of_frames(
    frames: Frames, system: System, cutoff: float, device: torch.device | str = "cpu"
) -> Graph:
    """Join frames into one graph, in float32, on a device."""
    boxes: list[Tensor | None] = [None] * frames.n_frames
    if frames.boxes is not None:
        boxes = list(frames.boxes)
    pairs = list(zip(frames.positions, boxes, strict=True))
    graph = graph_of(pairs, system, system.type_names, cutoff)
    return Graph(
        types=graph.types.to(device),
        first=graph.first.to(device),
        second=graph.second.to(device),
        n_inside=graph.n_inside,
        apart=graph.apart.float().to(device),
    )


def seeded(*numbers: int) -> torch.Generator:
    """Random numbers of a seed, apart for each use of it."""
    word = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(word)
