"""XYZ files of one or more frames, plain or extended, also compressed.

The comment of an extended file names the columns (Properties), and may give the box (Lattice, pbc),
a step and a time. Lengths are taken for Å; nothing fixes the unit of forces.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from MDAnalysis.guesser import tables

from autograin_cli.errors import InputError
from autograin_cli.files.formats.clocks import in_picoseconds, unit_of_times
from autograin_cli.files.formats.frames import (
    Atoms,
    FrameFile,
    Frames,
    corrupt,
    cut_off,
    wrong_format,
)
from autograin_cli.files.formats.packed import content_of
from autograin_cli.files.formats.text_frames import (
    LABEL,
    NOWHERE,
    FrameIndex,
    TextFrames,
    unpacking,
)
from autograin_cli.files.formats.text_lines import Lines
from autograin_cli.files.formats.xyz_comment import Comment, read_comment
from autograin_cli.files.visible import visible

_PLAIN = "species:S:1:pos:R:3"
_SPECIES = ("species", "element", "elements", "symbols")
_FORCES = ("forces", "force")
_MASSES = ("masses", "mass")
_SYMBOLS = frozenset(element.capitalize() for element in tables.masses)


@dataclass(frozen=True)
class _Layout:
    """How the frames of a file are read.

    places: of the columns, as `TextFrames.read` takes them: positions, then forces.
    has_forces: whether there are columns of them.
    boxes: Å, (frames, 3, 3).
    species: a number for each atom of the first frame, (atoms,).
    """

    places: np.ndarray
    has_forces: bool
    boxes: np.ndarray
    species: np.ndarray


def open_xyz(path: Path) -> FrameFile:
    """Find the frames of an XYZ file.

    Raises:
        InputError: it is none, cut off or damaged, or its number of atoms or its columns change.
    """
    return _open(path)[0]


def open_xyz_forces(path: Path) -> FrameFile:
    """Find the frames of an XYZ file of forces: CP2K writes them in the place of coordinates.

    Raises:
        InputError: as `open_xyz`.
    """
    file, of_cp2k = _open(path)
    if file.holds_forces.any() or not of_cp2k:
        return file
    line = f"{visible(str(path))} is a file of CP2K: its coordinates are taken for forces"
    return replace(
        file,
        holds_forces=file.holds_positions,
        holds_positions=file.holds_forces,
        read=partial(_read_forces, file),
        notes=(*file.notes, line),
    )


def _read_forces(file: FrameFile, rows: np.ndarray) -> Frames:
    frames = file.read(rows)
    return Frames(positions=None, boxes=frames.boxes, forces=frames.positions)


def _open(path: Path) -> tuple[FrameFile, bool]:
    """Find the frames, and whether all comments are those of CP2K."""
    content = content_of(path)
    lines = Lines(content.pieces())
    index, comments = FrameIndex(path), list[Comment]()
    while True:
        with unpacking(path, len(comments)):
            n_atoms = _count(path, lines, len(comments))
            if n_atoms is None:
                break
            line = lines.line()
            if line is None:
                raise cut_off(path, len(comments))
            comment = read_comment(path, line.decode("utf-8", "replace"), len(comments))
            index.add(lines, n_atoms, (comment.properties,))
        comments.append(comment)
    text = TextFrames(path, content, index.offsets, index.sizes, index.n_atoms)
    if not lines.whole and len(comments) > 1:
        raise _without_end(path, len(comments) - 1)
    of_cp2k = all(comment.of_cp2k for comment in comments)
    return _frame_file(text, comments, index.columns[0], lines.whole), of_cp2k


def _without_end(path: Path, frame: int) -> InputError:
    return InputError(
        given=f"{visible(str(path))} ends inside the last line of frame {frame}",
        expected="a whole last line, with its end, as every program writes it",
        remedy="copy the file again; if it is whole, put an end of line behind it",
        code="truncated",
    )


def _count(path: Path, lines: Lines, frame: int) -> int | None:
    """Read the number of atoms in a frame; None at the end of the file."""
    line = lines.line()
    while line is not None and not line.strip() and frame:
        line = lines.line()
    if line is None and frame:
        return None
    words = (line or b"").split()
    if len(words) != 1 or not words[0].isdigit() or len(words[0]) > 12 or not int(words[0]):
        if frame == 0:
            raise wrong_format(path, "XYZ")
        shown = visible((line or b"")[:30].decode("utf-8", "replace"))
        raise corrupt(path, frame, f"{shown!r} stands where a number of atoms should")
    return int(words[0])


def _fields(path: Path, properties: str) -> list[tuple[str, str, str]]:
    """Name, kind and number of the columns that belong together."""
    words = (properties or _PLAIN).split(":")
    fields = list(zip(words[0::3], words[1::3], words[2::3], strict=False))
    numbers = [number for _, _, number in fields]
    if len(words) % 3 or not all(number.isdecimal() and int(number) < 100 for number in numbers):
        raise corrupt(path, 0, f"its properties {visible(properties[:60])!r} make no sense")
    return fields


def _columns(path: Path, properties: str) -> tuple[list[int], str]:
    """Places of the columns, and the name of those of forces, '' where there are none."""
    fields = _fields(path, properties)
    vectors = [name for name, kind, number in fields if (kind, number) == ("R", "3")]
    named = [name for name in vectors if name.lower() in _FORCES]
    others = [name for name in vectors if name.lower().endswith(_FORCES)]
    forces = (named or others or [""])[0]
    if not named and len(others) > 1:
        raise InputError(
            given=f"{visible(str(path))} with forces under the names {visible(', '.join(others))}",
            expected="one column of forces, or one named 'forces'",
            remedy="write the file anew with those that count named 'forces'",
            code="format",
        )
    places: list[int] = []
    for name, _, number in fields:
        first = {"pos": 0, forces: 3}.get(name)
        if first is not None and number == "3":
            places += range(first, first + 3)
        elif name.lower() in _SPECIES and number == "1" and LABEL not in places:
            places.append(LABEL)
        else:
            places += [NOWHERE] * int(number)
    if 0 not in places:
        raise corrupt(path, 0, f"its properties {visible(properties[:60])!r} have no positions")
    return places, forces if 3 in places else ""


def _frame_file(
    text: TextFrames, comments: list[Comment], properties: str, whole: bool
) -> FrameFile:
    places, forces = _columns(text.path, properties)
    times = np.array([comment.time for comment in comments])
    steps = [comment.step for comment in comments if comment.step is not None]
    timed, stepped = bool(np.isfinite(times).all()), len(steps) == len(comments)
    unit = (
        "fs" if comments[0].of_cp2k else unit_of_times(times, np.array(steps) if stepped else None)
    )
    _, species = text.read(np.array([0]), np.array(places))
    layout = _Layout(
        places=np.array(places),
        has_forces=bool(forces),
        boxes=np.array([comment.box for comment in comments]),
        species=species[0],
    )
    counted = np.array(steps, dtype=np.float64) if stepped else np.arange(len(times), dtype=float)
    everywhere = np.ones(len(comments), dtype=bool)
    return FrameFile(
        path=text.path,
        n_atoms=text.n_atoms,
        times=in_picoseconds(times, unit) if timed else counted,
        timed=timed,
        holds_positions=everywhere,
        holds_forces=everywhere & bool(forces),
        read=partial(_read, text, layout),
        notes=tuple(_notes(text.path, comments, unit if timed else "", forces, whole)),
        steps=np.array(steps, dtype=np.int64) if stepped else None,
        force_unit=None,
        atoms=_atoms(text, places, _fields(text.path, properties)),
    )


def _notes(
    path: Path, comments: list[Comment], unit: str, forces: str, whole: bool
) -> Iterator[str]:
    name = visible(str(path))
    if unit and not comments[0].of_cp2k:
        yield f"{name} does not tell the unit of its times: they are taken for {unit}"
    if forces and forces.lower() not in _FORCES:
        yield f"the forces of {name} are those of its column {visible(forces)}"
    if any(comment.open_sides for comment in comments):
        yield f"{name} has a box that is not periodic on all sides: it is taken as if"
    if not whole:
        yield f"the last line of {name} has no end: if the file is cut off there, it is wrong"


def _atoms(text: TextFrames, places: list[int], fields: list[tuple[str, str, str]]) -> Atoms | None:
    """Names of the atoms of the first frame; elements where they are all symbols of such."""
    if LABEL not in places:
        return None
    column = places.index(LABEL)
    names = tuple(line.split()[column].decode("utf-8", "replace") for line in text.first_lines(0))
    known = all(name.capitalize() in _SYMBOLS for name in names)
    elements = tuple(name.capitalize() if known else "" for name in names)
    return Atoms(names, elements, _masses(text, fields))


def _masses(text: TextFrames, fields: list[tuple[str, str, str]]) -> np.ndarray | None:
    """Masses in the first frame, u, (atoms,); None where there is no column of them."""
    names = [name.lower() if number == "1" else "" for name, _, number in fields]
    held = [name for name in _MASSES if name in names]
    if not held:
        return None
    before = sum(int(number) for _, _, number in fields[: names.index(held[0])])
    numbers, _ = text.read(np.array([0]), np.array([NOWHERE] * before + [0]))
    return numbers[0, :, 0]


def _read(text: TextFrames, layout: _Layout, rows: np.ndarray) -> Frames:
    numbers, species = text.read(rows, layout.places)
    other = (species != layout.species).any(1)
    if other.any():
        frame = int(rows[np.argmax(other)])
        raise corrupt(text.path, frame, "its atoms are not those of frame 0, in the same order")
    return Frames(
        positions=np.ascontiguousarray(numbers[:, :, :3]),
        boxes=layout.boxes[rows],
        forces=np.ascontiguousarray(numbers[:, :, 3:]) if layout.has_forces else None,
    )
