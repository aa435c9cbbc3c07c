"""Comparisons of periodic runs: gases whose g(r) is known, and lattices that shake."""

from dataclasses import replace
from math import pi, sqrt

import pytest
import torch

from autograin_cli.comparison.compare import compare
from autograin_cli.comparison.comparison import Comparison, PairDistribution, Quantity
from autograin_cli.comparison.observables import Observable, Subject
from autograin_cli.comparison.verdict import order_verdicts, pair_verdicts, worst_ratio
from autograin_cli.errors import InputError, SettingError
from autograin_cli.settings import ComparisonSettings
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory
from gases import ChunkedTrajectory, chains, cube, ideal_gas, system_of

SETTINGS = ComparisonSettings(bins=20, rdf_spacing=0.25, resamples=100)
ATOMS = system_of("A", 30)
BOX = cube(13.0)


def subject(
    reference: System, model: System, replicas: int = 1, *observables: Observable
) -> Subject:
    return Subject(reference, model, replicas, 300.0, observables)


def only(comparison: Comparison) -> PairDistribution:
    (pairs,) = comparison.pair_distributions
    return pairs


def shaken(n_frames: int, spread: float, seed: int) -> StoredTrajectory:
    """Beads that shake about the places of a simple cubic lattice of 3.5 Å, 4 along an edge."""
    grid = 3.5 * torch.cartesian_prod(*[torch.arange(4)] * 3).double()
    noise = torch.randn(n_frames, 64, 3, generator=torch.Generator().manual_seed(seed)).double()
    times, boxes = torch.arange(n_frames).double(), cube(14.0).expand(n_frames, 3, 3)
    return StoredTrajectory(Chunk(grid + spread * noise, times, boxes))


def test_a_run_compared_with_itself_scores_zero() -> None:
    gas = ideal_gas(ATOMS, 200, BOX, seed=0)
    found = only(compare(gas, gas, subject(ATOMS, ATOMS), 0.0, SETTINGS))
    assert (found.name, found.kind, found.types) == (
        "intermolecular A-A",
        "intermolecular",
        ("A",) * 2,
    )
    assert float(found.edges[-1]) == pytest.approx(6.5)
    for score in found.scores:
        assert score.value == 0.0
        assert score.low == 0.0 < score.floor
    assert bool(
        ((found.reference_low <= found.reference) & (found.reference <= found.reference_high)).all()
    )


def test_a_perfect_model_of_equal_length_scores_the_root_of_half_of_the_floor() -> None:
    rounds = [
        compare(
            ideal_gas(ATOMS, 300, BOX, seed=2 * i),
            ideal_gas(ATOMS, 300, BOX, seed=2 * i + 1),
            subject(ATOMS, ATOMS),
            0.0,
            SETTINGS,
        )
        for i in range(30)
    ]
    # Two runs differ by a variance of 2, two halves of one by 4.
    scores = [only(found).score("rms deviation") for found in rounds]
    ratios = torch.tensor([score.value / score.floor for score in scores])
    standard_error = float(ratios.std()) / sqrt(30)
    assert abs(float(ratios.mean()) - sqrt(0.5)) < 4 * standard_error
    words = [pair_verdicts(found)[0].word for found in rounds]
    assert "differs" not in words


def test_a_model_of_more_molecules_and_replicas_in_another_box_agrees() -> None:
    more = system_of("A", 60)
    model = ideal_gas(more, 200, cube(17.0), seed=1, replicas=2)
    found = compare(
        ideal_gas(ATOMS, 400, BOX, seed=0), model, subject(ATOMS, more, 2), 0.0, SETTINGS
    )
    assert float(only(found).edges[-1]) == pytest.approx(6.5)  # of the smaller box
    n_pairs = 400 * 60 * 59 / 2 * (4 / 3 * pi * (6.5**3 - 2**3)) / 17.0**3
    volumes = (only(found).edges ** 3).diff()[8:]  # from 2 Å on, where there are many pairs
    mean = float((only(found).model[8:] * volumes).sum() / volumes.sum())
    assert abs(mean - 1) < 4 / sqrt(n_pairs)
    assert pair_verdicts(found)[0].word != "differs"
    assert (found.reference_frames, found.model_frames) == (400 * 30, 200 * 2 * 60)


def test_a_lattice_that_shakes_more_differs_and_its_peaks_are_where_they_are() -> None:
    lattice = subject(system_of("A", 64), system_of("A", 64))
    found = compare(shaken(200, 0.25, 0), shaken(200, 0.40, 1), lattice, 0.0, SETTINGS)
    (verdict,) = pair_verdicts(found)
    assert verdict.word == "differs"
    judged = (verdict, *order_verdicts(found))
    assert [one.name for one in judged] == ["intermolecular A-A", "triplet A-A-A"]
    assert worst_ratio(found) == pytest.approx(max(one.ratio for one in judged))
    place, height, neighbours = only(found).features
    assert place.reference == pytest.approx(3.5, abs=0.1)
    assert height.reference is not None and height.model is not None
    assert height.reference > 1.3 * height.model
    assert [q.name for q in only(found).features] == [
        "first peak position",
        "first peak height",
        "coordination number",
    ]
    assert neighbours.reference_error is not None and neighbours.reference_error > 0
    assert 3.8 < (only(found).shell or 0.0) < 4.8


