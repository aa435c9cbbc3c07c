"""Group: processes that train one network together, each on its share of every batch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def _itself(values: Tensor) -> Tensor:
    return values


@dataclass(frozen=True)
class Group:
    """Processes that train together.

    rank: of this process.
    size: of the group.
    total: sum of a tensor over all processes, the same to the last bit in each of them.
    """

    rank: int = 0
    size: int = 1
    total: Callable[[Tensor], Tensor] = _itself


def joined_processes() -> Group:
    """Give the processes that `torch.distributed` has joined; this one alone where it has not."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return Group()
    return Group(torch.distributed.get_rank(), torch.distributed.get_world_size(), _summed)


def _summed(values: Tensor) -> Tensor:
    summed = values.clone()
    torch.distributed.all_reduce(summed)
    return summed
