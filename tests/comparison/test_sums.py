"""Sums over blocks of the time."""

import pytest
import torch

from autograin_cli.comparison.sampling import Blocks
from autograin_cli.comparison.sums import BlockSums


def test_sums_of_blocks_are_those_of_a_plain_loop_however_the_frames_come() -> None:
    values = torch.rand(40, 2, 3, generator=torch.Generator().manual_seed(0)).double()
    series = values[..., :1]
    found = []
    for length in (40, 7):
        sums = BlockSums(40, 2, (3,), 1)
        for first in range(0, 40, length):
            part = slice(first, first + length)
            sums.add(first, values[part].flatten(0, 1), series[part].flatten(0, 1))
        found.append((sums.coarser(), sums.of(Blocks(40, 2, 2, 8))))
    assert found[0][0] == found[1][0]
    torch.testing.assert_close(found[0][1], found[1][1])
    plain = values.reshape(8, 5, 2, 3).sum(1).transpose(0, 1).flatten(0, 1)
    torch.testing.assert_close(found[0][1], plain)


@pytest.mark.parametrize(("kept", "n_blocks"), [(1, 40), (20, 16)])
def test_blocks_are_ten_correlation_times_long(kept: int, n_blocks: int) -> None:
    noise = torch.randn(400, 1, generator=torch.Generator().manual_seed(1)).double()
    series = noise[torch.arange(400) // kept]
    sums = BlockSums(400, 1, (1,), 1)
    sums.add(0, series, series)
    assert sums.coarser().n_blocks == pytest.approx(n_blocks, rel=0.3)
