"""Beads with forces, and a prior -> NeuralPotential: networks trained one after another."""

from collections.abc import Iterator

import torch

from autograin_cli.errors import SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.batches import Lesson, lesson_of, seeded
from autograin_cli.potential.neural.judgement import cautions, judged
from autograin_cli.potential.neural.learning import Learner
from autograin_cli.potential.neural.network import Network
from autograin_cli.potential.neural.parallel import Group
from autograin_cli.potential.neural.potential import NeuralPotential, detached, placed
from autograin_cli.potential.neural.trainable import Scales, Trainable
from autograin_cli.potential.neural.training_state import MemberState, Progress, TrainingState
from autograin_cli.settings import NeuralSettings
from autograin_cli.trajectory import Trajectory


def train(
    beads: Trajectory,
    prior: ForceField,
    settings: NeuralSettings,
    resumed: TrainingState | None = None,
    group: Group | None = None,
    device: str = "cpu",
) -> Iterator[Progress]:
    """Train networks on the forces that a prior leaves unexplained.

    Blocks of frames in time are held out; what they say of the averaged weights lowers the
    learning rate, ends the training, and chooses the weights.

    Args:
        beads: with forces, molecules whole.
        prior: the classical terms; without pair terms molecules do not feel one another.
        settings: of the network and its training.
        resumed: where to go on from; on a CPU and with as many threads the weights are then to
            the last bit those of a training without a break.
        group: processes that train together, all with the same arguments.
        device: where to compute, as torch names it.

    Yields:
        What was done, after every batch, until all networks are trained.

    Raises:
        InputError: no forces, or too few frames.
        SettingError: the cutoff is longer than half a box.
        DivergenceError: a loss is not finite.
    """
    lesson = lesson_of(beads, prior.prior, settings.neural_cutoff)
    place = (group or Group(), torch.device(device))
    done = tuple(one for one in resumed.members if one.finished) if resumed else ()
    begun = resumed.members[len(done) :] if resumed else ()
    for number in range(len(done), settings.ensemble):
        learner = Learner(lesson, prior.system, settings, number, place)
        if begun:
            learner.restore(begun[0])
            begun = ()
        while not learner.state.finished:
            epoch, batch = learner.state.epoch, learner.state.batch
            for loss in learner.epoch():
                state = TrainingState((*done, learner.state))
                yield _progress(lesson, learner, (number, epoch, batch), loss, state)
                batch += 1
        done = (*done, learner.state)


def _progress(
    lesson: Lesson, learner: Learner, where: tuple[int, int, int], loss: float, state: TrainingState
) -> Progress:
    settings, losses = learner.settings, learner.state.history.validation_loss
    return Progress(
        *where,
        n_members=settings.ensemble,
        n_epochs=settings.epochs,
        n_batches=learner.n_batches,
        loss=loss / lesson.variance,
        validation=float(losses[-1]) / lesson.variance if len(losses) else None,
        prior=lesson.prior_loss / lesson.variance,
        state=state,
    )


def trained(
    beads: Trajectory,
    prior: ForceField,
    settings: NeuralSettings,
    state: TrainingState,
    device: str = "cpu",
) -> tuple[NeuralPotential, tuple[str, ...]]:
    """Take the best weights of each network, and judge the ensemble on the frames held out.

    Args:
        beads, prior, settings: as for the training.
        state: of the training; a network that has not ended its first epoch is left out.
        device: where to compute.

    Returns:
        The potential, and what the user should be warned of.

    Raises:
        SettingError: no network has ended an epoch.
    """
    lesson = lesson_of(beads, prior.prior, settings.neural_cutoff)
    members = [member for member in state.members if member.best]
    if not members:
        raise SettingError(
            given="a training that was stopped in its first epoch",
            expected="at least one epoch, after which the frames held out are looked at",
            remedy="resume the training",
        )
    networks = tuple(network_of(member, settings) for member in members)
    there = [placed(network, device) for network in networks]
    judgement = judged(lesson, there, prior.system, settings)
    potential = NeuralPotential(
        type_names=prior.system.type_names,
        networks=networks,
        channels=judgement.channels,
        spread=judgement.spread,
        spread_high=judgement.spread_high,
        histories=tuple(member.history for member in members),
        n_frames=lesson.training.n_frames,
    )
    n_components = 3 * prior.system.n_beads * lesson.training.n_frames
    return potential, cautions(judgement, members, lesson, settings, n_components)


def network_of(member: MemberState, settings: NeuralSettings) -> Network:
    """Give the best network of a training, on the CPU; not to be trained on."""
    module = Trainable(len(member.best["embedding"]), settings, Scales(1.0, (1.0, 1.0)), seeded(0))
    module.load_state_dict(member.best)
    return detached(module.network())
