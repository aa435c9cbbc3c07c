"""Continuous-filter convolutions over pairs of beads, compiled, and what they pass back.

The filter of a pair is w = sum_a radial_a points[k + a], a = 0..3, in every feature: a cubic
B-spline of the distance. A message carries it times each angular factor of the pair, both ways,
back with the sign that the factors have there.

Loops over features read whole rows and write few of them, so that the compiler turns them into
vector instructions: it must show that the rows written lie apart from those read, and gives up
where there are many.
"""

from typing import NamedTuple

import numba
import numpy as np

from autograin_cli.elementary import MATH, inlined
from autograin_cli.kernel_arrays import Floats, Integers

Row = Floats
Four = tuple[float, float, float, float]
FourRows = tuple[Row, Row, Row, Row]
Two = tuple[Floats, Floats]


class Pairs(NamedTuple):
    """Pairs of beads that pass messages, each once.

    first, second: the beads, (pairs,).
    rows: of each pair the first of its four rows of control points, (pairs,).
    n_near: pairs, the first ones, whose messages are added to the first kind of sums.
    sign: of the angular factors with the direction turned round, in the type of the features.
    """

    first: Integers
    second: Integers
    rows: Integers
    n_near: int
    sign: float


class Filters(NamedTuple):
    """What the filters of the pairs are made with.

    radial: weights of the four control points of each pair, (pairs, 4).
    factors: angular factors Y_c, (pairs, factors).
    points: control points of all filters, (rows, features).
    """

    radial: Floats
    factors: Floats
    points: Floats


class Back(NamedTuple):
    """Derivatives of a number E.

    x: by the features, added to, (beads, features).
    radial: by the weights of the control points, overwritten, (pairs, 4).
    factors: by the angular factors, overwritten, (pairs, factors).
    """

    x: Floats
    radial: Floats
    factors: Floats


class BackAlong(NamedTuple):
    """Derivatives of a number, all added to.

    x, dx: by the features and their derivative along a direction, (beads, features).
    points: by the control points, (rows, features).
    """

    x: Floats
    dx: Floats
    points: Floats


@inlined
def _four(values: Floats, pair: int) -> Four:
    return values[pair, 0], values[pair, 1], values[pair, 2], values[pair, 3]


@inlined
def _rows(points: Floats, k: int) -> FourRows:
    return points[k], points[k + 1], points[k + 2], points[k + 3]


@inlined
def _spline(b: Four, p: FourRows, f: int) -> float:
    return b[0] * p[0][f] + b[1] * p[1][f] + b[2] * p[2][f] + b[3] * p[3][f]


@inlined
def _store(values: Floats, pair: int, four: Four) -> None:
    values[pair, 0], values[pair, 1], values[pair, 2], values[pair, 3] = four


@inlined
def _four_like(row: Row) -> FourRows:
    return np.empty_like(row), np.empty_like(row), np.empty_like(row), np.empty_like(row)


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def convolve(pairs: Pairs, filters: Filters, x: Floats, out: Floats) -> None:
    """Add the messages, out_ci += w Y_c x_j and out_cj += sign w Y_c x_i.

    Args:
        pairs: the pairs.
        filters: their filters.
        x: features of the beads, (beads, features).
        out: messages, added to, (factors, beads, kinds, features).
    """
    n_features, sign = x.shape[1], pairs.sign
    mi, mj = np.empty_like(x[0]), np.empty_like(x[0])
    for pair in range(len(pairs.first)):
        i, j, kind = pairs.first[pair], pairs.second[pair], int(pair >= pairs.n_near)
        b, p = _four(filters.radial, pair), _rows(filters.points, pairs.rows[pair])
        xi, xj = x[i], x[j]
        for f in range(n_features):
            w = _spline(b, p, f)
            mi[f], mj[f] = w * xj[f], sign * w * xi[f]
        for c in range(filters.factors.shape[1]):
            y, oi, oj = filters.factors[pair, c], out[c, i, kind], out[c, j, kind]
            for f in range(n_features):
                oi[f] += y * mi[f]
                oj[f] += y * mj[f]


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def pull_back(pairs: Pairs, filters: Filters, x: Floats, g: Floats, back: Back) -> None:
    """Take derivatives by the messages back to features, weights and factors.

    Args:
        pairs, filters, x: as in `convolve`.
        g: dE/dout, (factors, beads, kinds, features).
        back: the results.
    """
    if filters.factors.shape[1] == 1:
        _pull_back_one(pairs, filters, x, g[0], back)
    else:
        _pull_back_many(pairs, filters, x, g, back)


