"""Learner: one network in training, a step of Adam after another."""

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite

import torch
from torch import Tensor, nn

from autograin_cli.errors import DivergenceError, InputError
from autograin_cli.potential.neural.batches import (
    MOST_BEADS,
    Frames,
    Lesson,
    frames_of_batch,
    graph_of_frames,
    seeded,
)
from autograin_cli.potential.neural.network import Graph, Network, energies_along, energy_and_forces
from autograin_cli.potential.neural.parallel import Group
from autograin_cli.potential.neural.potential import TrainingHistory, detached
from autograin_cli.potential.neural.trainable import Trainable
from autograin_cli.potential.neural.training_state import MemberState
from autograin_cli.settings import NeuralSettings
from autograin_cli.system import System

_MEMORIES = (0.9, 0.999)  # of Adam: of gradients, and of their squares
_TINY = 1e-8  # beside the root of the mean squared gradient
_WARMING = 100  # steps in which the learning rate rises
_CLIPPED = 3.0  # times the usual norm of the gradient, the most that a step uses
_FEW = 20  # steps after which a norm is usual
_AVERAGED = 2.0  # epochs over which weights are averaged
_SETTLED = 500  # steps before which a lack of progress means nothing
_PROGRESS = 0.01  # of the gain so far, less than which is no progress
_HALVINGS = 4  # of the learning rate; training ends where the next would be


