"""Continuous-filter convolution over pairs of beads: compiled on a CPU, plain torch anywhere.

Source: Schütt et al., J. Chem. Phys. 148, 241722 (2018), eq. 3, with cubic B-splines of the
distance for filters: they are smooth to second order, and cost the same however they were found.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograin_cli.potential.neural import convolution_kernels as kernels


@dataclass(frozen=True)
class Edges:
    """Pairs of beads that pass messages, each once; those inside molecules first.

    first, second: the beads, (pairs,), int64.
    rows: of each pair the first of the four control points of its filter, (pairs,), int64.
    n_inside: pairs inside molecules.
    """

    first: Tensor
    second: Tensor
    rows: Tensor
    n_inside: int


@dataclass(frozen=True)
class Weights:
    """What a pair's filter is made with.

    radial: of the four control points, (pairs, 4).
    factors: angular, (pairs, factors).
    sign: of the factors with the direction turned round, 1 or -1.
    """

    radial: Tensor
    factors: Tensor
    sign: int


def convolve(x: Tensor, weights: Weights, points: Tensor, edges: Edges, n_columns: int) -> Tensor:
    """Sum the messages to each bead; differentiable by features and weights.

    Args:
        x: features, (beads, features).
        weights: of the filters.
        points: control points of the filters, (rows, features).
        edges: the pairs.
        n_columns: as many as features, and messages inside and between molecules are summed; or
            twice as many, and those between molecules stand behind those inside.

    Returns:
        sum_j Y_c(ij) w(r_ij) x_j, (factors, beads, columns).
    """
    if x.device.type == "cpu":
        done: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
            x, weights.radial, weights.factors, points, edges, weights.sign, n_columns
        )
        return done
    return convolve_plainly(x, weights, points, edges, n_columns)


def convolve_plainly(
    x: Tensor, weights: Weights, points: Tensor, edges: Edges, n_columns: int
) -> Tensor:
    """`convolve` in torch operations alone: any device, differentiable by all, at any order."""
    w = _combined(weights.radial, points, edges)
    return _messages(x, w, weights.factors, weights.sign, edges, n_columns)


def convolve_along(
    values: tuple[Tensor, Tensor],
    weights: tuple[Weights, Weights],
    points: Tensor,
    edges: Edges,
    n_columns: int,
) -> tuple[Tensor, Tensor]:
    """`convolve` and its derivative along a direction; differentiable by x, dx and points.

    Args:
        values: x and its derivative along the direction, both (beads, features).
        weights: and their derivatives along it.
        points: control points, (rows, features).
        edges: the pairs.
        n_columns: as in `convolve`.

    Returns:
        Both (factors, beads, columns).
    """
    (x, dx), (here, turned), sign = values, weights, weights[0].sign
    if x.device.type == "cpu":
        along = (here.radial, turned.radial, here.factors, turned.factors)
        done: tuple[Tensor, Tensor] = _AlongConvolution.apply(  # type: ignore[no-untyped-call]
            x, dx, points, *along, edges, sign, n_columns
        )
        return done
    return convolve_along_plainly(values, weights, points, edges, n_columns)


def convolve_along_plainly(
    values: tuple[Tensor, Tensor],
    weights: tuple[Weights, Weights],
    points: Tensor,
    edges: Edges,
    n_columns: int,
) -> tuple[Tensor, Tensor]:
    """`convolve_along` in torch operations alone: any device."""
    (x, dx), (here, turned), sign = values, weights, weights[0].sign
    w, s = (_combined(each.radial, points, edges) for each in weights)
    out = _messages(x, w, here.factors, sign, edges, n_columns)
    dout = _messages(dx, w, here.factors, sign, edges, n_columns)
    dout = dout + _messages(x, s, here.factors, sign, edges, n_columns)
    return out, dout + _messages(x, w, turned.factors, sign, edges, n_columns)


def _combined(radial: Tensor, points: Tensor, edges: Edges) -> Tensor:
    """Filters at the pairs, (pairs, features)."""
    w = radial[:, :1] * points.index_select(0, edges.rows)
    for step in range(1, 4):
        w = w.addcmul(radial[:, step, None], points.index_select(0, edges.rows + step))
    return w


def _messages(
    x: Tensor, w: Tensor, factors: Tensor, sign: int, edges: Edges, n_columns: int
) -> Tensor:
    if n_columns == x.shape[1]:
        return _summed(x, w, factors, sign, (edges.first, edges.second))
    kinds = (slice(None, edges.n_inside), slice(edges.n_inside, None))
    parts = [
        _summed(x, w[kind], factors[kind], sign, (edges.first[kind], edges.second[kind]))
        for kind in kinds
    ]
    return torch.cat(parts, dim=2)


def _summed(
    x: Tensor, w: Tensor, factors: Tensor, sign: int, pairs: tuple[Tensor, Tensor]
) -> Tensor:
    filters = factors.T[..., None] * w
    back = filters if sign == 1 else -filters
    out = x.new_zeros(len(filters), *x.shape)
    out = out.index_add(1, pairs[0], filters * x.index_select(0, pairs[1]))
    return out.index_add(1, pairs[1], back * x.index_select(0, pairs[0]))


class _Convolution(torch.autograd.Function):
    """The compiled convolution; differentiable once, by features, weights and factors."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        radial: Tensor,
        factors: Tensor,
        points: Tensor,
        edges: Edges,
        sign: int,
        n_columns: int,
    ) -> Tensor:
        ctx.pairs = _pairs(edges, x, sign, n_columns)
        ctx.filters, ctx.x = kernels.Filters(*_arrays(radial, factors, points)), _array(x)
        out = x.new_zeros(factors.shape[1], len(x), n_columns)
        kernels.convolve(ctx.pairs, ctx.filters, ctx.x, _by_kind(out, x))
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        given = ctx.x, ctx.filters.radial, ctx.filters.factors
        x, *others = (torch.from_numpy(each) for each in given)
        results = (torch.zeros_like(x), *(torch.empty_like(each) for each in others))
        back = kernels.Back(*_arrays(*results))
        kernels.pull_back(ctx.pairs, ctx.filters, ctx.x, _by_kind(g, x), back)
        return *results, None, None, None, None


