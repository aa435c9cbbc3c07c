"""Distances of pairs of beads, counted by types in blocks of the time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, pairwise
from math import ceil, pi

import numpy as np
import torch
from torch import Tensor

from autograin_cli import rdf_kernels
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import KEPT_VALUES, MOST_BLOCKS, Blocks, divide
from autograin_cli.passes import State, numbered, of_number
from autograin_cli.rdf_arrays import Bins, Layout
from autograin_cli.statistics import effective_samples
from autograin_cli.structure_kernels import count_within
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk

BONDED = 3  # bonds between beads that a bond, an angle or a dihedral joins
BANDS = 4  # of distances, whose counts tell how long a frame remembers the one before
LARGEST_COUNTS = 4_000_000  # numbers in the counts of the frames that are done at a time


@dataclass(frozen=True)
class PairKind:
    """Pairs of two types of beads, of different molecules or of one.

    types: of the beads, as indices into the types of the system, the smaller first.
    within: whether the beads are of one molecule, and joined by no bond, angle or dihedral.
    """

    types: tuple[int, int]
    within: bool


@dataclass(frozen=True)
class PairSample:
    """Counts of one kind of pairs in one trajectory, with what they are measured by.

    counts: of each block in each bin, (blocks, bins).
    exposure: of each block: pairs in 1/Å³ of different molecules, summed over the frames; of
        one molecule their number, (blocks,).
    frames: of each block, (blocks,).
    measure: of each bin: the volume of its shell, Å³, or its width, Å, (bins,).
    partners: beads of the second type that a pair gives each bead of the first, so that counts
        become a number of neighbours.
    """

    counts: Tensor
    exposure: Tensor
    frames: Tensor
    measure: Tensor
    partners: float

    @property
    def n_blocks(self) -> int:
        """Blocks of the bootstrap."""
        return self.counts.shape[0]

    def curves(self, weights: Tensor) -> Tensor:
        """g(r), or density in 1/Å, of weighted blocks: (..., blocks) to (..., bins)."""
        return weights @ self.counts / (weights @ self.exposure)[..., None] / self.measure

    def neighbours(self, weights: Tensor, edges: Tensor, shell: float) -> Tensor:
        """Beads of the second type around one of the first up to `shell`, Å: (...)."""
        low, high = edges[:-1] ** 3, edges[1:] ** 3
        share = ((shell**3 - low) / (high - low)).clamp(0.0, 1.0)
        return self.partners * (weights @ (self.counts @ share)) / (weights @ self.frames)


def pair_kinds(system: System) -> tuple[PairKind, ...]:
    """List the kinds of pairs that a system has: between molecules, then within them."""
    numbers, (_, rows) = pair_numbers(system), within_pairs(system)
    types = list(combinations_with_replacement(range(len(system.type_names)), 2))
    between = [PairKind(pair, False) for k, pair in enumerate(types) if numbers[k] > 0]
    return (*between, *(PairKind(types[k], True) for k in sorted(set(rows.tolist()))))


def pair_numbers(system: System) -> list[int]:
    """Pairs of beads of different molecules in a frame, for each pair of types AA, AB, ..., BB."""
    names = system.type_names
    copies = [
        (part.n_copies, [part.bead_types.count(name) for name in names])
        for part in system.components
    ]
    numbers = []
    for a, b in combinations_with_replacement(range(len(names)), 2):
        n_all = [sum(n * counts[k] for n, counts in copies) for k in (a, b)]
        ordered = n_all[0] * n_all[1] - sum(n * counts[a] * counts[b] for n, counts in copies)
        numbers.append(ordered // 2 if a == b else ordered)
    return numbers


def within_pairs(system: System) -> tuple[Tensor, Tensor]:
    """Pairs of beads of a molecule that no bond, angle or dihedral joins.

    Returns:
        Bead indices in a frame, (pairs, 2), and which pair of types each is, AA, AB, ..., (pairs,).
    """
    found = [torch.zeros(0, 2, dtype=torch.int64)]
    for number, part in enumerate(system.components):
        apart = torch.ones(part.n_beads, part.n_beads, dtype=torch.bool).triu(1)
        joined = System((replace(part, n_copies=1),)).exclusions(BONDED)
        apart[joined[:, 0], joined[:, 1]] = False
        found.append(system.members(number, apart.nonzero()))
    pairs = torch.cat(found)
    types = system.types[pairs].sort(1).values
    return pairs, _row(types[:, 0], types[:, 1], len(system.type_names))


def _row(first: Tensor, second: Tensor, n_types: int) -> Tensor:
    """Number of a pair of types in the order AA, AB, ..., BB, BC, ..."""
    return first * n_types - first * (first - 1) // 2 + second - first


def layout_of(system: System) -> Layout:
    """Sort the beads of a system by type."""
    order = system.types.argsort(stable=True)
    counts = system.types.bincount(minlength=len(system.type_names))
    starts = torch.cat((torch.zeros(1, dtype=torch.int64), counts.cumsum(0)))
    return Layout(order.numpy(), starts.numpy(), system.molecules[order].int().numpy())


def triangular(boxes: Tensor) -> Tensor:
    """Boxes turned so that their matrices are lower triangles, Å, (boxes, 6).

    Distances do not change. The order is xx, yy, zz, yx, zx, zy.
    """
    turned = torch.linalg.cholesky(boxes @ boxes.mT)
    turned = turned * (turned.abs() > 1e-12 * turned.abs().amax((1, 2), keepdim=True))
    return turned[:, [0, 1, 2, 1, 2, 2], [0, 1, 2, 0, 0, 1]].contiguous()


def in_spans(n_frames: int, n_threads: int, work: Callable[[slice], None]) -> None:
    """Do the work of ranges of frames, each in a thread of its own."""
    n_parts = max(1, min(n_threads, n_frames))
    ends = [n_frames * part // n_parts for part in range(n_parts + 1)]
    first, *others = [slice(*span) for span in pairwise(ends)]
    with ThreadPoolExecutor(n_parts) as pool:
        pending = [pool.submit(work, span) for span in others]
        work(first)
        for part in pending:
            part.result()


class PairCounts:
    """Counts of the distances of all kinds of pairs, filled chunk by chunk."""

    def __init__(self, run: Run, edges: Tensor, blocks: Blocks) -> None:
        """Begin with nothing.

        Args:
            run: a trajectory with boxes.
            edges: of the even bins, Å, from 0 to at most half of the least height, (bins + 1,).
            blocks: the finest that will be asked for.
        """
        self._run, self._edges = run, edges
        self._bins = Bins(len(edges) - 1, (len(edges) - 1) / float(edges[-1]))
        self._layout = layout_of(run.system)
        self._within = within_pairs(run.system)
        self._n_rows = len(pair_numbers(run.system))
        self._blocks = blocks
        shape = (self._blocks.n_blocks, 2 * self._n_rows, self._bins.number)
        self._counts = torch.zeros(shape, dtype=torch.float64)
        self._inverse_volumes = torch.zeros(self._blocks.n_blocks, dtype=torch.float64)
        self._frames = torch.zeros(self._blocks.n_blocks, dtype=torch.float64)
        n_series = run.n_frames * run.replicas * self._n_rows * BANDS
        self._stride = ceil(n_series / KEPT_VALUES)
        self._series: list[Tensor] = []

    def add(self, first: int, chunk: Chunk) -> None:
        """Count a chunk whose first frame has this number."""
        length = LARGEST_COUNTS // (self._run.replicas * 2 * self._n_rows * self._bins.number)
        for start in range(0, chunk.n_frames, max(1, length)):
            rows = slice(start, start + max(1, length))
            boxes = None if chunk.boxes is None else chunk.boxes[rows]
            self._add(first + start, Chunk(chunk.positions[rows], chunk.times[rows], boxes))

    def _add(self, first: int, chunk: Chunk) -> None:
        positions, boxes = self._run.replicas_of(chunk)
        if boxes is None:
            return
        counts = self._count(positions, boxes).double()
        block_of = self._blocks.indices(first, chunk.n_frames).flatten()
        self._counts.index_add_(0, block_of, counts)
        self._inverse_volumes.index_add_(0, block_of, 1.0 / torch.linalg.det(boxes).abs())
        self._frames.index_add_(0, block_of, torch.ones(len(boxes), dtype=torch.float64))
        band = torch.arange(self._bins.number) * BANDS // self._bins.number
        bands = torch.zeros(len(boxes), self._n_rows, BANDS, dtype=torch.float64)
        bands.index_add_(2, band, counts[:, : self._n_rows])
        series = bands.reshape(chunk.n_frames, self._run.replicas, -1)
        self._series.append(series[-first % self._stride :: self._stride].clone())

    def state(self) -> State:
        """Give what was added so far."""
        sums = {"counts": self._counts, "volumes": self._inverse_volumes, "frames": self._frames}
        return sums | numbered("series", self._series)

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self._counts, self._inverse_volumes = state["counts"], state["volumes"]
        self._frames, self._series = state["frames"], of_number(state, "series")

    def _count(self, positions: Tensor, boxes: Tensor) -> Tensor:
        """Count in each frame, (frames, rows between and rows within, bins), int64."""
        counts = np.zeros((len(positions), 2 * self._n_rows, self._bins.number), np.int64)
        x, inverses = positions.numpy(), torch.linalg.inv(boxes).contiguous().numpy()
        edges = triangular(boxes).numpy()
        pairs, rows = (part.contiguous().numpy() for part in self._within)

        def work(span: slice) -> None:
            part = counts[span]
            rdf_kernels.count_pairs(
                x[span], inverses[span], edges[span], self._layout, self._bins, part
            )
            count_within(x[span], pairs, rows + self._n_rows, self._bins, part)

        in_spans(len(x), torch.get_num_threads(), work)
        return torch.from_numpy(counts)

    def coarser(self) -> Blocks:
        """Blocks that are ten correlation times long, of the band that remembers longest."""
        series = torch.cat(self._series)
        moving = [series[:, :, k] for k in range(series.shape[2]) if series[:, :, k].var() > 0]
        effective = min((effective_samples(band.T) for band in moving), default=float(MOST_BLOCKS))
        return divide(self._run.n_frames, self._run.replicas, effective)

    def sample(self, kind: PairKind, blocks: Blocks) -> PairSample:
        """Give the counts of one kind of pairs in such blocks."""
        system, edges = self._run.system, self._edges
        names = system.type_names
        first, second = (torch.tensor(number) for number in kind.types)
        row = int(_row(first, second, len(names)))
        joined = torch.zeros(blocks.n_blocks, self._blocks.n_blocks, dtype=torch.float64)
        joined[self._blocks.joined(blocks), torch.arange(self._blocks.n_blocks)] = 1.0
        counts = joined @ self._counts[:, row + self._n_rows * kind.within]
        frames = joined @ self._frames
        if kind.within:
            exposure = frames * float((self._within[1] == row).sum())
            measure = edges.diff()
        else:
            exposure = (joined @ self._inverse_volumes) * pair_numbers(system)[row]
            measure = 4.0 / 3.0 * pi * (edges**3).diff()
        n_first = int((system.types == kind.types[0]).sum())
        partners = (2.0 if kind.types[0] == kind.types[1] else 1.0) / n_first
        return PairSample(counts, exposure, frames, measure, partners)
