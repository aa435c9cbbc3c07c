"""Where a training computes: on which device, and in how many processes that torchrun began."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograin_cli.errors import DeviceError

if TYPE_CHECKING:
    from autograin_cli.potential.neural.parallel import Group

_TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Place:
    """Where a training computes.

    device: as torch names it.
    group: the processes that train together.
    """

    device: str
    group: "Group"

    @property
    def speaks(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.group.rank == 0

    def agreed(self, reason: str | None) -> str | None:
        """Give a reason to stop that any of the processes has; it waits for all of them."""
        if self.group.size == 1:
            return reason
        import torch

        n_asked = float(self.group.total(torch.tensor(float(reason is not None))))
        return (reason or "a signal to another process") if n_asked else None


@contextmanager
def joined(device: str, *, together: bool) -> Iterator[Place]:
    """Join the processes that torchrun has begun, while it lasts.

    Args:
        device: 'auto', 'cpu' or 'cuda'.
        together: whether there is a training; other fits compute on the CPU, each by itself.

    Raises:
        DeviceError: CUDA is asked for and not there.
    """
    import torch
    from torch import distributed

    from autograin_cli.potential.neural.parallel import Group, joined_processes

    chosen = chosen_device(device)
    if not together:
        yield Place("cpu", Group())
        return
    if not all(name in os.environ for name in _TORCHRUN):
        yield Place(chosen, Group())
        return
    if chosen == "cuda":
        chosen = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(chosen)
    # Numbers that are told lie on the CPU, gradients on the device.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if chosen != "cpu" else "gloo")
    try:
        yield Place(chosen, joined_processes())
    finally:
        distributed.destroy_process_group()


def chosen_device(device: str) -> str:
    """Give 'cpu' or 'cuda' for what the user asked for; 'auto' is CUDA where it is there.

    Raises:
        DeviceError: CUDA is asked for and not there.
    """
    import torch

    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise DeviceError(
            given="--device cuda",
            expected="a GPU that torch can use",
            remedy="--device cpu, or --device auto",
        )
    return "cuda" if found and device != "cpu" else "cpu"
