"""A first pass over a trajectory of beads: ranges, correlation, boxes."""

from dataclasses import dataclass
from math import ceil, inf

import torch
from torch import Tensor

from autograin_cli.comparison.observables import Observable
from autograin_cli.comparison.runs import Run, heights
from autograin_cli.comparison.sampling import (
    FEWEST_BLOCKS,
    KEPT_VALUES,
    Blocks,
    divide,
    effective_values,
    shared_effective_values,
)
from autograin_cli.errors import InputError
from autograin_cli.passes import State, numbered, of_number, part_of
from autograin_cli.trajectory import Chunk


@dataclass(frozen=True)
class Range:
    """What the first pass learns of one observable.

    low, high: smallest and largest value, Å or degrees.
    effective: effective samples of its mean, over all copies and instances.
    blocks: of the bootstrap.
    """

    low: float
    high: float
    effective: float
    blocks: Blocks


@dataclass(frozen=True)
class Survey:
    """What the first pass learns of a trajectory.

    n_samples: frames times molecules.
    duration: from the first frame to the last, ps.
    ranges: of each observable.
    interacts: whether several molecules share a periodic box.
    height: least distance between opposite faces of a box, Å; infinite in vacuum.
    box: mean of the boxes, Å, (3, 3); None in vacuum.
    """

    n_samples: int
    duration: float
    ranges: tuple[Range, ...]
    interacts: bool
    height: float
    box: Tensor | None


class Kept:
    """Range of an observable and a sample of its values, filled chunk by chunk."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.low, self.high = inf, -inf
        self.values: list[Tensor] = []

    def add(self, values: Tensor, rows: slice) -> None:
        """Take the values of a chunk, of which `rows` are kept, (frames, chains, instances)."""
        self.low = min(self.low, float(values.min()))
        self.high = max(self.high, float(values.max()))
        # A copy, or the frames left out would stay in memory.
        self.values.append(values[rows].clone())

    def state(self) -> State:
        """Give what was added so far."""
        span = torch.tensor([self.low, self.high], dtype=torch.float64)
        return {"range": span, **numbered("values", self.values)}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self.low, self.high = state["range"].tolist()
        self.values = of_number(state, "values")


def survey(run: Run, observables: tuple[Observable, ...]) -> Survey:
    """Find the range and the correlation of every observable, and the boxes, in one pass.

    Args:
        run: the trajectory.
        observables: what is observed.

    Returns:
        Survey; memory does not grow with the number of frames.

    Raises:
        InputError: there is nothing to observe, the beads are not those of the system, the
            samples are too few, or a position is not finite.
    """
    seen = _Seen(run, observables)
    run.add_up(seen)
    interacts, height = bool(seen.numbers[2]), float(seen.numbers[3])
    return Survey(
        n_samples=run.n_frames * run.replicas * run.system.n_molecules,
        duration=float(seen.numbers[1] - seen.numbers[0]),
        ranges=tuple(
            _range(run, observable, found, interacts)
            for observable, found in zip(observables, seen.kept, strict=True)
        ),
        interacts=interacts,
        height=height,
        box=seen.boxes if height < inf else None,
    )


class _Seen:
    """Ranges of the observables, times and boxes, filled chunk by chunk."""

    def __init__(self, run: Run, observables: tuple[Observable, ...]) -> None:
        self._run, self._observables = run, observables
        self._stride = _stride(run, observables)
        self.kept = [Kept() for _ in observables]
        # First and last time, whether molecules feel one another, least height of a box.
        self.numbers = torch.tensor([0.0, 0.0, 0.0, inf], dtype=torch.float64)
        self.boxes = torch.zeros(3, 3, dtype=torch.float64)

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        run = self._run
        if first == 0:
            interacts = run.interacts(chunk)
            _check_samples(run, self._observables, interacts)
            self.numbers[0], self.numbers[2] = chunk.times[0], float(interacts)
        self.numbers[1] = chunk.times[-1]
        if chunk.boxes is not None:
            self.numbers[3] = torch.minimum(self.numbers[3], heights(chunk.boxes).min())
            self.boxes += chunk.boxes.sum(0) / run.n_frames
        rows = slice(-first % self._stride, None, self._stride)
        for observable, found in zip(self._observables, self.kept, strict=True):
            found.add(run.observe(observable, chunk), rows)

    def state(self) -> State:
        """Give what was added so far."""
        states = [one.state() for one in self.kept]
        named = {f"{k}/{name}": value for k, s in enumerate(states) for name, value in s.items()}
        return {"numbers": self.numbers, "boxes": self.boxes, **named}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self.numbers, self.boxes = state["numbers"], state["boxes"]
        for number, one in enumerate(self.kept):
            one.restore(part_of(state, str(number)))


def _range(run: Run, observable: Observable, kept: Kept, interacts: bool) -> Range:
    values = torch.cat(kept.values)
    if interacts:
        effective, of_chains = shared_effective_values(observable, values)
    else:
        effective = effective_values(observable, values)
        of_chains = effective / values.shape[2]
    blocks = divide(run.n_frames, values.shape[1], of_chains)
    return Range(kept.low, kept.high, effective, blocks)


def _stride(run: Run, observables: tuple[Observable, ...]) -> int:
    """Keep every so many frames for the correlation, so that memory stays bounded."""
    counts = (
        run.system.components[observable.component].n_copies * observable.beads.shape[0]
        for observable in observables
    )
    return max(1, ceil(run.n_frames * run.replicas * max(counts, default=1) / KEPT_VALUES))


def _check_samples(run: Run, observables: tuple[Observable, ...], interacts: bool) -> None:
    """Check that there is something to compare, and that there is enough of it."""
    if not observables and not interacts:
        beads = [part.n_beads for part in run.system.components]
        raise InputError(
            given=f"molecules of {', '.join(map(str, beads))} beads without a bond, angle or "
            "dihedral, and no periodic box with several of them",
            expected="a coordinate or a g(r) whose distribution can be compared",
            remedy="fit a mapping with --beads 2 or more, or give a trajectory with boxes",
        )
    chains = [run.n_chains(observable, interacts) for observable in observables]
    n_samples = run.n_frames * min(chains, default=run.replicas)
    if n_samples < FEWEST_BLOCKS:
        raise InputError(
            given=f"a trajectory of {run.n_frames} frames: {n_samples} samples of the "
            + ("system" if interacts or run.system.n_molecules > 1 else "molecule"),
            expected=f"at least {FEWEST_BLOCKS}, so that there are blocks to resample",
            remedy="give more frames: a smaller --stride, or a longer run",
        )
