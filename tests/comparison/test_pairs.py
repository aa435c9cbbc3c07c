"""g(r) of gases and lattices, in blocks, accumulated over chunks."""

from math import pi, sqrt

import pytest
import torch
from torch import Tensor

from autograin_cli.comparison.pairs import (
    PairCounts,
    PairKind,
    PairSample,
    pair_kinds,
    pair_numbers,
    within_pairs,
)
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import divide
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory, Trajectory
from gases import ChunkedTrajectory, chains, cube, ideal_gas, system_of

EDGES = torch.linspace(0.0, 6.0, 25, dtype=torch.float64)
BETWEEN = PairKind((0, 0), within=False)
MIXTURE = System((chains("AB", 20, "first"), chains("B", 30, "second")))


def counted(trajectory: Trajectory, system: System, replicas: int = 1) -> PairCounts:
    run = Run(trajectory, system, replicas)
    counts = PairCounts(run, EDGES, divide(run.n_frames, replicas, 1e9))
    run.add_up(counts)
    return counts


def whole(counts: PairCounts, kind: PairKind) -> PairSample:
    return counts.sample(kind, counts.coarser())


def g_of(sample: PairSample) -> Tensor:
    return sample.curves(torch.ones(sample.n_blocks, dtype=torch.float64))


def chi_squared(sample: PairSample) -> float:
    """Of the counts against those of a gas, whose pairs are independent: counts are binomial."""
    expected = sample.exposure.sum() * sample.measure
    return float(((sample.counts.sum(0) - expected) ** 2 / expected).sum())


@pytest.mark.parametrize("n_molecules", [2, 40])
def test_an_ideal_gas_has_a_g_of_one_at_any_number_of_molecules(n_molecules: int) -> None:
    system = system_of("A", n_molecules)
    n_frames = 200_000 // n_molecules**2
    sample = whole(counted(ideal_gas(system, n_frames, cube(13.0), seed=1), system), BETWEEN)
    n_bins = len(EDGES) - 1
    assert abs(chi_squared(sample) - n_bins) < 4 * sqrt(2 * n_bins)


def test_a_gas_in_boxes_that_vary_has_a_g_of_one() -> None:
    system = system_of("A", 30)
    scale = 0.9 + 0.4 * torch.rand(600, 1, 1, generator=torch.Generator().manual_seed(0)).double()
    skewed = torch.tensor([[16.0, 0, 0], [4, 17, 0], [-3, 5, 18]], dtype=torch.float64)
    sample = whole(counted(ideal_gas(system, 600, scale * skewed, seed=2), system), BETWEEN)
    n_bins = len(EDGES) - 1
    assert abs(chi_squared(sample) - n_bins) < 4 * sqrt(2 * n_bins)


def test_beads_of_one_molecule_do_not_count_between_molecules() -> None:
    found = counted(ideal_gas(MIXTURE, 400, cube(13.0), seed=3, length=1.0), MIXTURE)
    assert pair_numbers(MIXTURE) == [190, 20 * 50 - 20, 50 * 49 // 2]
    kinds = pair_kinds(MIXTURE)
    assert kinds == tuple(PairKind(types, False) for types in ((0, 0), (0, 1), (1, 1)))
    for kind in kinds:
        sample = whole(found, kind)
        n_pairs = float(sample.counts.sum())
        expected = float(sample.exposure.sum() * sample.measure.sum())
        # Beads of a molecule meet those of another together: at most twice the variance.
        assert abs(n_pairs - expected) < 4 * sqrt(2 * expected)


def test_pairs_within_a_molecule_are_those_that_no_term_joins() -> None:
    system = system_of("AABBA", 3)
    pairs, rows = within_pairs(system)
    assert pairs.tolist() == [[0, 4], [5, 9], [10, 14]]
    assert rows.tolist() == [0, 0, 0]
    kinds = [kind for kind in pair_kinds(system) if kind.within]
    assert kinds == [PairKind((0, 0), within=True)]
    found = counted(ideal_gas(system, 40, cube(14.0), seed=4, length=1.3), system)
    density = g_of(whole(found, kinds[0]))
    assert int(density.argmax()) == int((EDGES[:-1] <= 4 * 1.3).nonzero()[-1])
    assert float((density * EDGES.diff()).sum()) == pytest.approx(1.0)


def test_a_simple_cubic_lattice_has_its_shells() -> None:
    spacing, n_edge = 3.1, 5
    grid = spacing * torch.cartesian_prod(*[torch.arange(n_edge)] * 3).double()
    system = system_of("A", n_edge**3)
    boxes = cube(spacing * n_edge).expand(20, 3, 3)
    shifts = torch.rand(20, 1, 3, generator=torch.Generator().manual_seed(0)).double()
    lattice = StoredTrajectory(Chunk(grid + shifts, torch.arange(20).double(), boxes))
    sample = whole(counted(lattice, system), BETWEEN)
    ones = torch.ones(sample.n_blocks, dtype=torch.float64)
    for shell, neighbours in ((3.0, 0), (3.75, 6), (4.75, 18), (5.75, 26)):
        assert float(sample.neighbours(ones, EDGES, shell)) == pytest.approx(neighbours)


def test_neighbours_around_the_first_type_are_of_the_second() -> None:
    found = counted(ideal_gas(MIXTURE, 300, cube(13.0), seed=5), MIXTURE)
    sample = whole(found, PairKind((0, 1), within=False))
    ones = torch.ones(sample.n_blocks, dtype=torch.float64)
    expected = 4 / 3 * pi * 5.1**3 / 13.0**3 * 49
    standard_error = expected / sqrt(300 * 20 * expected)
    assert abs(float(sample.neighbours(ones, EDGES, 5.1)) - expected) < 4 * standard_error


def test_counts_accumulated_over_chunks_are_those_of_the_whole() -> None:
    gas = ideal_gas(MIXTURE, 53, cube(12.5), seed=6, length=1.0, replicas=2)
    one = counted(gas, MIXTURE, 2)
    other = counted(ChunkedTrajectory(gas.chunk, 7), MIXTURE, 2)
    assert one.coarser() == other.coarser()
    for kind in pair_kinds(MIXTURE):
        assert torch.equal(whole(one, kind).counts, whole(other, kind).counts)
        torch.testing.assert_close(whole(one, kind).exposure, whole(other, kind).exposure)


def test_the_number_of_threads_changes_nothing() -> None:
    gas, before = ideal_gas(MIXTURE, 40, cube(12.5), seed=7), torch.get_num_threads()
    one = whole(counted(gas, MIXTURE), BETWEEN).counts
    try:
        torch.set_num_threads(3)
        assert torch.equal(whole(counted(gas, MIXTURE), BETWEEN).counts, one)
    finally:
        torch.set_num_threads(before)


def test_frames_that_remember_the_one_before_have_fewer_blocks() -> None:
    system = system_of("A", 30)
    gas = ideal_gas(system, 600, cube(13.0), seed=8)
    assert counted(gas, system).coarser().n_blocks > 30
    lazy = Chunk(gas.chunk.positions[torch.arange(600) // 10], gas.chunk.times, gas.chunk.boxes)
    assert counted(StoredTrajectory(lazy), system).coarser().n_blocks == 16
