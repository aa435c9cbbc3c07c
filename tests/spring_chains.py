"""Chains of atoms on springs, stiff inside groups of three and soft between: drawn exactly."""

import torch
from torch import Tensor

from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk, StoredTrajectory
from systems import Springs, molecule

STIFF, SOFT = 300.0, 20.0


def spring_chain(n_groups: int) -> tuple[Springs, Molecule]:
    """Three atoms in a row for each group; springs along bonds."""
    n_atoms = 3 * n_groups
    bonds = [(i, i + 1) for i in range(n_atoms - 1)]
    matrix = torch.zeros(n_atoms, n_atoms, dtype=torch.float64)
    for i, j in bonds:
        stiffness = SOFT if i % 3 == 2 else STIFF
        matrix[i, i] += stiffness
        matrix[j, j] += stiffness
        matrix[i, j] -= stiffness
        matrix[j, i] -= stiffness
    return Springs(matrix), molecule("chain", "C" * n_atoms, bonds)


def spring_trajectory(
    n_groups: int, n_frames: int, seed: int = 0, noise: float = 0.0
) -> StoredTrajectory:
    """Independent structures with their forces, away from the origin.

    noise: standard deviation of a force between each two atoms that has nothing to do with where
        they are, kJ/(mol Å): it leaves the mean force of any beads as it is.
    """
    system, _ = spring_chain(n_groups)
    positions = system.draw(n_frames, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    between = torch.randn(*_pairs(positions), generator=generator, dtype=torch.float64)
    forces = system.forces(positions) + noise * (between - between.transpose(1, 2)).sum(2)
    times = torch.arange(n_frames).double()
    return StoredTrajectory(Chunk(positions + 3.0, times, None, forces))


def _pairs(positions: Tensor) -> tuple[int, int, int, int]:
    n_frames, n_atoms, _ = positions.shape
    return n_frames, n_atoms, n_atoms, 3
