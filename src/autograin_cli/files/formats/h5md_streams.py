"""What changes with time in an H5MD file: values with steps and times of their own."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from autograin_cli.errors import InputError
from autograin_cli.files.formats.clocks import unit_of_times
from autograin_cli.files.formats.foreign_hdf5 import member, texts, whole
from autograin_cli.files.formats.written_units import time_in
from autograin_cli.files.visible import visible


@dataclass(frozen=True)
class Stream:
    """Values at some steps of a simulation.

    where: path of the values in the file.
    shape: of the values, (frames, ...).
    unit: of the values; None where the file does not tell it.
    steps: (frames,), int64; None where the file has none.
    times: ps, (frames,); None where the file has none.
    assumed: the unit that times are taken to be in; None where the file tells it, or has none.
    """

    where: str
    shape: tuple[int, ...]
    unit: str | None
    steps: np.ndarray | None
    times: np.ndarray | None
    assumed: str | None

    @property
    def n_frames(self) -> int:
        """Values."""
        return self.shape[0]

    def read(self, file: h5py.File, path: Path, rows: np.ndarray) -> np.ndarray:
        """Read some values, those that follow one another in one go.

        Args:
            file: that is open.
            path: of the file.
            rows: (rows,), not decreasing.

        Returns:
            As stored, float64, (rows, ...).
        """
        dataset = member(path, file, *self.where.split("/"))
        if not isinstance(dataset, h5py.Dataset) or dataset.shape != self.shape:
            raise refused(path, f"{self.where} has changed", "a file that does not change")
        found = np.empty((len(rows), *self.shape[1:]))
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        for part in np.split(np.arange(len(rows)), breaks):
            first, last = int(rows[part[0]]), int(rows[part[-1]])
            found[part[0] : part[-1] + 1] = dataset[first : last + 1]
        return found


def stream(path: Path, group: h5py.Group, *names: str) -> Stream | None:
    """Look at an element; None where it is not there, or does not change with time.

    Raises:
        InputError: it is not safe to read, or its steps or times are not as many as its values.
    """
    element = member(path, group, *names)
    values = member(path, group, *names, "value")
    if not isinstance(element, h5py.Group) or not isinstance(values, h5py.Dataset):
        return None
    if not values.shape or not values.shape[0]:
        return None
    n_frames = values.shape[0]
    steps = _numbers(path, element, "step", n_frames)
    times = _numbers(path, element, "time", n_frames)
    clock = member(path, element, "time")
    unit = (*texts(path, clock, "unit"), "")[0] if clock is not None else ""
    assumed = None if unit or times is None else unit_of_times(times, steps)
    factor = time_in(unit or assumed or "ps")
    if factor is None:
        raise refused(path, f"times in {unit!r}", "ps, or another unit of time")
    return Stream(
        where=str(values.name).strip("/"),
        shape=values.shape,
        unit=(*texts(path, values, "unit"), None)[0],
        steps=None if steps is None else steps.astype(np.int64),
        times=None if times is None else times.astype(np.float64) * factor,
        assumed=assumed,
    )


def _numbers(path: Path, element: h5py.Group, name: str, n_frames: int) -> np.ndarray | None:
    """Steps or times, one for each value, or as an increment and an offset."""
    dataset = member(path, element, name)
    if not isinstance(dataset, h5py.Dataset):
        return None
    numbers = whole(path, dataset)
    if not np.isfinite(numbers).all():
        raise refused(path, f"{dataset.name} holds what is no number", "steps and times")
    if numbers.ndim == 0:
        offset = np.asarray(dataset.attrs.get("offset", 0))
        if offset.shape != () or offset.dtype.kind not in "fiu":
            raise refused(path, f"{dataset.name} with an offset", "a number as the offset")
        return np.asarray(offset + numbers * np.arange(n_frames))
    if numbers.ndim != 1 or len(numbers) < n_frames:
        expected = f"one for each of the {n_frames} values"
        raise refused(path, f"{dataset.name} with {numbers.size} numbers", expected)
    return numbers[:n_frames]


def refused(path: Path, given: str, expected: str) -> InputError:
    """Error for an H5MD file that cannot be understood."""
    return InputError(
        given=f"{visible(str(path))}: {visible(given)}",
        expected=expected,
        remedy="write the file anew, for example with MDAnalysis",
        code="format",
    )
