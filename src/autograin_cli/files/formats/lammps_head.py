"""What stands before the atoms of a frame in a text dump of LAMMPS."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from autograin_cli.errors import InputError
from autograin_cli.files.formats.frames import corrupt, cut_off, wrong_format
from autograin_cli.files.formats.text_lines import Lines
from autograin_cli.files.visible import visible


@dataclass
class Head:
    """What is said of a frame before its atoms.

    step: of the simulation; None until it is read.
    time: in the units of the dump; NaN where it is not told.
    units: of the dump; '' where they are not told, as in all frames but the first.
    n_atoms: in the frame.
    box: its vectors, Å or another unit, (3, 3); zeros where there is none.
    origin: its corner, (3,).
    periodic: whether its sides are.
    columns: names of those of the atoms.
    """

    step: int | None = None
    time: float = np.nan
    units: str = ""
    n_atoms: int = 0
    box: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))
    periodic: tuple[bool, ...] = (True, True, True)
    columns: tuple[str, ...] = ()


def read_head(path: Path, lines: Lines, frame: int) -> Head | None:
    """Read what stands before the atoms of a frame; None at the end of the file.

    Raises:
        InputError: something else stands there, or the file ends in it.
    """
    head, found = Head(), False
    while (line := lines.line()) is not None:
        text = line.decode("ascii", "replace").strip()
        if not text and not found:
            continue
        if not text.startswith("ITEM: "):
            raise (
                wrong_format(path, "text dump of LAMMPS")
                if frame == 0
                else corrupt(
                    path, frame, f"{visible(text[:40])!r} stands where an item should begin"
                )
            )
        found = True
        item, _, rest = text[6:].partition(" ")
        if item == "ATOMS":
            head.columns = tuple(rest.split())
            if head.step is None or head.n_atoms < 1:
                raise corrupt(path, frame, "its step or number of atoms is missing")
            return head
        _read_item(path, lines, frame, head, text[6:])
    if found:
        raise cut_off(path, frame)
    return None


def _read_item(path: Path, lines: Lines, frame: int, head: Head, item: str) -> None:
    """Read the lines of an item other than the atoms."""
    rows = [lines.line() for _ in range(3 if item.startswith("BOX BOUNDS") else 1)]
    words = [row.decode("ascii", "replace").split() for row in rows if row is not None]
    if len(words) < len(rows) or not lines.whole:
        raise cut_off(path, frame)
    try:
        if item == "TIMESTEP":
            head.step = int(np.int64(int(words[0][0])))  # no more than 64 bits
        elif item == "TIME":
            head.time = float(words[0][0])
        elif item == "UNITS":
            head.units = words[0][0]
        elif item == "NUMBER OF ATOMS":
            head.n_atoms = int(np.int64(int(words[0][0])))
        elif item.startswith("BOX BOUNDS"):
            _read_box(head, item.split()[2:], np.array(words, dtype=np.float64))
        else:
            _refuse(path, item)
    except (ValueError, IndexError, OverflowError) as error:
        shown = visible(f"{item}: {' '.join(words[0])}"[:60])
        raise corrupt(path, frame, f"{shown!r} cannot be understood") from error


def _refuse(path: Path, item: str) -> NoReturn:
    """Tell a dump of something else than atoms from one that is damaged."""
    if not item.startswith("NUMBER OF "):
        raise ValueError(item)
    raise InputError(
        given=f"{visible(str(path))} is a dump of LAMMPS with {visible(item[:40])!r}, not of atoms",
        expected="a dump of atoms, with their NUMBER OF ATOMS",
        remedy="give the file of a dump of the style atom or custom",
        code="format",
    )


def _read_box(head: Head, labels: list[str], numbers: np.ndarray) -> None:
    """Read a box: right-angled, with tilts, or as three vectors and a corner."""
    flags = [label for label in labels if len(label) == 2 and set(label) <= set("pfsm")]
    head.periodic = tuple(flag == "pp" for flag in flags) or (True, True, True)
    box = np.zeros((3, 3))
    if labels[:2] == ["abc", "origin"]:
        box, head.origin = numbers[:, :3], numbers[:, 3].copy()
    else:
        tilts = numbers[:, 2] if labels[:3] == ["xy", "xz", "yz"] else np.zeros(3)
        xy, xz, yz = tilts
        low, high = numbers[:, 0].copy(), numbers[:, 1].copy()
        # The bounds are those of a right-angled box around the tilted one.
        low -= [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
        high -= [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
        box[np.diag_indices(3)] = high - low
        box[1, 0], box[2, 0], box[2, 1] = xy, xz, yz
        head.origin = low
    head.box = box
