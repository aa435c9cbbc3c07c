"""The training of networks as a command runs it: progress, checkpoints, stops."""

from dataclasses import dataclass, replace
from time import monotonic

import torch

from autograin_cli.cli.console import Console, duration
from autograin_cli.cli.keeping import Keeper
from autograin_cli.cli.processes import Place
from autograin_cli.cli.stops import asked_to_stop, stopped
from autograin_cli.cli.threads import threads
from autograin_cli.errors import CheckpointedError, InputError
from autograin_cli.files.visible import visible
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.potential import NeuralPotential, cast
from autograin_cli.potential.neural.trainable import Scales, Trainable
from autograin_cli.potential.neural.training import train, trained
from autograin_cli.potential.neural.training_state import Progress, TrainingState
from autograin_cli.settings import NeuralSettings
from autograin_cli.trajectory import Trajectory

# The matrices are small: on a machine that is busy two threads took ten times as long as one. More
# processes help, and with one thread a result does not depend on the number of processors.
_THREADS = 1


@dataclass(frozen=True)
class Training:
    """A training and all that it is run with.

    beads: with forces.
    prior: the classical terms.
    settings: of the networks.
    """

    beads: Trajectory
    prior: ForceField
    settings: NeuralSettings


def train_networks(
    training: Training, keeper: Keeper, place: Place, console: Console
) -> NeuralPotential:
    """Train networks, and keep a checkpoint until their potential has been written.

    Raises:
        CheckpointedError: it was asked to stop before its end.
        InputError: the checkpoint is of other networks.
    """
    _check_shapes(keeper, training)
    with threads(_THREADS):
        state = _trained_state(training, keeper, place, console)
        beads, prior, settings = training.beads, training.prior, training.settings
        with console.task("judging the networks on frames left out"):
            neural, cautions = trained(beads, prior, settings, state)
    for caution in cautions:
        console.warn(caution)
    # As they are stored; what was trained in single precision is the same number in double.
    return replace(neural, networks=tuple(cast(one, torch.float64) for one in neural.networks))


def _trained_state(
    training: Training, keeper: Keeper, place: Place, console: Console
) -> TrainingState:
    """Train to the end, or to where it is asked to stop."""
    beads, prior, settings = training.beads, training.prior, training.settings
    state = keeper.state or TrainingState(())
    stops = asked_to_stop(keeper.started, keeper.max_hours)
    with stops as reason, console.telling_task("training") as tell:
        teller = Teller(prior)
        for progress in train(beads, prior, settings, keeper.state, place.group, place.device):
            state = progress.state
            if stop := place.agreed(reason()):
                keeper.save(state)
                place.agreed(None)  # none ends before the checkpoint is written
                raise _stopped(stop, progress, keeper, place)
            if keeper.is_time:
                keeper.save_if_possible(state)
            tell(*teller.told(progress, monotonic()))
        keeper.save_if_possible(state)
    return state


def _stopped(reason: str, progress: Progress, keeper: Keeper, place: Place) -> BaseException:
    if not place.speaks:
        return SystemExit(CheckpointedError.exit_code)
    reached = f", in epoch {progress.epoch + 1} of at most {progress.n_epochs}"
    if progress.n_members > 1:
        reached += f" of network {progress.member + 1} of {progress.n_members}"
    return stopped("the training", reason, keeper.started, reached, keeper.path)


class Teller:
    """Says in words how far a training is, and when it will be over at the latest."""

    def __init__(self, prior: ForceField) -> None:
        """Begin; `prior` is for the noise floor of the forces."""
        self._ceiling = ceiling(prior)
        self._first: tuple[int, float] | None = None

    def told(self, progress: Progress, now: float) -> tuple[int, int, str]:
        """Give batches done, batches in all, and words; `now` is by the monotonic clock, s."""
        epochs = progress.member * progress.n_epochs + progress.epoch
        done = epochs * progress.n_batches + progress.batch + 1
        total = progress.n_members * progress.n_epochs * progress.n_batches
        first, since = self._first = self._first or (done, now)
        # What is said first is seen on a narrow terminal too.
        words = [f"epoch {progress.epoch + 1} of {progress.n_epochs}"]
        if progress.n_members > 1:
            words.insert(0, f"network {progress.member + 1} of {progress.n_members}")
        if done > first:
            left = (now - since) / (done - first) * (total - done)
            words.append(f"at most {duration(left)} left")
        words += [_r_squared(progress, self._ceiling), f"loss {progress.loss:.4f}"]
        return done, total, ", ".join(words)


def _r_squared(progress: Progress, best: float | None) -> str:
    """Say how much of the forces on frames left out is explained, and by the prior."""
    prior = f"{1 - progress.prior:.4f} without network"
    if best is not None:
        prior += f", {best:.4f} the best possible"
    if progress.validation is None:
        return f"R² {prior}"
    return f"R² {1 - progress.validation:.4f} ({prior})"


def ceiling(prior: ForceField) -> float | None:
    """Share of the forces that is no noise, where that is known: of one type of molecule alone."""
    if prior.nonbonded is not None or len(prior.potentials) != 1:
        return None
    known = [one.ceiling for one in prior.potentials[0].channels if one.name == "all"]
    return known[0] if known else None


def _check_shapes(keeper: Keeper, training: Training) -> None:
    """Check that the weights of a checkpoint are of the networks that the settings describe."""
    n_types, scales = len(training.prior.system.type_names), Scales(1.0, (1.0, 1.0))
    module = Trainable(n_types, training.settings, scales, torch.Generator())
    expected = {name: tuple(weights.shape) for name, weights in module.named_parameters()}
    for member in keeper.found.state.members if keeper.found else ():
        if {name: tuple(weights.shape) for name, weights in member.weights.items()} != expected:
            raise InputError(
                given=f"{visible(str(keeper.path))}: weights of another network",
                expected="weights of the shapes that its settings ask for",
                remedy="give the checkpoint that the training left, or begin again: --overwrite, "
                "without --resume",
            )
