"""Work in steps, such as a training or a search, that can be stopped and gone on with."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from autograin_cli.passes import State, numbered, of_number, restoring
from autograin_cli.trajectory import Keeper


class Steps(Protocol):
    """Work that is done step by step, each of some seconds at most."""

    @property
    def over(self) -> bool:
        """Whether no step is left."""

    def step(self) -> None:
        """Take the next step."""

    def state(self) -> State:
        """Give all that `step` changes, by name; it may share memory."""

    def restore(self, n_steps: int, state: State) -> None:
        """Take over what another one gave as its state after so many steps.

        Raises:
            ValueError: it cannot be of this work; other errors of wrong content may come too.
        """


def take_steps(work: Steps, keeper: Keeper | None) -> None:
    """Take all steps of work, from where a keeper knows it to have been left.

    To a keeper this is one more pass, and its frames are the steps.
    """
    found, n_steps = keeper.begun() if keeper is not None else None, 0
    if found is not None:
        n_steps = found.n_frames
        with restoring():
            work.restore(n_steps, found.sums)
    while not work.over:
        work.step()
        n_steps += 1
        if keeper is not None and not work.over:
            keeper.passed(n_steps, work.state)
    if keeper is not None:
        final = work.state()  # of the work no more is to stay in memory
        keeper.ended(n_steps, lambda: final)


class Descent:
    """Steps of Adam down a loss, whose moments can be kept."""

    def __init__(self, variables: Sequence[Tensor], rate: float) -> None:
        """Begin; `variables` are changed in place by every step."""
        self._variables = variables
        self._adam = torch.optim.Adam(variables, lr=rate)

    def step(self, loss: Tensor) -> None:
        """Take a step down the gradient of a loss."""
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()

    def state(self) -> State:
        """Give the variables and their moments, after one step or more."""
        moments = [self._adam.state[variable] for variable in self._variables]
        return {
            **numbered("variables", [variable.detach() for variable in self._variables]),
            **numbered("first_moments", [moment["exp_avg"] for moment in moments]),
            **numbered("second_moments", [moment["exp_avg_sq"] for moment in moments]),
        }

    def restore(self, n_steps: int, state: State) -> None:
        """Go on after so many steps."""
        names = ("variables", "first_moments", "second_moments")
        found = zip(*(of_number(state, name) for name in names), strict=True)
        for variable, (values, *moments) in zip(self._variables, found, strict=True):
            first, second = (like(moment, variable).clone() for moment in moments)
            variable.detach().copy_(like(values, variable))
            n_before = torch.tensor(float(n_steps))
            self._adam.state[variable] = {"step": n_before, "exp_avg": first, "exp_avg_sq": second}


def like(found: Tensor, expected: Tensor) -> Tensor:
    """Give a tensor of a state, which has to look like another one.

    Raises:
        ValueError: it has another shape or type.
    """
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        raise ValueError(f"{found.dtype} of shape {tuple(found.shape)}")
    return found


def within(found: Tensor, shape: tuple[int, ...], most: int) -> Tensor:
    """Give whole numbers of a state, which have to be of a shape, and from 0 to `most`.

    Raises:
        ValueError: they are not.
    """
    like(found, torch.empty(shape, dtype=torch.int64, device="meta"))
    if found.numel() and (int(found.min()) < 0 or int(found.max()) > most):
        raise ValueError(f"numbers outside of 0 to {most}")
    return found


def draws(generator: torch.Generator) -> Tensor:
    """What a generator of random numbers remembers, as whole numbers."""
    return generator.get_state().long()


def draw_on(generator: torch.Generator, found: Tensor) -> None:
    """Let a generator go on where another one was: see `draws`."""
    generator.set_state(within(found, tuple(generator.get_state().shape), 255).to(torch.uint8))
