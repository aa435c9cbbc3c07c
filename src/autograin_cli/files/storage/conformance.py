"""Whether datasets are those of the schema: names, types, shapes, units."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from autograin_cli.errors import InputError
from autograin_cli.files.storage.field import ANGSTROM, Field
from autograin_cli.files.storage.schema import SCHEMA
from autograin_cli.files.visible import visible

REMEDY = "the file is damaged or was made by hand: write it again with the command that makes it"

Tree: TypeAlias = dict[str, "Tree"]

_UNITS_OF_WORDS = {
    "bond": ANGSTROM,
    "angle": "rad",
    "dihedral": "rad",
    "Å": ANGSTROM,
    "degrees": "degree",
    "1/Å": f"{ANGSTROM}-1",
    "1/degrees": "degree-1",
    "1/Å²": f"{ANGSTROM}-2",
    "1/(Å degrees)": f"{ANGSTROM}-1 degree-1",
    "1/degrees²": "degree-2",
    "Å²/ps": f"{ANGSTROM}+2 ps-1",
    "intermolecular": "1",
    "intramolecular": f"{ANGSTROM}-1",
}


@dataclass(frozen=True)
class Stored:
    """What a dataset is before it is read: its type as in `Field`, and its shape."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """The row of the schema that a path belongs to, and the names its `*` stand for."""

    template: str
    names: tuple[str, ...]

    @property
    def field(self) -> Field:
        """The row."""
        return SCHEMA[self.template]


def _tree() -> Tree:
    """Give the templates of the schema as nested dictionaries, one level a name."""
    tree: Tree = {}
    for template in SCHEMA:
        level = tree
        for part in template.split("/"):
            level = level.setdefault(part, {})
    return tree


_TREE = _tree()


def place(path: str) -> Place | None:
    """Find the row of the schema that a path belongs to; None where there is none."""
    parts: list[str] = []
    names: list[str] = []
    level = _TREE
    for part in path.split("/"):
        if part not in level and "*" not in level:
            return None
        if part in level and part != "*":
            parts.append(part)
        else:
            parts.append("*")
            names.append(part)
        level = level[parts[-1]]
    template = "/".join(parts)
    return Place(template, tuple(names)) if template in SCHEMA else None


def named_group(path: str) -> str:
    """Give the innermost group of a path that has a name of its own: a molecule, a term, a score.

    It is the scope of the axes and of the words in a unit.
    """
    found = place(path)
    if found is None or not found.names:
        return ""
    n_parts = len(found.template.rsplit("*", 1)[0].split("/"))
    return "/".join(path.split("/")[:n_parts])


def kind_of(dtype: np.dtype[Any]) -> str:
    """Name a type as the schema does; one that the schema does not know has its own name."""
    if dtype.kind == "S":
        return "text"
    plain = {"<f8": "float64", "<i8": "int64", "|b1": "bool"}
    return plain.get(dtype.str, dtype.str)


def check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Check types, shapes and numbers of arrays that are about to be written.

    Raises:
        InputError: as `check_shapes` and `check_numbers` say.
    """
    check_shapes({path: Stored(kind_of(a.dtype), a.shape) for path, a in arrays.items()})
    for path, array in arrays.items():
        check_numbers(path, array)


def check_shapes(datasets: Mapping[str, Stored]) -> None:
    """Check the type of every dataset, and that axes of one name have one length.

    Raises:
        InputError: it names the dataset, its shape or type, and what was expected.
    """
    lengths: dict[tuple[str, tuple[str, ...]], int] = {}
    for path, stored in datasets.items():
        found = place(path)
        if found is not None:
            _check_dataset(path, stored, found, lengths)


def _check_dataset(
    path: str, stored: Stored, found: Place, lengths: dict[tuple[str, tuple[str, ...]], int]
) -> None:
    axes = found.field.axes
    if stored.dtype != found.field.dtype:
        raise _unexpected(path, f"of type {visible(stored.dtype)}", found.field.dtype)
    if len(stored.shape) != len(axes):
        raise _unexpected(path, f"of shape {stored.shape}", _described(axes, axes))
    expected = tuple(
        _length(axis, size, found.names, lengths)
        for axis, size in zip(axes, stored.shape, strict=True)
    )
    if stored.shape != expected:
        raise _unexpected(path, f"of shape {stored.shape}", _described(expected, axes))


def _length(
    axis: str, size: int, names: tuple[str, ...], lengths: dict[tuple[str, tuple[str, ...]], int]
) -> int:
    """Give the length that an axis must have; the first dataset with the axis fixes it."""
    if axis.isdigit():
        return int(axis)
    name, _, more = axis.partition("+")
    extra = int(more or 0)
    return lengths.setdefault((name, names), size - extra) + extra


def _described(lengths: tuple[object, ...], axes: tuple[str, ...]) -> str:
    return f"shape ({', '.join(map(str, lengths))}): ({', '.join(axes)})"


def check_numbers(path: str, array: NDArray[Any]) -> None:
    """Check that every number is finite, or not NaN where the schema allows infinite ones.

    Raises:
        InputError: it names the dataset and the first number that is not.
    """
    found = place(path)
    if found is None or array.dtype.kind != "f":
        return
    wrong = np.isnan(array) if found.field.infinite else ~np.isfinite(array)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(np.atleast_1d(wrong))[0])
        value = np.atleast_1d(array)[index]
        raise _unexpected(path, f"{value} at {index}", "finite numbers")


def unit_of(path: str, texts: Mapping[str, str]) -> str:
    """Give the unit of a dataset of the schema.

    Args:
        path: of the dataset.
        texts: the text datasets of the artifact by path, for units that depend on them.
    """
    found = place(path)
    if found is None:
        return ""
    word = re.search(r"\{(\w+)\}", found.field.unit)
    if word is None:
        return found.field.unit
    text = texts.get(f"{named_group(path)}/{word[1]}", "")
    return found.field.unit.replace(word[0], _UNITS_OF_WORDS.get(text, text))


def _unexpected(path: str, given: str, expected: str) -> InputError:
    return InputError(given=f"{visible(path)} is {given}", expected=expected, remedy=REMEDY)
