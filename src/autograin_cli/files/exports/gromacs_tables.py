"""Tables of bonds, angles and dihedrals for GROMACS: coordinate, energy, minus the slope."""

from math import ceil, degrees, pi, sqrt

import torch
from torch import Tensor

from autograin_cli.files.visible import visible
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.units import nm_from_angstrom, thermal_energy

_HIGHEST = 200.0  # kT at the end of the table of a bond, at least; GROMACS stops beyond it
_LETTERS = {"bond": "b", "angle": "a", "dihedral": "d"}
FUNCTION = 8  # of a tabulated bond, angle or dihedral


def table_numbers(potentials: tuple[Potential, ...]) -> dict[tuple[int, int], int]:
    """Number of the table of each term, (component, term): each kind of coordinate has its own."""
    numbers: dict[tuple[int, int], int] = {}
    used = dict.fromkeys(_LETTERS, 0)
    for component, potential in enumerate(potentials):
        for index, term in enumerate(potential.terms):
            numbers[component, index] = used[term.coordinate]
            used[term.coordinate] += 1
    return numbers


def table_files(potentials: tuple[Potential, ...]) -> dict[str, str]:
    """Name and text of the table of every term."""
    return {
        f"table_{_LETTERS[term.coordinate]}{number}.xvg": _text(term, potential.temperature)
        for (component, index), number in table_numbers(potentials).items()
        for potential in [potentials[component]]
        for term in [potential.terms[index]]
    }


def _text(term: Term, temperature: float) -> str:
    """Rows of a table; GROMACS interpolates as we do, by cubic Hermite polynomials."""
    q = _bond_points(term.table, temperature) if term.coordinate == "bond" else _turns(term)
    energy, slope = term.table.evaluate(q)
    unit = nm_from_angstrom(1.0) if term.coordinate == "bond" else degrees(1.0)
    rows = zip((q * unit).tolist(), energy.tolist(), (-slope / unit).tolist(), strict=True)
    head = f"# {visible(term.name)}: nm, kJ/mol, kJ/(mol nm)\n"
    if term.coordinate != "bond":
        head = f"# {visible(term.name)}: degrees, kJ/mol, kJ/(mol degree)\n"
    return head + "".join(f"{x:.10f} {u:.10e} {f:.10e}\n" for x, u, f in rows)


def _spacing(table: Table) -> float:
    return (table.high - table.low) / (len(table.energy) - 1)


def _bond_points(table: Table, temperature: float) -> Tensor:
    """Lengths from 0, where GROMACS begins, to where no bond gets, Å."""
    height, fall = _HIGHEST * thermal_energy(temperature), -min(float(table.slope[-1]), 0.0)
    stiffness = table.wall_stiffness
    beyond = (fall + sqrt(fall**2 + 2 * stiffness * height)) / stiffness if stiffness else 0.0
    count = ceil(max(table.high + beyond, 2 * table.high) / _spacing(table))
    return torch.arange(count + 1, dtype=torch.float64) * _spacing(table)


def _turns(term: Term) -> Tensor:
    """Angles from 0 to pi, dihedrals from -pi to pi, radians."""
    low = 0.0 if term.coordinate == "angle" else -pi
    count = ceil((pi - low) / _spacing(term.table) - 1e-6)
    return torch.linspace(low, pi, count + 1, dtype=torch.float64)
