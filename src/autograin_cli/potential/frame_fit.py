"""Frames of beads -> ForceField: bonded terms of all molecules and pair terms in one solve."""

from dataclasses import replace

from autograin_cli.errors import SettingError
from autograin_cli.potential.cautions import cautions, useless
from autograin_cli.potential.fitted_terms import fitted_term, forms_and_grids, wanted_terms
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.frame_channels import explained_together
from autograin_cli.potential.frame_equations import accumulate_frames
from autograin_cli.potential.frame_layout import FrameModel
from autograin_cli.potential.frame_survey import FrameSurvey, survey_frames
from autograin_cli.potential.grids import LEAST_WIDTH
from autograin_cli.potential.normal_equations import NormalEquations
from autograin_cli.potential.pair import Nonbonded
from autograin_cli.potential.pair_cautions import never_met, pair_cautions
from autograin_cli.potential.pair_forms import PairForm, pair_form_of
from autograin_cli.potential.pair_tables import pair_grid
from autograin_cli.potential.pair_terms import fitted_pair, pair_name, pair_types
from autograin_cli.potential.potential import Channel, Potential
from autograin_cli.potential.regression import Solution, solve
from autograin_cli.settings import PotentialSettings
from autograin_cli.system import System
from autograin_cli.trajectory import Trajectory
from autograin_cli.units import thermal_energy

_SWITCHED = 1.0  # Å before the cutoff


def fit_together(
    beads: Trajectory, system: System, choice: str, settings: PotentialSettings
) -> tuple[ForceField, tuple[str, ...]]:
    """Fit all terms of a system at once: bonded and pair forces overlap.

    Args:
        beads: of the system, with forces, molecules whole.
        system: the beads.
        choice: form of the pair terms, 'lj-12-6', 'lj-9-6' or 'spline'.
        settings: forms, cutoff, temperature, blocks.

    Returns:
        The force field, and what the user should be warned of.

    Raises:
        InputError: no forces, fewer than two frames, or beads of another system.
        SettingError: the cutoff is longer than half a box, or the switch is not before it.
        DivergenceError: a position or a force is not finite; it names the frame.
    """
    wanted = _wanted(system, settings)
    seen = survey_frames(beads, wanted, settings.cutoff, settings.blocks)
    met = seen.least.isfinite().tolist()
    names = [pair_name(system, types) for types in wanted.pair_types]
    told = tuple(
        never_met(name, seen.cutoff) for name, found in zip(names, met, strict=True) if not found
    )
    seen = replace(seen, least=seen.least[seen.least.isfinite()])
    kept = tuple(types for types, found in zip(wanted.pair_types, met, strict=True) if found)
    switch = _switch(choice, settings.switch, seen.cutoff)
    model = _model(replace(wanted, pair_types=kept), seen, choice, switch, settings)
    equations = accumulate_frames(beads, model, seen.n_blocks)
    solution = solve(equations, model)
    of_components, of_all = explained_together(model, solution, seen)
    nonbonded, more = _nonbonded(model, equations, solution, seen, switch, settings)
    told += more + tuple(useless(channel) for channel in of_all if channel.r_squared < 0)
    potentials = []
    for number, channels in enumerate(of_components):
        potential, more = _potential(model, number, equations, solution, seen, channels, settings)
        potentials.append(potential)
        told += more
    nonbonded = replace(nonbonded, channels=of_all)
    return ForceField(system, tuple(potentials), nonbonded), told


def _wanted(system: System, settings: PotentialSettings) -> FrameModel:
    """All terms that may be fitted, without forms."""
    terms = [wanted_terms(p.bonds, p.bead_types, settings) for p in system.components]
    members = tuple(term for of_component in terms for term in of_component)
    components = tuple(number for number, found in enumerate(terms) for _ in found)
    excluded = settings.excluded_bonds
    if excluded is None:
        excluded = 3 if any(term.coordinate == "dihedral" for term in members) else 2
    types = pair_types(system, excluded)
    return FrameModel(system, members, components, (), (), (), types, excluded, 0.0)


