"""Trajectory of beads -> Potential, by force matching."""

from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.potential.cautions import cautions
from autograin_cli.potential.channels import explained
from autograin_cli.potential.fitted_terms import fitted_term, forms_and_grids, wanted_terms
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.frame_fit import fit_together
from autograin_cli.potential.frame_survey import check_system
from autograin_cli.potential.normal_equations import Model, accumulate
from autograin_cli.potential.potential import Channel, Potential
from autograin_cli.potential.regression import solve
from autograin_cli.potential.survey import survey
from autograin_cli.potential.terms import Term
from autograin_cli.potential.topology import TermMembers
from autograin_cli.settings import PotentialSettings
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, DerivedTrajectory, Trajectory
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
    members = wanted_terms(bonds, bead_types, settings)
    seen = survey(beads, members, len(bead_types), settings.blocks)
    if not members:
        nothing = _potential(name, settings, (), (), beads.n_frames * seen.n_copies)
        return nothing, ("there is no bonded term to fit: the beads feel nothing",)
    model = model_of(members, seen.ranges, settings, len(bead_types))
    equations = accumulate(beads, model, seen.n_blocks)
    solution = solve(equations, model)
    thermal = thermal_energy(settings.temperature)
    results = [
        fitted_term(model, term, equations, solution, seen.ranges[term], thermal)
        for term in range(len(members))
    ]
    terms = tuple(term for term, _ in results)
    channels = explained(model, solution, seen.sample)
    told = cautions(terms, channels, solution, tuple(bridged for _, bridged in results))
    potential = _potential(name, settings, terms, channels, beads.n_frames * seen.n_copies)
    return potential, told


def fit_force_field(
    beads: Trajectory, system: System, settings: PotentialSettings
) -> tuple[ForceField, tuple[str, ...]]:
    """Fit all that the beads of a system feel to the forces on them.

    With pair terms everything is fitted together, as bonded and pair forces overlap; without,
    each type of molecule by itself.

    Args:
        beads: of the system, with forces, molecules whole.
        system: the beads.
        settings: forms, cutoff, splines, temperature, blocks.

    Returns:
        The force field, and what the user should be warned of.

    Raises:
        InputError: no forces, fewer than two frames, or beads of another system.
        SettingError: pair terms between molecules without a box; a cutoff longer than half a box.
        DivergenceError: a position or a force is not finite; it names the frame.
    """
    check_system(beads, system)
    choice = pair_form(beads, system, settings)
    if choice != "none":
        return fit_together(beads, system, choice, settings)
    potentials: list[Potential] = []
    told: tuple[str, ...] = ()
    for part, where in zip(system.components, system.slices, strict=True):
        own = beads if len(system.components) == 1 else _only(beads, where)
        potential, more = fit_potential(own, part.bonds, part.bead_types, settings, part.name)
        potentials.append(potential)
        told += more
    return ForceField(system, tuple(potentials), None), told


def pair_form(beads: Trajectory, system: System, settings: PotentialSettings) -> str:
    """Give the form of the pair terms, 'none' where there are to be none.

    Args:
        beads: of the system; only whether they have a box is looked at.
        system: the beads.
        settings: the form wanted.

    Raises:
        SettingError: pair terms between molecules without a box.
    """
    if settings.pair == "none" or (settings.pair == "auto" and system.n_molecules == 1):
        return "none"
    periodic = next(iter(beads.chunks())).boxes is not None
    if settings.pair == "auto":
        return "spline" if periodic else "none"
    if not periodic and system.n_molecules > 1:
        raise SettingError(
            given=f"--pair {settings.pair}, {system.n_molecules} molecules and no box",
            expected="a box around molecules that feel one another",
            remedy="give a trajectory that holds its box, or --pair none",
        )
    return settings.pair


def _only(beads: Trajectory, where: slice) -> DerivedTrajectory:
    """Some beads of every frame."""

    def taken(chunk: Chunk) -> Chunk:
        forces = None if chunk.forces is None else chunk.forces[:, where]
        return Chunk(chunk.positions[:, where], chunk.times, chunk.boxes, forces)

    return DerivedTrajectory(beads, taken, where.stop - where.start, beads.has_forces)


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
    return Model(members, *forms_and_grids(members, ranges, settings), n_beads)
