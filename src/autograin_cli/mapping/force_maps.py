"""Force maps: how forces of atoms become forces of beads, and the masses that go with them.

A matrix W (beads, atoms) gives forces whose conditional mean is the mean force of the beads
z = E x if W Eᵀ = I and W is constant inside every group of atoms held rigid: moving a bead then
carries its atoms along without bending a constraint. Within these bounds W is free, and only the
noise differs. An unmapped atom has a column of zeros in E, so W Eᵀ = I asks nothing of it: it
may stay behind (zero) or be carried along (anything else), unless a rigid group ties it to a
mapped atom, whose bead then carries it.

Sources: Ciccotti, Kapral and Vanden-Eijnden, ChemPhysChem 6, 1809 (2005); Noid et al., J. Chem.
Phys. 128, 244114 (2008); Krämer, Durumeric et al., J. Phys. Chem. Lett. 14, 3970 (2023).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.mapping.copies import sum_products
from autograin_cli.passes import State, Together, add_up
from autograin_cli.trajectory import Chunk, Trajectory

_RIDGES = (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e2)
_CONSTANT = 1e-9  # largest relative difference of weights that count as equal


def check_rigid_groups(
    assignment: Tensor, rigid_groups: Tensor, atom_names: tuple[str, ...]
) -> None:
    """Refuse a mapping that puts atoms of one rigid group into different beads.

    Args:
        assignment: bead of each atom, (atoms,); -1 where unmapped.
        rigid_groups: rigid group of each atom, (atoms,); -1 for none.
        atom_names: one for each atom.

    Raises:
        InputError: a group is split; it names the atoms.
    """
    for group in _groups(rigid_groups):
        atoms = torch.nonzero(rigid_groups == group).flatten().tolist()
        beads = {int(assignment[atom]) for atom in atoms} - {-1}
        if len(beads) > 1:
            where = ", ".join(f"{atom_names[a]} in bead {int(assignment[a])}" for a in atoms)
            raise InputError(
                given=f"a mapping that splits atoms held rigid by constraints: {where}",
                expected="all atoms of a rigid group in one bead",
                remedy="map them together, or simulate the atoms without those constraints",
                code="rigid-bonds",
            )


def sum_map(assignment: Tensor, rigid_groups: Tensor) -> Tensor:
    """Sum the forces of the atoms of each bead: valid for every weights inside the beads.

    Args:
        assignment: bead of each atom, (atoms,); -1 where unmapped. Every bead has an atom.
        rigid_groups: rigid group of each atom, (atoms,); -1 for none; none is split.

    Returns:
        1 where an atom is in a bead, or unmapped but rigidly tied to its atoms; else 0;
        (beads, atoms).
    """
    carried = assignment.clone()
    for group in _groups(rigid_groups):
        members = rigid_groups == group
        carried[members] = assignment[members].max()
    beads = torch.arange(int(assignment.max()) + 1)
    return (carried[None, :] == beads[:, None]).to(torch.float64)


def projected_map(encoder: Tensor, rigid_groups: Tensor) -> Tensor:
    """Project forces as positions are projected, W = (E Eᵀ)⁻¹ E.

    Args:
        encoder: weight of each atom in a bead, (beads, atoms).
        rigid_groups: rigid group of each atom, (atoms,); -1 for none.

    Returns:
        (beads, atoms).

    Raises:
        InputError: the weights of a rigid group differ, so that the forces would be biased.

    Source: Eq. (7) of arXiv:1812.02706.
    """
    for group in _groups(rigid_groups):
        weights = encoder[:, rigid_groups == group]
        if (weights - weights[:, :1]).abs().max() > _CONSTANT * weights.abs().max():
            atoms = torch.nonzero(rigid_groups == group).flatten().tolist()
            raise InputError(
                given=f"the projected force map for atoms {atoms}, rigid but of unequal weights",
                expected="equal weights inside every rigid group",
                remedy="choose --force-map optimal or sum",
            )
    return _project(encoder)


def optimal_map(encoder: Tensor, covariances: Tensor, rigid_groups: Tensor) -> Tensor:
    """The valid force map of least noise, W = (E S⁻¹ Eᵀ)⁻¹ E S⁻¹ with S = <f fᵀ> + ridge.

    A rigid group enters as one variable, with the sum of its forces and of its weights. The
    ridge is the one with the least mean square force on the beads in blocks left out.

    Args:
        encoder: weight of each atom in a bead, (beads, atoms).
        covariances: (kJ/(mol Å))², (blocks, atoms, atoms), from `force_covariances`.
        rigid_groups: rigid group of each atom, (atoms,); -1 for none.

    Returns:
        (beads, atoms).
    """
    groups, weights, blocks, ridge = _reduced(encoder, covariances, rigid_groups)
    return _least_noise(weights, blocks.sum(0), ridge) @ groups.T


def crossed_maps(encoder: Tensor, covariances: Tensor, rigid_groups: Tensor) -> Tensor:
    """For each block of a trajectory, the optimal map of the other blocks.

    A map that is chosen and applied on the same F frames takes a share (atoms - beads) / (3 F)
    of the mean force for noise and removes it. Forces for a fit are therefore mapped with these.

    Args:
        encoder, covariances, rigid_groups: as in `optimal_map`; at least two blocks.

    Returns:
        (blocks, beads, atoms).

    Source: docs/method.md, "Force maps"; Chernozhukov et al., Econom. J. 21, C1 (2018) for
    cross-fitting in general.
    """
    groups, weights, blocks, ridge = _reduced(encoder, covariances, rigid_groups)
    maps = [_least_noise(weights, blocks.sum(0) - block, ridge) @ groups.T for block in blocks]
    return torch.stack(maps)


def force_covariance(trajectory: Trajectory, copies: Tensor, n_blocks: int) -> Tensor:
    """Second moments of the forces on one type of molecule: see `force_covariances`."""
    return force_covariances(trajectory, [copies], n_blocks)[0]


def force_covariances(
    trajectory: Trajectory, copies: Sequence[Tensor], n_blocks: int
) -> tuple[Tensor, ...]:
    """Second moments of the forces on types of molecules, in blocks of frames, in one pass.

    Args:
        trajectory: of atoms, with forces.
        copies: of each type: index in the frame of each atom of each copy, (copies, atoms).
        n_blocks: blocks of consecutive frames.

    Returns:
        Of each type: contribution of each block to <f fᵀ>, mean over frames, copies and
        directions, (kJ/(mol Å))², (blocks, atoms, atoms); their sum is <f fᵀ>.

    Raises:
        InputError: the trajectory has no forces.
    """
    if not trajectory.has_forces:
        raise InputError(
            given="a trajectory without forces",
            expected="forces on every atom",
            remedy="give --forces, or a trajectory that holds forces",
        )
    found = [_Products(atoms, trajectory.n_frames, n_blocks) for atoms in copies]
    add_up(trajectory, Together(found))
    counts = [3 * len(atoms) * max(1, trajectory.n_frames) for atoms in copies]
    return tuple(one.sums / count for one, count in zip(found, counts, strict=True))


class _Products:
    """Sums of products of the forces on one type of molecule, filled chunk by chunk."""

    def __init__(self, copies: Tensor, n_frames: int, n_blocks: int) -> None:
        n_atoms = copies.shape[1]
        self._copies, self._n_frames = copies, n_frames
        self.sums = torch.zeros(n_blocks, n_atoms, n_atoms, dtype=torch.float64)

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        if chunk.forces is None:
            return
        frames = torch.arange(first, first + chunk.n_frames)
        block_of = frames * len(self.sums) // self._n_frames
        for block in block_of.unique().tolist():
            forces = chunk.forces[block_of == block]
            self.sums[block] += sum_products(forces, self._copies, centred=False)

    def state(self) -> State:
        """Give what was added so far."""
        return {"sums": self.sums}

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        self.sums = state["sums"]


def bead_masses(encoder: Tensor, masses: Tensor) -> Tensor:
    """Masses that give the beads the right momenta: 1 / sum_j(E_Ij² / m_j).

    Args:
        encoder: weight of each atom in a bead, (beads, atoms); beads share no atom.
        masses: of the atoms, u, (atoms,).

    Returns:
        u, (beads,): the sum of the masses for mass weights, less for any other.

    Source: Noid et al., J. Chem. Phys. 128, 244114 (2008), eq. 52.
    """
    return 1.0 / (encoder.square() / masses).sum(1)


def _reduced(
    encoder: Tensor, covariances: Tensor, rigid_groups: Tensor
) -> tuple[Tensor, Tensor, Tensor, float]:
    """Group matrix, weights and covariances of free atoms and rigid groups, and the ridge."""
    groups = _group_matrix(rigid_groups)
    weights, blocks = encoder @ groups, groups.T @ covariances @ groups
    ridge = min(_RIDGES, key=lambda ridge: _held_out_force(weights, blocks, ridge))
    return groups, weights, blocks, ridge


def _least_noise(encoder: Tensor, covariance: Tensor, ridge: float) -> Tensor:
    scale = covariance.diagonal().mean().clamp(min=torch.finfo(covariance.dtype).tiny)
    damped = covariance + ridge * scale * torch.eye(covariance.shape[0], dtype=covariance.dtype)
    whitened = torch.linalg.solve(damped, encoder.T).T
    force_map = torch.linalg.solve(whitened @ encoder.T, whitened)
    left = torch.eye(encoder.shape[0], dtype=encoder.dtype) - force_map @ encoder.T
    improved: Tensor = force_map + left @ _project(encoder)  # takes rounding out of W Eᵀ = I
    return improved


def _held_out_force(encoder: Tensor, blocks: Tensor, ridge: float) -> float:
    """Sum over blocks of the mean square bead force under the map of all other blocks."""
    total = blocks.sum(0)
    maps = [_least_noise(encoder, total - block, ridge) for block in blocks]
    return sum(float(((m @ b) * m).sum()) for m, b in zip(maps, blocks, strict=True))


def _project(encoder: Tensor) -> Tensor:
    projection: Tensor = torch.linalg.solve(encoder @ encoder.T, encoder)
    return projection


def _group_matrix(rigid_groups: Tensor) -> Tensor:
    """1 where an atom belongs to a variable, each rigid group one, (atoms, variables)."""
    free = rigid_groups < 0
    own = -1 - torch.arange(rigid_groups.shape[0])
    _, variable = torch.unique(torch.where(free, own, rigid_groups), return_inverse=True)
    return torch.nn.functional.one_hot(variable).to(torch.float64)


def _groups(rigid_groups: Tensor) -> list[int]:
    return sorted(set(rigid_groups.tolist()) - {-1})
