"""Times whose unit a file does not tell."""

import numpy as np

from autograin_cli.units import picoseconds

# No simulation of atoms takes steps of 50 fs; none takes steps below 0.05 fs.
_LONGEST_STEP = 0.05


def unit_of_times(times: np.ndarray, steps: np.ndarray | None) -> str:
    """Unit that times must be in, by the time that a step takes: 'fs' or 'ps'.

    Args:
        times: in the unit sought, (frames,).
        steps: of the simulation, (frames,); None where unknown: the times are taken for ps.
    """
    if steps is None or len(steps) < 2:
        return "ps"
    per_step = np.diff(times) / np.maximum(np.diff(steps), 1)
    return "fs" if float(np.median(per_step)) >= _LONGEST_STEP else "ps"


def in_picoseconds(times: np.ndarray, unit: str) -> np.ndarray:
    """Times in ps of times in 'fs' or 'ps', (frames,)."""
    return times * picoseconds(f"1{unit}")