class Learner:
    """A network, the state of its optimiser, and how the training went."""

    def __init__(
        self,
        lesson: Lesson,
        system: System,
        settings: NeuralSettings,
        number: int,
        place: tuple[Group, torch.device],
    ) -> None:
        """Begin with random weights.

        Args:
            lesson: what is learned.
            system: the beads of a frame.
            settings: sizes of the network, learning rate, seed.
            number: of the network within the ensemble.
            place: processes that train it together, and where each of them computes.
        """
        self._lesson, self._system, self.settings = lesson, system, settings
        self._seeds, (self._group, self._device) = (settings.neural_seed, number), place
        self._module, self._averaged = self._drawn(), self._drawn()
        self._weights, self._averages = on_one_vector(self._module), on_one_vector(self._averaged)
        self._first, self._second = torch.zeros(2, len(self._weights), device=self._device)
        nothing = torch.zeros(0, dtype=torch.float64)
        self.state = MemberState(
            weights=named(self._module, self._weights),
            first_moments=named(self._module, self._first),
            second_moments=named(self._module, self._second),
            averages=named(self._module, self._averages),
            best={},
            steps=0,
            epoch=0,
            batch=0,
            epoch_loss=0.0,
            learning_rate=settings.learning_rate,
            stale=0,
            finished=False,
            history=TrainingHistory(nothing, nothing, nothing),
        )

    def restore(self, state: MemberState) -> None:
        """Go on from another state.

        Raises:
            InputError: it is beyond the end of its epoch, or of the training.
        """
        own = self.state
        if state.batch >= self.n_batches or state.epoch >= self.settings.epochs:
            raise InputError(
                given=f"a training at batch {state.batch + 1} of {self.n_batches} in epoch "
                f"{state.epoch + 1} of {self.settings.epochs}",
                expected="one that is not over",
                remedy="begin the training again",
            )
        for ours, theirs in (
            (own.weights, state.weights),
            (own.first_moments, state.first_moments),
            (own.second_moments, state.second_moments),
            (own.averages, state.averages),
        ):
            for name, values in ours.items():
                values.copy_(theirs[name])
        self.state = replace(
            state,
            weights=own.weights,
            first_moments=own.first_moments,
            second_moments=own.second_moments,
            averages=own.averages,
        )

    @property
    def frames_of_batch(self) -> int:
        """Most frames of a batch."""
        n_frames = self._lesson.training.n_frames
        return frames_of_batch(self.settings.batch, self._system.n_beads, n_frames)

    @property
    def n_batches(self) -> int:
        """Batches of an epoch."""
        return self._lesson.training.n_batches(self.frames_of_batch)

    def epoch(self) -> Iterator[float]:
        """Train to the end of the epoch; yield the mean square error of each batch.

        Raises:
            DivergenceError: a loss is not finite.
        """
        done = self.state.batch
        random = seeded(*self._seeds, 1 + self.state.epoch)
        examples, n_batches = self._lesson.training, self.n_batches
        for batch in examples.shuffled(self.frames_of_batch, random, done):
            loss = self._step(batch)
            self._check(loss)
            done += 1
            self.state = replace(
                self.state,
                steps=self.state.steps + 1,
                batch=done,
                epoch_loss=self.state.epoch_loss + loss,
            )
            if done == n_batches:
                self._end_epoch()
            yield loss

    def _drawn(self) -> Trainable:
        n_types, random = len(self._system.type_names), seeded(*self._seeds, 0)
        module = Trainable(n_types, self.settings, self._lesson.scales, random)
        return module.to(self._device)

    def _step(self, batch: Frames) -> float:
        """Take a step; mean square error of the batch before it."""
        loss, gradient = self._gradient(batch)
        step, rate = self.state.steps + 1, self.state.learning_rate
        rate *= min(1.0, step / _WARMING)
        adam_step((self._weights, self._first, self._second), gradient, step, rate)
        span = max(1.0, _AVERAGED * self.n_batches)
        self._averages.lerp_(self._weights, max(1 / span, 9 / (10 + step)))
        return loss

    def _gradient(self, batch: Frames) -> tuple[float, Tensor]:
        """Mean square error of a batch, and its derivative by the weights over the scale²."""
        group, numbers = self._group, 3 * self._system.n_beads * batch.n_frames
        share = batch.take(slice(group.rank, None, group.size))
        vector = self._weights.new_zeros(len(self._weights) + 1)
        if share.n_frames:
            graph = graph_of_frames(share, self._system, self.settings.neural_cutoff, self._device)
            network = self._module.network()
            missed = missed_forces(detached(network), graph, share)
            vector[-1] = missed.square().sum() / numbers
            # Forces change by v when weights change: the loss by sum of 2 missed v / numbers.
            direction = missed * (2 / (numbers * self._lesson.scales.force**2))
            lost = -energies_along(network, graph, direction).sum()
            vector[:-1] = gradient_of(lost, self._module)
        vector = group.total(vector)
        return float(vector[-1]), vector[:-1]

    def _end_epoch(self) -> None:
        """Judge the averaged weights; lower the learning rate where there was no progress."""
        state, lesson = self.state, self._lesson
        network = detached(self._averaged.network())
        loss = self._validation(network)
        self._check(loss)
        best_before = float(state.history.validation_loss.min()) if state.best else torch.inf
        gain = lesson.prior_loss - min(best_before, lesson.prior_loss)
        moving = loss < best_before - _PROGRESS * gain or state.steps < _SETTLED
        stale = 0 if moving else state.stale + 1
        halved = stale >= self.settings.patience
        rate = state.learning_rate / 2 if halved else state.learning_rate
        ended = rate < self.settings.learning_rate / 2**_HALVINGS
        better = loss < best_before
        self.state = replace(
            state,
            best=named(self._module, self._averages.clone()) if better else state.best,
            epoch=state.epoch + 1,
            batch=0,
            epoch_loss=0.0,
            learning_rate=rate,
            stale=0 if halved else stale,
            finished=ended or state.epoch + 1 == self.settings.epochs,
            history=longer(state, loss),
        )

    def _validation(self, network: Network) -> float:
        """Mean square error on the frames held out, (kJ/(mol Å))²."""
        group, examples = self._group, self._lesson.held_out
        total = torch.zeros(1, dtype=torch.float64)
        size = group.size * frames_of_batch(MOST_BEADS, self._system.n_beads, 0)
        for batch in examples.in_order(size):
            share = batch.take(slice(group.rank, None, group.size))
            if share.n_frames:
                graph = graph_of_frames(share, self._system, network.cutoff, self._device)
                missed = missed_forces(network, graph, share)
                total += missed.square().double().sum().cpu()
        return float(group.total(total)) / (3 * self._system.n_beads * examples.n_frames)

    def _check(self, loss: float) -> None:
        """Check that a loss is finite."""
        if not isfinite(loss):
            where = f"network {self._seeds[1] + 1}, epoch {self.state.epoch + 1}"
            raise DivergenceError(
                given=f"a loss that is not finite in the training of {where}",
                expected="a finite loss",
                remedy="look for corrupt frames, or give a lower --learning-rate",
            )


