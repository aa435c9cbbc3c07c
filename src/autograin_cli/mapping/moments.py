"""Second moments of positions and forces: all that a linear autoencoder needs to know.

Moments are sums, so they add over chunks, copies of a molecule, files and machines, and the
loss computed from them is exactly the loss over all frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.geometry import mean_structure
from autograin_cli.mapping.copies import sum_products
from autograin_cli.molecules import Molecule
from autograin_cli.passes import State, Together, add_up, numbered, of_number
from autograin_cli.steps import like
from autograin_cli.trajectory import Chunk, Trajectory

_SAMPLED_STRUCTURES = 300
_SUPERPOSED_STRUCTURES = 50


@dataclass(frozen=True)
class Moments:
    """Sums over frames and copies of products of two atoms' vectors.

    positions: sum of (x_i - c)·(x_j - c) with c the unweighted mean of the molecule's atoms in
        that frame, Å², (atoms, atoms).
    forces: sum of f_i·f_j, (kJ/(mol Å))², (atoms, atoms); None without forces.
    count: frames times copies in the sums.
    """

    positions: Tensor
    forces: Tensor | None
    count: int

    def __add__(self, other: "Moments") -> "Moments":
        """Moments of the frames of both."""
        both = self.forces is not None and other.forces is not None
        return Moments(
            positions=self.positions + other.positions,
            forces=self.forces + other.forces if both else None,  # type: ignore[operator]
            count=self.count + other.count,
        )

    @property
    def gram(self) -> Tensor:
        """G = <X Xᵀ>, mean over frames and copies, Å², (atoms, atoms)."""
        return self.positions / self.count

    @property
    def force_gram(self) -> Tensor | None:
        """<f_i·f_j>, mean over frames and copies, (kJ/(mol Å))², (atoms, atoms)."""
        return None if self.forces is None else self.forces / self.count


@dataclass(frozen=True)
class Survey:
    """What one pass over a trajectory leaves.

    blocks: moments of consecutive stretches of the trajectory.
    structures: a few hundred structures, frame after frame, of the first copy or, where there
        are fewer frames, of copies spread over all, Å, (structures, atoms, 3).
    """

    blocks: tuple[Moments, ...]
    structures: Tensor

    @property
    def total(self) -> Moments:
        """Moments of the whole trajectory."""
        return sum(self.blocks[1:], self.blocks[0])

    @property
    def mean_structure(self) -> Tensor:
        """Mean of the sampled structures superposed on one another, Å, (atoms, 3)."""
        step = max(1, len(self.structures) // _SUPERPOSED_STRUCTURES)
        return mean_structure(self.structures[::step])


def moments(positions: Tensor, forces: Tensor | None = None) -> Moments:
    """Moments of structures of one molecule.

    Args:
        positions: Å, (structures, atoms, 3), float64, molecules whole.
        forces: kJ/(mol Å), (structures, atoms, 3).

    Returns:
        Their sums.
    """
    whole = torch.arange(positions.shape[1])[None]
    return Moments(
        positions=sum_products(positions, whole, centred=True),
        forces=None if forces is None else sum_products(forces, whole, centred=False),
        count=positions.shape[0],
    )


def survey(trajectory: Trajectory, molecule: Molecule, n_blocks: int) -> Survey:
    """Accumulate the moments of one type of molecule: see `surveys`."""
    return surveys(trajectory, [molecule], n_blocks)[0]


def surveys(
    trajectory: Trajectory, molecules: Sequence[Molecule], n_blocks: int
) -> tuple[Survey, ...]:
    """Accumulate the moments of types of molecules, and sample structures, in one pass.

    Args:
        trajectory: of atoms, molecules whole.
        molecules: types, whose copies are summed.
        n_blocks: stretches of the trajectory whose moments are kept apart; fewer where there
            are fewer frames.

    Returns:
        What was seen of each type.

    Raises:
        InputError: the trajectory has no frames, or fewer atoms than a molecule names.
        DivergenceError: a sum is not finite.
    """
    for molecule in molecules:
        _check(trajectory, molecule)
    sums = [_Sums(molecule, trajectory.n_frames, n_blocks) for molecule in molecules]
    add_up(trajectory, Together(sums))
    return tuple(Survey(_finite(one.blocks), torch.cat(one.structures)) for one in sums)


class _Sums:
    """Moments and structures of one type of molecule, filled chunk by chunk."""

    def __init__(self, molecule: Molecule, n_frames: int, n_blocks: int) -> None:
        self._molecule, self._n_frames = molecule, n_frames
        self._sampled = _sampled_copies(molecule, n_frames)
        self._step = max(1, n_frames // _SAMPLED_STRUCTURES)
        self.blocks: list[Moments | None] = [None] * min(n_blocks, n_frames)
        self.structures: list[Tensor] = []

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        frames = torch.arange(first, first + chunk.n_frames)
        block_of = frames * len(self.blocks) // self._n_frames
        for block in block_of.unique().tolist():
            start, stop = torch.searchsorted(block_of, torch.tensor([block, block + 1])).tolist()
            part = _molecule_moments(chunk, self._molecule, slice(start, stop))
            before = self.blocks[block]
            self.blocks[block] = part if before is None else before + part
        some = chunk.positions[frames % self._step == 0]
        self.structures.append(some[:, self._sampled].flatten(0, 1))

    def state(self) -> State:
        """Give what was added so far."""
        state = numbered("structures", self.structures)
        for number, block in enumerate(self.blocks):
            if block is not None:
                state[f"positions/{number}"] = block.positions
                state[f"count/{number}"] = torch.tensor(block.count)
                if block.forces is not None:
                    state[f"forces/{number}"] = block.forces
        return state

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        n_atoms = self._molecule.n_atoms
        gram = torch.empty(n_atoms, n_atoms, dtype=torch.float64, device="meta")
        for found in (state["structures/000000"], *of_number(state, "structures")[1:]):
            some = torch.empty(len(found), n_atoms, 3, dtype=torch.float64, device="meta")
            self.structures.append(like(found, some))
        for number in range(len(self.blocks)):
            if f"positions/{number}" in state:
                count, forces = int(state[f"count/{number}"]), state.get(f"forces/{number}")
                forces = None if forces is None else like(forces, gram)
                self.blocks[number] = Moments(
                    like(state[f"positions/{number}"], gram), forces, count
                )


def _sampled_copies(molecule: Molecule, n_frames: int) -> Tensor:
    """Atoms of the copies whose structures are kept, so that few frames give enough of them."""
    n_wanted = min(molecule.n_copies, -(-_SAMPLED_STRUCTURES // n_frames))
    return molecule.copies[torch.arange(n_wanted) * molecule.n_copies // n_wanted]


def _finite(sums: list[Moments | None]) -> tuple[Moments, ...]:
    """Moments of all blocks, none of which met a position that is not finite."""
    found = tuple(block for block in sums if block is not None)
    if not all(bool(block.positions.isfinite().all()) for block in found):
        raise DivergenceError(
            given="moments that are not finite",
            expected="finite positions in every frame",
            remedy="look for a corrupt frame in the trajectory",
        )
    return found


def _molecule_moments(chunk: Chunk, molecule: Molecule, frames: slice) -> Moments:
    """Moments of every copy of a molecule in consecutive frames of a chunk."""
    copies, forces = molecule.copies, chunk.forces
    return Moments(
        positions=sum_products(chunk.positions[frames], copies, centred=True),
        forces=None if forces is None else sum_products(forces[frames], copies, centred=False),
        count=(frames.stop - frames.start) * len(copies),
    )


def _check(trajectory: Trajectory, molecule: Molecule) -> None:
    """Refuse a trajectory that cannot hold the molecule."""
    n_needed = int(molecule.copies.max()) + 1
    if trajectory.n_frames < 1 or trajectory.n_atoms < n_needed:
        raise InputError(
            given=f"a trajectory of {trajectory.n_frames} frames of {trajectory.n_atoms} atoms",
            expected=f"at least one frame of at least {n_needed} atoms",
            remedy="give the trajectory that belongs to the topology",
        )
