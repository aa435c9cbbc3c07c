"""What the checks of the input cost, as a share of the fit that they precede, in one run.

Frames of a sample are repeated until there are enough, and written as XTC with forces as DCD.
Each command runs in this process, once to import what it needs and compile its kernels, then
several times; computing time (not waiting) of the checks and of the whole command is taken, and
the median of the ratio printed. The command includes all that a user waits for but imports:
reading the headers, the checks, the fit, writing the result.

    python benchmarks/checks.py [--frames 10000] [--repeats 5]
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from click.testing import CliRunner
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

from autograin_cli.checking.inspection import inspect_input
from autograin_cli.cli import autograin

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
SYSTEMS = {"otp": (3, 300), "aniline": (2, 300), "methane": (1, 100), "ethane": (2, 120)}


def repeated(stem: str, n_frames: int, folder: Path) -> tuple[Path, Path]:
    """Write so many frames of a sample, one pass over it after another."""
    with XTCFile(str(SAMPLES / f"{stem}.xtc")) as file:
        frames = list(file)
    with DCDFile(str(SAMPLES / f"{stem}_forces.dcd")) as file:
        forces = file.readframes().xyz
    positions, along = folder / f"{stem}.xtc", folder / f"{stem}_forces.dcd"
    with XTCFile(str(positions), "w") as out, DCDFile(str(along), "w") as pushed:
        pushed.write_header("", forces.shape[1], 0, 1, 1.0, False)
        for number in range(n_frames):
            one = frames[number % len(frames)]
            out.write(one.x, one.box, number, 2.0 * number, 1e5)
            pushed.write(forces[number % len(frames)], np.array([0, 0, 0, 90, 90, 90.0]))
    return positions, along


def shares(command: list[str], repeats: int) -> tuple[list[float], list[float]]:
    """Computing time of the checks, and of the command, s, of every repetition."""
    spent = [0.0]

    def timed(*arguments: Any) -> Any:
        begin = time.process_time()
        found = inspect_input(*arguments)
        spent[0] += time.process_time() - begin
        return found

    inside, whole = [], []
    for _ in range(repeats + 1):
        spent[0], begin = 0.0, time.process_time()
        with patch("autograin_cli.cli.checks.inspect_input", timed):
            result = CliRunner().invoke(autograin, command)
        whole.append(time.process_time() - begin)
        inside.append(spent[0])
        if result.exit_code:
            raise SystemExit(result.output)
    return inside[1:], whole[1:]


def measure(stem: str, n_frames: int, repeats: int, folder: Path) -> None:
    """Print a line for each command."""
    n_beads, kelvin = SYSTEMS[stem]
    positions, forces = repeated(stem, n_frames, folder)
    mapping, potential = folder / f"{stem}_mapping.h5", folder / f"{stem}_potential.h5"
    shared = [str(positions), "-s", str(SAMPLES / f"{stem}.psf"), "--forces", str(forces)]
    shared += ["--force-unit", "kJ/mol/A", "--overwrite", "-q"]
    commands = {
        "fit-mapping": ["fit-mapping", *shared, "--beads", str(n_beads), "-o", str(mapping)],
        "fit-potential": ["fit-potential", str(mapping), *shared, "-o", str(potential)],
    }
    commands["fit-potential"] += ["--temperature", str(kelvin)]
    for name, command in commands.items():
        inside, whole = shares(command, repeats)
        ratio = median(a / b for a, b in zip(inside, whole, strict=True))
        print(
            f"{stem:8} {name:14} checks {1e3 * median(inside):5.1f} ms of {median(whole):6.2f} s: "
            f"{ratio:.1%}",
            flush=True,
        )


def main() -> None:
    """Measure every sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--samples", nargs="*", default=list(SYSTEMS))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for stem in chosen.samples:
            measure(stem, chosen.frames, chosen.repeats, Path(folder))


if __name__ == "__main__":
    main()
