"""Make the gas-phase sample data: one molecule, OPLS-AA, 300 K, with OpenMM.

    python data/gas_phase.py otp aniline --out data/samples

writes for each molecule a topology, 6 ns of frames and forces 2 ps apart, and a thin
copy of the paper's protocol (6 ps); `--protocol paper` writes that one in full.
README.md beside the files records the settings and the checks that they passed.

Langevin dynamics (LangevinMiddleIntegrator, of the BAOAB family) without constraints
and without a cutoff, on the Reference platform in double precision. The forces are
those of the force field at the positions of the frame, without thermostat noise. Each
frame is shifted so that its centre of mass is the origin: a molecule in a vacuum
diffuses by 200 Å in 6 ns, which would cost digits in single precision, and a rigid
shift changes no force.

A run that was killed goes on from where it was last saved when it is started again with
the same settings. Trajectories are chaotic: another version of OpenMM, or another
machine, gives other frames of the same ensemble.

Units: Å, ps, u, e, kJ/mol, K; only the force field file is in nm.
"""

import argparse
import hashlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

import MDAnalysis
import numpy as np
import openmm
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import XTCFile
from numpy.typing import NDArray
from openmm import unit

Array = NDArray[np.float64]
Atoms = tuple[int, ...]
Site = tuple[str, str, Array]  # name, OPLS type, position in Å

FORCE_FIELD = Path(__file__).with_name("oplsaa.json")
RING_IMPROPER = (2, np.pi, 4.6024)  # n, phase, kJ/mol: as the force field's source says
TEMPERATURE = 300.0  # K
FRICTION = 1.0  # 1/ps
TIMESTEP = 0.0005  # ps
EQUILIBRATION = 100.0  # ps
BOLTZMANN = 0.00831446261815324  # kJ/(mol K)
ACCELERATION = 100.0  # Å/ps² of a force of 1 kJ/(mol Å) on 1 u
ENERGY = unit.kilojoule_per_mole
FORCE = unit.kilojoule_per_mole / unit.angstrom
SPEED = unit.angstrom / unit.picosecond
XTC_PRECISION = 100_000.0  # per nm: five decimals
SAVES = 30  # times that an unfinished run is saved


# --- molecules ------------------------------------------------------------------------


def benzene_ring(
    first: int, centre: Array, x: Array, y: Array, special: dict[int, str]
) -> list[Site]:
    """Carbons numbered from `first` in the plane of x and y, then their hydrogens.

    Carbon number k lies k sixths of a turn from x towards y. A carbon named in
    `special` has that type and no hydrogen. centre: Å; x, y: orthogonal unit vectors.
    """
    turn = np.arange(6)[:, None] * np.pi / 3
    outward = np.cos(turn) * x + np.sin(turn) * y
    carbons: list[Site] = [
        (f"C{first + k}", special.get(k, "opls_145"), centre + 1.40 * outward[k]) for k in range(6)
    ]
    hydrogens: list[Site] = [
        (f"H{first + k}", "opls_146", centre + 2.48 * outward[k])
        for k in range(6)
        if k not in special
    ]
    return carbons + hydrogens


def ortho_terphenyl() -> list[Site]:
    """C18H14: central ring C1-C6, ring A C7-C12 on C1, ring B C13-C18 on C2."""
    x, y, z = np.eye(3)
    biaryl = "opls_145B"
    sites = benzene_ring(1, np.zeros(3), x, y, {0: biaryl, 1: biaryl})
    for first, turn in ((7, 0.0), (13, np.pi / 3)):
        outward = np.cos(turn) * x + np.sin(turn) * y
        across = np.cos(turn) * y - np.sin(turn) * x
        twisted = 0.5 * across + np.sqrt(0.75) * z
        sites += benzene_ring(first, 4.26 * outward, -outward, twisted, {0: biaryl})
    return sites


