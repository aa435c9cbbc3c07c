"""The second line of a frame of an XYZ file: of extended files, of CP2K and of LAMMPS."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autograin_cli.files.formats.frames import corrupt
from autograin_cli.files.visible import visible

_PAIR = re.compile(
    r"""([^\s="']+)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|\{[^}]*\}|\[[^\]]*\]|[^\s,]+)"""
)
_STEPS, _TIMES = ("step", "timestep", "i"), ("time",)
_FALSE = ("f", "false", "0")
# The comment of CP2K: 'i = 5, time = 2.500, E = ...', with times in fs.
_CP2K = re.compile(r"\s*i\s*=\s*\d+\s*,\s*time\s*=")
# The comment of LAMMPS: 'Atoms. Timestep: 2000', with the time where that was asked for.
_LAMMPS = re.compile(r"\s*Atoms\. Timestep: (?P<step>\d+)(?:\s+Time: (?P<time>\S+))?\s*$")


@dataclass(frozen=True)
class Comment:
    """What the second line of a frame says.

    properties: the columns, '' where it does not name them.
    box: Å, (3, 3); zeros where there is none.
    open_sides: whether only some sides of the box are periodic.
    step: None where it is not told.
    time: as it stands there; NaN where it is not told.
    of_cp2k: whether it is a comment of CP2K.
    """

    properties: str
    box: np.ndarray
    open_sides: bool
    step: int | None
    time: float
    of_cp2k: bool


def read_comment(path: Path, line: str, frame: int) -> Comment:
    """Read the second line of a frame.

    Raises:
        InputError: a number in it is none.
    """
    of_lammps = _LAMMPS.match(line)
    pairs = of_lammps.groupdict("").items() if of_lammps else _PAIR.findall(line)
    values = {key.lower(): value.strip("\"'{}[]") for key, value in pairs if value}
    sides = [side.lower() not in _FALSE for side in _sides(values)]
    step = next((values[key] for key in _STEPS if key in values), "")
    time = next((values[key] for key in _TIMES if key in values), "nan")
    try:
        return Comment(
            properties=values.get("properties", ""),
            box=_box(values) if any(sides) else np.zeros((3, 3)),
            open_sides="lattice" in values and any(sides) and not all(sides),
            step=int(np.int64(int(step))) if step else None,  # no more than 64 bits
            time=float(time),
            of_cp2k=_CP2K.match(line) is not None,
        )
    except (ValueError, OverflowError) as error:
        shown = visible(line[:60])
        raise corrupt(path, frame, f"its comment {shown!r} cannot be understood") from error


def _sides(values: dict[str, str]) -> list[str]:
    """Words that tell whether each side is periodic: all are, where nothing is said."""
    return values.get("pbc", "T T T").replace(",", " ").split()


def _box(values: dict[str, str]) -> np.ndarray:
    """Box vectors, (3, 3); zeros where there are none."""
    if "lattice" not in values:
        return np.zeros((3, 3))
    numbers = [float(word) for word in values["lattice"].replace(",", " ").split()]
    if len(numbers) == 3:
        return np.diag(numbers)
    return np.array(numbers).reshape(3, 3)
