"""Second moments of positions and forces: all that a linear autoencoder needs to know.

Moments are sums, so they add over chunks, copies of a molecule, files and machines, and the
loss computed from them is exactly the loss over all frames.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.geometry import mean_structure
from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk, Trajectory

_SAMPLED_STRUCTURES = 300
_SUPERPOSED_STRUCTURES = 50
# Numbers of a slice of frames: what it takes stays in the cache of a core.
_SLICE = 2**17
# Å; nearer to the origin than this, centring the sums is exact to 1e-12.
_NEAR = 100.0


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
    structures: a few hundred structures of the first copy, Å, (structures, atoms, 3).
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
    near = positions[:, 0].abs().max() < _NEAR if len(positions) else True
    centred = positions if near else positions - positions[:, :1]
    sums = _products(centred)
    # X - 1 c with c the mean over atoms: the centring matrix on both sides of the sums.
    sums = sums - sums.mean(0)
    return Moments(
        positions=sums - sums.mean(1, keepdim=True),
        forces=None if forces is None else _products(forces),
        count=positions.shape[0],
    )


def survey(trajectory: Trajectory, molecule: Molecule, n_blocks: int) -> Survey:
    """Accumulate the moments of one type of molecule, and sample its structures, in one pass.

    Args:
        trajectory: of atoms, molecules whole.
        molecule: whose copies are summed.
        n_blocks: stretches of the trajectory whose moments are kept apart; fewer where there
            are fewer frames.

    Raises:
        InputError: the trajectory has no frames, or fewer atoms than the molecule names.
        DivergenceError: a sum is not finite.
    """
    _check(trajectory, molecule)
    n_blocks = min(n_blocks, trajectory.n_frames)
    blocks: list[Moments | None] = [None] * n_blocks
    structures: list[Tensor] = []
    step = max(1, trajectory.n_frames // _SAMPLED_STRUCTURES)
    first = 0
    for chunk in trajectory.chunks():
        frames = torch.arange(first, first + chunk.n_frames)
        block_of = frames * n_blocks // trajectory.n_frames
        for block in block_of.unique().tolist():
            start, stop = torch.searchsorted(block_of, torch.tensor([block, block + 1])).tolist()
            part = _molecule_moments(chunk, molecule, slice(start, stop))
            before = blocks[block]
            blocks[block] = part if before is None else before + part
        structures.append(chunk.positions[frames % step == 0][:, molecule.copies[0]])
        first += chunk.n_frames
    found = tuple(block for block in blocks if block is not None)
    if not all(bool(block.positions.isfinite().all()) for block in found):
        raise DivergenceError(
            given="moments that are not finite",
            expected="finite positions in every frame",
            remedy="look for a corrupt frame in the trajectory",
        )
    return Survey(found, torch.cat(structures))


def _products(vectors: Tensor) -> Tensor:
    """Sum over structures and directions of products of atoms, (atoms, atoms)."""
    n_atoms = vectors.shape[1]
    sums = torch.zeros(n_atoms, n_atoms, dtype=vectors.dtype)
    for part in vectors.split(max(1, _SLICE // (3 * n_atoms))):
        rows = part.transpose(1, 2).reshape(-1, n_atoms)
        sums.addmm_(rows.T, rows)
    return sums


def _molecule_moments(chunk: Chunk, molecule: Molecule, frames: slice) -> Moments:
    """Moments of every copy of a molecule in consecutive frames of a chunk."""

    def copies(atoms: Tensor) -> Tensor:
        # Views, where the molecule is all there is: a copy takes longer than the sums.
        if torch.equal(molecule.copies, torch.arange(atoms.shape[1])[None]):
            return atoms[frames]
        return atoms[frames][:, molecule.copies].flatten(0, 1)

    return moments(copies(chunk.positions), None if chunk.forces is None else copies(chunk.forces))


def _check(trajectory: Trajectory, molecule: Molecule) -> None:
    """Refuse a trajectory that cannot hold the molecule."""
    n_needed = int(molecule.copies.max()) + 1
    if trajectory.n_frames < 1 or trajectory.n_atoms < n_needed:
        raise InputError(
            given=f"a trajectory of {trajectory.n_frames} frames of {trajectory.n_atoms} atoms",
            expected=f"at least one frame of at least {n_needed} atoms",
            remedy="give the trajectory that belongs to the topology",
        )
