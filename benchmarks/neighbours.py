"""Triplet angles and P2(r) against g(r): what each costs of a frame of a liquid, in one run.

Dumbbells anywhere at the density of liquid ethane, 343 of them as compare meets them, and 3,430.
Shells of 5.0 and 6.3 Å, with about 13 and 25 neighbours; g(r) and P2(r) up to half of the box.
One thread, times of the CPU, per frame, the best of some turns in which all take part, so that
others at work on the machine do not matter.

    python benchmarks/neighbours.py [--turns 5]
"""

import argparse
import time
from collections.abc import Callable

import torch

from autograin_cli.comparison.orientations import OrientationSums
from autograin_cli.comparison.pairs import PairCounts
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import divide
from autograin_cli.comparison.triplets import KeptFrames, Neighbours
from autograin_cli.system import Component, System
from autograin_cli.trajectory import Chunk, StoredTrajectory

DENSITY = 0.01242  # molecules in an Å³
LENGTH = 1.69  # Å, of the bond
SPACING = 0.1  # Å
CASES = ((343, 100), (3430, 4))  # molecules, frames
SHELLS = (5.0, 6.3)  # Å


def dumbbells(n_molecules: int, n_frames: int) -> Run:
    """Molecules anywhere in a cubic box."""
    random = torch.Generator().manual_seed(0)
    edge = (n_molecules / DENSITY) ** (1 / 3)
    centres = edge * torch.rand(n_frames, n_molecules, 1, 3, generator=random).double()
    axes = torch.randn(n_frames, n_molecules, 1, 3, generator=random).double()
    axes = 0.5 * LENGTH * axes / axes.norm(dim=-1, keepdim=True)
    beads = torch.cat((centres - axes, centres + axes), 2).flatten(1, 2)
    boxes = (edge * torch.eye(3).double()).expand(n_frames, 3, 3)
    part = Component("ethane", ("A", "A"), torch.tensor([[0, 1]]), None, n_molecules)
    chunk = Chunk(beads, torch.arange(n_frames).double(), boxes)
    return Run(StoredTrajectory(chunk), System((part,)), 1)


def ways(run: Run) -> dict[str, Callable[[], object]]:
    """Everything that is timed."""
    (chunk,) = run.beads.chunks()
    half = 0.5 * (run.system.n_molecules / DENSITY) ** (1 / 3)
    edges = SPACING * torch.arange(int(half / SPACING) + 1, dtype=torch.float64)
    kept = KeptFrames(run)
    kept.add(0, chunk)

    def triplets(shell: float) -> Callable[[], object]:
        radii = torch.full((1, 1), shell, dtype=torch.float64)
        return lambda: kept.count(Neighbours(radii, ((0, 0, 0),)), 50)

    blocks = divide(run.n_frames, 1, 1e9)
    return {
        "g(r)": lambda: PairCounts(run, edges, blocks).add(0, chunk),
        "P2(r)": lambda: OrientationSums(run, edges).add(0, chunk),
        **{f"triplets within {shell} Å": triplets(shell) for shell in SHELLS},
    }


def main() -> None:
    """Time everything, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    torch.set_num_threads(1)
    for n_molecules, n_frames in CASES:
        timed = ways(dumbbells(n_molecules, n_frames))
        best = dict.fromkeys(timed, float("inf"))
        for turn in range(turns + 1):
            for name, work in timed.items():
                start = time.process_time()
                work()
                if turn:  # the first one may compile
                    best[name] = min(best[name], (time.process_time() - start) / n_frames)
        print(f"{n_molecules} molecules")
        for name, seconds in best.items():
            print(f"  {name:<24} {1e3 * seconds:8.3f} ms  {seconds / best['g(r)']:6.2f} of g(r)")


if __name__ == "__main__":
    main()
