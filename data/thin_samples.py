"""Make the sample data of the liquids: frames of the full sets, evenly spread.

    python data/thin_samples.py --full data/full --out data/samples

keeps as many frames as fit, and writes a few of them once more as TRR, with positions,
forces and box in one file. The references without forces are too large to be samples;
what README.md says of them is taken along.
"""

import argparse
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from checks import Check, bounded, insist, rms
from force_field import Molecule, build
from liquid_dynamics import PLANS, Frames, Plan
from liquid_phase import check_files, settings_of, write_files
from liquids import box_length
from report import section_of, sizes, write_report
from sample_files import read_back, read_trr, write_trr

MOST_FRAMES = {"methane": 250, "ethane": 340}
TRR_FRAMES = 20


def full_set(plan: Plan, folder: Path) -> Frames:
    """The frames of a full set, from its files."""
    psf = folder / f"{plan.stem}.psf"
    positions, _ = read_back(psf, folder / f"{plan.stem}.xtc")
    forces, _ = read_back(psf, folder / f"{plan.stem}_forces.dcd")
    table = np.loadtxt(folder / f"{plan.stem}.csv", delimiter=",", skiprows=1)
    return Frames(positions, forces, table[:, 1:])


def thinned(frames: Frames, every: int) -> Frames:
    """One frame in `every`; the properties, which are told as means, of all of them."""
    return Frames(frames.positions[::every], frames.forces[::every], frames.properties)


def check_trr(plan: Plan, frames: Frames, molecule: Molecule, path: Path) -> Iterator[Check]:
    """Positions, forces and box in the TRR."""
    positions, forces, boxes = read_trr(path)
    few = len(positions)
    error = np.abs(positions - frames.positions[:few]).max()
    yield bounded("positions in TRR, largest error", error, 1e-5, " Å")
    error = rms(forces - frames.forces[:few]) / rms(forces)
    yield bounded("forces in TRR, rms error / rms force", error, 1e-6)
    error = np.abs(boxes - np.eye(3) * box_length(plan.liquid, molecule)).max()
    yield bounded("box in TRR, largest error", error, 1e-5, " Å")


def make(whole: Plan, full: Path, out: Path) -> str:
    """Write and check the samples of one liquid; what README.md says of them."""
    frames, molecule = full_set(whole, full), build(whole.liquid.molecule)
    every = math.ceil(len(frames.positions) / MOST_FRAMES[whole.stem])
    plan, frames = replace(whole, interval=every * whole.interval), thinned(frames, every)
    work = out / f".{plan.stem}.partial"
    work.mkdir(parents=True, exist_ok=True)
    write_files(plan, molecule, frames, work)
    checks = insist(plan.stem, check_files(plan, molecule, frames, work))
    if plan.stem == "ethane":
        trr, box = work / "ethane_short.trr", box_length(plan.liquid, molecule)
        pace = (plan.interval, plan.dynamics.timestep)
        write_trr(trr, frames.positions[:TRR_FRAMES], frames.forces[:TRR_FRAMES], *pace, box)
        checks += insist(plan.stem, check_trr(plan, frames, molecule, trr))
    section = section_of(plan.stem, [*settings_of(plan, molecule, frames), *sizes(work)], checks)
    for file in sorted(work.iterdir()):
        os.replace(file, out / file.name)
    work.rmdir()
    return section


def main() -> None:
    """Read the command line and make the samples."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--full", type=Path, required=True, help="folder of the full sets")
    parser.add_argument("--out", type=Path, required=True, help="folder of the samples")
    options = parser.parse_args()
    sections = [make(PLANS[stem], options.full, options.out) for stem in MOST_FRAMES]
    accounts = [options.full / f"{stem}.md" for stem in PLANS if stem not in MOST_FRAMES]
    sections += [account.read_text() for account in accounts if account.exists()]
    write_report(options.out / "README.md", *sections)


if __name__ == "__main__":
    main()
