"""What is in the file of an artifact, checked against the schema, as arrays."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.files.storage.conformance import (
    REMEDY,
    check_numbers,
    check_shapes,
    place,
    unit_of,
)
from autograin_cli.files.storage.h5md import EDGES, FRAMES, POSITIONS
from autograin_cli.files.storage.hdf5 import Contents, text_attribute
from autograin_cli.files.storage.records import Flat, texts_by_path, texts_of
from autograin_cli.files.storage.schema import H5MD, KIND_COMMANDS, SCHEMA_NAME, SCHEMA_VERSION
from autograin_cli.files.visible import visible


def check_header(attributes: Mapping[str, NDArray[Any]], kinds: tuple[str, ...]) -> None:
    """Check from the attributes of the root that a file is an artifact of one of the kinds.

    Raises:
        InputError: it is none, was not finished, has another schema, or is of another kind.
    """
    if text_attribute(attributes, "schema") != SCHEMA_NAME:
        raise InputError(
            given="an HDF5 file, but not an artifact of autograin",
            expected=" or ".join(f"a {kind} artifact" for kind in kinds),
            remedy=_how_to_get(kinds),
        )
    _check_version(text_attribute(attributes, "schema_version") or "of no version")
    if not np.all(attributes.get("complete", False)):
        raise InputError(
            given="an artifact that was not finished",
            expected="one whose attribute 'complete' is set",
            remedy="run the command that writes it again",
        )
    kind = text_attribute(attributes, "kind")
    if kind not in kinds:
        raise InputError(
            given=f"a {visible(str(kind))} artifact was given",
            expected=" or ".join(f"a {kind} artifact" for kind in kinds),
            remedy=_how_to_get(kinds),
        )


def _how_to_get(kinds: tuple[str, ...]) -> str:
    commands = " or ".join(f"autograin {KIND_COMMANDS[kind]}" for kind in kinds)
    return f"run {commands}, and give the file that it writes"


def _check_version(version: str) -> None:
    if _major(version) != SCHEMA_VERSION[0]:
        age = "a newer" if _major(version) > SCHEMA_VERSION[0] else "another"
        raise InputError(
            given=f"an artifact of schema {visible(version)}, from {age} autograin",
            expected=f"schema {SCHEMA_VERSION[0]}",
            remedy="update autograin, or write the artifact again with this one",
        )


@contextmanager
def written_before(contents: Contents) -> Iterator[None]:
    """Say of what is missing in a file of an older schema that it is not damaged but old."""
    version = text_attribute(contents.attributes[""], "schema_version") or ""
    try:
        yield
    except InputError as error:
        if _minor(version) >= SCHEMA_VERSION[1]:
            raise
        now = f"{SCHEMA_VERSION[0]}.{SCHEMA_VERSION[1]}"
        raise InputError(
            given=f"an artifact of schema {version}, from an older autograin: {error.given}",
            expected=f"one of schema {now}: of {version} not all can be read",
            remedy="write the artifact again with this autograin",
        ) from error


def _major(version: str) -> int:
    found = re.fullmatch(r"(\d{1,6})\.(\d{1,6})", version)
    return int(found[1]) if found else 0


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def check_layout(contents: Contents) -> None:
    """Check names, types and shapes of all datasets, before any is read.

    Raises:
        InputError: it names the dataset and what was expected.
    """
    version = text_attribute(contents.attributes[""], "schema_version") or ""
    for path in contents.datasets:
        if place(path) is None and _minor(version) <= SCHEMA_VERSION[1]:
            raise InputError(
                given=f"a dataset {visible(path)}",
                expected=f"only datasets of schema {version}",
                remedy=REMEDY,
            )
    for path in FRAMES:
        if path not in contents.datasets:
            raise InputError(
                given=f"no {path} in the file", expected="positions of the beads", remedy=REMEDY
            )
    check_shapes({path: dataset.stored for path, dataset in contents.datasets.items()})


def read_records(contents: Contents) -> Flat:
    """Read all arrays but the frames, and check the digest of all of them.

    Returns:
        The arrays of the records, with the kind of the artifact under 'kind'.

    Raises:
        InputError: the layout, a unit, a number or the digest is wrong.
    """
    check_layout(contents)
    check_digest(contents, "an artifact")
    known = [path for path in contents.datasets if place(path) is not None]
    flat = Flat(
        arrays={path: contents.datasets[path].read() for path in known if path not in H5MD},
        orders=orders_of(contents),
    )
    for path, array in flat.arrays.items():
        check_numbers(path, array)
    texts = texts_by_path(flat)
    for path in known:
        unit = text_attribute(contents.attributes[path], "unit")
        if unit is not None or path not in H5MD:
            _check_unit(path, unit, unit_of(path, texts))
    flat.arrays["kind"] = contents.attributes[""]["kind"]
    return flat


def shape_and_box(contents: Contents) -> tuple[tuple[int, ...], Tensor | None]:
    """Give the numbers of frames and of particles, and the box of the first frame, Å, (3, 3)."""
    shape = contents.datasets[POSITIONS].stored.shape[:2]
    if EDGES not in contents.datasets or shape[0] == 0:
        return shape, None
    return shape, torch.from_numpy(contents.datasets[EDGES].handle[0])


def orders_of(contents: Contents) -> dict[str, tuple[str, ...]]:
    """Read the orders of the members of all groups that stand for tuples of records.

    Raises:
        InputError: an order does not name the members.
    """
    return {
        path: _order(path, attributes["order"], contents)
        for path, attributes in contents.attributes.items()
        if "order" in attributes
    }


def _order(path: str, array: NDArray[Any], contents: Contents) -> tuple[str, ...]:
    """Read the order of the members of a group, which must be the groups in it."""
    names = texts_of(array) if array.dtype.kind == "S" and array.ndim == 1 else ()
    members = {
        other.rpartition("/")[2]
        for other in contents.attributes
        if other.rpartition("/")[0] == path and other not in contents.datasets
    }
    if len(names) != len(members) or set(names) != members:
        raise InputError(
            given=f"{visible(path)} whose attribute 'order' does not name its members",
            expected="each member once",
            remedy=REMEDY,
        )
    return names


def _check_unit(path: str, stored: str | None, expected: str) -> None:
    if stored != expected:
        raise InputError(
            given=f"{visible(path)} in '{visible(str(stored))}'",
            expected=f"the unit '{visible(expected)}'",
            remedy=REMEDY,
        )


def check_digest(contents: Contents, what: str) -> None:
    """Check that a file holds what was written.

    Raises:
        InputError: its content is not that of the digest it names.
    """
    if text_attribute(contents.attributes[""], "content_sha256") != contents.digest():
        raise InputError(
            given=f"{what} whose content has changed since it was written",
            expected="content with the SHA-256 that the file names",
            remedy="copy it again, or run the command that writes it again",
        )
