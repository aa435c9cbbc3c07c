"""Neighbouring bonds and angles of a molecule together: counts over two of them, correlation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import torch
from torch import Tensor

from autograin_cli.comparison import statistics
from autograin_cli.comparison.comparison import JointDistribution, Quantity
from autograin_cli.comparison.observables import Observable, bin_edges
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import Blocks, divide
from autograin_cli.comparison.scores import Densities, Sample, densities, plain
from autograin_cli.comparison.surveying import Range
from autograin_cli.passes import State, numbered, of_number
from autograin_cli.settings import ComparisonSettings
from autograin_cli.trajectory import Chunk

MOST = 64  # kinds of two coordinates, and blocks of each: a plane of bins takes memory
COARSER = 2  # bins of a distribution to one along each side of the plane
FEWEST_BINS = 5
UNITS = {
    ("Å", "Å"): "1/Å²",
    ("Å", "degrees"): "1/(Å degrees)",
    ("degrees", "degrees"): "1/degrees²",
}


@dataclass(frozen=True)
class Joint:
    """Two coordinates that are observed together in every copy of a molecule.

    numbers: of the two in the list of all observables.
    first, second: the two, with as many instances; instance k of the one belongs to k of the other.
    """

    numbers: tuple[int, int]
    first: Observable
    second: Observable


def joints_of(observables: tuple[Observable, ...]) -> tuple[Joint, ...]:
    """List the kinds of neighbouring bonds and angles.

    Bonds that share a bead, an angle and a bond that it is made of, angles that share a bond. Two
    of one kind count in both orders, so that nothing depends on which is called the first.

    Returns:
        The first 64 kinds, bonds with bonds before bonds with angles before angles with angles.
    """
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (i, p), (j, q) in _neighbours(observables):
        if (_size(observables[i]), i) <= (_size(observables[j]), j):
            pairs.setdefault((i, j), []).append((p, q))
    order = sorted(pairs, key=lambda key: ([_size(observables[number]) for number in key], key))
    return tuple(
        Joint(
            key,
            replace(observables[key[0]], beads=observables[key[0]].beads[rows[:, 0]], energy=None),
            replace(observables[key[1]], beads=observables[key[1]].beads[rows[:, 1]], energy=None),
        )
        for key in order[:MOST]
        for rows in [torch.tensor(sorted(pairs[key]))]
    )


def _size(observable: Observable) -> int:
    """Number of beads that a coordinate joins."""
    return observable.beads.shape[1]


def _neighbours(
    observables: tuple[Observable, ...],
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield observable and instance of a coordinate and of one beside it, in both orders."""
    at: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for i, observable in enumerate(observables):
        for p, beads in enumerate(observable.beads.tolist() if not observable.periodic else []):
            for bead in beads:
                at.setdefault((observable.component, bead), []).append((i, p))
    met = {
        pair
        for near in at.values()
        for one, other in combinations(near, 2)
        for pair in ((one, other), (other, one))
    }
    for (i, p), (j, q) in met:
        one, other = observables[i].beads[p].tolist(), observables[j].beads[q].tolist()
        if _belong(*sorted((one, other), key=len)):
            yield (i, p), (j, q)


