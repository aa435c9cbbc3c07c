"""A pass over a trajectory that adds something up, and can be stopped and gone on with."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.trajectory import Chunk, Trajectory

State = dict[str, Tensor]


class Sums(Protocol):
    """What a pass adds up."""

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""

    def state(self) -> State:
        """Give all that `add` changes, by name; it may share memory."""

    def restore(self, state: State) -> None:
        """Take over what another one gave as its state."""


@dataclass(frozen=True)
class Together:
    """Several sums in one pass."""

    parts: Sequence[Sums]

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk to each of them."""
        for part in self.parts:
            part.add(first, chunk)

    def state(self) -> State:
        """Give the states of all."""
        states = ((number, part.state()) for number, part in enumerate(self.parts))
        return {f"{number}/{name}": value for number, s in states for name, value in s.items()}

    def restore(self, state: State) -> None:
        """Give its own state to each."""
        for number, part in enumerate(self.parts):
            part.restore(part_of(state, str(number)))


def add_up(trajectory: Trajectory, sums: Sums) -> None:
    """Add up a trajectory, from where its keeper knows it to have been left.

    Args:
        trajectory: read from its first frame, or from the first that was not added yet.
        sums: filled in.
    """
    keeper, first = trajectory.keeper, 0
    found = keeper.begun() if keeper is not None else None
    if found is not None:
        with restoring():
            sums.restore(found.sums)
        first = found.n_frames
    for chunk in trajectory.chunks(first):
        sums.add(first, chunk)
        first += chunk.n_frames
        if keeper is not None and first < trajectory.n_frames:
            keeper.passed(first, sums.state)
    if keeper is not None:
        keeper.ended(first, sums.state)


@contextmanager
def restoring() -> Iterator[None]:
    """Refuse a state that is not that of the work which takes it over, while it lasts.

    Raises:
        InputError: something of it is missing, or of another shape or type.
    """
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            given=f"a checkpoint whose sums are not those of this pass: {error}",
            expected="the checkpoint that the same command left",
            remedy="begin again: --overwrite, without --resume",
        ) from error


def part_of(state: State, name: str) -> State:
    """Take what stands under a name out of a state."""
    start = f"{name}/"
    own = {key: value for key, value in state.items() if key.startswith(start)}
    return {key.removeprefix(start): value for key, value in own.items()}


def numbered(name: str, tensors: Sequence[Tensor]) -> State:
    """Name tensors after their numbers, for a state."""
    return {f"{name}/{number:06d}": tensor for number, tensor in enumerate(tensors)}


def of_number(state: State, name: str) -> list[Tensor]:
    """Take numbered tensors out of a state."""
    part = part_of(state, name)
    return [part[key] for key in sorted(part)]
