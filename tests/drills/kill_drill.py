"""Each command killed at random moments: the old result or the new one, never half of one.

python tests/drills/kill_drill.py [COMMAND ...] [--kills N] [--seed S]

A command runs in a fork of this process, where all is loaded already, so that the moments are
those of its work; chunks are small and checkpoints are written at every one. After each kill the
output must be what stood there before, or the new result, whole; the checkpoint must be readable;
and the same command with --resume must give the content of a run without a break, byte for byte
outside provenance, and leave nothing else behind.
"""

import argparse
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from random import Random
from tempfile import TemporaryDirectory
from time import monotonic, sleep

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
ATOMS = (str(SAMPLES / "aniline.xtc"), "-s", str(SAMPLES / "aniline.psf"))
FORCES = ("--forces", str(SAMPLES / "aniline_forces.dcd"), "--force-unit", "kJ/mol/A")
# The last of them is not waited for: a batch system sends it when nothing has helped.
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1)
STOPPED = 75


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    arguments: but for the output.
    output: name of what it writes.
    resumes: whether it goes on from a checkpoint.
    """

    arguments: tuple[str, ...]
    output: str
    resumes: bool = True


def commands(folder: Path) -> dict[str, Command]:
    """The commands, each on the result of the one before."""
    mapping, potential, simulation = (
        str(folder / f"{name}.h5") for name in ("mapping", "potential", "simulation")
    )
    fit = ("fit-potential", mapping, *ATOMS, *FORCES, "--temperature", "300")
    network = ("--neural", "--epochs", "2", "--features", "8", "--stride", "4", "--batch", "64")
    small = ("--neural", "--epochs", "2", "--features", "4", "--moments", "2", "--stride", "8")
    joint = (*small, "--joint", "--joint-steps", "40", "--joint-weight", "100")
    run = ("simulate", potential, "--time", "40ps", "--replicas", "16", "--interval", "0.2")
    compared = ("compare", simulation, *ATOMS, "--resamples", "200")
    return {
        "fit-mapping": Command(("fit-mapping", *ATOMS, "--beads", "2"), "mapping.h5"),
        "fit-potential": Command(fit, "potential.h5"),
        "fit-potential-neural": Command((*fit, *network), "neural.h5"),
        "fit-potential-joint": Command((*fit, *joint), "joint.h5"),
        "simulate": Command((*run, "--seed", "1"), "simulation.h5"),
        "compare": Command(compared, "comparison.h5"),
        "decode": Command(("decode", simulation), "atoms.pdb", resumes=False),
        "export": Command(("export", simulation, "--to", "lammps"), "model", resumes=False),
    }


def prepare() -> None:
    """Load what commands load, make chunks small and checkpoints frequent."""
    import torch

    import autograin_cli
    from autograin_cli.cli import keeping, running
    from autograin_cli.files import atomistic_trajectory

    for found in walk_packages(autograin_cli.__path__, "autograin_cli."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    torch.set_num_threads(1)
    atomistic_trajectory._CHUNK_SIZE = 2**16
    keeping._SECONDS_BETWEEN_CHECKPOINTS = 0.05
    for module in (keeping, running):
        vars(module)["SECONDS_WORTH_KEEPING"] = 0.05


def start(arguments: tuple[str, ...], log: Path) -> int:
    """Run a command in a fork; give the number of the process."""
    process = os.fork()
    if process:
        return process
    from autograin_cli.cli import main

    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["autograin", *arguments]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException as error:  # noqa: BLE001  the fork ends here, whatever comes
        os.write(2, f"Traceback: {error!r}\n".encode())
    finally:
        os._exit(code)


def finished(process: int) -> int:
    """Wait for the end of a process; give its exit code, minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def content(path: Path) -> dict[str, bytes]:
    """The files of a folder by their names; a file is one without a name."""
    if path.is_dir():
        return {file.name: file.read_bytes() for file in path.iterdir()}
    return {"": path.read_bytes()} if path.exists() else {}


def put(path: Path, files: dict[str, bytes]) -> None:
    """Put a file or a folder in the place of another."""
    if path.is_dir():
        shutil.rmtree(path)
    if "" not in files:
        path.mkdir()
    for name, text in files.items():
        path.joinpath(name).write_bytes(text)


