"""TrainingState: all that the training of an ensemble needs to go on exactly where it stopped."""

from dataclasses import dataclass

from torch import Tensor

from autograin_cli.potential.neural.potential import TrainingHistory


@dataclass(frozen=True)
class MemberState:
    """The training of one network.

    weights: of the module that is trained, by name.
    first_moments, second_moments: of Adam, by the same names.
    averages: exponential moving averages of the weights, by the same names.
    best: the averages that did best on the frames held out; empty before the first epoch ended.
    steps: steps of the optimiser done.
    epoch: that it is in; those before it are complete.
    batch: batches of this epoch done.
    epoch_loss: sum over the batches of this epoch of their mean square errors.
    learning_rate: now.
    stale: epochs since the best one, or since the rate was halved.
    finished: whether the training has ended.
    history: of the epochs that are complete.
    """

    weights: dict[str, Tensor]
    first_moments: dict[str, Tensor]
    second_moments: dict[str, Tensor]
    averages: dict[str, Tensor]
    best: dict[str, Tensor]
    steps: int
    epoch: int
    batch: int
    epoch_loss: float
    learning_rate: float
    stale: int
    finished: bool
    history: TrainingHistory


@dataclass(frozen=True)
class TrainingState:
    """The training of an ensemble; members are trained one after the other.

    members: those that have begun.
    """

    members: tuple[MemberState, ...]


@dataclass(frozen=True)
class Progress:
    """What training yields after every batch.

    member, epoch, batch: which one was done last, counted from 0.
    n_members, n_epochs, n_batches: of how many at most.
    loss: mean square error of the batch over the variance of the forces.
    validation: the same of the last complete epoch on the frames held out; None before.
    prior: the same of the prior alone on those frames.
    state: where to go on from. Tensors in it are copies only where they must be: save it before
        asking for the next one.
    """

    member: int
    epoch: int
    batch: int
    n_members: int
    n_epochs: int
    n_batches: int
    loss: float
    validation: float | None
    prior: float
    state: TrainingState
