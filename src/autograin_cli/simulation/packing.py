"""Molecules put into a box: on a lattice, turned at random, relaxed; or copies of a frame."""

from collections.abc import Sequence
from itertools import product
from math import ceil

import torch
from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.evaluation import Evaluator
from autograin_cli.system import Configuration, System
from autograin_cli.units import thermal_energy

_MOST_ROUNDS = 1000
_LONGEST_WAY = 0.2  # Å, of a bead in a round
_MODERATE = 30.0  # kT/Å: the largest force of a relaxed configuration
_HARD = 3.0  # times the mean force
_FASTER, _SLOWER = 1.2, 0.5


def packed(
    system: System, structures: Sequence[Tensor], box: Tensor, random: torch.Generator
) -> Tensor:
    """Put the molecules on the points of a lattice, in random places and orientations.

    Args:
        system: the molecules.
        structures: of each component, Å, (beads of a copy, 3).
        box: Å, (3, 3), rows are the box vectors.
        random: numbers for places and orientations.

    Returns:
        Å, (beads, 3).
    """
    numbers = _lattice(system.n_molecules, box.norm(dim=1))
    points = torch.tensor(list(product(*map(range, numbers))), dtype=torch.float64)
    # Points left empty are spread evenly over the lattice.
    even = torch.linspace(0, len(points) - 1, system.n_molecules).round().long()
    chosen = even[torch.randperm(system.n_molecules, generator=random)]
    centres = (points[chosen] + 0.5) / torch.tensor(numbers) @ box.double()
    placed, first = [], 0
    for part, structure in zip(system.components, structures, strict=True):
        shape = structure.double() - structure.double().mean(0)
        turned = shape @ _rotations(part.n_copies, random)
        here = centres[first : first + part.n_copies, None] + turned
        placed.append(here.flatten(0, 1))
        first += part.n_copies
    return torch.cat(placed)


def _lattice(n_molecules: int, edges: Tensor) -> tuple[int, int, int]:
    """Points along each vector: enough, and about as far apart in all directions."""
    spacing = float((edges.prod() / n_molecules) ** (1 / 3))
    while True:
        a, b, c = (max(1, ceil(edge / spacing - 1e-9)) for edge in edges.tolist())
        fewer = [(a - 1, b, c), (a, b - 1, c), (a, b, c - 1)]
        enough = [n for n in fewer if n[0] * n[1] * n[2] >= n_molecules]
        if a * b * c >= n_molecules:
            return min(enough, key=lambda n: n[0] * n[1] * n[2], default=(a, b, c))
        spacing *= 0.98


def _rotations(number: int, random: torch.Generator) -> Tensor:
    """Random rotations, (number, 3, 3), from normal quaternions."""
    q = torch.randn(number, 4, generator=random, dtype=torch.float64)
    w, x, y, z = (q / q.norm(dim=1, keepdim=True)).T
    rows = [
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def replicated(system: System, frame: Configuration, numbers: Sequence[int]) -> Configuration:
    """Copies of a periodic frame side by side, component after component.

    Args:
        system: of the frame.
        frame: with a box.
        numbers: of copies along each box vector.
    """
    box = torch.zeros(3, 3).double() if frame.box is None else frame.box.double()
    shifts = torch.tensor(list(product(*map(range, numbers))), dtype=torch.float64) @ box
    parts = [
        (frame.positions[where].double() + shifts[:, None]).flatten(0, 1) for where in system.slices
    ]
    return Configuration(torch.cat(parts), box * torch.tensor(numbers)[:, None])


def relaxed(force_field: ForceField, frame: Configuration, temperature: float) -> Tensor:
    """Move beads along their forces, never far in a round, until the forces are moderate.

    Args:
        force_field: of the frame.
        frame: where the beads are.
        temperature: K; a moderate force is some kT/Å.

    Returns:
        Å, (beads, 3).
    """
    evaluate = Evaluator(force_field, frame.box)
    positions, way = frame.positions.double(), _LONGEST_WAY / 4
    here = evaluate(positions)
    for _ in range(_MOST_ROUNDS):
        sizes = here.forces.norm(dim=1)
        if float(sizes.max()) < _MODERATE * thermal_energy(temperature):
            break
        # Beads pushed hard go the whole way, those hardly pushed hardly any of it.
        longest = _HARD * sizes.mean()
        moved = positions + here.forces * (way / sizes.clamp(min=float(longest)))[:, None]
        there = evaluate(moved)
        if there.energy < here.energy:
            positions, here, way = moved, there, min(way * _FASTER, _LONGEST_WAY)
        else:
            way *= _SLOWER
    return positions
