"""Checkpoints: passes and a training that are not over, in a file beside that of their result.

They are read as hostile, like artifacts, and kept until the result has been written.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograin_cli.errors import InputError, ResumeError
from autograin_cli.files.output import NewFile, as_access_error
from autograin_cli.files.resuming import AGAIN
from autograin_cli.files.storage.artifact import InputFile
from autograin_cli.files.storage.checks import check_range, require
from autograin_cli.files.storage.content import ContentWriter
from autograin_cli.files.storage.hdf5 import Contents, naming, opened, text_attribute
from autograin_cli.files.storage.reading import check_digest, orders_of
from autograin_cli.files.storage.records import Flat, build, flatten, text_array
from autograin_cli.files.visible import visible
from autograin_cli.potential.neural.training_state import MemberState, TrainingState
from autograin_cli.trajectory import PassState

SCHEMA_NAME = "autograin-checkpoint"
SCHEMA_VERSION = (2, 0)
_TYPES = ("float32", "float64", "int64", "bool")
_LOST = f"give the checkpoint that the work left, or {AGAIN}"


@dataclass(frozen=True)
class Checkpoint:
    """Work that is not over.

    settings: those that its result depends on, JSON: an object.
    inputs: the files that it reads.
    seconds: that it has taken so far.
    state: where a training goes on; no members before it begins.
    passes: over the trajectories, and searches and trainings in steps, in order; the last one
        may not have ended.
    """

    settings: str
    inputs: tuple[InputFile, ...]
    seconds: float
    state: TrainingState
    passes: tuple[PassState, ...] = ()


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint in the place of the one before, whole or not at all.

    Raises:
        FileAccessError: it cannot be written; the one before is still there.
    """
    flat = flatten(checkpoint, str)
    with NewFile(path, overwrite=True) as new:
        with as_access_error(path), ContentWriter(new.temporary) as content:
            for place, order in flat.orders.items():
                content.group(place)
                content.attribute(place, "order", text_array(order))
            for place, array in flat.arrays.items():
                content.dataset(place, array, "")
            content.complete("work", SCHEMA_NAME, SCHEMA_VERSION)
        new.commit()


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, as hostile.

    Raises:
        FileAccessError: it cannot be opened.
        InputError: it is none, damaged or incomplete, or its numbers cannot be of a training.
        ResumeError: it was written by a program with another format of checkpoints.
    """
    with naming(path):
        try:
            return _read(path)
        except InputError as error:
            raise InputError(given=error.given, expected=error.expected, remedy=_LOST) from error


def _read(path: Path) -> Checkpoint:
    with opened(path) as file:
        contents = Contents(file, _check_header)
        check_digest(contents, "a checkpoint")
        flat = Flat(dict(_arrays(contents)), orders_of(contents))
    checkpoint = _built(flat)
    for number, member in enumerate(checkpoint.state.members):
        _check_member(f"network {number}", member)
    for number, one in enumerate(checkpoint.passes):
        require(one.n_frames >= 0, f"pass {number}: {one.n_frames} frames", "0 or more")
    return checkpoint


def _check_header(attributes: Mapping[str, NDArray[Any]]) -> None:
    if text_attribute(attributes, "schema") != SCHEMA_NAME:
        raise InputError(
            given="an HDF5 file, but not a checkpoint of autograin",
            expected="the file that work left when it was stopped",
            remedy=_LOST,
        )
    version, expected = text_attribute(attributes, "schema_version"), f"{SCHEMA_VERSION[0]}."
    if not (version or "").startswith(expected):
        raise ResumeError(
            given=f"a checkpoint of format {visible(str(version))}, of another autograin",
            expected=f"format {SCHEMA_VERSION[0]}",
            remedy=f"go on with the program that began it, or {AGAIN}",
        )
    if not np.all(attributes.get("complete", False)):
        raise InputError(
            given="a checkpoint that was not finished", expected="a whole one", remedy=_LOST
        )


def _arrays(contents: Contents) -> Iterator[tuple[str, NDArray[Any]]]:
    for path, dataset in contents.datasets.items():
        array = dataset.read()
        known = array.dtype.kind == "S" or array.dtype in _TYPES
        require(known, f"{visible(path)} of type {array.dtype}", f"one of {', '.join(_TYPES)}")
        yield path, array


def _built(flat: Flat) -> Checkpoint:
    try:
        checkpoint = build(Checkpoint, flat, str)
        settings = json.loads(checkpoint.settings)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(
            given=f"a checkpoint whose records cannot be read: {visible(str(error))}",
            expected="numbers, texts and settings as they are written",
            remedy=_LOST,
        ) from error
    require(isinstance(settings, dict), "a checkpoint without settings", "a JSON object")
    return checkpoint


def _check_member(where: str, member: MemberState) -> None:
    """Check counts, and that weights, moments and averages are of one network and finite."""
    counts = (member.steps, member.epoch, member.batch, member.stale)
    require(min(counts) >= 0, f"{where}: counts of {counts}", "0 or more")
    numbers = torch.tensor([member.epoch_loss, member.learning_rate], dtype=torch.float64)
    require(bool(numbers.isfinite().all()), f"{where}: {numbers.tolist()}", "finite numbers")
    expected = _shapes(member.weights)
    others = {
        "first_moments": member.first_moments,
        "second_moments": member.second_moments,
        "averages": member.averages,
        "best": member.best or member.weights,
    }
    for name, tensors in others.items():
        require(_shapes(tensors) == expected, f"{where}: {name}", "the shapes of the weights")
    for tensors in (member.weights, *others.values()):
        for name, tensor in tensors.items():
            finite = bool(tensor.isfinite().all())
            require(finite, f"{where}: {visible(name)} is not finite", "finite numbers")
    for name, values in vars(member.history).items():
        require(values.ndim == 1, f"{where}: {name} of shape {tuple(values.shape)}", "a list")
        require(len(values) == len(member.history.learning_rate), f"{where}: {name}", "one length")
        check_range(f"{where}: {name}", values, 0, None)
        require(bool(values.isfinite().all()), f"{where}: {name}", "finite numbers")


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[object, ...]]:
    return {name: (tensor.dtype, *tensor.shape) for name, tensor in tensors.items()}
