"""Angles between the neighbours of a bead, by types, from frames kept of each run."""

from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import pi

import numpy as np
import torch
from torch import Tensor

from autograin_cli import triplet_kernels
from autograin_cli.comparison.comparison import PairDistribution, TripletDistribution
from autograin_cli.comparison.pairs import LARGEST_COUNTS, in_spans, layout_of, triangular
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import FEWEST_BLOCKS
from autograin_cli.comparison.scores import Sample, densities, metrics_of
from autograin_cli.comparison.sums import BlockSums
from autograin_cli.near_cells import Boxes
from autograin_cli.passes import State, numbered, of_number
from autograin_cli.rdf_arrays import Bins
from autograin_cli.settings import ComparisonSettings
from autograin_cli.trajectory import Chunk

MOST_FRAMES = 1000  # spread evenly
KEPT_NUMBERS = 10_000_000  # of the positions of the frames kept
BANDS = 4  # of angles, whose counts tell how long a frame remembers the one before
FILLED = 0.75  # of the blocks that must have such a triplet

_OF_A_FRAME = ("positions", "times", "boxes")


@dataclass(frozen=True)
class Neighbours:
    """Who is a neighbour of whom, and which triplets there are.

    radii: distance up to which beads of two types are neighbours, Å; 0 where they never are,
        (types, types).
    kinds: types of the bead and of two neighbours, the smaller first, of each kind of triplet.
    """

    radii: Tensor
    kinds: tuple[tuple[int, int, int], ...]


def neighbours_of(
    pairs: tuple[PairDistribution, ...], names: tuple[str, ...], settings: ComparisonSettings
) -> Neighbours:
    """Take the first shells of the reference for neighbourhoods, or one radius for all.

    Args:
        pairs: g(r) with the ends of the first shells.
        names: of the types of beads.
        settings: a radius in place of the shells.
    """
    n_types = len(names)
    radii = torch.zeros(n_types, n_types, dtype=torch.float64)
    for found in pairs:
        a, b = (names.index(name) for name in found.types)
        if found.kind == "intermolecular":
            radii[a, b] = radii[b, a] = settings.shell or found.shell or 0.0
    ends = list(combinations_with_replacement(range(n_types), 2))
    kinds = [
        (a, b, c) for a in range(n_types) for b, c in ends if radii[a, b] > 0 and radii[a, c] > 0
    ]
    return Neighbours(radii, tuple(kinds))