def _belong(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two bonds share a bead, an angle has a bond as its arm, or two angles share one."""
    arms = [{frozenset(beads[k : k + 2]) for k in range(len(beads) - 1)} for beads in (one, other)]
    return len(other) == 2 or bool(arms[0] & arms[1])


class JointCounts:
    """Counts of two coordinates in every block and bin of their plane, filled chunk by chunk."""

    def __init__(
        self,
        run: Run,
        joints: tuple[Joint, ...],
        ranges: tuple[Range, ...],
        edges: tuple[tuple[Tensor, Tensor], ...],
    ) -> None:
        """Begin with nothing.

        Args:
            run: the trajectory.
            joints: what is observed.
            ranges: of all observables, for blocks and effective samples.
            edges: of the even bins of both coordinates of each.
        """
        self._run, self._joints, self._edges = run, joints, edges
        near = [[ranges[number] for number in joint.numbers] for joint in joints]
        self.effective = [min(found.effective for found in two) for two in near]
        self._layouts = [_fewer([found.blocks for found in two]) for two in near]
        self.counts = [
            torch.zeros(blocks.n_blocks, (len(x) - 1) * (len(y) - 1), dtype=torch.float64)
            for blocks, (x, y) in zip(self._layouts, edges, strict=True)
        ]
        self.moments = [
            torch.zeros(blocks.n_blocks, 6, dtype=torch.float64) for blocks in self._layouts
        ]

    def add(self, first: int, chunk: Chunk) -> None:
        """Count a chunk whose first frame has this number."""
        for i, (joint, edges) in enumerate(zip(self._joints, self._edges, strict=True)):
            values = self._run.observe(joint.first, chunk), self._run.observe(joint.second, chunk)
            blocks = self._layouts[i].indices(first, chunk.n_frames)[..., None]
            blocks = blocks.expand(values[0].shape).flatten()
            x, y = (value.flatten() for value in values)
            # From the middle of the range, so that the variance loses no digits.
            dx, dy = x - edges[0][[0, -1]].mean(), y - edges[1][[0, -1]].mean()
            powers = torch.stack((torch.ones_like(dx), dx, dy, dx * dx, dy * dy, dx * dy), 1)
            self.moments[i].index_add_(0, blocks, powers)
            n_second = len(edges[1]) - 1
            place = (blocks * (len(edges[0]) - 1) + _bins(x, edges[0])) * n_second
            found = torch.bincount(place + _bins(y, edges[1]), minlength=self.counts[i].numel())
            self.counts[i] += found.reshape(self.counts[i].shape)

    def state(self) -> State:
        """Give what was added so far."""
        return numbered("counts", self.counts) | numbered("moments", self.moments)

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self.counts, self.moments = of_number(state, "counts"), of_number(state, "moments")


def _bins(values: Tensor, edges: Tensor) -> Tensor:
    """Even bin of each value."""
    place = ((values - edges[0]) / (edges[1] - edges[0])).long()
    return place.clamp(0, len(edges) - 2)


def _fewer(blocks: list[Blocks]) -> Blocks:
    """The coarser division, of not more blocks than there is memory for."""
    found = min(blocks, key=lambda one: one.n_blocks)
    if found.n_blocks <= MOST:
        return found
    return divide(found.n_frames, found.n_chains, 10.0 * MOST)


def plane_edges(
    joints: tuple[Joint, ...], ranges: tuple[tuple[Range, ...], tuple[Range, ...]], n_bins: int
) -> tuple[tuple[Tensor, Tensor], ...]:
    """Edges of the bins of each coordinate of each plane, over the ranges of both runs.

    Args:
        joints: the planes.
        ranges: of all observables in reference and model.
        n_bins: of a distribution of one coordinate; a plane has half as many along a side.
    """
    wanted = max(FEWEST_BINS, n_bins // COARSER)

    def edges(number: int, observable: Observable) -> Tensor:
        a, b = ranges[0][number], ranges[1][number]
        return bin_edges(observable, min(a.low, b.low), max(a.high, b.high), wanted)

    return tuple(
        (edges(joint.numbers[0], joint.first), edges(joint.numbers[1], joint.second))
        for joint in joints
    )


def joint_distributions(
    joints: tuple[Joint, ...],
    edges: tuple[tuple[Tensor, Tensor], ...],
    counts: tuple[JointCounts, JointCounts],
    settings: ComparisonSettings,
) -> tuple[JointDistribution, ...]:
    """Densities, correlation coefficients and scores of all kinds of two coordinates."""
    return tuple(
        _joint_distribution(
            joint,
            edges[i],
            (
                Sample(counts[0].counts[i], counts[0].effective[i]),
                Sample(counts[1].counts[i], counts[1].effective[i]),
            ),
            _correlation((counts[0].moments[i], counts[1].moments[i]), settings),
            settings,
        )
        for i, joint in enumerate(joints)
    )


def _joint_distribution(
    joint: Joint,
    edges: tuple[Tensor, Tensor],
    samples: tuple[Sample, Sample],
    correlation: Quantity,
    settings: ComparisonSettings,
) -> JointDistribution:
    """Densities and scores of two coordinates."""
    shape = len(edges[0]) - 1, len(edges[1]) - 1
    found: Densities = densities(samples, settings)
    area = float((edges[0][1] - edges[0][0]) * (edges[1][1] - edges[1][0]))
    low, high = zip(*found.bands, strict=True)
    planes = [
        [(plane / area).reshape(shape) for plane in both] for both in (found.whole, low, high)
    ]
    return JointDistribution(
        name=f"{joint.first.name}, {joint.second.name}",
        first=joint.first.name,
        second=joint.second.name,
        first_unit=joint.first.unit,
        second_unit=joint.second.unit,
        unit=UNITS[joint.first.unit, joint.second.unit],
        first_edges=edges[0],
        second_edges=edges[1],
        reference=planes[0][0],
        reference_low=planes[1][0],
        reference_high=planes[2][0],
        model=planes[0][1],
        model_low=planes[1][1],
        model_high=planes[2][1],
        correlation=correlation,
        reference_effective=samples[0].effective,
        model_effective=samples[1].effective,
        reference_blocks=samples[0].n_blocks,
        model_blocks=samples[1].n_blocks,
        scores=found.scores((plain("jensen-shannon", "bits", statistics.jensen_shannon),)),
    )


def _correlation(moments: tuple[Tensor, Tensor], settings: ComparisonSettings) -> Quantity:
    """Correlation coefficients of both runs with standard errors, from moments (blocks, 6)."""
    generator = torch.Generator().manual_seed(settings.seed)
    values, errors = [], []
    for found in moments:
        n = len(found)
        drawn = coefficient(statistics.resamples(n, settings.resamples, generator) @ found)
        values.append(float(coefficient(found.sum(0))))
        errors.append((n / (n - 1)) ** 0.5 * float(drawn.std()))
    return Quantity(
        name="correlation",
        unit="1",
        reference=values[0],
        reference_error=errors[0],
        model=values[1],
        model_error=errors[1],
        expected_to_match=True,
    )


def coefficient(moments: Tensor) -> Tensor:
    """Correlation coefficient; 0 where one of the two never moves.

    Args:
        moments: sums of 1, x, y, x², y² and xy, (..., 6).

    Returns:
        (...).
    """
    x, y, xx, yy, xy = (moments[..., 1:] / moments[..., :1]).unbind(-1)
    spread = ((xx - x * x).clamp(min=0.0) * (yy - y * y).clamp(min=0.0)).sqrt()
    found = (xy - x * y) / spread.clamp(min=1e-300)
    return torch.where(spread > 0.0, found.clamp(-1.0, 1.0), 0.0)
