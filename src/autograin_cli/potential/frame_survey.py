"""A first pass over whole frames: ranges, least distances of pairs, the cutoff, a sample."""

from dataclasses import dataclass, replace
from math import floor

import numpy as np
import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.geometry import coordinates
from autograin_cli.kernel_arrays import Floats
from autograin_cli.potential.force_field import check_box, heights
from autograin_cli.potential.frame_layout import FrameModel, basis_of
from autograin_cli.potential.normal_equations import forces_of
from autograin_cli.potential.pair_kernels import find_least
from autograin_cli.potential.pair_search import frames_of, pairs_of
from autograin_cli.potential.survey import check_beads, check_finite
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
    ranges = torch.tensor([torch.inf, -torch.inf]).double().repeat(len(model.members), 1)
    least, reach = np.full(len(model.pair_types), np.inf), cutoff or _CUTOFF
    kept, blocks = [], []
    first = 0
    for chunk in beads.chunks():
        check_finite(chunk, first)
        forces_of(chunk)
        _widen(ranges, model, chunk)
        reach = _reach(chunk, reach, asked=cutoff is not None)
        _find_least(least, model, chunk, reach)
        frames = torch.arange(first, first + chunk.n_frames)
        here = (frames + 1) * n_kept // beads.n_frames > frames * n_kept // beads.n_frames
        kept.append(take_frames(chunk, here.nonzero()[:, 0]))
        blocks.append((frames * n_blocks // beads.n_frames)[here])
        first += chunk.n_frames
    distances = torch.from_numpy(least).sqrt()
    distances[distances >= reach] = torch.inf
    sample, of_sample = join(kept), torch.cat(blocks)
    return FrameSurvey(ranges, distances, reach, sample, of_sample, n_blocks, beads.n_frames)


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


def _widen(ranges: Tensor, model: FrameModel, chunk: Chunk) -> None:
    """Widen the ranges of the bonded terms, in place."""
    for term, beads in enumerate(model.instances):
        q = coordinates(model.members[term].coordinate, chunk.positions, beads)
        ranges[term, 0] = torch.minimum(ranges[term, 0], q.min())
        ranges[term, 1] = torch.maximum(ranges[term, 1], q.max())


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
    basis = basis_of(replace(model, forms=(), grids=(), cutoff=reach))
    types = model.system.types.numpy()
    for where in frames_of(chunk, slice(None)):
        find_least(pairs_of(*where, min(reach, least.max() ** 0.5)), types, basis, least)
