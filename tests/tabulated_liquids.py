"""Liquids and chains with pair terms from tables, made by hand, for tests of every engine."""

from itertools import product

import torch
from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.pair import Nonbonded, PairTerm
from autograin_cli.system import Component, System
from tabulated import Energy, chain, potential, spring, structures, table, term

NONE = torch.zeros(0, dtype=torch.float64)


def pair_term(
    types: tuple[str, str], energy: Energy, low: float, cutoff: float, points: int = 1001
) -> PairTerm:
    """A pair term with a table that is 0 and flat at the cutoff; sampled from `low` on."""

    def switched(r: Tensor) -> Tensor:
        share = ((cutoff - r) / 1.0).clamp(0, 1)
        return energy(r) * share**3 * (10 - 15 * share + 6 * share**2)

    of = table(switched, low, cutoff, points=points, wall=500.0, periodic=False)
    return PairTerm(
        name="pair " + "-".join(types),
        types=types,
        form="spline",
        parameter_names=(),
        parameters=NONE,
        parameter_errors=NONE,
        parameter_units=(),
        on_bounds=(),
        knots=NONE,
        sampled_low=low + 0.1,
        cutoff=cutoff,
        counts=torch.ones(points, dtype=torch.int64),
        energy_errors=torch.zeros(points, dtype=torch.float64),
        table=of,
    )


def lennard_jones(epsilon: float, sigma: float, repulsion: int = 12) -> Energy:
    """epsilon in kJ/mol, sigma in Å; repulsion 12 or 9."""
    factor = 4.0 if repulsion == 12 else 6.75
    return lambda r: factor * epsilon * ((sigma / r) ** repulsion - (sigma / r) ** 6)


def nonbonded(*terms: PairTerm, excluded_bonds: int = 1) -> Nonbonded:
    """Pair terms."""
    return Nonbonded(terms, excluded_bonds, max(t.cutoff for t in terms) - 1.0, (), 1)


def component(name: str, types: str, masses: list[float], n_copies: int) -> Component:
    """Copies of a chain of beads, one letter for each type."""
    row = torch.arange(len(types))
    bonds = torch.stack((row[:-1], row[1:]), dim=1)
    return Component(name, tuple(types), bonds, torch.tensor(masses).double(), n_copies)


def argon(n_beads: int = 125) -> ForceField:
    """A liquid of Lennard-Jones beads: epsilon is 0.4 of kT at 300 K, sigma 3.4 Å."""
    pairs = pair_term(("A", "A"), lennard_jones(1.0, 3.4), 2.8, 7.0)
    system = System((component("argon", "A", [40.0], n_beads),))
    return ForceField(system, (potential(),), nonbonded(pairs))


def dumbbells(n_molecules: int = 64) -> ForceField:
    """A liquid of molecules of two beads of unlike types."""
    pairs = [
        pair_term(("A", "A"), lennard_jones(0.8, 3.6, 9), 2.9, 7.5),
        pair_term(("A", "B"), lennard_jones(0.9, 3.7, 9), 3.0, 7.5, points=801),
        pair_term(("B", "B"), lennard_jones(1.0, 3.8, 9), 3.1, 7.0),
    ]
    bond = term("bond A-B", [[0, 1]], spring(600.0, 2.5), sampled=(2.2, 2.8))
    system = System((component("dumbbell", "AB", [15.0, 25.0], n_molecules),))
    return ForceField(system, (potential(bond),), nonbonded(*pairs))


def mixture() -> ForceField:
    """Chains of four beads with angles and a dihedral among single beads, some without a term."""
    pairs = [
        pair_term(("A", "A"), lennard_jones(0.8, 3.6, 9), 2.9, 7.0),
        pair_term(("A", "C"), lennard_jones(0.9, 3.7), 3.0, 7.5, points=801),
        pair_term(("C", "C"), lennard_jones(1.0, 3.8), 3.1, 7.0),
    ]
    parts = (
        component("chain", "ABBA", [15.0, 30.0, 22.0, 15.0], 12),
        component("single", "C", [40.0], 60),
    )
    return ForceField(System(parts), (chain(), potential()), nonbonded(*pairs, excluded_bonds=2))


def isolated_chain() -> ForceField:
    """One chain of four beads with every kind of bonded term, its ends feeling a pair term."""
    pairs = nonbonded(pair_term(("A", "A"), lennard_jones(2.0, 4.0), 3.2, 9.0), excluded_bonds=2)
    part = component("chain", "ABBA", [15.0, 30.0, 22.0, 15.0], 1)
    return ForceField(System((part,)), (chain(barrier=3.0),), pairs)


def cubic(edge: float) -> Tensor:
    """An orthorhombic box with equal edges, Å."""
    return edge * torch.eye(3, dtype=torch.float64)


def triclinic(edge: float) -> Tensor:
    """A box in no special orientation whose angles are not right, Å."""
    box = torch.tensor([[1.0, 0.1, -0.2], [0.3, 0.95, 0.1], [-0.25, 0.3, 1.05]])
    return edge * box.double()


def placed(force_field: ForceField, box: Tensor, seed: int = 0) -> Tensor:
    """Molecules on a lattice in a box, turned at random, Å, (1, beads, 3)."""
    random = torch.Generator().manual_seed(seed)
    system = force_field.system
    n_cells = int((system.n_molecules - 1) ** (1 / 3)) + 1
    cells = torch.tensor(list(product(range(n_cells), repeat=3)), dtype=torch.float64)
    chosen = cells[torch.randperm(len(cells), generator=random)[: system.n_molecules]]
    centres = (chosen + 0.5) / n_cells @ box
    parts = []
    for part in system.components:
        here, centres = centres[: part.n_copies], centres[part.n_copies :]
        shape = _shape(part.n_beads)
        turns, _ = torch.linalg.qr(
            torch.randn(part.n_copies, 3, 3, generator=random, dtype=torch.float64)
        )
        parts.append((here[:, None] + shape @ turns).flatten(0, 1))
    whole = torch.cat(parts)
    noise = torch.randn(whole.shape, generator=random, dtype=torch.float64)
    return (whole + 0.05 * noise)[None]


def _shape(n_beads: int) -> Tensor:
    """Å, (beads, 3), around the origin."""
    if n_beads == 4:
        return structures(1, noise=0.0)[0]
    row = torch.arange(n_beads, dtype=torch.float64) - (n_beads - 1) / 2
    return 2.5 * row[:, None] * torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
