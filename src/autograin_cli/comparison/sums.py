"""Sums over frames in blocks of the time, and how long a frame remembers the one before."""

from math import ceil

import torch
from torch import Tensor

from autograin_cli.comparison.sampling import KEPT_VALUES, MOST_BLOCKS, Blocks, divide
from autograin_cli.passes import State, numbered, of_number
from autograin_cli.statistics import effective_samples


class BlockSums:
    """Sums of something over the frames of each block, filled chunk by chunk."""

    def __init__(self, n_frames: int, replicas: int, shape: tuple[int, ...], n_series: int) -> None:
        """Begin with nothing.

        Args:
            n_frames, replicas: what will be added, each replica a chain of its own.
            shape: of what is summed.
            n_series: numbers of each frame whose correlation is looked at.
        """
        self._n_frames, self._replicas = n_frames, replicas
        self._blocks = divide(n_frames, replicas, 1e9)
        self._sums = torch.zeros(self._blocks.n_blocks, *shape, dtype=torch.float64)
        self._stride = ceil(n_frames * replicas * n_series / KEPT_VALUES)
        self._series: list[Tensor] = []

    def add(self, first: int, values: Tensor, series: Tensor) -> None:
        """Add frames.

        Args:
            first: number of the first one.
            values: of every replica, one frame after the other, (frames replicas, ...).
            series: of the same, (frames replicas, series).
        """
        n_frames = len(values) // self._replicas
        self._sums.index_add_(0, self._blocks.indices(first, n_frames).flatten(), values)
        kept = series.reshape(n_frames, self._replicas, -1)
        self._series.append(kept[-first % self._stride :: self._stride].clone())

    def state(self) -> State:
        """Give what was added so far."""
        return {"sums": self._sums, **numbered("series", self._series)}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self._sums, self._series = state["sums"], of_number(state, "series")

    def coarser(self) -> Blocks:
        """Blocks that are ten correlation times long, of the series that remembers longest."""
        series = torch.cat(self._series)
        moving = [series[:, :, k] for k in range(series.shape[2]) if series[:, :, k].var() > 0]
        effective = min((effective_samples(one.T) for one in moving), default=float(MOST_BLOCKS))
        return divide(self._n_frames, self._replicas, effective)

    def of(self, blocks: Blocks) -> Tensor:
        """Give the sums of such blocks, (blocks, ...)."""
        sums = torch.zeros(blocks.n_blocks, *self._sums.shape[1:], dtype=torch.float64)
        return sums.index_add(0, self._blocks.joined(blocks), self._sums)
