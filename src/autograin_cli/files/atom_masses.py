"""Elements and masses of atoms, where a topology tells them or one tells the other."""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from MDAnalysis.guesser import tables
from torch import Tensor

from autograin_cli.files.formats.universe import FAILURES, quietly
from autograin_cli.files.visible import visible

_STANDARD_MASSES = {element.capitalize(): mass for element, mass in tables.masses.items()}  # u
_SITE = "Ep"  # what OpenMM writes into a PDB for the element of a virtual site
_STANDARD_MASSES[_SITE] = 0.0
_SITE_COLUMNS = slice(76, 78)
_MASS_TOLERANCE = 0.02  # u, between a mass in a file and that of its element
_HEAVIEST_HYDROGEN = 4.2  # u; tritium, or a mass repartitioned from the heavy atom
# Elements that a mass may name.
_COMMON = (
    *("H", "Li", "B", "C", "N", "O", "F", "Na", "Mg", "Si", "P", "S", "Cl", "K", "Ca", "Mn", "Fe"),
    *("Cu", "Zn", "Se", "Br", "I"),
)


def elements_and_masses(
    path: Path, universe: Any
) -> tuple[tuple[str, ...], Tensor | None, tuple[str, ...]]:
    """Elements, masses and what was assumed.

    Args:
        path: of the topology, for what is told.
        universe: of MDAnalysis.

    Returns:
        Elements, '' where unknown; masses, u, (atoms,), None where unknown; lines.
    """
    stated = texts(universe, "elements") or ("",) * len(universe.atoms)
    elements = _with_sites(path, tuple(element.capitalize() for element in stated))
    values = attribute(universe, "masses")
    # Zeros among masses are virtual sites; zeros alone stand for masses that are not known.
    if values is not None and np.isfinite(values).all() and min(values) >= 0 and max(values) > 0:
        masses = np.asarray(values, dtype=np.float64)
        if not any(elements):
            names = texts(universe, "names") or elements
            elements = tuple(map(_element, masses.tolist(), names))
        return elements, torch.from_numpy(masses), ()
    found = masses_of(elements)
    if found is None:
        line = f"{visible(str(path))} has no masses for all atoms: masses are unknown"
        return elements, None, (line,)
    with quietly():
        universe.add_TopologyAttr("masses", found.numpy())  # so that they can be selected by
    line = f"{visible(str(path))} has no masses: those of its elements are taken"
    return elements, found, (line,)


def _with_sites(path: Path, elements: tuple[str, ...]) -> tuple[str, ...]:
    """Elements with the virtual sites of OpenMM, which MDAnalysis leaves without one."""
    if path.suffix.lower() != ".pdb" or all(elements) or not any(elements):
        return elements
    with path.open(encoding="ascii", errors="replace") as file:
        model = takewhile(lambda line: not line.startswith("ENDMDL"), file)
        atoms = [line[_SITE_COLUMNS] for line in model if line[:6] in ("ATOM  ", "HETATM")]
    if len(atoms) != len(elements):
        return elements
    sites = [stated.strip().capitalize() == _SITE for stated in atoms]
    return tuple(_SITE if site else e for e, site in zip(elements, sites, strict=True))


def masses_of(elements: Sequence[str]) -> Tensor | None:
    """Masses of elements, u, (atoms,), 0 for virtual sites; None where one is unknown."""
    if not all(element in _STANDARD_MASSES for element in elements):
        return None
    found = [float(_STANDARD_MASSES[element]) for element in elements]
    return torch.tensor(found, dtype=torch.float64)


def _element(mass: float, name: str) -> str:
    """Element of an atom by its mass; '' where no common one has it."""
    if mass < _HEAVIEST_HYDROGEN and name[:1].upper() in ("H", "D", "T"):
        return "H"
    for element in _COMMON:
        if abs(_STANDARD_MASSES[element] - mass) < _MASS_TOLERANCE:
            return element
    return ""


def attribute(universe: Any, name: str) -> Any:
    """Attribute of all atoms; None where the file has none."""
    try:
        with quietly():
            return getattr(universe.atoms, name)
    except FAILURES:
        return None


def texts(universe: Any, name: str) -> tuple[str, ...] | None:
    """Texts of all atoms; None where the file has none, or they are all empty."""
    values = attribute(universe, name)
    if values is None or not any(str(value).strip() for value in values):
        return None
    return tuple(str(value).strip() for value in values)
