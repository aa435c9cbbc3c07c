"""Whether work that was stopped may go on: the settings and the files that it was begun with."""

import json
from dataclasses import dataclass
from pathlib import Path

from autograin_cli.errors import OutputExistsError, ResumeError
from autograin_cli.files.output import check_output
from autograin_cli.files.storage.artifact import InputFile
from autograin_cli.files.visible import visible

AGAIN = "begin again: --overwrite, without --resume"


@dataclass(frozen=True)
class Begun:
    """What work was begun with.

    settings: those that its result depends on, JSON: an object.
    inputs: the files that it reads.
    """

    settings: str
    inputs: tuple[InputFile, ...]


def checkpoint_path(output: Path) -> Path:
    """Give the path of the checkpoint of what is written to `output`: OUT.ckpt.h5."""
    return output.with_name(f"{output.name.removesuffix('.h5')}.ckpt.h5")


def check_no_checkpoint(path: Path, overwrite: bool) -> None:
    """Check that nothing is lost when work begins.

    Raises:
        OutputExistsError: there is a checkpoint, and it is not to be overwritten.
        FileAccessError: it is no regular file.
    """
    try:
        check_output(path, overwrite)
    except OutputExistsError as error:
        raise OutputExistsError(
            given=f"{visible(str(path))} exists: work that is not over",
            expected="no checkpoint, or --resume",
            remedy="--resume to go on with it, or --overwrite to begin again",
        ) from error


def check_same(before: Begun, now: Begun) -> None:
    """Check that work goes on with what it was begun with; files may have other names.

    Raises:
        ResumeError: it says what differs.
    """
    old, new = json.loads(before.settings), json.loads(now.settings)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    differing = [f"{_option(n)} was {old.get(n)} and is {new.get(n)}" for n in names]
    differing += _differing(before.inputs, now.inputs)
    if differing:
        raise ResumeError(
            given="--resume, but not of the same work: " + visible("; ".join(differing)),
            expected="the settings and the files that it was begun with",
            remedy=f"give what it was begun with, or {AGAIN}",
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
        elif old.n_frames + new.n_frames and _frames(old) != _frames(new):
            told.append(f"of {new.path} it was {_frames(old)} and is {_frames(new)}")
    return told


def _frames(file: InputFile) -> str:
    times = f"{file.first_time:g} to {file.last_time:g} ps, every {file.stride}"
    return f"{file.n_frames} frames, {times}"
