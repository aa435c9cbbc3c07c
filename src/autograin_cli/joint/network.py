"""The training of networks to judge a mapping by, batch by batch."""

from collections.abc import Iterator

import torch
from torch import Tensor

from autograin_cli.passes import State, part_of
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.potential import TrainingHistory
from autograin_cli.potential.neural.trainable import Scales, Trainable
from autograin_cli.potential.neural.training import train
from autograin_cli.potential.neural.training_state import MemberState, Progress, TrainingState
from autograin_cli.settings import NeuralSettings
from autograin_cli.steps import like
from autograin_cli.trajectory import Trajectory

_WEIGHTS = ("weights", "first_moments", "second_moments", "averages", "best")
_COUNTS = ("steps", "epoch", "batch", "stale", "finished")
_NUMBERS = ("epoch_loss", "learning_rate")
_LOSSES = ("training_loss", "validation_loss", "learning_rate")


class NetworkTraining:
    """Trains networks on what a prior leaves of the forces; a step is a batch.

    training: how far it is.
    """

    def __init__(self, beads: Trajectory, prior: ForceField, settings: NeuralSettings) -> None:
        """Begin; for the arguments see `potential.neural.training.train`."""
        self._beads, self._prior, self._settings = beads, prior, settings
        self.training = TrainingState(())
        self._progress = self._trained_on()

    @property
    def over(self) -> bool:
        """Whether all networks are trained."""
        members = self.training.members
        return len(members) == self._settings.ensemble and members[-1].finished

    def step(self) -> None:
        """Train on the next batch."""
        self.training = next(self._progress).state

    def state(self) -> State:
        """Give the states of all networks."""
        members = enumerate(self.training.members)
        states = ((number, _state_of(member)) for number, member in members)
        return {f"{number:02d}/{name}": each for number, s in states for name, each in s.items()}

    def restore(self, _: int, state: State) -> None:
        """Go on from the states of all networks; how many batches there were plays no part."""
        names = sorted({name.partition("/")[0] for name in state})
        if len(names) > self._settings.ensemble:
            raise ValueError(f"{len(names)} networks")
        shapes = self._weights()
        self.training = TrainingState(tuple(_member(part_of(state, n), shapes) for n in names))
        self._progress = self._trained_on()

    def _trained_on(self) -> Iterator[Progress]:
        return train(self._beads, self._prior, self._settings, self.training)

    def _weights(self) -> dict[str, Tensor]:
        """What the weights of a network look like."""
        n_types, scales = len(self._prior.system.type_names), Scales(1.0, (1.0, 1.0))
        drawn = Trainable(n_types, self._settings, scales, torch.Generator())
        return {name: weights.detach() for name, weights in drawn.named_parameters()}


def _state_of(member: MemberState) -> State:
    weights = {f"{n}/{key}": each for n in _WEIGHTS for key, each in getattr(member, n).items()}
    counts = {name: torch.tensor(int(getattr(member, name))) for name in _COUNTS}
    numbers = {n: torch.tensor(getattr(member, n), dtype=torch.float64) for n in _NUMBERS}
    losses = {f"history/{name}": getattr(member.history, name) for name in _LOSSES}
    return weights | counts | numbers | losses


def _member(state: State, expected: dict[str, Tensor]) -> MemberState:
    """The training of one network from its state.

    Raises:
        KeyError, ValueError: something is missing, or of another shape or type.
    """
    weights = {name: _alike(part_of(state, name), expected) for name in _WEIGHTS[:-1]}
    best = part_of(state, "best")
    counts = {name: int(state[name]) for name in _COUNTS}
    if min(counts.values()) < 0:
        raise ValueError(f"counts of {list(counts.values())}")
    losses = part_of(state, "history")
    empty = torch.zeros(len(losses[_LOSSES[0]]), dtype=torch.float64)
    return MemberState(
        **weights,
        best=_alike(best, expected) if best else {},
        steps=counts["steps"],
        epoch=counts["epoch"],
        batch=counts["batch"],
        epoch_loss=float(state["epoch_loss"]),
        learning_rate=float(state["learning_rate"]),
        stale=counts["stale"],
        finished=bool(counts["finished"]),
        history=TrainingHistory(*(like(losses[name], empty) for name in _LOSSES)),
    )


def _alike(found: State, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the names and shapes that are expected."""
    return {name: like(found[name], each) for name, each in expected.items()}
