"""Compiled histograms of distances and waves of density against plain versions."""

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli.comparison.pairs import layout_of, triangular
from autograin_cli.geometry import minimum_image
from autograin_cli.rdf_arrays import Bins
from autograin_cli.rdf_kernels import count_pairs
from autograin_cli.structure_kernels import add_waves, count_within
from autograin_cli.system import System
from gases import chains, cube, ideal_gas, system_of

MIXTURE = System((chains("AB", 60, "first"), chains("CAC", 40, "second")))
UPRIGHT = torch.diag(torch.tensor([20.0, 22.0, 25.0], dtype=torch.float64))
SKEWED = torch.tensor([[24.0, 0, 0], [8, 25, 0], [-7, 5, 22]], dtype=torch.float64)
# The same lattices, described by longer vectors.
TURNED = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, -1, 1]], dtype=torch.float64)


def counted(positions: Tensor, boxes: Tensor, system: System, reach: float, n_bins: int) -> Tensor:
    n_types = len(system.type_names)
    counts = np.zeros((len(positions), n_types * (n_types + 1) // 2, n_bins), np.int64)
    count_pairs(
        positions.numpy(),
        torch.linalg.inv(boxes).contiguous().numpy(),
        triangular(boxes).numpy(),
        layout_of(system),
        Bins(n_bins, n_bins / reach),
        counts,
    )
    return torch.from_numpy(counts)


def plainly_counted(
    positions: Tensor, boxes: Tensor, system: System, reach: float, n_bins: int
) -> Tensor:
    """Every pair, one kind of types after the other."""
    apart = minimum_image(positions[:, None] - positions[:, :, None], boxes)
    bins = (apart.norm(dim=-1) * n_bins / reach).long()
    other = (system.molecules[:, None] != system.molecules).triu(1)
    n_types, rows = len(system.type_names), []
    for a in range(n_types):
        for b in range(a, n_types):
            low = torch.minimum(system.types[:, None], system.types)
            high = torch.maximum(system.types[:, None], system.types)
            chosen = bins[:, other & (low == a) & (high == b)]
            rows.append(torch.stack([(chosen == k).sum(1) for k in range(n_bins)], dim=1))
    return torch.stack(rows, dim=1)


@pytest.mark.parametrize(
    "box", [UPRIGHT, SKEWED, TURNED @ UPRIGHT], ids=["upright", "skewed", "long"]
)
@pytest.mark.parametrize("reach", [3.0, 8.0])  # with cells, and without
def test_counts_are_those_of_a_plain_loop_over_all_pairs(box: Tensor, reach: float) -> None:
    chunk = ideal_gas(MIXTURE, 3, box, seed=1, length=1.5).chunk
    boxes = box.expand(3, 3, 3)
    reach = min(reach, 0.5 * float((1 / torch.linalg.inv(box).norm(dim=0)).min()))
    found = counted(chunk.positions, boxes, MIXTURE, reach, 12)
    assert torch.equal(found, plainly_counted(chunk.positions, boxes, MIXTURE, reach, 12))
    assert int(found.sum()) > 0


def test_cells_and_all_pairs_count_the_same() -> None:
    box, system = cube(40.0), system_of("AB", 400)
    chunk = ideal_gas(system, 2, box, seed=2, length=1.0).chunk
    near = counted(chunk.positions, box.expand(2, 3, 3), system, 5.0, 10)
    far = counted(chunk.positions, box.expand(2, 3, 3), system, 20.0, 40)
    assert torch.equal(near, far[:, :, :10])


def test_a_triclinic_box_counts_as_its_orthorhombic_equivalent() -> None:
    system = system_of("AB", 150)
    chunk = ideal_gas(system, 3, UPRIGHT, seed=3, length=1.0).chunk
    for reach in (2.5, 6.0):
        one, other = (
            counted(chunk.positions, box.expand(3, 3, 3), system, reach, 20)
            for box in (UPRIGHT, TURNED @ UPRIGHT)
        )
        assert torch.equal(one, other)


def test_turning_everything_and_moving_beads_by_boxes_changes_nothing() -> None:
    system = system_of("AB", 100)
    chunk = ideal_gas(system, 2, SKEWED, seed=4, length=1.0).chunk
    turn, _ = torch.linalg.qr(
        torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).double()
    )
    images = torch.randint(-3, 4, (2, 200, 3), generator=torch.Generator().manual_seed(1)).double()
    moved = (chunk.positions + images @ SKEWED) @ turn
    one = counted(chunk.positions, SKEWED.expand(2, 3, 3), system, 8.0, 16)
    assert torch.equal(one, counted(moved, (SKEWED @ turn).expand(2, 3, 3), system, 8.0, 16))


def test_given_pairs_are_counted_as_they_stand() -> None:
    positions = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0)).double()
    pairs = torch.tensor([[0, 5], [1, 4], [2, 3]])
    kinds = torch.tensor([0, 1, 1])
    counts = np.zeros((4, 2, 8), np.int64)
    count_within(positions.numpy(), pairs.numpy(), kinds.numpy(), Bins(8, 4.0), counts)
    bins = ((positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]]).norm(dim=-1) * 4.0).long()
    for frame in range(4):
        for kind in range(2):
            found = bins[frame, kinds == kind]
            expected = [int((found == k).sum()) for k in range(8)]
            assert counts[frame, kind].tolist() == expected


def test_waves_are_those_of_a_plain_sum_of_exponentials() -> None:
    system = system_of("AB", 30)
    chunk = ideal_gas(system, 3, SKEWED, seed=5, length=1.0).chunk
    waves = torch.tensor([[1, 0, 0], [0, 1, 0], [2, -3, 1], [-1, 2, 4], [5, 5, 5]])
    shells = torch.tensor([0, 0, 1, 1, 2])
    totals = np.zeros((3, 3, 3))
    layout, inverse = layout_of(system), torch.linalg.inv(SKEWED)
    inverses = inverse.expand(3, 3, 3).contiguous().numpy()
    arrays = layout.order, layout.starts, waves.numpy(), shells.numpy(), totals
    add_waves(chunk.positions.numpy(), inverses, *arrays)
    q = 2 * torch.pi * waves.double() @ inverse.T
    exponentials = torch.exp(1j * torch.einsum("fbd,wd->fbw", chunk.positions, q))
    density = torch.stack([exponentials[:, system.types == t].sum(1) for t in range(2)], dim=1)
    expected = torch.zeros(3, 3, 3, dtype=torch.float64)
    for row, (a, b) in enumerate([(0, 0), (0, 1), (1, 1)]):
        products = (density[:, a] * density[:, b].conj()).real
        expected[:, row] = expected[:, row].index_add(1, shells, products)
    torch.testing.assert_close(torch.from_numpy(totals), expected, rtol=1e-10, atol=1e-9)
