"""TOML -> values of options."""

import tomllib
from pathlib import Path
from typing import Any

from autograin_cli.errors import FileAccessError, SettingError


def read_configuration(path: Path) -> dict[str, Any]:
    """Read the keys and values of a TOML file.

    Raises:
        FileAccessError: the file cannot be read.
        SettingError: it is not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise FileAccessError(
            given=f"{path}: {error.strerror}",
            expected="a readable TOML file",
            remedy="correct the name behind --config",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(
            given=f"{path} is not valid TOML: {error}",
            expected="lines such as beads = 3 or method = 'exact'",
            remedy="correct that line",
        ) from error
