"""Bonded terms before and after the fit: forms and grids, then parameters, errors and tables."""

from typing import Protocol

import torch
from torch import Tensor

from autograin_cli.potential.bonded_forms import BondedForm, form_of
from autograin_cli.potential.forms import Form, Spline, evaluate
from autograin_cli.potential.grids import LEAST_WIDTH, Grid, grid_of
from autograin_cli.potential.normal_equations import NormalEquations
from autograin_cli.potential.regression import Solution, standard_errors
from autograin_cli.potential.tables import Stretches, tabulate
from autograin_cli.potential.terms import Term
from autograin_cli.potential.topology import TermMembers, bonded_terms
from autograin_cli.settings import PotentialSettings


class Fitted(Protocol):
    """A model whose first terms are bonded."""

    @property
    def members(self) -> tuple[TermMembers, ...]:
        """Instances of each bonded term."""

    @property
    def bonded_forms(self) -> tuple[BondedForm, ...]:
        """Of each term."""

    @property
    def grids(self) -> tuple[Grid, ...]:
        """Of each term."""

    @property
    def columns(self) -> tuple[slice, ...]:
        """Where the coefficients of each term stand among all."""


def wanted_terms(
    bonds: Tensor, bead_types: tuple[str, ...], settings: PotentialSettings
) -> tuple[TermMembers, ...]:
    """Bonds, angles and dihedrals of a molecule of which a form is wanted.

    Args:
        bonds: bonded pairs of beads, (bonds, 2), int64.
        bead_types: one for each bead.
        settings: the forms.
    """
    terms = bonded_terms(bonds, bead_types)
    return tuple(term for term in terms if _choices(settings)[term.coordinate] != "none")


def _choices(settings: PotentialSettings) -> dict[str, str]:
    """Form that is wanted for each kind of coordinate."""
    return {"bond": settings.bond, "angle": settings.angle, "dihedral": settings.dihedral}


def forms_and_grids(
    members: tuple[TermMembers, ...], ranges: Tensor, settings: PotentialSettings
) -> tuple[tuple[BondedForm, ...], tuple[Grid, ...]]:
    """Choose a form and a grid for each term.

    Args:
        members: the terms, all of a wanted kind.
        ranges: least and largest value of each, Å or radians, (terms, 2).
        settings: the forms.
    """
    forms: list[BondedForm] = []
    grids: list[Grid] = []
    for member, (low, high) in zip(members, ranges.tolist(), strict=True):
        choice = _choices(settings)[member.coordinate]
        if member.coordinate == "dihedral" and choice == "spline":
            choice = "periodic spline"
        missing = max(0.0, LEAST_WIDTH - (high - low)) / 2
        ends = (low - missing, high + missing)
        forms.append(form_of(choice, *ends, knots=settings.knots, harmonics=settings.harmonics))
        grids.append(grid_of(forms[-1], *ends))
    return tuple(forms), tuple(grids)


def fitted_term(
    model: Fitted,
    index: int,
    equations: NormalEquations,
    solution: Solution,
    ends: Tensor,
    thermal: float,
) -> tuple[Term, Stretches]:
    """One term with its table, and the stretches of it that were bridged; thermal is kT."""
    member, form, grid = model.members[index], model.bonded_forms[index], model.grids[index]
    counts, where = equations.counts[index], model.columns[index]
    sampled = grid.sampled(counts) if grid.periodic else (float(ends[0]), float(ends[1]))
    coefficients = solution.coefficients[where]
    table, bridged = tabulate(form, coefficients, grid, counts, sampled, thermal)
    parameters = form.parameters(coefficients)
    if form.name == "spline":
        parameters = parameters - evaluate(form, coefficients, grid.points)[0].min()
    term = Term(
        name=member.name,
        coordinate=member.coordinate,
        form=form.name,
        beads=member.beads,
        parameter_names=form.parameter_names,
        parameters=parameters,
        parameter_errors=standard_errors(form.parameters(solution.left_out[:, where])),
        parameter_units=form.parameter_units,
        knots=form.knots if isinstance(form, Spline) else torch.empty(0, dtype=torch.float64),
        sampled_low=sampled[0],
        sampled_high=sampled[1],
        counts=counts,
        energy_errors=_energy_errors(form, solution.left_out[:, where], grid, counts),
        table=table,
    )
    return term, bridged


def _energy_errors(form: Form, left_out: Tensor, grid: Grid, counts: Tensor) -> Tensor:
    """Standard errors of the energy about its mean over the samples, kJ/mol, (points,)."""
    energies, _ = evaluate(form, left_out, grid.points)
    means = (energies * counts).sum(1, keepdim=True) / counts.sum()
    return standard_errors(energies - means)
