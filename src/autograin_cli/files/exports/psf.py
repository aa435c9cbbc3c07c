"""Beads for viewers: PSF with bonds, angles and dihedrals, and PDB with positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports.naming import plain_names
from autograin_cli.files.exports.pdb import PdbAtom, pdb_text
from autograin_cli.mapping.components import system_of
from autograin_cli.potential.topology import bonded_terms
from autograin_cli.simulation.lattice import lattice_of
from autograin_cli.system import System

_NAME = 4  # characters of a name, as PDB has them
_TYPE = 6  # characters of a type
_SECTIONS = {
    "bond": ("NBOND: bonds", 8),
    "angle": ("NTHETA: angles", 9),
    "dihedral": ("NPHI: dihedrals", 8),
}


@dataclass(frozen=True)
class _Scene:
    """Beads of a frame, and where they are.

    system: the beads.
    positions: Å, (beads, 3); molecules whole.
    box: Å, (3, 3), lower triangular; None in vacuum.
    """

    system: System
    positions: Tensor
    box: Tensor | None

    def labels(self) -> Iterator[tuple[int, str, str, str]]:
        """Number and name of the molecule, name and type of each bead."""
        system = self.system
        kinds = dict(zip(system.type_names, plain_names(system.type_names, _TYPE), strict=True))
        residues = plain_names([part.name for part in system.components], _NAME)
        molecule = 0
        for residue, part in zip(residues, system.components, strict=True):
            own = [f"{t.rsplit(':', 1)[-1]}{k}" for k, t in enumerate(part.bead_types, 1)]
            names = plain_names(own, _NAME)
            for _ in range(part.n_copies):
                molecule += 1
                for name, kind in zip(names, part.bead_types, strict=True):
                    yield molecule, residue, name, kinds[kind]


def write(artifact: Artifact, folder: Path) -> tuple[str, ...]:
    """Write beads.psf and beads.pdb: a frame of the reference or of the run, or mean structures."""
    scene = _scene(artifact)
    (folder / "beads.psf").write_text(_psf(scene), encoding="ascii")
    rows = zip(scene.labels(), scene.positions.tolist(), strict=True)
    atoms = (
        PdbAtom(name, residue, number, position, 1.0, 0.0, "")
        for (number, residue, name, _), position in rows
    )
    nothing = torch.zeros(0, 2, dtype=torch.int64)
    (folder / "beads.pdb").write_text(pdb_text(atoms, nothing, scene.box), encoding="ascii")
    notes = ["load beads.psf, then a trajectory of simulate --traj, or beads.pdb, into it"]
    if artifact.configuration is None:
        notes.append("there is no frame before fit-potential: these are mean structures")
    if scene.system.masses is None:
        notes.append("masses are unknown, and 0 in the file")
    return tuple(notes)


def _scene(artifact: Artifact) -> _Scene:
    system = system_of(artifact.mappings)
    if artifact.kind == "simulation" and artifact.simulation is not None:
        system = system.with_copies(artifact.simulation.copies.tolist())
    if artifact.configuration is None:
        return _in_a_row(artifact, system)
    positions, lattice = artifact.configuration.positions, lattice_of(artifact.configuration.box)
    positions = lattice.turned(positions)
    if lattice.box is None:
        return _Scene(system, positions, None)
    molecules = system.molecules
    counts = torch.bincount(molecules)[:, None]
    centres = torch.zeros(len(counts), 3, dtype=positions.dtype).index_add(0, molecules, positions)
    turns = torch.floor(centres / counts @ torch.linalg.inv(lattice.box))
    return _Scene(system, positions - (turns @ lattice.box)[molecules], lattice.box)


def _in_a_row(artifact: Artifact, system: System) -> _Scene:
    """Mean structures of the types of molecules, one beside the other."""
    placed, end = [], 0.0
    for mapping in artifact.mappings:
        beads = mapping.encoder @ mapping.mean_structure
        reach = float(mapping.mean_structure.norm(dim=1).max()) + 1.0
        placed.append(beads + torch.tensor([end + reach, 0.0, 0.0]))
        end += 2 * reach
    return _Scene(system.with_copies([1] * len(placed)), torch.cat(placed), None)


def _psf(scene: _Scene) -> str:
    system = scene.system
    masses = [0.0] * system.n_beads if system.masses is None else system.masses.tolist()
    lines = ["PSF EXT XPLOR", "", f"{1:10d} !NTITLE", " REMARKS beads of autograin", ""]
    lines.append(f"{system.n_beads:10d} !NATOM")
    for bead, (number, residue, name, kind) in enumerate(scene.labels()):
        label = f"{bead + 1:10d} {'BEAD':<8s} {number:<8d} {residue:<8s} {name:<8s} {kind:<6s}"
        lines.append(f"{label} {0.0:13.6f} {masses[bead]:13.6f} {0:7d}")
    for coordinate, (title, per_line) in _SECTIONS.items():
        members = _members(system, coordinate)
        lines += ["", f"{len(members):10d} !{title}", *_table(members, per_line)]
    lines += ["", f"{0:10d} !NIMPHI: impropers", "", f"{0:10d} !NDON", "", f"{0:10d} !NACC", ""]
    return "\n".join(lines)


def _members(system: System, coordinate: str) -> Tensor:
    """Beads of a frame that bonds, angles or dihedrals join, (instances, 2 | 3 | 4)."""
    found = [
        system.members(number, term.beads)
        for number, part in enumerate(system.components)
        for term in bonded_terms(part.bonds, part.bead_types)
        if term.coordinate == coordinate
    ]
    return torch.cat(found) if found else torch.zeros(0, 2, dtype=torch.int64)


def _table(members: Tensor, per_line: int) -> Iterator[str]:
    numbers = (members + 1).flatten().tolist()
    for first in range(0, len(numbers), per_line):
        yield "".join(f"{number:10d}" for number in numbers[first : first + per_line])
