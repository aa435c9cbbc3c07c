"""Batches of structures in random order, drawing after drawing."""

from collections.abc import Callable

import torch

from autograin_cli.joint.structures import Structures
from autograin_cli.passes import State
from autograin_cli.steps import draw_on, draws, within

BATCH = 512  # structures
_MOST_EPOCHS = 2**31


class Batches:
    """Gives all structures of a drawing in random batches, then those of the next one.

    generator: of the random orders.
    """

    def __init__(self, draw: Callable[[int], Structures], seed: int) -> None:
        """Begin.

        Args:
            draw: gives the structures of an epoch.
            seed: of the random orders.
        """
        self._draw, self.generator = draw, torch.Generator().manual_seed(seed)
        self._epoch = -1
        self._given = 0
        self._before = draws(self.generator)
        self._structures, self._order = draw(0), tuple[torch.Tensor, ...]()

    def next(self) -> Structures:
        """Give the next batch."""
        if self._given == len(self._order):
            self._before = draws(self.generator)
            self._shuffle(self._epoch + 1)
        self._given += 1
        return self._structures.take(self._order[self._given - 1])

    def _shuffle(self, epoch: int) -> None:
        self._epoch, self._given = epoch, 0
        self._structures = self._draw(epoch)
        self._order = self._structures.shuffled(BATCH, self.generator)

    def state(self) -> State:
        """Give which batches were given, after one or more."""
        place = torch.tensor([self._epoch, self._given])
        return {"place": place, "draws": self._before}

    def restore(self, state: State) -> None:
        """Go on after other ones."""
        epoch, given = within(state["place"], (2,), _MOST_EPOCHS).tolist()
        self._before = state["draws"]
        draw_on(self.generator, self._before)
        self._shuffle(epoch)
        if given > len(self._order):
            raise ValueError(f"batch {given} of {len(self._order)}")
        self._given = given
