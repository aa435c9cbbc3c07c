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
from autograin_cli.passes import State, numbered, of_number
from autograin_cli.steps import Descent, draw_on, draws, like, take_steps

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
    """Minimise the objective over soft assignments that harden as beta rises: see `Annealing`."""
    annealing = Annealing(goal, (n_seeds, n_beads), n_steps, seed, gumbel=gumbel)
    take_steps(annealing, None)
    return annealing.annealed()


class Annealing:
    """Minimises the objective over soft assignments that harden as beta rises.

    Source: Algorithm 1 of arXiv:1812.02706; docs/method.md, "Annealing".
    """

    def __init__(
        self, goal: Goal, counts: tuple[int, int], n_steps: int, seed: int, *, gumbel: bool
    ) -> None:
        """Begin.

        Args:
            goal: what is minimised.
            counts: independent annealings, run as one batch, and beads.
            n_steps: of Adam.
            seed: of the first logits and of the noise.
            gumbel: the authors' program: logits from U[0, 1), Gumbel noise at every step and its
                schedule of the temperature 1 / beta; without it beta grows geometrically.
        """
        self._goal, self._n_steps, self._gumbel = goal, n_steps, gumbel
        self._generator = torch.Generator().manual_seed(seed)
        shape = (*counts, goal.gram.shape[0])
        logits = torch.rand(shape, generator=self._generator, dtype=torch.float64)
        self._logits = (logits if gumbel else 0.1 * (logits - 0.5)).requires_grad_()
        self._learned = torch.zeros(shape, dtype=torch.float64, requires_grad=goal.learned)
        variables = [self._logits, self._learned] if goal.learned else [self._logits]
        self._descent = Descent(variables, _LEARNING_RATE)
        self._to_record = _recorded(n_steps)
        self._done = 0
        self._losses: list[Tensor] = []
        self._shares: list[Tensor] = []

    @property
    def over(self) -> bool:
        """Whether all steps were taken."""
        return self._done == self._n_steps

    def step(self) -> None:
        """Take a step.

        Raises:
            DivergenceError: the loss is not finite; it names the step.
        """
        step, logits = self._done, self._logits
        beta = self._beta(step)
        noise = _gumbel_noise(logits.shape, self._generator) if self._gumbel else 0.0
        shares = torch.softmax(beta * (logits + noise), dim=1)
        loss, total = _losses(self._goal, shares, self._learned)
        if not bool(total.isfinite().all()):
            raise DivergenceError(
                given=f"a loss that is not finite at annealing step {step}",
                expected="a finite loss",
                remedy="look for corrupt frames, or lower --compactness",
            )
        if step in self._to_record:
            self._losses.append(loss.detach())
            self._shares.append(torch.softmax(beta * logits.detach(), dim=1))
        self._descent.step(total.sum())
        self._done += 1

    def state(self) -> State:
        """Give what steps change."""
        return {
            **self._descent.state(),
            **numbered("losses", self._losses),
            **numbered("shares", self._shares),
            "draws": draws(self._generator),
        }

    def restore(self, n_steps: int, state: State) -> None:
        """Go on after so many steps."""
        self._descent.restore(n_steps, state)
        draw_on(self._generator, state["draws"])
        logits = self._logits.detach()
        self._losses = [like(loss, logits[:, 0, 0]) for loss in of_number(state, "losses")]
        self._shares = [like(shares, logits) for shares in of_number(state, "shares")]
        n_recorded = sum(step < n_steps for step in self._to_record)
        if n_steps > self._n_steps or {len(self._losses), len(self._shares)} != {n_recorded}:
            raise ValueError(f"{n_steps} steps with {len(self._losses)} records")
        self._done = n_steps

    def annealed(self) -> Annealed:
        """Where it ended."""
        steps = sorted(self._to_record)
        betas = torch.tensor([self._beta(step) for step in steps], dtype=torch.float64)
        losses, shares = torch.stack(self._losses, dim=1), torch.stack(self._shares, dim=1)
        histories = tuple(
            History(torch.tensor(steps), betas, loss, share)
            for loss, share in zip(losses, shares, strict=True)
        )
        weights = self._goal.atom_weights * self._learned.detach().exp()
        return Annealed(self._shares[-1], weights, self._losses[-1], histories)

    def _beta(self, step: int) -> float:
        return _beta(step / max(1, self._n_steps - 1), gumbel=self._gumbel)


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


def _gumbel_noise(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise."""
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64).clamp_min(1e-300)
    return -(-uniform.log()).clamp_min(1e-300).log()
