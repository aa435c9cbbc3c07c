"""Structures of one type of molecule, spread over a trajectory, with the forces on their atoms."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.molecules import Molecule
from autograin_cli.passes import State, Together, add_up
from autograin_cli.steps import like, within
from autograin_cli.trajectory import Chunk, Trajectory

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

    def shuffled(self, size: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Numbers of all structures in random order, in batches of at least that size."""
        order = torch.randperm(len(self.blocks), generator=generator)
        return order.tensor_split(max(1, len(order) // size))


def sample(atoms: Trajectory, molecule: Molecule, n_blocks: int, draw: int) -> Structures:
    """Keep structures spread evenly over a trajectory and over the copies: see `samples`."""
    return samples(atoms, [molecule], n_blocks, [range(draw, draw + 1)])[0][0]


def samples(
    atoms: Trajectory, molecules: Sequence[Molecule], n_blocks: int, drawings: Sequence[range]
) -> list[list[Structures]]:
    """Keep structures spread evenly over a trajectory and over the copies, in one pass.

    Args:
        atoms: molecules whole, with forces.
        molecules: the types, with their copies.
        n_blocks: blocks of consecutive frames.
        drawings: numbers of those that are wanted of each type; each drawing keeps the structures
            after those of the one before it.

    Returns:
        The drawings of each type: all structures where they are few.

    Raises:
        InputError: no forces, or too few frames.
        DivergenceError: a position or a force is not finite.
    """
    _check(atoms)
    samplings = [
        [Sampling(molecule, atoms.n_frames, n_blocks, number) for number in numbers]
        for molecule, numbers in zip(molecules, drawings, strict=True)
    ]
    add_up(atoms, Together([one for each in samplings for one in each]))
    return [[_finite(one.parts) for one in each] for each in samplings]


class Sampling:
    """One drawing of structures, filled chunk by chunk.

    parts: the structures of each chunk that holds one.
    """

    def __init__(self, molecule: Molecule, n_frames: int, n_blocks: int, draw: int) -> None:
        """Begin; for the arguments see `samples`."""
        self._molecule, self._counts, self._draw = molecule, (n_frames, n_blocks), draw
        self._stride = -(-n_frames * molecule.n_copies // _most(molecule.n_atoms))
        self.parts: list[Structures] = []

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        n_copies, (n_frames, n_blocks) = self._molecule.n_copies, self._counts
        numbers = first * n_copies + torch.arange(chunk.n_frames * n_copies)
        kept = numbers[(numbers + self._draw) % self._stride == 0]
        frames, which = kept // n_copies, self._molecule.copies[kept % n_copies]
        if chunk.forces is not None and len(frames):
            rows = (frames - first)[:, None]
            positions, forces = chunk.positions[rows, which], chunk.forces[rows, which]
            centred = positions - positions.mean(1, keepdim=True)
            self.parts.append(Structures(centred, forces, frames * n_blocks // n_frames))

    def state(self) -> State:
        """Give what was kept so far."""
        return vars(_joined(self.parts)) if self.parts else {}

    def restore(self, state: State) -> None:
        """Go on with what was kept before."""
        if state:
            blocks = within(state["blocks"], (len(state["blocks"]),), self._counts[1] - 1)
            expected = torch.empty(len(blocks), self._molecule.n_atoms, 3).double()
            positions, forces = (like(state[name], expected) for name in ("positions", "forces"))
            self.parts = [Structures(positions, forces, blocks)]


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


def _joined(parts: list[Structures]) -> Structures:
    return Structures(
        torch.cat([part.positions for part in parts]),
        torch.cat([part.forces for part in parts]),
        torch.cat([part.blocks for part in parts]),
    )


def _finite(parts: list[Structures]) -> Structures:
    kept = _joined(parts)
    if not bool(kept.positions.isfinite().all() & kept.forces.isfinite().all()):
        raise DivergenceError(
            given="a position or a force that is not finite",
            expected="finite positions and forces in every frame",
            remedy="look for a corrupt frame in the trajectory or its forces",
        )
    return kept
