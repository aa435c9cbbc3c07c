"""Artifacts that something was done to, with the digest put right again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from autograin_cli.errors import InputError
from autograin_cli.files.storage.hdf5 import Contents
from example_artifacts import write

MAPPING = "autograin/mapping/OTP"
REFERENCE = "autograin/reference/OTP"
TERM = "autograin/potential/bonded/OTP/terms/bond A-B"
Mutation = Callable[[h5py.File], None]


def put(file: h5py.File, path: str, value: Any, unit: str | None = None, **how: Any) -> None:
    """Replace a dataset, with the unit that it had."""
    kept = file[path].attrs["unit"] if unit is None else np.bytes_(unit)
    del file[path]
    file.create_dataset(path, data=value, **how).attrs["unit"] = kept


def change(file: h5py.File, path: str, index: Any, value: Any) -> None:
    """Set one element."""
    values = file[path][()]
    values[index] = value
    file[path][...] = values


def damaged(tmp_path: Path, mutation: Mutation, kind: str = "potential") -> Path:
    """Make an artifact, do something to it, and put the digest right if that is possible."""
    path = write(kind, tmp_path / "damaged.h5")
    with h5py.File(path, "r+") as file:
        mutation(file)
    try:
        with h5py.File(path, "r") as file:
            digest = Contents(file, lambda _: None).digest()
    except InputError:
        return path
    with h5py.File(path, "r+") as file:
        file.attrs["content_sha256"] = np.bytes_(digest)
    return path


def removed(path: str) -> Mutation:
    def mutate(file: h5py.File) -> None:
        del file[path]

    return mutate


def replaced(path: str, value: Any, **how: Any) -> Mutation:
    return lambda file: put(file, path, value, **how)


def changed(path: str, index: Any, value: Any) -> Mutation:
    return lambda file: change(file, path, index, value)


def unit(path: str, text: Any) -> Mutation:
    def mutate(file: h5py.File) -> None:
        file[path].attrs["unit"] = np.bytes_(text) if isinstance(text, str) else text

    return mutate


def order(path: str, names: list[bytes]) -> Mutation:
    def mutate(file: h5py.File) -> None:
        file[path].attrs["order"] = np.array(names)

    return mutate


def text(value: str) -> Any:
    return np.array(value.encode(), dtype=h5py.string_dtype("utf-8", len(value.encode())))


def texts(*values: str) -> Any:
    longest = max(len(value.encode()) for value in values)
    return np.array([value.encode() for value in values], dtype=h5py.string_dtype("utf-8", longest))


def attribute(name: str, value: Any) -> Mutation:
    def mutate(file: h5py.File) -> None:
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = np.bytes_(value) if isinstance(value, str) else value

    return mutate
