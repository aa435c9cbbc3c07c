"""The network against its laws: forces, symmetries, smoothness, and derivatives by the weights."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from autograin_cli.potential.neural import network as network_module
from autograin_cli.potential.neural.batches import seeded
from autograin_cli.potential.neural.convolution import convolve_plainly
from autograin_cli.potential.neural.graphs import graph_of
from autograin_cli.potential.neural.learning import gradient_of
from autograin_cli.potential.neural.network import (
    Graph,
    Network,
    energies,
    energies_along,
    energy_and_forces,
)
from autograin_cli.potential.neural.potential import cast, detached, placed
from autograin_cli.potential.neural.trainable import Scales, Trainable
from autograin_cli.settings import NeuralSettings
from autograin_cli.system import System
from fluids import component
from tabulated_liquids import mixture, triclinic
from tabulated_liquids import placed as molecules_in

CUTOFF = 5.0
BOX = triclinic(17.0)
MIXTURE = mixture().system
RANKS = pytest.mark.parametrize("rank", [0, 1, 2])
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]


def module(rank: int, n_types: int = 3) -> Trainable:
    """Random weights, in float64."""
    settings = NeuralSettings(neural_cutoff=CUTOFF, features=6, moments=3, rank=rank)
    return Trainable(n_types, settings, Scales(10.0, (1.0, 10.0)), seeded(rank)).double()


def network(rank: int) -> Network:
    return detached(module(rank).network())


def structure(seed: int = 0) -> Tensor:
    """A dense mixture, Å, (beads, 3)."""
    random = torch.Generator().manual_seed(seed)
    positions = molecules_in(mixture(), BOX, seed)[0]
    return positions + 0.3 * torch.randn(positions.shape, generator=random, dtype=torch.float64)


def graph(positions: Tensor, box: Tensor | None = BOX, system: System = MIXTURE) -> Graph:
    return graph_of([(positions, box)], system, system.type_names, CUTOFF)


def moved(here: Graph, device: str) -> Graph:
    first, second = here.first.to(device), here.second.to(device)
    return Graph(here.types.to(device), first, second, here.n_inside, here.apart.to(device))


def energy(of: Network, positions: Tensor, box: Tensor | None = BOX) -> float:
    return float(energies(of, graph(positions, box)).sum())


def turned() -> Tensor:
    """A rotation about no axis of the box."""
    skew = torch.tensor([[0.0, -0.7, 0.4], [0.7, 0.0, -1.1], [-0.4, 1.1, 0.0]])
    return torch.linalg.matrix_exp(skew.double())


@RANKS
def test_forces_are_minus_the_gradient_of_the_energy(rank: int) -> None:
    of, positions, h = network(rank), structure(), 2e-5
    forces = energy_and_forces(of, graph(positions))[1]
    random = torch.Generator().manual_seed(5)
    for _ in range(3):
        along = torch.randn(positions.shape, generator=random, dtype=torch.float64)
        one, two = (
            (energy(of, positions + k * h * along) - energy(of, positions - k * h * along)) / k
            for k in (1, 2)
        )
        slope = (4 * one - two) / (6 * h)
        size = float((forces * along).abs().sum())
        assert float((forces * along).sum()) == pytest.approx(-slope, abs=1e-9 * size)


@RANKS
def test_forces_of_single_precision_are_right_to_five_digits(rank: int) -> None:
    of, exact = network(rank), graph(structure())
    single = replace(exact, apart=exact.apart.float())
    forces = energy_and_forces(of, exact)[1]
    rounded = energy_and_forces(cast(of, torch.float32), single)[1]
    assert float((rounded - forces).abs().max()) < 1e-5 * float(forces.abs().max())


@RANKS
@pytest.mark.parametrize("mirror", [1.0, -1.0], ids=["rotation", "reflection"])
def test_a_turned_frame_has_the_same_energy_and_turned_forces(rank: int, mirror: float) -> None:
    of, positions, turn = network(rank), structure(), mirror * turned()
    shift = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    before, pulls = energy_and_forces(of, graph(positions))
    after, turned_pulls = energy_and_forces(of, graph(positions @ turn + shift, BOX @ turn))
    torch.testing.assert_close(after, before, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(turned_pulls, pulls @ turn, rtol=1e-9, atol=1e-9)


@RANKS
def test_identical_beads_and_molecules_can_be_exchanged(rank: int) -> None:
    of, positions = network(rank), structure()
    mirrored = positions.clone()
    mirrored[:4] = positions[:4].flip(0)  # ABBA read from its other end
    exchanged = positions.clone()
    exchanged[:4], exchanged[8:12] = positions[8:12], positions[:4]
    exchanged[-1], exchanged[-5] = positions[-5], positions[-1]
    for other in (mirrored, exchanged):
        assert energy(of, other) == pytest.approx(energy(of, positions), rel=1e-12)


@RANKS
def test_types_of_beads_are_told_apart(rank: int) -> None:
    of, positions = network(rank), structure()
    positions[[0, -1]] = positions[[-1, 0]]
    assert energy(of, positions) != pytest.approx(energy(of, structure()), rel=1e-6)


@RANKS
def test_energies_of_far_copies_add_up(rank: int) -> None:
    of, system = network(rank), System((component("AB", "AB", 3), component("C", "C", 2)))
    random = torch.Generator().manual_seed(1)
    cluster = 2.0 * torch.randn(8, 3, generator=random, dtype=torch.float64)
    box, far = 60.0 * torch.eye(3, dtype=torch.float64), torch.tensor([30.0, 0, 0]).double()
    alone = energies(of, graph(cluster, box, system))
    double = system.with_copies([6, 4])
    both = torch.cat((cluster[:6], cluster[:6] + far, cluster[6:], cluster[6:] + far))
    together = energies(of, graph(both, box, double))
    assert float(together.sum()) == pytest.approx(2 * float(alone.sum()), rel=1e-12)


@RANKS
def test_energy_and_two_derivatives_of_it_vanish_at_the_cutoff(rank: int) -> None:
    """So the energy falls with the cube of the distance to the cutoff: by eight for a half."""
    of, system = network(rank), System((component("C", "C", 2),))
    box, names = 60.0 * torch.eye(3, dtype=torch.float64), ("A", "B", "C")

    def pair(r: float) -> float:
        positions = torch.tensor([[0.0, 0, 0], [0.6 * r, 0, 0.8 * r]]).double()
        return float(energies(of, graph_of([(positions, box)], system, names, CUTOFF)).sum())

    apart = pair(CUTOFF + 1)
    far, near = (pair(CUTOFF - way) - apart for way in (0.01, 0.02))
    assert near / far == pytest.approx(8.0, rel=0.05)
    assert abs(pair(2.0) - apart) > 1e-3


@RANKS
def test_the_energy_along_a_direction_is_minus_the_force_on_it(rank: int) -> None:
    of, here = network(rank), graph(structure())
    random = torch.Generator().manual_seed(2)
    along = torch.randn(len(here.types), 3, generator=random, dtype=torch.float64)
    forces = energy_and_forces(of, here)[1]
    slope = float(energies_along(of, here, along).sum())
    assert slope == pytest.approx(-float((forces * along).sum()), rel=1e-10)


@RANKS
@pytest.mark.parametrize("device", DEVICES)
def test_weights_change_the_forces_as_two_derivatives_of_plain_operations_say(
    rank: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, here = module(rank).to(device), graph(structure())
    here = moved(here, device)
    random = torch.Generator().manual_seed(3)
    along = torch.randn(len(here.types), 3, generator=random, dtype=torch.float64).to(device)
    found = gradient_of(-energies_along(trained.network(), here, along).sum(), trained)
    monkeypatch.setattr(network_module, "convolve", convolve_plainly)
    apart = here.apart.clone().requires_grad_()
    total = energies(trained.network(), replace(here, apart=apart)).sum()
    (pull,) = torch.autograd.grad(total, apart, create_graph=True)
    felt = (pull * (along[here.first] - along[here.second])).sum()
    expected = gradient_of(felt, trained)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * float(expected.abs().max()))


@RANKS
@pytest.mark.parametrize("device", DEVICES)
def test_every_device_gives_the_forces_of_the_plain_convolution(
    rank: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, here = network(rank), graph(structure())
    there = moved(here, device)
    found = energy_and_forces(placed(of, device), there)
    monkeypatch.setattr(network_module, "convolve", convolve_plainly)
    expected = energy_and_forces(of, here)
    for ours, plain in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), plain, rtol=1e-10, atol=1e-10)
