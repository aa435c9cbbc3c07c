"""Make the full set of a liquid: OPLS-AA, periodic, with LAMMPS.

    python data/liquid_phase.py ethane --out data/full

writes positions as XTC with the box, forces as DCD for the sets of 64 molecules, a
topology, the temperature, pressure and energy of each frame as CSV, and an account of the
settings and of the checks that they passed. Molecules are broken where they cross the
boundary. A run that was killed goes on; one that has ended goes on to a longer --time.

Units: Å, ps, u, kJ/mol, K, bar.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from checks import (
    Check,
    bond_temperatures,
    bounded,
    independent_frames,
    insist,
    rms,
    temperature_check,
)
from force_field import Molecule, build
from lammps_engine import forces_at, set_up, thermodynamics, version
from liquid_dynamics import (
    EQUILIBRATION,
    FINE_MESH,
    MESH,
    PLANS,
    ROUNDING,
    STARTS,
    Frames,
    Plan,
    cpu_time,
    produce,
)
from liquids import SWITCH_WIDTH, box_length
from molecules import Array
from openmm_engine import periodic, still_forces
from report import section_of, sizes
from sample_files import (
    check_topology,
    pdb_lines,
    psf_lines,
    read_back,
    repeated,
    write_dcd,
    write_lines,
    write_xtc,
)

BLOCKS = 10  # of a run, taken as independent
# The pair forces of rRESPA come in impulses, 2 fs apart, which warm the bonds to hydrogen by 1.4 %.
IMPULSE_BIAS = 0.02


def block_error(series: Array) -> float:
    """Standard error of the mean of a series, from blocks of it."""
    blocks = [block.mean() for block in np.array_split(series, BLOCKS)]
    return float(np.std(blocks, ddof=1) / np.sqrt(BLOCKS))


def nearest(vectors: Array, box: float) -> Array:
    """The shortest periodic images of vectors, Å, of any shape."""
    return np.asarray(vectors - box * np.rint(vectors / box))


# --- checks ---------------------------------------------------------------------------


def check_frames(plan: Plan, molecule: Molecule, frames: Frames) -> Iterator[Check]:
    """The run is in equilibrium at its temperature."""
    charge = plan.liquid.n_molecules * float(molecule.charges.sum())
    yield bounded("total charge", charge, 1e-10, " e")
    kinetic, _, energy = frames.properties.T
    wanted = plan.liquid.temperature
    error = max(block_error(kinetic), wanted * 1e-3)
    yield temperature_check("kinetic temperature", kinetic.mean(), error, wanted)
    early, late = np.array_split(energy, 2)
    drift, error = late.mean() - early.mean(), 2 * block_error(energy)
    yield Check(
        "potential energy, second half against first",
        f"{drift:+.1f} kJ/mol, standard error {error:.1f} kJ/mol",
        "within 4 standard errors",
        bool(abs(drift) < 4 * error),
    )
    walk = rms_displacement(plan, molecule, frames.positions)
    size = box_length(plan.liquid, molecule) / plan.liquid.side
    measured = f"{walk:.1f} Å, a lattice step is {size:.1f} Å"
    yield Check("rms displacement of molecules", measured, "more than a step", bool(walk > size))


def rms_displacement(plan: Plan, molecule: Molecule, positions: Array) -> float:
    """How far the first atoms of the molecules are from where they began, rms, Å."""
    first = positions[:, :: len(molecule.names)]
    steps = nearest(np.diff(first, axis=0), box_length(plan.liquid, molecule))
    return float(np.sqrt((steps.sum(axis=0) ** 2).sum(axis=1).mean()))


def check_engines(plan: Plan, molecule: Molecule, positions: Array) -> Iterator[Check]:
    """LAMMPS and OpenMM agree on energy and forces; positions of one frame, Å."""
    lammps = set_up(plan.liquid, molecule, positions, FINE_MESH)
    forces = forces_at(lammps, positions)
    energy = thermodynamics(lammps)[2]
    wanted, energies = still_forces(periodic(plan.liquid, molecule), positions[None])
    error = (energy - energies[0]) / energies[0]
    yield bounded("energy in LAMMPS against OpenMM, relative", error, 2e-5)
    error = rms(forces - wanted[0]) / rms(wanted)
    yield bounded("forces in LAMMPS against OpenMM, rms error / rms force", error, 1e-5)


def check_forces(
    plan: Plan, molecule: Molecule, positions: Array, forces: Array
) -> Iterator[Check]:
    """The forces in the file are those of the positions in the file; (frames, atoms, 3)."""
    some = slice(None, None, max(1, len(positions) // 4))
    wanted, _ = still_forces(periodic(plan.liquid, molecule), positions[some])
    error = rms(forces[some] - wanted) / rms(wanted)
    yield bounded("forces recomputed from XTC with OpenMM, rms error / rms force", error, 1e-4)
    net = np.abs(forces.sum(axis=1)).max() / rms(forces)
    yield bounded("sum of forces, largest / rms force", net, 1e-2)
    bonds = repeated(molecule.topology.bonds, len(molecule.names), plan.liquid.n_molecules)
    i, j = np.array(bonds).T
    box = box_length(plan.liquid, molecule)
    vectors = nearest(positions[:, j] - positions[:, i], box)
    series = bond_temperatures(vectors, forces[:, j] - forces[:, i])
    frames = independent_frames(len(series), plan.interval, plan.dynamics.friction)
    error = float(series.std() / np.sqrt(frames))
    name = "bond thermometer of the files"
    kelvin = plan.liquid.temperature
    bias = IMPULSE_BIAS * kelvin if plan.dynamics.inner_steps > 1 else 0.0
    yield temperature_check(name, series.mean(), error, kelvin, bias)


def check_files(plan: Plan, molecule: Molecule, frames: Frames, folder: Path) -> Iterator[Check]:
    """The files, read with MDAnalysis, hold the frames."""
    psf, n_frames = folder / f"{plan.stem}.psf", len(frames.positions)
    yield check_topology(psf, molecule, plan.liquid.n_molecules)
    positions, times = read_back(psf, folder / f"{plan.stem}.xtc")
    expected = STARTS.get(plan.stem, 0.0) + plan.interval * np.arange(n_frames)
    late = np.abs(times - expected).max() / plan.interval
    yield bounded("times in the files, largest error / interval", late, 1e-2)
    rounding = np.abs(positions - frames.positions).max()
    yield bounded("positions in XTC, largest error", rounding, ROUNDING / 10, " Å")
    yield from check_engines(plan, molecule, positions[-1])
    if plan.with_forces:
        forces, _ = read_back(psf, folder / f"{plan.stem}_forces.dcd")
        yield from check_forces(plan, molecule, positions, forces)


# --- files ----------------------------------------------------------------------------


def write_files(plan: Plan, molecule: Molecule, frames: Frames, folder: Path) -> None:
    """Write the files of a data set into a folder."""
    stem, box = plan.stem, box_length(plan.liquid, molecule)
    pace = (plan.interval, plan.dynamics.timestep)
    write_lines(folder / f"{stem}.psf", psf_lines(molecule, plan.liquid.n_molecules))
    write_lines(folder / f"{stem}.pdb", pdb_lines(molecule, frames.positions[0], box))
    start = STARTS.get(stem, 0.0)
    write_xtc(folder / f"{stem}.xtc", frames.positions, *pace, box, start)
    if plan.with_forces:
        write_dcd(folder / f"{stem}_forces.dcd", frames.forces, *pace, "forces, kJ/(mol A)")


def property_lines(plan: Plan, frames: Frames) -> Iterator[str]:
    """A CSV table of the properties of each frame."""
    yield "time (ps),temperature (K),pressure (bar),potential energy (kJ/mol)"
    for k, (temperature, pressure, energy) in enumerate(frames.properties):
        yield f"{k * plan.interval:g},{temperature:.3f},{pressure:.2f},{energy:.4f}"


def settings_of(plan: Plan, molecule: Molecule, frames: Frames) -> Iterator[tuple[str, str]]:
    """Names and values of the settings of a data set, and of what they led to."""
    liquid, dynamics = plan.liquid, plan.dynamics
    box = box_length(liquid, molecule)
    n_frames = len(frames.positions)
    length = n_frames * plan.interval
    yield "molecules", f"{liquid.n_molecules} {molecule.residue}"
    yield "box", f"cube of {box:g} Å: {liquid.density:g} g/cm³"
    yield "frames", f"{n_frames}, {plan.interval:g} ps apart: {length:g} ps"
    yield "temperature, friction", f"{liquid.temperature:g} K, {dynamics.friction:g} / ps"
    inner = f", bonded terms {1000 * dynamics.timestep / dynamics.inner_steps:g} fs (rRESPA)"
    pace = f"{1000 * dynamics.timestep:g} fs" + (inner if dynamics.inner_steps > 1 else "")
    yield "time step", pace
    switch = f"switched to zero from {liquid.cutoff - SWITCH_WIDTH:g} to {liquid.cutoff:g} Å"
    yield "Lennard-Jones", f"energy {switch} (CHARMM's function), no dispersion correction"
    coulomb = f"PPPM, {liquid.cutoff:g} Å in real space, accuracy {MESH:g}"
    yield "Coulomb", coulomb + (f", of the forces in the file {FINE_MESH:g}" * plan.with_forces)
    melted = f"lattice, 10 ps at {3 * liquid.temperature:g} K, 20 ps and then"
    yield "equilibration", f"{melted} {EQUILIBRATION:g} ps at {liquid.temperature:g} K"
    yield "seed", f"{plan.seed}"
    integrator = "fix gjf" if dynamics.inner_steps == 1 else "fix nve and fix langevin"
    yield "program", f"LAMMPS {version()}, {integrator}"
    for k, (name, unit, digits) in enumerate(
        (("temperature", "K", 2), ("pressure", "bar", 0), ("potential energy", "kJ/mol", 1))
    ):
        series = frames.properties[:, k]
        mean, error = series.mean(), block_error(series)
        yield f"mean {name}", f"{mean:.{digits}f} ± {error:.{digits}f} {unit}"


# --- command line ---------------------------------------------------------------------


def make(plan: Plan, n_frames: int, out: Path) -> None:
    """Simulate, write, check and only then put the files of a data set in place."""
    molecule = build(plan.liquid.molecule)
    work, partial = out / f".{plan.stem}.partial", out / f".{plan.stem}.partial.npz"
    work.mkdir(parents=True, exist_ok=True)
    frames = produce(plan, n_frames, partial)
    write_files(plan, molecule, frames, work)
    write_lines(work / f"{plan.stem}.csv", property_lines(plan, frames))
    checks = insist(plan.stem, check_frames(plan, molecule, frames))
    checks += insist(plan.stem, check_files(plan, molecule, frames, work))
    settings = [*settings_of(plan, molecule, frames), *sizes(work)]
    settings.append(("computing time", f"{cpu_time(partial, plan) / 60:.0f} minutes of one core"))
    section = section_of(plan.stem, settings, checks)
    (out / f"{plan.stem}.md").write_text(section)
    for file in sorted(work.iterdir()):
        os.replace(file, out / file.name)
    work.rmdir()


def main() -> None:
    """Read the command line and make the data set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("stem", choices=sorted(PLANS))
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--time", type=float, default=1000.0, help="length in ps [1000]")
    options = parser.parse_args()
    plan = PLANS[options.stem]
    n_frames = round(options.time / plan.interval)
    if n_frames < 2 * BLOCKS:
        parser.error(f"--time must be at least {2 * BLOCKS * plan.interval:g}")
    make(plan, n_frames, options.out)


if __name__ == "__main__":
    main()
