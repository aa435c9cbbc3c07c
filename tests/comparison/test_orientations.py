"""P1 and P2 against distance: axes at random, in line, and in between."""

from dataclasses import replace
from math import sqrt

import pytest
import torch
from torch import Tensor

from autograin_cli.comparison.compare import compare
from autograin_cli.comparison.comparison import Comparison, Orientation
from autograin_cli.comparison.observables import Subject
from autograin_cli.comparison.orientations import OrientationSums, axis_of, mean_polynomial
from autograin_cli.comparison.runs import Run
from autograin_cli.settings import ComparisonSettings
from autograin_cli.system import Component, System
from autograin_cli.trajectory import Chunk, StoredTrajectory
from gases import ChunkedTrajectory, chains, cube, ideal_gas, system_of

SETTINGS = ComparisonSettings(bins=20, rdf_spacing=0.5, resamples=100)
RODS = system_of("AB", 40)
MIXTURE = System((chains("AAB", 20, "first"), chains("CC", 15, "second"), chains("D", 9, "third")))
BOX = cube(14.0)
SKEWED = torch.tensor([[15.0, 0, 0], [4, 16, 0], [-3, 5, 15]], dtype=torch.float64)


def compared(system: System, *runs: StoredTrajectory) -> Comparison:
    first, second = runs[0], runs[-1]
    return compare(first, second, Subject(system, system, 1, 300.0, ()), 0.0, SETTINGS)


def molecule(types: str, *bonds: tuple[int, int]) -> Component:
    pairs = torch.tensor(bonds, dtype=torch.int64).reshape(-1, 2)
    return Component("m", tuple(types), pairs, None, 1)


def test_an_axis_joins_the_beads_that_most_bonds_separate() -> None:
    ends = {
        "AB": (0, 1, True),
        "AA": (0, 1, False),
        "ABA": (0, 2, False),
        "AAB": (0, 2, True),
        "ABBA": (0, 3, False),
    }
    for types, (first, last, polar) in ends.items():
        axis = axis_of(3, chains(types, 5))
        assert axis is not None
        assert (axis.component, axis.first, axis.last, axis.polar) == (3, first, last, polar)
    branched = axis_of(0, molecule("ABACA", (0, 1), (1, 2), (2, 3), (1, 4)))
    assert branched is not None
    assert (branched.first, branched.last, branched.polar) == (0, 3, True)
    ring = axis_of(0, molecule("AAAA", (0, 1), (1, 2), (2, 3), (0, 3)))
    assert ring is not None
    assert (ring.first, ring.last, ring.polar) == (0, 2, False)
    assert axis_of(0, molecule("A")) is None
    assert axis_of(0, molecule("AA")) is None


@pytest.mark.parametrize("box", [BOX, SKEWED], ids=["upright", "skewed"])
def test_axes_at_random_have_no_order_within_its_standard_error(box: Tensor) -> None:
    gas = ideal_gas(RODS, 400, box, seed=1, length=1.0)
    sums = gathered(gas, RODS)
    n_pairs = sums[:, 0, :, 0].sum(0)
    for order, variance in ((1, 1 / 3), (2, 1 / 5)):
        mean = mean_polynomial(sums[:, 0], torch.ones(len(sums)).double(), order)
        # The axes of every two molecules are independent of each other.
        z = mean / (variance / n_pairs).sqrt()
        assert float(z.abs().max()) < 4.0
        assert abs(float(z.square().mean()) - 1.0) < 4 * sqrt(2 / len(z))


def gathered(
    gas: StoredTrajectory | ChunkedTrajectory, system: System, replicas: int = 1
) -> Tensor:
    run = Run(gas, system, replicas)
    sums = OrientationSums(run, torch.arange(0.0, 6.6, 0.5, dtype=torch.float64))
    run.add_up(sums)
    return sums.sums()


def aligned(seed: int, tilt: float) -> StoredTrajectory:
    """Rods that point along z or against it by halves, or all lie down a little."""
    gas, n = ideal_gas(RODS, 60, BOX, seed=seed), RODS.n_molecules
    random = torch.Generator().manual_seed(seed + 1)
    signs = torch.where(torch.rand(60, n, generator=random) < 0.5, -1.0, 1.0).double()
    azimuths = 2 * torch.pi * torch.rand(60, n, generator=random).double()
    up, aside = torch.tensor(tilt).double().cos(), torch.tensor(tilt).double().sin()
    axes = torch.stack((aside * azimuths.cos(), aside * azimuths.sin(), signs * up), -1)
    positions = gas.chunk.positions.clone()
    positions[:, 1::2] = positions[:, ::2] + 1.2 * axes
    return StoredTrajectory(Chunk(positions, gas.chunk.times, gas.chunk.boxes))


