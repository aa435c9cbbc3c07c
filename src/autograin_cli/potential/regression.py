"""Solve the normal equations: smoothness by cross-validation, errors by leaving blocks out."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.potential.normal_equations import Model, NormalEquations

_SMOOTHING = 10.0 ** torch.arange(-4, 7, dtype=torch.float64)  # against the data, dimensionless
_FIRST_SMOOTHING = 1.0
_RIDGE = 1e-11  # of the diagonal; only directions that no datum touches feel it
_UNDETERMINED = 1e-9  # least eigenvalue of a matrix of unit diagonal that counts as data


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


def solve(equations: NormalEquations, model: Model) -> Solution:
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
        coefficients=torch.linalg.solve(regularised, equations.vectors.sum(0)),
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


def _penalties(equations: NormalEquations, model: Model) -> list[Tensor]:
    """Penalty of each term on the scale of its data, (size, size)."""
    total = equations.matrices.sum(0)
    scaled = []
    for form, where in zip(model.forms, model.columns, strict=True):
        penalty = form.penalty()
        scale = total[where, where].trace() / penalty.trace().clamp(min=1.0)
        scaled.append(scale * penalty)
    return scaled


def _hold(equations: NormalEquations, model: Model, term: int) -> Tensor:
    """A ridge, and for a spline a hold on its mean, which no force shows; (size, size)."""
    form, where = model.forms[term], model.columns[term]
    trace = equations.matrices[:, where, where].sum(0).trace()
    scale = torch.where(trace > 0, trace, 1.0) / form.size
    hold = _RIDGE * scale * torch.eye(form.size, dtype=torch.float64)
    return hold + scale / form.size if form.name == "spline" else hold


def _regulariser(
    equations: NormalEquations, model: Model, penalties: list[Tensor], smoothing: Tensor
) -> Tensor:
    added = torch.zeros_like(equations.matrices[0])
    for term, where in enumerate(model.columns):
        added[where, where] = smoothing[term] * penalties[term] + _hold(equations, model, term)
    return added


def _left_out(
    equations: NormalEquations, model: Model, penalties: list[Tensor], smoothing: Tensor
) -> Tensor:
    """Coefficients without each block, (blocks, coefficients)."""
    matrices = equations.matrices.sum(0) - equations.matrices
    vectors = equations.vectors.sum(0) - equations.vectors
    regularised = matrices + _regulariser(equations, model, penalties, smoothing)
    solutions: Tensor = torch.linalg.solve(regularised, vectors)
    return solutions


def _best_smoothing(
    equations: NormalEquations,
    model: Model,
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
    equations: NormalEquations, model: Model, penalties: list[Tensor]
) -> tuple[int, ...]:
    """Terms that take part in a combination of coefficients without weight in the data."""
    plain = torch.ones(len(model.forms), dtype=torch.float64)
    regularised = equations.matrices.sum(0) + _regulariser(equations, model, penalties, plain)
    scale = regularised.diagonal().clamp(min=torch.finfo(torch.float64).tiny).rsqrt()
    values, vectors = torch.linalg.eigh(scale[:, None] * regularised * scale)
    free = vectors[:, values < _UNDETERMINED].square().sum(1)
    return tuple(t for t, where in enumerate(model.columns) if float(free[where].sum()) > 0.1)
