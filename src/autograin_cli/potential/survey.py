"""A first pass over the beads: ranges of the coordinates, and a sample of structures."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.geometry import coordinates
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
    lows = torch.full((len(members),), torch.inf, dtype=torch.float64)
    highs = -lows
    kept: list[Sample] = []
    first = 0
    for chunk in beads.chunks():
        check_finite(chunk, first)
        positions = molecules(chunk.positions, n_beads)
        for term, member in enumerate(members):
            q = coordinates(member.coordinate, positions, member.beads)
            lows[term] = torch.minimum(lows[term], q.min())
            highs[term] = torch.maximum(highs[term], q.max())
        frames = torch.arange(first, first + chunk.n_frames)
        here = (frames + 1) * n_kept // beads.n_frames > frames * n_kept // beads.n_frames
        blocks = (frames * n_blocks // beads.n_frames)[here].repeat_interleave(n_copies)
        forces = molecules(forces_of(chunk)[here], n_beads)
        kept.append(Sample(molecules(chunk.positions[here], n_beads), forces, blocks))
        first += chunk.n_frames
    return Survey(torch.stack((lows, highs), dim=1), _joined(kept), n_blocks, n_copies)


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
