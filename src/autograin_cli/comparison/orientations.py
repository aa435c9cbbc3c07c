"""P1 and P2 of the axes of two molecules against the distance of their centres."""

from dataclasses import dataclass
from itertools import accumulate, combinations_with_replacement
from math import pi

import numpy as np
import torch
from torch import Tensor

from autograin_cli import orientation_kernels
from autograin_cli.comparison import statistics
from autograin_cli.comparison.comparison import Orientation
from autograin_cli.comparison.motion import centre_weights
from autograin_cli.comparison.pairs import LARGEST_COUNTS, in_spans, triangular
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.scores import Densities, plain
from autograin_cli.comparison.sums import BlockSums
from autograin_cli.near_cells import Boxes
from autograin_cli.passes import State
from autograin_cli.rdf_arrays import Bins, Layout
from autograin_cli.settings import ComparisonSettings
from autograin_cli.system import Component
from autograin_cli.trajectory import Chunk

BANDS = 4  # of distances, whose P2 tells how long a frame remembers the one before
HARDLY = 0.1  # of the pairs of a gas, below which the reference tells nothing of a distance
METRICS = (
    plain("max deviation", "1", statistics.max_deviation),
    plain("rms deviation", "1", statistics.rms_deviation),
)


@dataclass(frozen=True)
class Axis:
    """The axis of a type of molecule, from one bead to another.

    component: which type of molecule of the system.
    first, last: beads of a copy.
    polar: whether its two ends differ, so that the axis points somewhere.
    """

    component: int
    first: int
    last: int
    polar: bool


def axis_of(number: int, part: Component) -> Axis | None:
    """Find the axis of a molecule: between the beads that most bonds separate.

    Of several such pairs it is that of the least numbers. The ends differ if the types of beads
    are met in another order from the one and from the other.

    Returns:
        None where no bond joins two beads.
    """
    far = _bonds_between(part)
    if not bool((far.isfinite() & (far > 0)).any()):
        return None
    longest = torch.where(far.isfinite(), far, -1.0)
    first, last = divmod(int(longest.argmax()), part.n_beads)
    met = [sorted(zip(far[end].tolist(), part.bead_types, strict=True)) for end in (first, last)]
    return Axis(number, first, last, polar=met[0] != met[1])


def _bonds_between(part: Component) -> Tensor:
    """Fewest bonds between the beads of a molecule, infinite where none lead there."""
    n = part.n_beads
    far = torch.full((n, n), torch.inf).fill_diagonal_(0.0)
    far[part.bonds[:, 0], part.bonds[:, 1]] = far[part.bonds[:, 1], part.bonds[:, 0]] = 1.0
    for middle in range(n):
        far = torch.minimum(far, far[:, middle, None] + far[middle])
    return far


