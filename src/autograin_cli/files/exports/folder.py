"""New folders: filled under another name beside the target, which takes its place when whole."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograin_cli.errors import FileAccessError, OutputExistsError
from autograin_cli.files.exports.exchange import exchange
from autograin_cli.files.output import (
    as_access_error,
    put_aside,
    remove_abandoned,
    synchronise,
    temporary_in,
)
from autograin_cli.files.visible import visible


def check_folder(path: Path, overwrite: bool) -> None:
    """Check that a folder can be written.

    Raises:
        OutputExistsError: it is there already, and is not to be overwritten.
        FileAccessError: the folder around it, or itself, may not be written, or it is a file.
    """
    around = _target(path).parent
    if not around.is_dir() or not os.access(around, os.W_OK | os.X_OK):
        raise FileAccessError(
            given=f"{visible(str(path))} cannot be written: there is no folder "
            f"{visible(str(around))} that may be written to",
            expected="a folder that may be written to",
            remedy="give another path with -o",
        )
    if path.exists() and not path.is_dir():
        raise FileAccessError(
            given=f"{visible(str(path))} is a file",
            expected="a new folder, or one that an export wrote",
            remedy="give another path with -o",
        )
    if path.exists() and not overwrite:
        raise OutputExistsError(
            given=f"the folder {visible(str(path))} exists",
            expected="a new folder",
            remedy="give another name with -o, or --overwrite",
        )
    if path.exists() and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise FileAccessError(
            given=f"the folder {visible(str(path))} cannot be replaced: it is read-only",
            expected="a new folder, or one that may be written to",
            remedy="give another path with -o, or the right to write to it",
        )


@contextmanager
def new_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give an empty folder that takes the place of the target if no error comes.

    A folder that is replaced may hold nothing but files of the names that were written: what
    someone has put there, or another program has written there, is not thrown away. It is
    replaced in one step where the system can do that (`exchange`); elsewhere there is none for a
    moment, and where that is when the process is killed, the next one puts the old one back.

    Raises:
        OutputExistsError, FileAccessError: as `check_folder` says, or other files are there.
    """
    target = _target(path)
    remove_abandoned(target.parent)
    check_folder(path, overwrite)
    temporary = temporary_in(target.parent)
    with as_access_error(path):
        try:
            temporary.mkdir()
            yield temporary
            _commit(temporary, target, overwrite=overwrite)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _commit(temporary: Path, target: Path, *, overwrite: bool) -> None:
    """Put a folder in the place of the target, on the disk."""
    for path in (*temporary.iterdir(), temporary):
        synchronise(path)
    if not _take_free_place(temporary, target):
        check_folder(target, overwrite)
        _check_content(target, target, temporary)
        if exchange(temporary, target):
            _check_swapped(temporary, target)
        else:
            _replace(temporary, target)
    synchronise(target.parent)


def _take_free_place(temporary: Path, target: Path) -> bool:
    """Give a folder the name of the target, if that is free; say whether it was."""
    if target.exists():
        return False
    try:
        temporary.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # of another run, meanwhile
            return False
        raise
    return True


def _check_swapped(old: Path, target: Path) -> None:
    """Swap back where something was put into the old folder in the last moment."""
    try:
        _check_content(target, old, target)
    except OutputExistsError:
        exchange(old, target)
        raise


def _replace(temporary: Path, target: Path) -> None:
    """Replace a folder in two steps; between them none is there under its name."""
    before = put_aside(target)
    target.rename(before)
    try:
        temporary.rename(target)
    finally:
        if not target.exists():
            before.rename(target)
    shutil.rmtree(before)


def _check_content(target: Path, old: Path, new: Path) -> None:
    """Check that only files are replaced, and only those that are written anew."""
    written = {path.name for path in new.iterdir()}
    others = sorted(p.name for p in old.iterdir() if p.name not in written or p.is_dir())
    if others:
        raise OutputExistsError(
            given=f"the folder {visible(str(target))} holds other files, such as "
            f"{visible(others[0])}",
            expected="a new folder, or one that holds an export alone",
            remedy="give another name with -o",
        )


def _target(path: Path) -> Path:
    """Follow links, so that a link to a folder stays a link."""
    return Path(os.path.realpath(path))
