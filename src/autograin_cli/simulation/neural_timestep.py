"""The time step where a network adds to the stiffness of the classical terms."""

from dataclasses import replace
from math import hypot, sqrt

import torch

from autograin_cli.potential.force_field import ForceField
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.neural_forces import NeuralForces
from autograin_cli.simulation.timestep import SHARE, fitting_timestep
from autograin_cli.units import ACCELERATION

_ROUNDS = 20
_NUDGE = 1e-3  # Å, of all beads together


def with_network(force_field: ForceField, start: Start, interval: float) -> Start:
    """Shorten the time step chosen for the terms, for what a network adds at the start.

    Args:
        force_field: of the run.
        start: of the run, with the time step of the terms.
        interval: ps, of which the time step is a whole part.
    """
    frequency = network_frequency(force_field, start)
    longest = 1.0 / hypot(1.0 / start.timestep, frequency / (2.0 * SHARE))
    return replace(start, timestep=fitting_timestep(longest, interval))


def network_frequency(force_field: ForceField, start: Start) -> float:
    """Angular frequency of the fastest motion that the network alone gives the beads, 1/ps.

    The root of the eigenvalue of largest size of the mass-weighted second derivatives at the
    first replica, by power iteration from a fixed vector, the derivatives being differences of
    forces. It comes from below, by a few per cent.
    """
    if force_field.neural is None:
        return 0.0
    x, box = start.positions[:1].double(), start.box
    forces = NeuralForces(force_field.neural, force_field.system, box, dtype=torch.float64)
    scale = start.masses.double()[:, None].sqrt()
    random = torch.Generator().manual_seed(0)
    along, size = torch.randn(x.shape, generator=random, dtype=torch.float64), 0.0
    for _ in range(_ROUNDS):
        move = along / scale
        move = move * (_NUDGE / move.norm())
        change = (forces(x - move)[1] - forces(x + move)[1]) / 2
        weight = float((move * scale).norm())
        along = change / scale
        size = float(along.norm()) / weight
        if size == 0.0:
            return 0.0
    return sqrt(size * ACCELERATION)
