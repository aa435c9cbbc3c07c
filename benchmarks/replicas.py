"""The built-in engine against the best of OpenMM: replicas of a three-bead molecule, in one run.

Two harmonic bonds and a harmonic angle, the masses of phenyl rings, Langevin dynamics of one
time step and friction. OpenMM runs every batching that it offers: one molecule a context, or
many that do not feel one another; its platforms Reference and CPU; its own harmonic forces and
custom ones; on all cores also one process for each. The best of these counts. Prints
replica-steps a second and the ratios: on one core per second of CPU time, so that others at
work on the machine do not matter, and on all cores per second of the clock.

    python benchmarks/replicas.py [--seconds 0.5]
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import openmm
import torch

from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.builtin import builtin_engine
from autograin_cli.simulation.engine import Start
from autograin_cli.units import nm_from_angstrom

MASS, REST, STRETCH = 76.0, 4.3, 400.0  # u, Å, kJ/(mol Å²)
FLAT, BEND = 1.1, 80.0  # radians, kJ/(mol rad²)
TEMPERATURE, FRICTION, TIMESTEP = 300.0, 1.0, 0.01  # K, 1/ps, ps
MOLECULE = np.array(
    [[REST, 0.0, 0.0], [0.0, 0.0, 0.0], [REST * np.cos(FLAT), REST * np.sin(FLAT), 0.0]]
)
Clock = Callable[[], float]
CPU, WALL = time.process_time, time.perf_counter
SIZES = (1, 16, 64, 256, 1024, 4096)


@dataclass(frozen=True)
class Way:
    """One way to run OpenMM.

    platform: 'Reference' or 'CPU'.
    custom: whether the forces are custom ones.
    n_molecules: in a context.
    threads: of the platform CPU.
    """

    platform: str
    custom: bool
    n_molecules: int
    threads: int


def harmonic(name: str, beads: list[list[int]], rest: float, stiffness: float) -> Term:
    """A harmonic bond or angle as a table, exact for it."""
    q = torch.linspace(0.6 * rest, 1.4 * rest, 301, dtype=torch.float64)
    energy, slope = stiffness / 2 * (q - rest) ** 2, stiffness * (q - rest)
    none = torch.zeros(0, dtype=torch.float64)
    return Term(
        name=name,
        coordinate=name.split()[0],
        form="harmonic",
        beads=torch.tensor(beads),
        parameter_names=(),
        parameters=none,
        parameter_errors=none,
        parameter_units=(),
        knots=none,
        sampled_low=0.6 * rest,
        sampled_high=1.4 * rest,
        counts=torch.ones(301, dtype=torch.int64),
        energy_errors=torch.zeros(301, dtype=torch.float64),
        table=Table(0.6 * rest, 1.4 * rest, energy, slope, stiffness, periodic=False),
    )


def ours(n_replicas: int, threads: int, seconds: float, clock: Clock) -> tuple[float, float]:
    """Replica-steps a second of the built-in engine, and the mean energy, kJ/mol."""
    potential = Potential(
        "three",
        TEMPERATURE,
        (
            harmonic("bond A-A", [[0, 1], [1, 2]], REST, STRETCH),
            harmonic("angle A-A-A", [[0, 1, 2]], FLAT, BEND),
        ),
        (),
        "sum",
        1,
    )
    positions = torch.from_numpy(np.tile(MOLECULE, (n_replicas, 1, 1)))
    start = Start(positions, torch.full((3,), MASS).double(), TEMPERATURE, TIMESTEP)
    settings = SimulationSettings(
        time=1e9, interval=1.0, equilibration=30.0, friction=FRICTION, threads=threads
    )
    snapshots = builtin_engine(settings).run(potential, start, settings)
    first, energies = next(snapshots), []
    begin = clock()
    while clock() < begin + seconds:
        last = next(snapshots)
        energies.append(float(last.potential_energy.mean()))
    elapsed = clock() - begin
    return n_replicas * (last.step - first.step) / elapsed, float(np.mean(energies))


def forces(way: Way) -> Iterator[openmm.Force]:
    """Bonds and angles of all molecules of a context, in OpenMM's units."""
    stretch, rest = 100 * STRETCH, nm_from_angstrom(REST)  # kJ/(mol nm²), nm
    if way.custom:
        bonds = openmm.CustomBondForce("0.5*stretch*(r-rest)^2")
        angles = openmm.CustomAngleForce("0.5*bend*(theta-flat)^2")
        for force, name, value in [
            (bonds, "stretch", stretch),
            (bonds, "rest", rest),
            (angles, "bend", BEND),
            (angles, "flat", FLAT),
        ]:
            force.addGlobalParameter(name, value)
    else:
        bonds, angles = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    for first in range(0, 3 * way.n_molecules, 3):
        of_bond = [] if way.custom else [rest, stretch]
        bonds.addBond(first, first + 1, *of_bond)
        bonds.addBond(first + 1, first + 2, *of_bond)
        angles.addAngle(first, first + 1, first + 2, *([] if way.custom else [FLAT, BEND]))
    yield from (bonds, angles)


