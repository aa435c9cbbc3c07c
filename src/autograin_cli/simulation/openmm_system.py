"""A force field as a system of OpenMM: every table exactly, walls included.

A table is a cubic in each of its cells. OpenMM's own tabulated functions are splines of another
kind, which are zero beyond their ends, so the coefficients are given as discrete functions of
the number of the cell; the parabola of each wall is one more cell at either end.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from autograin_cli.errors import EngineError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.pair import Nonbonded
from autograin_cli.potential.terms import Table
from autograin_cli.simulation.lattice import reduced
from autograin_cli.system import System
from autograin_cli.units import nm_from_angstrom

_CUBIC = "e0(cell) + t*(e1(cell) + t*(e2(cell) + t*e3(cell))); cell = first + 1 + place"
_BETWEEN_WALLS = (
    f"{_CUBIC}; t = s - max(0, place); place = min(max(floor(s), -1), cells); s = (q - low)*scale"
)
_ROUND_A_PERIOD = (
    f"{_CUBIC}; t = s - place; place = min(floor(s), cells - 1); s = x - cells*floor(x/cells);"
    " x = (q - low)*scale"
)
_VARIABLES = {
    "bond": (2, "distance(p1, p2)"),
    "pair": (2, "distance(p1, p2)"),
    "angle": (3, "angle(p1, p2, p3)"),
    "dihedral": (4, "dihedral(p1, p2, p3, p4)"),
}
_PARAMETERS = ("low", "scale", "cells", "first")


def load_openmm() -> Any:
    """Give the module of OpenMM.

    Raises:
        EngineError: it is not installed.
    """
    try:
        import openmm
    except ImportError as error:
        raise EngineError(
            given="OpenMM is asked for and cannot be imported",
            expected="the package openmm",
            remedy="pip install 'autograin[openmm]'",
        ) from error
    return openmm


def openmm_system(
    force_field: ForceField, masses: Tensor, box: Tensor | None, *, isolated: bool = False
) -> Any:
    """Build an `openmm.System`: nm, ps, u, kJ/mol; the box turned and reduced as `reduced` does.

    Args:
        force_field: of all beads.
        masses: u, (beads,).
        box: Å, (3, 3), rows are the box vectors; None in vacuum.
        isolated: whether molecules do not feel one another, not even by pair terms.

    Raises:
        EngineError: OpenMM is not installed.
    """
    mm = load_openmm()
    system = mm.System()
    for mass in masses.tolist():
        system.addParticle(mass)
    if box is not None:
        vectors = nm_from_angstrom(reduced(box)[0]).tolist()
        system.setDefaultPeriodicBoxVectors(*(mm.Vec3(*vector) for vector in vectors))
    instances = bonded_instances(force_field)
    if force_field.nonbonded is not None and force_field.nonbonded.terms:
        if isolated:
            instances["pair"] = _pairs_in_molecules(force_field.system, force_field.nonbonded)
        else:
            pairs = _pair_force(mm, force_field.system, force_field.nonbonded)
            methods = mm.CustomNonbondedForce
            pairs.setNonbondedMethod(
                methods.CutoffNonPeriodic if box is None else methods.CutoffPeriodic
            )
            system.addForce(pairs)
    for coordinate, members in instances.items():
        if members:
            system.addForce(_bonded_force(mm, coordinate, members))
    return system


def bonded_instances(force_field: ForceField) -> dict[str, list[tuple[Table, Tensor]]]:
    """Table and beads of each bonded term, of all copies, by coordinate.

    Returns:
        'bond', 'angle' and 'dihedral', each a list of tables with (instances, members) beads.
    """
    found: dict[str, list[tuple[Table, Tensor]]] = {"bond": [], "angle": [], "dihedral": []}
    for number, potential in enumerate(force_field.potentials):
        for term in potential.terms:
            members = force_field.system.members(number, term.beads)
            found[term.coordinate].append((term.table, members))
    return found


def _pairs_in_molecules(system: System, nonbonded: Nonbonded) -> list[tuple[Table, Tensor]]:
    """Pairs of beads of each molecule that feel a pair term, as bonds with a table."""
    everything = system.exclusions(system.n_beads)  # bonded however remotely
    excluded = system.exclusions(nonbonded.excluded_bonds)
    keys = everything[:, 0] * system.n_beads + everything[:, 1]
    left = ~torch.isin(keys, excluded[:, 0] * system.n_beads + excluded[:, 1])
    pairs = everything[left]
    kinds = system.types[pairs]
    term_of = nonbonded.term_of(system.type_names)[kinds[:, 0], kinds[:, 1]]
    return [(term.table, pairs[term_of == number]) for number, term in enumerate(nonbonded.terms)]


def _bonded_force(mm: Any, coordinate: str, instances: list[tuple[Table, Tensor]]) -> Any:
    """All instances of the terms of one coordinate; only compound bonds may have tables."""
    n_members, variable = _VARIABLES[coordinate]
    energy = _ROUND_A_PERIOD if coordinate == "dihedral" else _BETWEEN_WALLS
    force = mm.CustomCompoundBondForce(n_members, f"{energy}; q = {variable}")
    force.setName(coordinate)
    for name in _PARAMETERS:
        force.addPerBondParameter(name)
    tables = [table for table, _ in instances]
    _add_cells(mm, force, tables, is_pair=coordinate == "pair")
    for (table, members), first in zip(instances, _firsts(tables), strict=True):
        values = [*_grid(table, is_length=n_members == 2), len(table.energy) - 1, first]
        for beads in members.tolist():
            force.addBond(beads, values)
    return force


def _pair_force(mm: Any, system: System, nonbonded: Nonbonded) -> Any:
    """All pair terms, by the types of the two beads."""
    tables = [*(term.table for term in nonbonded.terms), _nothing()]
    force = mm.CustomNonbondedForce("")
    force.setName("pair")
    force.addPerParticleParameter("kind")
    _add_cells(mm, force, tables, is_pair=True)
    term_of = nonbonded.term_of(system.type_names)
    term_of = torch.where(term_of < 0, len(nonbonded.terms), term_of)
    grids = [(*_grid(table, is_length=True), len(table.energy) - 1) for table in tables]
    columns = torch.tensor(
        [(*grid, first) for grid, first in zip(grids, _firsts(tables), strict=True)],
        dtype=torch.float64,
    ).T
    definitions = [_BETWEEN_WALLS, "q = r"]
    for name, by_term in zip(_PARAMETERS, columns, strict=True):
        by_types = by_term[term_of]
        if bool((by_types == by_types[0, 0]).all()):
            definitions.append(f"{name} = {float(by_types[0, 0])!r}")
        else:
            definitions.append(f"{name} = {name}_of(kind1, kind2)")
            function = mm.Discrete2DFunction(*by_types.shape, by_types.flatten().tolist())
            force.addTabulatedFunction(f"{name}_of", function)
    force.setEnergyFunction("; ".join(definitions))
    for kind in system.types.tolist():
        force.addParticle([kind])
    for first, second in system.exclusions(nonbonded.excluded_bonds).tolist():
        force.addExclusion(first, second)
    force.setCutoffDistance(nm_from_angstrom(nonbonded.cutoff))
    return force


def _nothing() -> Table:
    """The table of two types that do not feel each other."""
    none = torch.zeros(2, dtype=torch.float64)
    return Table(0.0, 1.0, none, none, 0.0, periodic=False)


def _grid(table: Table, *, is_length: bool) -> tuple[float, float]:
    """Coordinate of the first point, and cells in a unit of the coordinate; nm or radians."""
    low, high = table.low, table.high
    if is_length:
        low, high = nm_from_angstrom(low), nm_from_angstrom(high)
    return low, (len(table.energy) - 1) / (high - low)


def _firsts(tables: Sequence[Table]) -> list[int]:
    """Where the cells of each table begin, those of its walls counted."""
    sizes = torch.tensor([0, *(len(table.energy) + 1 for table in tables)])
    return sizes.cumsum(0)[:-1].tolist()


def _add_cells(mm: Any, force: Any, tables: Sequence[Table], *, is_pair: bool) -> None:
    """Give the coefficients of all cells to a force, as functions e0 to e3 of the cell."""
    cells = torch.cat([_cells(table, is_pair=is_pair) for table in tables])
    for order in range(4):
        function = mm.Discrete1DFunction(cells[:, order].tolist())
        force.addTabulatedFunction(f"e{order}", function)


def _cells(table: Table, *, is_pair: bool) -> Tensor:
    """Cubic of the energy in each cell by the fraction of the cell, kJ/mol, (cells + 2, 4).

    The first and the last row are the walls; a pair term has none beyond its cutoff.
    """
    energy = table.energy.double()
    width = (table.high - table.low) / (len(energy) - 1)
    slope = table.slope.double() * width
    rise = energy.diff()
    second = 3 * rise - 2 * slope[:-1] - slope[1:]
    third = slope[:-1] + slope[1:] - 2 * rise
    inside = torch.stack((energy[:-1], slope[:-1], second, third), dim=1)
    bent = torch.tensor(table.wall_stiffness * width**2 / 2, dtype=torch.float64)
    walls = [torch.stack((energy[e], slope[e], bent, torch.zeros_like(bent))) for e in (0, -1)]
    if is_pair:
        walls[1] = torch.zeros_like(walls[1])
    return torch.cat((walls[0][None], inside, walls[1][None]))
