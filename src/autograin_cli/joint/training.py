"""Encoder, decoder and potential trained together, from a hard mapping to a hard mapping."""

from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError
from autograin_cli.joint.batches import Batches
from autograin_cli.joint.encoding import (
    Goal,
    hard_encoder,
    mapping_losses,
    soft_encoder,
    soft_force_map,
)
from autograin_cli.joint.force_terms import neighbours, raw_residual, unexplained
from autograin_cli.joint.structures import Structures
from autograin_cli.passes import State, numbered, of_number, part_of
from autograin_cli.settings import JointSettings
from autograin_cli.steps import Descent, like

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

    def state(self) -> State:
        """Give what is left of the batches before; nothing where each is fitted by itself."""

    def restore(self, n_steps: int, state: State) -> None:
        """Go on after so many batches."""


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


class Trained(NamedTuple):
    """Where the training ended.

    shares: P, (beads, atoms).
    history: of the training.
    """

    shares: Tensor
    history: JointHistory


class Training:
    """Softens a hard mapping and hardens it again, under its objective and a force term together.

    loss = (L_AE + lambda C) / (its value at the start) + rho * force term. The decoder is in
    closed form, and the coefficients of a classical potential solve the normal equations of the
    batch: neither has a learning rate, and neither lags behind the encoder.

    Source: eq. (10) and section II C of arXiv:1812.02706; Golub and Pereyra, SIAM J. Numer.
    Anal. 10, 413 (1973) for the elimination of linear parameters.
    """

    def __init__(
        self,
        goal: Goal,
        assignment: Tensor,
        model: Model,
        batches: Batches,
        settings: JointSettings,
        term: ForceTerm,
    ) -> None:
        """Begin.

        Args:
            goal: the mapping's own objective, on exact moments.
            assignment: bead of each atom at the start, (atoms,).
            model: the potential of the beads.
            batches: to train on.
            settings: rho and steps.
            term: what the forces add.
        """
        self._goal, self._model, self._batches = goal, model, batches
        self._settings, self._term = settings, term
        self._n_beads = int(assignment.max()) + 1
        self._logits = _first_logits(goal, assignment, self._n_beads, batches.generator)
        self._start = own_objective(goal, *hard_encoder(goal, assignment))
        self._descent = Descent([self._logits], _LEARNING_RATE)
        self._to_record = _recorded(settings.joint_steps)
        self._records: list[Tensor] = []
        self._done = 0

    @property
    def over(self) -> bool:
        """Whether all steps were taken."""
        return self._done == self._settings.joint_steps

    def step(self) -> None:
        """Take a step on the next batch.

        Raises:
            DivergenceError: the loss is not finite; it names the step.
        """
        goal, beta, weight = self._goal, self._beta(self._done), self._settings.joint_weight
        shares, encoding = soft_encoder(goal, self._logits, beta)
        force_map = self._term.force_map(Soft(goal, shares, encoding))
        seen = beads_of(self._batches.next(), encoding, force_map)
        added = self._term.value(seen, self._model.fitted(seen.positions, seen.forces))
        total = own_objective(goal, shares, encoding) / self._start
        if weight:
            total = total + weight * added
        _check_finite(total, self._done)
        if self._done in self._to_record:
            self._records.append(_measured(goal, shares, encoding, added))
        self._descent.step(total)
        self._done += 1

    def trained(self) -> Trained:
        """Where it ended."""
        steps = sorted(self._to_record)
        betas = torch.tensor([self._beta(step) for step in steps], dtype=torch.float64)
        last, _ = soft_encoder(self._goal, self._logits.detach(), self._beta(steps[-1]))
        measured = torch.stack(self._records).unbind(1)
        return Trained(last, JointHistory(torch.tensor(steps), betas, *measured))

    def state(self) -> State:
        """Give what steps change."""
        parts = {
            "descent": self._descent.state(),
            "batches": self._batches.state(),
            "model": self._model.state(),
        }
        state = {f"{part}/{name}": each for part, s in parts.items() for name, each in s.items()}
        return state | numbered("records", self._records)

    def restore(self, n_steps: int, state: State) -> None:
        """Go on after so many steps."""
        self._descent.restore(n_steps, part_of(state, "descent"))
        self._batches.restore(part_of(state, "batches"))
        self._model.restore(n_steps, part_of(state, "model"))
        expected = torch.empty(4, dtype=torch.float64)
        self._records = [like(record, expected) for record in of_number(state, "records")]
        n_recorded = sum(step < n_steps for step in self._to_record)
        if n_steps > self._settings.joint_steps or len(self._records) != n_recorded:
            raise ValueError(f"{n_steps} steps with {len(self._records)} records")
        self._done = n_steps

    def _beta(self, step: int) -> float:
        return _beta(step / max(1, self._settings.joint_steps - 1), self._n_beads)


def beads_of(batch: Structures, encoding: Tensor, force_map: Tensor) -> Seen:
    """Positions of beads and forces on them."""
    return Seen(
        torch.einsum("ba,sad->sbd", encoding, batch.positions),
        torch.einsum("ba,sad->sbd", force_map, batch.forces),
        batch.blocks,
    )


def _recorded(n_steps: int) -> set[int]:
    """Steps to record, evenly spread, with the first and the last."""
    share = [step * _RECORDS // n_steps for step in range(-1, n_steps)]
    spread = {step for step in range(n_steps) if share[step + 1] != share[step]}
    return spread | {n_steps - 1}


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


def _measured(goal: Goal, shares: Tensor, encoding: Tensor, added: Tensor) -> Tensor:
    """L_AE, compactness, force term and entropy, (4,)."""
    with torch.no_grad():
        loss, compact = mapping_losses(goal, shares, encoding)
        even = log(max(2, shares.shape[0]))
        entropy = torch.special.entr(shares).sum(0).mean() / even
        return torch.stack((loss, compact, added.detach(), entropy))
