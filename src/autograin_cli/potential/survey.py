"""A first pass over the beads: ranges of the coordinates, and a sample of structures."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.geometry import coordinates
from autograin_cli.passes import State, add_up
from autograin_cli.potential.normal_equations import forces_of, molecules
from autograin_cli.potential.topology import TermMembers
from autograin_cli.trajectory import Chunk, Trajectory

_SAMPLED = 5000  # structures kept, at most, unless there are more copies in a frame


@dataclass(frozen=True)
class Sample:
    """Structures spread over the trajectory, with the forces on them.

    positions: Å, (structures, beads, 3).
    forces: kJ/(mol Å), (structures, beads, 3).
    blocks: block of the trajectory of each, (structures,), int64.
    """

    positions: Tensor
    forces: Tensor
    blocks: Tensor


@dataclass(frozen=True)
class Survey:
    """What the first pass leaves.

    ranges: least and largest value of each term, Å or radians, (terms, 2).
    sample: structures to judge the fit by.
    n_blocks: blocks of consecutive frames.
    n_copies: copies of the molecule in a frame.
    """

    ranges: Tensor
    sample: Sample
    n_blocks: int
    n_copies: int


def survey(
    beads: Trajectory, members: tuple[TermMembers, ...], n_beads: int, n_blocks: int
) -> Survey:
    """Find the ranges, keep a sample, check the numbers.

    Args:
        beads: with forces.
        members: the terms.
        n_beads: of the molecule.
        n_blocks: blocks asked for; fewer where there are fewer frames.

    Raises:
        InputError: no forces, fewer than two frames, or not a whole number of copies.
        DivergenceError: a position or a force is not finite; it names the frame.
    """
    check_beads(beads, n_beads)
    n_blocks = min(n_blocks, beads.n_frames)
    n_copies = beads.n_atoms // n_beads
    n_kept = min(beads.n_frames, max(_SAMPLED // n_copies, 2 * n_blocks))
    seen = _Seen(members, n_beads, (n_kept, n_blocks, beads.n_frames))
    add_up(beads, seen)
    return Survey(seen.ranges, _joined(seen.kept), n_blocks, n_copies)


class _Seen:
    """Ranges and a sample of structures, filled chunk by chunk."""

    def __init__(
        self, members: tuple[TermMembers, ...], n_beads: int, counts: tuple[int, int, int]
    ) -> None:
        self._members, self._n_beads = members, n_beads
        self._n_kept, self._n_blocks, self._n_frames = counts
        self.ranges = torch.tensor([torch.inf, -torch.inf]).double().repeat(len(members), 1)
        self.kept: list[Sample] = []

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        check_finite(chunk, first)
        positions = molecules(chunk.positions, self._n_beads)
        for term, member in enumerate(self._members):
            q = coordinates(member.coordinate, positions, member.beads)
            widen(self.ranges[term], q)
        frames = torch.arange(first, first + chunk.n_frames)
        here = is_kept(frames, self._n_kept, self._n_frames)
        blocks = (frames * self._n_blocks // self._n_frames)[here]
        forces = molecules(forces_of(chunk)[here], self._n_beads)
        n_copies = chunk.positions.shape[1] // self._n_beads
        structures = molecules(chunk.positions[here], self._n_beads)
        self.kept.append(Sample(structures, forces, blocks.repeat_interleave(n_copies)))

    def state(self) -> State:
        """Give what was added so far."""
        kept = _joined(self.kept)
        return {"ranges": self.ranges, **vars(kept)}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self.ranges = state["ranges"]
        self.kept = [Sample(state["positions"], state["forces"], state["blocks"])]


def widen(span: Tensor, values: Tensor) -> None:
    """Widen a range, (2,), so that values lie in it, in place."""
    span[0] = torch.minimum(span[0], values.min())
    span[1] = torch.maximum(span[1], values.max())


def is_kept(frames: Tensor, n_kept: int, n_frames: int) -> Tensor:
    """Whether each frame is one of so many that are spread over all, (frames,)."""
    kept: Tensor = (frames + 1) * n_kept // n_frames > frames * n_kept // n_frames
    return kept


def check_beads(beads: Trajectory, n_beads: int) -> None:
    """Check that there are forces, frames and whole molecules.

    Raises:
        InputError: no forces, fewer than two frames, or not a whole number of copies.
    """
    if not beads.has_forces:
        raise InputError(
            given="a trajectory without forces",
            expected="forces in every frame: a potential is fitted to them",
            remedy="give --forces, or a trajectory that holds forces",
        )
    if beads.n_frames < 2:
        raise InputError(
            given=f"{beads.n_frames} frames",
            expected="at least 2 frames, and some hundred for a potential of use",
            remedy="give a longer trajectory, or a smaller --stride",
        )
    if beads.n_atoms % n_beads or not beads.n_atoms:
        raise InputError(
            given=f"frames of {beads.n_atoms} beads for a molecule of {n_beads}",
            expected="a whole number of molecules in a frame",
            remedy="give the trajectory that was given to fit-mapping",
        )


def check_finite(chunk: Chunk, first: int) -> None:
    """Check the numbers of a chunk whose first frame has this number.

    Raises:
        DivergenceError: a position or a force is not finite; it names the frame.
    """
    fine = chunk.positions.isfinite().flatten(1).all(1)
    fine &= forces_of(chunk).isfinite().flatten(1).all(1)
    if not bool(fine.all()):
        frame = first + int(fine.int().argmin())
        raise DivergenceError(
            given=f"a position or force that is not finite in frame {frame}, counted from 0",
            expected="finite positions and forces in every frame",
            remedy="look for a corrupt frame in the trajectory or its forces",
        )


def _joined(parts: list[Sample]) -> Sample:
    return Sample(
        torch.cat([part.positions for part in parts]),
        torch.cat([part.forces for part in parts]),
        torch.cat([part.blocks for part in parts]),
    )
