"""A model as LAMMPS counts it, types of atoms and of bonds from 1, and its data file."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.terms import Table
from autograin_cli.simulation.lattice import lattice_of
from autograin_cli.system import Configuration
from autograin_cli.units import per_fs_from_per_ps

COORDINATES = ("bond", "angle", "dihedral")
_MARGIN = 5.0  # Å around molecules in vacuum


@dataclass(frozen=True)
class Kind:
    """A type of bond, angle or dihedral.

    name: of the term.
    table: its energy; None for bonds that have none.
    members: beads of all instances, (instances, 2 | 3 | 4), int64.
    """

    name: str
    table: Table | None
    members: Tensor


@dataclass(frozen=True)
class LammpsModel:
    """What LAMMPS is told of a model.

    force_field: of all beads.
    configuration: where they are.
    masses: u, (beads,).
    velocities: Å/ps, (beads, 3); None where LAMMPS is to draw them.
    isolated: whether molecules do not feel one another.
    """

    force_field: ForceField
    configuration: Configuration
    masses: Tensor
    velocities: Tensor | None
    isolated: bool

    @property
    def atom_types(self) -> tuple[tuple[str, float], ...]:
        """Type of bead and mass in u of each type of atom; beads of one type may differ in mass."""
        return tuple(dict.fromkeys(self._types_of_beads()))

    @property
    def types_of_atoms(self) -> list[int]:
        """Type of atom of each bead, from 1."""
        numbers = {kind: number for number, kind in enumerate(self.atom_types, start=1)}
        return [numbers[kind] for kind in self._types_of_beads()]

    def _types_of_beads(self) -> Iterator[tuple[str, float]]:
        system = self.force_field.system
        names = (system.type_names[number] for number in system.types.tolist())
        return zip(names, self.masses.tolist(), strict=True)

    @property
    def type_pairs(self) -> list[tuple[int, int, int]]:
        """Each pair of types of atoms, from 1, and its pair term, from 0; -1 for none."""
        nonbonded = self.force_field.nonbonded
        if nonbonded is None or not nonbonded.terms:
            return []
        names = self.force_field.system.type_names
        term_of = nonbonded.term_of(names)
        types = [names.index(name) for name, _ in self.atom_types]
        return [
            (i + 1, j + 1, int(term_of[types[i], types[j]]))
            for i in range(len(types))
            for j in range(i, len(types))
        ]

    def kinds(self, coordinate: str) -> tuple[Kind, ...]:
        """Terms of a coordinate; bonds without one as well, since they tell who is near whom."""
        system, found = self.force_field.system, list[Kind]()
        parts = zip(system.components, self.force_field.potentials, strict=True)
        for number, (part, potential) in enumerate(parts):
            bonds = {tuple(sorted(pair)) for pair in part.bonds.tolist()}
            for term in potential.terms:
                if term.coordinate == coordinate:
                    found.append(Kind(term.name, term.table, system.members(number, term.beads)))
                    bonds -= {tuple(sorted(beads)) for beads in term.beads.tolist()}
            if coordinate == "bond" and bonds:
                members = system.members(number, torch.tensor(sorted(bonds)))
                found.append(Kind("bonds without a term", None, members))
        return tuple(found)


def data_text(model: LammpsModel) -> str:
    """The data file: beads, bonds, angles and dihedrals, in the turned box of `reduced`."""
    kinds = {name: model.kinds(name) for name in COORDINATES}
    lines = ["A coarse-grained model", "", f"{len(model.masses)} atoms"]
    for name, listed in kinds.items():
        lines.append(f"{sum(len(kind.members) for kind in listed)} {name}s")
    lines += ["", f"{len(model.atom_types)} atom types"]
    lines += [f"{len(listed)} {name} types" for name, listed in kinds.items() if listed]
    lines += ["", *_box_lines(model.configuration)]
    masses = [f"{mass!r}  # {name}" for name, mass in model.atom_types]
    lines += _numbered("Masses", masses)
    lines += _numbered("Atoms # molecular", _atom_lines(model))
    if model.velocities is not None:
        turned = lattice_of(model.configuration.box).turned(model.velocities)
        lines += _numbered("Velocities", _vectors(per_fs_from_per_ps(turned)))
    for name, listed in kinds.items():
        entries = [
            f"{number} " + " ".join(str(bead + 1) for bead in beads)
            for number, kind in enumerate(listed, start=1)
            for beads in kind.members.tolist()
        ]
        lines += _numbered(f"{name.capitalize()}s", entries) if entries else []
    return "\n".join([*lines, ""])


def _box_lines(configuration: Configuration) -> list[str]:
    box = lattice_of(configuration.box).box
    if box is None:
        low = configuration.positions.amin(0) - _MARGIN
        high = configuration.positions.amax(0) + _MARGIN
        tilts = []
    else:
        low, high = torch.zeros(3, dtype=torch.float64), box.diagonal()
        tilts = [f"{box[1, 0]:.15g} {box[2, 0]:.15g} {box[2, 1]:.15g} xy xz yz"]
    edges = zip("xyz", low.tolist(), high.tolist(), strict=True)
    return [f"{a:.15g} {b:.15g} {axis}lo {axis}hi" for axis, a, b in edges] + tilts


def _atom_lines(model: LammpsModel) -> list[str]:
    turned = lattice_of(model.configuration.box).turned(model.configuration.positions.double())
    molecules = (model.force_field.system.molecules + 1).tolist()
    rows = zip(molecules, model.types_of_atoms, _vectors(turned), strict=True)
    return [f"{molecule} {kind} {vector}" for molecule, kind, vector in rows]


def _vectors(vectors: Tensor) -> list[str]:
    return [f"{x:.15g} {y:.15g} {z:.15g}" for x, y, z in vectors.tolist()]


def _numbered(title: str, lines: list[str]) -> list[str]:
    """A section of a data file."""
    return ["", title, "", *(f"{number} {line}" for number, line in enumerate(lines, start=1))]
