"""Random numbers of a seed, apart for each use of them."""

from enum import IntEnum

import torch

SEEDS = 2**64


class Use(IntEnum):
    """What random numbers are for; those of different uses are independent."""

    POSITIONS = 0
    VELOCITIES = 1
    NOISE = 2
    PROBES = 3


def generator(seed: int, use: Use, device: torch.device | str = "cpu") -> torch.Generator:
    """Give random numbers for one use, of a seed of any size."""
    return torch.Generator(device).manual_seed((seed * len(Use) + use) % SEEDS)
