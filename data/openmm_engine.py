"""OPLS-AA in OpenMM, in double precision: one molecule in a vacuum, or a periodic liquid.

Units: Å, ps, u, kJ/mol, K; nm only in what OpenMM is told.
"""

import numpy as np
import openmm
from force_field import Molecule, Term, intramolecular_pairs, mixed
from liquids import SWITCH_WIDTH, Liquid, box_length
from molecules import Array
from openmm import unit

ENERGY = unit.kilojoule_per_mole
FORCE = unit.kilojoule_per_mole / unit.angstrom
NM = 10.0  # Å


# --- systems --------------------------------------------------------------------------


def in_vacuum(molecule: Molecule) -> openmm.System:
    """One molecule, without a cutoff."""
    system = openmm.System()
    for mass in molecule.masses:
        system.addParticle(mass)
    for force in (*bonded_forces(molecule, 1), all_pairs(molecule)):
        system.addForce(force)
    return system


def periodic(liquid: Liquid, molecule: Molecule) -> openmm.System:
    """A liquid, with particle-mesh Ewald and a switched Lennard-Jones potential."""
    system = openmm.System()
    for mass in np.tile(molecule.masses, liquid.n_molecules):
        system.addParticle(mass)
    edge = box_length(liquid, molecule) / NM
    system.setDefaultPeriodicBoxVectors((edge, 0, 0), (0, edge, 0), (0, 0, edge))
    forces = bonded_forces(molecule, liquid.n_molecules)
    for force in forces:
        force.setUsesPeriodicBoundaryConditions(True)
    for force in (*forces, coulomb(liquid, molecule), lennard_jones(liquid, molecule)):
        system.addForce(force)
    return system


def shifted(terms: tuple[Term, ...], n_atoms: int, copies: int) -> list[Term]:
    """The terms of each of several molecules of `n_atoms` atoms."""
    return [
        (tuple(copy * n_atoms + a for a in atoms), parameters)
        for copy in range(copies)
        for atoms, parameters in terms
    ]


def bonded_forces(molecule: Molecule, copies: int) -> list[openmm.Force]:
    """Bonds, angles, torsions and impropers of a number of molecules."""
    stretch = openmm.HarmonicBondForce()
    bend = openmm.HarmonicAngleForce()
    torsion = openmm.RBTorsionForce()
    improper = openmm.PeriodicTorsionForce()
    n_atoms, terms = len(molecule.names), molecule.terms
    for atoms, parameters in shifted(terms.bonds, n_atoms, copies):
        stretch.addBond(*atoms, *parameters)
    for atoms, (theta, k) in shifted(terms.angles, n_atoms, copies):
        bend.addAngle(*atoms, np.radians(theta), k)
    for atoms, parameters in shifted(terms.dihedrals, n_atoms, copies):
        torsion.addTorsion(*atoms, *parameters)
    for atoms, parameters in shifted(terms.impropers, n_atoms, copies):
        improper.addTorsion(*atoms, *parameters)
    return [stretch, bend, torsion, improper]


def all_pairs(molecule: Molecule) -> openmm.Force:
    """Lennard-Jones and Coulomb without a cutoff, every pair as an explicit exception.

    OPLS takes the geometric mean of sigma as of epsilon, which NonbondedForce does not.
    """
    force = openmm.NonbondedForce()
    force.setNonbondedMethod(openmm.NonbondedForce.NoCutoff)
    q, sigma, epsilon = molecule.charges, molecule.sigmas, molecule.epsilons
    for a in range(len(q)):
        force.addParticle(q[a], sigma[a], epsilon[a])
    for i, j, scale in intramolecular_pairs(molecule):
        well = scale * mixed(epsilon[i], epsilon[j])
        force.addException(i, j, scale * q[i] * q[j], mixed(sigma[i], sigma[j]), well)
    return force


def coulomb(liquid: Liquid, molecule: Molecule) -> openmm.Force:
    """Particle-mesh Ewald, and the Lennard-Jones part of the pairs inside a molecule.

    Each pair inside a molecule is an exception, and short enough to be neither switched
    nor cut.
    """
    force = openmm.NonbondedForce()
    force.setNonbondedMethod(openmm.NonbondedForce.PME)
    force.setCutoffDistance(liquid.cutoff / NM)
    force.setEwaldErrorTolerance(1e-6)
    force.setExceptionsUsePeriodicBoundaryConditions(True)
    force.setUseDispersionCorrection(False)
    q, sigma, epsilon = molecule.charges, molecule.sigmas, molecule.epsilons
    pairs = intramolecular_pairs(molecule)
    for copy in range(liquid.n_molecules):
        first = copy * len(q)
        for charge in q:
            force.addParticle(charge, 1.0, 0.0)
        for i, j, scale in pairs:
            well = scale * mixed(epsilon[i], epsilon[j])
            product, radius = scale * q[i] * q[j], mixed(sigma[i], sigma[j])
            force.addException(first + i, first + j, product, radius, well)
    return force


def lennard_jones(liquid: Liquid, molecule: Molecule) -> openmm.Force:
    """Lennard-Jones between molecules, its energy switched to zero as in CHARMM."""
    force = openmm.CustomNonbondedForce(
        "switch*4*epsilon*((sigma/r)^12-(sigma/r)^6);"
        "switch=select(step(r-inner),(rc2-r^2)^2*(rc2+2*r^2-3*inner^2)/(rc2-inner^2)^3,1);"
        "rc2=outer^2;sigma=sqrt(sigma1*sigma2);epsilon=sqrt(epsilon1*epsilon2)"
    )
    force.addGlobalParameter("inner", (liquid.cutoff - SWITCH_WIDTH) / NM)
    force.addGlobalParameter("outer", liquid.cutoff / NM)
    force.addPerParticleParameter("sigma")
    force.addPerParticleParameter("epsilon")
    force.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
    force.setCutoffDistance(liquid.cutoff / NM)
    pairs = intramolecular_pairs(molecule)
    parameters = list(zip(molecule.sigmas, molecule.epsilons, strict=True))
    for copy in range(liquid.n_molecules):
        first = copy * len(parameters)
        for both in parameters:
            force.addParticle(both)
        for i, j, _ in pairs:
            force.addExclusion(first + i, first + j)
    return force


# --- contexts -------------------------------------------------------------------------


def context(system: openmm.System, integrator: openmm.Integrator) -> openmm.Context:
    """A context on the Reference platform, which computes in double precision."""
    platform = openmm.Platform.getPlatformByName("Reference")
    return openmm.Context(system, integrator, platform)


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


def still_forces(system: openmm.System, positions: Array) -> tuple[Array, Array]:
    """Forces, kJ/(mol Å), and energies, kJ/mol, at positions, Å, of shape (frames, atoms, 3)."""
    running = context(system, openmm.VerletIntegrator(0.001))
    forces, energies = [], []
    for frame in positions:
        place(running, frame)
        forces.append(forces_of(running))
        energies.append(energies_of(running)[0])
    return np.array(forces), np.array(energies)
