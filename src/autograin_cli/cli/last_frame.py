"""The last frame of a trajectory, kept when it passes: one that an artifact shows."""

from dataclasses import dataclass, field

from autograin_cli.system import Configuration
from autograin_cli.trajectory import Chunk, DerivedTrajectory, Trajectory


@dataclass(frozen=True)
class LastFrame:
    """What is kept of a trajectory while it is read.

    chunks: the last of it, once one was read.
    """

    chunks: list[Chunk] = field(default_factory=list)

    def of(self, beads: Trajectory) -> DerivedTrajectory:
        """Give the same trajectory, which is remembered as it is read."""
        return DerivedTrajectory(beads, self._keep, beads.n_atoms, beads.has_forces)

    def _keep(self, chunk: Chunk) -> Chunk:
        self.chunks[:] = [chunk]
        return chunk

    @property
    def configuration(self) -> Configuration:
        """The last frame that was read."""
        (chunk,) = self.chunks
        box = None if chunk.boxes is None else chunk.boxes[-1].clone()
        return Configuration(chunk.positions[-1].clone(), box)
