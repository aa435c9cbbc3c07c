"""Molecules as PDB, the bead of each atom in the column of the B-factor."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import degrees
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports.naming import plain_names
from autograin_cli.mapping.mapping import Mapping

_NAME = 4  # characters of a name
_SERIALS = 99999  # after which numbers of atoms begin again
_RESIDUES = 9999


@dataclass(frozen=True)
class PdbAtom:
    """One record of a PDB file.

    name, residue: at most four characters.
    residue_number: from 1.
    position: Å.
    occupancy, b_factor: numbers that viewers colour by.
    element: '' where unknown.
    """

    name: str
    residue: str
    residue_number: int
    position: Sequence[float]
    occupancy: float
    b_factor: float
    element: str


def write(artifact: Artifact, folder: Path) -> tuple[str, ...]:
    """Write the mean structure of each type of molecule, the number of the bead as B-factor.

    Beads are numbered from 1; atoms in none have the number 0 and the occupancy 0.
    """
    names = plain_names([mapping.molecule.name for mapping in artifact.mappings], 64)
    for name, mapping in zip(names, artifact.mappings, strict=True):
        text = pdb_text(_atoms(mapping, name[:_NAME]), mapping.molecule.bonds, None)
        (folder / f"{name}.pdb").write_text(text, encoding="ascii")
    return ("colour by B-factor: it is the number of the bead, from 1; 0 is an atom in none",)


def _atoms(mapping: Mapping, residue: str) -> Iterator[PdbAtom]:
    molecule = mapping.molecule
    for atom, name in enumerate(short_names(molecule.atom_names)):
        bead = int(mapping.assignment[atom])
        yield PdbAtom(
            name=name,
            residue=residue,
            residue_number=1,
            position=mapping.mean_structure[atom].tolist(),
            occupancy=float(bead >= 0),
            b_factor=bead + 1.0,
            element=molecule.elements[atom],
        )


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names as they are where each fits a PDB file, else shortened to distinct ones."""
    fits = (n.isascii() and n.isprintable() and " " not in n and 0 < len(n) <= _NAME for n in names)
    return tuple(names) if all(fits) else plain_names(names, _NAME)


def pdb_text(atoms: Iterator[PdbAtom], bonds: Tensor, box: Tensor | None) -> str:
    """Text of a PDB file.

    Args:
        atoms: in order.
        bonds: pairs of atoms, (bonds, 2), int64.
        box: Å, (3, 3), lower triangular; None in vacuum.
    """
    lines = ["REMARK written by autograin"]
    if box is not None:
        lines.append(_cell(box))
    lines += [_record(number, atom) for number, atom in enumerate(atoms, 1)]
    for first, second in (bonds + 1).tolist():
        if second <= _SERIALS:
            lines.append(f"CONECT{first:5d}{second:5d}")
    return "\n".join((*lines, "END")) + "\n"


def _record(number: int, atom: PdbAtom) -> str:
    serial = (number - 1) % _SERIALS + 1
    residue = (atom.residue_number - 1) % _RESIDUES + 1
    name = atom.name if len(atom.name) == _NAME else f" {atom.name}"
    x, y, z = atom.position
    element = atom.element.upper() if re.fullmatch("[A-Za-z]{1,2}", atom.element) else ""
    return (
        f"ATOM  {serial:5d} {name:<4s} {atom.residue:<4s}A{residue:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
        f"{atom.occupancy:6.2f}{atom.b_factor:6.2f}          {element:>2s}"
    )


def _cell(box: Tensor) -> str:
    lengths = box.norm(dim=1)
    cosines = (box @ box.T) / torch.outer(lengths, lengths)
    angles = [
        degrees(float(cosines[i, j].clamp(-1, 1).acos())) for i, j in ((1, 2), (0, 2), (0, 1))
    ]
    edges = "".join(f"{length:9.3f}" for length in lengths.tolist())
    return f"CRYST1{edges}" + "".join(f"{angle:7.2f}" for angle in angles) + " P 1           1"
