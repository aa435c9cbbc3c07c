"""Two folders change places in one step, where the system can do that."""

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

_AT_WORKING_FOLDER = -100  # AT_FDCWD of fcntl.h
_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h
# What a file system that cannot do it answers: NFS the first, an old kernel the second. A container
# may forbid a call that it does not know.
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM}


def exchange(one: Path, other: Path) -> bool:
    """Let two folders of one file system change their names, both at once.

    Returns:
        False where the system cannot do that, and has done nothing: on others than Linux, and on
        network file systems.

    Raises:
        OSError: one of them is not there, or may not be renamed.

    Source: renameat2(2) of the Linux manual.
    """
    rename = _rename()
    if rename is None:
        return False
    names = (os.fsencode(one), os.fsencode(other))
    if rename(_AT_WORKING_FOLDER, names[0], _AT_WORKING_FOLDER, names[1], _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


def _rename() -> Callable[..., int] | None:
    """Find the call; None where the C library has none."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # the last on Windows, which has no such library
        return None
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return cast(Callable[..., int], call)