class KeptFrames:
    """Frames of a run, as many as memory allows, filled chunk by chunk.

    Where the first shell of g(r) ends is known only once all frames have been read.
    """

    def __init__(self, run: Run) -> None:
        """Begin with nothing."""
        self.run = run
        most = max(FEWEST_BLOCKS, KEPT_NUMBERS // (3 * run.beads.n_atoms))
        self._stride = max(1, run.n_frames // min(MOST_FRAMES, most))
        self._kept: list[Chunk] = []

    def add(self, first: int, chunk: Chunk) -> None:
        """Keep frames of a chunk whose first frame has this number."""
        rows = torch.arange(-first % self._stride, chunk.n_frames, self._stride)
        if chunk.boxes is not None and len(rows):
            self._kept.append(Chunk(chunk.positions[rows], chunk.times[rows], chunk.boxes[rows]))

    def state(self) -> State:
        """Give what was added so far."""
        kept = {name: [getattr(one, name) for one in self._kept] for name in _OF_A_FRAME}
        return {k: v for name, parts in kept.items() for k, v in numbered(name, parts).items()}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        parts = (of_number(state, name) for name in _OF_A_FRAME)
        self._kept = [Chunk(*one) for one in zip(*parts, strict=True)]

    def count(self, neighbours: Neighbours, n_bins: int) -> BlockSums:
        """Count the angles of every kind of triplet in even bins from 0 to 180 degrees.

        Returns:
            Sums (kinds, bins).
        """
        shape, replicas = (len(neighbours.kinds), n_bins), self.run.replicas
        n_frames = sum(chunk.n_frames for chunk in self._kept)
        sums = BlockSums(n_frames, replicas, shape, shape[0] * BANDS)
        band = torch.arange(n_bins) * BANDS // n_bins
        length, first = max(1, LARGEST_COUNTS // (replicas * shape[0] * n_bins)), 0
        for chunk in self._kept:
            for start in range(0, chunk.n_frames, length):
                counts = self._count(chunk, slice(start, start + length), neighbours, n_bins)
                bands = torch.zeros(len(counts), shape[0], BANDS, dtype=torch.float64)
                sums.add(first, counts, bands.index_add(2, band, counts).flatten(1))
                first += len(counts) // replicas
        return sums

    def _count(self, chunk: Chunk, rows: slice, neighbours: Neighbours, n_bins: int) -> Tensor:
        """Count in some frames of a chunk, (frames replicas, kinds, bins)."""
        boxes = None if chunk.boxes is None else chunk.boxes[rows]
        some = Chunk(chunk.positions[rows], chunk.times[rows], boxes)
        positions, vectors = self.run.replicas_of(some)
        counts = np.zeros((len(positions), len(neighbours.kinds), n_bins), np.int64)
        if vectors is None:
            return torch.from_numpy(counts).double()
        x, bins = positions.numpy(), Bins(n_bins, n_bins / pi)
        inverses = torch.linalg.inv(vectors).contiguous().numpy()
        edges = triangular(vectors).numpy()
        layout, shells = layout_of(self.run.system), _shells(neighbours)

        def work(span: slice) -> None:
            part = Boxes(inverses[span], edges[span])
            triplet_kernels.count_triplets(x[span], part, layout, shells, bins, counts[span])

        in_spans(len(x), torch.get_num_threads(), work)
        return torch.from_numpy(counts).double()


def _shells(neighbours: Neighbours) -> triplet_kernels.Shells:
    """Neighbourhoods for the compiled loops."""
    n_types = len(neighbours.radii)
    rows = np.zeros((n_types, n_types, n_types), np.int64)
    for row, (a, b, c) in enumerate(neighbours.kinds):
        rows[a, b, c] = rows[a, c, b] = row
    radii = neighbours.radii.numpy()
    return triplet_kernels.Shells(radii**2, float(radii.max()), rows)


def triplet_distributions(
    frames: tuple[KeptFrames, KeptFrames],
    pairs: tuple[PairDistribution, ...],
    settings: ComparisonSettings,
) -> tuple[TripletDistribution, ...]:
    """Distributions of the angles of every kind of triplet that both runs have in most blocks.

    Args:
        frames: of reference and model.
        pairs: their g(r), for the ends of the first shells of the reference.
        settings: bins, resamples, and a radius in place of the shells.
    """
    names = frames[0].run.system.type_names
    neighbours = neighbours_of(pairs, names, settings)
    if not neighbours.kinds:
        return ()
    sums = [kept.count(neighbours, settings.bins) for kept in frames]
    counts = [found.of(found.coarser()) for found in sums]
    edges = torch.linspace(0.0, 180.0, settings.bins + 1, dtype=torch.float64)
    return tuple(
        _triplet_distribution((reference, model), kind, neighbours, edges, names, settings)
        for row, kind in enumerate(neighbours.kinds)
        for reference, model in [(counts[0][:, row], counts[1][:, row])]
        if min(float((one.sum(1) > 0).double().mean()) for one in (reference, model)) >= FILLED
    )


def _triplet_distribution(
    counts: tuple[Tensor, Tensor],
    kind: tuple[int, int, int],
    neighbours: Neighbours,
    edges: Tensor,
    names: tuple[str, ...],
    settings: ComparisonSettings,
) -> TripletDistribution:
    """Densities, bands and scores of one kind of triplet, (blocks, bins) of both runs."""
    a, b, c = kind
    width = float(edges[1] - edges[0])
    found = densities((Sample(counts[0], 0.0), Sample(counts[1], 0.0)), settings)
    bands = found.bands
    return TripletDistribution(
        name=f"triplet {names[b]}-{names[a]}-{names[c]}",
        types=(names[b], names[a], names[c]),
        shells=neighbours.radii[a, [b, c]],
        edges=edges,
        reference=found.whole[0] / width,
        reference_low=bands[0][0] / width,
        reference_high=bands[0][1] / width,
        model=found.whole[1] / width,
        model_low=bands[1][0] / width,
        model_high=bands[1][1] / width,
        reference_blocks=found.n_blocks[0],
        model_blocks=found.n_blocks[1],
        scores=found.scores(metrics_of("degrees", width, periodic=False)),
    )
