"""Which files went into a result, and how much of one run another one shares."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autograin_cli.files.artifacts import InputFile

_WHOLE = 8 * 2**20  # bytes; a smaller file is hashed from end to end
_ENDS = 64 * 2**10
_SAMPLES, _SAMPLE = 256, 4 * 2**10


def fingerprint(path: Path) -> str:
    """SHA-256 over the size of a file and its content, of a large file its ends and samples.

    Returns:
        64 hexadecimal digits.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size < _WHOLE:
            digest.update(file.read())
            return digest.hexdigest()
        places = [(0, _ENDS), (size - _ENDS, _ENDS)]
        places += [(size * k // _SAMPLES, _SAMPLE) for k in range(1, _SAMPLES)]
        for offset, length in places:
            file.seek(offset)
            digest.update(file.read(length))
    return digest.hexdigest()


def input_file(path: Path, role: str, times: np.ndarray, stride: int) -> InputFile:
    """Describe a file that was read.

    Args:
        path: of the file.
        role: 'trajectory', 'forces', 'topology' or 'artifact'.
        times: ps, of the frames used, (frames,).
        stride: every so many frames.
    """
    return InputFile(
        path=str(path),
        role=role,
        size=path.stat().st_size,
        fingerprint=fingerprint(path),
        n_frames=len(times),
        first_time=float(times[0]) if len(times) else 0.0,
        last_time=float(times[-1]) if len(times) else 0.0,
        stride=stride,
    )


def shared_frames(training: Sequence[InputFile], reference: Sequence[InputFile]) -> float:
    """Share of the frames of a reference that training has used as well.

    Files are the same if their fingerprints are, frames if their times are; the frames used of a
    file are taken to be evenly spaced. A trajectory that was written anew is not recognised.

    Returns:
        From 0 to 1.
    """
    used = [file for file in training if file.role == "trajectory"]
    frames = [file for file in reference if file.role == "trajectory"]
    n_shared = 0
    for file in frames:
        times = _times(file)
        seen = np.zeros(len(times), dtype=bool)
        for other in used:
            if other.fingerprint == file.fingerprint:
                tolerance = 0.1 * min(_spacing(file), _spacing(other), 10.0)
                seen |= _among(times, other, tolerance)
        n_shared += int(seen.sum())
    return n_shared / max(1, sum(file.n_frames for file in frames))


def _times(file: InputFile) -> np.ndarray:
    return np.linspace(file.first_time, file.last_time, file.n_frames)


def _spacing(file: InputFile) -> float:
    """Time between two frames used, ps; infinite where there is one frame."""
    return (file.last_time - file.first_time) / (file.n_frames - 1) if file.n_frames > 1 else np.inf


def _among(times: np.ndarray, file: InputFile, tolerance: float) -> np.ndarray:
    """Whether a frame of a file was used at each time, within a tolerance in ps, (times,)."""
    used = _times(file)
    if len(used) == 0:
        return np.zeros(len(times), dtype=bool)
    behind = np.searchsorted(used, times).clip(1, max(1, len(used) - 1))
    nearest = np.stack([used[behind - 1], used[np.minimum(behind, len(used) - 1)]])
    close: np.ndarray = np.abs(nearest - times).min(0) < tolerance
    return close
