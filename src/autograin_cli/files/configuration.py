"""TOML -> values of options."""

import tomllib
from pathlib import Path
from typing import Any

from autograin_cli.errors import FileAccessError, SettingError
from autograin_cli.files.visible import visible

_LARGEST = 2**20  # bytes
_SHOWN = 200  # characters of what is wrong


def read_configuration(path: Path) -> dict[str, Any]:
    """Read the keys and values of a TOML file.

    Raises:
        FileAccessError: the file cannot be read.
        SettingError: it is not TOML, or too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise FileAccessError(
            given=f"{visible(str(path))}: {error.strerror}",
            expected="a readable TOML file",
            remedy="correct the name behind --config",
        ) from error
    if len(content) > _LARGEST:
        raise _refused(path, "is too large")
    try:
        return tomllib.loads(content.decode())
    # Numbers of thousands of digits, and lists in lists in lists, are no errors of TOML.
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"is not valid TOML: {visible(str(error)[:_SHOWN])}") from error


def _refused(path: Path, why: str) -> SettingError:
    return SettingError(
        given=f"{visible(str(path))} {why}",
        expected="lines such as beads = 3 or method = 'exact'",
        remedy="correct that line",
    )