def aniline() -> list[Site]:
    """C6H5NH2: ring C1-C6, the nitrogen N on C1."""
    x, y, z = np.eye(3)
    sites = benzene_ring(1, np.zeros(3), x, y, {0: "opls_916"})
    nitrogen = 2.74 * x
    sites.append(("N", "opls_900", nitrogen))
    for name, side in (("HN1", 0.8), ("HN2", -0.8)):
        direction = 0.5 * x + side * y + 0.3 * z
        bond = 1.01 * direction / np.linalg.norm(direction)
        sites.append((name, "opls_909", nitrogen + bond))
    return sites


def methyl(number: int, kind: str, carbon: Array, side: float) -> list[Site]:
    """A carbon (place in Å) with three hydrogens, its fourth bond along side * x."""
    x, y, z = np.eye(3)
    sites: list[Site] = [(f"C{number}", kind, carbon)]
    for k in range(3):
        turn = 2 * np.pi * k / 3
        radial = side * (np.cos(turn) * y + np.sin(turn) * z)
        direction = np.sqrt(8) / 3 * radial - side / 3 * x
        sites.append((f"H{number}{k + 1}", "opls_140", carbon + 1.09 * direction))
    return sites


def ethane() -> list[Site]:
    """C2H6, staggered: C1 with H11-H13, C2 with H21-H23."""
    half = np.array([0.765, 0.0, 0.0])
    return methyl(1, "opls_135", -half, 1.0) + methyl(2, "opls_135", half, -1.0)


def methane() -> list[Site]:
    """CH4: C1 with H11-H14."""
    last: Site = ("H14", "opls_140", np.array([1.09, 0.0, 0.0]))
    return [*methyl(1, "opls_138", np.zeros(3), 1.0), last]


MOLECULES: dict[str, tuple[str, Callable[[], list[Site]]]] = {
    "otp": ("OTP", ortho_terphenyl),
    "aniline": ("ANL", aniline),
    "ethane": ("ETH", ethane),
    "methane": ("MET", methane),
}


# --- topology -------------------------------------------------------------------------


@dataclass(frozen=True)
class Topology:
    """What is bonded, and what follows from it.

    ring_bonds: the bonds that are part of a cycle.
    impropers: one per ring atom with a substituent: its neighbours in the ring, itself,
        the substituent.
    """

    bonds: tuple[Atoms, ...]
    ring_bonds: frozenset[Atoms]
    angles: tuple[Atoms, ...]
    dihedrals: tuple[Atoms, ...]
    impropers: tuple[Atoms, ...]


def neighbours(bonds: tuple[Atoms, ...]) -> dict[int, list[int]]:
    """The atoms bonded to each atom, in ascending order."""
    atoms = sorted({atom for bond in bonds for atom in bond})
    return {a: sorted(sum(bond) - a for bond in bonds if a in bond) for a in atoms}


def in_ring(bond: Atoms, bonds: tuple[Atoms, ...]) -> bool:
    """Whether the ends of a bond stay connected without it."""
    near = neighbours(tuple(other for other in bonds if other != bond))
    reached, waiting = {bond[0]}, [bond[0]]
    while waiting:
        fresh = set(near.get(waiting.pop(), [])) - reached
        reached |= fresh
        waiting += fresh
    return bond[1] in reached


def topology(sites: list[Site]) -> Topology:
    """Bonds from the distances of the ideal geometry, and all that they imply."""
    reach = [0.4 if name.startswith("H") else 0.8 for name, _, _ in sites]  # Å
    bonds = tuple(
        (i, j)
        for i, j in combinations(range(len(sites)), 2)
        if np.linalg.norm(sites[i][2] - sites[j][2]) < reach[i] + reach[j]
    )
    near = neighbours(bonds)
    ring_bonds = frozenset(bond for bond in bonds if in_ring(bond, bonds))
    impropers = []
    for centre, around in near.items():
        ring = [a for a in around if (min(a, centre), max(a, centre)) in ring_bonds]
        if len(ring) == 2 and len(around) == 3:
            impropers.append((*ring, centre, sum(around) - sum(ring)))
    return Topology(
        bonds=bonds,
        ring_bonds=ring_bonds,
        angles=tuple((i, j, k) for j in near for i, k in combinations(near[j], 2)),
        dihedrals=tuple(
            (h, i, j, k)
            for i, j in bonds
            for h in near[i]
            for k in near[j]
            if h != j and k not in (h, i)
        ),
        impropers=tuple(impropers),
    )