@inlined
def _pull_back_one(pairs: Pairs, filters: Filters, x: Floats, g: Floats, back: Back) -> None:
    """Of one factor: all in one loop."""
    zero = x.dtype.type(0.0)
    for pair in range(len(pairs.first)):
        i, j, kind = pairs.first[pair], pairs.second[pair], int(pair >= pairs.n_near)
        b, p = _four(filters.radial, pair), _rows(filters.points, pairs.rows[pair])
        y, sign = filters.factors[pair, 0], pairs.sign
        xi, xj, gxi, gxj, gi, gj = x[i], x[j], back.x[i], back.x[j], g[i, kind], g[j, kind]
        g0 = g1 = g2 = g3 = zero
        for f in range(x.shape[1]):
            w, returned = y * _spline(b, p, f), sign * gj[f]
            gxj[f] += w * gi[f]
            gxi[f] += w * returned
            gw = gi[f] * xj[f] + returned * xi[f]
            g0 += gw * p[0][f]
            g1 += gw * p[1][f]
            g2 += gw * p[2][f]
            g3 += gw * p[3][f]
        back.factors[pair, 0] = b[0] * g0 + b[1] * g1 + b[2] * g2 + b[3] * g3
        _store(back.radial, pair, (y * g0, y * g1, y * g2, y * g3))


@inlined
def _pull_back_many(pairs: Pairs, filters: Filters, x: Floats, g: Floats, back: Back) -> None:
    zero = x.dtype.type(0.0)
    w, gi, gj = np.empty_like(x[0]), np.empty_like(x[0]), np.empty_like(x[0])
    for pair in range(len(pairs.first)):
        i, j, kind = pairs.first[pair], pairs.second[pair], int(pair >= pairs.n_near)
        b, p = _four(filters.radial, pair), _rows(filters.points, pairs.rows[pair])
        xi, xj, gxi, gxj, sign = x[i], x[j], back.x[i], back.x[j], pairs.sign
        for f in range(x.shape[1]):
            w[f], gi[f], gj[f] = _spline(b, p, f), zero, zero
        for c in range(filters.factors.shape[1]):
            y, gy, ci, cj = filters.factors[pair, c], zero, g[c, i, kind], g[c, j, kind]
            for f in range(x.shape[1]):
                gi[f] += y * ci[f]
                gj[f] += y * sign * cj[f]
                gy += w[f] * (ci[f] * xj[f] + sign * cj[f] * xi[f])
            back.factors[pair, c] = gy
        g0 = g1 = g2 = g3 = zero
        for f in range(x.shape[1]):
            gxj[f] += w[f] * gi[f]
            gxi[f] += w[f] * gj[f]
            gw = gi[f] * xj[f] + gj[f] * xi[f]
            g0 += gw * p[0][f]
            g1 += gw * p[1][f]
            g2 += gw * p[2][f]
            g3 += gw * p[3][f]
        _store(back.radial, pair, (g0, g1, g2, g3))


