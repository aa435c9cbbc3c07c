"""Names, elements, masses and bonds of atoms, as a topology file tells them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np
import torch
from torch import Tensor

from autograin_cli.bond_inference import infer_bonds, infer_hydrogens
from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.atom_masses import attribute, elements_and_masses, masses_of, texts
from autograin_cli.files.formats.frames import Atoms, check_readable
from autograin_cli.files.formats.universe import FAILURES, open_universe, quietly
from autograin_cli.files.visible import visible
from autograin_cli.trajectory import Chunk

_PARTIAL = (".pdb", ".ent", ".pdbqt", ".xpdb")  # formats that need not list all bonds
_MOST_SAMPLED = 200  # frames from which bonds are inferred
_SAMPLE_SIZE = 2**24  # numbers in these, at most


@dataclass(frozen=True)
class Topology:
    """What is known of the atoms of a frame.

    names: of the atoms; None where unknown.
    elements: of the atoms; '' where unknown.
    masses: u, (atoms,); None where unknown.
    bonds: pairs of atoms, (bonds, 2), int64, the smaller index first; None where unknown.
    bonds_are_complete: whether atoms without bonds have none; else some may be missing.
    labels: of the molecule of each atom; '' where unknown.
    universe: of MDAnalysis, that selects atoms.
    assumptions: what had to be assumed, one line each.
    """

    names: tuple[str, ...] | None
    elements: tuple[str, ...]
    masses: Tensor | None
    bonds: Tensor | None
    bonds_are_complete: bool
    labels: tuple[str, ...]
    universe: Any
    assumptions: tuple[str, ...]

    @property
    def n_atoms(self) -> int:
        """Atoms in a frame."""
        return len(self.elements)


def unknown_topology(n_atoms: int) -> Topology:
    """Describe atoms of which nothing is known but their number."""
    with quietly():
        universe = MDAnalysis.Universe.empty(n_atoms)
    nothing = ("",) * n_atoms
    line = "there is no topology: names and masses of atoms are unknown"
    return Topology(None, nothing, None, None, False, nothing, universe, (line,))


def named_topology(path: Path, atoms: Atoms) -> Topology:
    """Describe atoms as a file of frames does."""
    with quietly():
        universe = MDAnalysis.Universe.empty(len(atoms.names), trajectory=False)
        if any(atoms.names):
            universe.add_TopologyAttr("names", list(atoms.names))
        if any(atoms.elements):
            universe.add_TopologyAttr("elements", list(atoms.elements))
        if atoms.masses is not None:
            universe.add_TopologyAttr("masses", atoms.masses)
    elements, masses, assumptions = elements_and_masses(path, universe)
    nothing = ("",) * len(elements)
    names = atoms.names if any(atoms.names) else None
    return Topology(names, elements, masses, None, False, nothing, universe, assumptions)


def read_topology(path: Path) -> Topology:
    """Read a topology file in any format of MDAnalysis.

    Raises:
        FileAccessError: it is missing or cannot be read.
        InputError: it is empty, or without atoms, or MDAnalysis cannot read it.
    """
    check_readable(path)
    universe = open_universe([path])
    if not len(universe.atoms):
        raise InputError(
            given=f"{visible(str(path))}, a topology without atoms",
            expected="a topology of the atoms of the trajectory",
            remedy="copy the file again, or give another one",
            code="format",
        )
    names = texts(universe, "names")
    elements, masses, assumptions = elements_and_masses(path, universe)
    bonds = _bonds(universe)
    nothing = ("",) * len(elements)
    return Topology(
        names=names,
        elements=elements,
        masses=masses,
        bonds=bonds,
        bonds_are_complete=path.suffix.lower() not in _PARTIAL,
        labels=texts(universe, "moltypes") or texts(universe, "resnames") or nothing,
        universe=universe,
        assumptions=assumptions,
    )


def _bonds(universe: Any) -> Tensor | None:
    bonds = attribute(universe, "bonds")
    if bonds is None:
        return None
    pairs = np.asarray(bonds.indices, dtype=np.int64).reshape(-1, 2)
    return torch.from_numpy(np.unique(np.sort(pairs, axis=1), axis=0))


def check_masses(topology: Topology) -> None:
    """Refuse atoms without mass: virtual sites do not move by the forces on them.

    Raises:
        InputError: some atoms have no mass although others have.
    """
    if topology.masses is None or bool((topology.masses > 0).all()):
        return
    massless = (topology.masses <= 0).nonzero().flatten().tolist()
    names = topology.names or ("",) * topology.n_atoms
    some = ", ".join(visible(f"{atom} {names[atom]}".strip()) for atom in massless[:5])
    raise InputError(
        given=f"{len(massless)} of {topology.n_atoms} atoms have no mass: {some}"
        + (", …" if len(massless) > 5 else ""),
        expected="atoms with masses: the forces of virtual sites are on the atoms that place them",
        remedy="leave virtual sites out with --select 'prop mass > 0', or give them masses",
        code="massless",
    )


def select_atoms(topology: Topology, selection: str) -> Tensor:
    """Indices of the atoms that a selection names, (atoms,), int64, increasing.

    Raises:
        SettingError: it cannot be understood, or names no atom.
    """
    try:
        with quietly():
            atoms = topology.universe.select_atoms(selection)
    except (MDAnalysis.exceptions.SelectionError, *FAILURES) as error:
        reason = visible(str(error).strip().split("\n")[0])
        raise SettingError(
            given=f"selection {selection!r}: {reason}",
            expected="the selection language of MDAnalysis, and what the topology knows",
            remedy="for example --select 'resname LIG', or 'index 0:31' without a topology",
        ) from error
    if len(atoms) == 0:
        raise SettingError(
            given=f"selection {selection!r}, which names none of {topology.n_atoms} atoms",
            expected="at least one atom",
            remedy="correct --select; names are those of the topology",
        )
    return torch.from_numpy(np.sort(atoms.indices.astype(np.int64)))


def restrict(topology: Topology, atoms: Tensor) -> Topology:
    """Keep some atoms, and the bonds between them.

    Args:
        topology: of all atoms.
        atoms: indices to keep, (atoms,), int64, increasing.
    """
    kept = atoms.tolist()
    names, bonds, lines = topology.names, topology.bonds, topology.assumptions
    if bonds is not None:
        place = torch.full((topology.n_atoms,), -1, dtype=torch.int64)
        place[atoms] = torch.arange(len(kept))
        ends = place[bonds]
        bonds = ends[(ends >= 0).all(1)]
        n_cut = int(((ends >= 0).sum(1) == 1).sum())
        if n_cut:
            lines = (*lines, f"the selection cuts {n_cut} bonds: its ends count as molecules' ends")
    elements = _take(topology.elements, kept)
    masses = topology.masses
    return replace(
        topology,
        names=None if names is None else _take(names, kept),
        elements=elements,
        masses=masses_of(elements) if masses is None else masses[atoms],
        bonds=bonds,
        labels=_take(topology.labels, kept),
        assumptions=lines,
    )


def with_bonds(topology: Topology, sample: Callable[[int], Chunk]) -> Topology:
    """Add the bonds that are missing, and hydrogens if no element is known, from distances.

    Args:
        topology: of the atoms in the frames.
        sample: gives so many frames of the trajectory, spread evenly.
    """
    stated = topology.bonds if topology.bonds is not None else torch.zeros(0, 2, dtype=torch.int64)
    complete = topology.bonds is not None and (
        topology.bonds_are_complete or len(stated.unique()) == topology.n_atoms
    )
    if complete and any(topology.elements):
        return topology
    frames = sample(max(2, min(_MOST_SAMPLED, _SAMPLE_SIZE // (3 * topology.n_atoms))))
    bonds, elements, lines = stated, topology.elements, []
    if not complete:
        inferred = infer_bonds(frames.positions, frames.boxes, _may_be_hydrogens(topology))
        bonds = torch.cat([stated, inferred]).unique(dim=0)
        beside = f" beside {len(stated)} of the topology" if len(stated) else ""
        n_inferred = len(bonds) - len(stated)
        lines.append(
            f"{n_inferred} bonds{beside} are inferred from distances in {frames.n_frames} frames"
        )
    if not any(elements):
        hydrogens = infer_hydrogens(frames.positions, frames.boxes, bonds).tolist()
        elements = tuple("H" if hydrogen else "" for hydrogen in hydrogens)
        lines.append(f"{sum(hydrogens)} atoms with one short bond are taken for hydrogens")
    assumptions = (*topology.assumptions, *lines)
    return replace(topology, bonds=bonds, elements=elements, assumptions=assumptions)


def _may_be_hydrogens(topology: Topology) -> Tensor:
    """Atoms that are hydrogens by their element, or by their name where it is unknown."""
    names = topology.names or topology.elements
    known = [
        element == "H" if element else name.lstrip("0123456789")[:1] == "H"
        for element, name in zip(topology.elements, names, strict=True)
    ]
    return torch.tensor(known)


def _take(values: Sequence[str], indices: list[int]) -> tuple[str, ...]:
    return tuple(values[index] for index in indices)
