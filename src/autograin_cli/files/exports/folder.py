"""New folders: filled under another name beside the target, which takes its place when whole."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograin_cli.errors import FileAccessError, OutputExistsError
from autograin_cli.files.output import as_access_error
from autograin_cli.files.visible import visible


def check_folder(path: Path, overwrite: bool) -> None:
    """Check that a folder can be written.

    Raises:
        OutputExistsError: it is there already, and is not to be overwritten.
        FileAccessError: the folder around it is missing or read-only, or it is a file.
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


@contextmanager
def new_folder(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give an empty folder that takes the place of the target if no error comes.

    A folder that is replaced may hold nothing but files of the names that were written: what
    someone has put there, or another program has written there, is not thrown away.

    Raises:
        OutputExistsError, FileAccessError: as `check_folder` says, or other files are there.
    """
    check_folder(path, overwrite)
    target = _target(path)
    temporary = target.parent / f".autograin-{secrets.token_hex(8)}.tmp"
    with as_access_error(path):
        try:
            temporary.mkdir()
            yield temporary
            _commit(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _commit(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    _check_content(temporary, target)
    before = temporary.with_suffix(".old")
    target.rename(before)
    try:
        temporary.rename(target)
    except OSError:
        before.rename(target)
        raise
    shutil.rmtree(before)


def _check_content(temporary: Path, target: Path) -> None:
    """Check that only files are replaced that are written anew."""
    others = sorted({p.name for p in target.iterdir()} - {p.name for p in temporary.iterdir()})
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
