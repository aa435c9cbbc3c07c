"""Simulation: what a run was and how far it may be trusted."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Convergence:
    """Mixing of one coordinate over the replicas.

    name: of the coordinate, such as 'bond A-B'.
    r_hat: split R-hat, rank-normalised; near 1 where the replicas agree.
    effective_samples: of its mean, over all replicas.
    """

    name: str
    r_hat: float
    effective_samples: float


@dataclass(frozen=True)
class Simulation:
    """What a run was: its settings as carried out, and its diagnostics.

    molecules: names of the types of molecules, in the order of the components.
    copies: molecules of each type in a replica, (types,), int64.
    box: Å, (3, 3), rows are the box vectors; None in vacuum.
    engine: 'builtin' or the name of another program.
    device: 'cpu' or 'cuda'.
    temperature: of the heat bath, K.
    timestep: ps.
    friction: 1/ps.
    replicas: copies that do not feel one another.
    n_frames: snapshots kept.
    kinetic_temperature, kinetic_temperature_error: K, from mid-step velocities.
    configurational_temperature, configurational_temperature_error: K, from forces and curvature.
    pressure, pressure_error: bar, of the beads, from the virial; None in vacuum.
    outside: share of time each term spent outside its sampled range, (terms,): bonded terms of
        each component, then pair terms.
    convergence: of each coordinate.
    spread: rms over beads and components of the standard deviation of the force between the
        networks of an ensemble, kJ/(mol Å); None without one.
    extrapolated: share of beads and frames where they differ by more than for 99.9 % of the beads
        held out when they were trained; None without an ensemble.
    """

    molecules: tuple[str, ...]
    copies: Tensor
    box: Tensor | None
    engine: str
    device: str
    temperature: float
    timestep: float
    friction: float
    replicas: int
    n_frames: int
    kinetic_temperature: float
    kinetic_temperature_error: float
    configurational_temperature: float
    configurational_temperature_error: float
    pressure: float | None
    pressure_error: float | None
    outside: Tensor
    convergence: tuple[Convergence, ...]
    spread: float | None = None
    extrapolated: float | None = None
