"""Two hard mappings on frames that neither was refined on: each with a potential of its own."""

from dataclasses import dataclass, replace
from math import sqrt

import torch
from torch import Tensor

from autograin_cli.joint.encoding import Goal, soft_force_map
from autograin_cli.joint.force_terms import neighbours, shared
from autograin_cli.joint.network import NetworkTraining
from autograin_cli.joint.structures import Structures
from autograin_cli.joint.training import Seen, beads_of
from autograin_cli.mapping.autoencoder import compactness, decoder, one_hot, reconstruction_loss
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.mapping.moments import Moments
from autograin_cli.potential.fit import fit_force_field, model_of
from autograin_cli.potential.fitted_terms import wanted_terms
from autograin_cli.potential.neural.training import trained
from autograin_cli.potential.normal_equations import accumulate, coordinates, model_forces
from autograin_cli.potential.regression import solve
from autograin_cli.potential.survey import survey
from autograin_cli.settings import NeuralSettings, PotentialSettings
from autograin_cli.steps import take_steps
from autograin_cli.trajectory import Chunk, Keeper, StoredTrajectory

_TINY = 1e-300


@dataclass(frozen=True)
class Frames:
    """What mappings are fitted to and judged by.

    train: structures to fit potentials to.
    test: structures of other blocks.
    moments: of each of those blocks, in order.
    """

    train: Structures
    test: Structures
    moments: tuple[Moments, ...]


@dataclass(frozen=True)
class HeldOut:
    """What a hard mapping is worth on blocks held out, by block.

    loss: L_AE, the decoder from the frames trained on, Å², (blocks,).
    compactness: Å², (blocks,).
    unexplained: share of the mean force on the beads that their potential leaves, (blocks,).
    r_squared: share of the instantaneous force that it explains, (blocks,).
    """

    loss: Tensor
    compactness: Tensor
    unexplained: Tensor
    r_squared: Tensor

    def scores(self, compactness_weight: float, start: float, weight: float) -> Tensor:
        """(L_AE + lambda C) / (its value at the start) + rho * unexplained share, (blocks,)."""
        own = (self.loss + compactness_weight * self.compactness) / start
        return own + weight * self.unexplained


def judge(
    mapping: Mapping,
    goal: Goal,
    frames: Frames,
    settings: PotentialSettings,
    neural: NeuralSettings | None,
    keeper: Keeper | None,
) -> HeldOut:
    """Fit a potential to the beads of a hard mapping from scratch, and judge both.

    Args:
        mapping: hard.
        goal: lambda, symmetries and the metric of the force map, of the frames trained on.
        frames: to fit to and to judge by.
        settings: forms of the potential.
        neural: of a network on top of them, if there is to be one.
        keeper: keeps how far the training of the network is.
    """
    encoding, shares = mapping.encoder, one_hot(mapping.assignment, mapping.n_beads)
    force_map = soft_force_map(goal, encoding)
    train, test = (beads_of(part, encoding, force_map) for part in (frames.train, frames.test))
    if neural is None:
        residuals = test.forces - _fitted(mapping, train, test, settings)
    else:
        residuals = test.forces - _learned(mapping, (train, test), settings, neural, keeper)
    decoding = decoder(encoding, goal.gram)
    grams = [goal.symmetrised(block) for block in frames.moments]
    unexplained, r_squared = _shares(test, residuals)
    return HeldOut(
        loss=torch.stack([reconstruction_loss(encoding, decoding, gram) for gram in grams]),
        compactness=torch.stack([compactness(shares, encoding, gram) for gram in grams]),
        unexplained=unexplained,
        r_squared=r_squared,
    )


def _fitted(mapping: Mapping, train: Seen, test: Seen, settings: PotentialSettings) -> Tensor:
    """Forces of the potential of the frames trained on, on the beads of the others."""
    members = wanted_terms(mapping.bead_bonds, mapping.bead_types, settings)
    if not members:
        return torch.zeros_like(test.forces)
    beads = _stored(train)
    seen = survey(beads, members, mapping.n_beads, settings.blocks)
    model = model_of(members, seen.ranges, settings, mapping.n_beads)
    coefficients = solve(accumulate(beads, model, seen.n_blocks), model).coefficients
    found = coordinates(model, test.positions)
    forces = model_forces(model, found, coefficients.expand(len(test.blocks), -1))
    return forces.reshape(test.forces.shape)


def _learned(
    mapping: Mapping,
    seen: tuple[Seen, Seen],
    settings: PotentialSettings,
    neural: NeuralSettings,
    keeper: Keeper | None,
) -> Tensor:
    """The same with a network, trained on a part of those frames and stopped by the rest."""
    one = replace(mapping.molecule, copies=torch.arange(mapping.molecule.n_atoms)[None])
    system, beads = system_of([replace(mapping, molecule=one)]), _stored(seen[0])
    prior, _ = fit_force_field(beads, system, replace(settings, pair="none"))
    learning = NetworkTraining(beads, prior, neural)
    take_steps(learning, keeper)
    network, _ = trained(beads, prior, neural, learning.training)
    return replace(prior, neural=network).forces(seen[1].positions, None)


def _stored(seen: Seen) -> StoredTrajectory:
    times = torch.arange(len(seen.blocks)).double()
    return StoredTrajectory(Chunk(seen.positions, times, None, seen.forces))


def _shares(test: Seen, residuals: Tensor) -> tuple[Tensor, Tensor]:
    """Unexplained share of the mean force and R² of the whole force, (blocks,) each.

    The mean square of the mean force is that of all blocks, so that the mean over blocks has no
    bias of ratios.
    """
    near = neighbours(test.positions, test.blocks)
    numbers = test.blocks.unique(return_inverse=True)[1]
    missed = _means(shared(residuals, near), numbers[near.first])
    square = residuals.square().sum((1, 2))
    total = test.forces.square().sum((1, 2))
    signal = (total - square).mean().clamp_min(0.0) + missed.mean().clamp_min(0.0)
    r_squared = 1 - _means(square, numbers) / _means(total, numbers).clamp_min(_TINY)
    return missed / signal.clamp_min(_TINY), r_squared


def _means(values: Tensor, numbers: Tensor) -> Tensor:
    sums = torch.zeros(int(numbers.max()) + 1, dtype=values.dtype)
    return sums.index_add(0, numbers, values) / numbers.bincount()


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Mean over blocks and its standard error."""
    return float(values.mean()), float(values.std()) / sqrt(len(values))
