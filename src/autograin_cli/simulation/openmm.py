"""OpenMM as an engine: on GPUs where there are any, on CPUs elsewhere."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograin_cli.errors import DeviceError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.external import (
    begun,
    checked_schedule,
    diverged,
    in_one_system,
    is_unstable,
    kinetic_energies,
    program_seed,
)
from autograin_cli.simulation.full_forces import FullForces
from autograin_cli.simulation.lattice import Lattice, lattice_of
from autograin_cli.simulation.openmm_network import force_of, without_terms
from autograin_cli.simulation.openmm_system import load_openmm, openmm_system
from autograin_cli.simulation.outside import shares_outside
from autograin_cli.simulation.replicas import Replicas, Schedule
from autograin_cli.units import (
    ACCELERATION,
    angstrom_from_nm,
    force_from_per_nm,
    nm_from_angstrom,
)

_GPUS = ("CUDA", "HIP", "OpenCL")
_BEAD_STEPS = 5_000_000  # of one call, some seconds: so often can a run be interrupted


@dataclass(frozen=True)
class OpenMMEngine:
    """Langevin dynamics by `LangevinMiddleIntegrator`, the positions of which are those of BAOAB.

    A network and the terms beneath it are a `PythonForce`.

    Without friction it is the leapfrog form of velocity Verlet. The kinetic energy of a snapshot
    is of the velocities in the middle of its step, which OpenMM keeps, not a mean since the
    snapshot before; its velocities are those at the end of the step, half a kick later.
    """

    def run(
        self, force_field: ForceField, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        """Yield a snapshot every `settings.interval` ps, the first after the equilibration.

        Raises:
            SettingError: the times do not fit one another, or replicas of a box are asked for.
            EngineError: OpenMM is not installed.
            DeviceError: CUDA is asked for and not there.
            DivergenceError: a position or an energy is not finite or far too large.
        """
        load_openmm()
        plan = checked_schedule(force_field, start, settings, "openmm")
        with ThreadPoolExecutor(settings.threads or torch.get_num_threads()) as pool:
            forces = _python_forces(force_field, start, settings, pool)
            yield from _snapshots(force_field, start, settings, plan, forces)


def _python_forces(
    force_field: ForceField, start: Start, settings: SimulationSettings, pool: ThreadPoolExecutor
) -> FullForces | None:
    """What Python is asked for at every step; nothing without a network."""
    if force_field.neural is None:
        return None
    n_threads = settings.threads or torch.get_num_threads()
    device = _network_device(settings)
    return FullForces(force_field, start, device, pool if n_threads > 1 else None)


def _snapshots(
    force_field: ForceField,
    start: Start,
    settings: SimulationSettings,
    plan: Schedule,
    forces: FullForces | None,
) -> Iterator[Snapshot]:
    mm = load_openmm()
    context, lattice = _context(force_field, start, settings, forces), lattice_of(start.box)
    placed = begun(start, settings.seed)
    _place(context, lattice, start, placed)
    done, positions = placed.step, placed.positions
    first = placed.step + plan.equilibration
    for number in range(plan.n_snapshots):
        step = first + (number + 1) * plan.interval
        try:
            _advance(context, step - done, start.positions.numel() // 3)
            snapshot = _snapshot(context, lattice, force_field, start, step, forces)
        except mm.OpenMMException as error:
            raise diverged(force_field, step, step * start.timestep, positions) from error
        if is_unstable(snapshot, start, force_field):
            raise diverged(force_field, step, snapshot.time, positions)
        done, positions = step, snapshot.positions
        yield snapshot


def _context(
    force_field: ForceField, start: Start, settings: SimulationSettings, forces: FullForces | None
) -> Any:
    """A system of all replicas with its integrator, on a platform."""
    mm = load_openmm()
    n_replicas = len(start.positions)
    own = force_field if forces is None else without_terms(force_field)
    together = in_one_system(own, n_replicas)
    masses = start.masses.repeat(n_replicas)
    system = openmm_system(together, masses, start.box, isolated=n_replicas > 1)
    if forces is not None:
        system.addForce(force_of(forces, start))
    integrator = mm.LangevinMiddleIntegrator(start.temperature, settings.friction, start.timestep)
    begin_at = 0 if start.last is None else start.last.step
    integrator.setRandomNumberSeed(program_seed(settings.seed, begin_at))
    platform = mm.Platform.getPlatformByName(_platform(settings))
    wanted = {"Threads": str(settings.threads) if settings.threads else ""}
    wanted |= {"Precision": "mixed", "DeterministicForces": "true"}
    known = platform.getPropertyNames()
    properties = {key: value for key, value in wanted.items() if key in known and value}
    return mm.Context(system, integrator, platform, properties)


def _network_device(settings: SimulationSettings) -> str:
    """Where torch computes the network: on a GPU where OpenMM does and torch can use it."""
    return "cuda" if openmm_device(settings) == "cuda" and torch.cuda.is_available() else "cpu"


def openmm_device(settings: SimulationSettings) -> str:
    """Give 'cuda' where the run will be on a GPU, of whatever make, else 'cpu'.

    Raises:
        EngineError: OpenMM is not installed.
        DeviceError: a GPU is asked for and not there.
    """
    return "cpu" if _platform(settings) == "CPU" else "cuda"


def _platform(settings: SimulationSettings) -> str:
    """Name of the best platform that the settings allow and whose device is there."""
    mm = load_openmm()
    installed = {mm.Platform.getPlatform(i).getName() for i in range(mm.Platform.getNumPlatforms())}
    wanted = {"cuda": _GPUS, "cpu": ("CPU",), "auto": (*_GPUS, "CPU")}[settings.device]
    for name in wanted:
        if name in installed and _works(mm, name):
            return name
    raise DeviceError(
        given=f"--device {settings.device} on a machine without one that OpenMM can use",
        expected="a GPU and the platform of OpenMM for it",
        remedy="--device cpu, or --device auto",
    )


def _works(mm: Any, name: str) -> bool:
    """Whether a platform finds its device."""
    system = mm.System()
    system.addParticle(1.0)
    try:
        mm.Context(system, mm.VerletIntegrator(0.001), mm.Platform.getPlatformByName(name))
    except mm.OpenMMException:
        return False
    return True


def _place(context: Any, lattice: Lattice, start: Start, placed: Replicas) -> None:
    """Set positions, and velocities half a step before them."""
    turned = lattice.turned(placed.positions).flatten(0, 1)
    context.setPositions(nm_from_angstrom(turned).numpy())
    forces = _forces(context, lattice, start)
    before = lattice.turned(placed.velocities - _kicks(start) * forces).flatten(0, 1)
    context.setVelocities(nm_from_angstrom(before).numpy())


def _advance(context: Any, n_steps: int, n_beads: int) -> None:
    """Do so many steps in calls that are not too long."""
    integrator = context.getIntegrator()
    while n_steps > 0:
        part = min(n_steps, max(_BEAD_STEPS // n_beads, 1))
        integrator.step(part)
        n_steps -= part


def _snapshot(
    context: Any,
    lattice: Lattice,
    force_field: ForceField,
    start: Start,
    step: int,
    forces: FullForces | None,
) -> Snapshot:
    state = context.getState(positions=True, velocities=True, energy=True)
    positions, middle = (
        lattice.returned(angstrom_from_nm(_array(values).reshape(start.positions.shape)))
        for values in (state.getPositions(asNumpy=True), state.getVelocities(asNumpy=True))
    )
    if forces is not None:
        energy = forces.energies(positions)[0]
    elif len(positions) == 1:
        energy = torch.tensor([state.getPotentialEnergy()._value], dtype=torch.float64)
    else:
        energy = force_field.energy(positions, start.box)
    return Snapshot(
        step=step,
        time=step * start.timestep,
        positions=positions,
        velocities=middle + _kicks(start) * _forces(context, lattice, start),
        potential_energy=energy,
        kinetic_energy=kinetic_energies(middle, start.masses),
        outside=shares_outside(force_field, positions, start.box),
    )


def _forces(context: Any, lattice: Lattice, start: Start) -> Tensor:
    """Forces of OpenMM, kJ/(mol Å), (replicas, beads, 3)."""
    values = context.getState(forces=True).getForces(asNumpy=True)
    return lattice.returned(force_from_per_nm(_array(values).reshape(start.positions.shape)))


def _kicks(start: Start) -> Tensor:
    """Half a time step over the mass, Å/ps per kJ/(mol Å), (beads, 1)."""
    return start.timestep / 2 * ACCELERATION / start.masses.double()[:, None]


def _array(quantity: Any) -> Tensor:
    """Numbers of a quantity of OpenMM, in its own unit."""
    return torch.from_numpy(np.array(quantity._value, dtype=np.float64))
