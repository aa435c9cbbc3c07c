"""Engine: the one interface of everything that moves beads, and the Snapshot it yields."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    positions: Å, (replicas, beads, 3); molecules whole.
    masses: u, (beads,).
    temperature: K, of the heat bath.
    timestep: ps.
    box: Å, (3, 3), rows are the box vectors, of every replica; None in vacuum.
    last: snapshot that a run goes on from, in the place of positions; None where it begins.
    """

    positions: Tensor
    masses: Tensor
    temperature: float
    timestep: float
    box: Tensor | None = None
    last: "Snapshot | None" = None


@dataclass(frozen=True)
class Snapshot:
    """The state of all replicas at one step, and means since the snapshot before.

    step: steps done since the start.
    time: ps.
    positions: Å, (replicas, beads, 3); molecules whole, in a box not folded back into it.
    velocities: Å/ps, (replicas, beads, 3).
    potential_energy: kJ/mol, (replicas,).
    kinetic_energy: kJ/mol, (replicas,), from mid-step velocities, mean since the snapshot before.
    outside: share of steps and instances since the snapshot before that each term spent
        outside its sampled range, in the order of `ForceField.term_names`, (terms,); an engine
        that cannot count it gives that of the snapshot itself.
    """

    step: int
    time: float
    positions: Tensor
    velocities: Tensor
    potential_energy: Tensor
    kinetic_energy: Tensor
    outside: Tensor


class Engine(Protocol):
    """Anything that integrates the motion of beads; no state is left behind."""

    def run(
        self, force_field: ForceField, start: Start, settings: SimulationSettings
    ) -> Iterator[Snapshot]:
        """Yield a snapshot every `settings.interval` ps, the first after the equilibration.

        A run that goes on yields those after the last one, which has to be the end of a spell (see
        `replicas.Schedule`). The built-in engine yields the same as if the run had not been
        interrupted; that of another program has other noise from there on.

        Raises:
            SettingError: the engine cannot do what the settings or the force field ask for.
            EngineError: the program that the engine needs is not installed, or it failed.
            DivergenceError: a position or an energy is not finite; it names step and term.
        """
