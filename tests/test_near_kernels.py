"""Compiled loops over neighbours against plain versions: triplet angles, and axes of molecules."""

import hashlib
from itertools import combinations
from math import pi
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli import (
    cells,
    near_cells,
    orientation_kernels,
    rdf_arrays,
    rdf_kernels,
    triplet_kernels,
)
from autograin_cli.comparison.pairs import layout_of, triangular
from autograin_cli.geometry import minimum_image
from autograin_cli.near_cells import Boxes
from autograin_cli.orientation_kernels import add_orientations
from autograin_cli.rdf_arrays import Bins, Layout
from autograin_cli.system import System
from autograin_cli.triplet_kernels import Shells, count_triplets
from gases import chains, cube, ideal_gas, system_of

MIXTURE = System((chains("AB", 40, "first"), chains("CAC", 30, "second")))
UPRIGHT = torch.diag(torch.tensor([20.0, 22.0, 25.0], dtype=torch.float64))
SKEWED = torch.tensor([[24.0, 0, 0], [8, 25, 0], [-7, 5, 22]], dtype=torch.float64)
TURNED = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, -1, 1]], dtype=torch.float64)
BINS = 47  # so that no angle of a lattice lies on an edge
EVERY_BOX = pytest.mark.parametrize(
    "box", [UPRIGHT, SKEWED, TURNED @ UPRIGHT], ids=["upright", "skewed", "long"]
)


def boxes_of(boxes: Tensor) -> Boxes:
    return Boxes(torch.linalg.inv(boxes).contiguous().numpy(), triangular(boxes).numpy())


def kinds_of(radii: Tensor) -> list[tuple[int, int, int]]:
    n = len(radii)
    return [(a, b, c) for a in range(n) for b in range(n) for c in range(b, n)]


def counted(positions: Tensor, boxes: Tensor, system: System, radii: Tensor) -> Tensor:
    rows, kinds = np.zeros((len(radii),) * 3, np.int64), kinds_of(radii)
    for row, (a, b, c) in enumerate(kinds):
        rows[a, b, c] = rows[a, c, b] = row
    counts = np.zeros((len(positions), len(kinds), BINS), np.int64)
    shells = Shells(radii.numpy() ** 2, float(radii.max()), rows)
    bins = Bins(BINS, BINS / pi)
    count_triplets(positions.numpy(), boxes_of(boxes), layout_of(system), shells, bins, counts)
    return torch.from_numpy(counts)


def plainly_counted(positions: Tensor, boxes: Tensor, system: System, radii: Tensor) -> Tensor:
    """Every bead, and every pair of its neighbours, one after the other."""
    apart = minimum_image(positions[:, None] - positions[:, :, None], boxes)
    types, molecules, kinds = system.types.tolist(), system.molecules.tolist(), kinds_of(radii)
    counts = torch.zeros(len(positions), len(kinds), BINS, dtype=torch.int64)
    for frame, found in enumerate(apart):
        for i, a in enumerate(types):
            near = (found[i].norm(dim=1) < radii[a, system.types]).nonzero()[:, 0].tolist()
            for j, k in combinations([n for n in near if molecules[n] != molecules[i]], 2):
                if molecules[j] != molecules[k]:
                    cosine = torch.cosine_similarity(found[i, j], found[i, k], dim=0)
                    row = kinds.index((a, *sorted((types[j], types[k]))))
                    counts[frame, row, int(cosine.clamp(-1, 1).acos() * BINS / pi)] += 1
    return counts


@EVERY_BOX
@pytest.mark.parametrize("reach", [4.5, 6.5])  # with cells, and without
def test_triplets_are_those_of_a_plain_loop(box: Tensor, reach: float) -> None:
    chunk, boxes = ideal_gas(MIXTURE, 2, box, seed=1, length=1.5).chunk, box.expand(2, 3, 3)
    # Of one pair of types there are no neighbours, and shells differ.
    radii = torch.tensor([[1.0, 0.8, 0.0], [0.8, 0.9, 0.7], [0.0, 0.7, 0.6]]).double() * reach
    found = counted(chunk.positions, boxes, MIXTURE, radii)
    assert torch.equal(found, plainly_counted(chunk.positions, boxes, MIXTURE, radii))
    assert int((found.sum((0, 2)) > 0).sum()) == 12


