"""A step of the annealing with the loss in n² products against the loss in n³, in one run.

    python benchmarks/loss.py [--atoms 32 100 300 602] [--steps 10]

Prints milliseconds of computing time a step, the ratio, and how far the losses differ.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from autograin_cli.mapping import anneal
from autograin_cli.mapping.autoencoder import reconstruction_loss

N_BEADS, N_SEEDS, N_FRAMES = 5, 8, 200


def plain_loss(encoder: Tensor, decoder: Tensor, gram: Tensor) -> Tensor:
    """The loss as the mean of what is left of each atom."""
    residual = torch.eye(gram.shape[0], dtype=gram.dtype) - decoder @ encoder
    return (residual @ gram * residual).sum((-2, -1)) / gram.shape[0]


def chain(n_atoms: int) -> anneal.Goal:
    """The moments of a random walk."""
    generator = torch.Generator().manual_seed(1)
    steps = torch.randn(n_atoms, 3 * N_FRAMES, generator=generator, dtype=torch.float64)
    walk = steps.cumsum(0)
    walk = walk - walk.mean(0)
    ones = torch.ones(n_atoms, dtype=torch.float64)
    return anneal.Goal(walk @ walk.T / N_FRAMES, None, ones, (1.0, 10.0, 0.0), learned=False)


def timed(
    goal: anneal.Goal, n_steps: int, loss: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> tuple[float, Tensor]:
    """Milliseconds of a step, and the last losses, (seeds,)."""
    vars(anneal)["reconstruction_loss"] = loss
    begun = time.process_time()
    found = anneal.anneal(goal, N_BEADS, N_SEEDS, n_steps, 0, gumbel=False)
    return (time.process_time() - begun) / n_steps * 1e3, found.loss


def main() -> None:
    """Print a line for each number of atoms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--atoms", type=int, nargs="+", default=[32, 100, 300, 602])
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for n_atoms in given.atoms:
        goal = chain(n_atoms)
        timed(goal, given.steps, reconstruction_loss)
        plain, expected = timed(goal, given.steps, plain_loss)
        fast, loss = timed(goal, given.steps, reconstruction_loss)
        differ = float(((loss - expected) / expected).abs().max())
        print(
            f"{n_atoms:5d} atoms: {plain:8.2f} ms and {fast:7.2f} ms a step, "
            f"{plain / fast:5.1f} x; losses differ by {differ:.0e}"
        )


if __name__ == "__main__":
    main()
