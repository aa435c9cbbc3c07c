"""A trajectory of atoms seen as one of beads, with forces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.mapping.copies import map_copies
from autograin_cli.mapping.force_maps import (
    check_rigid_groups,
    crossed_maps,
    force_covariances,
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
from autograin_cli.trajectory import Chunk, Keeper, Trajectory

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
    """The beads of mapped molecules: type after type, copy after copy; boxes are the atoms'.

    atoms: the atomistic trajectory, molecules whole.
    mappings: of the positions, one for each type of molecule.
    force_maps: of the forces, one for each type, chosen on the same trajectory; empty for beads
        without forces.
    """

    atoms: Trajectory
    mappings: tuple[Mapping, ...]
    force_maps: tuple[ForceMaps, ...]

    @property
    def n_frames(self) -> int:
        """Frames in all."""
        return self.atoms.n_frames

    @property
    def n_atoms(self) -> int:
        """Beads in a frame: those of all copies of all types."""
        return sum(mapping.n_beads * mapping.molecule.n_copies for mapping in self.mappings)

    @property
    def has_forces(self) -> bool:
        """Whether the beads have forces."""
        return self.atoms.has_forces and bool(self.force_maps)

    @property
    def keeper(self) -> Keeper | None:
        """That of the atoms."""
        return self.atoms.keeper

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """Yield the chunks of the atomistic trajectory, mapped."""
        for chunk in self.atoms.chunks(first):
            positions = [m.map_positions(chunk.positions).flatten(1, 2) for m in self.mappings]
            forces = None
            if self.force_maps and chunk.forces is not None:
                forces = self._forces(chunk.forces, torch.arange(first, first + chunk.n_frames))
            first += chunk.n_frames
            yield Chunk(_joined(positions), chunk.times, chunk.boxes, forces)

    def _forces(self, forces: Tensor, frames: Tensor) -> Tensor:
        """Map each frame with the maps of its block, (frames, beads, 3)."""
        mapped = []
        for mapping, chosen in zip(self.mappings, self.force_maps, strict=True):
            maps, copies = chosen.of_blocks, mapping.molecule.copies
            block_of = frames * len(maps) // self.n_frames
            parts = [
                map_copies(maps[block], forces[block_of == block], copies)
                for block in block_of.unique().tolist()
            ]
            mapped.append(torch.cat(parts).flatten(1, 2))
        return _joined(mapped)


def _joined(of_types: list[Tensor]) -> Tensor:
    """Beads of all types side by side, (frames, beads, 3)."""
    return of_types[0] if len(of_types) == 1 else torch.cat(of_types, dim=1)


def map_beads(atoms: Trajectory, mappings: Sequence[Mapping]) -> Trajectory:
    """Give the positions and boxes of the beads, without forces.

    Args:
        atoms: the atomistic trajectory, molecules whole.
        mappings: of the types of molecules, whose copies index the atoms.
    """
    return BeadTrajectory(atoms, tuple(mappings), ())


def system_trajectory(
    atoms: Trajectory, mappings: Sequence[Mapping], kind: str
) -> tuple[Trajectory, tuple[ForceMaps, ...]]:
    """Give the beads with their forces, and the force maps chosen for them.

    Args:
        atoms: the atomistic trajectory with forces, molecules whole.
        mappings: of the types of molecules, whose copies index the atoms.
        kind: of force map: 'sum', 'projected' or 'optimal'.

    Raises:
        InputError: as in `choose_force_maps`.
    """
    maps = choose_force_maps(atoms, mappings, kind)
    return BeadTrajectory(atoms, tuple(mappings), maps), maps


def choose_force_maps(
    atoms: Trajectory, mappings: Sequence[Mapping], kind: str
) -> tuple[ForceMaps, ...]:
    """Choose how forces of atoms become forces of beads; 'optimal' takes a pass over the forces.

    The optimal map is that of the covariance averaged over the copies of a molecule and the
    symmetries of its bond graph, so that fewer of its numbers are noise.

    Args:
        atoms: with forces.
        mappings: of the positions, one for each type of molecule.
        kind: 'sum', 'projected' or 'optimal'.

    Returns:
        One for each type.

    Raises:
        InputError: a mapping splits a rigid group; 'projected' with weights that differ inside
            one; 'optimal' without forces.
    """
    for mapping in mappings:
        names = mapping.molecule.atom_names
        check_rigid_groups(mapping.assignment, mapping.rigid_groups, names)
    if kind != "optimal":
        return tuple(_fixed_map(mapping, kind) for mapping in mappings)
    n_blocks = max(2, min(_BLOCKS, atoms.n_frames))
    copies = [mapping.molecule.copies for mapping in mappings]
    sums = force_covariances(atoms, copies, n_blocks)
    return tuple(_optimal_map(mapping, each) for mapping, each in zip(mappings, sums, strict=True))


def _fixed_map(mapping: Mapping, kind: str) -> ForceMaps:
    """A map that does not depend on the forces."""
    if kind == "projected":
        force_map = projected_map(mapping.encoder, mapping.rigid_groups)
    else:
        force_map = sum_map(mapping.assignment, mapping.rigid_groups)
    return ForceMaps(kind, force_map, force_map[None])


def _optimal_map(mapping: Mapping, covariances: Tensor) -> ForceMaps:
    """The map of least noise, and those that map the blocks it was chosen on."""
    if mapping.molecule.n_atoms <= LARGEST_SYMMETRISED:
        classes = pair_classes(mapping.molecule)
        covariances = torch.stack([average_over_classes(block, classes) for block in covariances])
    best = optimal_map(mapping.encoder, covariances, mapping.rigid_groups)
    crossed = crossed_maps(mapping.encoder, covariances, mapping.rigid_groups)
    return ForceMaps("optimal", best, crossed)
