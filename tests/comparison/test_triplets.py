"""Angles between neighbours: gases, lattices, shells, frames kept."""

from dataclasses import replace
from math import pi

import pytest
import torch
from torch import Tensor

from autograin_cli.comparison import triplets
from autograin_cli.comparison.compare import compare
from autograin_cli.comparison.comparison import PairDistribution
from autograin_cli.comparison.observables import Subject
from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.triplets import KeptFrames, Neighbours, neighbours_of
from autograin_cli.errors import SettingError
from autograin_cli.settings import ComparisonSettings
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory, Trajectory
from example_artifacts import example
from gases import ChunkedTrajectory, chains, cube, ideal_gas, system_of

SETTINGS = ComparisonSettings(bins=30, rdf_spacing=0.25, resamples=100)
ATOMS = system_of("A", 40)
MIXTURE = System((chains("AB", 20, "first"), chains("C", 30, "second")))
BOX = cube(13.0)
SKEWED = torch.tensor([[13.0, 0, 0], [4, 14, 0], [-3, 5, 13]], dtype=torch.float64)


def within(radius: float | None) -> ComparisonSettings:
    """Settings with one radius for all neighbours."""
    return replace(SETTINGS, shell=radius)


def counted(
    trajectory: Trajectory, system: System, radius: float, n_bins: int = 20, replicas: int = 1
) -> Tensor:
    """Counts of the first kind of triplet in 16 blocks or more, (blocks, bins)."""
    run = Run(trajectory, system, replicas)
    kept = KeptFrames(run)
    run.add_up(kept)
    n_types = len(system.type_names)
    radii = torch.full((n_types, n_types), radius, dtype=torch.float64)
    sums = kept.count(Neighbours(radii, ((0, 0, n_types - 1),)), n_bins)
    return sums.of(sums.coarser())[:, 0]


@pytest.mark.parametrize("box", [BOX, SKEWED], ids=["upright", "skewed"])
def test_a_gas_has_the_angles_of_random_directions(box: Tensor) -> None:
    counts = counted(ideal_gas(ATOMS, 400, box, seed=1), ATOMS, 5.0)
    edges = torch.linspace(0, pi, 21).double()
    expected = (edges[:-1].cos() - edges[1:].cos()) / 2
    # Directions are independent, so that each block is off by nothing on average.
    off = counts - counts.sum(1, keepdim=True) * expected
    z = off.sum(0) / (off.square().sum(0)).sqrt()
    assert float(z.abs().max()) < 4.0
    assert float(z.square().mean()) < 2.5


def test_a_gas_of_molecules_has_them_too_since_none_is_its_own_neighbour() -> None:
    counts = counted(ideal_gas(MIXTURE, 400, BOX, seed=2, length=1.0), MIXTURE, 5.0)
    share = counts.sum(0) / counts.sum()
    edges = torch.linspace(0, pi, 21).double()
    expected = (edges[:-1].cos() - edges[1:].cos()) / 2
    error = (counts - counts.sum(1, keepdim=True) * share).square().sum(0).sqrt() / counts.sum()
    assert float(((share - expected) / error).abs().max()) < 4.0


def test_angles_of_chunks_and_replicas_are_those_of_the_whole() -> None:
    gas = ideal_gas(MIXTURE, 41, BOX, seed=3, length=1.0, replicas=2)
    one = counted(gas, MIXTURE, 4.5, replicas=2)
    assert torch.equal(one, counted(ChunkedTrajectory(gas.chunk, 7), MIXTURE, 4.5, replicas=2))


def test_frames_beyond_what_is_kept_are_left_out_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    gas = ideal_gas(ATOMS, 120, BOX, seed=4)
    monkeypatch.setattr(triplets, "MOST_FRAMES", 40)
    thinned = Chunk(gas.chunk.positions[::3], gas.chunk.times[::3], BOX.expand(40, 3, 3))
    expected = counted(StoredTrajectory(thinned), ATOMS, 5.0)
    assert torch.equal(counted(ChunkedTrajectory(gas.chunk, 11), ATOMS, 5.0), expected)


def pair(types: tuple[str, str], shell: float | None, kind: str) -> PairDistribution:
    found = example("liquid comparison").comparison
    assert found is not None
    return replace(found.pair_distributions[0], types=types, shell=shell, kind=kind)


def test_the_shells_of_the_reference_say_who_is_a_neighbour() -> None:
    pairs = (
        pair(("A", "A"), 5.0, "intermolecular"),
        pair(("A", "B"), 6.0, "intermolecular"),
        pair(("B", "B"), None, "intermolecular"),
        pair(("B", "B"), 2.0, "intramolecular"),
    )
    found = neighbours_of(pairs, ("A", "B"), ComparisonSettings())
    assert found.radii.tolist() == [[5.0, 6.0], [6.0, 0.0]]
    assert found.kinds == ((0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 0, 0))
    given = neighbours_of(pairs, ("A", "B"), within(4.5))
    assert given.radii.tolist() == [[4.5, 4.5], [4.5, 4.5]]
    assert len(given.kinds) == 6


def subject(system: System) -> Subject:
    return Subject(system, system, 1, 300.0, ())


def test_a_comparison_names_triplets_by_the_bead_in_the_middle_and_scores_them() -> None:
    gases = [ideal_gas(MIXTURE, 200, BOX, seed=seed, length=1.0) for seed in (5, 6)]
    found = compare(gases[0], gases[1], subject(MIXTURE), 0.0, within(4.0)).triplet_distributions
    assert len(found) == 18
    assert [one.name for one in found[:3]] == ["triplet A-A-A", "triplet A-A-B", "triplet A-A-C"]
    assert found[8].types == ("A", "B", "C")
    for one in found:
        assert float((one.reference * 6.0).sum()) == pytest.approx(1.0)
        assert [score.name for score in one.scores] == [
            "max deviation",
            "rms deviation",
            "jensen-shannon",
            "wasserstein-1",
        ]
        assert one.scores[1].value < 3 * one.scores[1].floor
        assert bool((one.reference_low <= one.reference_high).all())
        assert one.shells.tolist() == [4.0, 4.0]


def test_a_run_compared_with_itself_has_the_same_triplets() -> None:
    gas = ideal_gas(ATOMS, 100, BOX, seed=7)
    (found,) = compare(gas, gas, subject(ATOMS), 0.0, within(4.0)).triplet_distributions
    assert torch.equal(found.reference, found.model)
    assert all(score.value == 0.0 < score.floor for score in found.scores)


def test_triplets_that_hardly_occur_are_left_out() -> None:
    gas = ideal_gas(ATOMS, 40, BOX, seed=8)
    assert compare(gas, gas, subject(ATOMS), 0.0, within(0.5)).triplet_distributions == ()
    # A gas has no first peak.
    assert compare(gas, gas, subject(ATOMS), 0.0, SETTINGS).triplet_distributions == ()


def test_a_shell_that_does_not_fit_is_refused() -> None:
    gas = ideal_gas(ATOMS, 40, BOX, seed=9)
    with pytest.raises(SettingError, match="neighbours up to 7 Å in a box 13 Å high"):
        compare(gas, gas, subject(ATOMS), 0.0, within(7.0))