def test_the_coordination_number_of_a_sharp_lattice_is_exact() -> None:
    lattice = subject(system_of("A", 64), system_of("A", 64))
    settings = replace(SETTINGS, rdf_spacing=0.1)
    found = compare(shaken(100, 0.06, 0), shaken(100, 0.06, 1), lattice, 0.0, settings)
    neighbours = only(found).features[2]
    assert neighbours.reference == pytest.approx(6.0, abs=1e-9)
    assert neighbours.model == pytest.approx(6.0, abs=1e-9)


def test_molecules_have_distributions_intramolecular_curves_and_diffusion() -> None:
    rods = System((chains("AABBA", 8, "rod"), chains("A", 10, "bead")))
    bond = Observable("bond A-A", "bond", 0, torch.tensor([[0, 1]]), None)
    known = Quantity("pressure", "bar", None, None, 3.0, 0.5, expected_to_match=False)
    gases = [ideal_gas(rods, 100, BOX, seed=seed, length=1.1) for seed in (0, 1)]
    pressed = replace(subject(rods, rods, 1, bond), known=(known,))
    found = compare(gases[0], gases[1], pressed, 0.0, SETTINGS)
    assert [d.name for d in found.distributions] == ["bond A-A"]
    assert [p.name for p in found.pair_distributions] == [
        "intermolecular A-A",
        "intermolecular A-B",
        "intermolecular B-B",
        "intramolecular A-A",
    ]
    assert found.pair_distributions[3].scores[0].unit == "1/Å"
    assert [s.name for s in found.structure_factors] == ["S(q) A-A", "S(q) A-B", "S(q) B-B"]
    assert [q.name for q in found.quantities] == ["pressure", "diffusion rod", "diffusion bead"]
    # Independent frames are too far apart to tell where a molecule went.
    assert found.quantities[1].reference is None


def test_a_comparison_of_chunks_is_that_of_the_whole() -> None:
    rods = system_of("AB", 12)
    gases = [ideal_gas(rods, 90, BOX, seed=seed, length=1.1) for seed in (0, 1)]
    whole = compare(gases[0], gases[1], subject(rods, rods), 0.0, SETTINGS)
    pieces = [ChunkedTrajectory(gas.chunk, 11) for gas in gases]
    parts = compare(pieces[0], pieces[1], subject(rods, rods), 0.0, SETTINGS)
    for one, other in zip(whole.pair_distributions, parts.pair_distributions, strict=True):
        torch.testing.assert_close(one.model, other.model, rtol=1e-12, atol=0)
        assert one.scores == pytest.approx(other.scores)
    for wave, same in zip(whole.structure_factors, parts.structure_factors, strict=True):
        torch.testing.assert_close(wave.reference, same.reference, rtol=1e-10, atol=1e-12)


def test_a_range_beyond_half_of_the_box_is_refused() -> None:
    gas, larger = ideal_gas(ATOMS, 20, BOX, seed=0), ideal_gas(ATOMS, 20, cube(20.0), seed=1)
    settings = replace(SETTINGS, rdf_range=7.0)
    with pytest.raises(SettingError, match="13 Å high at its thinnest, that of the model"):
        compare(larger, gas, subject(ATOMS, ATOMS), 0.0, settings)
    shorter = replace(SETTINGS, rdf_range=5.0)
    found = only(compare(larger, gas, subject(ATOMS, ATOMS), 0.0, shorter))
    assert float(found.edges[-1]) == pytest.approx(5.0)


def test_no_box_is_an_error_only_where_g_is_asked_for() -> None:
    bond = Observable("bond A-B", "bond", 0, torch.tensor([[0, 1]]), None)
    rods = system_of("AB", 10)
    gas = ideal_gas(rods, 40, BOX, seed=0, length=1.1)
    vacuum = StoredTrajectory(replace(gas.chunk, boxes=None))
    asked = subject(rods, rods, 1, bond)
    assert compare(gas, vacuum, asked, 0.0, SETTINGS).pair_distributions == ()
    with pytest.raises(SettingError, match="needs a density"):
        compare(gas, vacuum, asked, 0.0, replace(SETTINGS, rdf_range=5.0))
    atoms = StoredTrajectory(replace(ideal_gas(ATOMS, 40, BOX, seed=0).chunk, boxes=None))
    with pytest.raises(InputError, match="no periodic box"):
        compare(atoms, atoms, subject(ATOMS, ATOMS), 0.0, SETTINGS)


def test_a_spacing_that_leaves_no_bins_is_refused() -> None:
    gas = ideal_gas(ATOMS, 20, BOX, seed=0)
    with pytest.raises(SettingError, match="at least 5 bins"):
        compare(gas, gas, subject(ATOMS, ATOMS), 0.0, replace(SETTINGS, rdf_spacing=2.0))
