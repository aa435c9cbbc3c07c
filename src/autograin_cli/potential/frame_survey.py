"""A first pass over whole frames: ranges, least distances of pairs, the cutoff, a sample."""

from dataclasses import dataclass, replace
from math import floor

import numpy as np
import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.geometry import coordinates
from autograin_cli.kernel_arrays import Floats
from autograin_cli.passes import State, add_up
from autograin_cli.potential.force_field import check_box, heights
from autograin_cli.potential.frame_layout import FrameModel, basis_of
from autograin_cli.potential.normal_equations import forces_of
from autograin_cli.potential.pair_kernels import find_least
from autograin_cli.potential.pair_search import frames_of, pairs_of
from autograin_cli.potential.survey import check_beads, check_finite, is_kept, widen
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, Trajectory, join, take_frames

_CUTOFF = 12.0  # Å, where nothing shorter is asked for or needed
_SAMPLED = 2**15  # molecules kept, at most, unless two frames of each block hold more


@dataclass(frozen=True)
class FrameSurvey:
    """What the first pass leaves.

    ranges: least and largest value of each bonded term, Å or radians, (bonded terms, 2).
    least: least distance of each pair term, Å, (pair terms,); infinite where none was within
        the cutoff.
    cutoff: Å.
    sample: frames to judge the fit by.
    blocks: block of each of them, (frames,), int64.
    n_blocks: blocks of consecutive frames.
    n_frames: of the trajectory.
    """

    ranges: Tensor
    least: Tensor
    cutoff: float
    sample: Chunk
    blocks: Tensor
    n_blocks: int
    n_frames: int


def survey_frames(
    beads: Trajectory, model: FrameModel, cutoff: float | None, n_blocks: int
) -> FrameSurvey:
    """Find ranges, least distances and the cutoff, keep a sample, check the numbers.

    Args:
        beads: of the system, with forces, as `check_system` finds.
        model: its terms; forms, grids and cutoff are not read.
        cutoff: asked for, Å; None for 12 Å, or half the thinnest box if that is less.
        n_blocks: blocks asked for; fewer where there are fewer frames.

    Raises:
        SettingError: the cutoff is longer than half a box.
        DivergenceError: a position or a force is not finite; it names the frame.
    """
    n_blocks = min(n_blocks, beads.n_frames)
    n_kept = min(beads.n_frames, max(_SAMPLED // model.system.n_molecules, 2 * n_blocks))
    seen = _Seen(model, cutoff, (n_kept, n_blocks, beads.n_frames))
    add_up(beads, seen)
    distances = torch.from_numpy(seen.least).sqrt()
    distances[distances >= seen.reach] = torch.inf
    sample, of_sample = join(seen.kept), torch.cat(seen.blocks)
    n_frames = beads.n_frames
    return FrameSurvey(seen.ranges, distances, seen.reach, sample, of_sample, n_blocks, n_frames)


class _Seen:
    """Ranges, least squared distances, the cutoff and a sample, filled chunk by chunk."""

    def __init__(
        self, model: FrameModel, cutoff: float | None, counts: tuple[int, int, int]
    ) -> None:
        self._model, self._asked = model, cutoff is not None
        self._n_kept, self._n_blocks, self._n_frames = counts
        self.ranges = torch.tensor([torch.inf, -torch.inf]).double().repeat(len(model.members), 1)
        self.least, self.reach = np.full(len(model.pair_types), np.inf), cutoff or _CUTOFF
        self.kept: list[Chunk] = []
        self.blocks: list[Tensor] = []

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        check_finite(chunk, first)
        forces_of(chunk)
        for term, beads in enumerate(self._model.instances):
            coordinate = self._model.members[term].coordinate
            widen(self.ranges[term], coordinates(coordinate, chunk.positions, beads))
        self.reach = _reach(chunk, self.reach, asked=self._asked)
        _find_least(self.least, self._model, chunk, self.reach)
        frames = torch.arange(first, first + chunk.n_frames)
        here = is_kept(frames, self._n_kept, self._n_frames)
        self.kept.append(take_frames(chunk, here.nonzero()[:, 0]))
        self.blocks.append((frames * self._n_blocks // self._n_frames)[here])

    def state(self) -> State:
        """Give what was added so far."""
        sample = {name: value for name, value in vars(join(self.kept)).items() if value is not None}
        return sample | {
            "ranges": self.ranges,
            "least": torch.from_numpy(self.least),
            "reach": torch.tensor(self.reach, dtype=torch.float64),
            "blocks": torch.cat(self.blocks),
        }

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self.ranges, self.least = state["ranges"], state["least"].numpy()
        self.reach, self.blocks = float(state["reach"]), [state["blocks"]]
        names = ("positions", "times", "boxes", "forces")
        self.kept = [Chunk(**{name: state[name] for name in names if name in state})]


def check_system(beads: Trajectory, system: System) -> None:
    """Check that frames hold forces and the beads of a system.

    Raises:
        InputError: no forces, fewer than two frames, or beads of another system.
    """
    if beads.n_atoms != system.n_beads:
        raise InputError(
            given=f"frames of {beads.n_atoms} beads",
            expected=f"the {system.n_beads} beads of the {system.n_molecules} molecules mapped",
            remedy="give the trajectory that the mapping was made for",
        )
    check_beads(beads, system.n_beads)


def _reach(chunk: Chunk, reach: float, *, asked: bool) -> float:
    """Give the cutoff that the boxes of a chunk allow, rounded down to 0.01 Å."""
    if chunk.boxes is None:
        return reach
    least, frame = heights(chunk.boxes).amin(1).min(0)
    if asked:
        check_box(chunk.boxes[frame], reach)
        return reach
    return min(reach, floor(100 * float(least) / 2) / 100)


def _find_least(least: Floats, model: FrameModel, chunk: Chunk, reach: float) -> None:
    """Lower the least squared distances, in place; only what is nearer is looked for."""
    if not len(least):
        return
    basis = basis_of(replace(model, bonded_forms=(), pair_forms=(), grids=(), cutoff=reach))
    types = model.system.types.numpy()
    for where in frames_of(chunk, slice(None)):
        find_least(pairs_of(*where, min(reach, least.max() ** 0.5)), types, basis, least)
