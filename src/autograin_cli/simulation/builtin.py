"""The built-in engine: which of its versions runs where."""

import torch

from autograin_cli.errors import DeviceError
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.batched import BatchedEngine
from autograin_cli.simulation.compiled import CompiledEngine
from autograin_cli.simulation.engine import Engine

# An estimate: a step of the batch is some two hundred launches, a millisecond whatever the number
# of replicas, in which ten cores do 180,000 replica-steps of a molecule of three beads.
WORTH_CUDA = 200_000


def choose_device(settings: SimulationSettings) -> str:
    """Give 'cuda' where it is asked for, or is there and there are many replicas; else 'cpu'.

    Raises:
        DeviceError: CUDA is asked for and not there.
    """
    if settings.device == "auto":
        worth_it = settings.replicas >= WORTH_CUDA and torch.cuda.is_available()
        return "cuda" if worth_it else "cpu"
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            given="--device cuda on a machine without a CUDA device that torch can use",
            expected="a CUDA device",
            remedy="--device cpu, or --device auto",
        )
    return settings.device


def builtin_engine(settings: SimulationSettings) -> Engine:
    """Give the version of the built-in engine for the device and threads of the settings.

    Raises:
        DeviceError: CUDA is asked for and not there.
    """
    if choose_device(settings) == "cuda":
        return BatchedEngine("cuda")
    return CompiledEngine(settings.threads)
