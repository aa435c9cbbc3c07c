"""Loss against N, how often each method finds the optimum, what it costs: one file of results.

    python docs/paper/study.py --atoms data/samples --runs build/paper/full -o study.json [--quick]

Reads the 6 ns of ortho-terphenyl and aniline and their 6 ps samples, positions and forces, and
the runs of 6 ps that short_runs.py wrote. One thread: the costs are ratios of CPU times.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from study_loss import Frames, optima, softened
from study_methods import METHODS, pose_case, rates
from study_results import Optimum, Proof, Rate, Soft, Study, save_study

from autograin_cli.files.atomistic import Reading, read
from autograin_cli.mapping.moments import Survey, moments, survey
from autograin_cli.settings import ReadingSettings

BEADS = {"otp": (2, 3, 4, 5, 6, 8), "aniline": (2, 3, 4, 5)}
QUICK_BEADS = {"otp": (2, 3, 4, 5, 6), "aniline": (2, 3, 4, 5)}
CASES = (("otp", 3), ("aniline", 2), ("otp", 4), ("otp", 6))
QUICK_CASES, SEEDS, QUICK_SEEDS = CASES[:2], 100, 20
N_BLOCKS = 8


def open_frames(folder: Path, system: str, stem: str) -> Reading:
    """Positions and forces of one of the sets of a molecule."""
    settings = ReadingSettings(
        topology=str(folder / f"{system}.psf"),
        forces=(str(folder / f"{stem}_forces.dcd"),),
        force_unit="kJ/mol/A",
    )
    return read([folder / f"{stem}.xtc"], settings)


def seen_frames(reading: Reading, system: str, sampling: str, *, symmetric: bool) -> Frames:
    """Frames of a trajectory, read in one pass."""
    molecule = reading.molecules[0]
    return Frames(
        system, sampling, molecule, survey(reading.trajectory, molecule, N_BLOCKS), symmetric
    )


def short_frames(like: Frames, path: Path) -> Iterator[Frames]:
    """Each of the runs of 6 ps."""
    with np.load(path) as runs:
        positions, forces = (torch.from_numpy(runs[name]) for name in ("positions", "forces"))
    for number, (x, f) in enumerate(zip(positions, forces, strict=True), 1):
        pairs = zip(x.tensor_split(N_BLOCKS), f.tensor_split(N_BLOCKS), strict=True)
        seen = Survey(tuple(moments(*pair) for pair in pairs), x)
        yield Frames(like.system, f"6 ps run:{number}", like.molecule, seen, symmetric=False)


def losses(
    folder: Path, runs: Path, system: str, beads: tuple[int, ...]
) -> Iterator[Optimum | Soft]:
    """Optima and soft encoders of a molecule for several numbers of beads."""
    reading = open_frames(folder, system, system)
    long = seen_frames(reading, system, "6 ns", symmetric=False)
    images = replace(long, sampling="6 ns, symmetric", symmetric=True)
    sample = open_frames(folder, system, f"{system}_6ps")
    short = seen_frames(sample, system, "6 ps", symmetric=False)
    for n_beads in beads:
        for frames in (short, long, images):
            for weights in ("uniform", "mass"):
                yield from optima(frames, n_beads, weights)
        for frames in short_frames(short, runs / f"{system}_runs.npz"):
            yield from optima(frames, n_beads, "uniform")
        yield from softened(short, n_beads)


def searches(
    folder: Path, cases: tuple[tuple[str, int], ...], n_seeds: int
) -> Iterator[Proof | Rate]:
    """How every method does on every case, under both objectives."""
    for system, n_beads in cases:
        reading = open_frames(folder, system, system)
        frames = seen_frames(reading, system, "6 ns, symmetric", symmetric=True)
        begin = time.process_time()
        seen_frames(reading, system, "again, with all code loaded", symmetric=True)
        pass_seconds = time.process_time() - begin
        for objective in ("ae", "ae+compactness"):
            case = pose_case(frames, n_beads, objective)
            yield from rates(case, n_seeds, pass_seconds, METHODS)
            print(f"{system}, {n_beads} beads, {objective}: {n_seeds} seeds of each method")


def main() -> None:
    """Study and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--atoms", type=Path, required=True, help="folder of the long runs")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs of 6 ps")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    beads = QUICK_BEADS if arguments.quick else BEADS
    cases, n_seeds = (QUICK_CASES, QUICK_SEEDS) if arguments.quick else (CASES, SEEDS)
    found: list[Optimum | Soft] = []
    for system, numbers in beads.items():
        found += losses(arguments.atoms, arguments.runs, system, numbers)
        print(f"{system}: losses of mappings into {numbers} beads")
    tried = list(searches(arguments.atoms, cases, n_seeds))
    study = Study(
        optima=tuple(one for one in found if isinstance(one, Optimum)),
        soft=tuple(one for one in found if isinstance(one, Soft)),
        rates=tuple(one for one in tried if isinstance(one, Rate)),
        proofs=tuple(one for one in tried if isinstance(one, Proof)),
    )
    save_study(study, arguments.output)


if __name__ == "__main__":
    main()