def test_rods_in_line_have_a_p2_of_one_and_a_p1_by_their_ends() -> None:
    found = compared(RODS, aligned(2, 0.0), aligned(4, 0.5)).orientations
    assert [(one.name, one.order) for one in found] == [
        ("P2 chain-chain", 2),
        ("P1 chain-chain", 1),
    ]
    torch.testing.assert_close(found[0].reference, torch.ones_like(found[0].reference))
    # Tilted by t with azimuths at random, P2 of two axes is the square of P2 of one on average.
    expected = (1.5 * torch.tensor(0.5).double().cos() ** 2 - 0.5) ** 2
    n_pairs = 60 * 40 * 39 / 2 * 4 / 3 * torch.pi * (found[0].edges ** 3).diff() / 14.0**3
    for curve, mean in ((found[0].model, expected), (found[1].reference, 0.0)):
        z = (curve - mean) * n_pairs.sqrt()  # neither varies by more than 1 from pair to pair
        assert float(z[n_pairs > 30].abs().max()) < 4.0
    rms = found[0].scores[1]
    assert (rms.name, rms.unit) == ("rms deviation", "1")
    assert rms.low < 1.0 - float(expected) < rms.high
    assert rms.floor == pytest.approx(0.0, abs=1e-12)


def test_only_molecules_with_axes_are_paired_and_only_those_with_two_ends_have_a_p1() -> None:
    gas = ideal_gas(MIXTURE, 100, BOX, seed=6, length=0.9)
    found = compared(MIXTURE, gas).orientations
    assert [one.name for one in found] == [
        "P2 first-first",
        "P1 first-first",
        "P2 first-second",
        "P2 second-second",
    ]
    assert found[2].molecules == ("first", "second")
    for one in found:
        assert torch.equal(one.reference, one.model)
        assert all(score.value == 0.0 < score.floor for score in one.scores)
        assert bool((one.model_low <= one.model_high).all())


def test_curves_begin_where_there_are_molecules() -> None:
    grid = 3.5 * torch.cartesian_prod(*[torch.arange(4)] * 3).double()
    random = torch.Generator().manual_seed(0)
    ends = 0.2 * torch.randn(40, 64, 3, generator=random).double()
    positions = torch.stack((grid - ends, grid + ends), 2).reshape(40, 128, 3)
    boxes = cube(14.0).expand(40, 3, 3)
    lattice = StoredTrajectory(Chunk(positions, torch.arange(40).double(), boxes))
    (found,) = compared(system_of("AA", 64), lattice).orientations
    assert float(found.edges[0]) == pytest.approx(3.5)  # centres do not move
    between = (found.edges[1:] > 4.0) & (found.edges[1:] <= 4.5)
    assert bool((found.reference[between] == 0.0).all())


def test_centres_are_those_of_mass() -> None:
    part = replace(chains("AB", 3), masses=torch.tensor([3.0, 1.0]).double())
    system = System((part,))
    gas = ideal_gas(system, 16, BOX, seed=7, length=1.0)
    sums = OrientationSums(Run(gas, system, 1), torch.arange(0.0, 6.6, 0.5).double())
    centres, axes = sums.molecules(gas.chunk.positions)
    first, last = gas.chunk.positions[:, ::2], gas.chunk.positions[:, 1::2]
    torch.testing.assert_close(centres, 0.75 * first + 0.25 * last)
    torch.testing.assert_close(axes, last - first)


def test_sums_of_chunks_and_replicas_are_those_of_the_whole() -> None:
    gas = ideal_gas(MIXTURE, 45, BOX, seed=8, length=0.9, replicas=2)
    whole = gathered(gas, MIXTURE, 2)
    torch.testing.assert_close(gathered(ChunkedTrajectory(gas.chunk, 7), MIXTURE, 2), whole)


def test_a_perfect_model_of_equal_length_does_not_differ() -> None:
    runs = [ideal_gas(RODS, 300, BOX, seed=seed, length=1.0) for seed in (10, 11)]
    curves: tuple[Orientation, ...] = compared(RODS, *runs).orientations
    for one in curves:
        assert one.scores[1].low < 1.5 * one.scores[1].floor
