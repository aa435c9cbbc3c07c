"""How an artifact came about: the command line, the settings, the versions."""

import json
import platform
import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from autograin_cli import __version__
from autograin_cli.files.artifacts import InputFile, Provenance
from autograin_cli.files.fingerprints import input_file

_LIBRARIES = ("torch", "numpy", "scipy", "numba", "h5py", "MDAnalysis")


def provenance(*settings: Any, device: str = "cpu") -> Provenance:
    """Record this run; the settings are the records that the command was given."""
    chosen: dict[str, Any] = {}
    for record in settings:
        chosen |= asdict(record)
    versions = {"autograin": __version__, "python": platform.python_version()}
    versions |= {library: version(library) for library in _LIBRARIES}
    return Provenance(
        command=shlex.join(["autograin", *sys.argv[1:]]),
        settings=json.dumps(chosen, ensure_ascii=False),
        versions=json.dumps(versions),
        device=device,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def artifact_input(path: str) -> InputFile:
    """Describe the artifact that a stage started from."""
    return input_file(Path(path), "artifact", np.zeros(0), 1)