def test_turning_everything_and_moving_beads_by_boxes_changes_no_triplet() -> None:
    system, radii = system_of("AB", 60), torch.full((2, 2), 6.0).double()
    chunk = ideal_gas(system, 2, SKEWED, seed=4, length=1.0).chunk
    random = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=random).double())
    images = torch.randint(-3, 4, (2, 120, 3), generator=random).double()
    moved = (chunk.positions + images @ SKEWED) @ turn
    one = counted(chunk.positions, SKEWED.expand(2, 3, 3), system, radii)
    assert torch.equal(one, counted(moved, (SKEWED @ turn).expand(2, 3, 3), system, radii))


@pytest.mark.parametrize(
    ("basis", "shell", "expected"),
    [
        ([[0.0, 0, 0]], 1.2, {90: 12, 180: 3}),
        (
            [[0.0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
            0.85,
            {60: 24, 90: 12, 120: 24, 180: 6},
        ),
    ],
    ids=["simple cubic", "face-centred cubic"],
)
@pytest.mark.parametrize("n_edge", [3, 5])  # without cells, and with
def test_a_lattice_has_its_angles(
    basis: list[list[float]], shell: float, expected: dict[int, int], n_edge: int
) -> None:
    grid = torch.cartesian_prod(*[torch.arange(n_edge)] * 3).double()
    places = 4.0 * (grid[:, None] + torch.tensor(basis).double()).reshape(1, -1, 3)
    radii = torch.full((1, 1), 4.0 * shell).double()
    system, boxes = system_of("A", places.shape[1]), cube(4.0 * n_edge)[None]
    found = counted(places + 0.3, boxes, system, radii)[0, 0]
    angles = {int(k): int(found[k]) // len(places[0]) for k in found.nonzero()}
    assert angles == {int(angle * BINS / 180 - 1e-9): n for angle, n in expected.items()}
    assert int(found.sum()) == len(places[0]) * sum(expected.values())


def test_beads_on_top_of_each_other_do_no_harm() -> None:
    positions, radii = torch.zeros(1, 5, 3).double(), torch.full((1, 1), 4.0).double()
    found = counted(positions, cube(20.0)[None], system_of("A", 5), radii)
    assert int(found.sum()) == 5 * 6


# --- axes -----------------------------------------------------------------------------------


def molecules(n: int, box: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    centres = torch.rand(2, n, 3, generator=random, dtype=torch.float64) @ box
    axes = torch.randn(2, n, 3, generator=random, dtype=torch.float64)
    return centres, axes / axes.norm(dim=-1, keepdim=True)


@EVERY_BOX
@pytest.mark.parametrize("reach", [4.0, 8.0])  # with cells, and without
def test_orientations_are_those_of_a_plain_loop(box: Tensor, reach: float) -> None:
    centres, axes = molecules(90, box, seed=2)
    boxes, kinds = box.expand(2, 3, 3), (torch.arange(90) >= 35).long()
    numbers, n_bins = np.arange(90), 9
    totals = np.zeros((2, 3, n_bins, 3))
    layout = Layout(numbers, np.array([0, 35, 90]), numbers.astype(np.int32))
    bins = Bins(n_bins, n_bins / reach)
    add_orientations(centres.numpy(), axes.numpy(), boxes_of(boxes), layout, bins, totals)
    r = minimum_image(centres[:, None] - centres[:, :, None], boxes).norm(dim=-1)
    cosines = axes @ axes.mT
    for row, (a, b) in enumerate([(0, 0), (0, 1), (1, 1)]):
        chosen = ((kinds[:, None] == a) & (kinds == b)) | ((kinds[:, None] == b) & (kinds == a))
        chosen = chosen.triu(1)
        for frame in range(2):
            place = (r[frame][chosen] * n_bins / reach).long()
            for k in range(n_bins):
                c = cosines[frame][chosen][place == k]
                expected = torch.stack((torch.ones_like(c), c, c * c)).sum(1)
                given = torch.from_numpy(totals[frame, row, k])
                torch.testing.assert_close(given, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("module", [near_cells, triplet_kernels, orientation_kernels])
def test_a_change_of_what_a_loop_inlines_is_a_change_of_its_file(module: ModuleType) -> None:
    inlined = [one for one in (cells, near_cells, rdf_arrays, rdf_kernels) if one is not module]
    sources = b"".join(Path(str(one.__file__)).read_bytes() for one in inlined)
    digest = hashlib.sha256(sources).hexdigest()[:16]
    assert digest == module.INLINED, f'write INLINED = "{digest}" in {module.__file__}'
