"""Potentials from tables: what a fit would give, made by hand, with exact answers."""

from collections.abc import Callable
from math import pi

import torch
from torch import Tensor

from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.simulation.engine import Start

Energy = Callable[[Tensor], Tensor]


def table(
    energy: Energy, low: float, high: float, *, points: int = 201, wall: float, periodic: bool
) -> Table:
    """The table of an energy, kJ/mol, with its exact slopes."""
    q = torch.linspace(low, high, points, dtype=torch.float64, requires_grad=True)
    values = energy(q)
    (slopes,) = torch.autograd.grad(values.sum(), q)
    return Table(low, high, values.detach(), slopes, wall, periodic)


def term(
    name: str, beads: list[list[int]], of: Table, sampled: tuple[float, float] | None = None
) -> Term:
    """A term with a table; every point of it was visited equally often."""
    low, high = sampled or (of.low, of.high)
    points = torch.linspace(of.low, of.high, len(of.energy), dtype=torch.float64)
    none = torch.zeros(0, dtype=torch.float64)
    return Term(
        name=name,
        coordinate={2: "bond", 3: "angle", 4: "dihedral"}[len(beads[0])],
        form="spline",
        beads=torch.tensor(beads),
        parameter_names=(),
        parameters=none,
        parameter_errors=none,
        parameter_units=(),
        knots=none,
        sampled_low=low,
        sampled_high=high,
        counts=((points >= low) & (points <= high)).long(),
        energy_errors=torch.zeros_like(of.energy),
        table=of,
    )


def potential(*terms: Term, temperature: float = 300.0) -> Potential:
    """The potential of a molecule."""
    return Potential("M", temperature, terms, (), "sum", 1)


def spring(stiffness: float, rest: float = 0.0) -> Table:
    """stiffness (r - rest)² / 2 at every r: the table is exact for it, and so are its walls."""
    low, high = max(rest - 1.0, 0.0), rest + 1.0
    return table(
        lambda r: stiffness / 2 * (r - rest) ** 2, low, high, wall=stiffness, periodic=False
    )


def pair(stiffness: float) -> Potential:
    """Two beads on a spring of rest length 0: three independent harmonic oscillators."""
    return potential(term("bond A-B", [[0, 1]], spring(stiffness)))


def hindered(barrier: float) -> Table:
    """A dihedral with wells at 90 and -90 degrees."""
    return table(lambda phi: barrier * phi.cos() ** 2, -pi, pi, points=721, wall=0.0, periodic=True)


def chain(barrier: float = 8.0) -> Potential:
    """Four beads in a row with every kind of term, each met beyond its sampled range."""
    angles = table(lambda a: 30 * (a.cos() + 0.4) ** 2, 1.4, 2.4, wall=60.0, periodic=False)
    return potential(
        term("bond A-B", [[0, 1], [2, 3]], spring(400.0, 3.0), sampled=(2.9, 3.1)),
        term("bond B-B", [[1, 2]], spring(300.0, 4.0), sampled=(3.85, 4.2)),
        term("angle A-B-B", [[0, 1, 2], [1, 2, 3]], angles, sampled=(1.7, 2.2)),
        term("dihedral A-B-B-A", [[0, 1, 2, 3]], hindered(barrier)),
    )


def structures(n_structures: int, seed: int = 0, noise: float = 0.15) -> Tensor:
    """Rough structures of the chain, Å, (structures, 4, 3)."""
    row = torch.tensor([[-2.0, 2.4, 0.3], [-1.9, -0.4, 0.0], [1.9, 0.4, 0.0], [2.2, 2.0, 2.4]])
    random = torch.Generator().manual_seed(seed)
    shifts = torch.randn(n_structures, 4, 3, generator=random, dtype=torch.float64)
    return row.double() + noise * shifts


def hessian(of: Potential, structure: Tensor) -> Tensor:
    """Second derivatives of the energy of a structure (1, beads, 3), (3 beads, 3 beads)."""
    size = structure.numel()
    x = structure.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(of.energy(x).sum(), x, create_graph=True)
    rows = [torch.autograd.grad(slope, x, retain_graph=True)[0] for slope in slopes.flatten()]
    return torch.stack(rows).reshape(size, size)


def start(
    positions: Tensor, masses: list[float], *, timestep: float, temperature: float = 300.0
) -> Start:
    """Where a run begins."""
    return Start(positions, torch.tensor(masses, dtype=torch.float64), temperature, timestep)
