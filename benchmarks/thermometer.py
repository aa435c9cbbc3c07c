"""Whether the bond thermometer is right, and its error honest, on liquids of known temperature.

From each run that `make data` leaves in data/full, many samples are drawn as the checks draw
theirs: short runs of frames spread over the trajectory, and every fifth molecule. Prints the
temperature of the whole run, and of the samples the mean, the spread, the mean error stated, and
the root mean square of deviations over stated errors, which is 1 where errors are exact.

    python benchmarks/thermometer.py [--molecules 12]
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from autograin_cli.checking.probe import probes
from autograin_cli.checking.sample import RUN, Sample, spread_frames, take_sample
from autograin_cli.checking.thermometer import Temperature, temperature
from autograin_cli.files.atomistic import read
from autograin_cli.files.atomistic_trajectory import AtomisticTrajectory
from autograin_cli.settings import ReadingSettings

FULL = Path(__file__).parents[1] / "data" / "full"
RUNS = ("ethane", "ethane_more", "methane")
STEP = 5  # of molecules


def warmth(sample: Sample) -> Temperature:
    """Temperature that the forces of a sample imply."""
    found = temperature(probes(sample), sample)
    if found is None:
        raise SystemExit("too few frames")
    return found


def drawn(trajectory: AtomisticTrajectory, whole: Sample, n_molecules: int) -> Iterator[Sample]:
    """Yield samples that share no frame of a molecule."""
    (kind,) = whole.molecules
    runs = spread_frames(trajectory.n_frames, whole.molecules).reshape(-1, RUN)[:, :1]
    gap = int(runs.diff(dim=0).min())
    for offset in range(0, gap - RUN + 1, RUN):
        rows = (runs + offset + torch.arange(RUN)).flatten()
        rows = rows[rows < trajectory.n_frames]
        for first in range(STEP):
            copies = kind.copies[first::STEP][:n_molecules]
            yield replace(
                whole,
                frames=rows,
                times=whole.times[rows],
                positions=whole.positions[rows],
                forces=None if whole.forces is None else whole.forces[rows],
                molecules=(replace(kind, copies=copies),),
            )


def measure(stem: str, n_molecules: int) -> None:
    """Print a line for a run."""
    settings = ReadingSettings(
        topology=str(FULL / f"{stem}.psf"),
        forces=(str(FULL / f"{stem}_forces.dcd"),),
        force_unit="kJ/mol/A",
    )
    reading = read([FULL / f"{stem}.xtc"], settings)
    trajectory = reading.trajectory
    if not isinstance(trajectory, AtomisticTrajectory):
        raise SystemExit(f"{stem} holds no atoms")
    everything = torch.arange(trajectory.n_frames)
    whole = take_sample(trajectory, reading.molecules, everything, most=10**9)
    true = warmth(whole)
    found = [warmth(sample) for sample in drawn(trajectory, whole, n_molecules)]
    values = torch.tensor([one.value for one in found])
    errors = torch.tensor([one.error for one in found])
    scores = (values - true.value) / errors
    print(
        f"{stem}: all frames {true.value:.1f} ± {true.error:.1f} K; {len(found)} samples: mean "
        f"{values.mean():.1f}, spread {values.std():.1f}, error stated {errors.mean():.1f} K, "
        f"deviations {scores.square().mean().sqrt():.2f} times the error stated",
        flush=True,
    )


def main() -> None:
    """Measure every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--molecules", type=int, default=12)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for stem in RUNS:
        measure(stem, chosen.molecules)


if __name__ == "__main__":
    main()