def _switch(choice: str, switch: float | None, cutoff: float) -> float:
    """Distance from which a form is switched off, Å; the cutoff for a spline, which needs none."""
    if choice == "spline" and switch is not None:
        raise SettingError(
            given=f"--switch {switch:g} with pair splines",
            expected="a switch of Lennard-Jones terms: a spline ends at the cutoff by itself",
            remedy="leave --switch out, or give --pair lj-12-6 or lj-9-6",
        )
    if choice == "spline":
        return cutoff
    chosen = max(cutoff - _SWITCHED, cutoff / 2) if switch is None else switch
    if not chosen < cutoff:
        raise SettingError(
            given=f"a switch from {chosen:g} Å and a cutoff of {cutoff:g} Å",
            expected="a switch that begins before the cutoff",
            remedy="give a shorter --switch or a longer --cutoff",
        )
    return chosen


def _model(
    wanted: FrameModel, seen: FrameSurvey, choice: str, switch: float, settings: PotentialSettings
) -> FrameModel:
    """Choose forms and grids."""
    bonded, grids = forms_and_grids(wanted.members, seen.ranges, settings)
    pairs: tuple[PairForm, ...] = ()
    for least in seen.least.tolist():
        low = max(min(least, seen.cutoff - LEAST_WIDTH), LEAST_WIDTH)
        form = pair_form_of(choice, low, switch, seen.cutoff, knots=settings.pair_knots)
        intervals = settings.pair_knots if choice == "spline" else None
        pairs, grids = (*pairs, form), (*grids, pair_grid(low, seen.cutoff, intervals))
    if not grids:
        raise SettingError(
            given="beads without a bonded term, of which no two came within the cutoff of "
            f"{seen.cutoff:.2f} Å",
            expected="something to fit",
            remedy="give a longer --cutoff, or --pair none",
        )
    return replace(wanted, bonded_forms=bonded, pair_forms=pairs, grids=grids, cutoff=seen.cutoff)


def _nonbonded(
    model: FrameModel,
    equations: NormalEquations,
    solution: Solution,
    seen: FrameSurvey,
    switch: float,
    settings: PotentialSettings,
) -> tuple[Nonbonded, tuple[str, ...]]:
    """The pair terms, channels still without, and what to warn of."""
    thermal = thermal_energy(settings.temperature)
    results = [
        fitted_pair(model, index, equations, solution, low, thermal)
        for index, low in enumerate(seen.least.tolist())
    ]
    terms = tuple(term for term, _ in results)
    free = [len(model.members) + index in solution.undetermined for index in range(len(terms))]
    told = pair_cautions(terms, [shape for _, shape in results], free)
    return Nonbonded(terms, model.excluded_bonds, switch, (), seen.n_frames), told


def _potential(
    model: FrameModel,
    number: int,
    equations: NormalEquations,
    solution: Solution,
    seen: FrameSurvey,
    channels: tuple[Channel, ...],
    settings: PotentialSettings,
) -> tuple[Potential, tuple[str, ...]]:
    """The bonded terms of one component, and what to warn of."""
    thermal, part = thermal_energy(settings.temperature), model.system.components[number]
    mine = [term for term, other in enumerate(model.components) if other == number]
    results = [
        fitted_term(model, term, equations, solution, seen.ranges[term], thermal) for term in mine
    ]
    terms = tuple(term for term, _ in results)
    potential = Potential(
        molecule=part.name,
        temperature=settings.temperature,
        terms=terms,
        channels=channels,
        force_map_kind=settings.force_map,
        n_frames=seen.n_frames * part.n_copies,
    )
    if not terms:
        return potential, ()
    own = tuple(index for index, term in enumerate(mine) if term in solution.undetermined)
    bridged = tuple(stretches for _, stretches in results)
    return potential, cautions(terms, channels, replace(solution, undetermined=own), bridged)
