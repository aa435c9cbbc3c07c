"""Normal equations of whole frames: bonded terms of all molecules and pair terms together."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from autograin_cli.compilation import is_cached
from autograin_cli.kernel_arrays import Floats
from autograin_cli.passes import State, add_up, numbered, of_number
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
    found = _Sums(plan, n_blocks, beads.n_frames)
    add_up(beads, found)
    counts = found.counts
    size = sum(form.size for form in model.forms)
    whole = torch.zeros(n_blocks, size + 1, size + 1, dtype=torch.float64)
    for total, part in zip(found.sums, plan.columns, strict=True):
        kept = torch.from_numpy(total)[:, part.kept][:, :, part.kept]
        whole[:, part.coefficients[:, None], part.coefficients] += kept
    return NormalEquations(
        whole[:, :-1, :-1].contiguous(),
        whole[:, :-1, -1].contiguous(),
        whole[:, -1, -1].contiguous(),
        counts.of_terms(model.grids),
    )


class _Sums:
    """Products of the rows of the design matrix, by type, filled chunk by chunk."""

    def __init__(self, plan: Plan, n_blocks: int, n_frames: int) -> None:
        self._plan, self._n_frames, self._n_blocks = plan, n_frames, n_blocks
        self._design, self.counts = plan.new_design(), plan.new_counts()
        self.sums = [np.zeros((n_blocks, part.width, part.width)) for part in plan.columns]

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        blocks = (first + torch.arange(chunk.n_frames)) * self._n_blocks // self._n_frames
        for block, frames in runs(blocks, self._plan.n_frames):
            fill(self._plan, self._design, chunk, frames, self.counts)
            parts = self._plan.parts(self._design, frames.stop - frames.start)
            for total, rows in zip(self.sums, parts, strict=True):
                total[block] += rows.T @ rows

    def state(self) -> State:
        """Give what was added so far."""
        state = numbered("sums", [torch.from_numpy(total) for total in self.sums])
        state |= numbered("bonded", self.counts.bonded)
        return state | {"pairs": torch.from_numpy(self.counts.pairs)}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self.sums = [total.numpy() for total in of_number(state, "sums")]
        self.counts = Counts(of_number(state, "bonded"), state["pairs"].numpy())


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


def runs(blocks: Tensor, length: int) -> Iterator[tuple[int, slice]]:
    """Give runs of one block, at most so long; blocks (frames,)."""
    ends = [0, *(blocks.diff().nonzero()[:, 0] + 1).tolist(), len(blocks)]
    for start, end in pairwise(ends):
        for begin in range(start, end, length):
            yield int(blocks[begin]), slice(begin, min(begin + length, end))
