"""Systems with exact answers, and molecules built by hand, for tests of every stage."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.molecules import Molecule
from autograin_cli.units import thermal_energy

MASSES = {"H": 1.008, "C": 12.011, "N": 14.0067}


@dataclass(frozen=True)
class Springs:
    """Atoms on springs of rest length zero: positions are Gaussian, forces linear.

    stiffness: K, kJ/(mol Å²), (atoms, atoms); rows sum to 0, so that it is free to move.
    temperature: K.
    """

    stiffness: Tensor
    temperature: float = 300.0

    def draw(self, n_frames: int, seed: int) -> Tensor:
        """Independent positions about the origin, Å, (frames, atoms, 3)."""
        values, vectors = torch.linalg.eigh(self.stiffness)
        spread = torch.where(values > 1e-9, thermal_energy(self.temperature) / values, 0.0).sqrt()
        generator = torch.Generator().manual_seed(seed)
        modes = torch.randn(n_frames, len(values), 3, generator=generator, dtype=torch.float64)
        return torch.einsum("am,fmd->fad", vectors * spread, modes)

    def forces(self, positions: Tensor) -> Tensor:
        """F = -K x, kJ/(mol Å), (frames, atoms, 3)."""
        return -torch.einsum("ab,fbd->fad", self.stiffness, positions)

    def bead_stiffness(self, encoder: Tensor) -> Tensor:
        """Stiffness of the potential of mean force of beads z = E x, kJ/(mol Å²), (beads, beads).

        inv(C inv(K) Cᵀ), with pseudo-inverses: both are free to move.
        """
        pinv = torch.linalg.pinv(self.stiffness, hermitian=True, rtol=1e-12)
        centre = torch.eye(encoder.shape[0], dtype=torch.float64) - 1 / encoder.shape[0]
        seen = centre @ encoder @ pinv @ encoder.T @ centre
        return torch.linalg.pinv(seen, hermitian=True, rtol=1e-12)


def springs(bonds: Tensor, n_atoms: int, seed: int) -> Springs:
    """Springs of random stiffness, 20 to 100 kJ/(mol Å²), along bonds."""
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.zeros(n_atoms, n_atoms, dtype=torch.float64)
    strengths = 20 + 80 * torch.rand(len(bonds), generator=generator, dtype=torch.float64)
    for (i, j), strength in zip(bonds.tolist(), strengths, strict=True):
        matrix[i, i] += strength
        matrix[j, j] += strength
        matrix[i, j] -= strength
        matrix[j, i] -= strength
    return Springs(matrix)


def molecule(name: str, elements: str, bonds: list[tuple[int, int]]) -> Molecule:
    """One copy of a molecule from its elements, one letter each, and its bonds."""
    return Molecule(
        name=name,
        atom_names=tuple(f"{element}{number}" for number, element in enumerate(elements, 1)),
        elements=tuple(elements),
        masses=torch.tensor([MASSES[element] for element in elements], dtype=torch.float64),
        bonds=torch.tensor(sorted(tuple(sorted(bond)) for bond in bonds)).reshape(-1, 2),
        copies=torch.arange(len(elements))[None],
    )


def with_hydrogens(
    name: str, heavy: str, bonds: list[tuple[int, int]], counts: list[int]
) -> Molecule:
    """A molecule from its heavy atoms and the number of hydrogens on each."""
    elements, all_bonds = heavy, list(bonds)
    for atom, count in enumerate(counts):
        for _ in range(count):
            all_bonds.append((atom, len(elements)))
            elements += "H"
    return molecule(name, elements, all_bonds)


def alkane(n_carbons: int) -> Molecule:
    """A straight alkane; ethane has two carbons."""
    bonds = [(i, i + 1) for i in range(n_carbons - 1)]
    counts = [3, *[2] * (n_carbons - 2), 3]
    return with_hydrogens("alkane", "C" * n_carbons, bonds, counts)


def _ring(first: int) -> list[tuple[int, int]]:
    return [(first + i, first + (i + 1) % 6) for i in range(6)]


def aniline() -> Molecule:
    """Aniline: ring carbons 0 to 5, nitrogen 6 on carbon 0."""
    return with_hydrogens("aniline", "CCCCCCN", [*_ring(0), (0, 6)], [0, 1, 1, 1, 1, 1, 2])


def ortho_terphenyl() -> Molecule:
    """Ortho-terphenyl: central ring 0 to 5, side rings 6 to 11 on 0 and 12 to 17 on 1."""
    bonds = [*_ring(0), *_ring(6), *_ring(12), (0, 6), (1, 12)]
    counts = [0, 0, 1, 1, 1, 1, *[0, 1, 1, 1, 1, 1] * 2]
    return with_hydrogens("terphenyl", "C" * 18, bonds, counts)
