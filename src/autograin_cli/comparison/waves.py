"""S(q): waves of density on the reciprocal lattice of the box, by types of beads."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import ceil, pi

import numpy as np
import torch
from torch import Tensor

from autograin_cli.comparison.pairs import in_spans, layout_of
from autograin_cli.comparison.runs import Run, heights
from autograin_cli.comparison.sampling import Blocks
from autograin_cli.passes import State
from autograin_cli.structure_kernels import add_waves
from autograin_cli.trajectory import Chunk

LONGEST = 4.0  # 1/Å, of a wave vector
MOST_WAVES = 48  # of a wave vector along a vector of the box
MOST_IN_A_SHELL = 32  # wave vectors; more are drawn from
MOST_FRAMES = 2000  # spread evenly


@dataclass(frozen=True)
class Shells:
    """Shells of wave vectors of even width, the same for both runs.

    width: 1/Å; shell k reaches half of it to either side of k times the width, from k = 1 on.
    number: of shells.
    """

    width: float
    number: int

    @property
    def centres(self) -> Tensor:
        """Middle of each shell, 1/Å, (shells,)."""
        return self.width * torch.arange(1, self.number + 1, dtype=torch.float64)


@dataclass(frozen=True)
class Waves:
    """Wave vectors of one box.

    vectors: in units of the vectors of the reciprocal lattice, (waves, 3), int64.
    shells: shell of each, (waves,), int64.
    """

    vectors: Tensor
    shells: Tensor


def shells_of(boxes: Sequence[Tensor]) -> Shells:
    """Choose shells as wide as the shortest wave vector of the smallest of the boxes, (3, 3)."""
    width = max(2 * pi / float(heights(box[None]).max()) for box in boxes)
    longest = min(2 * pi * MOST_WAVES / float(box.norm(dim=1).max()) for box in boxes)
    return Shells(width, max(1, int(min(LONGEST, longest) / width)))


def waves_of(box: Tensor, shells: Shells, seed: int) -> Waves:
    """List the wave vectors of a box in shells, one of each pair q and -q.

    Args:
        box: Å, (3, 3), rows are the box vectors.
        shells: that are to be filled.
        seed: of the draw where a shell holds more than are needed.
    """
    reciprocal = 2 * pi * torch.linalg.inv(box).T
    longest = (shells.number + 0.5) * shells.width
    most = [int(longest * length / (2 * pi)) for length in box.norm(dim=1).tolist()]
    axes = [torch.arange(-n, n + 1) for n in most]
    grid = torch.cartesian_prod(axes[0], axes[1], torch.arange(most[2] + 1))
    signs = torch.where(grid[:, 2] != 0, grid[:, 2], grid[:, 1])
    grid = grid[torch.where(signs != 0, signs, grid[:, 0]) > 0]
    grid = grid[torch.randperm(len(grid), generator=torch.Generator().manual_seed(seed))]
    shell = ((grid.double() @ reciprocal).norm(dim=1) / shells.width + 0.5).long() - 1
    kept = [(shell == number).nonzero()[:MOST_IN_A_SHELL, 0] for number in range(shells.number)]
    rows = torch.cat(kept)
    return Waves(grid[rows].contiguous(), shell[rows].contiguous())


class WaveSums:
    """S(q) of each pair of types in blocks of the time, filled chunk by chunk."""

    def __init__(self, run: Run, waves: Waves, shells: Shells, blocks: Blocks) -> None:
        """Begin with nothing.

        Args:
            run: a trajectory with boxes.
            waves: of its box; where the box varies, they vary with it.
            shells: that they are in.
            blocks: of the time.
        """
        self._run, self._waves = run, waves
        self._layout = layout_of(run.system)
        self._numbers = waves.shells.bincount(minlength=shells.number)
        self._stride = ceil(run.n_frames / MOST_FRAMES)
        self._blocks = blocks
        n_types = len(run.system.type_names)
        shape = (blocks.n_blocks, n_types * (n_types + 1) // 2, shells.number)
        self._sums = torch.zeros(shape, dtype=torch.float64)
        self._frames = torch.zeros(blocks.n_blocks, dtype=torch.float64)

    def add(self, first: int, chunk: Chunk) -> None:
        """Add the waves of a chunk whose first frame has this number."""
        rows = torch.arange(-first % self._stride, chunk.n_frames, self._stride)
        if chunk.boxes is None or not len(rows):
            return
        some = Chunk(chunk.positions[rows], chunk.times[rows], chunk.boxes[rows])
        positions, boxes = self._run.replicas_of(some)
        block_of = self._blocks.indices(first, chunk.n_frames)[rows].flatten()
        if boxes is not None:
            self._sums.index_add_(0, block_of, self._waved(positions, boxes))
            self._frames.index_add_(0, block_of, torch.ones(len(block_of), dtype=torch.float64))

    def state(self) -> State:
        """Give what was added so far."""
        return {"sums": self._sums, "frames": self._frames}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self._sums, self._frames = state["sums"], state["frames"]

    def _waved(self, positions: Tensor, boxes: Tensor) -> Tensor:
        """S(q) of each frame, (frames, pairs of types, shells)."""
        n_of = np.diff(self._layout.starts)
        pairs = list(combinations_with_replacement(n_of.tolist(), 2))
        totals = np.zeros((len(positions), len(pairs), len(self._numbers)))
        x, inverses = positions.numpy(), torch.linalg.inv(boxes).contiguous().numpy()
        vectors, shells = self._waves.vectors.numpy(), self._waves.shells.numpy()

        def work(span: slice) -> None:
            order, starts = self._layout.order, self._layout.starts
            add_waves(x[span], inverses[span], order, starts, vectors, shells, totals[span])

        in_spans(len(x), torch.get_num_threads(), work)
        beads = torch.tensor(pairs, dtype=torch.float64).prod(1).sqrt()
        return torch.from_numpy(totals) / beads[:, None] / self._numbers.clamp(min=1)

    def result(self, blocks: Blocks) -> tuple[Tensor, Tensor, Tensor]:
        """Give the mean over such blocks, its standard error, and which shells have a vector.

        Returns:
            Both (pairs of types, shells), and (shells,).
        """
        joined = self._blocks.joined(blocks)
        sums = torch.zeros(blocks.n_blocks, *self._sums.shape[1:], dtype=torch.float64)
        sums.index_add_(0, joined, self._sums)
        frames = torch.zeros(blocks.n_blocks, dtype=torch.float64).index_add(
            0, joined, self._frames
        )
        mean = sums.sum(0) / frames.sum()
        residuals = sums - mean * frames[:, None, None]
        n = blocks.n_blocks
        variance = n / (n - 1) * residuals.square().sum(0) / frames.sum() ** 2
        return mean, variance.sqrt(), self._numbers > 0
