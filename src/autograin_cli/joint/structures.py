"""Structures of one type of molecule, spread over a trajectory, with the forces on their atoms."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Trajectory

_FEWEST_FRAMES = 8
_MOST = 4096  # structures kept
_WORKING_SIZE = 2**24  # numbers kept, if that many hold enough structures
_ENOUGH = 512


@dataclass(frozen=True)
class Structures:
    """Structures of a molecule.

    positions: relative to the mean of the atoms, Å, (structures, atoms, 3).
    forces: kJ/(mol Å), (structures, atoms, 3).
    blocks: of the trajectory, of each structure, (structures,), int64.
    """

    positions: Tensor
    forces: Tensor
    blocks: Tensor

    def take(self, rows: Tensor) -> "Structures":
        """Some of the structures: indices or a mask, (structures,)."""
        return Structures(self.positions[rows], self.forces[rows], self.blocks[rows])

    def batches(self, size: int, generator: torch.Generator) -> Iterator["Structures"]:
        """Give all structures once, in random order, in batches of at least that size."""
        order = torch.randperm(len(self.blocks), generator=generator)
        for rows in order.tensor_split(max(1, len(order) // size)):
            yield self.take(rows)


def sample(atoms: Trajectory, molecule: Molecule, n_blocks: int, draw: int) -> Structures:
    """Keep structures spread evenly over a trajectory and over the copies, in one pass.

    Args:
        atoms: molecules whole, with forces.
        molecule: the type, with its copies.
        n_blocks: blocks of consecutive frames.
        draw: number of the drawing; the next one keeps the structures after those.

    Returns:
        All structures where they are few.

    Raises:
        InputError: no forces, or too few frames.
        DivergenceError: a position or a force is not finite.
    """
    _check(atoms)
    n_copies = molecule.n_copies
    stride = -(-atoms.n_frames * n_copies // _most(molecule.n_atoms))
    parts: list[Structures] = []
    first = 0
    for chunk in atoms.chunks():
        numbers = first * n_copies + torch.arange(chunk.n_frames * n_copies)
        kept = (numbers + draw) % stride == 0
        frames, which = numbers[kept] // n_copies, molecule.copies[numbers[kept] % n_copies]
        first += chunk.n_frames
        if chunk.forces is not None and len(frames):
            rows = (frames - (first - chunk.n_frames))[:, None]
            positions, forces = chunk.positions[rows, which], chunk.forces[rows, which]
            centred = positions - positions.mean(1, keepdim=True)
            parts.append(Structures(centred, forces, frames * n_blocks // atoms.n_frames))
    return _finite(parts)


def passes_wanted(atoms: Trajectory, molecule: Molecule) -> int:
    """Number of drawings after which every structure has been seen."""
    return -(-atoms.n_frames * molecule.n_copies // _most(molecule.n_atoms))


def _most(n_atoms: int) -> int:
    return min(_MOST, max(_ENOUGH, _WORKING_SIZE // (6 * n_atoms)))


def _check(atoms: Trajectory) -> None:
    if not atoms.has_forces:
        raise InputError(
            given="--joint and a trajectory without forces",
            expected="forces in every frame: the mapping is refined by them",
            remedy="give --forces, or leave --joint out",
        )
    if atoms.n_frames < _FEWEST_FRAMES:
        raise InputError(
            given=f"--joint and {atoms.n_frames} frames",
            expected=f"at least {_FEWEST_FRAMES}, half of them to judge the other half by, and "
            "some thousand for a result of use",
            remedy="give a longer trajectory, or leave --joint out",
        )


def _finite(parts: list[Structures]) -> Structures:
    kept = Structures(
        torch.cat([part.positions for part in parts]),
        torch.cat([part.forces for part in parts]),
        torch.cat([part.blocks for part in parts]),
    )
    if not bool(kept.positions.isfinite().all() & kept.forces.isfinite().all()):
        raise DivergenceError(
            given="a position or a force that is not finite",
            expected="finite positions and forces in every frame",
            remedy="look for a corrupt frame in the trajectory or its forces",
        )
    return kept
