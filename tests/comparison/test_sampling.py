"""Blocks and counts, accumulated over chunks."""

from math import sqrt

import pytest
import torch
from torch import Tensor

from autograin_cli.comparison import surveying
from autograin_cli.comparison.observables import Observable, bin_edges, observe
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import (
    FEWEST_BLOCKS,
    MOST_BLOCKS,
    BlockCounts,
    Blocks,
    divide,
    effective_values,
    shared_effective_values,
)
from autograin_cli.comparison.surveying import survey
from autograin_cli.errors import InputError
from autograin_cli.trajectory import Chunk, StoredTrajectory, Trajectory
from gases import ChunkedTrajectory, cube, ideal_gas, system_of

OBSERVABLES = (
    Observable("bonds", "bond", 0, torch.tensor([[0, 1], [1, 2], [2, 3]]), None),
    Observable("angles", "angle", 0, torch.tensor([[0, 1, 2], [1, 2, 3]]), None),
    Observable("dihedral", "dihedral", 0, torch.tensor([[0, 1, 2, 3]]), None),
)


def run_of(trajectory: Trajectory, n_copies: int) -> Run:
    """Copies of a chain of four beads that do not feel one another."""
    return Run(trajectory, system_of("AAAA", n_copies), 1)


def random_chunk(n_frames: int, n_copies: int, seed: int = 0) -> Chunk:
    generator = torch.Generator().manual_seed(seed)
    positions = torch.randn(n_frames, n_copies * 4, 3, generator=generator, dtype=torch.float64)
    return Chunk(positions, 0.5 * torch.arange(n_frames, dtype=torch.float64))


def ar1(n_frames: int, correlation: float, seed: int) -> Tensor:
    """A stationary Gaussian series of unit variance, (frames,)."""
    noise = torch.randn(n_frames, generator=torch.Generator().manual_seed(seed)).double()
    values = noise.tolist()
    for frame in range(1, n_frames):
        kick = sqrt(1 - correlation**2) * values[frame]
        values[frame] = correlation * values[frame - 1] + kick
    return torch.tensor(values).double()


def test_counts_of_chunks_are_those_of_a_plain_loop() -> None:
    chunk = random_chunk(37, 3)
    layouts = (Blocks(37, 3, 3, 6), Blocks(37, 3, 2, 9), Blocks(37, 3, 1, 16))
    positions = chunk.positions.reshape(37, 3, 4, 3)
    observed = [observe(observable, positions) for observable in OBSERVABLES]
    edges = tuple(
        bin_edges(observable, float(values.min()), float(values.max()), 7)
        for observable, values in zip(OBSERVABLES, observed, strict=True)
    )
    run = run_of(ChunkedTrajectory(chunk, 5), 3)
    counting = BlockCounts(run, OBSERVABLES, layouts, edges)
    run.add_up(counting)
    found = counting.counts
    for i, values in enumerate(observed):
        layout, plain = layouts[i], torch.zeros(layouts[i].n_blocks, 7).double()
        for frame in range(37):
            for copy in range(3):
                group, segment = copy * layout.n_groups // 3, frame * layout.n_segments // 37
                for value in values[frame, copy].tolist():
                    bins = [k for k in range(7) if edges[i][k] <= value]
                    plain[group * layout.n_segments + segment, bins[-1]] += 1
        assert torch.equal(found[i], plain)


def test_a_survey_of_chunks_is_that_of_the_whole() -> None:
    chunk = random_chunk(101, 2)
    whole = survey(run_of(StoredTrajectory(chunk), 2), OBSERVABLES)
    assert survey(run_of(ChunkedTrajectory(chunk, 13), 2), OBSERVABLES) == whole
    assert (whole.n_samples, whole.duration) == (202, 50.0)
    lengths = observe(OBSERVABLES[0], chunk.positions.reshape(101, 2, 4, 3))
    assert (whole.ranges[0].low, whole.ranges[0].high) == (
        float(lengths.min()),
        float(lengths.max()),
    )


@pytest.mark.parametrize("effective", [3.0, 100.0, 1000.0, 1e6])
@pytest.mark.parametrize("n_copies", [1, 5, 64, 1000])
def test_blocks_are_enough_and_not_too_many(n_copies: int, effective: float) -> None:
    blocks = divide(3000, n_copies, effective)
    assert FEWEST_BLOCKS <= blocks.n_blocks <= MOST_BLOCKS
    sizes = blocks.indices(0, 3000).flatten().bincount(minlength=blocks.n_blocks)
    assert int(sizes.min()) > 0 and int(sizes.sum()) == 3000 * n_copies


def test_a_block_is_ten_correlation_times_long() -> None:
    assert divide(8000, 1, effective=800.0) == Blocks(8000, 1, n_groups=1, n_segments=80)


def test_blocks_never_join_copies_in_time() -> None:
    indices = divide(100, 7, effective=200.0).indices(0, 100)
    owners = [set(indices[:, copy].tolist()) for copy in range(7)]
    assert sum(map(len, owners)) == len(set.union(*owners))


