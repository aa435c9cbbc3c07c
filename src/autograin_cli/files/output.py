"""New files: written under another name beside the target, which takes its place when whole."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from types import TracebackType
from typing import Self

from autograin_cli.errors import FileAccessError, OutputExistsError
from autograin_cli.files.visible import visible


def check_output(path: Path, overwrite: bool) -> None:
    """Check, before hours of work, that a file can be written.

    Raises:
        OutputExistsError: it is there already, and is not to be overwritten.
        FileAccessError: its folder is missing or read-only, or it is no regular file.
    """
    folder = _target(path).parent
    if not folder.is_dir():
        raise _no_access(path, f"there is no folder {visible(str(folder))}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _no_access(path, f"the folder {visible(str(folder))} is read-only")
    _check_existing(path, overwrite)


def _check_existing(path: Path, overwrite: bool) -> None:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _no_access(path, str(error.strerror)) from error
    if not stat.S_ISREG(mode):
        raise _no_access(path, "it is a folder or a device")
    if not overwrite:
        raise OutputExistsError(
            given=f"{visible(str(path))} exists",
            expected="a new file",
            remedy="give another name with -o, or --overwrite",
        )


class NewFile:
    """A file that appears under its name when it is whole, or not at all.

    A context: what is written to `temporary`, in the folder of the target, takes the target's
    place at `commit`; without it, and after any error, it is removed.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        """Check that the file can be written.

        Raises:
            OutputExistsError, FileAccessError: as `check_output` says.
        """
        check_output(path, overwrite)
        self._path = path
        self._overwrite = overwrite
        folder = _target(path).parent
        remove_abandoned(folder)
        self.temporary = temporary_in(folder)

    def __enter__(self) -> Self:
        """Begin; nothing is created yet."""
        return self

    def commit(self) -> None:
        """Put the new file in the place of the target, on the disk.

        Raises:
            OutputExistsError: the target has appeared meanwhile.
            FileAccessError: the disk is full, or the folder has gone.
        """
        _check_existing(self._path, self._overwrite)
        with as_access_error(self._path):
            synchronise(self.temporary)
            if self._overwrite or not self._is_first():
                os.replace(self.temporary, _target(self._path))
            synchronise(self.temporary.parent)

    def _is_first(self) -> bool:
        """Take the place of the target unless another run just has; False where links cannot be.

        A second name, which is given only where there is none, and the first is taken away.
        """
        try:
            os.link(self.temporary, _target(self._path))
        except FileExistsError:
            _check_existing(self._path, overwrite=False)
            return False
        except OSError:
            return False
        self.temporary.unlink()
        return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        self.temporary.unlink(missing_ok=True)


@contextmanager
def as_access_error(path: Path) -> Iterator[None]:
    """Turn what the system says while a file is written into an error for the user."""
    try:
        yield
    except OSError as error:
        raise _no_access(path, error.strerror or str(error)) from error


def temporary_in(folder: Path) -> Path:
    """Give the path of a file or folder to come, by which `remove_abandoned` knows it."""
    return folder / f".autograin-{_here()}-{os.getpid()}-{secrets.token_hex(8)}.tmp"


def put_aside(target: Path) -> Path:
    """Give the path of a folder on its way out, from which `remove_abandoned` may put it back."""
    return target.with_name(f".autograin-{_here()}-{os.getpid()}-{target.name}.old")


def remove_abandoned(folder: Path) -> None:
    """Remove what processes of this machine left that were killed while they wrote.

    What was put aside goes back to its place where that is free: nothing new has come there.
    """
    for path in folder.glob(f".autograin-{_here()}-*-*"):
        process, rest = path.name.split("-", 3)[2:]
        if not process.isdecimal() or _is_alive(int(process)):
            continue
        with suppress(OSError):  # it may be of another user, and not ours to remove
            if rest.endswith(".tmp"):
                _remove(path)
            elif rest.endswith(".old"):
                _put_back(path, folder / rest.removesuffix(".old"))


def _put_back(old: Path, place: Path) -> None:
    if os.path.lexists(place):
        _remove(old)
    else:
        old.rename(place)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _here() -> str:
    """Name the machine and its numbering of processes: a container has one of its own."""
    try:
        numbering = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        numbering = 0
    return sha256(f"{gethostname()} {numbering}".encode()).hexdigest()[:8]


def _target(path: Path) -> Path:
    """Follow links, so that a link to a file stays a link."""
    return Path(os.path.realpath(path))


def synchronise(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _no_access(path: Path, reason: str) -> FileAccessError:
    return FileAccessError(
        given=f"{visible(str(path))} cannot be written: {visible(reason)}",
        expected="a folder that may be written to, with room on the disk",
        remedy="give another path with -o, or make room",
    )
