"""Pair terms before and after the fit: which there are, then parameters, errors and tables."""

import torch
from torch import Tensor

from autograin_cli.potential.forms import evaluate
from autograin_cli.potential.frame_layout import FrameModel
from autograin_cli.potential.normal_equations import NormalEquations
from autograin_cli.potential.pair import PairTerm
from autograin_cli.potential.pair_forms import (
    PairForm,
    PairSpline,
    on_bounds,
    pair_names,
    pair_parameters,
)
from autograin_cli.potential.pair_tables import Shape, tabulate_pair
from autograin_cli.potential.regression import Solution, standard_errors
from autograin_cli.system import System


def pair_types(system: System, excluded_bonds: int) -> tuple[tuple[int, int], ...]:
    """Pairs of types of which some two beads may feel a pair term.

    Args:
        system: the beads.
        excluded_bonds: beads of a molecule at most so many bonds apart feel none.

    Returns:
        Indices into `System.type_names`, the smaller first, in order.
    """
    n_types, types = len(system.type_names), system.types
    counts = torch.bincount(types, minlength=n_types)
    felt = torch.outer(counts, counts)
    felt = felt.tril(-1).T + torch.diag(counts * (counts - 1) // 2)
    first, second = types[system.exclusions(excluded_bonds)].sort(dim=1).values.T
    felt.index_put_((first, second), torch.tensor(-1), accumulate=True)
    return tuple((first, second) for first, second in felt.nonzero().tolist())


def pair_name(system: System, types: tuple[int, int]) -> str:
    """Name of the pair term of two types, such as 'pair A-B'."""
    first, second = (system.type_names[kind] for kind in types)
    return f"pair {first}-{second}"


def fitted_pair(
    model: FrameModel,
    index: int,
    equations: NormalEquations,
    solution: Solution,
    sampled_low: float,
    thermal: float,
) -> tuple[PairTerm, Shape]:
    """One pair term with its table, and where this is not what was fitted; thermal is kT."""
    number = len(model.members) + index
    form, grid, counts = model.pair_forms[index], model.grids[number], equations.counts[number]
    where = model.columns[number]
    coefficients, left_out = solution.coefficients[where], solution.left_out[:, where]
    shape = tabulate_pair(form, coefficients, grid, counts, thermal)
    held = on_bounds(form, coefficients)
    names, units = pair_names(form, held)
    term = PairTerm(
        name=pair_name(model.system, model.pair_types[index]),
        types=tuple(model.system.type_names[kind] for kind in model.pair_types[index]),
        form=form.name,
        parameter_names=names,
        parameters=pair_parameters(form, coefficients, held),
        parameter_errors=_finite(standard_errors(pair_parameters(form, left_out, held))),
        parameter_units=units,
        on_bounds=held,
        knots=form.whole.knots if isinstance(form, PairSpline) else torch.zeros(0).double(),
        sampled_low=sampled_low,
        cutoff=model.cutoff,
        counts=counts,
        energy_errors=standard_errors(_energies(form, left_out, grid.points, shape.start)),
        table=shape.table,
    )
    return term, shape


def _energies(form: PairForm, coefficients: Tensor, r: Tensor, start: float) -> Tensor:
    """Energies at the points of a table; below a wall's start, that at its start."""
    return evaluate(form, coefficients, r.clamp(min=start))[0]


def _finite(errors: Tensor) -> Tensor:
    """Errors, infinite where a fit without one block has no such parameter."""
    return torch.where(errors.isfinite(), errors, torch.inf)