def missed_forces(network: Network, graph: Graph, frames: Frames) -> Tensor:
    """Forces of a network less what they should be, kJ/(mol Å), (beads of all frames, 3)."""
    forces = energy_and_forces(network, graph)[1]
    return forces - frames.residuals.flatten(0, 1).to(forces)


def adam_step(
    vectors: tuple[Tensor, Tensor, Tensor], gradient: Tensor, step: int, rate: float
) -> None:
    """Step by Adam, in place; a gradient much longer than usual is shortened.

    Args:
        vectors: weights, and means of past gradients and of their squares, (weights,) each.
        gradient: (weights,).
        step: number of it, from 1 on.
        rate: learning rate.

    Source: D. P. Kingma, J. Ba, arXiv:1412.6980, algorithm 1.
    """
    weights, first, second = vectors
    usual = (second.sum() / (1 - _MEMORIES[1] ** max(1, step - 1))).sqrt()
    if step > _FEW:
        gradient = gradient * (_CLIPPED * usual / gradient.norm().clamp(min=1e-30)).clamp(max=1.0)
    first.lerp_(gradient, 1 - _MEMORIES[0])
    second.lerp_(gradient.square(), 1 - _MEMORIES[1])
    size = (second / (1 - _MEMORIES[1] ** step)).sqrt() + _TINY
    weights.sub_(rate / (1 - _MEMORIES[0] ** step) * first / size)


def on_one_vector(module: nn.Module) -> Tensor:
    """Put the parameters of a module on one vector, of which they become views."""
    parameters = list(module.parameters())
    vector = torch.cat([each.detach().flatten() for each in parameters])
    for each, part in zip(parameters, _parts(module, vector), strict=True):
        each.data = part
    return vector


def named(module: nn.Module, vector: Tensor) -> dict[str, Tensor]:
    """Parts of a vector by the names of the parameters of a module; views of it."""
    names = [name for name, _ in module.named_parameters()]
    return dict(zip(names, _parts(module, vector), strict=True))


def _parts(module: nn.Module, vector: Tensor) -> list[Tensor]:
    shapes = [each.shape for each in module.parameters()]
    parts = vector.split([shape.numel() for shape in shapes])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def gradient_of(value: Tensor, module: nn.Module) -> Tensor:
    """Derivative of a number by the parameters, one after the other; 0 by those not trained."""
    trained = [each for each in module.parameters() if each.requires_grad]
    found = iter(torch.autograd.grad(value, trained, materialize_grads=True))
    parts = [next(found) if p.requires_grad else torch.zeros_like(p) for p in module.parameters()]
    return torch.cat([part.flatten() for part in parts])


def longer(state: MemberState, validation: float) -> TrainingHistory:
    """The history with the epoch that ends; loss on the frames held out, (kJ/(mol Å))²."""
    old = state.history
    new = (state.epoch_loss / state.batch, validation, state.learning_rate)
    columns = (old.training_loss, old.validation_loss, old.learning_rate)
    longer_ones = (torch.cat((a, a.new_tensor([b]))) for a, b in zip(columns, new, strict=True))
    return TrainingHistory(*longer_ones)
