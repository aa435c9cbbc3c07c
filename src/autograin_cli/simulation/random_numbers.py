"""Random numbers of a seed, apart for each use of them."""

from enum import IntEnum

import torch

SEEDS = 2**64
_GOLDEN = 0x9E3779B97F4A7C15  # spreads steps over all seeds


class Use(IntEnum):
    """What random numbers are for; those of different uses are independent."""

    POSITIONS = 0
    VELOCITIES = 1
    NOISE = 2
    PROBES = 3


def generator(
    seed: int, use: Use, device: torch.device | str = "cpu", step: int = 0
) -> torch.Generator:
    """Give random numbers for one use, of a seed of any size, from a step of a run on.

    A run that goes on at a step so has the noise that it would have had there.
    """
    return torch.Generator(device).manual_seed(seed_of(seed, use, step))


def seed_of(seed: int, use: Use, step: int) -> int:
    """Mix a seed of any size, a use and a step into a seed that generators take."""
    return (seed * len(Use) + use + step * _GOLDEN) % SEEDS