class _AlongConvolution(torch.autograd.Function):
    """The compiled convolution with its derivative; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        dx: Tensor,
        points: Tensor,
        radial: Tensor,
        dradial: Tensor,
        factors: Tensor,
        dfactors: Tensor,
        edges: Edges,
        sign: int,
        n_columns: int,
    ) -> tuple[Tensor, Tensor]:
        ctx.pairs, ctx.values = _pairs(edges, x, sign, n_columns), _arrays(x, dx)
        ctx.along = kernels.Along(*_arrays(radial, dradial, factors, dfactors, points))
        out, dout = x.new_zeros(2, factors.shape[1], len(x), n_columns)
        sums = _by_kind(out, x), _by_kind(dout, x)
        kernels.convolve_along(ctx.pairs, ctx.along, ctx.values, sums)
        return out, dout

    @staticmethod
    def backward(ctx: Any, g: Tensor, dg: Tensor) -> Any:
        x, dx, points = (torch.from_numpy(each) for each in (*ctx.values, ctx.along.points))
        results = torch.zeros_like(x), torch.zeros_like(dx), torch.zeros_like(points)
        gradients, back = (_by_kind(g, x), _by_kind(dg, x)), kernels.BackAlong(*_arrays(*results))
        kernels.pull_back_along(ctx.pairs, ctx.along, ctx.values, gradients, back)
        return *results, *(None,) * 7


def _pairs(edges: Edges, x: Tensor, sign: int, n_columns: int) -> kernels.Pairs:
    first, second, rows = _arrays(edges.first, edges.second, edges.rows)
    n_near = edges.n_inside if n_columns > x.shape[1] else len(first)
    # In the type of the features, so that nothing is computed in a wider one.
    typed: Any = _array(x).dtype.type(sign)
    return kernels.Pairs(first, second, rows, n_near, typed)


def _by_kind(sums: Tensor, x: Tensor) -> Any:
    """View sums as (factors, beads, kinds, features)."""
    return _array(sums.unflatten(2, (-1, x.shape[1])))


def _arrays(*tensors: Tensor) -> tuple[Any, ...]:
    return tuple(_array(tensor) for tensor in tensors)


def _array(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()
