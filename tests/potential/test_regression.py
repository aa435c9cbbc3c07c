from dataclasses import replace

import torch

from autograin_cli.potential.bonded_forms import BondedForm, Harmonic
from autograin_cli.potential.forms import Spline, evaluate
from autograin_cli.potential.grids import grid_of
from autograin_cli.potential.normal_equations import (
    Model,
    NormalEquations,
    accumulate,
    coordinates,
    forces_of,
    model_forces,
)
from autograin_cli.potential.regression import held_out_squares, solve, standard_errors
from autograin_cli.potential.topology import TermMembers, bonded_terms
from autograin_cli.trajectory import StoredTrajectory
from chains import Chain

CHAIN = Chain(2)


def spline_model(intervals: int = 12) -> Model:
    form = Spline(2.7, 3.3, intervals, periodic=False)
    return Model(bonded_terms(CHAIN.bonds, CHAIN.types), (form,), (grid_of(form, 2.7, 3.3),), 2)


def harmonic_model(chain: Chain, *bonds: tuple[int, int]) -> Model:
    pairs = torch.tensor(bonds) if bonds else chain.bonds
    members = tuple(t for t in bonded_terms(pairs, chain.types) if t.coordinate == "bond")
    forms: tuple[BondedForm, ...] = (Harmonic(3.0),) * len(members)
    return Model(members, forms, (grid_of(forms[0], 2.7, 3.3),) * len(members), chain.n_beads)


def test_noiseless_forces_give_back_the_coefficients() -> None:
    equations = accumulate(CHAIN.trajectory(50, seed=1), harmonic_model(CHAIN), 5)
    solution = solve(equations, harmonic_model(CHAIN))
    expected = torch.tensor([300.0, 0.0]).double()
    assert torch.allclose(solution.coefficients, expected, rtol=1e-9, atol=1e-7)
    assert torch.allclose(solution.left_out, expected.expand(5, 2), rtol=1e-9, atol=1e-7)
    assert solution.undetermined == ()


def test_without_a_block_is_the_fit_to_all_other_blocks() -> None:
    model = spline_model()
    trajectory = CHAIN.trajectory(60, seed=2, noise=20.0)
    equations = accumulate(trajectory, model, 6)
    solution = solve(equations, model)
    parts = [i for i in range(6) if i != 2]
    fewer = NormalEquations(
        matrices=equations.matrices[parts],
        vectors=equations.vectors[parts],
        squares=equations.squares[parts],
        counts=equations.counts,
    )
    weight = solution.smoothing[0]
    form = model.forms[0]
    scale = equations.matrices.sum(0).trace()
    penalty = weight * scale / form.penalty().trace() * form.penalty()
    matrix = fewer.matrices.sum(0) + penalty
    expected = torch.linalg.lstsq(matrix, fewer.vectors.sum(0), driver="gelsd").solution
    slopes = evaluate(form, torch.stack((expected, solution.left_out[2])), model.grids[0].points)[1]
    assert torch.allclose(slopes[0], slopes[1], rtol=1e-6, atol=1e-6 * float(slopes.abs().max()))


def test_held_out_squares_are_those_of_the_forces_themselves() -> None:
    model = spline_model()
    trajectory = CHAIN.trajectory(60, seed=3, noise=20.0)
    equations = accumulate(trajectory, model, 6)
    left_out = solve(equations, model).left_out
    each = left_out.repeat_interleave(10, dim=0)
    seen = coordinates(model, trajectory.chunk.positions)
    errors = forces_of(trajectory.chunk).flatten(1) - model_forces(model, seen, each)
    expected = errors.square().sum(1).reshape(6, 10).sum(1)
    assert torch.allclose(held_out_squares(equations, left_out), expected, rtol=1e-9)


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = torch.randn(20, 3, generator=torch.Generator().manual_seed(1)).double()
    left_out = (values.sum(0) - values) / 19
    expected = values.std(0) / 20**0.5
    assert torch.allclose(standard_errors(left_out), expected, rtol=1e-12)


def test_the_smoothing_is_the_one_with_the_least_held_out_error() -> None:
    """With one term nothing else is held, so that the choice can be tried out."""
    model = spline_model()
    equations = accumulate(CHAIN.trajectory(60, seed=4, noise=30.0), model, 6)
    chosen = solve(equations, model)
    form, total = model.forms[0], equations.matrices.sum(0)
    least = held_out_squares(equations, chosen.left_out).sum()
    for weight in 10.0 ** torch.arange(-4, 7).double():
        penalty = weight * total.trace() / form.penalty().trace() * form.penalty()
        matrices = total - equations.matrices + penalty + 1e-9 * total.trace()
        left_out = torch.linalg.solve(matrices, equations.vectors.sum(0) - equations.vectors)
        assert held_out_squares(equations, left_out).sum() > least * (1 - 1e-9)


def test_a_harmonic_force_is_smoothed_to_a_harmonic_spline() -> None:
    model = spline_model(intervals=24)
    equations = accumulate(CHAIN.trajectory(400, seed=5, noise=5.0), model, 8)
    solution = solve(equations, model)
    _, slope = evaluate(model.forms[0], solution.coefficients, model.grids[0].points)
    straight = slope.diff().std() / slope.diff().mean()
    assert solution.smoothing[0] >= 10
    assert straight < 0.1


def test_terms_that_can_take_each_others_part_are_named() -> None:
    """In a ring of three bonds the three angles add nothing but 180 degrees."""
    chain = Chain(3)
    trajectory = chain.trajectory(100, seed=6)
    bonds = bonded_terms(torch.tensor([[0, 1], [1, 2], [0, 2]]), ("A", "A", "A"))
    angles = TermMembers("angle A-A-A", "angle", torch.tensor([[0, 1, 2], [0, 2, 1], [1, 0, 2]]))
    members = (*bonds, angles)
    forms: tuple[BondedForm, ...] = (
        Spline(2.0, 6.5, 8, periodic=False),
        Spline(0.1, 3.1, 8, periodic=False),
    )
    grids = tuple(grid_of(form, 0.1, 3.1) for form in forms)
    ring = Model(members, forms, grids, 3)
    assert solve(accumulate(trajectory, ring, 5), ring).undetermined == (1,)
    alone = Model(members[:1], forms[:1], grids[:1], 3)
    assert solve(accumulate(trajectory, alone, 5), alone).undetermined == ()


def test_a_coordinate_that_never_changes_is_named_and_the_others_are_fitted() -> None:
    chain = Chain(3)
    positions = chain.draw(40, seed=7)
    first = positions[:, 1] - positions[:, 0]
    rigid = positions[:, 1] - 3.1 * first / first.norm(dim=-1, keepdim=True)
    chunk = replace(
        chain.trajectory(40, seed=7).chunk,
        positions=torch.cat((rigid[:, None], positions[:, 1:]), dim=1),
    )
    chunk = replace(chunk, forces=chain.forces(chunk.positions))
    model = harmonic_model(chain)
    solution = solve(accumulate(StoredTrajectory(chunk), model, 4), model)
    assert solution.undetermined == (0,)
    assert solution.coefficients.isfinite().all()
