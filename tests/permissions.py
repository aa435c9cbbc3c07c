"""Commands run as by a user whom permissions bind: root gives up its right to ignore them."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

_DROP = 24  # PR_CAPBSET_DROP of linux/prctl.h
_READ_AND_WRITE_ANYTHING = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH of linux/capability.h


def give_up() -> None:
    """Have permissions bind the program that is started next, though its user is root.

    It stays the owner of its files: to become another user would ask for a Python that all may
    read.
    """
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for right in _READ_AND_WRITE_ANYTHING:
            if libc.prctl(_DROP, right, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl")


def bound(
    script: str, *arguments: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script that permissions bind."""
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        | variables,
        preexec_fn=give_up,
        timeout=300,
    )


def permissions_bind(folder: Path) -> bool:
    """Whether a script can be run that may not write into a closed folder."""
    closed = folder / "closed to all"
    closed.mkdir(mode=0o555)
    try:
        done = bound("import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK))", closed)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