# --- force field ----------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """A molecule with its force field.

    names, classes: one per atom; the first letter of a name is the element.
    charges: e, shape (atoms,). masses: u, shape (atoms,).
    positions: the ideal geometry, Å, shape (atoms, 3).
    """

    residue: str
    names: tuple[str, ...]
    classes: tuple[str, ...]
    charges: Array
    masses: Array
    positions: Array
    topology: Topology
    system: openmm.System


def build(molecule: str) -> Model:
    """A molecule of MOLECULES with the parameters of the force field."""
    residue, make_sites = MOLECULES[molecule]
    sites = make_sites()
    field = json.loads(FORCE_FIELD.read_text())
    entries = [field["types"][kind] for _, kind, _ in sites]
    classes = tuple(entry["class"] for entry in entries)
    shape = topology(sites)
    system = openmm.System()
    for entry in entries:
        system.addParticle(entry["mass"])
    for force in (*bonded_forces(field, shape, classes), pair_force(entries, shape)):
        system.addForce(force)
    return Model(
        residue=residue,
        names=tuple(name for name, _, _ in sites),
        classes=classes,
        charges=np.array([entry["q"] for entry in entries]),
        masses=np.array([entry["mass"] for entry in entries]),
        positions=np.array([position for _, _, position in sites]),
        topology=shape,
        system=system,
    )


def look_up(table: dict[str, list[float]], classes: list[str]) -> list[float]:
    """The entry for these atom classes in either direction, X standing for any end."""
    any_ends = ["X", *classes[1:-1], "X"]
    for wanted in (classes, classes[::-1], any_ends, any_ends[::-1]):
        if "-".join(wanted) in table:
            return table["-".join(wanted)]
    raise KeyError(f"no parameters for {'-'.join(classes)}")


def bonded_forces(
    field: dict[str, dict[str, list[float]]], shape: Topology, classes: tuple[str, ...]
) -> list[openmm.Force]:
    """Bonds, angles, Ryckaert-Bellemans torsions and the impropers of ring carbons.

    The class C! holds only in the bond between two rings and the torsions about it.
    Elsewhere it is the aromatic CA: the bond between the two substituted carbons of
    ortho-terphenyl is inside a ring, and not a biaryl bond.
    """

    def parameters(table: str, atoms: Atoms, axis: Atoms = ()) -> list[float]:
        joint = () if tuple(sorted(axis)) in shape.ring_bonds else axis
        kinds = [classes[a] if a in joint else ring_class(classes[a]) for a in atoms]
        return look_up(field[table], kinds)

    stretch = openmm.HarmonicBondForce()
    bend = openmm.HarmonicAngleForce()
    torsion = openmm.RBTorsionForce()
    improper = openmm.PeriodicTorsionForce()
    for atoms in shape.bonds:
        stretch.addBond(*atoms, *parameters("bonds", atoms, atoms))
    for atoms in shape.angles:
        theta, k = parameters("angles", atoms)
        bend.addAngle(*atoms, np.radians(theta), k)
    for atoms in shape.dihedrals:
        torsion.addTorsion(*atoms, *parameters("dihedrals", atoms, atoms[1:3]))
    for atoms in shape.impropers:
        improper.addTorsion(*atoms, *RING_IMPROPER)
    return [stretch, bend, torsion, improper]


def ring_class(name: str) -> str:
    """The class of an atom in terms inside a ring."""
    return "CA" if name == "C!" else name


def pair_force(entries: list[dict[str, float]], shape: Topology) -> openmm.Force:
    """Lennard-Jones and Coulomb without a cutoff, every pair as an explicit exception.

    OPLS takes the geometric mean of sigma as of epsilon, which NonbondedForce does not;
    pairs 1-2 and 1-3 do not interact, pairs 1-4 by half.
    """
    excluded = {frozenset(bond) for bond in shape.bonds}
    excluded |= {frozenset((i, k)) for i, _, k in shape.angles}
    halved = {frozenset((h, k)) for h, _, _, k in shape.dihedrals} - excluded
    force = openmm.NonbondedForce()
    force.setNonbondedMethod(openmm.NonbondedForce.NoCutoff)
    for entry in entries:
        force.addParticle(entry["q"], entry["sigma"], entry["epsilon"])
    for (i, a), (j, b) in combinations(enumerate(entries), 2):
        pair = frozenset((i, j))
        scale = 0.0 if pair in excluded else 0.5 if pair in halved else 1.0
        sigma = np.sqrt(a["sigma"] * b["sigma"])
        epsilon = np.sqrt(a["epsilon"] * b["epsilon"])
        force.addException(i, j, scale * a["q"] * b["q"], sigma, scale * epsilon)
    return force


# --- dynamics -------------------------------------------------------------------------


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


def context(system: openmm.System, integrator: openmm.Integrator) -> openmm.Context:
    """A context on the Reference platform, which computes in double precision."""
    platform = openmm.Platform.getPlatformByName("Reference")
    return openmm.Context(system, integrator, platform)


def thermostat(model: Model, seed: int) -> openmm.Context:
    """Langevin dynamics of a model in its ideal geometry, still at rest."""
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, FRICTION, TIMESTEP)
    integrator.setRandomNumberSeed(seed)
    running = context(model.system, integrator)
    place(running, model.positions)
    return running


def equilibrate(running: openmm.Context, duration: float, seed: int) -> None:
    """Minimise the energy, draw velocities, and run for a duration in ps."""
    openmm.LocalEnergyMinimizer.minimize(running, 0.1)
    running.setVelocitiesToTemperature(TEMPERATURE, seed)
    running.getIntegrator().step(round(duration / TIMESTEP))


def place(running: openmm.Context, positions: Array) -> None:
    """Move the atoms to positions in Å, shape (atoms, 3)."""
    running.setPositions(unit.Quantity(positions, unit.angstrom))


def positions_of(running: openmm.Context) -> Array:
    """Positions in Å, shape (atoms, 3)."""
    state = running.getState(getPositions=True)
    return np.array(state.getPositions(asNumpy=True).value_in_unit(unit.angstrom))


def forces_of(running: openmm.Context) -> Array:
    """Forces in kJ/(mol Å), shape (atoms, 3)."""
    state = running.getState(getForces=True)
    return np.array(state.getForces(asNumpy=True).value_in_unit(FORCE))


def energies_of(running: openmm.Context) -> Array:
    """Potential and kinetic energy in kJ/mol, shape (2,)."""
    state = running.getState(getEnergy=True)
    energies = (state.getPotentialEnergy(), state.getKineticEnergy())
    return np.array([energy.value_in_unit(ENERGY) for energy in energies])


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


def produce(plan: Plan, model: Model, partial: Path) -> Frames:
    """Equilibrate and run, or take up an interrupted run from `partial`."""
    running = thermostat(model, plan.seed)
    pieces = resume(partial, plan, running)
    if not pieces:
        equilibrate(running, EQUILIBRATION, plan.seed)
        pieces = [record(running, model.masses)]
    first, began = sum(len(piece.kinetic) for piece in pieces), time.monotonic()
    for frame in range(first, plan.n_frames):
        running.getIntegrator().step(plan.stride)
        pieces.append(record(running, model.masses))
        if (frame + 1) % max(1, plan.n_frames // SAVES) == 0:
            save(partial, plan, running, join(pieces))
            speed = (frame + 1 - first) * plan.stride / (time.monotonic() - began)
            done = f"frame {frame + 1} of {plan.n_frames}"
            tell(f"{plan.stem}: {done}, {speed:.0f} steps/s")
    return join(pieces)


def tell(line: str) -> None:
    """Say something on stderr at once."""
    print(line, file=sys.stderr, flush=True)


# --- checks of the dynamics -----------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """What was measured, and what was required."""

    name: str
    measured: str
    required: str
    passed: bool


def bounded(name: str, measured: float, bound: float, label: str = "") -> Check:
    """A check that a size is below a bound, both in the unit `label`."""
    passed = bool(abs(measured) < bound)
    return Check(name, f"{measured:.1e}{label}", f"below {bound:.0e}{label}", passed)


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


def check_dynamics(plan: Plan, model: Model) -> Iterator[Check]:
    """What can be checked before production, on a run of its own."""
    running = thermostat(model, plan.seed)
    equilibrate(running, 20.0, plan.seed)
    yield bounded("total charge", float(model.charges.sum()), 1e-12, " e")
    yield check_gradient(running)
    yield check_order(running)
    yield check_drift(running)


# --- checks of the frames and files ---------------------------------------------------


def rms(values: Array) -> float:
    """Root of the mean square, in the unit of the values."""
    return float(np.sqrt((values**2).mean()))


def temperature_check(name: str, measured: float, error: float) -> Check:
    """A check of a temperature (K) that has a standard error (K)."""
    return Check(
        name,
        f"{measured:.1f} K, standard error {error:.1f} K",
        f"{TEMPERATURE:.0f} K within 4 standard errors",
        bool(abs(measured - TEMPERATURE) < 4 * error),
    )


def independent_frames(plan: Plan) -> float:
    """How many independent frames give the same error of a mean energy.

    Half of the variance of the kinetic, or of the potential, energy of weakly damped
    oscillators decays at the friction rate, the rest within femtoseconds.
    """
    return plan.n_frames * float(1 - np.exp(-FRICTION * plan.interval))


def check_temperature(frames: Frames, plan: Plan) -> Check:
    """Mean kinetic temperature against its standard error.

    OpenMM's velocities are those of the middle of the step, so that they have no error
    of the second order in the timestep.
    """
    freedom = frames.forces[0].size
    mean = 2 * frames.kinetic.mean() / (freedom * BOLTZMANN)
    error = TEMPERATURE * np.sqrt(2 / (freedom * independent_frames(plan)))
    return temperature_check("kinetic temperature", mean, error)


def check_bonds(plan: Plan, positions: Array, forces: Array, bonds: tuple[Atoms, ...]) -> Check:
    """The bond thermometer, k_BT = -<d (F_j - F_i)·r̂/2> / <1 + 2d/r>.

    Args:
        plan: how far apart the frames are.
        positions: Å, shape (frames, atoms, 3).
        forces: kJ/(mol Å), shape (frames, atoms, 3).
        bonds: pairs of atoms i, j; r is the length of a bond, d = r - <r>.
    """
    i, j = np.array(bonds).T
    vectors = positions[:, j] - positions[:, i]
    r = np.linalg.norm(vectors, axis=2)
    d = r - r.mean(axis=0)
    pull = ((forces[:, j] - forces[:, i]) * vectors).sum(axis=2) / r / 2
    series = -(d * pull).mean(axis=1) / (1 + 2 * d / r).mean() / BOLTZMANN
    error = series.std() / np.sqrt(independent_frames(plan))
    return temperature_check("bond thermometer of the files", series.mean(), error)


def universe(*files: Path) -> MDAnalysis.Universe:
    """A topology, and a trajectory if one is given, as MDAnalysis reads them."""
    with warnings.catch_warnings():
        # It announces changes in its DCD reader, and misses positions in a PSF.
        warnings.simplefilter("ignore")
        return MDAnalysis.Universe(*files, to_guess=())


def read_back(psf: Path, path: Path) -> tuple[Array, Array]:
    """Positions in a trajectory file as MDAnalysis reads them, and times in ps."""
    with universe(psf, path).trajectory as trajectory:
        frames = [(step.positions.astype(np.float64), step.time) for step in trajectory]
    for offsets in path.parent.glob(f".{path.name}_offsets*"):
        offsets.unlink()
    return np.array([x for x, _ in frames]), np.array([t for _, t in frames])


def recomputed_forces(model: Model, positions: Array) -> Array:
    """Forces in kJ/(mol Å) at positions in Å, both of shape (frames, atoms, 3)."""
    running = context(model.system, openmm.VerletIntegrator(TIMESTEP))
    forces = []
    for frame in positions:
        place(running, frame)
        forces.append(forces_of(running))
    return np.array(forces)


def check_topology(psf: Path, model: Model) -> Check:
    """MDAnalysis finds the names, masses, charges and bonds in the PSF."""
    atoms = universe(psf).atoms
    bonds = {(min(bond), max(bond)) for bond in atoms.bonds.indices.tolist()}
    passed = (
        tuple(atoms.names) == model.names
        and np.allclose(atoms.masses, model.masses, atol=1e-4)
        and np.allclose(atoms.charges, model.charges, atol=1e-6)
        and bonds == set(model.topology.bonds)
    )
    measured = f"{len(atoms)} atoms, {len(bonds)} bonds"
    return Check("names, masses, charges, bonds in PSF", measured, "as simulated", passed)


def check_files(plan: Plan, model: Model, frames: Frames, folder: Path) -> Iterator[Check]:
    """The frames make sense, and the files, read with MDAnalysis, hold them."""
    yield check_temperature(frames, plan)
    net = np.abs(frames.forces.sum(axis=1)).max() / rms(frames.forces)
    yield bounded("sum of forces, largest / rms force", net, 1e-10)
    psf = folder / f"{plan.molecule}.psf"
    yield check_topology(psf, model)
    positions, times = read_back(psf, folder / f"{plan.stem}.xtc")
    forces, force_times = read_back(psf, folder / f"{plan.stem}_forces.dcd")
    expected = plan.interval * np.arange(plan.n_frames)
    late = np.abs([times - expected, force_times - expected]).max() / plan.interval
    yield bounded("times in the files, largest error / interval", late, 1e-2)
    rounding = np.abs(positions - frames.positions).max()
    yield bounded("positions in XTC, largest error", rounding, 1e-4, " Å")
    if plan.with_dcd:
        positions, _ = read_back(psf, folder / f"{plan.stem}.dcd")
    error = rms(recomputed_forces(model, positions) - forces) / rms(forces)
    source, bound = ("DCD", 1e-4) if plan.with_dcd else ("XTC", 1e-2)
    yield bounded(f"forces recomputed from {source}, rms error / rms force", error, bound)
    yield check_bonds(plan, positions, forces, model.topology.bonds)


# --- files ----------------------------------------------------------------------------


def psf_section(title: str, terms: tuple[Atoms, ...], per_line: int) -> Iterator[str]:
    """Lines of one PSF section of atom numbers, `per_line` terms to a line."""
    yield f"{len(terms):8d} {title}"
    for start in range(0, len(terms), per_line):
        atoms = [atom + 1 for term in terms[start : start + per_line] for atom in term]
        yield "".join(f"{atom:8d}" for atom in atoms)
    yield ""


def psf_lines(model: Model) -> Iterator[str]:
    """A PSF in the standard fixed format; the atom type is the OPLS class."""
    yield from ("PSF", "", f"{1:8d} !NTITLE", f" REMARKS {model.residue}, OPLS-AA", "")
    yield f"{len(model.names):8d} !NATOM"
    rows = zip(model.names, model.classes, model.charges, model.masses, strict=True)
    for number, (name, kind, charge, mass) in enumerate(rows, start=1):
        place_in_chain = f"{model.residue:4s} {1:<4d} {model.residue:4s}"
        values = f"{charge:14.6f}{mass:14.4f}{0:8d}"
        yield f"{number:8d} {place_in_chain} {name:4s} {kind:4s} {values}"
    yield ""
    yield from psf_section("!NBOND: bonds", model.topology.bonds, 4)
    yield from psf_section("!NTHETA: angles", model.topology.angles, 3)
    yield from psf_section("!NPHI: dihedrals", model.topology.dihedrals, 2)
    yield from psf_section("!NIMPHI: impropers", model.topology.impropers, 2)


def pdb_lines(model: Model, positions: Array) -> Iterator[str]:
    """A PDB with elements and CONECT records; positions in Å, shape (atoms, 3)."""
    rows = zip(model.names, positions, strict=True)
    for number, (name, (x, y, z)) in enumerate(rows, start=1):
        yield (
            f"HETATM{number:5d}  {name:<3s} {model.residue:3s} A{1:4d}    "
            f"{x:8.3f}{y:8.3f}{z:8.3f}{1:6.2f}{0:6.2f}          {name[0]:>2s}"
        )
    for atom, near in neighbours(model.topology.bonds).items():
        yield f"CONECT{atom + 1:5d}" + "".join(f"{other + 1:5d}" for other in near)
    yield "END"


def write_lines(path: Path, lines: Iterator[str]) -> None:
    """Write a text file."""
    path.write_text("".join(f"{line}\n" for line in lines))


def write_dcd(path: Path, frames: Array, plan: Plan, remarks: str) -> None:
    """Write positions (Å) or forces (kJ/(mol Å)) of shape (frames, atoms, 3)."""
    timestep = MDAnalysis.units.convert(TIMESTEP, "ps", "AKMA")
    with DCDFile(str(path), "w") as file:
        file.write_header(remarks, frames.shape[1], 0, plan.stride, timestep, 0)
        for frame in frames.astype(np.float32):
            file.write(frame)


def write_xtc(path: Path, positions: Array, plan: Plan) -> None:
    """Write positions (Å, shape (frames, atoms, 3)) with five decimals in nm."""
    in_nm = MDAnalysis.units.convert(positions, "A", "nm").astype(np.float32)
    no_box = np.zeros((3, 3), dtype=np.float32)
    with XTCFile(str(path), "w") as file:
        for k, frame in enumerate(in_nm):
            file.write(frame, no_box, k * plan.stride, k * plan.interval, XTC_PRECISION)


def write_files(plan: Plan, model: Model, frames: Frames, folder: Path) -> None:
    """Write the files of a data set into a folder."""
    stem = plan.stem
    write_lines(folder / f"{plan.molecule}.psf", psf_lines(model))
    write_xtc(folder / f"{stem}.xtc", frames.positions, plan)
    write_dcd(folder / f"{stem}_forces.dcd", frames.forces, plan, "forces, kJ/(mol A)")
    if plan.with_dcd:
        write_dcd(folder / f"{stem}.dcd", frames.positions, plan, "positions, A")
        write_lines(folder / f"{stem}.pdb", pdb_lines(model, frames.positions[0]))


# --- report ---------------------------------------------------------------------------

PREFACE = """# Sample data

