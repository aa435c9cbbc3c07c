"""Trajectory of beads -> Potential, by force matching."""

import torch
from torch import Tensor

from autograin_cli.potential.cautions import cautions
from autograin_cli.potential.channels import explained
from autograin_cli.potential.forms import (
    Form,
    Spline,
    evaluate,
    form_of,
    physical_names,
    physical_parameters,
)
from autograin_cli.potential.grids import LEAST_WIDTH, Grid, grid_of
from autograin_cli.potential.normal_equations import Model, NormalEquations, accumulate
from autograin_cli.potential.potential import Channel, Potential
from autograin_cli.potential.regression import Solution, solve, standard_errors
from autograin_cli.potential.survey import survey
from autograin_cli.potential.tables import Stretches, tabulate
from autograin_cli.potential.terms import Term
from autograin_cli.potential.topology import TermMembers, bonded_terms
from autograin_cli.settings import PotentialSettings
from autograin_cli.trajectory import Trajectory
from autograin_cli.units import thermal_energy


def fit_potential(
    beads: Trajectory,
    bonds: Tensor,
    bead_types: tuple[str, ...],
    settings: PotentialSettings,
    name: str,
) -> tuple[Potential, tuple[str, ...]]:
    """Fit bonds, angles and dihedrals of one type of molecule to the forces on its beads.

    Two passes over the beads: ranges and a sample of structures, then the normal equations.

    Args:
        beads: of every copy of the molecule, copy after copy, with forces.
        bonds: bonded pairs of beads of one copy, (bonds, 2), int64.
        bead_types: one for each bead of one copy.
        settings: forms, splines, temperature, blocks.
        name: of the type of molecule.

    Returns:
        The potential, and what the user should be warned of.

    Raises:
        InputError: no forces, fewer than two frames, or not a whole number of copies.
        DivergenceError: a position or a force is not finite; it names the frame.

    Source: Ercolessi and Adams, Europhys. Lett. 26, 583 (1994); Noid et al., J. Chem. Phys. 128,
    244115 (2008); eq. (8) of arXiv:1812.02706.
    """
    choices = {"bond": settings.bond, "angle": settings.angle, "dihedral": settings.dihedral}
    wanted = bonded_terms(bonds, bead_types)
    members = tuple(term for term in wanted if choices[term.coordinate] != "none")
    seen = survey(beads, members, len(bead_types), settings.blocks)
    if not members:
        nothing = _potential(name, settings, (), (), beads.n_frames * seen.n_copies)
        return nothing, ("there is no bonded term to fit: the beads feel nothing",)
    model = model_of(members, seen.ranges, settings, len(bead_types))
    equations = accumulate(beads, model, seen.n_blocks)
    solution = solve(equations, model)
    thermal = thermal_energy(settings.temperature)
    results = [
        _term(model, term, equations, solution, seen.ranges[term], thermal)
        for term in range(len(members))
    ]
    terms = tuple(term for term, _ in results)
    channels = explained(model, solution, seen.sample)
    told = cautions(terms, channels, solution, tuple(bridged for _, bridged in results))
    potential = _potential(name, settings, terms, channels, beads.n_frames * seen.n_copies)
    return potential, told


def _potential(
    name: str,
    settings: PotentialSettings,
    terms: tuple[Term, ...],
    channels: tuple[Channel, ...],
    n_frames: int,
) -> Potential:
    return Potential(
        molecule=name,
        temperature=settings.temperature,
        terms=terms,
        channels=channels,
        force_map_kind=settings.force_map,
        n_frames=n_frames,
    )


def model_of(
    members: tuple[TermMembers, ...], ranges: Tensor, settings: PotentialSettings, n_beads: int
) -> Model:
    """Choose a form and a grid for each term.

    Args:
        members: the terms, all of a wanted kind.
        ranges: least and largest value of each, Å or radians, (terms, 2).
        settings: the forms.
        n_beads: of the molecule.
    """
    choices = {"bond": settings.bond, "angle": settings.angle, "dihedral": settings.dihedral}
    forms: list[Form] = []
    grids: list[Grid] = []
    for member, (low, high) in zip(members, ranges.tolist(), strict=True):
        choice = choices[member.coordinate]
        if member.coordinate == "dihedral" and choice == "spline":
            choice = "periodic spline"
        missing = max(0.0, LEAST_WIDTH - (high - low)) / 2
        ends = (low - missing, high + missing)
        forms.append(form_of(choice, *ends, knots=settings.knots, harmonics=settings.harmonics))
        grids.append(grid_of(forms[-1], *ends))
    return Model(members, tuple(forms), tuple(grids), n_beads)


def _term(
    model: Model,
    index: int,
    equations: NormalEquations,
    solution: Solution,
    ends: Tensor,
    thermal: float,
) -> tuple[Term, Stretches]:
    """One term with its table, and the stretches of it that were bridged; thermal is kT."""
    member, form, grid = model.members[index], model.forms[index], model.grids[index]
    counts, where = equations.counts[index], model.columns[index]
    sampled = grid.sampled(counts) if grid.periodic else (float(ends[0]), float(ends[1]))
    coefficients = solution.coefficients[where]
    table, bridged = tabulate(form, coefficients, grid, counts, sampled, thermal)
    parameters = physical_parameters(form, coefficients)
    if form.name == "spline":
        parameters = parameters - evaluate(form, coefficients, grid.points)[0].min()
    names, units = physical_names(form)
    term = Term(
        name=member.name,
        coordinate=member.coordinate,
        form=form.name,
        beads=member.beads,
        parameter_names=names,
        parameters=parameters,
        parameter_errors=standard_errors(physical_parameters(form, solution.left_out[:, where])),
        parameter_units=units,
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
