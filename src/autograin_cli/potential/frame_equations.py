"""Normal equations of whole frames: bonded terms of all molecules and pair terms together."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from autograin_cli.compilation import is_cached
from autograin_cli.kernel_arrays import Floats
from autograin_cli.potential import pair_kernels
from autograin_cli.potential.frame_layout import Counts, FrameModel, Plan, plan_of
from autograin_cli.potential.gradients import coordinates_with_gradients
from autograin_cli.potential.normal_equations import NormalEquations, forces_of
from autograin_cli.potential.pair_kernels import add_instances, add_pairs, put_forces
from autograin_cli.potential.pair_search import frames_of, pairs_of
from autograin_cli.trajectory import Chunk, Trajectory


def fill(plan: Plan, design: Floats, chunk: Chunk, frames: slice, counts: Counts) -> None:
    """Fill in some frames of a chunk, at most `n_frames` of the plan, in place.

    Args:
        plan: of the matrix.
        design: the matrix, of all types one after the other.
        chunk: with forces.
        frames: of the chunk.
        counts: coordinates and distances are counted there.
    """
    design.fill(0.0)
    positions = chunk.positions[frames]
    put_forces(design, forces_of(chunk)[frames].contiguous().numpy(), plan.layout)
    for term, beads in enumerate(plan.instances):
        q, gradients = coordinates_with_gradients(
            plan.model.members[term].coordinate, positions, beads
        )
        counts.bonded[term].add_(plan.model.grids[term].count(q))
        local = plan.model.forms[term].local(q)
        columns, slopes, along = (
            array.contiguous().numpy() for array in (local.columns, local.derivatives, gradients)
        )
        add_instances(design, term, beads.numpy(), columns, slopes, along, plan.layout)
    for frame, where in enumerate(frames_of(chunk, frames)):
        pairs = pairs_of(*where, plan.basis.cutoff)
        add_pairs(design, frame, pairs, plan.layout, plan.basis, counts.pairs)


def accumulate_frames(beads: Trajectory, model: FrameModel, n_blocks: int) -> NormalEquations:
    """Sum the normal equations over a trajectory, apart for blocks of consecutive frames.

    Args:
        beads: of the system, with forces.
        model: the terms.
        n_blocks: blocks.

    Raises:
        InputError: a chunk has no forces.
    """
    plan = plan_of(model)
    design, counts = plan.new_design(), plan.new_counts()
    sums = [np.zeros((n_blocks, part.width, part.width)) for part in plan.columns]
    for block, chunk, frames in stretches(beads, n_blocks, plan.n_frames):
        fill(plan, design, chunk, frames, counts)
        parts = plan.parts(design, frames.stop - frames.start)
        for total, rows in zip(sums, parts, strict=True):
            total[block] += rows.T @ rows
    size = sum(form.size for form in model.forms)
    whole = torch.zeros(n_blocks, size + 1, size + 1, dtype=torch.float64)
    for total, part in zip(sums, plan.columns, strict=True):
        kept = torch.from_numpy(total)[:, part.kept][:, :, part.kept]
        whole[:, part.coefficients[:, None], part.coefficients] += kept
    return NormalEquations(
        whole[:, :-1, :-1].contiguous(),
        whole[:, :-1, -1].contiguous(),
        whole[:, -1, -1].contiguous(),
        counts.of_terms(model.grids),
    )


def predicted(plan: Plan, design: Floats, n_frames: int, coefficients: Tensor) -> Tensor:
    """Forces of the model on all beads, from a filled design matrix.

    Args:
        plan: of the matrix.
        design: the matrix.
        n_frames: frames in it.
        coefficients: (coefficients,).

    Returns:
        kJ/(mol Å), (frames, beads, 3).
    """
    types = plan.model.system.types
    forces = torch.empty(n_frames, len(types), 3, dtype=torch.float64)
    for kind, (part, rows) in enumerate(
        zip(plan.columns, plan.parts(design, n_frames), strict=True)
    ):
        taken = torch.from_numpy(rows)[:, part.kept[:-1]] @ coefficients[part.coefficients[:-1]]
        forces[:, types == kind] = taken.reshape(n_frames, -1, 3)
    return forces


def compiled() -> bool:
    """Whether machine code of the loops lies in the compiler's cache; making it takes seconds."""
    return is_cached(add_pairs, pair_kernels.__file__)


def stretches(beads: Trajectory, n_blocks: int, length: int) -> Iterator[tuple[int, Chunk, slice]]:
    """Give stretches of frames of one block, at most so long: block, chunk, where in the chunk."""
    first = 0
    for chunk in beads.chunks():
        blocks = (first + torch.arange(chunk.n_frames)) * n_blocks // beads.n_frames
        first += chunk.n_frames
        for block, frames in runs(blocks, length):
            yield block, chunk, frames


def runs(blocks: Tensor, length: int) -> Iterator[tuple[int, slice]]:
    """Give runs of one block, at most so long; blocks (frames,)."""
    ends = [0, *(blocks.diff().nonzero()[:, 0] + 1).tolist(), len(blocks)]
    for start, end in pairwise(ends):
        for begin in range(start, end, length):
            yield int(blocks[begin]), slice(begin, min(begin + length, end))