Written by `data/gas_phase.py`: change that, not this. One molecule in a vacuum with
OPLS-AA at 300 K, simulated with OpenMM. All of it again, in six minutes of one core:

    python data/gas_phase.py otp aniline --out data/samples

| file | holds |
| --- | --- |
| `NAME.psf` | names, charges (e), masses (u), bonds; the type is the OPLS class |
| `NAME.pdb` | the first frame, elements, bonds as CONECT |
| `NAME.xtc` | positions with five decimals in nm (1e-4 Å), times in ps |
| `NAME.dcd` | the same positions in Å, single precision |
| `NAME_forces.dcd` | forces on the atoms in the same frames, kJ/(mol Å) |
| `NAME_6ps.xtc`, `NAME_6ps_forces.dcd` | another run, as long as the paper's |

The forces are those of the force field at the positions of the frame: no noise of the
thermostat, no constraints. Each frame is shifted to have its centre of mass at the
origin. There is no box. `--protocol paper` writes the 6 ps with all 3000 frames.
"""


def settings_of(plan: Plan, model: Model, folder: Path) -> Iterator[tuple[str, str]]:
    """Names and values of the settings of a data set whose files are in `folder`."""
    yield "molecule", f"{model.residue}, {len(model.names)} atoms"
    length = plan.n_frames * plan.interval
    yield "frames", f"{plan.n_frames}, {plan.interval:g} ps apart: {length:g} ps"
    yield "temperature, friction", f"{TEMPERATURE:g} K, {FRICTION:g} / ps"
    yield "time step", f"{1000 * TIMESTEP:g} fs"
    yield "equilibration", f"{EQUILIBRATION:g} ps from a minimised ideal geometry"
    yield "seed", f"{plan.seed}"
    yield "program", f"OpenMM {openmm.__version__}, LangevinMiddle, Reference, double"
    for file in sorted(folder.iterdir()):
        yield f"size of `{file.name}`", f"{file.stat().st_size / 1000:.0f} kB"


def section_of(plan: Plan, model: Model, checks: list[Check], folder: Path) -> str:
    """The section of README.md on one data set whose files are in `folder`."""
    settings = settings_of(plan, model, folder)
    lines = [plan.stem, "", "| setting | value |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in settings]
    lines += ["", "| check | measured | required |", "| --- | --- | --- |"]
    lines += [f"| {c.name} | {c.measured} | {c.required} |" for c in checks]
    return "\n".join(lines) + "\n"


def write_report(path: Path, section: str) -> None:
    """Put the section of one data set into README.md, keeping those of the others."""
    kept = path.read_text().split("\n## ")[1:] if path.exists() else []
    sections = {text.split("\n")[0]: text.rstrip() + "\n" for text in [*kept, section]}
    source = json.loads(FORCE_FIELD.read_text())["source"]
    sections["Force field"] = f"Force field\n\n{source}\n"
    temporary = path.with_suffix(".writing")
    temporary.write_text("\n## ".join([PREFACE, *(sections[k] for k in sorted(sections))]))
    os.replace(temporary, path)


# --- command line ---------------------------------------------------------------------


def insist(plan: Plan, found: Iterator[Check]) -> list[Check]:
    """Print checks; leave the program if one failed."""
    checks = list(found)
    for check in checks:
        verdict = "ok" if check.passed else "FAILED"
        tell(f"{plan.stem}: {check.name}: {check.measured} ({check.required}): {verdict}")
    if not all(check.passed for check in checks):
        raise SystemExit(f"{plan.stem}: a check failed, no file was put in place")
    return checks


def make(plan: Plan, out: Path) -> None:
    """Simulate, write, check and only then put the files of a data set in place."""
    model = build(plan.molecule)
    checks = insist(plan, check_dynamics(plan, model))
    work, partial = out / f".{plan.stem}.partial", out / f".{plan.stem}.partial.npz"
    work.mkdir(parents=True, exist_ok=True)
    frames = produce(plan, model, partial)
    write_files(plan, model, frames, work)
    checks += insist(plan, check_files(plan, model, frames, work))
    section = section_of(plan, model, checks, work)
    for file in sorted(work.iterdir()):
        os.replace(file, out / file.name)
    write_report(out / "README.md", section)
    work.rmdir()
    partial.unlink(missing_ok=True)


def plans(options: argparse.Namespace) -> Iterator[Plan]:
    """The data sets that the options ask for."""
    paper = options.protocol == "paper"
    interval = options.interval or (0.002 if paper else 2.0)
    n_frames = round((options.time or (6.0 if paper else 6000.0)) / interval)
    for name in options.molecules:
        short, seed = f"{name}_6ps", options.seed
        if paper:
            yield Plan(name, short, n_frames, interval, seed + 1, with_dcd=False)
        else:
            yield Plan(name, name, n_frames, interval, seed, with_dcd=True)
            yield Plan(name, short, 300, 0.02, seed + 1, with_dcd=False)


def main() -> None:
    """Read the command line and make the data sets one after another."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("molecules", nargs="+", choices=sorted(MOLECULES))
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument(
        "--protocol",
        choices=["long", "paper"],
        default="long",
        help="long: 6 ns, a frame every 2 ps, and 300 frames of 6 ps [default]; "
        "paper: 6 ps, a frame every 2 fs",
    )
    parser.add_argument("--time", type=float, help="length of the run in ps")
    parser.add_argument("--interval", type=float, help="time between frames in ps")
    parser.add_argument("--seed", type=int, default=1, help="random seed [1]")
    options = parser.parse_args()
    wanted = list(plans(options))
    for plan in wanted:
        if plan.stride < 1 or abs(plan.interval / TIMESTEP - plan.stride) > 1e-6:
            parser.error(f"--interval must be a multiple of {TIMESTEP} ps")
        if plan.n_frames < 10:
            parser.error("--time must hold at least ten times --interval")
    for plan in wanted:
        make(plan, options.out)


if __name__ == "__main__":
    main()