def test_effective_samples_follow_the_correlation_time() -> None:
    bonds = OBSERVABLES[0]
    independent = torch.randn(4000, 1, 1, generator=torch.Generator().manual_seed(1)).double()
    assert effective_values(bonds, independent) == pytest.approx(4000, rel=0.15)
    correlated = ar1(40_000, 0.9, seed=2)[:, None, None]
    assert effective_values(bonds, correlated) == pytest.approx(40_000 * 0.1 / 1.9, rel=0.2)


def test_a_dihedral_that_crosses_180_degrees_is_not_torn() -> None:
    dihedral = OBSERVABLES[2]
    swing = 10.0 * ar1(20_000, 0.9, seed=3)[:, None, None]
    wrapped = (swing + 360.0) % 360.0 - 180.0
    torn, whole = effective_values(dihedral, wrapped), effective_values(dihedral, swing)
    assert torn == pytest.approx(whole, rel=1e-6)


def test_memory_is_bounded_by_thinning_and_the_range_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(surveying, "KEPT_VALUES", 600)
    chunk = random_chunk(1000, 2)
    whole, thinned = (
        survey(run_of(StoredTrajectory(chunk), 2), OBSERVABLES),
        survey(run_of(ChunkedTrajectory(chunk, 7), 2), OBSERVABLES),
    )
    assert whole == thinned
    # 600 values of 6000 are kept, and they are independent.
    assert thinned.ranges[0].effective < 2 * 600
    lengths = observe(OBSERVABLES[0], chunk.positions.reshape(1000, 2, 4, 3))
    assert thinned.ranges[0].high == float(lengths.max())


def test_beads_that_are_no_whole_copies_are_refused() -> None:
    chunk = Chunk(torch.zeros(50, 7, 3).double(), torch.arange(50).double())
    with pytest.raises(InputError, match="7 beads"):
        survey(run_of(StoredTrajectory(chunk), 1), OBSERVABLES)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(InputError, match="15 samples"):
        survey(run_of(StoredTrajectory(random_chunk(5, 3)), 3), OBSERVABLES)


def test_nothing_to_observe_is_refused() -> None:
    with pytest.raises(InputError, match="without a bond"):
        survey(run_of(StoredTrajectory(random_chunk(50, 1)), 1), ())


def test_positions_that_are_not_finite_are_refused() -> None:
    chunk = random_chunk(50, 1)
    chunk.positions[31, 2, 1] = torch.nan
    with pytest.raises(InputError, match="not finite, after 30 frames"):
        survey(run_of(ChunkedTrajectory(chunk, 10), 1), OBSERVABLES)


def test_blocks_of_molecules_in_a_box_are_blocks_of_the_time() -> None:
    system = system_of("AAAA", 10)
    run = Run(ideal_gas(system, 400, cube(20.0), 0, length=1.0, replicas=2), system, 2)
    found = survey(run, OBSERVABLES[:1])
    assert found.interacts
    assert found.height == pytest.approx(20.0)
    assert found.n_samples == 8000
    assert found.ranges[0].blocks.n_chains == 2
    vacuum = Chunk(run.beads.chunk.positions, run.beads.chunk.times)  # type: ignore[attr-defined]
    alone = survey(Run(StoredTrajectory(vacuum), system, 2), OBSERVABLES[:1])
    assert not alone.interacts
    assert alone.ranges[0].blocks.n_chains == 20


def test_one_molecule_in_a_box_is_as_good_as_in_vacuum() -> None:
    chunk = random_chunk(200, 1)
    boxed = Chunk(chunk.positions, chunk.times, cube(50.0).expand(200, 3, 3))
    alone, inside = (
        survey(run_of(StoredTrajectory(part), 1), OBSERVABLES) for part in (chunk, boxed)
    )
    assert alone.ranges == inside.ranges


def test_what_molecules_of_a_box_share_counts_once() -> None:
    bonds = OBSERVABLES[0]
    shared = ar1(40_000, 0.9, seed=4)[:, None, None]
    own = torch.randn(40_000, 1, 50, generator=torch.Generator().manual_seed(5)).double()
    for noise in (0.0, 1.0):
        effective, of_chains = shared_effective_values(bonds, shared + noise * own)
        assert of_chains == pytest.approx(40_000 * 0.1 / 1.9, rel=0.2)
        # A mean over 50 values has the variance of what is shared, 1, and a 50th of the noise's.
        assert effective / of_chains == pytest.approx((1 + noise) / (1 + noise / 50), rel=0.1)


def test_finer_blocks_lie_in_coarser_ones() -> None:
    fine, coarse = Blocks(1000, 6, 6, 40), Blocks(1000, 6, 3, 8)
    joined = fine.joined(coarse)
    assert torch.equal(joined[fine.indices(0, 1000)], coarse.indices(0, 1000))
