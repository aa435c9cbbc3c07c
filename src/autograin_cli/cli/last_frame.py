"""The last frame of a trajectory, kept when it passes: one that an artifact shows."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from autograin_cli.system import Configuration
from autograin_cli.trajectory import Chunk, Trajectory


@dataclass(frozen=True)
class Remembered:
    """A trajectory that keeps its last frame when it has been read.

    source: of beads.
    kept: the last frame, once read.
    """

    source: Trajectory
    kept: list[Chunk] = field(default_factory=list)

    @property
    def n_frames(self) -> int:
        """Frames of the source."""
        return self.source.n_frames

    @property
    def n_atoms(self) -> int:
        """Beads of a frame."""
        return self.source.n_atoms

    @property
    def has_forces(self) -> bool:
        """Whether the source has forces."""
        return self.source.has_forces

    def chunks(self) -> Iterator[Chunk]:
        """Yield the frames of the source."""
        for chunk in self.source.chunks():
            self.kept[:] = [chunk]
            yield chunk

    @property
    def last(self) -> Configuration:
        """The last frame that was read."""
        (chunk,) = self.kept
        box = None if chunk.boxes is None else chunk.boxes[-1].clone()
        return Configuration(chunk.positions[-1].clone(), box)
