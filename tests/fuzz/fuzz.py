"""Damaged files, one after another, until the time is over.

PYTHONPATH=tests python -m fuzz.fuzz SURFACE [--seconds N] [--seed S] [--keep FOLDER]

A case fails if anything but an AutograinError comes out, if it takes more than 10 s of CPU,
waits for a minute, if memory grows by more than 1 GiB, or if a file is opened that has nothing to
do with it. What fails is kept in the folder, with the reason beside it.
"""

import argparse
import os
import shutil
import signal
import sys
import sysconfig
import traceback
import warnings
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from resource import RLIMIT_AS, RUSAGE_SELF, getrusage, setrlimit
from tempfile import TemporaryDirectory
from time import monotonic, process_time, sleep
from typing import Any

from autograin_cli.errors import AutograinError
from fuzz.surfaces import SURFACES, Surface

MOST_CPU = 10.0  # s
MOST_WALL = 60.0  # s
MOST_MEMORY = 2**30  # bytes
_GUARD = 12 * 2**30  # bytes, for the sake of the machine


class Opened:
    """Listens to which files Python opens, and names those that it should not."""

    def __init__(self) -> None:
        paths = [*sysconfig.get_paths().values(), sys.base_prefix, str(Path(__file__).parents[2])]
        self._allowed = tuple({os.path.realpath(path) for path in paths})
        self._allowed += (
            str(Path.home() / ".cache" / "matplotlib"),
            "/proc/",
            "/sys/",
            "/dev/null",
            "/usr/share/zoneinfo",
            "/usr/lib",
        )
        self.folder, self.strange = "/", list[str]()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if not path.startswith((self.folder, *self._allowed)):
                self.strange.append(path)


def attempt(surface: Surface, path: Path) -> str:
    """Read a case; give the reason why that is a failure, '' where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            surface.read(path)
    except AutograinError as error:
        return "memory ran out" if _has_memory_error(error) else ""
    except Exception:  # noqa: BLE001  whatever comes out is what is looked for
        return traceback.format_exc()
    return ""


def _has_memory_error(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def work(
    name: str, seed: int, keep: Path, number: "Synchronized[int]", begun: "Synchronized[float]"
) -> None:
    """Read cases from a number on, for ever; ends after one that took memory."""
    surface, opened = SURFACES[name], Opened()
    setrlimit(RLIMIT_AS, (_GUARD, -1))
    os.nice(10)
    with TemporaryDirectory() as folder:
        opened.folder = os.path.realpath(folder)
        for seed_name, content in surface.seeds().items():  # what is loaded once
            path = Path(folder) / f"case{''.join(Path(seed_name).suffixes)}"
            path.write_bytes(content)
            attempt(surface, path)
        usual = getrusage(RUSAGE_SELF).ru_maxrss
        while True:
            _empty(Path(folder))
            path = surface.case(f"{seed} {number.value}", Path(folder))
            opened.strange.clear()
            begun.value = process_time()
            reason = attempt(surface, path)
            grown = (getrusage(RUSAGE_SELF).ru_maxrss - usual) * 1024
            if grown > MOST_MEMORY:
                reason += f"memory grew by {grown / 2**20:.0f} MiB"
            if opened.strange:
                reason += f"opened {opened.strange}"
            if reason:
                save(keep, name, f"{seed}-{number.value}", path, reason)
            number.value += 1
            if grown > MOST_MEMORY:
                return


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def save(keep: Path, name: str, case: str, path: Path, reason: str) -> None:
    """Keep a case that failed, unless one failed the same way before."""
    lines = [line for line in reason.strip().splitlines() if line.strip()]
    places = [line.strip() for line in lines if line.strip().startswith("File ")]
    key = f"{places[-1] if places else ''} {lines[-1][:60]}"
    index = keep / f"{name}.txt"
    known = index.read_text(errors="replace") if index.exists() else ""
    if key in known:
        return
    keep.mkdir(parents=True, exist_ok=True)
    suffix = "".join(path.suffixes)
    if path.exists():
        (keep / f"{name}-{case}{suffix}").write_bytes(path.read_bytes())
    with index.open("a", errors="replace") as file:
        file.write(f"=== {name}-{case}{suffix}\n{key}\n{reason}\n")
    sys.stderr.write(f"{name}-{case}{suffix}: {key}\n")


def fuzz(name: str, seconds: float, seed: int, keep: Path) -> int:
    """Read cases in a process that is ended where it hangs; give how many were read."""
    context, surface = get_context("fork"), SURFACES[name]
    surface.seeds()
    number, begun = context.Value("q", 0), context.Value("d", 0.0)
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        begun.value = 0.0  # until what is loaded once is loaded
        process = context.Process(target=work, args=(name, seed, keep, number, begun))
        process.start()
        reason = _watch(process, number, begun, deadline)
        if reason:
            with TemporaryDirectory() as folder:
                path = surface.case(f"{seed} {number.value}", Path(folder))
                save(keep, name, f"{seed}-{number.value}", path, reason)
            number.value += 1
    return int(number.value)


def _watch(process: Any, number: Any, begun: Any, deadline: float) -> str:
    """Wait until a process ends, hangs or the time is over; give why it had to end."""
    last, since = -1, monotonic()
    while process.is_alive():
        sleep(0.2)
        if number.value != last or not begun.value:
            last, since = number.value, monotonic()
        waited, (cpu, waits) = monotonic() - since, _stat(process.pid)
        hangs = cpu - begun.value > MOST_CPU and waited > MOST_CPU
        # One that could run, on a machine with too much to do, is slow by no fault of its own.
        if hangs or (waits and waited > MOST_WALL) or monotonic() > deadline:
            process.kill()
            process.join()
            return f"no end after {monotonic() - since:.0f} s" if monotonic() <= deadline else ""
    process.join()
    if process.exitcode > 0:
        raise RuntimeError("the harness itself is at fault")
    return f"ended by {signal.Signals(-process.exitcode).name}" if process.exitcode else ""


def _stat(pid: int) -> tuple[float, bool]:
    """CPU time of a process, s, and whether it waits for something else than a CPU."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, False
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), fields[0] != "R"


def main() -> None:
    """Fuzz a surface."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("surface", choices=sorted(SURFACES))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    given = parser.parse_args()
    read = fuzz(given.surface, given.seconds, given.seed, given.keep)
    sys.stdout.write(f"{given.surface}: {read} cases in {given.seconds:.0f} s\n")


if __name__ == "__main__":
    main()
