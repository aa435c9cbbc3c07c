"""Values of bonds, angles and dihedrals, and their Boltzmann distributions."""

from collections.abc import Callable
from itertools import pairwise
from math import pi, sqrt

import pytest
import torch
from scipy.integrate import quad
from torch import Tensor

from autograin_cli.comparison.observables import (
    Observable,
    bin_edges,
    boltzmann_density,
    observe,
)
from autograin_cli.units import thermal_energy

TEMPERATURE = 300.0
KT = thermal_energy(TEMPERATURE)
MEMBERS = {"bond": [[0, 1]], "angle": [[0, 1, 2]], "dihedral": [[0, 1, 2, 3]]}


def observable(coordinate: str, energy: Callable[[Tensor], Tensor] | None = None) -> Observable:
    return Observable("term", coordinate, 0, torch.tensor(MEMBERS[coordinate]), energy)


def test_lengths_are_in_angstrom_and_angles_in_degrees() -> None:
    positions = torch.tensor([[0.0, 2, 0], [0, 0, 0], [3, 0, 0], [3, 0, 1]]).double()[None, None]
    assert observe(observable("bond"), positions).item() == pytest.approx(2.0)
    assert observe(observable("angle"), positions).item() == pytest.approx(90.0)
    assert abs(observe(observable("dihedral"), positions).item()) == pytest.approx(90.0)


def test_values_keep_frames_copies_and_instances_apart() -> None:
    positions = torch.zeros(2, 3, 3, 3).double()
    positions[:, :, 1, 0] = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).double()
    positions[:, :, 2, 1] = 10 * positions[:, :, 1, 0]
    pairs = Observable("bonds", "bond", 0, torch.tensor([[0, 1], [0, 2]]), None)
    expected = torch.stack([positions[:, :, 1, 0], positions[:, :, 2, 1]], dim=-1)
    torch.testing.assert_close(observe(pairs, positions), expected)


def test_bins_of_a_dihedral_go_around_the_circle() -> None:
    edges = bin_edges(observable("dihedral"), 10.0, 20.0, 36)
    assert (edges[0].item(), edges[-1].item()) == (-180.0, 180.0)
    assert len(edges) == 37


def test_bins_reach_from_the_smallest_to_the_largest_value() -> None:
    edges = bin_edges(observable("bond"), 1.5, 2.5, 10)
    torch.testing.assert_close(edges.diff(), torch.full((10,), 0.1).double())


def test_bins_of_a_constant_have_a_width() -> None:
    assert bool((bin_edges(observable("bond"), 2.0, 2.0, 5).diff() > 0).all())


@pytest.mark.parametrize(
    ("coordinate", "edges", "weight"),
    [
        ("bond", (3.0, 5.0), lambda r: r**2),
        ("angle", (0.0, 180.0), lambda theta: torch.tensor(theta).sin().item()),
        ("dihedral", (-180.0, 180.0), lambda _: 1.0),
    ],
)
def test_the_boltzmann_curve_is_the_jacobian_times_the_boltzmann_factor(
    coordinate: str, edges: tuple[float, float], weight: Callable[[float], float]
) -> None:
    def energy(q: Tensor) -> Tensor:
        return 4.0 * (q - 1.3).cos() + 2.0 * q

    def probability(q: float) -> float:
        natural = q if coordinate == "bond" else q * pi / 180
        factor = torch.exp(-energy(torch.tensor(natural).double()) / KT).item()
        return weight(natural) * factor

    bins = torch.linspace(*edges, 13).double()
    shares = torch.tensor(
        [quad(probability, *pair)[0] for pair in pairwise(bins.tolist())]
    ).double()
    expected = shares / shares.sum() / bins.diff()
    density = boltzmann_density(observable(coordinate, energy), bins, TEMPERATURE)
    assert density is not None
    torch.testing.assert_close(density, expected, rtol=2e-3, atol=0.0)


def test_the_boltzmann_curve_survives_energies_of_any_size() -> None:
    bins = torch.linspace(1.0, 2.0, 6).double()
    shifted = [
        boltzmann_density(observable("bond", energy), bins, TEMPERATURE)
        for energy in (lambda r: 5.0 * r, lambda r: 5.0 * r + 1e5, lambda r: 5.0 * r - 1e5)
    ]
    torch.testing.assert_close(shifted[1], shifted[0], rtol=1e-9, atol=0.0)
    torch.testing.assert_close(shifted[2], shifted[0], rtol=1e-9, atol=0.0)


def test_without_a_term_there_is_no_boltzmann_curve() -> None:
    assert boltzmann_density(observable("bond"), torch.linspace(0, 1, 5), TEMPERATURE) is None


def test_exact_samples_of_a_harmonic_bond_lie_on_its_curve() -> None:
    stiffness, length, n_samples = 20.0, 4.0, 200_000
    generator = torch.Generator().manual_seed(4)
    width = sqrt(KT / 2 / stiffness)
    trials = length + width * torch.randn(2 * n_samples, generator=generator).double()
    # Accepting with r² / r_max² turns the Gaussian into r² times the Gaussian.
    accepted = torch.rand(2 * n_samples, generator=generator) < trials**2 / trials.max() ** 2
    samples = trials[accepted][:n_samples]
    bins = torch.linspace(length - 3 * width, length + 3 * width, 31).double()
    counts = torch.histogram(samples, bins).hist
    harmonic = observable("bond", lambda r: stiffness * (r - length) ** 2)
    density = boltzmann_density(harmonic, bins, TEMPERATURE)
    assert density is not None
    expected = density * bins.diff() * counts.sum()
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    assert abs(chi_squared - 29) < 4 * sqrt(2 * 29)
    plain = torch.exp(-stiffness * ((bins[1:] + bins[:-1]) / 2 - length) ** 2 / KT)
    without_jacobian = plain / plain.sum() * counts.sum()
    assert float(((counts - without_jacobian) ** 2 / without_jacobian).sum()) > 10 * 29
