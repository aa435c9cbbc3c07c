"""What the liquids are: molecules, density, box, cutoff, and a lattice to begin from.

Units: Å, u, K; density in g/cm³.
"""

from dataclasses import dataclass

import numpy as np
from force_field import Molecule
from molecules import Array

GRAM_PER_CM3 = 0.602214076  # u/Å³
SWITCH_WIDTH = 1.0  # Å


@dataclass(frozen=True)
class Liquid:
    """One kind of molecule in a periodic cube.

    side: molecules along an edge of the lattice that the run begins from.
    temperature: K. density: g/cm³.
    cutoff: Å, of Lennard-Jones and of the Coulomb sum in real space; the former is
        switched to zero over the last SWITCH_WIDTH.
    """

    molecule: str
    side: int
    temperature: float
    density: float
    cutoff: float

    @property
    def n_molecules(self) -> int:
        """Molecules in the box."""
        return self.side**3


def methane(side: int) -> Liquid:
    """side³ molecules of methane at 100 K."""
    return Liquid("methane", side, temperature=100.0, density=0.44, cutoff=7.0)


def ethane(side: int) -> Liquid:
    """side³ molecules of ethane at 120 K."""
    return Liquid("ethane", side, temperature=120.0, density=0.62, cutoff=7.8)


def box_length(liquid: Liquid, molecule: Molecule) -> float:
    """Edge of the cube in Å, with as many decimals as a PDB holds."""
    mass = liquid.n_molecules * molecule.masses.sum()
    return round(float(np.cbrt(mass / (liquid.density * GRAM_PER_CM3))), 3)


def random_rotations(n: int, seed: int) -> Array:
    """Rotation matrices drawn uniformly, shape (n, 3, 3)."""
    q = np.random.default_rng(seed).normal(size=(n, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)


def lattice(liquid: Liquid, molecule: Molecule, seed: int) -> Array:
    """Molecules on a simple cubic lattice, turned at random; Å, shape (atoms, 3)."""
    steps = (np.arange(liquid.side) + 0.5) * box_length(liquid, molecule) / liquid.side
    centres = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    middle = np.average(molecule.positions, axis=0, weights=molecule.masses)
    turned = np.einsum(
        "nij,aj->nai",
        random_rotations(liquid.n_molecules, seed),
        molecule.positions - middle,
    )
    return (centres[:, None] + turned).reshape(-1, 3)
