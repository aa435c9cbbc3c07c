"""Encoder, decoder and potential trained together, from a hard mapping to a hard mapping."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import exp, log
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError
from autograin_cli.joint.encoding import (
    Goal,
    hard_encoder,
    mapping_losses,
    soft_encoder,
    soft_force_map,
)
from autograin_cli.joint.force_terms import neighbours, raw_residual, unexplained
from autograin_cli.joint.structures import Structures
from autograin_cli.settings import JointSettings

BATCH = 512  # structures
_LEARNING_RATE = 0.05
_FIRST_SHARE, _BETA_LAST = 0.7, 60.0  # of an atom in its own bead; beta is at most that at the end
_JITTER = 0.05
_RECORDS = 60


class Seen(NamedTuple):
    """Soft beads of a batch.

    positions: Å, (structures, beads, 3).
    forces: kJ/(mol Å), (structures, beads, 3).
    blocks: (structures,), int64.
    """

    positions: Tensor
    forces: Tensor
    blocks: Tensor


@dataclass(frozen=True)
class JointHistory:
    """How the joint training went; `steps` are those at which it was recorded.

    steps: (records,), int64.
    beta: inverse temperature of the softmax, (records,).
    loss: L_AE of the soft encoder, Å², (records,).
    compactness: Å², (records,).
    force_term: what was added for the forces, without its weight, (records,).
    entropy: of the shares of an atom in the beads, mean over atoms, over that of equal shares,
        (records,).
    """

    steps: Tensor
    beta: Tensor
    loss: Tensor
    compactness: Tensor
    force_term: Tensor
    entropy: Tensor


class Soft(NamedTuple):
    """A soft mapping.

    goal: what it is judged by.
    shares, encoder: P and E, (beads, atoms).
    """

    goal: Goal
    shares: Tensor
    encoder: Tensor


class ForceTerm(Protocol):
    """What the forces add to the loss."""

    def force_map(self, soft: Soft) -> Tensor:
        """Force map, (beads, atoms)."""

    def value(self, seen: Seen, fitted: Tensor) -> Tensor:
        """The term, (); fitted are the forces of the potential."""


class Model(Protocol):
    """A potential of soft beads that is fitted batch by batch."""

    def fitted(self, positions: Tensor, forces: Tensor) -> Tensor:
        """Forces of the potential after the fit, differentiable by the positions."""


@dataclass(frozen=True)
class Guarded:
    """The share of the mean force that the potential does not explain."""

    def force_map(self, soft: Soft) -> Tensor:
        """Unbiased for any encoder."""
        return soft_force_map(soft.goal, soft.encoder)

    def value(self, seen: Seen, fitted: Tensor) -> Tensor:
        """Between 0 and 1."""
        near = neighbours(seen.positions.detach(), seen.blocks)
        return unexplained(seen.forces, fitted, near)


@dataclass(frozen=True)
class Raw:
    """Eq. 10 of the paper as the authors' program has it: no guard, for tests and for study.

    scale: a mean square force, (kJ/(mol Å))².
    """

    scale: float

    def force_map(self, soft: Soft) -> Tensor:
        """The sum over the atoms of a bead."""
        return soft.shares

    def value(self, seen: Seen, fitted: Tensor) -> Tensor:
        """Mean square of what the potential leaves of the instantaneous force."""
        return raw_residual(seen.forces, fitted) / self.scale


@dataclass(frozen=True)
class Trained:
    """Where the training ended.

    shares: P, (beads, atoms).
    history: of the training.
    """

    shares: Tensor
    history: JointHistory


def train(
    goal: Goal,
    assignment: Tensor,
    model: Model,
    draw: Callable[[int], Structures],
    settings: JointSettings,
    term: ForceTerm,
) -> Trained:
    """Soften a hard mapping and harden it again under mapping objective and force term together.

    loss = (L_AE + lambda C) / (its value at the start) + rho * force term. The decoder is in
    closed form, and the coefficients of a classical potential solve the normal equations of the
    batch: neither has a learning rate, and neither lags behind the encoder.

    Args:
        goal: the mapping's own objective, on exact moments.
        assignment: bead of each atom at the start, (atoms,).
        model: the potential of the beads.
        draw: structures to train on, the n-th time they are asked for.
        settings: rho, steps, seed.
        term: what the forces add.

    Raises:
        DivergenceError: the loss is not finite; it names the step.

    Source: eq. (10) and section II C of arXiv:1812.02706; Golub and Pereyra, SIAM J. Numer.
    Anal. 10, 413 (1973) for the elimination of linear parameters.
    """
    generator = torch.Generator().manual_seed(settings.joint_seed)
    n_beads = int(assignment.max()) + 1
    logits = _first_logits(goal, assignment, n_beads, generator)
    start = own_objective(goal, *hard_encoder(goal, assignment))
    optimiser = torch.optim.Adam([logits], lr=_LEARNING_RATE)
    records = []
    n_steps = settings.joint_steps
    stream = islice(_stream(draw, generator), n_steps)
    for step, batch in enumerate(stream):
        beta = _beta(step / max(1, n_steps - 1), n_beads)
        shares, encoding = soft_encoder(goal, logits, beta)
        seen = beads_of(batch, encoding, term.force_map(Soft(goal, shares, encoding)))
        added = term.value(seen, model.fitted(seen.positions, seen.forces))
        total = own_objective(goal, shares, encoding) / start
        if settings.joint_weight:
            total = total + settings.joint_weight * added
        _check_finite(total, step)
        if step * _RECORDS // n_steps != (step - 1) * _RECORDS // n_steps or step == n_steps - 1:
            records.append((step, beta, *_measured(goal, shares, encoding, added)))
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    last, _ = soft_encoder(goal, logits.detach(), beta)
    return Trained(last, _history(records))


def beads_of(batch: Structures, encoding: Tensor, force_map: Tensor) -> Seen:
    """Positions of beads and forces on them."""
    return Seen(
        torch.einsum("ba,sad->sbd", encoding, batch.positions),
        torch.einsum("ba,sad->sbd", force_map, batch.forces),
        batch.blocks,
    )


def _stream(draw: Callable[[int], Structures], generator: torch.Generator) -> Iterator[Structures]:
    number = 0
    while True:
        yield from draw(number).batches(BATCH, generator)
        number += 1


def _first_logits(
    goal: Goal, assignment: Tensor, n_beads: int, generator: torch.Generator
) -> Tensor:
    """1 for the own bead of a unit and 0 for the others, and a jitter, (beads, units)."""
    logits = torch.zeros(n_beads, goal.units.count, dtype=torch.float64)
    logits[assignment, goal.units.labels] = 1.0
    noise = torch.rand(logits.shape, generator=generator, dtype=torch.float64) - 0.5
    return (logits + _JITTER * noise).requires_grad_()


def own_objective(goal: Goal, shares: Tensor, encoding: Tensor) -> Tensor:
    """L_AE + lambda C, Å², ()."""
    loss, compact = mapping_losses(goal, shares, encoding)
    return loss + goal.compactness * compact


def _beta(progress: float, n_beads: int) -> float:
    """Inverse temperature of the softmax after a share of the steps."""
    first = log(_FIRST_SHARE / (1 - _FIRST_SHARE) * max(1, n_beads - 1)) if n_beads > 1 else 1.0
    return first * exp(log(_BETA_LAST / first) * progress)


def _check_finite(total: Tensor, step: int) -> None:
    if not bool(total.isfinite()):
        raise DivergenceError(
            given=f"a loss that is not finite at step {step} of the joint training",
            expected="a finite loss",
            remedy="look for corrupt frames, or lower --joint-weight",
        )


def _measured(
    goal: Goal, shares: Tensor, encoding: Tensor, added: Tensor
) -> tuple[float, float, float, float]:
    with torch.no_grad():
        loss, compact = mapping_losses(goal, shares, encoding)
        even = log(max(2, shares.shape[0]))
        entropy = torch.special.entr(shares).sum(0).mean() / even
        return float(loss), float(compact), float(added), float(entropy)


def _history(records: list[tuple[int, float, float, float, float, float]]) -> JointHistory:
    steps, *others = zip(*records, strict=True)
    return JointHistory(
        torch.tensor(steps), *(torch.tensor(each, dtype=torch.float64) for each in others)
    )