def theirs(way: Way, seconds: float, clock: Clock) -> tuple[float, float]:
    """Replica-steps a second of OpenMM, and the mean energy of a molecule, kJ/mol."""
    system = openmm.System()
    for _ in range(3 * way.n_molecules):
        system.addParticle(MASS)
    for force in forces(way):
        system.addForce(force)
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, FRICTION, TIMESTEP)
    properties = {"Threads": str(way.threads)} if way.platform == "CPU" else {}
    platform = openmm.Platform.getPlatformByName(way.platform)
    context = openmm.Context(system, integrator, platform, properties)
    context.setPositions(nm_from_angstrom(1.0) * np.tile(MOLECULE, (way.n_molecules, 1)))
    context.setVelocitiesToTemperature(TEMPERATURE)
    integrator.step(100)
    n_steps, energies = 0, []
    begin = clock()
    while clock() < begin + seconds:
        integrator.step(200)
        n_steps += 200
        state = context.getState(energy=True)
        energies.append(state.getPotentialEnergy()._value / way.n_molecules)
    return way.n_molecules * n_steps / (clock() - begin), float(np.mean(energies))


def best(ways: list[Way], seconds: float, clock: Clock) -> tuple[float, Way, float]:
    """The fastest way: its rate, and its mean energy."""
    rates = [(*theirs(way, seconds, clock), way) for way in ways]
    rate, energy, way = max(rates, key=lambda found: found[0])
    return rate, way, energy


def in_processes(way: Way, n_processes: int, seconds: float) -> float:
    """Replica-steps a second of so many processes at once."""
    with ProcessPoolExecutor(n_processes, mp_context=get_context("spawn")) as pool:
        list(pool.map(theirs, *zip(*[(way, 0.1, WALL)] * n_processes, strict=True)))
        found = pool.map(theirs, *zip(*[(way, seconds, WALL)] * n_processes, strict=True))
        return sum(rate for rate, _ in found)


def told(name: str, rate: float) -> None:
    """Print one rate."""
    print(f"{name:<100} {rate / 1e6:8.2f} million replica-steps/s")


def on_one_core(seconds: float) -> Way:
    """Compare on one core; the best way of OpenMM."""
    ways = [
        Way(platform, custom, size, 1)
        for platform in ("Reference", "CPU")
        for custom in (False, True)
        for size in SIZES
    ]
    ours(64, 1, 0.1, CPU)  # compiles, where no run has done so before
    rate, way, their_energy = best(ways, seconds, CPU)
    told(f"OpenMM, one core, best of {len(ways)} ways: {way}", rate)
    many, energy = ours(1024, 1, 4 * seconds, CPU)
    few, _ = ours(64, 1, 4 * seconds, CPU)
    told("autograin, one core, 1024 replicas", many)
    told("autograin, one core, 64 replicas", few)
    print(f"mean energy of a molecule: OpenMM {their_energy:.3f}, autograin {energy:.3f} kJ/mol")
    print(f"ratio on one core: {many / rate:.2f}; with 64 replicas {few / rate:.2f}")
    return way


def on_all_cores(way: Way, cores: int, seconds: float) -> None:
    """Compare on all cores, turn by turn, the best of three turns each."""
    threaded = [Way("CPU", custom, size, cores) for custom in (False, True) for size in SIZES]
    _, way_threads, _ = best(threaded, seconds, WALL)
    threads = processes = mine = 0.0
    for _ in range(3):
        threads = max(threads, theirs(way_threads, 2 * seconds, WALL)[0])
        mine = max(mine, ours(1024, cores, 2 * seconds, WALL)[0])
        processes = max(processes, in_processes(way, cores, 2 * seconds))
    told(f"OpenMM, {cores} threads: {way_threads}", threads)
    told(f"OpenMM, {cores} processes, each in the best way of one core", processes)
    told(f"autograin, {cores} threads, 1024 replicas", mine)
    print(f"ratio on {cores} cores: {mine / max(threads, processes):.2f}")


def main() -> None:
    """Run both and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    seconds = parser.parse_args().seconds
    way = on_one_core(seconds)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores and cores > 1:
        on_all_cores(way, cores, seconds)


if __name__ == "__main__":
    main()
