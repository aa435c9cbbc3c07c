"""Langevin dynamics of one molecule in a vacuum, with OpenMM, and what it must obey.

A run that was killed goes on from where it was last saved when it is started again with
the same settings. Trajectories are chaotic: another version of OpenMM, or another
machine, gives other frames of the same ensemble.

Units: Å, ps, u, kJ/mol, K.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import openmm
from checks import Check, bounded, rms, tell
from force_field import FORCE_FIELD, Molecule
from molecules import Array
from openmm import unit
from openmm_engine import context, energies_of, forces_of, in_vacuum, place, positions_of

TEMPERATURE = 300.0  # K
FRICTION = 1.0  # 1/ps
TIMESTEP = 0.0005  # ps
EQUILIBRATION = 100.0  # ps
ACCELERATION = 100.0  # Å/ps² of a force of 1 kJ/(mol Å) on 1 u
SPEED = unit.angstrom / unit.picosecond
SAVES = 30  # times that an unfinished run is saved


@dataclass(frozen=True)
class Plan:
    """One data set: `n_frames` frames, `interval` ps apart, in files named `stem`.

    with_dcd: whether positions are written as DCD and PDB as well as XTC.
    """

    molecule: str
    stem: str
    n_frames: int
    interval: float
    seed: int
    with_dcd: bool

    @property
    def stride(self) -> int:
        """Steps between frames."""
        return round(self.interval / TIMESTEP)


@dataclass(frozen=True)
class Frames:
    """What a run recorded.

    positions: Å, shape (frames, atoms, 3), centre of mass at the origin.
    forces: kJ/(mol Å), shape (frames, atoms, 3).
    kinetic: kinetic energies, kJ/mol, shape (frames,).
    """

    positions: Array
    forces: Array
    kinetic: Array


def thermostat(molecule: Molecule, seed: int) -> openmm.Context:
    """Langevin dynamics of a molecule in its ideal geometry, still at rest."""
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, FRICTION, TIMESTEP)
    integrator.setRandomNumberSeed(seed)
    running = context(in_vacuum(molecule), integrator)
    place(running, molecule.positions)
    return running


def equilibrate(running: openmm.Context, duration: float, seed: int) -> None:
    """Minimise the energy, draw velocities, and run for a duration in ps."""
    openmm.LocalEnergyMinimizer.minimize(running, 0.1)
    running.setVelocitiesToTemperature(TEMPERATURE, seed)
    running.getIntegrator().step(round(duration / TIMESTEP))


def record(running: openmm.Context, masses: Array) -> Frames:
    """The present positions, about their centre of mass, with their forces."""
    positions = positions_of(running)
    positions -= np.average(positions, axis=0, weights=masses)
    return Frames(positions[None], forces_of(running)[None], energies_of(running)[1:])


def join(pieces: list[Frames]) -> Frames:
    """One record of consecutive pieces."""
    return Frames(
        positions=np.concatenate([piece.positions for piece in pieces]),
        forces=np.concatenate([piece.forces for piece in pieces]),
        kinetic=np.concatenate([piece.kinetic for piece in pieces]),
    )


def fingerprint(plan: Plan) -> str:
    """All that an interrupted run must share with the one that takes it up."""
    physics = (TEMPERATURE, FRICTION, TIMESTEP, EQUILIBRATION, openmm.__version__)
    field = hashlib.sha256(FORCE_FIELD.read_bytes()).hexdigest()
    return json.dumps([asdict(plan), physics, field], sort_keys=True)


def save(path: Path, plan: Plan, running: openmm.Context, frames: Frames) -> None:
    """Keep the frames so far and the state of the dynamics, atomically."""
    temporary = path.with_suffix(".writing.npz")
    np.savez(
        temporary,
        fingerprint=fingerprint(plan),
        checkpoint=np.frombuffer(running.createCheckpoint(), dtype=np.uint8),
        positions=frames.positions,
        forces=frames.forces,
        kinetic=frames.kinetic,
    )
    os.replace(temporary, path)


def resume(path: Path, plan: Plan, running: openmm.Context) -> list[Frames]:
    """The frames of an interrupted run of the same plan; its state is restored."""
    if not path.exists():
        return []
    with np.load(path) as saved:
        if str(saved["fingerprint"]) != fingerprint(plan):
            return []
        running.loadCheckpoint(saved["checkpoint"].tobytes())
        return [Frames(saved["positions"], saved["forces"], saved["kinetic"])]


def produce(plan: Plan, molecule: Molecule, partial: Path) -> Frames:
    """Equilibrate and run, or take up an interrupted run from `partial`."""
    running = thermostat(molecule, plan.seed)
    pieces = resume(partial, plan, running)
    if not pieces:
        equilibrate(running, EQUILIBRATION, plan.seed)
        pieces = [record(running, molecule.masses)]
    first, began = sum(len(piece.kinetic) for piece in pieces), time.monotonic()
    for frame in range(first, plan.n_frames):
        running.getIntegrator().step(plan.stride)
        pieces.append(record(running, molecule.masses))
        if (frame + 1) % max(1, plan.n_frames // SAVES) == 0:
            save(partial, plan, running, join(pieces))
            speed = (frame + 1 - first) * plan.stride / (time.monotonic() - began)
            done = f"frame {frame + 1} of {plan.n_frames}"
            tell(f"{plan.stem}: {done}, {speed:.0f} steps/s")
    return join(pieces)


# --- what it must obey ----------------------------------------------------------------


def check_gradient(running: openmm.Context) -> Check:
    """Forces are minus the gradient of the energy, by central differences."""
    positions, forces = positions_of(running), forces_of(running)
    step = 1e-4  # Å
    errors = []
    for index in np.ndindex(positions.shape):
        energies = []
        for shift in (step, -step):
            moved = positions.copy()
            moved[index] += shift
            place(running, moved)
            energies.append(energies_of(running)[0])
        errors.append((energies[0] - energies[1]) / (2 * step) + forces[index])
    place(running, positions)
    relative = np.abs(errors).max() / rms(forces)
    return bounded("force against energy difference, largest / rms force", relative, 1e-5)


def constant_energy(
    start: openmm.Context, timestep: float, duration: float, interval: float
) -> Array:
    """Total energies, kJ/mol, of a run from `start` without a thermostat; times in ps.

    Leapfrog; velocities start half a step early, so that runs with different timesteps
    begin as the same trajectory. OpenMM gives both energies at the same time.
    """
    system = start.getSystem()
    running = context(system, openmm.VerletIntegrator(timestep))
    place(running, positions_of(start))
    masses = [system.getParticleMass(a) for a in range(system.getNumParticles())]
    inverse = 1 / np.array([mass.value_in_unit(unit.dalton) for mass in masses])
    velocities = start.getState(getVelocities=True).getVelocities(asNumpy=True)
    kick = 0.5 * timestep * ACCELERATION * forces_of(start) * inverse[:, None]
    running.setVelocities(velocities - unit.Quantity(kick, SPEED))
    energies = []
    for _ in range(round(duration / interval)):
        running.getIntegrator().step(round(interval / timestep))
        energies.append(energies_of(running).sum())
    return np.array(energies)


def check_order(running: openmm.Context) -> Check:
    """Without a thermostat the error of the energy goes as the timestep squared.

    Runs of 0.25 ps, from eight moments 2 ps apart: after a picosecond trajectories of
    different timesteps are no longer the same one.
    """
    variances = []
    for _ in range(8):
        running.getIntegrator().step(round(2.0 / TIMESTEP))
        steps = (TIMESTEP, TIMESTEP / 2)
        variances.append([constant_energy(running, h, 0.25, 0.001).var() for h in steps])
    coarse, fine = np.sqrt(np.mean(variances, axis=0))
    return Check(
        "NVE energy fluctuation, 0.5 fs against 0.25 fs",
        f"{coarse:.4f} against {fine:.4f} kJ/mol: ratio {coarse / fine:.2f}",
        "ratio 3.9 to 4.1",
        bool(3.9 < coarse / fine < 4.1),
    )


def check_drift(running: openmm.Context) -> Check:
    """Without a thermostat the energy stays within its fluctuation."""
    energies = constant_energy(running, TIMESTEP, 50.0, 0.01)
    early, late = np.split(energies, 2)
    drift = late.mean() - early.mean()
    return Check(
        "NVE energy drift between the halves of 50 ps",
        f"{drift:+.4f} kJ/mol, fluctuation {energies.std():.4f} kJ/mol",
        "less than the fluctuation",
        bool(abs(drift) < energies.std()),
    )


def check_dynamics(plan: Plan, molecule: Molecule) -> Iterator[Check]:
    """What can be checked before production, on a run of its own."""
    running = thermostat(molecule, plan.seed)
    equilibrate(running, 20.0, plan.seed)
    yield bounded("total charge", float(molecule.charges.sum()), 1e-12, " e")
    yield check_gradient(running)
    yield check_order(running)
    yield check_drift(running)
