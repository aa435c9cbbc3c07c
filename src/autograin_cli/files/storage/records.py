"""Records to named arrays and back, by the types of their fields.

A tensor, a number, a text and a tuple of texts is an array; a record inside a record is a group,
and so is a dictionary of tensors; a tuple of records is a group whose members are named by the
records, with their order beside it; None is absent.
"""

import types
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.files.storage.conformance import REMEDY
from autograin_cli.files.visible import visible

Record = TypeVar("Record")
Array = NDArray[Any]


@dataclass(frozen=True)
class Flat:
    """Records as arrays.

    arrays: by path.
    orders: names of the members of each group that stands for a tuple of records, by path.
    """

    arrays: dict[str, Array] = field(default_factory=dict)
    orders: dict[str, tuple[str, ...]] = field(default_factory=dict)


def flatten(record: object, path_of: Callable[[str], str]) -> Flat:
    """Turn a record into arrays.

    Args:
        record: a dataclass, of what the description of this module names.
        path_of: from the path inside the record, such as 'mappings/OTP/encoder', to that of the
            result.

    Raises:
        InputError: a text holds a null character.
    """
    flat = Flat()
    _flatten(record, "", path_of, flat)
    return flat


def build(
    record_type: type[Record], flat: Flat, path_of: Callable[[str], str], prefix: str = ""
) -> Record:
    """Turn arrays back into a record; the inverse of `flatten`.

    Raises:
        InputError: an array that the record needs is missing.
    """
    hints = get_type_hints(record_type)
    values = {
        name: _build_value(hint, flat, path_of, f"{prefix}{name}") for name, hint in hints.items()
    }
    return record_type(**values)


def _flatten(record: Any, prefix: str, path_of: Callable[[str], str], flat: Flat) -> None:
    hints = get_type_hints(type(record))
    for item in fields(record):
        value, place = getattr(record, item.name), f"{prefix}{item.name}"
        if value is None:
            continue
        hint, _ = without_none(hints[item.name])
        if is_dataclass(value):
            _flatten(value, f"{place}/", path_of, flat)
        elif member_type(hint) is not None:
            keys = _member_keys(value)
            flat.orders[path_of(place)] = keys
            for key, member in zip(keys, value, strict=True):
                _flatten(member, f"{place}/{key}/", path_of, flat)
        elif get_origin(hint) is dict:
            for name, tensor in value.items():
                flat.arrays[path_of(f"{place}/{name}")] = _encode(tensor, Tensor)
        else:
            flat.arrays[path_of(place)] = _encode(value, hint)


def _build_value(hint: Any, flat: Flat, path_of: Callable[[str], str], place: str) -> Any:
    inner, optional = without_none(hint)
    path, member = path_of(place), member_type(inner)
    if optional and not _is_present(path, flat):
        return None
    if is_dataclass(inner) and isinstance(inner, type):
        return build(inner, flat, path_of, f"{place}/")
    if member is not None:
        keys = _required(flat.orders, path)
        return tuple(build(member, flat, path_of, f"{place}/{key}/") for key in keys)
    if get_origin(inner) is dict:
        return _build_tensors(flat, path)
    return _decode(_required(flat.arrays, path), inner)


def _build_tensors(flat: Flat, path: str) -> dict[str, Tensor]:
    """Collect the tensors of a dictionary; there may be none."""
    start = f"{path}/"
    named = {name: array for name, array in flat.arrays.items() if name.startswith(start)}
    return {name.removeprefix(start): _decode(array, Tensor) for name, array in named.items()}


def _is_present(path: str, flat: Flat) -> bool:
    return path in flat.arrays or any(name.startswith(f"{path}/") for name in flat.arrays)


def _required(values: dict[str, Any], path: str) -> Any:
    if path not in values:
        raise InputError(
            given=f"no {visible(path)} in the file",
            expected="every dataset of the format (docs/artifacts.md)",
            remedy=REMEDY,
        )
    return values[path]


def without_none(hint: Any) -> tuple[Any, bool]:
    """Split a type `X | None` into X and True, any other type into itself and False."""
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(hint) if part is not types.NoneType]
        return inner, True
    return hint, False


def member_type(hint: Any) -> type[Any] | None:
    """Give the record type of a `tuple[Record, ...]`; None for any other type."""
    arguments = get_args(hint)
    if get_origin(hint) is tuple and is_dataclass(arguments[0]):
        return cast("type[Any]", arguments[0])
    return None


def _member_keys(members: tuple[Any, ...]) -> tuple[str, ...]:
    """Name the members of a group: by their names where they have one, else by numbers."""
    keys: dict[str, None] = {}
    for index, member in enumerate(members):
        named = getattr(member, "molecule", member)
        name = named if isinstance(named, str) else getattr(named, "name", None)
        key = f"{index:06d}" if name is None else _escaped(name)
        while key in keys:
            key += "'"
        keys[key] = None
    return tuple(keys)


def _escaped(name: str) -> str:
    """Write a name so that HDF5 takes it as one: no slash, no null, not '.', not empty."""
    plain = name.encode("utf-8", "replace").decode()
    for character in "%/\0*":
        plain = plain.replace(character, f"%{ord(character):02X}")
    return plain.replace(".", "%2E") if set(plain) <= {"."} and plain else plain or "%"


def _encode(value: Any, hint: Any) -> Array:
    if hint is Tensor:
        return np.array(value.detach().cpu().numpy(), order="C")
    if hint is str:
        return text_array([value]).reshape(())
    if get_origin(hint) is tuple:
        return text_array(value)
    return np.array(value, dtype={bool: np.bool_, int: np.int64, float: np.float64}[hint])


def _decode(array: Array, hint: Any) -> Any:
    if hint is Tensor:
        return torch.from_numpy(array)
    if hint is str:
        return texts_of(array.reshape(1))[0]
    if get_origin(hint) is tuple:
        return texts_of(array)
    return hint(array.item())


def text_array(texts: list[str] | tuple[str, ...]) -> Array:
    """Write texts as UTF-8 of one length; file names that are not UTF-8 keep their bytes.

    Raises:
        InputError: a text holds a null character, which ends a text in HDF5.
    """
    for text in texts:
        if "\0" in text:
            raise InputError(
                given=f"the text '{visible(text)}'",
                expected="a text without null characters",
                remedy="rename what it names",
            )
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    length = max([1, *map(len, encoded)])
    return np.array(encoded, dtype=f"S{length}")


def texts_of(array: Array) -> tuple[str, ...]:
    """Read the texts that `text_array` wrote."""
    return tuple(bytes(item).decode("utf-8", "surrogateescape") for item in array)


def texts_by_path(flat: Flat) -> dict[str, str]:
    """Give every text that stands alone, by its path."""
    return {
        path: texts_of(array.reshape(1))[0]
        for path, array in flat.arrays.items()
        if array.dtype.kind == "S" and array.ndim == 0
    }
