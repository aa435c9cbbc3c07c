"""Langevin dynamics by BAOAB: one step, with its noise passed in, and its constants.

This is the step as the paper writes it, on tensors of any device. `kernels.advance` is the same
step compiled; the tests compare them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, expm1, sqrt

import torch
from torch import Tensor

from autograin_cli.simulation.engine import Start
from autograin_cli.units import ACCELERATION, thermal_energy


@dataclass(frozen=True)
class Constants:
    """Constants of a BAOAB step.

    half_step: half the time step, ps.
    kicks: half the time step over the mass, Å/ps per kJ/(mol Å), (beads, 1).
    half_masses: kinetic energy of a squared velocity, kJ/mol per (Å/ps)², (beads, 1).
    decay: share of a velocity that friction leaves.
    spreads: standard deviation of the velocity that the heat bath adds, Å/ps, (beads, 1).
    """

    half_step: float
    kicks: Tensor
    half_masses: Tensor
    decay: float
    spreads: Tensor

    def to(self, device: torch.device) -> "Constants":
        """Copy to a device."""
        kicks, half_masses, spreads = (
            tensor.to(device) for tensor in (self.kicks, self.half_masses, self.spreads)
        )
        return Constants(self.half_step, kicks, half_masses, self.decay, spreads)


def constants(start: Start, friction: float) -> Constants:
    """Constants of a step; friction in 1/ps."""
    masses = start.masses.double()[:, None]
    spread = sqrt(-expm1(-2 * friction * start.timestep))
    return Constants(
        half_step=start.timestep / 2,
        kicks=start.timestep / 2 * ACCELERATION / masses,
        half_masses=masses / (2 * ACCELERATION),
        decay=exp(-friction * start.timestep),
        spreads=spread * thermal_speeds(start),
    )


def thermal_speeds(start: Start) -> Tensor:
    """Standard deviation of each component of a velocity at equilibrium, Å/ps, (beads, 1)."""
    squares = thermal_energy(start.temperature) * ACCELERATION / start.masses.double()
    return squares.sqrt()[:, None]


@dataclass(frozen=True)
class Felt:
    """What the potential says of positions.

    forces: kJ/(mol Å), (replicas, beads, 3).
    outside: instances beyond the sampled range, (terms,), int64.
    """

    forces: Tensor
    outside: Tensor


@dataclass(frozen=True)
class Stepped:
    """What a step leaves.

    positions: Å, (replicas, beads, 3).
    velocities: Å/ps, (replicas, beads, 3).
    felt: at these positions.
    middle: velocities in the middle of the step, Å/ps, (replicas, beads, 3).
    """

    positions: Tensor
    velocities: Tensor
    felt: Felt
    middle: Tensor


def step(
    positions: Tensor,
    velocities: Tensor,
    forces: Tensor,
    noise: Tensor,
    given: Constants,
    feel: Callable[[Tensor], Felt],
) -> Stepped:
    """Do one step: half a kick, half a flight, friction and noise, half a flight, half a kick.

    The velocities in the middle, after the first half kick and before the friction, have
    exactly the Maxwell variance in a harmonic well; those at the end of the step are low by a
    share of (omega timestep)²/4. Those after the noise have it too, but would have it from the
    bath alone at high friction: these are right only where the dynamics is.

    Args:
        positions: Å, (replicas, beads, 3).
        velocities: Å/ps, (replicas, beads, 3).
        forces: on these positions, kJ/(mol Å), (replicas, beads, 3).
        noise: independent standard normal numbers, (replicas, beads, 3).
        given: the constants.
        feel: from positions to forces.

    Source: B. Leimkuhler and C. Matthews, J. Chem. Phys. 138, 174102 (2013).
    """
    middle = velocities + given.kicks * forces
    positions = positions + given.half_step * middle
    velocities = given.decay * middle + given.spreads * noise
    positions = positions + given.half_step * velocities
    felt = feel(positions)
    return Stepped(positions, velocities + given.kicks * felt.forces, felt, middle)


def kinetic_energy(velocities: Tensor, given: Constants) -> Tensor:
    """Kinetic energy of each replica, kJ/mol, (replicas,)."""
    return (given.half_masses * velocities.square()).sum((-2, -1))
