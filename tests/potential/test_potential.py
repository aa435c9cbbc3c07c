from math import pi

import pytest
import torch
from torch import Tensor

from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.potential.topology import bonded_terms
from chains import Chain

CHAIN = Chain(5)
NOTHING = torch.empty(0, dtype=torch.float64)


def tabulated(coordinate: str) -> Table:
    """The exact energy of a chain on a fine grid."""
    low, high = {"bond": (2.5, 3.5), "angle": (0.0, pi), "dihedral": (-pi, pi)}[coordinate]
    q = torch.linspace(low, high, 2001, dtype=torch.float64).requires_grad_()
    energy = getattr(CHAIN, f"{coordinate}_energy")(q)
    (slope,) = torch.autograd.grad(energy.sum(), q)
    return Table(low, high, energy.detach(), slope, 2 * CHAIN.bond[0], coordinate == "dihedral")


def potential() -> Potential:
    terms = tuple(
        Term(
            name=members.name,
            coordinate=members.coordinate,
            form="spline",
            beads=members.beads,
            parameter_names=(),
            parameters=NOTHING,
            parameter_errors=NOTHING,
            parameter_units=(),
            knots=NOTHING,
            sampled_low=-1.0,
            sampled_high=1.0,
            counts=torch.zeros(2001, dtype=torch.int64),
            energy_errors=torch.zeros(2001, dtype=torch.float64),
            table=tabulated(members.coordinate),
        )
        for members in bonded_terms(CHAIN.bonds, CHAIN.types)
    )
    return Potential("chain", 300.0, terms, (), "sum", 1)


def structures(n_frames: int = 50) -> Tensor:
    return CHAIN.draw(n_frames, seed=1)


def test_a_fine_table_has_the_energy_and_forces_of_the_formula() -> None:
    z = structures()
    exact = CHAIN.forces(z)
    assert torch.allclose(potential().energy(z), CHAIN.energy(z), rtol=0, atol=1e-8)
    assert torch.allclose(
        potential().forces(z), exact, rtol=0, atol=1e-7 * float(exact.abs().max())
    )


def test_forces_are_minus_the_gradient_of_the_energy() -> None:
    z = structures().requires_grad_()
    (gradient,) = torch.autograd.grad(potential().energy(z).sum(), z)
    forces = potential().forces(z.detach())
    assert torch.allclose(forces, -gradient, rtol=1e-9, atol=1e-9 * float(gradient.abs().max()))


def test_forces_are_minus_the_finite_differences_of_the_energy() -> None:
    z = structures()
    step = 1e-5 * torch.randn(z.shape, generator=torch.Generator().manual_seed(2)).double()
    change = potential().energy(z + step) - potential().energy(z - step)
    work = -2 * (potential().forces(z) * step).sum((1, 2))
    assert torch.allclose(change, work, rtol=1e-6, atol=1e-7 * float(work.abs().max()))


def test_forces_outside_the_tables_are_minus_the_gradient_too() -> None:
    z = (1.6 * structures()).requires_grad_()
    (gradient,) = torch.autograd.grad(potential().energy(z).sum(), z)
    assert torch.allclose(potential().forces(z.detach()), -gradient, rtol=1e-9, atol=1e-6)


def test_shifting_and_turning_a_molecule_changes_no_energy_and_turns_the_forces() -> None:
    z = structures()
    turn, _ = torch.linalg.qr(
        torch.randn(3, 3, generator=torch.Generator().manual_seed(3)).double()
    )
    turn = turn * torch.linalg.det(turn)
    moved = z @ turn + torch.tensor([3.0, -1.0, 7.0]).double()
    forces = potential().forces(z)
    scale = float(forces.abs().max())
    assert torch.allclose(potential().energy(moved), potential().energy(z), rtol=1e-10)
    assert torch.allclose(potential().forces(moved), forces @ turn, rtol=0, atol=1e-10 * scale)
    assert forces.sum(1).abs().max() < 1e-11 * scale
    assert torch.linalg.cross(z, forces).sum(1).abs().max() < 1e-10 * scale


def test_the_order_of_the_frames_does_not_matter() -> None:
    z = structures()
    assert torch.equal(potential().energy(z.flip(0)), potential().energy(z).flip(0))


def test_the_energies_of_the_terms_add_up() -> None:
    z = structures()
    parts = potential().term_energies(z)
    assert parts.shape == (50, len(potential().terms))
    assert torch.allclose(parts.sum(1), potential().energy(z), rtol=1e-12)


def test_without_terms_the_beads_feel_nothing() -> None:
    free = Potential("bead", 300.0, (), (), "sum", 1)
    assert torch.equal(free.energy(structures()), torch.zeros(50).double())
    assert torch.equal(free.forces(structures()), torch.zeros(50, 5, 3).double())
    assert free.term_energies(structures()).shape == (50, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forces_have_the_type_of_the_positions(dtype: torch.dtype) -> None:
    assert potential().forces(structures().to(dtype)).dtype == dtype
