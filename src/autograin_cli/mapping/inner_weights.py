"""Weights of the atoms inside the beads of a hard mapping, learned."""

import torch
from torch import Tensor

from autograin_cli.mapping.autoencoder import (
    compactness,
    decoder,
    encoder,
    reconstruction_loss,
)
from autograin_cli.passes import State
from autograin_cli.steps import Descent

_STEPS = 300
_LEARNING_RATE = 0.05


class InnerWeights:
    """Weights that lower the objective of a hard mapping, step by step."""

    def __init__(self, shares: Tensor, gram: Tensor, weights: tuple[float, float, float]) -> None:
        """Begin with equal weights.

        Args:
            shares: P, zeros and ones, (beads, atoms).
            gram: G, Å², (atoms, atoms).
            weights: of L_AE, compactness and mean square force in the objective; the last one
                plays no part.
        """
        self._shares, self._gram, self._weights = shares, gram, weights
        self._logarithms = torch.zeros(gram.shape[0], dtype=torch.float64, requires_grad=True)
        self._descent = Descent([self._logarithms], _LEARNING_RATE)
        self._done = 0

    @property
    def over(self) -> bool:
        """Whether all steps were taken."""
        return self._done == _STEPS

    def step(self) -> None:
        """Take a step down the objective."""
        encoding = encoder(self._shares, self._logarithms.exp())
        decoding = decoder(encoding, self._gram).detach()
        first, second, _ = self._weights
        loss = first * reconstruction_loss(encoding, decoding, self._gram)
        self._descent.step(loss + second * compactness(self._shares, encoding, self._gram))
        self._done += 1

    def state(self) -> State:
        """Give what steps change."""
        return self._descent.state()

    def restore(self, n_steps: int, state: State) -> None:
        """Go on after so many steps."""
        if n_steps > _STEPS:
            raise ValueError(f"{n_steps} steps")
        self._descent.restore(n_steps, state)
        self._done = n_steps

    def encoder(self) -> Tensor:
        """Encoder with the weights as they are now, (beads, atoms)."""
        return encoder(self._shares, self._logarithms.detach().exp())
