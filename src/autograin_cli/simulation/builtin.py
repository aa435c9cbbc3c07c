"""The built-in engine: which of its versions runs where; and the engines by name."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from autograin_cli.errors import DeviceError, SettingError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.batched import BatchedEngine
from autograin_cli.simulation.compiled import CompiledEngine
from autograin_cli.simulation.compiled import compiled as compiled_replicas
from autograin_cli.simulation.engine import Engine, Snapshot, Start
from autograin_cli.simulation.lammps import LammpsEngine
from autograin_cli.simulation.liquid import LiquidEngine
from autograin_cli.simulation.liquid_state import compiled as compiled_liquids
from autograin_cli.simulation.neural import NeuralEngine
from autograin_cli.simulation.neural_pairs import compiled as compiled_networks
from autograin_cli.simulation.openmm import OpenMMEngine
from autograin_cli.simulation.start import REPLICAS
from autograin_cli.simulation.system_start import is_isolated

# An estimate: a step of the batch is some two hundred launches, a millisecond whatever the number
# of replicas, in which ten cores do 180,000 replica-steps of a molecule of three beads.
WORTH_CUDA = 200_000


def choose_device(settings: SimulationSettings) -> str:
    """Give 'cuda' where it is asked for, or is there and there are many replicas; else 'cpu'.

    Raises:
        DeviceError: CUDA is asked for and not there.
    """
    if settings.device == "auto":
        n_replicas = settings.replicas or REPLICAS
        worth_it = n_replicas >= WORTH_CUDA and torch.cuda.is_available()
        return "cuda" if worth_it else "cpu"
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            given="--device cuda on a machine without a CUDA device that torch can use",
            expected="a CUDA device",
            remedy="--device cpu, or --device auto",
        )
    return settings.device


def builtin_engine(settings: SimulationSettings) -> CompiledEngine | BatchedEngine:
    """Give the version for replicas of one molecule, by device and threads of the settings.

    Raises:
        DeviceError: CUDA is asked for and not there.
    """
    if choose_device(settings) == "cuda":
        return BatchedEngine("cuda")
    return CompiledEngine(settings.threads)


@dataclass(frozen=True)
class BuiltinEngine:
    """Replicas of one molecule in batches, anything else as a box; with a network its own."""

    def run(
        self, force_field: ForceField, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        """Yield a snapshot every `settings.interval` ps, the first after the equilibration.

        Raises:
            SettingError: the times do not fit one another, the box is too small, or a box
                without a network is to run on CUDA.
            DeviceError: CUDA is asked for and not there.
            DivergenceError: a kinetic energy is not finite or far too large; it names the step
                and the term that is worst off.
        """
        if force_field.neural is not None:
            device = device_of(force_field, start, settings)
            return NeuralEngine(settings.threads, device).run(force_field, start, settings)
        if is_isolated(force_field, start.box):
            engine = builtin_engine(replace(settings, replicas=len(start.positions)))
            return engine.run(force_field.potentials[0], start, settings)
        if device_of(force_field, start, settings) == "cuda":
            raise SettingError(
                given="--device cuda with the built-in engine, and molecules that feel one another",
                expected="--device cpu, or --device auto",
                remedy="--engine openmm runs on GPUs",
            )
        return LiquidEngine(settings.threads).run(force_field, start, settings)


def engine_of(settings: SimulationSettings) -> Engine:
    """Give the engine that the settings name; other programs are looked for when it runs.

    Raises:
        SettingError: ranks are asked for of an engine that has none.
    """
    if settings.ranks > 1 and settings.engine != "lammps":
        raise SettingError(
            given=f"--ranks {settings.ranks} with the engine {settings.engine}",
            expected="--engine lammps: no other runs over MPI",
            remedy="give --engine lammps, or --threads in place of --ranks",
        )
    if settings.engine == "openmm":
        return OpenMMEngine()
    if settings.engine == "lammps":
        return LammpsEngine()
    return BuiltinEngine()


def device_of(force_field: ForceField, start: Start, settings: SimulationSettings) -> str:
    """Where a run computes, as far as it is known before: 'cpu' or 'cuda'.

    Raises:
        DeviceError: CUDA is asked for, of the built-in engine, and not there.
    """
    if settings.engine != "builtin":
        return "cuda" if settings.device == "cuda" else "cpu"
    if force_field.neural is not None:
        # A network is nearly all the work of a step, however few the replicas.
        return choose_device(replace(settings, replicas=WORTH_CUDA))
    if is_isolated(force_field, start.box):
        return choose_device(replace(settings, replicas=len(start.positions)))
    return choose_device(replace(settings, replicas=1))


def is_compiled(force_field: ForceField, start: Start) -> bool:
    """Whether the machine code that a run needs lies in the compiler's cache."""
    if force_field.neural is not None:
        return compiled_networks() and compiled_liquids()
    if is_isolated(force_field, start.box):
        return compiled_replicas()
    return compiled_liquids()
