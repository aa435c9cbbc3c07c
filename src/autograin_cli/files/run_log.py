"""The log of a simulation that is not over: its snapshots one after another, to go on from.

A line of text says what was begun with; then each snapshot is as many numbers, with a checksum.
What was being written when the program or the machine stopped is cut off.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from zlib import crc32

import numpy as np
import torch

from autograin_cli.errors import InputError, ResumeError
from autograin_cli.files.output import as_access_error, check_output
from autograin_cli.files.resuming import AGAIN, Begun, check_same
from autograin_cli.files.storage.artifact import InputFile
from autograin_cli.files.visible import visible
from autograin_cli.simulation.engine import Snapshot

_FORMAT = "autograin run log 1"
_LONGEST_HEAD = 2**20  # bytes
_CHECKSUM = 4  # bytes


@dataclass(frozen=True)
class Shape:
    """What every snapshot of a run has.

    n_replicas, n_beads: of each frame.
    n_terms: whose time outside is counted.
    """

    n_replicas: int
    n_beads: int
    n_terms: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of each part of a snapshot: step, time, positions, ..."""
        n_vectors = self.n_replicas * self.n_beads * 3
        return 1, 1, n_vectors, n_vectors, self.n_replicas, self.n_replicas, self.n_terms

    @property
    def n_bytes(self) -> int:
        """Bytes of a snapshot with its checksum."""
        return 8 * sum(self.sizes) + _CHECKSUM


def log_path(output: Path) -> Path:
    """Give the path of the log of a run that is written to `output`: OUT.ckpt."""
    return output.with_name(f"{output.name.removesuffix('.h5')}.ckpt")


class RunLog:
    """Adds snapshots to a log; a context, which closes it."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Take a file that is open where the next snapshot belongs."""
        self._path, self._file = path, file

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def append(self, snapshot: Snapshot) -> None:
        """Add a snapshot.

        Raises:
            FileAccessError: it cannot be written.
        """
        data = _packed(snapshot)
        with as_access_error(self._path):
            self._file.write(data + crc32(data).to_bytes(_CHECKSUM, "little"))
            self._file.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the log, on the disk."""
        with as_access_error(self._path), self._file:
            self._file.flush()
            os.fsync(self._file.fileno())


def new_log(path: Path, begun: Begun, shape: Shape) -> RunLog:
    """Begin a log, in the place of one that is there.

    Raises:
        FileAccessError: it cannot be written.
    """
    check_output(path, overwrite=True)
    head = {"format": _FORMAT, "shape": asdict(shape), **asdict(begun)}
    with as_access_error(path):
        path.unlink(missing_ok=True)  # or what a link leads to would be written over
        file = path.open("xb")
        try:
            file.write(json.dumps(head).encode() + b"\n")
            file.flush()
        except OSError:
            path.unlink()  # half a head would be in the way of the next run
            with suppress(OSError):
                file.close()
            raise
    return RunLog(path, file)


@dataclass(frozen=True)
class FoundLog:
    """A log that was left.

    path: of it.
    begun: what the run was begun with.
    shape: of the snapshots.
    first: byte of the first of them.
    n_snapshots: whole ones.
    """

    path: Path
    begun: Begun
    shape: Shape
    first: int
    n_snapshots: int

    def snapshots(self) -> Iterator[Snapshot]:
        """Read the snapshots in order.

        Raises:
            FileAccessError: the file has gone.
            InputError: a number is not finite.
        """
        with as_access_error(self.path), self.path.open("rb") as file:
            file.seek(self.first)
            for _ in range(self.n_snapshots):
                yield _unpacked(self.path, file.read(self.shape.n_bytes), self.shape)

    def whole(self, spell: int) -> "FoundLog":
        """Leave out the snapshots after the last whole spell, of so many each."""
        return replace(self, n_snapshots=self.n_snapshots // spell * spell)

    def go_on(self) -> RunLog:
        """Open the log to add to it; what is after these snapshots is cut off.

        Raises:
            FileAccessError: it cannot be written.
        """
        with as_access_error(self.path):
            file = self.path.open("r+b")
            file.truncate(self.first + self.n_snapshots * self.shape.n_bytes)
            file.seek(0, os.SEEK_END)
        return RunLog(self.path, file)


def find_log(path: Path, begun: Begun, shape: Shape) -> FoundLog:
    """Read how far the log of a run is.

    Args:
        path: of the log.
        begun: what the run that goes on has.
        shape: of its snapshots.

    Raises:
        FileAccessError: it cannot be opened.
        InputError: it is none, or damaged.
        ResumeError: it is of other settings or inputs, or of beads of another number.
    """
    with as_access_error(path), path.open("rb") as file:
        head = file.readline(_LONGEST_HEAD)
        before, found = _head(path, head)
        check_same(before, begun)
        if found != shape:
            raise ResumeError(
                given=f"--resume, but {visible(str(path))} is of {found.n_replicas} x "
                f"{found.n_beads} beads and {found.n_terms} terms",
                expected=f"{shape.n_replicas} x {shape.n_beads} beads and {shape.n_terms} terms",
                remedy=f"give what it was begun with, or {AGAIN}",
            )
        n_snapshots = 0
        while _is_whole(file.read(shape.n_bytes), shape):
            n_snapshots += 1
    return FoundLog(path, before, shape, len(head), n_snapshots)


def _head(path: Path, line: bytes) -> tuple[Begun, Shape]:
    try:
        head = json.loads(line)
        if head["format"] != _FORMAT or not isinstance(json.loads(head["settings"]), dict):
            raise ValueError
        inputs = tuple(_input(file) for file in head["inputs"])
        shape = Shape(**{item.name: int(head["shape"][item.name]) for item in fields(Shape)})
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise _damaged(path, "it does not begin like one") from error
    if min(shape.n_replicas, shape.n_beads) < 1 or shape.n_terms < 0:
        raise _damaged(path, "its snapshots hold nothing")
    return Begun(head["settings"], inputs), shape


def _input(given: dict[str, Any]) -> InputFile:
    values = {item.name: given[item.name] for item in fields(InputFile)}
    if any(type(values[item.name]) is not item.type for item in fields(InputFile)):
        raise ValueError
    return InputFile(**values)


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(
        given=f"{visible(str(path))} is no log of a simulation: {reason}",
        expected="the file that a simulation left when it was stopped",
        remedy=f"give that one, or {AGAIN}",
    )


def _is_whole(record: bytes, shape: Shape) -> bool:
    if len(record) < shape.n_bytes:
        return False
    data, checksum = record[:-_CHECKSUM], record[-_CHECKSUM:]
    return crc32(data).to_bytes(_CHECKSUM, "little") == checksum


def _packed(snapshot: Snapshot) -> bytes:
    parts = (getattr(snapshot, item.name) for item in fields(Snapshot))
    arrays = (np.asarray(part, dtype="<f8").ravel() for part in parts)
    return b"".join(array.tobytes() for array in arrays)


def _unpacked(path: Path, record: bytes, shape: Shape) -> Snapshot:
    numbers = np.frombuffer(record[:-_CHECKSUM], dtype="<f8")
    if not np.isfinite(numbers).all():
        raise _damaged(path, "a number in it is not finite")
    parts = np.split(numbers, np.cumsum(shape.sizes)[:-1])
    step, time, positions, velocities, *others = (torch.from_numpy(p.copy()) for p in parts)
    frame = (shape.n_replicas, shape.n_beads, 3)
    return Snapshot(
        int(step), float(time), positions.reshape(frame), velocities.reshape(frame), *others
    )
