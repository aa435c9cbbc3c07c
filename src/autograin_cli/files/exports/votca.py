"""Mappings as XML of VOTCA, and the terms of a potential as its tables."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.files.artifacts import Artifact
from autograin_cli.files.exports.model import check_classical
from autograin_cli.files.exports.naming import plain_names
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.pair import PairTerm
from autograin_cli.potential.terms import Term
from autograin_cli.potential.topology import bonded_terms
from autograin_cli.system import Component
from autograin_cli.units import nm_from_angstrom

_FOREIGN = re.compile(r"[^A-Za-z0-9_.+-]")
_LONGEST = 100  # characters of the name of a file
_NAME = 64


def write(artifact: Artifact, folder: Path) -> tuple[str, ...]:
    """Write a mapping of each type of molecule, and a table of each term if there are any.

    Raises:
        SettingError: names of atoms in a molecule are not distinct, or not words, or a network is
            part of the potential.
    """
    check_classical(artifact)
    system = system_of(artifact.mappings)
    files: dict[str, str] = {}
    names = plain_names([part.name for part in system.components], _NAME)
    for name, mapping, part in zip(names, artifact.mappings, system.components, strict=True):
        files[f"{name}.xml"] = _mapping(mapping, part)
    for potential in artifact.potentials:
        prefix = f"{potential.molecule} " if len(artifact.mappings) > 1 else ""
        for term in potential.terms:
            _add(files, prefix + term.name, _table(term, term.coordinate))
    for pair in artifact.nonbonded.terms if artifact.nonbonded else ():
        _add(files, pair.name, _table(pair, "bond"))
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    residues = (
        "atoms are named 1:MOLECULE:ATOM, residue 1 of each molecule: change it where the "
        "topology of the atoms has other residues"
    )
    if not artifact.potentials:
        return (residues,)
    tables = (
        "tables are in nm or radians and kJ/mol; points that the reference never visited have "
        "the flag o"
    )
    return residues, tables


def _add(files: dict[str, str], name: str, table: str) -> None:
    """Add a table under the name of its term, which may have come from anywhere.

    Raises:
        SettingError: another one has that name.
    """
    file = f"{_word(name).lstrip('.-')[:_LONGEST]}.pot"
    if file in files:
        raise SettingError(
            given=f"two terms whose table would be {file}",
            expected="types of beads that differ in letters and digits",
            remedy="name them with --types of fit-potential",
        )
    files[file] = table


def _word(name: str) -> str:
    return _FOREIGN.sub("_", name)


def _mapping(mapping: Mapping, part: Component) -> str:
    molecule = mapping.molecule
    _check_names(mapping)
    types = [_word(kind) for kind in part.bead_types]
    lines = [
        "<cg_molecule>",
        f"  <name>{_word(molecule.name)}</name>",
        f"  <ident>{_word(molecule.name)}</ident>",
        "  <topology>",
        "    <cg_beads>",
    ]
    for bead, (name, kind) in enumerate(zip(mapping.bead_names, types, strict=True)):
        atoms = (mapping.assignment == bead).nonzero().flatten().tolist()
        named = (f"1:{_word(molecule.name)}:{molecule.atom_names[atom]}" for atom in atoms)
        lines += [
            "      <cg_bead>",
            f"        <name>{_word(name)}</name>",
            f"        <type>{kind}</type>",
            "        <symmetry>1</symmetry>",
            f"        <mapping>{_word(name)}</mapping>",
            f"        <beads>{escape(' '.join(named))}</beads>",
            "      </cg_bead>",
        ]
    lines += ["    </cg_beads>", *_bonded(mapping), "  </topology>", "  <maps>"]
    for bead, name in enumerate(mapping.bead_names):
        weights = mapping.encoder[bead, mapping.assignment == bead].tolist()
        lines += [
            "    <map>",
            f"      <name>{_word(name)}</name>",
            f"      <weights>{' '.join(map(repr, weights))}</weights>",
            "    </map>",
        ]
    return "\n".join((*lines, "  </maps>", "</cg_molecule>")) + "\n"


def _check_names(mapping: Mapping) -> None:
    names = mapping.molecule.atom_names
    wrong = [name for name, count in Counter(names).items() if count > 1]
    wrong += [n for n in names if not n or not n.isprintable() or re.search(r"[\s:]", n)]
    if wrong:
        raise SettingError(
            given=f"atoms of {mapping.molecule.name} called '{wrong[0]}'",
            expected="distinct names without spaces and colons: VOTCA tells atoms apart by them",
            remedy="export it --to openmscg, which goes by indices",
        )


def _bonded(mapping: Mapping) -> Iterator[str]:
    terms = bonded_terms(mapping.bead_bonds, mapping.bead_types)
    if not terms:
        return
    yield "    <cg_bonded>"
    for term in terms:
        yield f"      <{term.coordinate}>"
        yield f"        <name>{_word(term.name)}</name>"
        yield "        <beads>"
        for beads in term.beads.tolist():
            yield "          " + " ".join(_word(mapping.bead_names[bead]) for bead in beads)
        yield "        </beads>"
        yield f"      </{term.coordinate}>"
    yield "    </cg_bonded>"


def _table(term: Term | PairTerm, coordinate: str) -> str:
    """Rows of coordinate, energy and flag: i where the reference has been, o where not."""
    unit = nm_from_angstrom(1.0) if coordinate == "bond" else 1.0
    x = (term.table.points * unit).tolist()
    visited = _visited(term.counts)
    rows = zip(x, term.table.energy.tolist(), visited.tolist(), strict=True)
    return "".join(f"{q:.10g} {u:.10g} {'i' if seen else 'o'}\n" for q, u, seen in rows)


def _visited(counts: Tensor) -> Tensor:
    """Whether each point lies between visited ones, (points,), bool."""
    before, after = counts.cumsum(0), counts.flip(0).cumsum(0).flip(0)
    return torch.logical_and(before > 0, after > 0)
