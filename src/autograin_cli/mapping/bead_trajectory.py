"""A trajectory of atoms seen as one of beads, with forces."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.mapping.force_maps import (
    check_rigid_groups,
    crossed_maps,
    force_covariance,
    optimal_map,
    projected_map,
    sum_map,
)
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.mapping.topology import (
    LARGEST_SYMMETRISED,
    average_over_classes,
    pair_classes,
)
from autograin_cli.trajectory import Chunk, Trajectory

_BLOCKS = 4


@dataclass(frozen=True)
class ForceMaps:
    """The force map of a mapping, and those that map the trajectory it was chosen on.

    kind: 'sum', 'projected' or 'optimal'.
    force_map: of all frames, for a `Mapping`, (beads, atoms).
    of_blocks: for each of so many blocks of consecutive frames the map that was chosen without
        that block, (blocks, beads, atoms); one block where nothing was chosen.
    """

    kind: str
    force_map: Tensor
    of_blocks: Tensor


@dataclass(frozen=True)
class BeadTrajectory:
    """The beads of every copy of a molecule, copy after copy, with their forces.

    atoms: the atomistic trajectory, molecules whole.
    mapping: of the positions.
    force_maps: of the forces, chosen on the same trajectory.
    """

    atoms: Trajectory
    mapping: Mapping
    force_maps: ForceMaps

    @property
    def n_frames(self) -> int:
        """Frames in all."""
        return self.atoms.n_frames

    @property
    def n_atoms(self) -> int:
        """Beads in a frame: those of all copies."""
        return self.mapping.n_beads * self.mapping.molecule.n_copies

    @property
    def has_forces(self) -> bool:
        """Whether the atoms have forces."""
        return self.atoms.has_forces

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks of the atomistic trajectory, mapped."""
        first = 0
        for chunk in self.atoms.chunks():
            frames = torch.arange(first, first + chunk.n_frames)
            first += chunk.n_frames
            yield Chunk(
                positions=self.mapping.map_positions(chunk.positions).flatten(1, 2),
                times=chunk.times,
                boxes=chunk.boxes,
                forces=None if chunk.forces is None else self._forces(chunk.forces, frames),
            )

    def _forces(self, forces: Tensor, frames: Tensor) -> Tensor:
        """Map each frame with the map of its block, (frames, copies beads, 3)."""
        maps = self.force_maps.of_blocks
        block_of = frames * len(maps) // self.n_frames
        mapped = forces.new_empty(len(frames), self.n_atoms, 3)
        for block in sorted(set(block_of.tolist())):
            here = block_of == block
            atoms = forces[here][:, self.mapping.molecule.copies]
            mapped[here] = torch.einsum("ba,fcad->fcbd", maps[block], atoms).flatten(1, 2)
        return mapped


def choose_force_maps(atoms: Trajectory, mapping: Mapping, kind: str) -> ForceMaps:
    """Choose how forces of atoms become forces of beads; 'optimal' takes a pass over the forces.

    The optimal map is that of the covariance averaged over the symmetries of the bond graph, so
    that fewer of its numbers are noise.

    Args:
        atoms: with forces.
        mapping: of the positions.
        kind: 'sum', 'projected' or 'optimal'.

    Raises:
        InputError: the mapping splits a rigid group; 'projected' with weights that differ inside
            one; 'optimal' without forces.
    """
    rigid = mapping.rigid_groups
    check_rigid_groups(mapping.assignment, rigid, mapping.molecule.atom_names)
    if kind == "optimal":
        covariances = _symmetric_covariances(atoms, mapping)
        best = optimal_map(mapping.encoder, covariances, rigid)
        return ForceMaps(kind, best, crossed_maps(mapping.encoder, covariances, rigid))
    if kind == "projected":
        force_map = projected_map(mapping.encoder, rigid)
    else:
        force_map = sum_map(mapping.assignment, rigid)
    return ForceMaps(kind, force_map, force_map[None])


def _symmetric_covariances(atoms: Trajectory, mapping: Mapping) -> Tensor:
    molecule = mapping.molecule
    n_blocks = max(2, min(_BLOCKS, atoms.n_frames))
    covariances = force_covariance(atoms, molecule.copies, n_blocks)
    if molecule.n_atoms > LARGEST_SYMMETRISED:
        return covariances
    classes = pair_classes(molecule)
    return torch.stack([average_over_classes(block, classes) for block in covariances])
