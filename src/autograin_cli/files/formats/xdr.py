"""Where the frames of an XTC or TRR file begin: one look at each header, no index file."""

import os
import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autograin_cli.files.formats.frames import corrupt, cut_off, wrong_format


class Header(NamedTuple):
    """What the header of a frame says.

    size: of the frame with its header, bytes.
    n_atoms: in the frame.
    time: ps.
    contents: of the frame, in bits that the format defines.
    step: of the simulation.
    """

    size: int
    n_atoms: int
    time: float
    contents: int
    step: int


@dataclass(frozen=True)
class Index:
    """All frames of a file.

    offsets: of each frame, bytes, (frames,), int64.
    sizes: of each frame, bytes, (frames,), int64.
    times: ps, (frames,).
    contents: of each frame, (frames,), int8.
    steps: of each frame, (frames,), int64.
    n_atoms: in every frame.
    """

    offsets: np.ndarray
    sizes: np.ndarray
    times: np.ndarray
    contents: np.ndarray
    steps: np.ndarray
    n_atoms: int


def index_frames(
    path: Path, name: str, header_size: int, parse: Callable[[bytes], Header]
) -> Index:
    """Find the frames of a file.

    Args:
        path: of the file, which is not empty.
        name: of the format.
        header_size: bytes to look at; the last frame may have fewer.
        parse: reads a header; raises `ValueError` or `struct.error` where there is none.

    Raises:
        InputError: the file is of another format, cut off or damaged, or the number of atoms
            changes.
    """
    times, offsets, contents, steps = array("d"), array("q"), array("b"), array("q")
    n_atoms = offset = 0
    with path.open("rb", buffering=0) as file:
        descriptor = file.fileno()
        end = os.fstat(descriptor).st_size
        while offset < end:
            try:
                size, n, time, content, step = parse(os.pread(descriptor, header_size, offset))
            except (ValueError, struct.error):
                raise _no_header(path, name, len(times), offset + header_size > end) from None
            if n != n_atoms and times:
                raise corrupt(path, len(times), f"{n} atoms after frames of {n_atoms}")
            n_atoms = n
            times.append(time)
            offsets.append(offset)
            contents.append(content)
            steps.append(step)
            offset += size
    if offset > end:
        raise cut_off(path, len(times) - 1)
    starts = np.frombuffer(offsets, dtype=np.int64)
    return Index(
        offsets=starts,
        sizes=np.diff(starts, append=offset),
        times=np.frombuffer(times, dtype=np.float64),
        contents=np.frombuffer(contents, dtype=np.int8),
        steps=np.frombuffer(steps, dtype=np.int64),
        n_atoms=n_atoms,
    )


def _no_header(path: Path, name: str, frame: int, at_end: bool) -> Exception:
    if frame == 0:
        return wrong_format(path, name)
    return cut_off(path, frame) if at_end else corrupt(path, frame, "it has no header")
