"""Topologies and trajectories: how they are written, and what MDAnalysis reads in them."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import MDAnalysis
import numpy as np
from checks import Check
from force_field import Molecule
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile
from molecules import Array, Atoms, neighbours

XTC_PRECISION = 100_000.0  # per nm: five decimals


# --- topologies -----------------------------------------------------------------------


def psf_section(title: str, terms: list[Atoms], per_line: int) -> Iterator[str]:
    """Lines of one PSF section of atom numbers, `per_line` terms to a line."""
    yield f"{len(terms):8d} {title}"
    for start in range(0, len(terms), per_line):
        atoms = [atom + 1 for term in terms[start : start + per_line] for atom in term]
        yield "".join(f"{atom:8d}" for atom in atoms)
    yield ""


def repeated(terms: tuple[Atoms, ...], n_atoms: int, copies: int) -> list[Atoms]:
    """The terms of each of several molecules of `n_atoms` atoms."""
    return [tuple(copy * n_atoms + a for a in atoms) for copy in range(copies) for atoms in terms]


def psf_lines(molecule: Molecule, copies: int = 1) -> Iterator[str]:
    """A PSF in the standard fixed format; the atom type is the OPLS class."""
    n_atoms, shape = len(molecule.names), molecule.topology
    yield from ("PSF", "", f"{1:8d} !NTITLE", f" REMARKS {molecule.residue}, OPLS-AA", "")
    yield f"{n_atoms * copies:8d} !NATOM"
    for copy in range(copies):
        place = f"{molecule.residue:4s} {copy + 1:<4d} {molecule.residue:4s}"
        for a, name in enumerate(molecule.names):
            values = f"{molecule.charges[a]:14.6f}{molecule.masses[a]:14.4f}{0:8d}"
            number = copy * n_atoms + a + 1
            yield f"{number:8d} {place} {name:4s} {molecule.classes[a]:4s} {values}"
    yield ""
    for title, terms, per_line in (
        ("!NBOND: bonds", shape.bonds, 4),
        ("!NTHETA: angles", shape.angles, 3),
        ("!NPHI: dihedrals", shape.dihedrals, 2),
        ("!NIMPHI: impropers", shape.impropers, 2),
    ):
        yield from psf_section(title, repeated(terms, n_atoms, copies), per_line)


def pdb_lines(molecule: Molecule, positions: Array, box: float | None = None) -> Iterator[str]:
    """A PDB with elements and CONECT records.

    positions: Å, shape (atoms, 3), of as many molecules as it holds.
    box: edge of a periodic cube in Å.
    """
    n_atoms = len(molecule.names)
    if box is not None:
        yield f"CRYST1{box:9.3f}{box:9.3f}{box:9.3f}  90.00  90.00  90.00 P 1           1"
    for index, (x, y, z) in enumerate(positions):
        copy, a = divmod(index, n_atoms)
        name = molecule.names[a]
        yield (
            f"HETATM{index + 1:5d}  {name:<3s} {molecule.residue:3s} A{copy + 1:4d}    "
            f"{x:8.3f}{y:8.3f}{z:8.3f}{1:6.2f}{0:6.2f}          {name[0]:>2s}"
        )
    near = neighbours(molecule.topology.bonds)
    for first in range(0, len(positions), n_atoms):
        for atom, others in near.items():
            numbers = (first + other + 1 for other in (atom, *others))
            yield "CONECT" + "".join(f"{number:5d}" for number in numbers)
    yield "END"


def write_lines(path: Path, lines: Iterator[str]) -> None:
    """Write a text file."""
    path.write_text("".join(f"{line}\n" for line in lines))


# --- trajectories ---------------------------------------------------------------------


def write_dcd(path: Path, frames: Array, interval: float, timestep: float, remarks: str) -> None:
    """Write positions (Å) or forces (kJ/(mol Å)) of shape (frames, atoms, 3).

    interval: ps between frames. timestep: ps.
    """
    akma = MDAnalysis.units.convert(timestep, "ps", "AKMA")
    with DCDFile(str(path), "w") as file:
        file.write_header(remarks, frames.shape[1], 0, round(interval / timestep), akma, 0)
        for frame in frames.astype(np.float32):
            file.write(frame)


def write_xtc(
    path: Path,
    positions: Array,
    interval: float,
    timestep: float,
    box: float = 0.0,
    start: float = 0.0,
) -> None:
    """Write positions (Å, shape (frames, atoms, 3)) with five decimals in nm.

    interval: ps between frames. timestep: ps. box: edge of a periodic cube in Å. start: time of
    the first frame, ps.
    """
    in_nm = MDAnalysis.units.convert(positions, "A", "nm").astype(np.float32)
    edges = np.eye(3, dtype=np.float32) * np.float32(box / 10)
    stride, first = round(interval / timestep), round(start / timestep)
    with XTCFile(str(path), "w") as file:
        for k, frame in enumerate(in_nm):
            file.write(frame, edges, first + k * stride, start + k * interval, XTC_PRECISION)


def write_trr(
    path: Path, positions: Array, forces: Array, interval: float, timestep: float, box: float
) -> None:
    """Write positions (Å) and forces (kJ/(mol Å)), both of shape (frames, atoms, 3).

    interval: ps between frames. timestep: ps. box: edge of a periodic cube in Å.
    """
    in_nm = MDAnalysis.units.convert(positions, "A", "nm").astype(np.float32)
    per_nm = (forces * 10).astype(np.float32)
    edges = np.eye(3, dtype=np.float32) * np.float32(box / 10)
    stride, n_atoms = round(interval / timestep), positions.shape[1]
    with TRRFile(str(path), "w") as file:
        for k, (frame, force) in enumerate(zip(in_nm, per_nm, strict=True)):
            file.write(frame, None, force, edges, k * stride, k * interval, 0.0, n_atoms)


# --- what MDAnalysis reads ------------------------------------------------------------


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


def read_trr(path: Path) -> tuple[Array, Array, Array]:
    """Positions, Å, and forces, kJ/(mol Å), (frames, atoms, 3), and boxes, Å, (frames, 3, 3)."""
    with TRRFile(str(path)) as file:
        frames = list(file)
    positions = 10 * np.array([frame.x for frame in frames], dtype=np.float64)
    boxes = 10 * np.array([frame.box for frame in frames], dtype=np.float64)
    return positions, np.array([frame.f for frame in frames], dtype=np.float64) / 10, boxes


def check_topology(psf: Path, molecule: Molecule, copies: int = 1) -> Check:
    """MDAnalysis finds the names, masses, charges and bonds in the PSF."""
    atoms = universe(psf).atoms
    bonds = {(min(bond), max(bond)) for bond in atoms.bonds.indices.tolist()}
    passed = (
        tuple(atoms.names) == molecule.names * copies
        and np.allclose(atoms.masses, np.tile(molecule.masses, copies), atol=1e-4)
        and np.allclose(atoms.charges, np.tile(molecule.charges, copies), atol=1e-6)
        and bonds == set(repeated(molecule.topology.bonds, len(molecule.names), copies))
    )
    measured = f"{len(atoms)} atoms, {len(bonds)} bonds"
    return Check("names, masses, charges, bonds in PSF", measured, "as simulated", passed)
