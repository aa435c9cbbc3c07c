"""Where numba and matplotlib keep what they make, also where package and home are read-only.

Without a place numba ends the program when it is imported, and matplotlib complains into the log.
"""

import atexit
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

import autograin_cli
from autograin_cli.errors import FileAccessError

_NUMBA, _MATPLOTLIB = "NUMBA_CACHE_DIR", "MPLCONFIGDIR"
NOTE = (
    "compiled loops are kept for this run alone, since neither the package nor the home may be "
    f"written: {_NUMBA} names a folder to keep them in"
)


def provide_caches() -> tuple[str, ...]:
    """Give numba and matplotlib a folder for this run alone, where they would find none.

    To be called before either is imported; the folder is removed at the end.

    Returns:
        What the user should know of it.

    Raises:
        FileAccessError: there is no place for temporary files either.
    """
    lacking = [
        name
        for name, found in ((_NUMBA, _numba_has_a_place()), (_MATPLOTLIB, _matplotlib_has_one()))
        if not found
    ]
    if not lacking:
        return ()
    os.environ |= dict.fromkeys(lacking, _temporary())
    return (NOTE,) if _NUMBA in lacking else ()


def _numba_has_a_place() -> bool:
    package = Path(autograin_cli.__file__).parent / "__pycache__"
    return _named(_NUMBA) or _may_be_made(package) or _may_be_made(_home("CACHE") / "numba")


def _matplotlib_has_one() -> bool:
    folders = (_home("CONFIG") / "matplotlib", _home("CACHE") / "matplotlib")
    return _named(_MATPLOTLIB) or all(_may_be_made(folder) for folder in folders)


def _named(variable: str) -> bool:
    """Whether the user names a folder in a variable, and it may be written."""
    named = os.environ.get(variable)
    return bool(named) and _may_be_made(Path(named or ""))


def _home(kind: str) -> Path:
    """Folder of the user for caches or configurations; relative where there is no home."""
    return Path(os.environ.get(f"XDG_{kind}_HOME") or os.path.expanduser(f"~/.{kind.lower()}"))


def _may_be_made(folder: Path) -> bool:
    """Whether a folder may be written, or made and then written."""
    if not folder.is_absolute():  # without a home it would be made where the user happens to work
        return False
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _temporary() -> str:
    """Make a folder that nobody else may write, since numba runs what it finds in it."""
    try:
        folder = mkdtemp(prefix="autograin-")
    except OSError as error:
        raise FileAccessError(
            given=f"no folder for compiled loops: {error.strerror}",
            expected="a package, a home or a folder for temporary files that may be written to",
            remedy=f"name a folder in {_NUMBA}, or in TMPDIR",
        ) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
