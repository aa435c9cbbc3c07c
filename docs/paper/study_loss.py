"""Loss and force term of the best mapping of a molecule into so many beads."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import torch
from study_results import Optimum, Soft
from torch import Tensor
from trained_decoder import train

from autograin_cli.mapping.anneal import Goal, anneal
from autograin_cli.mapping.autoencoder import (
    decoder,
    encoder,
    mean_square_force,
    one_hot,
    reconstruction_bound,
    reconstruction_loss,
)
from autograin_cli.mapping.enumeration import enumerate_mappings
from autograin_cli.mapping.moments import Moments, Survey
from autograin_cli.mapping.problem import Problem, pose
from autograin_cli.mapping.scoring import score
from autograin_cli.mapping.topology import Units, average_over_classes
from autograin_cli.molecules import Molecule
from autograin_cli.settings import MappingSettings
from autograin_cli.units import kcal_from_kj

NEAR = 1.01  # objectives up to so many times the best are near it
_COMPONENTS = 3
_MOST_MAPPINGS = 1_000_000
_SOFT_SEEDS, _ANNEAL_STEPS, _TRAIN_STEPS = 8, 1000, 2000


@dataclass(frozen=True)
class Frames:
    """Frames of one molecule that mappings are judged on.

    system: the molecule as the study calls it.
    sampling: which frames.
    molecule: its atoms and bonds.
    seen: moments of blocks of the frames, positions and forces.
    symmetric: whether the moments are averaged over the symmetries of the molecule.
    """

    system: str
    sampling: str
    molecule: Molecule
    seen: Survey
    symmetric: bool

    def problem(self, n_beads: int, weights: str, objective: str) -> Problem:
        """What mappings into so many beads are judged by."""
        settings = MappingSettings(
            beads=n_beads, weights=weights, objective=objective, symmetry=self.symmetric
        )
        return pose(self.seen, self.molecule, settings)


def connected_mappings(units: Units, n_beads: int) -> Tensor:
    """Every connected mapping, labels of units, (mappings, units)."""
    listed = enumerate_mappings(units, n_beads, _MOST_MAPPINGS)
    if listed is None:
        raise SystemExit(f"over {_MOST_MAPPINGS} connected mappings into {n_beads} beads")
    return listed


def goal_of(problem: Problem) -> Goal:
    """What a soft encoder minimises."""
    return Goal(
        gram=problem.gram,
        force_gram=problem.force_gram,
        atom_weights=problem.atom_weights,
        weights=problem.objective_weights,
        learned=False,
    )


# --- hard -----------------------------------------------------------------------------


def optima(frames: Frames, n_beads: int, weights: str) -> Iterator[Optimum]:
    """The best of all connected mappings, under L_AE alone and under the default objective."""
    problem = frames.problem(n_beads, weights, "ae+compactness")
    labels = connected_mappings(problem.units, n_beads)
    scored = score(problem.objective(problem.moments), labels, n_beads)
    forces = _published(scored.mean_square_force)
    bound = reconstruction_bound(problem.gram, n_beads) / _COMPONENTS
    for objective, values in (("ae", scored.loss), ("ae+compactness", scored.objective)):
        best = int(values.argmin())
        near = values <= NEAR * values[best]
        loss_error, force_error = _errors(problem, labels[best][problem.units.labels])
        yield Optimum(
            system=frames.system,
            sampling=frames.sampling,
            weights=weights,
            objective=objective,
            n_beads=n_beads,
            loss=float(scored.loss[best]) / _COMPONENTS,
            loss_error=loss_error,
            force=float(forces[best]),
            force_error=force_error,
            bound=bound,
            n_mappings=len(labels),
            n_near=int(near.sum()),
            near_forces=_range(forces[near]),
            forces=_range(forces),
        )


def _errors(problem: Problem, assignment: Tensor) -> tuple[float, float]:
    """Standard errors of blocks of loss and force, encoder and decoder held fixed.

    With both fixed the loss of all frames is the mean over those of the blocks.
    """
    shares = one_hot(assignment, problem.settings.beads)
    encoding = encoder(shares, problem.atom_weights)
    decoding = decoder(encoding, problem.gram)
    grams, force_grams = zip(*(_grams(problem, block) for block in problem.blocks), strict=True)
    losses = [reconstruction_loss(encoding, decoding, gram) / _COMPONENTS for gram in grams]
    forces = [_published(mean_square_force(shares, gram)) for gram in force_grams]
    return _standard_error(losses), _standard_error(forces)


def _grams(problem: Problem, block: Moments) -> tuple[Tensor, Tensor]:
    """G, Å², and <f_i·f_j>, (kJ/(mol Å))², of a block, symmetric as those of the problem."""
    if block.force_gram is None:
        raise SystemExit("the study needs the forces on the atoms")
    if problem.classes is None:
        return block.gram, block.force_gram
    positions, forces = (
        average_over_classes(gram, problem.classes) for gram in (block.gram, block.force_gram)
    )
    return positions, forces


def _standard_error(blocks: list[Tensor]) -> float:
    """Standard error of the mean over blocks."""
    return float(torch.stack(blocks).std()) / sqrt(len(blocks))


def _published(square: Tensor) -> Tensor:
    """(kcal/(mol Å))², as published, of a mean square force in (kJ/(mol Å))²."""
    return kcal_from_kj(kcal_from_kj(square))


def _range(values: Tensor) -> tuple[float, float]:
    """Smallest and largest."""
    return float(values.min()), float(values.max())


# --- soft -----------------------------------------------------------------------------


def softened(frames: Frames, n_beads: int) -> Iterator[Soft]:
    """Encoders before rounding, under L_AE alone with uniform weights."""
    problem = frames.problem(n_beads, "uniform", "ae")
    goal = goal_of(problem)
    annealed = anneal(goal, n_beads, _SOFT_SEEDS, _ANNEAL_STEPS, 0, gumbel=False)
    yield _soft(frames, problem, "annealed", annealed.loss, annealed.shares)
    trained = train(goal, n_beads, _SOFT_SEEDS, _TRAIN_STEPS, 0, noise=True)
    yield _soft(frames, problem, "trained with noise", trained.loss, trained.shares)


def _soft(frames: Frames, problem: Problem, method: str, loss: Tensor, shares: Tensor) -> Soft:
    """A record of soft encoders from their losses, Å², and shares, (seeds, beads, atoms)."""
    if problem.force_gram is None:
        raise SystemExit("the study needs the forces on the atoms")
    forces = _published(mean_square_force(shares, problem.force_gram))
    return Soft(
        system=frames.system,
        n_beads=problem.settings.beads,
        method=method,
        losses=tuple((loss / _COMPONENTS).tolist()),
        forces=tuple(forces.tolist()),
    )
