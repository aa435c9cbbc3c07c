"""Run: one of the two trajectories that are compared, and what its frames hold."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.comparison.observables import Observable, observe
from autograin_cli.errors import InputError
from autograin_cli.passes import State, Sums, Together, add_up
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, Trajectory


@dataclass(frozen=True)
class Run:
    """A trajectory of beads.

    beads: Å; the system of one replica after the other.
    system: beads of a replica.
    replicas: in a frame; they do not feel one another.
    timed: whether the times of the frames are times; else they count steps, or frames.
    """

    beads: Trajectory
    system: System
    replicas: int
    timed: bool = True

    @property
    def n_frames(self) -> int:
        """Frames of the trajectory."""
        return self.beads.n_frames

    def add_up(self, *parts: Sums) -> None:
        """Fill sums in one pass over the frames, each checked.

        Raises:
            InputError: the beads are not those of the system, or a position is not finite.
        """
        self._check_beads()
        add_up(self.beads, Together((_Finite(), *parts)))

    def replicas_of(self, chunk: Chunk) -> tuple[Tensor, Tensor | None]:
        """Take the replicas of a chunk apart.

        Returns:
            Positions, Å, (frames replicas, beads, 3), and boxes, Å, (frames replicas, 3, 3);
            None in vacuum.
        """
        boxes = chunk.boxes
        positions = chunk.positions.reshape(-1, self.system.n_beads, 3).contiguous()
        return positions, None if boxes is None else boxes.repeat_interleave(self.replicas, 0)

    def interacts(self, chunk: Chunk) -> bool:
        """Whether the molecules of a replica feel one another: several in a periodic box."""
        return chunk.boxes is not None and self.system.n_molecules > 1

    def n_chains(self, observable: Observable, interacts: bool) -> int:
        """Number of what is independent: replicas, or molecules that feel nothing of others."""
        copies = self.system.components[observable.component].n_copies
        return self.replicas if interacts else self.replicas * copies

    def observe(self, observable: Observable, chunk: Chunk) -> Tensor:
        """Values of an observable, Å or degrees, (frames, chains, instances in a chain)."""
        number = observable.component
        part, where = self.system.components[number], self.system.slices[number]
        positions = chunk.positions.reshape(chunk.n_frames, self.replicas, -1, 3)[:, :, where]
        copies = positions.reshape(chunk.n_frames, -1, part.n_beads, 3)
        n_chains = self.n_chains(observable, self.interacts(chunk))
        return observe(observable, copies).reshape(chunk.n_frames, n_chains, -1)

    def _check_beads(self) -> None:
        expected = self.replicas * self.system.n_beads
        if self.beads.n_atoms != expected:
            raise InputError(
                given=f"a trajectory of {self.beads.n_atoms} beads",
                expected=f"{expected} beads: {self.replicas} times the {self.system.n_beads} of "
                "the system",
                remedy="compare with the trajectory of the same model",
            )


class _Finite:
    """A check that the positions of a pass are finite; nothing is summed."""

    def add(self, first: int, chunk: Chunk) -> None:
        """Check a chunk whose first frame has this number."""
        if not chunk.positions.isfinite().all():
            raise InputError(
                given=f"positions that are not finite, after {first} frames",
                expected="finite positions of the beads in every frame",
                remedy="run the simulation that wrote them again, or leave these frames out",
            )

    def state(self) -> State:
        """Nothing is kept."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing is kept."""


def heights(boxes: Tensor) -> Tensor:
    """Distances between the opposite faces of boxes, Å, (boxes, 3, 3) to (boxes, 3)."""
    return 1.0 / torch.linalg.inv(boxes).norm(dim=1)