class OrientationSums:
    """Sums over pairs of molecules of what P1 and P2 are made of, filled chunk by chunk."""

    def __init__(self, run: Run, edges: Tensor) -> None:
        """Begin with nothing.

        Args:
            run: a trajectory with boxes.
            edges: of the even bins, Å, from 0 to at most half of the least height, (bins + 1,).
        """
        self._run, self._edges = run, edges
        parts = run.system.components
        found = [axis_of(number, part) for number, part in enumerate(parts)]
        self.axes = tuple(axis for axis in found if axis is not None)
        self._bins = Bins(len(edges) - 1, (len(edges) - 1) / float(edges[-1]))
        self._weights = centre_weights(run)
        self._copies = [parts[axis.component].n_copies for axis in self.axes]
        numbers = np.arange(sum(self._copies))
        starts = np.array([0, *accumulate(self._copies)])
        self._layout = Layout(numbers, starts, numbers.astype(np.int32))
        self.pairs = tuple(combinations_with_replacement(range(len(self.axes)), 2))
        shape = (len(self.pairs), self._bins.number, 3)
        self._sums = BlockSums(run.n_frames, run.replicas, shape, len(self.pairs) * BANDS)
        self._inverse_volumes = torch.zeros((), dtype=torch.float64)

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        if chunk.boxes is None or not self.axes:
            return
        length = max(1, LARGEST_COUNTS // (self._run.replicas * 3 * self._size))
        for start in range(0, chunk.n_frames, length):
            rows = slice(start, start + length)
            some = Chunk(chunk.positions[rows], chunk.times[rows], chunk.boxes[rows])
            self._add(first + start, some)

    @property
    def _size(self) -> int:
        return len(self.pairs) * self._bins.number

    def _add(self, first: int, chunk: Chunk) -> None:
        positions, boxes = self._run.replicas_of(chunk)
        if boxes is None:
            return
        self._inverse_volumes += (1.0 / torch.linalg.det(boxes).abs()).sum()
        totals = self._summed(positions, boxes)
        band = torch.arange(self._bins.number) * BANDS // self._bins.number
        second = 1.5 * totals[..., 2] - 0.5 * totals[..., 0]
        bands = torch.zeros(len(totals), len(self.pairs), BANDS, dtype=torch.float64)
        self._sums.add(first, totals, bands.index_add(2, band, second).flatten(1))

    def state(self) -> State:
        """Give what was added so far."""
        return {"volumes": self._inverse_volumes, **self._sums.state()}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self._inverse_volumes = state["volumes"]
        self._sums.restore(state)

    def _summed(self, positions: Tensor, boxes: Tensor) -> Tensor:
        """Pairs, cosines and their squares of each frame, (frames, pairs of types, bins, 3)."""
        centres, axes = (part.contiguous().numpy() for part in self.molecules(positions))
        totals = np.zeros((len(positions), len(self.pairs), self._bins.number, 3))
        inverses = torch.linalg.inv(boxes).contiguous().numpy()
        edges = triangular(boxes).numpy()

        def work(span: slice) -> None:
            part = Boxes(inverses[span], edges[span])
            orientation_kernels.add_orientations(
                centres[span], axes[span], part, self._layout, self._bins, totals[span]
            )

        in_spans(len(totals), torch.get_num_threads(), work)
        return torch.from_numpy(totals)

    def molecules(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Centres and axes of the molecules that have one, from (frames, beads, 3).

        Returns:
            Å, and unit vectors, both (frames, molecules, 3).
        """
        centres, directions, system = [], [], self._run.system
        for axis in self.axes:
            part, where = system.components[axis.component], system.slices[axis.component]
            copies = positions[:, where].reshape(len(positions), -1, part.n_beads, 3)
            centres.append(torch.einsum("b,fcbd->fcd", self._weights[axis.component], copies))
            along = copies[:, :, axis.last] - copies[:, :, axis.first]
            directions.append(along / along.norm(dim=-1, keepdim=True).clamp(min=1e-12))
        return torch.cat(centres, 1), torch.cat(directions, 1)

    def sums(self) -> Tensor:
        """Sums of blocks ten correlation times long, (blocks, pairs of types, bins, 3)."""
        return self._sums.of(self._sums.coarser())

    def density(self, row: int) -> Tensor:
        """g(r) of the centres of the molecules of a pair of types, (bins,)."""
        a, b = self.pairs[row]
        n, m = self._copies[a], self._copies[b]
        n_pairs = n * (n - 1) / 2 if a == b else n * m
        volumes = 4.0 / 3.0 * pi * (self._edges**3).diff()
        met = self._sums.of(self._sums.coarser())[:, row, :, 0].sum(0)
        return met / (self._inverse_volumes * n_pairs * volumes)


def orientations(
    gathered: tuple[OrientationSums, OrientationSums],
    names: tuple[str, ...],
    edges: Tensor,
    settings: ComparisonSettings,
) -> tuple[Orientation, ...]:
    """P2 of every pair of types of molecules with an axis, and P1 where both axes point somewhere.

    Args:
        gathered: of reference and model.
        names: of all types of molecules.
        edges: of the bins of the distance, Å, (bins + 1,).
        settings: resamples and seed.
    """
    axes, found = gathered[0].axes, list[Orientation]()
    if not axes:
        return ()
    sums = [one.sums() for one in gathered]
    for row, (a, b) in enumerate(gathered[0].pairs):
        rows = sums[0][:, row], sums[1][:, row]
        if min(float(one[..., 0].sum()) for one in rows) == 0.0:
            continue
        told = gathered[0].density(row) >= HARDLY
        if not bool(told.any()):
            continue
        pair = names[axes[a].component], names[axes[b].component]
        for order in (2, 1) if axes[a].polar and axes[b].polar else (2,):
            found.append(_orientation(rows, order, told, edges, pair, settings))
    return tuple(found)


def _orientation(
    sums: tuple[Tensor, Tensor],
    order: int,
    told: Tensor,
    edges: Tensor,
    molecules: tuple[str, str],
    settings: ComparisonSettings,
) -> Orientation:
    """Curves, bands and scores of one pair of types, from sums (blocks, bins, 3) of both runs."""
    begin = int(told.nonzero()[0])
    generator = torch.Generator().manual_seed(settings.seed)
    parts = [part[:, begin:] for part in sums]
    n_blocks = len(parts[0]), len(parts[1])

    def curves(run: int, weights: Tensor) -> Tensor:
        return mean_polynomial(parts[run], weights, order) * told[begin:]

    draws = [statistics.resamples(n, settings.resamples, generator) for n in n_blocks]
    half = statistics.halves(n_blocks[0], settings.resamples, generator)
    ones = [torch.ones(n, dtype=torch.float64) for n in n_blocks]
    found = Densities(
        whole=(curves(0, ones[0]), curves(1, ones[1])),
        draws=(curves(0, draws[0]), curves(1, draws[1])),
        halves=(curves(0, half), curves(0, 1.0 - half)),
        n_blocks=n_blocks,
    )
    bands = found.bands
    return Orientation(
        name=f"P{order} {'-'.join(molecules)}",
        order=order,
        molecules=molecules,
        edges=edges[begin:],
        reference=found.whole[0],
        reference_low=bands[0][0],
        reference_high=bands[0][1],
        model=found.whole[1],
        model_low=bands[1][0],
        model_high=bands[1][1],
        reference_blocks=n_blocks[0],
        model_blocks=n_blocks[1],
        scores=found.scores(METRICS),
    )


def mean_polynomial(sums: Tensor, weights: Tensor, order: int) -> Tensor:
    """Mean Legendre polynomial of the cosine in each bin; 0 where there is no pair.

    Args:
        sums: of 1, the cosine and its square, (blocks, bins, 3).
        weights: of the blocks, (..., blocks).
        order: of the polynomial, 1 or 2.

    Returns:
        (..., bins).
    """
    number, first, second = (weights @ sums[:, :, power] for power in range(3))
    total = first if order == 1 else 1.5 * second - 0.5 * number
    return torch.where(number > 0, total / number.clamp(min=1.0), 0.0)
