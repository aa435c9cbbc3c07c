"""What an ensemble of networks is worth on frames that it was not trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.potential.channels import sums, with_error
from autograin_cli.potential.neural.batches import (
    MOST_BEADS,
    Lesson,
    frames_of_batch,
    graph_of_frames,
)
from autograin_cli.potential.neural.network import Network, energy_and_forces
from autograin_cli.potential.neural.potential import spread_of
from autograin_cli.potential.neural.training_state import MemberState
from autograin_cli.potential.potential import Channel
from autograin_cli.settings import NeuralSettings
from autograin_cli.system import System

_BLOCKS = 10  # of the frames held out, for errors
_HIGH = 0.999  # share of the beads that differ by less between networks
_STANDARD_ERRORS = 2.0
_RISE = 0.1  # of the gain, lost between the best epoch and the last
_TINY = 1e-300


@dataclass(frozen=True)
class Judgement:
    """How well the forces on frames held out are explained.

    channels: 'all', and 'prior' for the prior alone.
    gain: share of the variance that the networks explain beyond the prior.
    gain_error: its standard error from blocks.
    spread, spread_high: as in `NeuralPotential`.
    """

    channels: tuple[Channel, ...]
    gain: float
    gain_error: float
    spread: float | None
    spread_high: float | None


@dataclass(frozen=True)
class _Squares:
    """Sums over the beads of each frame held out, (frames,) each, and spreads of the beads.

    all, prior, forces: of squared errors, of those of the prior, and of squared forces.
    spreads: of the networks at each bead, kJ/(mol Å), (frames, beads); empty with one network.
    """

    all: Tensor
    prior: Tensor
    forces: Tensor
    spreads: Tensor


def judged(
    lesson: Lesson, networks: Sequence[Network], system: System, settings: NeuralSettings
) -> Judgement:
    """Judge the mean of networks on the frames held out.

    R² = 1 - sum (f - f_model)² / sum f² over all components on all beads; errors are from a
    jackknife over ten blocks of these frames.

    Args:
        lesson: what was learned.
        networks: of the ensemble.
        system: the beads of a frame.
        settings: frames of a batch.
    """
    parts = list(_squares(lesson, networks, system, settings))
    missed, prior, forces = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("all", "prior", "forces")
    )
    n_frames = len(forces)
    blocks = torch.arange(n_frames) * min(_BLOCKS, n_frames) // n_frames
    variance = sums(forces, blocks).clamp(min=_TINY)
    r_squared = [1 - sums(values, blocks) / variance for values in (missed, prior)]
    channels = tuple(
        Channel(name, *with_error(values), None, None)
        for name, values in zip(("all", "prior"), r_squared, strict=True)
    )
    gain, gain_error = with_error(r_squared[0] - r_squared[1])
    if len(networks) == 1:
        return Judgement(channels, gain, gain_error, None, None)
    spreads = torch.cat([part.spreads for part in parts]).flatten()
    rank = max(1, round(_HIGH * len(spreads)))
    high = float(spreads.kthvalue(rank).values)
    return Judgement(channels, gain, gain_error, float(spreads.square().mean().sqrt()), high)


def _squares(
    lesson: Lesson, networks: Sequence[Network], system: System, settings: NeuralSettings
) -> Iterator[_Squares]:
    """Errors frame by frame, batch after batch."""
    for frames in lesson.held_out.in_order(frames_of_batch(MOST_BEADS, system.n_beads, 0)):
        device = networks[0].embedding.device
        graph = graph_of_frames(frames, system, settings.neural_cutoff, device)
        members = torch.stack([energy_and_forces(network, graph)[1] for network in networks]).cpu()
        members = members.unflatten(1, (frames.n_frames, system.n_beads))
        missed = members.mean(0) - frames.residuals
        squares = [values.double().square().sum((1, 2)) for values in (missed, frames.residuals)]
        spreads = spread_of(members.double()) if len(networks) > 1 else missed.new_zeros(0)
        yield _Squares(squares[0], squares[1], frames.squares, spreads)


def cautions(
    judgement: Judgement,
    members: Sequence[MemberState],
    lesson: Lesson,
    settings: NeuralSettings,
    n_components: int,
) -> tuple[str, ...]:
    """Sentences about networks that gain nothing, or that were not trained to the end.

    Args:
        judgement: of the ensemble.
        members: how each network was trained.
        lesson: what was learned.
        settings: of the training.
        n_components: of the forces that were trained on.
    """
    told = []
    gain, error = judgement.gain, judgement.gain_error
    if gain <= _STANDARD_ERRORS * error:
        told.append(
            f"the network gains nothing (R² {gain:+.2g} ± {error:.2g} on the frames held out): use "
            "the prior, without --neural"
        )
    told += [
        sentence
        for number, member in enumerate(members)
        for sentence in _of_training(number, member, lesson, settings)
    ]
    n_weights = sum(values.numel() for values in members[0].best.values())
    if n_components < n_weights:
        told.append(
            f"few frames: {n_components} components of forces to train {n_weights} weights; give "
            "more frames, or fewer --features"
        )
    return tuple(told)


def _of_training(
    number: int, member: MemberState, lesson: Lesson, settings: NeuralSettings
) -> list[str]:
    """What to warn of in the training of one network."""
    name = "the network" if settings.ensemble == 1 else f"network {number + 1}"
    losses, told = member.history.validation_loss, []
    best = int(losses.argmin())
    gain, rise = lesson.prior_loss - float(losses[best]), float(losses[-1] - losses[best])
    if not member.finished:
        told.append(f"the training of {name} was stopped after {len(losses)} epochs: resume it")
    elif len(losses) == settings.epochs and member.stale == 0 and best == len(losses) - 1:
        told.append(
            f"{name} was still improving after {len(losses)} epochs, the limit: give more --epochs"
        )
    if gain > 0 and rise > _RISE * gain:
        told.append(
            f"the loss of {name} on frames held out rose after epoch {best + 1}, whose weights "
            "were taken: it learns the noise of the frames; give more of them, or a smaller network"
        )
    return told
