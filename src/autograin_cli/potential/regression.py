"""Solve the normal equations: smoothness by cross-validation, errors by leaving blocks out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from scipy.optimize import nnls
from torch import Tensor

from autograin_cli.potential.forms import Form, Spline
from autograin_cli.potential.normal_equations import NormalEquations
from autograin_cli.potential.pair_forms import LennardJones

_SMOOTHING = 10.0 ** torch.arange(-4, 7, dtype=torch.float64)  # against the data, dimensionless
_FIRST_SMOOTHING = 1.0
_RIDGE = 1e-11  # of the diagonal; only directions that no datum touches feel it
_UNDETERMINED = 1e-9  # least eigenvalue of a matrix of unit diagonal that counts as data


class Basis(Protocol):
    """The forms of all terms, and where the coefficients of each stand among all."""

    @property
    def forms(self) -> Sequence[Form]:
        """One for each term."""

    @property
    def columns(self) -> tuple[slice, ...]:
        """One for each term."""


@dataclass(frozen=True)
class Solution:
    """Coefficients of all terms, and what they would be without one block of frames.

    coefficients: of all data, (coefficients,).
    left_out: without each block, (blocks, coefficients).
    smoothing: weight of the penalty of each term, relative to its data, (terms,).
    undetermined: terms with a combination of coefficients on which the data say nothing.
    """

    coefficients: Tensor
    left_out: Tensor
    smoothing: Tensor
    undetermined: tuple[int, ...]


def solve(equations: NormalEquations, model: Basis) -> Solution:
    """Solve for the coefficients; the smoothness of each spline is cross-validated over blocks.

    The smoothness of one term is chosen with the others held as they are, twice around.

    Args:
        equations: sums of each block.
        model: the terms.
    """
    penalties = _penalties(equations, model)
    smoothing = torch.full((len(model.forms),), _FIRST_SMOOTHING, dtype=torch.float64)
    for _ in range(2):
        left_out = _left_out(equations, model, penalties, smoothing)
        for term, form in enumerate(model.forms):
            if bool(form.penalty().any()):
                smoothing[term] = _best_smoothing(equations, model, penalties, left_out, term)
    regularised = equations.matrices.sum(0) + _regulariser(equations, model, penalties, smoothing)
    return Solution(
        coefficients=_solved(regularised, equations.vectors.sum(0), _bounded(model)),
        left_out=_left_out(equations, model, penalties, smoothing),
        smoothing=smoothing,
        undetermined=_undetermined(equations, model, penalties),
    )


def held_out_squares(equations: NormalEquations, left_out: Tensor) -> Tensor:
    """Sum of |F - F_model|² of each block under the fit to all other blocks.

    Args:
        equations: sums of each block.
        left_out: coefficients without each block, (blocks, coefficients).

    Returns:
        (kJ/(mol Å))², (blocks,).
    """
    quadratic = torch.einsum("bk,bkl,bl->b", left_out, equations.matrices, left_out)
    return equations.squares - 2 * (left_out * equations.vectors).sum(1) + quadratic


def standard_errors(left_out: Tensor) -> Tensor:
    """Standard errors of quantities computed without each block, by the jackknife.

    Args:
        left_out: (blocks, ...).

    Returns:
        (...), in the unit of the quantities.

    Source: Efron, The Jackknife, the Bootstrap and Other Resampling Plans (1982), eq. 3.5.
    """
    n_blocks = left_out.shape[0]
    return (left_out - left_out.mean(0)).square().sum(0).mul((n_blocks - 1) / n_blocks).sqrt()


def _penalties(equations: NormalEquations, model: Basis) -> list[Tensor]:
    """Penalty of each term on the scale of its data, (size, size)."""
    total = equations.matrices.sum(0)
    scaled = []
    for form, where in zip(model.forms, model.columns, strict=True):
        penalty = form.penalty()
        scale = total[where, where].trace() / penalty.trace().clamp(min=1.0)
        scaled.append(scale * penalty)
    return scaled


def _hold(equations: NormalEquations, model: Basis, term: int) -> Tensor:
    """A ridge, and for a spline a hold on its mean, which no force shows; (size, size)."""
    form, where = model.forms[term], model.columns[term]
    trace = equations.matrices[:, where, where].sum(0).trace()
    scale = torch.where(trace > 0, trace, 1.0) / form.size
    hold = _RIDGE * scale * torch.eye(form.size, dtype=torch.float64)
    return hold + scale / form.size if isinstance(form, Spline) else hold


def _regulariser(
    equations: NormalEquations, model: Basis, penalties: list[Tensor], smoothing: Tensor
) -> Tensor:
    added = torch.zeros_like(equations.matrices[0])
    for term, where in enumerate(model.columns):
        added[where, where] = smoothing[term] * penalties[term] + _hold(equations, model, term)
    return added


def _left_out(
    equations: NormalEquations, model: Basis, penalties: list[Tensor], smoothing: Tensor
) -> Tensor:
    """Coefficients without each block, (blocks, coefficients)."""
    matrices = equations.matrices.sum(0) - equations.matrices
    vectors = equations.vectors.sum(0) - equations.vectors
    regularised = matrices + _regulariser(equations, model, penalties, smoothing)
    return _solved(regularised, vectors, _bounded(model))


def _bounded(model: Basis) -> Tensor:
    """Coefficients that may not be negative, (bounded,), int64."""
    columns = zip(model.forms, model.columns, strict=True)
    held = [range(c.start, c.stop) for form, c in columns if isinstance(form, LennardJones)]
    return torch.tensor([column for columns in held for column in columns], dtype=torch.int64)


def _solved(matrices: Tensor, vectors: Tensor, bounded: Tensor) -> Tensor:
    """Solve positive definite equations, some coefficients not negative.

    The others are eliminated; what is left is least squares with the Cholesky factor.

    Args:
        matrices: (..., coefficients, coefficients).
        vectors: (..., coefficients).
        bounded: coefficients that may not be negative, (bounded,), int64.

    Returns:
        (..., coefficients).

    Source: Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23.
    """
    solutions: Tensor = torch.linalg.solve(matrices, vectors)
    if not bool((solutions[..., bounded] < 0).any()):
        return solutions
    if matrices.ndim > 2:
        pairs = zip(matrices, vectors, strict=True)
        return torch.stack([_solved(matrix, vector, bounded) for matrix, vector in pairs])
    free = torch.ones(len(vectors), dtype=torch.bool)
    free[bounded] = False
    across, inside = matrices[free][:, bounded], matrices[free][:, free]
    removed = torch.linalg.solve(inside, torch.cat((across, vectors[free, None]), dim=1))
    left = matrices[bounded][:, bounded] - across.T @ removed[:, :-1]
    sizes = left.diagonal().sqrt()
    factor = torch.linalg.cholesky(left / sizes / sizes[:, None])
    wanted = (vectors[bounded] - across.T @ removed[:, -1]) / sizes
    target = torch.linalg.solve_triangular(factor, wanted[:, None], upper=False)[:, 0]
    held = torch.from_numpy(nnls(factor.T.numpy(), target.numpy())[0]) / sizes
    solutions = torch.empty_like(vectors)
    solutions[bounded], solutions[free] = held, removed[:, -1] - removed[:, :-1] @ held
    return solutions


def _best_smoothing(
    equations: NormalEquations,
    model: Basis,
    penalties: list[Tensor],
    left_out: Tensor,
    term: int,
) -> Tensor:
    """Smoothing of one term with the least held-out force error, all other terms held."""
    where = model.columns[term]
    others = left_out.clone()
    others[:, where] = 0
    rows = equations.matrices[:, where]
    own = rows[:, :, where]
    tested = equations.vectors[:, where] - torch.einsum("bkl,bl->bk", rows, others)
    trained = equations.vectors[:, where].sum(0) - torch.einsum("kl,bl->bk", rows.sum(0), others)
    held = own.sum(0) - own + _hold(equations, model, term)
    errors = []
    for weight in _SMOOTHING:
        fitted = torch.linalg.solve(held + weight * penalties[term], trained - tested)
        explained = (own @ fitted[..., None])[..., 0] - 2 * tested
        errors.append((explained * fitted).sum())
    return _SMOOTHING[int(torch.stack(errors).argmin())]


def _undetermined(
    equations: NormalEquations, model: Basis, penalties: list[Tensor]
) -> tuple[int, ...]:
    """Terms that take part in a combination of coefficients without weight in the data."""
    plain = torch.ones(len(model.forms), dtype=torch.float64)
    regularised = equations.matrices.sum(0) + _regulariser(equations, model, penalties, plain)
    scale = regularised.diagonal().clamp(min=torch.finfo(torch.float64).tiny).rsqrt()
    values, vectors = torch.linalg.eigh(scale[:, None] * regularised * scale)
    free = vectors[:, values < _UNDETERMINED].square().sum(1)
    return tuple(t for t, where in enumerate(model.columns) if float(free[where].sum()) > 0.1)
