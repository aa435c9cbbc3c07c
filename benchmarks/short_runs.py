"""How often a short run of a model is said to differ: of a perfect one, and of one that is off.

A bond of normal length, 0.1 Å wide, forgets itself in 1.25 frames. The reference has 3000 frames;
models have fewer or as many, and are perfect or longer by a share of that width. A second kind of
bond has 30 % of its variance in a motion that forgets itself in 20 frames.

    python benchmarks/short_runs.py [--runs 40]
"""

import argparse
from math import exp, sqrt

import torch
from torch import Tensor

from autograin_cli.comparison.compare import compare
from autograin_cli.comparison.observables import Observable, Subject
from autograin_cli.comparison.verdict import JUDGES, WITHIN_NOISE, verdicts
from autograin_cli.settings import ComparisonSettings
from autograin_cli.system import Component, System
from autograin_cli.trajectory import Chunk, StoredTrajectory

WIDTH, LENGTH = 0.1, 5.0  # Å
MEMORY, SLOW_MEMORY = 1.25, 20.0  # frames
N_REFERENCE = 3000
BOND = Observable("bond A-A", "bond", 0, torch.tensor([[0, 1]]), None)
DIMER = System((Component("AA", ("A", "A"), torch.tensor([[0, 1]]), None, 1),))


def wave(n_frames: int, memory: float, random: torch.Generator) -> Tensor:
    """A normal series of variance 1 that forgets itself, (frames,)."""
    noise = torch.randn(n_frames, generator=random, dtype=torch.float64).tolist()
    kept, values = exp(-1 / memory), noise[:1]
    for kick in noise[1:]:
        values.append(kept * values[-1] + sqrt(1 - kept**2) * kick)
    return torch.tensor(values, dtype=torch.float64)


def run(n_frames: int, seed: int, slow: float, shift: float) -> StoredTrajectory:
    """Frames of two beads, of which a share of the variance is slow."""
    random = torch.Generator().manual_seed(seed)
    fast = sqrt(1 - slow) * wave(n_frames, MEMORY, random)
    values = fast + sqrt(slow) * wave(n_frames, SLOW_MEMORY, random)
    positions = torch.zeros(n_frames, 2, 3, dtype=torch.float64)
    positions[:, 1, 2] = LENGTH + WIDTH * (values + shift)
    return StoredTrajectory(Chunk(positions, torch.arange(n_frames, dtype=torch.float64)))


def count(n_frames: int, slow: float, shift: float, n_runs: int) -> str:
    """Models that differ, as they are judged and by the floor of the reference alone."""
    subject = Subject(DIMER, DIMER, 1, 300.0, (BOND,))
    effective, judged, plain = 0.0, 0, 0
    for seed in range(n_runs):
        runs = (run(N_REFERENCE, 10 * seed, slow, 0.0), run(n_frames, 10 * seed + 1, slow, shift))
        found = compare(*runs, subject, 0.0, ComparisonSettings(resamples=200))
        (distribution,), (verdict,) = found.distributions, verdicts(found)
        effective += distribution.model_effective / n_runs
        judged += verdict.word == "differs"
        scores = [distribution.score(name) for name in JUDGES]
        plain += any(score.low > WITHIN_NOISE * score.floor for score in scores)
    return f"{effective:8.0f} {judged:8} {plain:8}"


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    n_runs = parser.parse_args().runs
    print(f"of {n_runs} models that differ  frames  samples  judged  plain")
    for slow, shift in ((0.0, 0.0), (0.0, 0.3), (0.0, 1.0), (0.3, 0.0)):
        for n_frames in (40, 75, 150, 300, 750, N_REFERENCE):
            counts = count(n_frames, slow, shift, n_runs)
            print(f"slow {slow:.1f}, off by {shift:.1f}  {n_frames:12} {counts}", flush=True)


if __name__ == "__main__":
    main()
