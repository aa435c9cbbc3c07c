"""Tables of a force field as LAMMPS reads them, in its units real: kcal/mol, Å, degrees."""

from math import pi

import torch
from torch import Tensor

from autograin_cli.potential.pair import PairTerm
from autograin_cli.potential.terms import Table
from autograin_cli.units import kcal_from_kj, to_degrees

# Points of every table, in the file and in LAMMPS alike, so that it takes them as they are.
BOND_POINTS = 10_001
ANGLE_POINTS = 10_001
DIHEDRAL_POINTS = 10_000
PAIR_POINTS = 20_001

_FINER = 2  # points in a cell of the table of a bond
_NEAREST = 0.05  # of a pair, as a share of the first point of its table
_FAR = 1000.0  # Å


def bond_section(keyword: str, table: Table | None) -> str:
    """A bond: the points of its table among others, its walls; no energy at all for None."""
    if table is None:
        r = torch.linspace(0.0, _FAR, BOND_POINTS, dtype=torch.float64)
        return _section(keyword, f"N {BOND_POINTS}", r, *_nothing(r))
    spacing = (table.high - table.low) / (len(table.energy) - 1) / _FINER
    inside = _FINER * (len(table.energy) - 1)
    while inside > BOND_POINTS // 2:  # a table finer than ours: it is smooth at that scale
        spacing, inside = 2 * spacing, inside // 2
    below = min(int(table.low / spacing), (BOND_POINTS - 1 - inside) // 2)
    r = table.low + spacing * torch.arange(-below, BOND_POINTS - below, dtype=torch.float64)
    r = r.clamp(min=0.0)
    return _section(keyword, f"N {BOND_POINTS}", r, *table.evaluate(r))


def angle_section(keyword: str, table: Table) -> str:
    """An angle from 0 to 180 degrees."""
    theta = torch.linspace(0.0, pi, ANGLE_POINTS, dtype=torch.float64)
    energy, slope = table.evaluate(theta)
    degrees = torch.linspace(0.0, 180.0, ANGLE_POINTS, dtype=torch.float64)
    return _section(keyword, f"N {ANGLE_POINTS}", degrees, energy, slope / to_degrees(1.0))


def dihedral_section(keyword: str, table: Table) -> str:
    """A dihedral over one period, whose end is left out."""
    phi = 2 * pi / DIHEDRAL_POINTS * torch.arange(DIHEDRAL_POINTS, dtype=torch.float64) - pi
    return _section(keyword, f"N {DIHEDRAL_POINTS} RADIANS", phi, *table.evaluate(phi))


def pair_section(keyword: str, term: PairTerm) -> str:
    """A pair term up to its cutoff, at even steps of the squared distance."""
    low, high = _NEAREST * max(term.table.low, 1.0), term.cutoff
    squares = torch.linspace(low**2, high**2, PAIR_POINTS, dtype=torch.float64)
    r = squares.sqrt()
    energy, slope = term.table.evaluate(r)
    energy[-1] = slope[-1] = 0.0
    return _section(keyword, f"N {PAIR_POINTS} RSQ {low!r} {high!r}", r, energy, slope)


def _nothing(q: Tensor) -> tuple[Tensor, Tensor]:
    return torch.zeros_like(q), torch.zeros_like(q)


def _section(keyword: str, parameters: str, q: Tensor, energy: Tensor, slope: Tensor) -> str:
    columns = (q.tolist(), kcal_from_kj(energy).tolist(), kcal_from_kj(-slope).tolist())
    rows = zip(*columns, strict=True)
    lines = [f"{number} {x:.15g} {u:.15g} {f:.15g}" for number, (x, u, f) in enumerate(rows, 1)]
    return "\n".join([keyword, parameters, "", *lines, "", ""])