def digest(path: Path) -> str:
    """The content of a result: that of an artifact without its provenance."""
    from hashlib import sha256

    from autograin_cli.files.artifacts import content_digest, load
    from autograin_cli.files.storage.schema import KIND_COMMANDS

    if path.suffix != ".h5":
        return sha256(repr(sorted(content(path).items())).encode()).hexdigest()
    load(path, tuple(KIND_COMMANDS))
    return content_digest(path)


@dataclass(frozen=True)
class Drill:
    """A command that is killed in a folder.

    name: of the command.
    command: it.
    folder: where it works.
    old: what stands where its output belongs, by name, as `content` gives it.
    new: digest of its result.
    seconds: that it takes.
    """

    name: str
    command: Command
    folder: Path
    old: dict[str, bytes]
    new: str
    seconds: float

    def kill(self, number: signal.Signals, after: float) -> tuple[str, str]:
        """Kill the command after a time; give what was left, and what is wrong, '' for nothing."""
        path, log = self.folder / self.command.output, self.folder.with_suffix(".log")
        put(path, self.old)
        before = {file.name for file in self.folder.iterdir()}
        arguments = (*self.command.arguments, "-o", str(path), "--overwrite")
        process = start(arguments, log)
        sleep(after)
        os.kill(process, number)
        code = finished(process)
        allowed = {0, -number, STOPPED if self.command.resumes else 0}
        if code not in allowed:
            return "", f"exit code {code}: {log.read_text()[-2000:]}"
        left = "old" if content(path) == self.old else "new"
        if left == "new" and digest(path) != self.new:
            return left, "neither the old result nor the new one"
        kept = sorted({file.name for file in self.folder.iterdir()} - before)
        left += " and a checkpoint" if any(".ckpt" in name for name in kept) else ""
        again = (*arguments, *(("--resume",) if self.command.resumes else ()))
        code = finished(start(again, log))
        if code:
            return left, f"exit code {code} of the run that went on: {log.read_text()[-2000:]}"
        after_all = {file.name for file in self.folder.iterdir()} - before
        if after_all:
            return left, f"{sorted(after_all)} are left"
        return left, "" if digest(path) == self.new else "another result than without a break"


def drilled(name: str, command: Command, folder: Path) -> Drill:
    """Run a command without a break, twice, and prepare to kill it."""
    path, log = folder / command.output, folder.with_suffix(".log")
    arguments = (*command.arguments, "-o", str(path), "--overwrite")
    for _ in range(2):  # the first may have to compile
        begun = monotonic()
        code = finished(start(arguments, log))
        if code:
            raise RuntimeError(log.read_text())
    seconds = monotonic() - begun
    old = dict.fromkeys(content(path), b"what was there")
    return Drill(name, command, folder, old, digest(path), seconds)


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Put back a file or a folder that others need."""
    files = content(path)
    try:
        yield
    finally:
        put(path, files)


def drill(name: str, folder: Path, kills: int, draw: Random, tell: Callable[[str], None]) -> int:
    """Kill a command so many times; give how often something was wrong."""
    one = drilled(name, commands(folder)[name], folder)
    seen: Counter[str] = Counter()
    n_wrong = 0
    with kept(folder / one.command.output):
        for count in range(kills):
            number, after = SIGNALS[count % len(SIGNALS)], draw.uniform(0, 1.1 * one.seconds)
            left, wrong = one.kill(number, after)
            seen[f"{number.name}: {left}"] += 1
            if wrong:
                n_wrong += 1
                tell(f"{name}: {number.name} after {after:.2f} s: {wrong}")
                for file in folder.glob("*.ckpt*"):
                    file.unlink()
    what = ", ".join(f"{count} {kind}" for kind, count in sorted(seen.items()))
    tell(f"{name}: {kills} kills of {one.seconds:.1f} s, {n_wrong} wrong: {what}")
    return n_wrong


def main() -> None:
    """Drill the commands that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", nargs="*")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    prepare()
    with TemporaryDirectory() as outside:
        folder = Path(outside) / "drill"
        folder.mkdir()
        wanted, n_wrong = given.command or list(commands(folder)), 0
        for name in commands(folder):
            draw = Random(f"{given.seed} {name}")  # noqa: S311  no secret
            kills = given.kills if name in wanted else 0
            n_wrong += drill(name, folder, kills, draw, lambda line: print(line, flush=True))  # noqa: T201
            if wanted and name == wanted[-1]:
                break
        shutil.rmtree(folder)
    sys.exit(n_wrong > 0)


if __name__ == "__main__":
    main()
