"""Langevin dynamics of a periodic liquid, with LAMMPS.

A run that was killed goes on from where it was last saved, and one that has ended goes on
when more frames are asked for; in both cases with fresh noise. Trajectories are chaotic:
another version of LAMMPS, or another machine, gives other frames of the same ensemble.

The forces are those of the force field at the positions as they stand in the file,
computed by a second LAMMPS without a thermostat and with a finer particle mesh.

Units: Å, ps, u, kJ/mol, K.
"""

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from checks import tell
from force_field import FORCE_FIELD, build
from lammps_engine import (
    Dynamics,
    advance,
    array_of,
    forces_at,
    melt,
    put,
    set_up,
    start_moving,
    thermodynamics,
)
from liquids import Liquid, ethane, lattice, methane
from molecules import Array

EQUILIBRATION = 100.0  # ps, after the lattice has been molten
MESH, FINE_MESH = 1e-5, 1e-7  # relative to the force of two unit charges 1 Å apart
WITH_FORCES = Dynamics(timestep=0.0005, inner_steps=1, friction=1.0)
REFERENCE = Dynamics(timestep=0.002, inner_steps=4, friction=1.0)
ROUNDING = 1e-4  # Å: the fifth decimal in nm
SAVE_EVERY = 60.0  # s


@dataclass(frozen=True)
class Plan:
    """One data set: frames `interval` ps apart, with forces or without."""

    stem: str
    liquid: Liquid
    dynamics: Dynamics
    interval: float
    with_forces: bool
    seed: int

    @property
    def stride(self) -> int:
        """Steps between frames."""
        return round(self.interval / self.dynamics.timestep)


PLANS = {
    "methane": Plan("methane", methane(4), WITH_FORCES, 0.5, True, 1),
    "ethane": Plan("ethane", ethane(4), WITH_FORCES, 0.5, True, 1),
    "methane_512": Plan("methane_512", methane(8), REFERENCE, 2.0, False, 1),
    "ethane_more": Plan("ethane_more", ethane(4), REFERENCE, 0.25, True, 2),
    "ethane_343": Plan("ethane_343", ethane(7), REFERENCE, 2.0, False, 1),
}

# Time of the first frame in the files, ps: so that a set can be read after another as one.
STARTS = {"ethane_more": 1000.0}


@dataclass(frozen=True)
class Frames:
    """What a run recorded.

    positions: Å, shape (frames, atoms, 3), multiples of ROUNDING, as they stand in LAMMPS:
        molecules are broken where they cross the boundary.
    forces: kJ/(mol Å), shape (frames, atoms, 3), or (frames, 0, 3) where none are wanted.
    properties: temperature, K; pressure, bar; potential energy, kJ/mol; (frames, 3).
    """

    positions: Array
    forces: Array
    properties: Array


def join(pieces: list[Frames]) -> Frames:
    """One record of consecutive pieces."""
    return Frames(
        positions=np.concatenate([piece.positions for piece in pieces]),
        forces=np.concatenate([piece.forces for piece in pieces]),
        properties=np.concatenate([piece.properties for piece in pieces]),
    )


def first(n_frames: int, frames: Frames) -> Frames:
    """The record of the first frames alone."""
    return Frames(
        frames.positions[:n_frames], frames.forces[:n_frames], frames.properties[:n_frames]
    )


def cpu_time(partial: Path, plan: Plan) -> float:
    """Seconds of one core that a saved run has taken."""
    return float(load(partial, plan)["cpu"])


def fingerprint(plan: Plan) -> str:
    """All that a run must share with the one that takes it up."""
    field = hashlib.sha256(FORCE_FIELD.read_bytes()).hexdigest()
    return json.dumps([asdict(plan), EQUILIBRATION, MESH, FINE_MESH, field], sort_keys=True)


def save(path: Path, plan: Plan, running: Any, frames: Frames, cpu: float) -> None:
    """Keep the frames so far and the state of the dynamics, atomically."""
    temporary = path.with_suffix(".writing.npz")
    np.savez(
        temporary,
        fingerprint=fingerprint(plan),
        x=array_of(running, "x"),
        v=array_of(running, "v"),
        cpu=cpu,
        positions=frames.positions,
        forces=frames.forces.astype(np.float32),
        properties=frames.properties,
    )
    os.replace(temporary, path)


def load(path: Path, plan: Plan) -> dict[str, Array]:
    """What `save` kept of a run of the same plan, or nothing."""
    if not path.exists():
        return {}
    with np.load(path) as saved:
        if str(saved["fingerprint"]) != fingerprint(plan):
            return {}
        return {name: saved[name] for name in saved.files if name != "fingerprint"}


def begin(plan: Plan, saved: dict[str, Array]) -> Any:
    """LAMMPS, equilibrated or where a saved run stood."""
    molecule, liquid = build(plan.liquid.molecule), plan.liquid
    if not saved:
        running = set_up(liquid, molecule, lattice(liquid, molecule, plan.seed), MESH)
        melt(running, plan.dynamics, liquid.temperature, EQUILIBRATION, plan.seed)
        start_moving(running, plan.dynamics, liquid.temperature, plan.seed)
        return running
    running = set_up(liquid, molecule, saved["x"], MESH)
    put(running, "v", saved["v"])
    # Not the noise again that the run began with.
    seed = plan.seed + len(saved["positions"])
    start_moving(running, plan.dynamics, liquid.temperature, seed)
    return running


def record(plan: Plan, running: Any, still: Any) -> Frames:
    """The present frame."""
    positions = np.rint(array_of(running, "x") / ROUNDING) * ROUNDING
    forces = forces_at(still, positions) if plan.with_forces else np.empty((0, 3))
    return Frames(positions[None], forces[None], thermodynamics(running)[None])


def produce(plan: Plan, n_frames: int, partial: Path) -> Frames:
    """Have `n_frames` frames, from the beginning or going on from those in `partial`."""
    saved = load(partial, plan)
    pieces = [Frames(saved["positions"], saved["forces"], saved["properties"])] if saved else []
    done = sum(len(piece.positions) for piece in pieces)
    if done < n_frames:
        pieces = go_on(plan, n_frames, partial, pieces, saved)
    return first(n_frames, join(pieces))


def go_on(
    plan: Plan, n_frames: int, partial: Path, pieces: list[Frames], saved: dict[str, Array]
) -> list[Frames]:
    """Simulate until there are `n_frames` frames, saving all of them now and then."""
    spent, last = float(saved.get("cpu", 0.0)), time.monotonic()
    running = begin(plan, saved)
    still = set_up(plan.liquid, build(plan.liquid.molecule), array_of(running, "x"), FINE_MESH)
    for frame in range(sum(len(piece.positions) for piece in pieces), n_frames):
        advance(running, plan.dynamics, plan.stride)
        pieces.append(record(plan, running, still))
        if time.monotonic() - last > SAVE_EVERY or frame + 1 == n_frames:
            pieces = [join(pieces)]
            last = time.monotonic()
            save(partial, plan, running, pieces[0], spent + time.process_time())
            tell(f"{plan.stem}: frame {frame + 1} of {n_frames}")
    return pieces
