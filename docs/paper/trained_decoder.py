"""Algorithm 1 of the paper with the decoder trained by gradient descent: the slow plain version.

`mapping.anneal` eliminates the decoder; here Adam moves it together with the logits, as the
paper and its authors' program do. The moments stand for all frames, so that the one difference
between both is the decoder.
"""

from collections import deque
from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor

from autograin_cli.mapping.anneal import Goal
from autograin_cli.mapping.autoencoder import compactness, encoder, reconstruction_loss

_LEARNING_RATE = 0.02
_LAST = 50  # steps whose losses are averaged


@dataclass(frozen=True)
class Trained:
    """Where the training ended, for every seed.

    shares: P without noise, (seeds, beads, atoms).
    loss: L_AE with the trained decoder and the noise, mean over the last steps and over atoms,
        Å², (seeds,).
    """

    shares: Tensor
    loss: Tensor


def train(
    goal: Goal, n_beads: int, n_seeds: int, n_steps: int, seed: int, *, noise: bool
) -> Trained:
    """Minimise the objective over logits and decoder.

    Args:
        goal: what is minimised.
        n_beads: number of beads.
        n_seeds: independent trainings, run as one batch.
        n_steps: of Adam.
        seed: of the first logits and decoder, and of the noise.
        noise: Gumbel noise at every step and the temperature of the authors' program,
            4 exp(-t / 0.4) + 0.2 with t the share of the steps done; without it the inverse
            temperature rises geometrically from 0.5 to 60.

    Source: Algorithm 1 of arXiv:1812.02706, its indices corrected as in docs/method.md.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (n_seeds, n_beads, goal.gram.shape[0])
    logits = torch.rand(shape, generator=generator, dtype=torch.float64).requires_grad_()
    first = 0.1 * torch.rand(shape, generator=generator, dtype=torch.float64)
    decoding = first.mT.clone().requires_grad_()
    optimiser = torch.optim.Adam([logits, decoding], lr=_LEARNING_RATE)
    last: deque[Tensor] = deque(maxlen=_LAST)
    for step in range(n_steps):
        done = step / max(1, n_steps - 1)
        beta = 1 / (4 * exp(-done / 0.4) + 0.2) if noise else 0.5 * 120**done
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
        gumbel = -(-uniform.clamp_min(1e-300).log()).log() if noise else 0.0
        shares = torch.softmax(beta * (logits + gumbel), dim=1)
        encoding = encoder(shares, goal.atom_weights)
        loss = reconstruction_loss(encoding, decoding, goal.gram)
        total = goal.weights[0] * loss + goal.weights[1] * compactness(shares, encoding, goal.gram)
        optimiser.zero_grad()
        total.sum().backward()
        optimiser.step()
        last.append(loss.detach())
    return Trained(torch.softmax(beta * logits.detach(), dim=1), torch.stack(list(last)).mean(0))
