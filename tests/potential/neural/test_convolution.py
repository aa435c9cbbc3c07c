"""Convolutions: the compiled ones against plain torch, their gradients, and laws of both."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from autograin_cli.potential.neural.convolution import (
    Edges,
    Weights,
    convolve,
    convolve_along,
    convolve_along_plainly,
    convolve_plainly,
)

N_ROWS = 9  # control points of one kind of filter
Case = tuple[Tensor, Weights, Tensor, Edges, int]

ranks = pytest.mark.parametrize("rank", [0, 1, 2])
# Sums inside and between molecules together, or side by side.
kinds = pytest.mark.parametrize("n_kinds", [1, 2])
# Graphs and features: usual; not a multiple of a vector; no pairs; one bead alone.
sizes = pytest.mark.parametrize(
    ("n_beads", "n_pairs", "n_features"), [(7, 23, 8), (11, 40, 37), (5, 0, 3), (1, 0, 1)]
)


def numbers(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def weights_of(n_pairs: int, rank: int, seed: int = 0) -> Weights:
    """Random numbers in place of splines and spherical harmonics."""
    radial, factors = numbers(n_pairs, 4, seed=seed), numbers(n_pairs, 2 * rank + 1, seed=seed)
    return Weights(radial, factors, (-1) ** rank)


def case(rank: int, n_kinds: int, n_beads: int = 7, n_pairs: int = 23, n_features: int = 8) -> Case:
    """Features, weights, control points, pairs and columns; two beads can have several pairs."""
    generator = torch.Generator().manual_seed(n_pairs + n_beads)
    first = torch.randint(n_beads, (n_pairs,), generator=generator)
    step = torch.randint(1, max(2, n_beads), (n_pairs,), generator=generator)
    n_inside = n_pairs // 3
    rows = torch.randint(N_ROWS - 3, (n_pairs,), generator=generator)
    rows[n_inside:] += N_ROWS
    edges = Edges(first, (first + step) % n_beads, rows, n_inside)
    x, points = numbers(n_beads, n_features), numbers(2 * N_ROWS, n_features)
    return x, weights_of(n_pairs, rank), points, edges, n_kinds * n_features


@ranks
@kinds
@sizes
def test_compiled_convolutions_are_those_of_plain_torch(
    rank: int, n_kinds: int, n_beads: int, n_pairs: int, n_features: int
) -> None:
    given = case(rank, n_kinds, n_beads, n_pairs, n_features)
    out, plain = convolve(*given), convolve_plainly(*given)
    assert out.shape == (2 * rank + 1, n_beads, n_kinds * n_features)
    torch.testing.assert_close(out, plain, rtol=1e-12, atol=1e-12)


@ranks
@kinds
def test_messages_are_the_sums_that_the_equation_says(rank: int, n_kinds: int) -> None:
    x, weights, points, edges, n_columns = case(rank, n_kinds)
    expected = torch.zeros(2 * rank + 1, len(x), n_columns, dtype=torch.float64)
    for pair, (i, j) in enumerate(zip(edges.first.tolist(), edges.second.tolist(), strict=True)):
        row = int(edges.rows[pair])
        w = weights.radial[pair] @ points[row : row + 4]
        begin = x.shape[1] if n_kinds == 2 and pair >= edges.n_inside else 0
        columns = slice(begin, begin + x.shape[1])
        for c, y in enumerate(weights.factors[pair]):
            expected[c, i, columns] += y * w * x[j]
            expected[c, j, columns] += (-1) ** rank * y * w * x[i]
    torch.testing.assert_close(convolve(x, weights, points, edges, n_columns), expected)


@ranks
@kinds
@sizes
def test_compiled_gradients_are_those_of_plain_torch(
    rank: int, n_kinds: int, n_beads: int, n_pairs: int, n_features: int
) -> None:
    x, weights, points, edges, n_columns = case(rank, n_kinds, n_beads, n_pairs, n_features)
    given = tuple(each.requires_grad_() for each in (x, weights.radial, weights.factors))
    g = numbers(2 * rank + 1, n_beads, n_columns, seed=1)
    found, plain = (
        torch.autograd.grad(way(x, weights, points, edges, n_columns), given, g)
        for way in (convolve, convolve_plainly)
    )
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@ranks
@kinds
def test_gradients_are_those_of_finite_differences(rank: int, n_kinds: int) -> None:
    x, weights, points, edges, n_columns = case(rank, n_kinds, 4, 6, 3)
    given = (x, weights.radial, weights.factors)

    def messages(x: Tensor, radial: Tensor, factors: Tensor) -> Tensor:
        changed = replace(weights, radial=radial, factors=factors)
        return convolve(x, changed, points, edges, n_columns)

    assert torch.autograd.gradcheck(messages, [each.requires_grad_() for each in given])


@ranks
@kinds
def test_what_is_passed_back_is_the_adjoint_of_the_messages(rank: int, n_kinds: int) -> None:
    """<g, A x> = <A* g, x>, as messages are linear in the features."""
    x, weights, points, edges, n_columns = case(rank, n_kinds)
    out = convolve(x.requires_grad_(), weights, points, edges, n_columns)
    g = numbers(*out.shape, seed=2)
    (returned,) = torch.autograd.grad(out, x, g)
    expected = (g * out).sum()
    torch.testing.assert_close((returned * x).sum(), expected, rtol=1e-12, atol=1e-12)


@ranks
@kinds
def test_a_pair_seen_from_its_other_bead_says_the_same(rank: int, n_kinds: int) -> None:
    """Its direction is turned round, and so the factors have the sign of their rank."""
    x, weights, points, edges, n_columns = case(rank, n_kinds)
    turned = replace(weights, factors=weights.sign * weights.factors)
    other = replace(edges, first=edges.second, second=edges.first)
    expected = convolve(x, weights, points, edges, n_columns)
    torch.testing.assert_close(
        convolve(x, turned, points, other, n_columns), expected, rtol=1e-12, atol=1e-12
    )


def along_of(
    given: Case, direction: tuple[Tensor, Weights], points: Tensor
) -> tuple[Tensor, Tensor]:
    """Messages and their derivative by the compiled loops."""
    x, weights, _, edges, n_columns = given
    dx, change = direction
    return convolve_along((x, dx), (weights, change), points, edges, n_columns)


def plainly_along(
    given: Case, direction: tuple[Tensor, Weights], points: Tensor
) -> tuple[Tensor, Tensor]:
    """The same in plain torch: messages are linear in features, in weights and in factors."""
    x, weights, _, edges, n_columns = given
    dx, change = direction
    changes = (
        (dx, weights),
        (x, replace(weights, radial=change.radial)),
        (x, replace(weights, factors=change.factors)),
    )
    terms = [convolve_plainly(y, way, points, edges, n_columns) for y, way in changes]
    return convolve_plainly(x, weights, points, edges, n_columns), sum(terms, torch.tensor(0.0))


@ranks
@kinds
@sizes
def test_derivatives_along_a_direction_are_those_of_plain_torch(
    rank: int, n_kinds: int, n_beads: int, n_pairs: int, n_features: int
) -> None:
    given = case(rank, n_kinds, n_beads, n_pairs, n_features)
    direction = numbers(n_beads, n_features, seed=3), weights_of(n_pairs, rank, seed=3)
    found, plain = (way(given, direction, given[2]) for way in (along_of, plainly_along))
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@ranks
@kinds
@sizes
def test_gradients_of_derivatives_along_a_direction_are_those_of_plain_torch(
    rank: int, n_kinds: int, n_beads: int, n_pairs: int, n_features: int
) -> None:
    """What training takes: derivatives by features, their change, and control points."""
    given = case(rank, n_kinds, n_beads, n_pairs, n_features)
    x, points = given[0].requires_grad_(), given[2].requires_grad_()
    dx = numbers(n_beads, n_features, seed=3).requires_grad_()
    direction = dx, weights_of(n_pairs, rank, seed=3)
    g = [numbers(2 * rank + 1, n_beads, given[4], seed=seed) for seed in (4, 5)]
    found, plain = (
        torch.autograd.grad(way(given, direction, points), (x, dx, points), g)
        for way in (along_of, plainly_along)
    )
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@ranks
@kinds
def test_on_other_devices_derivatives_along_a_direction_are_the_same(
    rank: int, n_kinds: int
) -> None:
    """Those of plain torch, which serve where there is no compiled loop."""
    x, weights, points, edges, n_columns = case(rank, n_kinds)
    given = (x, numbers(*x.shape, seed=3)), (weights, weights_of(len(edges.first), rank, seed=3))
    found, plain = (
        way(*given, points, edges, n_columns) for way in (convolve_along, convolve_along_plainly)
    )
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@ranks
def test_single_precision_stays_single_and_is_near_double(rank: int) -> None:
    """Sums of some ten terms of the order of 1, each rounded a few times."""
    x, weights, points, edges, n_columns = case(rank, 2)
    expected = convolve(x, weights, points, edges, n_columns)
    single = Weights(weights.radial.float(), weights.factors.float(), weights.sign)
    found = convolve(x.float(), single, points.float(), edges, n_columns)
    assert found.dtype == torch.float32
    bound = 10 * torch.finfo(torch.float32).eps * expected.abs().max()
    assert (found.double() - expected).abs().max() < bound


def test_the_same_features_give_the_same_bits() -> None:
    given = case(2, 2)
    assert torch.equal(convolve(*given), convolve(*given))
