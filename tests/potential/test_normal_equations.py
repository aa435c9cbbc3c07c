from math import pi

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.geometry import coordinates as coordinate_values
from autograin_cli.potential import normal_equations
from autograin_cli.potential.bonded_forms import BondedForm, Cosine, Fourier, Harmonic
from autograin_cli.potential.forms import Spline
from autograin_cli.potential.grids import grid_of
from autograin_cli.potential.normal_equations import (
    Model,
    accumulate,
    coordinates,
    forces_of,
    local,
    model_forces,
)
from autograin_cli.potential.topology import bonded_terms
from autograin_cli.trajectory import Chunk, StoredTrajectory
from chains import Chain

CHAIN = Chain(4)


def model() -> Model:
    """One form of every kind, in a chain whose outer bonds are of one type."""
    members = bonded_terms(CHAIN.bonds, ("A", "B", "B", "A"))
    forms: tuple[BondedForm, ...] = (
        Spline(2.5, 3.5, 5, periodic=False),
        Harmonic(3.0),
        Cosine(-0.3),
        Spline(-pi, pi, 6, periodic=True),
    )
    return Model(members, forms, tuple(grid_of(form, 2.5, 3.5) for form in forms), 4)


def plainly(positions: Tensor) -> Tensor:
    """Force of every basis function by automatic differentiation, (coefficients, F, B, 3)."""
    z = positions.clone().requires_grad_()
    rows = []
    for member, form in zip(model().members, model().forms, strict=True):
        q = coordinate_values(member.coordinate, z, member.beads)
        part = form.local(q)
        for function in range(form.size):
            energy = (part.values * (part.columns == function)).sum()
            rows.append(-torch.autograd.grad(energy, z, retain_graph=True)[0])
    return torch.stack(rows)


def test_the_sums_are_those_of_the_plain_design_matrix() -> None:
    trajectory = CHAIN.trajectory(30, seed=1, noise=5.0)
    found = accumulate(trajectory, model(), 3)
    forces = forces_of(trajectory.chunk)
    rows = plainly(trajectory.chunk.positions)
    for block in range(3):
        here = slice(10 * block, 10 * block + 10)
        matrix = torch.einsum("kfbd,lfbd->kl", rows[:, here], rows[:, here])
        vector = torch.einsum("kfbd,fbd->k", rows[:, here], forces[here])
        largest = float(matrix.abs().max())
        assert torch.allclose(found.matrices[block], matrix, rtol=1e-10, atol=1e-13 * largest)
        assert torch.allclose(found.vectors[block], vector, rtol=1e-10, atol=1e-12 * largest)
        assert torch.allclose(found.squares[block], forces[here].square().sum(), rtol=1e-12)
    assert [int(count.sum()) for count in found.counts] == [60, 30, 60, 30]


def test_the_forces_of_a_model_are_the_plain_sum_over_functions() -> None:
    positions = CHAIN.draw(20, seed=2)
    size = sum(form.size for form in model().forms)
    weights = torch.randn(20, size, generator=torch.Generator().manual_seed(1)).double()
    found = model_forces(model(), coordinates(model(), positions), weights)
    expected = torch.einsum("fk,kfbd->fbd", weights, plainly(positions)).flatten(1)
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_the_compiled_loops_are_those_written() -> None:
    positions = CHAIN.draw(6, seed=3)
    seen = coordinates(model(), positions)
    columns, slopes = local(model(), seen)
    overlaps = seen.gradients @ seen.gradients.transpose(1, 2)
    rest = (columns.numpy(), slopes.numpy(), overlaps.numpy(), seen.values.numpy())
    blocks = np.array([0, 0, 1, 1, 1, 0])
    size = sum(form.size for form in model().forms)
    results = []
    for add in (normal_equations._add_products, normal_equations._add_products_compiled):
        matrices, vectors = np.zeros((2, size, size)), np.zeros((2, size))
        add(matrices, vectors, blocks, *rest)
        results.append((matrices, vectors))
    assert np.allclose(results[0][0], results[1][0], rtol=1e-13)
    assert np.allclose(results[0][1], results[1][1], rtol=1e-13)


@pytest.mark.parametrize("working_size", [1, 2**10])
def test_the_size_of_a_stretch_does_not_change_the_sums(
    working_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trajectory = CHAIN.trajectory(25, seed=4)
    whole = accumulate(trajectory, model(), 4)
    monkeypatch.setattr(normal_equations, "_WORKING_SIZE", working_size)
    pieces = accumulate(trajectory, model(), 4)
    assert torch.allclose(pieces.matrices, whole.matrices, rtol=1e-12)
    assert torch.allclose(pieces.vectors, whole.vectors, rtol=1e-10)
    assert all(torch.equal(a, b) for a, b in zip(pieces.counts, whole.counts, strict=True))


def test_two_copies_in_a_frame_are_two_structures() -> None:
    single = CHAIN.trajectory(20, seed=5)
    forces = forces_of(single.chunk)
    pairs = StoredTrajectory(
        Chunk(
            single.chunk.positions.reshape(10, 8, 3),
            torch.arange(10).double(),
            None,
            forces.reshape(10, 8, 3),
        )
    )
    one, two = accumulate(single, model(), 5), accumulate(pairs, model(), 5)
    assert torch.allclose(one.matrices, two.matrices, rtol=1e-12)
    assert torch.allclose(one.vectors, two.vectors, rtol=1e-10)


def test_a_chunk_without_forces_is_refused() -> None:
    with pytest.raises(InputError, match="without forces"):
        forces_of(Chunk(torch.zeros(1, 4, 3).double(), torch.zeros(1).double()))


def test_narrow_forms_beside_wide_ones_lose_nothing() -> None:
    members = bonded_terms(CHAIN.bonds, ("A", "B", "B", "A"))
    forms: tuple[BondedForm, ...] = (Harmonic(3.0), Harmonic(3.0), Cosine(-0.3), Fourier(5))
    grids = tuple(grid_of(form, 2.5, 3.5) for form in forms)
    wide = Model(members, forms, grids, 4)
    without = Model(members[:3], forms[:3], grids[:3], 4)
    trajectory = CHAIN.trajectory(10, seed=6)
    found = accumulate(trajectory, wide, 2).matrices[:, :6, :6]
    assert torch.allclose(found, accumulate(trajectory, without, 2).matrices, rtol=1e-12)
