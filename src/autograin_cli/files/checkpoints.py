"""Checkpoints: a training that is not over, in a file beside that of its result.

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

from autograin_cli.errors import InputError, OutputExistsError, ResumeError
from autograin_cli.files.output import NewFile, as_access_error, check_output
from autograin_cli.files.storage.artifact import InputFile
from autograin_cli.files.storage.checks import check_range, require
from autograin_cli.files.storage.content import ContentWriter
from autograin_cli.files.storage.hdf5 import Contents, naming, opened, text_attribute
from autograin_cli.files.storage.reading import check_digest, orders_of
from autograin_cli.files.storage.records import Flat, build, flatten, text_array
from autograin_cli.files.visible import visible
from autograin_cli.potential.neural.training_state import MemberState, TrainingState

SCHEMA_NAME = "autograin-checkpoint"
SCHEMA_VERSION = (1, 0)
_TYPES = ("float32", "float64", "int64", "bool")
_AGAIN = "begin again: --overwrite, without --resume"
_LOST = f"give the checkpoint that the training left, or {_AGAIN}"


@dataclass(frozen=True)
class Checkpoint:
    """A training that is not over.

    settings: those that its result depends on, JSON: an object.
    inputs: the mapping and the files of the trajectory.
    seconds: that it has taken so far.
    state: where it goes on.
    """

    settings: str
    inputs: tuple[InputFile, ...]
    seconds: float
    state: TrainingState


def checkpoint_path(output: Path) -> Path:
    """Give the path of the checkpoint of what is written to `output`: OUT.ckpt.h5."""
    name = output.name.removesuffix(".h5")
    return output.with_name(f"{name}.ckpt.h5")


def check_no_checkpoint(path: Path, overwrite: bool) -> None:
    """Check that nothing is lost when a training begins.

    Raises:
        OutputExistsError: there is a checkpoint, and it is not to be overwritten.
        FileAccessError: it is no regular file.
    """
    try:
        check_output(path, overwrite)
    except OutputExistsError as error:
        raise OutputExistsError(
            given=f"{visible(str(path))} exists: a training that is not over",
            expected="no checkpoint, or --resume",
            remedy="--resume to go on with it, or --overwrite to begin again",
        ) from error


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
            content.complete("training", SCHEMA_NAME, SCHEMA_VERSION)
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
    return checkpoint


def check_same(checkpoint: Checkpoint, settings: str, inputs: tuple[InputFile, ...]) -> None:
    """Check that a training goes on with what it was begun with.

    Args:
        checkpoint: of the training.
        settings: JSON, of the command now.
        inputs: of the command now; files may have other names.

    Raises:
        ResumeError: it says what differs.
    """
    before, now = json.loads(checkpoint.settings), json.loads(settings)
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    differing = [f"{_option(n)} was {before.get(n)} and is {now.get(n)}" for n in names]
    differing += _differing(checkpoint.inputs, inputs)
    if differing:
        raise ResumeError(
            given="--resume, but not of the same training: " + visible("; ".join(differing)),
            expected="the settings and the files that it was begun with",
            remedy=f"give what it was begun with, or {_AGAIN}",
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _differing(before: tuple[InputFile, ...], now: tuple[InputFile, ...]) -> list[str]:
    """Say which files are others, or read for other frames."""
    if [file.role for file in before] != [file.role for file in now]:
        roles = [", ".join(file.role for file in files) for files in (before, now)]
        return [f"the inputs were {roles[0]} and are {roles[1]}"]
    told = []
    for old, new in zip(before, now, strict=True):
        if (old.size, old.fingerprint) != (new.size, new.fingerprint):
            told.append(f"{new.path} is not the {new.role} that it was, {old.path}")
        elif _frames(old) != _frames(new):
            told.append(f"of {new.path} it was {_frames(old)} and is {_frames(new)}")
    return told


def _frames(file: InputFile) -> str:
    times = f"{file.first_time:g} to {file.last_time:g} ps, every {file.stride}"
    return f"{file.n_frames} frames, {times}"


def _check_header(attributes: Mapping[str, NDArray[Any]]) -> None:
    if text_attribute(attributes, "schema") != SCHEMA_NAME:
        raise InputError(
            given="an HDF5 file, but not a checkpoint of autograin",
            expected="the file that a training left when it was stopped",
            remedy=_LOST,
        )
    version, expected = text_attribute(attributes, "schema_version"), f"{SCHEMA_VERSION[0]}."
    if not (version or "").startswith(expected):
        raise ResumeError(
            given=f"a checkpoint of format {visible(str(version))}, of another autograin",
            expected=f"format {SCHEMA_VERSION[0]}",
            remedy=f"go on with the program that began it, or {_AGAIN}",
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
