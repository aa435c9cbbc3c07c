"""The last frame of a trajectory of beads: the one that an artifact shows."""

from autograin_cli.system import Configuration
from autograin_cli.trajectory import Trajectory


def last_frame(beads: Trajectory) -> Configuration:
    """Read the last frame; the frames before it are not read."""
    *_, chunk = beads.chunks(beads.n_frames - 1)
    box = None if chunk.boxes is None else chunk.boxes[-1].clone()
    return Configuration(chunk.positions[-1].clone(), box)
