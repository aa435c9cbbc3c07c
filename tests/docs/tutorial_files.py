"""Write the sample data as the files of another program, for the tutorials.

    python tests/docs/tutorial_files.py gromacs|lammps|openmm

writes into the current folder what a user of that program has when the tutorial begins:

gromacs: 64 methane, conf.gro, md.trr with positions and forces (nm, kJ/(mol nm)).
lammps: 64 ethane, ethane.data with its types, coefficients.lammps, and the halves of a run,
    md1.lammpstrj and md2.lammpstrj, with positions and forces (Å, kcal/(mol Å)).
openmm: one ortho-terphenyl, md.pdb, md.dcd (Å), md.npz with forces (kJ/(mol nm)), system.xml.
"""

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
sys.path.insert(0, str(ROOT / "data"))  # the programs that made the samples

KCAL = 4.184  # kJ
NM = 10.0  # Å
FS = 1000.0  # of a ps
TIMESTEP = 0.5  # fs


def universe(stem: str) -> MDAnalysis.Universe:
    """A sample with its forces, kJ/(mol Å), in the frames."""
    atoms = MDAnalysis.Universe(SAMPLES / f"{stem}.psf", SAMPLES / f"{stem}.xtc")
    forces = MDAnalysis.Universe(SAMPLES / f"{stem}.psf", SAMPLES / f"{stem}_forces.dcd")

    def add_forces(frame: Any) -> Any:
        frame.forces = forces.trajectory[frame.frame].positions
        return frame

    atoms.trajectory.add_transformations(add_forces)
    return atoms


def gromacs(folder: Path) -> None:
    """conf.gro and md.trr of methane."""
    methane = universe("methane")
    methane.atoms.write(folder / "conf.gro")
    with MDAnalysis.Writer(str(folder / "md.trr"), n_atoms=len(methane.atoms)) as file:
        for _ in methane.trajectory:
            file.write(methane.atoms)


def lammps(folder: Path) -> None:
    """ethane.data, coefficients.lammps, md1.lammpstrj and md2.lammpstrj of ethane."""
    from force_field import build
    from lammps_engine import coefficient_lines, data_file, pair_lines
    from liquids import ethane

    liquid, molecule, atoms = ethane(4), build("ethane"), universe("ethane")
    first = atoms.atoms.positions.astype(np.float64)
    _write(folder / "ethane.data", data_file(liquid, molecule, first))
    coefficients = [*pair_lines(molecule), *coefficient_lines(molecule)]
    _write(folder / "coefficients.lammps", coefficients)
    kinds = list(dict.fromkeys(molecule.kinds))
    types = [kinds.index(kind) + 1 for kind in molecule.kinds] * liquid.n_molecules
    half = len(atoms.trajectory) // 2
    _write(folder / "md1.lammpstrj", _dump(atoms.trajectory[:half], types))
    _write(folder / "md2.lammpstrj", _dump(atoms.trajectory[half:], types))


def _dump(frames: Any, types: list[int]) -> Iterator[str]:
    """Lines of a dump in LAMMPS' units real: Å, fs, kcal/(mol Å); it tells units and times."""
    yield "ITEM: UNITS\nreal"
    for frame in frames:
        yield f"ITEM: TIME\n{frame.time * FS:g}"
        yield f"ITEM: TIMESTEP\n{round(frame.time * FS / TIMESTEP)}"
        yield f"ITEM: NUMBER OF ATOMS\n{len(types)}\nITEM: BOX BOUNDS pp pp pp"
        yield from (f"0 {edge:.9g}" for edge in frame.dimensions[:3])
        yield "ITEM: ATOMS id type x y z fx fy fz"
        numbers = np.hstack([frame.positions, frame.forces / KCAL]).tolist()
        for index, (kind, row) in enumerate(zip(types, numbers, strict=True), start=1):
            yield f"{index} {kind} {' '.join(f'{number:.9g}' for number in row)}"


def openmm(folder: Path) -> None:
    """md.pdb, md.dcd, md.npz and system.xml of ortho-terphenyl."""
    from force_field import build
    from openmm import XmlSerializer
    from openmm_engine import in_vacuum

    for ending in ("pdb", "dcd"):
        (folder / f"md.{ending}").write_bytes((SAMPLES / f"otp.{ending}").read_bytes())
    forces = np.array([frame.forces * NM for frame in universe("otp").trajectory])
    np.savez(folder / "md.npz", forces=forces)
    (folder / "system.xml").write_text(XmlSerializer.serialize(in_vacuum(build("otp"))))


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main() -> None:
    """Write the files of the program that the command line names."""
    programs = {"gromacs": gromacs, "lammps": lammps, "openmm": openmm}
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("program", choices=programs)
    warnings.simplefilter("ignore")
    programs[parser.parse_args().program](Path())


if __name__ == "__main__":
    main()
