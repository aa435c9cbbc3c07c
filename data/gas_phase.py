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

Units: Å, ps, u, kJ/mol, K.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import openmm
from checks import (
    BOLTZMANN,
    Check,
    bond_temperatures,
    bounded,
    independent_frames,
    insist,
    rms,
    temperature_check,
)
from force_field import Molecule, build
from gas_dynamics import (
    EQUILIBRATION,
    FRICTION,
    TEMPERATURE,
    TIMESTEP,
    Frames,
    Plan,
    check_dynamics,
    produce,
)
from molecules import MOLECULES, Array, Atoms
from openmm_engine import in_vacuum, still_forces
from report import section_of, sizes, write_report
from sample_files import (
    check_topology,
    pdb_lines,
    psf_lines,
    read_back,
    write_dcd,
    write_lines,
    write_xtc,
)

# --- checks of the frames and files ---------------------------------------------------


def error_of(plan: Plan, deviation: float) -> float:
    """Standard error of the mean of a quantity that the frames scatter by a deviation."""
    frames = independent_frames(plan.n_frames, plan.interval, FRICTION)
    return float(deviation / np.sqrt(frames))


def check_temperature(frames: Frames, plan: Plan) -> Check:
    """Mean kinetic temperature against its standard error.

    OpenMM's velocities are those of the middle of the step, so that they have no error
    of the second order in the timestep.
    """
    freedom = frames.forces[0].size
    mean = 2 * frames.kinetic.mean() / (freedom * BOLTZMANN)
    error = error_of(plan, TEMPERATURE * np.sqrt(2 / freedom))
    return temperature_check("kinetic temperature", mean, error, TEMPERATURE)


def check_bonds(plan: Plan, positions: Array, forces: Array, bonds: tuple[Atoms, ...]) -> Check:
    """The bond thermometer; arrays in Å and kJ/(mol Å), of shape (frames, atoms, 3)."""
    i, j = np.array(bonds).T
    series = bond_temperatures(positions[:, j] - positions[:, i], forces[:, j] - forces[:, i])
    name, error = "bond thermometer of the files", error_of(plan, series.std())
    return temperature_check(name, series.mean(), error, TEMPERATURE)


def check_files(plan: Plan, molecule: Molecule, frames: Frames, folder: Path) -> Iterator[Check]:
    """The frames make sense, and the files, read with MDAnalysis, hold them."""
    yield check_temperature(frames, plan)
    net = np.abs(frames.forces.sum(axis=1)).max() / rms(frames.forces)
    yield bounded("sum of forces, largest / rms force", net, 1e-10)
    psf = folder / f"{plan.molecule}.psf"
    yield check_topology(psf, molecule)
    positions, times = read_back(psf, folder / f"{plan.stem}.xtc")
    forces, force_times = read_back(psf, folder / f"{plan.stem}_forces.dcd")
    expected = plan.interval * np.arange(plan.n_frames)
    late = np.abs([times - expected, force_times - expected]).max() / plan.interval
    yield bounded("times in the files, largest error / interval", late, 1e-2)
    rounding = np.abs(positions - frames.positions).max()
    yield bounded("positions in XTC, largest error", rounding, 1e-4, " Å")
    if plan.with_dcd:
        positions, _ = read_back(psf, folder / f"{plan.stem}.dcd")
    error = rms(still_forces(in_vacuum(molecule), positions)[0] - forces) / rms(forces)
    source, bound = ("DCD", 1e-4) if plan.with_dcd else ("XTC", 1e-2)
    yield bounded(f"forces recomputed from {source}, rms error / rms force", error, bound)
    yield check_bonds(plan, positions, forces, molecule.topology.bonds)


# --- files ----------------------------------------------------------------------------


def write_files(plan: Plan, molecule: Molecule, frames: Frames, folder: Path) -> None:
    """Write the files of a data set into a folder."""
    stem = plan.stem
    write_lines(folder / f"{plan.molecule}.psf", psf_lines(molecule))
    pace = (plan.interval, TIMESTEP)
    write_xtc(folder / f"{stem}.xtc", frames.positions, *pace)
    write_dcd(folder / f"{stem}_forces.dcd", frames.forces, *pace, "forces, kJ/(mol A)")
    if plan.with_dcd:
        write_dcd(folder / f"{stem}.dcd", frames.positions, *pace, "positions, A")
        write_lines(folder / f"{stem}.pdb", pdb_lines(molecule, frames.positions[0]))


def settings_of(plan: Plan, molecule: Molecule) -> Iterator[tuple[str, str]]:
    """Names and values of the settings of a data set."""
    yield "molecule", f"{molecule.residue}, {len(molecule.names)} atoms"
    length = plan.n_frames * plan.interval
    yield "frames", f"{plan.n_frames}, {plan.interval:g} ps apart: {length:g} ps"
    yield "temperature, friction", f"{TEMPERATURE:g} K, {FRICTION:g} / ps"
    yield "time step", f"{1000 * TIMESTEP:g} fs"
    yield "equilibration", f"{EQUILIBRATION:g} ps from a minimised ideal geometry"
    yield "seed", f"{plan.seed}"
    yield "program", f"OpenMM {openmm.__version__}, LangevinMiddle, Reference, double"


# --- command line ---------------------------------------------------------------------


def make(plan: Plan, out: Path) -> None:
    """Simulate, write, check and only then put the files of a data set in place."""
    molecule = build(plan.molecule)
    checks = insist(plan.stem, check_dynamics(plan, molecule))
    work, partial = out / f".{plan.stem}.partial", out / f".{plan.stem}.partial.npz"
    work.mkdir(parents=True, exist_ok=True)
    frames = produce(plan, molecule, partial)
    write_files(plan, molecule, frames, work)
    checks += insist(plan.stem, check_files(plan, molecule, frames, work))
    section = section_of(plan.stem, [*settings_of(plan, molecule), *sizes(work)], checks)
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
