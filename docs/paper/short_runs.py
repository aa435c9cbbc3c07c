"""Runs of a molecule in a vacuum as short as the paper's, from frames of a long one.

    PYTHONPATH=data python docs/paper/short_runs.py otp LONG.xtc --topology otp.psf -o OUT.npz

Each starts at another frame of the long run with velocities drawn anew, and warms up for 2 ps
before the 6 ps that are kept. OUT.npz holds positions, Å, and forces, kJ/(mol Å), both of shape
(runs, frames, atoms, 3).
"""

import argparse
from pathlib import Path

import numpy as np
from force_field import Molecule, build
from gas_dynamics import TEMPERATURE, TIMESTEP, Frames, join, record, thermostat
from molecules import Array
from openmm_engine import place

from autograin_cli.files.atomistic import read
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import gather

WARM_UP, INTERVAL, N_FRAMES = 2.0, 0.02, 300  # ps, ps


def short_run(molecule: Molecule, start: Array, seed: int) -> Frames:
    """Six picoseconds from positions, Å, of shape (atoms, 3)."""
    running = thermostat(molecule, seed)
    place(running, start)
    running.setVelocitiesToTemperature(TEMPERATURE, seed)
    running.getIntegrator().step(round(WARM_UP / TIMESTEP))
    pieces = []
    for _ in range(N_FRAMES):
        running.getIntegrator().step(round(INTERVAL / TIMESTEP))
        pieces.append(record(running, molecule.masses))
    return join(pieces)


def main() -> None:
    """Run the dynamics and write the frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("molecule")
    parser.add_argument("long", type=Path)
    parser.add_argument("--topology", required=True)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    molecule = build(arguments.molecule)
    reading = read([arguments.long], ReadingSettings(topology=arguments.topology))
    starts = gather(reading.trajectory, arguments.runs).positions.double().numpy()
    runs = [short_run(molecule, start, seed) for seed, start in enumerate(starts, 1)]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        arguments.output,
        positions=np.stack([run.positions for run in runs]),
        forces=np.stack([run.forces for run in runs]),
    )


if __name__ == "__main__":
    main()
