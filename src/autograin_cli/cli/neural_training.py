"""The training of networks as a command runs it: progress, checkpoints, stops."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from autograin_cli.cli.console import Console, duration
from autograin_cli.cli.processes import Place
from autograin_cli.cli.stops import asked_to_stop
from autograin_cli.cli.threads import threads
from autograin_cli.errors import CheckpointedError, FileAccessError, InputError, SettingError
from autograin_cli.files.artifacts import InputFile
from autograin_cli.files.checkpoints import (
    Checkpoint,
    check_no_checkpoint,
    check_same,
    checkpoint_path,
    load_checkpoint,
    save_checkpoint,
)
from autograin_cli.files.visible import visible
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.potential import NeuralPotential, cast
from autograin_cli.potential.neural.trainable import Scales, Trainable
from autograin_cli.potential.neural.training import train, trained
from autograin_cli.potential.neural.training_state import Progress, TrainingState
from autograin_cli.settings import NeuralSettings
from autograin_cli.trajectory import Trajectory

_SECONDS_BETWEEN_CHECKPOINTS = 300.0
# The matrices are small: on a machine that is busy two threads took ten times as long as one. More
# processes help, and with one thread a result does not depend on the number of processors.
_THREADS = 1
# They change how long a training takes and where, or name files that are known by their content.
_NOT_OF_THE_RESULT = ("device", "max_hours", "resume", "topology", "forces")


@dataclass(frozen=True)
class Keeper:
    """Keeps the checkpoint of a training.

    path: of the checkpoint.
    settings: that the result depends on, JSON.
    inputs: the mapping and the files of the trajectory.
    writes: whether there is a training, and this process is the one that writes.
    found: the checkpoint that the training goes on from; None where it begins.
    """

    path: Path
    settings: str
    inputs: tuple[InputFile, ...]
    writes: bool
    found: Checkpoint | None

    @property
    def state(self) -> TrainingState | None:
        """Where the training goes on; None where it begins."""
        return self.found.state if self.found else None

    def save(self, state: TrainingState, seconds: float) -> None:
        """Write the checkpoint, after so many seconds of this run.

        Raises:
            FileAccessError: it cannot be written; the one before is still there.
        """
        if self.writes:
            whole = seconds + (self.found.seconds if self.found else 0.0)
            save_checkpoint(Checkpoint(self.settings, self.inputs, whole, state), self.path)

    def discard(self) -> None:
        """Remove the checkpoint of a training whose result has been written."""
        if self.writes:
            self.path.unlink(missing_ok=True)


def check_beginning(output: Path, neural: NeuralSettings, *, overwrite: bool) -> None:
    """Check, before anything is read, that no checkpoint is lost by beginning again.

    Raises:
        SettingError: there is no training to go on with.
        OutputExistsError: there is one, and it is neither gone on from nor to be overwritten.
    """
    if neural.resume and not neural.neural:
        raise SettingError(
            given="--resume without --neural: a fit without networks leaves no checkpoint",
            expected="--resume with all other options of the training that was stopped",
            remedy="give --neural too, or leave --resume out",
        )
    if neural.neural and not neural.resume:
        check_no_checkpoint(checkpoint_path(output), overwrite)


def keeper_of(
    output: Path,
    neural: NeuralSettings,
    settings: Sequence[Any],
    inputs: tuple[InputFile, ...],
    place: Place,
) -> Keeper:
    """Find the checkpoint that a training goes on from.

    Args:
        output: of the command.
        neural: whether to go on.
        settings: all records of settings of the command.
        inputs: the mapping and the files of the trajectory.
        place: where it trains.

    Raises:
        ResumeError: the checkpoint is of other settings or inputs.
        InputError: it is damaged, or none at all.
    """
    path = checkpoint_path(output)
    chosen = {name: value for record in settings for name, value in asdict(record).items()}
    kept = {name: value for name, value in chosen.items() if name not in _NOT_OF_THE_RESULT}
    keeper = Keeper(path, json.dumps(kept), inputs, place.speaks and neural.neural, None)
    if not (neural.neural and neural.resume and path.exists()):
        return keeper
    found = load_checkpoint(path)
    check_same(found, keeper.settings, inputs)
    return replace(keeper, found=found)


@dataclass(frozen=True)
class Training:
    """A training and all that it is run with.

    beads: with forces.
    prior: the classical terms.
    settings: of the networks.
    started: when the command began, by the monotonic clock, s.
    """

    beads: Trajectory
    prior: ForceField
    settings: NeuralSettings
    started: float


def train_networks(
    training: Training, keeper: Keeper, place: Place, console: Console
) -> NeuralPotential:
    """Train networks, and keep a checkpoint until their potential has been written.

    Raises:
        CheckpointedError: it was asked to stop before its end.
        InputError: the checkpoint is of other networks.
    """
    if keeper.found is not None:
        _check_shapes(keeper, training)
        console.note(f"going on after {duration(keeper.found.seconds)} of training")
    elif training.settings.resume:
        console.note(f"no checkpoint {keeper.path}: the training begins")
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
    begun = kept = monotonic()
    stops = asked_to_stop(training.started, settings.max_hours)
    with stops as reason, console.telling_task("training") as tell:
        teller = Teller(prior)
        for progress in train(beads, prior, settings, keeper.state, place.group, place.device):
            state, now = progress.state, monotonic()
            if stop := place.agreed(reason()):
                keeper.save(state, now - begun)
                place.agreed(None)  # none ends before the checkpoint is written
                raise _stopped(stop, progress, now - begun, keeper, place)
            if now - kept >= _SECONDS_BETWEEN_CHECKPOINTS:
                _save_if_possible(keeper, state, now - begun, console)
                kept = now
            tell(*teller.told(progress, now))
        _save_if_possible(keeper, state, monotonic() - begun, console)
    return state


def _save_if_possible(
    keeper: Keeper, state: TrainingState, seconds: float, console: Console
) -> None:
    """Write the checkpoint; a disk that is full for a while does not end a training."""
    try:
        keeper.save(state, seconds)
    except FileAccessError as error:
        console.note(f"no checkpoint was written: {error.given}")


def _stopped(
    reason: str, progress: Progress, seconds: float, keeper: Keeper, place: Place
) -> BaseException:
    if not place.speaks:
        return SystemExit(CheckpointedError.exit_code)
    reached = f"in epoch {progress.epoch + 1} of at most {progress.n_epochs}"
    if progress.n_members > 1:
        reached += f" of network {progress.member + 1} of {progress.n_members}"
    return CheckpointedError(
        given=f"the training was stopped by {reason} after {duration(seconds)}, {reached}",
        expected="a training that ends by itself",
        remedy=f"give the same command with --resume: {visible(str(keeper.path))} holds the rest",
    )


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
