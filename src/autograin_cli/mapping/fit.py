"""Trajectory of atoms -> Mapping."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from autograin_cli.mapping.anneal import Annealed, Annealing, Goal
from autograin_cli.mapping.autoencoder import (
    bond_lengths,
    decoder,
    encoder,
    one_hot,
    reconstruction_errors,
)
from autograin_cli.mapping.certificate import Seen, block_agreement, candidates, certify, choose
from autograin_cli.mapping.force_maps import bead_masses, sum_map
from autograin_cli.mapping.inner_weights import InnerWeights
from autograin_cli.mapping.mapping import History, Mapping
from autograin_cli.mapping.moments import Survey, surveys
from autograin_cli.mapping.problem import Problem, check_beads, pose
from autograin_cli.mapping.rounding import in_order, round_shares
from autograin_cli.mapping.topology import bead_names, bead_types, orbits_of, quotient_bonds
from autograin_cli.molecules import Molecule
from autograin_cli.settings import MappingSettings
from autograin_cli.steps import take_steps
from autograin_cli.trajectory import Keeper, Trajectory

# Multiplications of an annealing that `auto` still takes on: half a minute of one core.
_ANNEAL_LIMIT = 5e10


def fit_mapping(trajectory: Trajectory, molecule: Molecule, settings: MappingSettings) -> Mapping:
    """Learn which atoms of one type of molecule make which bead: see `fit_mappings`."""
    return fit_mappings(trajectory, [molecule], [settings.beads], settings)[0]


def fit_mappings(
    trajectory: Trajectory,
    molecules: Sequence[Molecule],
    beads: Sequence[int],
    settings: MappingSettings,
) -> tuple[Mapping, ...]:
    """Learn which atoms of each type of molecule make which bead; copies share one mapping.

    Args:
        trajectory: of atoms, molecules whole; read once. Its keeper keeps how far the annealing
            and the search are as well.
        molecules: types, with their bonds and copies.
        beads: of a molecule of each type.
        settings: other choices of fit-mapping.

    Returns:
        The mappings, hard, with their certificates and the histories of the best annealings.

    Raises:
        SettingError: a number of beads is not possible for the molecule, or a setting asks
            for masses or forces that are not known.
        DivergenceError: an annealing met a loss that is not finite.

    Source: sections II A and B of arXiv:1812.02706; docs/method.md.
    """
    for molecule, n_beads in zip(molecules, beads, strict=True):
        check_beads(n_beads, molecule.n_atoms, f"atoms of {molecule.name}")
    seen = surveys(trajectory, molecules, settings.blocks)
    return tuple(
        fit_survey(each, molecule, replace(settings, beads=n_beads), trajectory.keeper)
        for each, molecule, n_beads in zip(seen, molecules, beads, strict=True)
    )


def fit_survey(
    seen: Survey, molecule: Molecule, settings: MappingSettings, keeper: Keeper | None = None
) -> Mapping:
    """Learn a mapping from moments that have been accumulated: see `fit_mappings`."""
    problem = pose(seen, molecule, settings)
    target = problem.objective(problem.moments)
    annealed = _anneal(problem, keeper)
    shares = [] if annealed is None else list(annealed.shares)
    rounded = [round_shares(p, problem.units, connected=settings.connected) for p in shares]
    evaluated = candidates(problem, target, rounded, keeper)
    choice = choose(problem, target, evaluated, rounded, keeper)
    assignment = in_order(choice.labels[problem.units.labels])
    encoding = _encoder(problem, assignment, keeper)
    decoding = decoder(encoding, problem.gram)
    known = Seen(
        soft_loss=None if annealed is None else float(annealed.loss.min()),
        block_agreement=block_agreement(problem, evaluated, choice.labels, keeper),
    )
    history = None
    if annealed is not None:
        best = annealed.histories[int(choice.rounded.argmin())]
        history = _relabelled(best, assignment)
    beads = quotient_bonds(molecule.bonds, assignment)
    orbits = orbits_of(problem.molecule, problem.classes)
    types = bead_types(assignment, settings.beads, beads, orbits)
    return Mapping(
        molecule=molecule,
        assignment=assignment,
        encoder=encoding,
        decoder=decoding,
        force_map=sum_map(assignment, problem.rigid),
        force_map_kind="sum",
        bead_names=bead_names(types),
        bead_types=types,
        bead_masses=None if molecule.masses is None else bead_masses(encoding, molecule.masses),
        bead_bonds=beads,
        rigid_groups=problem.rigid,
        orbits=orbits,
        mean_structure=seen.mean_structure,
        certificate=certify(problem, assignment, encoding, evaluated, choice, known),
        history=history,
        reconstruction_errors=reconstruction_errors(encoding, decoding, problem.gram),
        bond_lengths=bond_lengths(problem.gram, molecule.bonds),
    )


def _anneal(problem: Problem, keeper: Keeper | None) -> Annealed | None:
    """Anneal, unless the method or the size of the molecule forbids, or nothing is to be found."""
    settings = problem.settings
    cost = problem.molecule.n_atoms**2 * settings.beads * settings.anneal_seeds
    if settings.method == "exact":
        return None
    if settings.method == "auto" and cost * settings.anneal_steps > _ANNEAL_LIMIT:
        return None
    if settings.method == "auto" and settings.beads in (1, problem.units.count):
        return None
    goal = Goal(
        gram=problem.gram,
        force_gram=problem.force_gram,
        atom_weights=problem.atom_weights,
        weights=problem.objective_weights,
        learned=problem.weights_kind == "learned",
    )
    annealing = Annealing(
        goal,
        (settings.anneal_seeds, settings.beads),
        settings.anneal_steps,
        settings.seed,
        gumbel=settings.noise == "gumbel",
    )
    take_steps(annealing, keeper)
    return annealing.annealed()


def _encoder(problem: Problem, assignment: Tensor, keeper: Keeper | None) -> Tensor:
    """Hard encoder; learned weights inside the beads minimise the objective, (beads, atoms)."""
    shares = one_hot(assignment, problem.settings.beads)
    if problem.weights_kind != "learned":
        return encoder(shares, problem.atom_weights)
    weights = InnerWeights(shares, problem.gram, problem.objective_weights)
    take_steps(weights, keeper)
    return weights.encoder()


def _relabelled(history: History, assignment: Tensor) -> History:
    """Order the beads of a history as those of the mapping that they overlap with most."""
    overlap = history.assignments[-1] @ one_hot(assignment, int(assignment.max()) + 1).T
    order = torch.zeros(overlap.shape[0], dtype=torch.int64)
    for _ in range(overlap.shape[0]):
        row, column = divmod(int(overlap.argmax()), overlap.shape[1])
        order[column] = row
        overlap[row], overlap[:, column] = -1.0, -1.0
    return History(history.steps, history.beta, history.loss, history.assignments[:, order])
