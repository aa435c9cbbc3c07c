"""Text dumps of LAMMPS: positions and forces by atom, in any order, plain or compressed.

A dump fixes units only where it has a line for them (dump_modify units yes). Otherwise lengths are
taken for Å, and steps stand for times unless it has those (dump_modify time yes).
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

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
from autograin_cli.files.formats.lammps_head import Head, read_head
from autograin_cli.files.formats.packed import content_of
from autograin_cli.files.formats.text_frames import (
    LABEL,
    NOWHERE,
    FrameIndex,
    TextFrames,
    unpacking,
)
from autograin_cli.files.formats.text_lines import Lines
from autograin_cli.files.visible import visible
from autograin_cli.units import angstrom_from_bohr, force_factor

# Columns of positions, the most convenient first, and whether they are shares of the box.
_POSITIONS = (
    (("xu", "yu", "zu"), False),
    (("x", "y", "z"), False),
    (("xsu", "ysu", "zsu"), True),
    (("xs", "ys", "zs"), True),
)
_FORCES = ("fx", "fy", "fz")
_KINDS = ("type", "element", "mol")  # that tell atoms apart, somewhat, where there is no id
_UNTOLD = "C"  # what LAMMPS writes for every element without dump_modify element


@dataclass(frozen=True)
class _Units:
    """What numbers of a dump mean.

    force: unit, of those that can be declared; None where it is to be declared.
    length: Å of a unit of length.
    time: unit; None where unknown.
    """

    force: str | None = None
    length: float = 1.0
    time: str | None = None


_UNITS = {
    "real": _Units("kcal/mol/A", 1.0, "fs"),
    "metal": _Units("eV/A", 1.0, "ps"),
    "electron": _Units("hartree/bohr", angstrom_from_bohr(1.0), "fs"),
    "lj": _Units(),
}


@dataclass(frozen=True)
class _Layout:
    """How the frames of a dump are read.

    units: of its numbers.
    boxes, origins: of the frames, in these units, (frames, 3, 3) and (frames, 3).
    places: of its columns: id, positions, forces, as `TextFrames.read` takes them.
    scaled: whether positions are shares of the box.
    ids: of the atoms, increasing, (atoms,); None where the dump has none.
    kinds: a number for the kind of each atom of the first frame, (atoms,), where there are no ids.
    """

    units: _Units
    boxes: np.ndarray
    origins: np.ndarray
    places: np.ndarray
    scaled: bool
    ids: np.ndarray | None = None
    kinds: np.ndarray | None = None


def open_lammps_dump(path: Path) -> FrameFile:
    """Find the frames of a text dump.

    Raises:
        InputError: it is none, cut off or damaged, in units that have no place here, or its
            number of atoms changes.
    """
    index, heads = FrameIndex(path), list[Head]()
    content = content_of(path)
    lines = Lines(content.pieces())
    while True:
        with unpacking(path, len(heads)):
            head = read_head(path, lines, len(heads))
            if head is None:
                break
            index.add(lines, head.n_atoms, head.columns)
            if not lines.whole:
                raise cut_off(path, len(heads))
        heads.append(head)
    if not heads:
        raise wrong_format(path, "text dump of LAMMPS")
    text = TextFrames(path, content, index.offsets, index.sizes, index.n_atoms)
    layout = _with_ids(text, _layout(path, heads))
    return _frame_file(text, heads, layout)


def _frame_file(text: TextFrames, heads: list[Head], layout: _Layout) -> FrameFile:
    path, columns = text.path, heads[0].columns
    everywhere = np.ones(len(heads), dtype=bool)
    steps = np.array([head.step for head in heads], dtype=np.int64)
    times = np.array([head.time for head in heads])
    timed = bool(np.isfinite(times).all())
    unit = layout.units.time or unit_of_times(times, steps)
    atoms = _atoms(text, columns, layout)
    notes = _notes(path, heads, layout, unit if timed else None)
    if atoms is not None and "element" in columns and not any(atoms.elements):
        notes.append(
            f"{visible(str(path))} has atoms of several types that are all of element {_UNTOLD}, "
            "as without dump_modify element: elements are unknown"
        )
    return FrameFile(
        path=path,
        n_atoms=text.n_atoms,
        times=in_picoseconds(times, unit) if timed else steps.astype(np.float64),
        timed=timed,
        holds_positions=everywhere & bool((layout.places[layout.places > 0] < 4).any()),
        holds_forces=everywhere & bool(set(_FORCES) <= set(columns)),
        read=partial(_read, text, layout),
        notes=tuple(notes),
        steps=steps,
        force_unit=layout.units.force,
        atoms=atoms,
    )


def _notes(path: Path, heads: list[Head], layout: _Layout, unit: str | None) -> list[str]:
    name, notes = visible(str(path)), []
    if unit is not None and layout.units.time is None:
        notes.append(f"{name} does not tell the unit of its times: they are taken for {unit}")
    if layout.ids is None:
        notes.append(f"{name} has no column 'id': its atoms are taken to stand in one order")
    if any(any(head.periodic) and not all(head.periodic) for head in heads):
        notes.append(f"{name} has a box that is not periodic on all sides: it is taken as if")
    return notes


def _layout(path: Path, heads: list[Head]) -> _Layout:
    columns = heads[0].columns
    found = [kind for kind in _POSITIONS if set(kind[0]) <= set(columns)]
    positions, scaled = found[0] if found else ((), False)
    wanted = ("id", *positions, *(("", "", "") if not positions else ()), *_FORCES)
    places = [wanted.index(column) if column in wanted else NOWHERE for column in columns]
    kinds = [kind for kind in _KINDS if kind in columns]
    if kinds and "id" not in columns:
        places[columns.index(kinds[0])] = LABEL
    periodic = np.array([any(head.periodic) for head in heads])
    boxes = np.array([head.box for head in heads])
    if not scaled:
        boxes[~periodic] = 0.0
    return _Layout(
        units=_units(path, heads),
        boxes=boxes,
        origins=np.array([head.origin for head in heads]),
        places=np.array(places, dtype=np.int64),
        scaled=scaled,
    )


def _units(path: Path, heads: list[Head]) -> _Units:
    stated = {head.units for head in heads if head.units}
    if not stated:
        return _Units()
    if len(stated) > 1 or not stated <= set(_UNITS):
        raise InputError(
            given=f"{visible(str(path))} in the units {visible(' and '.join(sorted(stated)))}",
            expected="units of LAMMPS: real, metal, electron or lj",
            remedy="write the dump anew from a simulation in units of atoms",
            code="format",
        )
    return _UNITS[stated.pop()]


def _with_ids(text: TextFrames, layout: _Layout) -> _Layout:
    """Find the atoms of the first frame."""
    if not (layout.places == 0).any():
        held = (layout.places == LABEL).any()
        return replace(layout, kinds=_kinds(text, layout.places)) if held else layout
    numbers, _ = text.read(np.array([0]), np.where(layout.places == 0, 0, NOWHERE))
    ids = np.sort(numbers[0, :, 0])
    if not (np.diff(ids) > 0).all():
        raise corrupt(text.path, 0, "two atoms have the same id")
    return replace(layout, ids=ids)


def _kinds(text: TextFrames, places: np.ndarray) -> np.ndarray:
    _, kinds = text.read(np.array([0]), np.where(places == LABEL, LABEL, NOWHERE))
    first: np.ndarray = kinds[0]
    return first


def _read(text: TextFrames, layout: _Layout, rows: np.ndarray) -> Frames:
    numbers, kinds = text.read(rows, layout.places)
    if layout.kinds is not None:
        _check_kinds(text.path, rows, kinds, layout.kinds)
    numbers = _in_order(text.path, rows, numbers, layout.ids)
    boxes = layout.boxes[rows] * layout.units.length
    positions = forces = None
    if ((layout.places > 0) & (layout.places < 4)).any():
        positions = np.ascontiguousarray(numbers[:, :, 1:4])
        if layout.scaled:
            positions = positions @ layout.boxes[rows] + layout.origins[rows, None]
        positions *= layout.units.length
    if numbers.shape[2] == 7:
        forces = np.ascontiguousarray(numbers[:, :, 4:])
        if layout.units.force is not None:
            forces *= force_factor(layout.units.force)
    return Frames(positions=positions, boxes=boxes, forces=forces)


def _check_kinds(path: Path, rows: np.ndarray, kinds: np.ndarray, first: np.ndarray) -> None:
    """Refuse atoms without ids that change places: LAMMPS sorts them by where they are."""
    moved = (kinds != first).any(1)
    if moved.any():
        raise InputError(
            given=f"{visible(str(path))} has no column 'id', and its atoms stand in another order "
            f"in frame {rows[np.argmax(moved)]} than in frame 0",
            expected="atoms that can be told apart",
            remedy="dump the column id; dump_modify sort id would put them in order, too",
            code="format",
        )


def _in_order(
    path: Path, rows: np.ndarray, numbers: np.ndarray, ids: np.ndarray | None
) -> np.ndarray:
    """Put the atoms of every frame in the order of their ids."""
    if ids is None:
        return numbers
    wrong = np.flatnonzero((numbers[:, :, 0] != ids).any(1))
    for k in wrong.tolist():
        numbers[k] = numbers[k, np.argsort(numbers[k, :, 0], kind="stable")]
    lost = (numbers[wrong, :, 0] != ids).any(1)
    if lost.any():
        raise corrupt(path, int(rows[wrong[np.argmax(lost)]]), "its atoms are not those of frame 0")
    return numbers


def _atoms(text: TextFrames, columns: tuple[str, ...], layout: _Layout) -> Atoms | None:
    """Elements and masses of the atoms, from the first frame."""
    if not {"element", "mass"} & set(columns):
        return None
    wanted = ("id", "mass")
    places = [wanted.index(column) if column in wanted else NOWHERE for column in columns]
    table = text.read(np.array([0]), np.array(places))[0][0]
    order = np.argsort(table[:, 0]) if layout.ids is not None else np.arange(len(table))
    elements = [""] * len(table)
    if "element" in columns:
        words = [line.split() for line in text.first_lines(0)]
        if any(len(row) != len(columns) for row in words):
            raise corrupt(text.path, 0, "a line of its atoms has not as many words as columns")
        column = columns.index("element")
        elements = [words[k][column].decode("ascii", "replace") for k in order.tolist()]
        types = {row[columns.index("type")] for row in words} if "type" in columns else set()
        if len(types) > 1 and set(elements) == {_UNTOLD}:
            elements = [""] * len(table)
    return Atoms(
        names=tuple(elements),
        elements=tuple(elements),
        masses=table[order, 1] if "mass" in columns else None,
    )
