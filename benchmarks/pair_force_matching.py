"""Force matching of pair splines: normal equations alone, and against VOTCA, in one run.

1000 one-bead molecules at the density of liquid methanol, 12 Å and 47 intervals: `csg_fmatch` of
VOTCA, where it is installed, reads them from a TRR file, and we have them in memory; reading is
a hundredth of its time. Then the normal equations of 3000 frames of 64 beads with 40 splines. All
times are seconds of one processor, so that other work on the machine does not count.

    python benchmarks/pair_force_matching.py [--frames 120]
"""

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from autograin_cli.potential.fit import fit_force_field
from autograin_cli.potential.frame_equations import accumulate_frames
from autograin_cli.potential.frame_layout import FrameModel
from autograin_cli.potential.pair_forms import PairSpline
from autograin_cli.potential.pair_tables import pair_grid
from autograin_cli.potential.regression import solve
from autograin_cli.settings import PotentialSettings
from autograin_cli.system import Component, System
from autograin_cli.trajectory import Chunk, StoredTrajectory

# The inputs of VOTCA are written by the module that the tests use for it.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
REPEATS, BLOCKS, FRAMES_PER_BLOCK = 3, 10, 6
LOW = 3.0  # Å: VOTCA stops at a knot that a block of frames never visits


def liquid(n_frames: int, n_beads: int, edge: float) -> StoredTrajectory:
    """Beads on a shaken lattice, forces drawn at random: only the time matters."""
    random = torch.Generator().manual_seed(1)
    side = round(n_beads ** (1 / 3) + 0.4999)
    lattice = torch.cartesian_prod(*[torch.arange(side, dtype=torch.float64)] * 3)[:n_beads]
    shaken = lattice + 0.35 * torch.rand(n_frames, n_beads, 3, generator=random).double()
    forces = torch.randn(n_frames, n_beads, 3, generator=random).double()
    boxes = edge * torch.eye(3, dtype=torch.float64).expand(n_frames, 3, 3)
    times = torch.arange(n_frames).double()
    return StoredTrajectory(Chunk(shaken * edge / side, times, boxes, forces))


def system_of(n_beads: int) -> System:
    """One-bead molecules."""
    return System((Component("bead", ("A",), torch.zeros(0, 2).long(), None, n_beads),))


def model_of(n_beads: int, low: float, cutoff: float, knots: int) -> FrameModel:
    """One pair term, a spline."""
    form, grid = PairSpline(low, cutoff, knots), pair_grid(low, cutoff, knots)
    return FrameModel(system_of(n_beads), (), (), (), (form,), (grid,), ((0, 0),), 2, cutoff)


def processor_seconds(run: Callable[[], object]) -> float:
    """Least of some calls, after one that compiles."""
    run()
    times = []
    for _ in range(REPEATS):
        begin = time.process_time()
        run()
        times.append(time.process_time() - begin)
    return min(times)


def votca_seconds(beads: StoredTrajectory, low: float, cutoff: float, knots: int) -> float:
    """Seconds of csg_fmatch, its reading of the frames included."""
    from votca import run_fmatch, write_inputs

    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), beads.chunk, low, cutoff, knots, FRAMES_PER_BLOCK)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run_fmatch(Path(folder))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Run both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=120)
    n_frames = parser.parse_args().frames
    torch.set_num_threads(1)
    beads, cutoff, knots = liquid(n_frames, 1000, 40.7), 12.0, 47
    model = model_of(1000, LOW, cutoff, knots)
    own = processor_seconds(lambda: solve(accumulate_frames(beads, model, BLOCKS), model))
    settings = PotentialSettings(pair="spline", cutoff=cutoff, pair_knots=knots, blocks=BLOCKS)
    whole = processor_seconds(lambda: fit_force_field(beads, system_of(1000), settings))
    print(f"1000 beads, {knots} intervals to {cutoff:g} Å, seconds of one processor a frame")
    print(f"{'normal equations and solution':<34}{own / n_frames:9.5f}")
    print(f"{'the whole of fit_force_field':<34}{whole / n_frames:9.5f}")
    if shutil.which("csg_fmatch"):
        votca = votca_seconds(beads, LOW, cutoff, knots)
        ratios = f"ratio {votca / own:.1f}, against all of fit_force_field {votca / whole:.1f}"
        print(f"{'VOTCA csg_fmatch':<34}{votca / n_frames:9.5f}   {ratios}")
    many, small = liquid(3000, 64, 15.7), model_of(64, LOW, 7.85, 40)
    seconds = processor_seconds(lambda: accumulate_frames(many, small, BLOCKS))
    print(f"normal equations of 3000 frames of 64 beads, 40 splines: {seconds:.3f} s (goal: 1)")


if __name__ == "__main__":
    main()
