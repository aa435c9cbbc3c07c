"""Ten dumbbells in a tilted box: a model simple enough for every program, and its forces anew.

A molecule is two atoms on a spring; atoms of different molecules attract and repel each other as
Lennard-Jones has it, cut off without a switch. The files in `data` hold frames and forces of this
model by several programs: whatever a reader makes of positions, box and forces, units and order
included, must satisfy `forces`.
"""

from itertools import product

import numpy as np

N_MOLECULES = 10
N_ATOMS = 2 * N_MOLECULES
MASSES = np.tile([15.035, 13.019], N_MOLECULES)  # u
BOX = np.array([[14.0, 0.0, 0.0], [3.0, 13.5, 0.0], [-2.0, 4.0, 13.0]])  # Å
STIFFNESS = 800.0  # kJ/(mol Å²), of k/2 (r - r0)²
LENGTH = 1.54  # Å
SIGMA, EPSILON, CUTOFF = 3.6, 0.9, 6.0  # Å, kJ/mol, Å
TIMESTEP = 0.002  # ps


def start() -> np.ndarray:
    """Positions from which all programs start, Å, (atoms, 3)."""
    rng = np.random.default_rng(5)
    cells = np.array(list(product(range(3), range(2), range(2))))[:N_MOLECULES]
    centres = (cells + 0.3) / [3, 2, 2] @ BOX + rng.normal(0, 0.1, (N_MOLECULES, 3))
    axes = rng.normal(size=(N_MOLECULES, 3))
    axes *= LENGTH / 2 / np.linalg.norm(axes, axis=1, keepdims=True)
    return np.stack([centres - axes, centres + axes], axis=1).reshape(-1, 3)


def forces(positions: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Forces of the model by the plainest way: every pair, every near image.

    Args:
        positions: Å, (frames, atoms, 3).
        boxes: Å, (frames, 3, 3), rows are the box vectors.

    Returns:
        kJ/(mol Å), (frames, atoms, 3).
    """
    found = np.zeros_like(positions)
    images = np.array(list(product((-2, -1, 0, 1, 2), repeat=3)))
    for x, box, f in zip(positions, boxes, found, strict=True):
        for i in range(len(x)):
            steps = x[i] - x + np.zeros((len(images), 1, 1)) + (images @ box)[:, None]
            r = np.linalg.norm(steps, axis=2)
            near = (r < CUTOFF) & (np.arange(len(x)) // 2 != i // 2)
            s = (SIGMA / r[near]) ** 6
            size = 24 * EPSILON * (2 * s**2 - s) / r[near] ** 2
            f[i] = (size[:, None] * steps[near]).sum(0)
            j = i ^ 1
            step, length = steps[np.argmin(r[:, j]), j], r[:, j].min()
            f[i] -= STIFFNESS * (length - LENGTH) * step / length
    return found
