"""Algorithm 1 of the paper, corrected, on second moments: many seeds in one batch.

As printed, both normalisations of Algorithm 1 run over the wrong index. Here the softmax runs
over beads for each atom and the encoder's rows are normalised over atoms. The decoder is in
closed form at every step, so only the logits are learned, and the gradient of the loss with the
decoder held fixed is the whole gradient.
"""

from dataclasses import dataclass
from math import log, log10

import torch
from torch import Tensor

from autograin_cli.errors import DivergenceError
from autograin_cli.mapping.autoencoder import (
    compactness,
    decoder,
    encoder,
    mean_square_force,
    reconstruction_loss,
)
from autograin_cli.mapping.mapping import History

_RECORDS = 80
_LEARNING_RATE = 0.05
_BETA_FIRST, _BETA_LAST = 0.5, 60.0
_GUMBEL_TAU = (4.0, 0.4, 0.2)  # tau = 4 exp(-t / 0.4) + 0.2, t the share of the epochs done


@dataclass(frozen=True)
class Goal:
    """What annealing minimises.

    gram: G, Å², (atoms, atoms).
    force_gram: <f_i·f_j>, (kJ/(mol Å))², (atoms, atoms), or None.
    atom_weights: weight of each atom in a bead, (atoms,).
    weights: of L_AE, compactness and mean square force.
    learned: whether the weights inside a bead are learned as well.
    """

    gram: Tensor
    force_gram: Tensor | None
    atom_weights: Tensor
    weights: tuple[float, float, float]
    learned: bool


@dataclass(frozen=True)
class Annealed:
    """Where annealing ended, for every seed.

    shares: P, (seeds, beads, atoms).
    atom_weights: weights inside a bead, (seeds, beads, atoms).
    loss: L_AE of the soft encoder, Å², (seeds,).
    histories: one for each seed.
    """

    shares: Tensor
    atom_weights: Tensor
    loss: Tensor
    histories: tuple[History, ...]


def anneal(
    goal: Goal, n_beads: int, n_seeds: int, n_steps: int, seed: int, *, gumbel: bool
) -> Annealed:
    """Minimise the objective over soft assignments that harden as beta rises.

    Args:
        goal: what is minimised.
        n_beads: number of beads.
        n_seeds: independent annealings, run as one batch.
        n_steps: of Adam.
        seed: of the first logits and of the noise.
        gumbel: the authors' program: logits from U[0, 1), Gumbel noise at every step and its
            schedule of the temperature 1 / beta; without it beta grows geometrically.

    Raises:
        DivergenceError: the loss is not finite; it names the step.

    Source: Algorithm 1 of arXiv:1812.02706; docs/method.md, "Annealing".
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (n_seeds, n_beads, goal.gram.shape[0])
    logits = torch.rand(shape, generator=generator, dtype=torch.float64)
    logits = (logits if gumbel else 0.1 * (logits - 0.5)).requires_grad_()
    learned = torch.zeros(shape, dtype=torch.float64, requires_grad=goal.learned)
    optimiser = torch.optim.Adam([logits, learned] if goal.learned else [logits], lr=_LEARNING_RATE)
    recorded = _recorded(n_steps)
    records: list[tuple[int, float, Tensor, Tensor]] = []
    for step in range(n_steps):
        beta = _beta(step / max(1, n_steps - 1), gumbel=gumbel)
        noise = _gumbel_noise(shape, generator) if gumbel else 0.0
        shares = torch.softmax(beta * (logits + noise), dim=1)
        loss, total = _losses(goal, shares, learned)
        if not bool(total.isfinite().all()):
            raise DivergenceError(
                given=f"a loss that is not finite at annealing step {step}",
                expected="a finite loss",
                remedy="look for corrupt frames, or lower --compactness",
            )
        if step in recorded:
            clean = torch.softmax(beta * logits.detach(), dim=1)
            records.append((step, beta, loss.detach(), clean))
        optimiser.zero_grad()
        total.sum().backward()
        optimiser.step()
    final = records[-1]
    weights = goal.atom_weights * learned.detach().exp()
    return Annealed(final[3], weights, final[2], _histories(records))


def _recorded(n_steps: int) -> set[int]:
    """Steps to record: the first, the last, and evenly spread logarithms, as the loss falls."""
    spread = torch.logspace(0, log10(n_steps), _RECORDS, dtype=torch.float64)
    return {int(step) - 1 for step in spread.round().tolist()} | {n_steps - 1}


def _losses(goal: Goal, shares: Tensor, learned: Tensor) -> tuple[Tensor, Tensor]:
    """L_AE, and the whole objective, of soft assignments, (seeds,) each."""
    encoding = encoder(shares, goal.atom_weights * learned.exp())
    # At the best decoder the loss is stationary in it: it needs no gradient of its own.
    with torch.no_grad():
        decoding = decoder(encoding, goal.gram)
    loss = reconstruction_loss(encoding, decoding, goal.gram)
    first, second, third = goal.weights
    total = first * loss
    if second:
        total = total + second * compactness(shares, encoding, goal.gram)
    if third and goal.force_gram is not None:
        total = total + third * mean_square_force(shares, goal.force_gram)
    return loss, total


def _beta(progress: float, *, gumbel: bool) -> float:
    """Inverse temperature of the softmax after a share of the steps."""
    if gumbel:
        start, decay, end = _GUMBEL_TAU
        return float(1 / (start * torch.tensor(-progress / decay).exp() + end))
    return _BETA_FIRST * float(torch.tensor(log(_BETA_LAST / _BETA_FIRST) * progress).exp())


def _gumbel_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise."""
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64).clamp_min(1e-300)
    return -(-uniform.log()).clamp_min(1e-300).log()


def _histories(records: list[tuple[int, float, Tensor, Tensor]]) -> tuple[History, ...]:
    """One history for each seed."""
    steps = torch.tensor([record[0] for record in records])
    beta = torch.tensor([record[1] for record in records], dtype=torch.float64)
    losses = torch.stack([record[2] for record in records], dim=1)
    shares = torch.stack([record[3] for record in records], dim=1)
    return tuple(
        History(steps, beta, loss, share) for loss, share in zip(losses, shares, strict=True)
    )