class Along(NamedTuple):
    """Filters of the pairs, and the derivatives of what makes them along a direction.

    radial, dradial: (pairs, 4).
    factors, dfactors: (pairs, factors).
    points: control points, which do not change, (rows, features).
    """

    radial: Floats
    dradial: Floats
    factors: Floats
    dfactors: Floats
    points: Floats


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def convolve_along(pairs: Pairs, along: Along, values: Two, sums: Two) -> None:
    """`convolve`, with its derivative along a direction in which everything but points changes.

    Args:
        pairs: the pairs.
        along: their filters.
        values: features and their derivative, (beads, features).
        sums: messages and their derivative, added to, (factors, beads, kinds, features).
    """
    (x, dx), (out, dout), sign = values, sums, pairs.sign
    mi, mj, dmi, dmj = _four_like(x[0])
    for pair in range(len(pairs.first)):
        i, j, kind = pairs.first[pair], pairs.second[pair], int(pair >= pairs.n_near)
        b, d = _four(along.radial, pair), _four(along.dradial, pair)
        p = _rows(along.points, pairs.rows[pair])
        xi, xj, dxi, dxj = x[i], x[j], dx[i], dx[j]
        for f in range(x.shape[1]):
            w, s = _spline(b, p, f), _spline(d, p, f)
            mi[f], mj[f] = w * xj[f], sign * w * xi[f]
            dmi[f], dmj[f] = w * dxj[f] + s * xj[f], sign * (w * dxi[f] + s * xi[f])
        for c in range(along.factors.shape[1]):
            y, dy = along.factors[pair, c], along.dfactors[pair, c]
            _add(out[c, i, kind], dout[c, i, kind], y, dy, (mi, dmi))
            _add(out[c, j, kind], dout[c, j, kind], y, dy, (mj, dmj))


@inlined
def _add(out: Row, dout: Row, y: float, dy: float, messages: Two) -> None:
    m, dm = messages
    for f in range(len(m)):
        out[f] += y * m[f]
        dout[f] += y * dm[f] + dy * m[f]


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def pull_back_along(
    pairs: Pairs, along: Along, values: Two, gradients: Two, back: BackAlong
) -> None:
    """Take derivatives by messages and by their derivative back to features and control points.

    Args:
        pairs, along, values: as in `convolve_along`.
        gradients: derivatives of a number by both sums, (factors, beads, kinds, features).
        back: the results.
    """
    (x, dx), (g, dg), zero = values, gradients, values[0].dtype.type(0.0)
    (ai, aj, bi, bj), (w, s, gw, gs) = _four_like(x[0]), _four_like(x[0])
    for pair in range(len(pairs.first)):
        i, j, kind = pairs.first[pair], pairs.second[pair], int(pair >= pairs.n_near)
        b, d = _four(along.radial, pair), _four(along.dradial, pair)
        p, q = _rows(along.points, pairs.rows[pair]), _rows(back.points, pairs.rows[pair])
        xi, xj, dxi, dxj = x[i], x[j], dx[i], dx[j]
        for f in range(x.shape[1]):
            ai[f], aj[f], bi[f], bj[f] = zero, zero, zero, zero
        for c in range(along.factors.shape[1]):
            y, dy = along.factors[pair, c], along.dfactors[pair, c]
            _gather(ai, bi, y, dy, (g[c, i, kind], dg[c, i, kind]))
            _gather(aj, bj, pairs.sign * y, pairs.sign * dy, (g[c, j, kind], dg[c, j, kind]))
        for f in range(x.shape[1]):
            w[f], s[f] = _spline(b, p, f), _spline(d, p, f)
        for f in range(x.shape[1]):
            gw[f] = ai[f] * xj[f] + bi[f] * dxj[f] + aj[f] * xi[f] + bj[f] * dxi[f]
            gs[f] = bi[f] * xj[f] + bj[f] * xi[f]
        _return(back.x[j], back.dx[j], ai, bi, (w, s))
        _return(back.x[i], back.dx[i], aj, bj, (w, s))
        for f in range(x.shape[1]):
            q[0][f] += b[0] * gw[f] + d[0] * gs[f]
            q[1][f] += b[1] * gw[f] + d[1] * gs[f]
            q[2][f] += b[2] * gw[f] + d[2] * gs[f]
            q[3][f] += b[3] * gw[f] + d[3] * gs[f]


@inlined
def _gather(a: Row, b: Row, y: float, dy: float, gradients: Two) -> None:
    g, dg = gradients
    for f in range(len(a)):
        a[f] += y * g[f] + dy * dg[f]
        b[f] += y * dg[f]


@inlined
def _return(gx: Row, gdx: Row, a: Row, b: Row, filters: Two) -> None:
    w, s = filters
    for f in range(len(a)):
        gx[f] += w[f] * a[f] + s[f] * b[f]
        gdx[f] += w[f] * b[f]
