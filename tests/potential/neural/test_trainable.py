"""The module that is trained: first weights, filters, scales."""

import pytest
import torch

from autograin_cli.potential.neural.batches import seeded
from autograin_cli.potential.neural.convolution import convolve
from autograin_cli.potential.neural.graphs import graph_of
from autograin_cli.potential.neural.network import Network, edges_of, weights_of
from autograin_cli.potential.neural.potential import detached
from autograin_cli.potential.neural.trainable import Scales, Trainable, drawn
from autograin_cli.settings import NeuralSettings
from tabulated_liquids import mixture, placed, triclinic

SETTINGS = NeuralSettings(neural_cutoff=6.0, features=16, moments=4)


def network(seed: int = 0, force: float = 1.0, near: tuple[float, float] = (1.0, 1.0)) -> Network:
    return detached(Trainable(3, SETTINGS, Scales(force, near), seeded(seed)).network())


def test_one_seed_gives_one_network_and_leaves_other_random_numbers_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first, second, other = network(0), network(0), network(1)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(first.readout, second.readout)
    assert not torch.equal(first.readout, other.readout)


def test_the_last_three_control_points_of_every_filter_are_zero() -> None:
    for layer in network().interactions:
        for filters in (layer.filters, *(moments.filters for moments in layer.moments)):
            assert not filters[:, -3:].any()
            assert filters[:, :-3].abs().amax(2).min() > 0


@pytest.mark.parametrize(("rank", "n_moments"), [(0, 0), (1, 1), (2, 2)])
def test_there_are_as_many_ranks_as_asked_for(rank: int, n_moments: int) -> None:
    settings = NeuralSettings(rank=rank, features=8)
    module = Trainable(2, settings, Scales(1.0, (1.0, 1.0)), seeded(0))
    assert all(len(layer.moments) == n_moments for layer in module.network().interactions)


def test_a_longer_cutoff_has_no_coarser_grid() -> None:
    for cutoff in (3.0, 6.0, 13.0):
        settings = NeuralSettings(neural_cutoff=cutoff, features=8)
        net = Trainable(1, settings, Scales(1.0, (1.0, 1.0)), seeded(0)).network()
        assert net.spacing <= 0.15 + 1e-12 and net.n_cells >= 40


@pytest.mark.parametrize("edge", [17.0, 22.0])
def test_first_messages_are_of_one_size_however_many_beads_pass_them(edge: float) -> None:
    liquid, box = mixture(), triclinic(edge)
    graph = graph_of([(placed(liquid, box)[0], box)], liquid.system, ("A", "B", "C"), 6.0)
    inside = 2 * graph.n_inside / len(graph.types)
    net = network(near=(inside, 2 * len(graph.first) / len(graph.types) - inside))
    points = net.interactions[0].filters.flatten(0, 1)
    x = torch.randn(len(graph.types), 16, generator=seeded(5))
    weights = weights_of(net, graph.apart.float())[0]
    messages = convolve(x, weights, points, edges_of(net, graph), 16)
    assert 0.15 < float(messages.square().mean().sqrt()) < 0.6


def test_energies_are_in_units_of_the_residual_forces() -> None:
    torch.testing.assert_close(network(force=50.0).energies, 50 * network().energies)


def test_drawn_matrices_keep_the_size_of_a_row() -> None:
    rows = torch.randn(200, 64, generator=seeded(1))
    turned = rows @ drawn((64, 48), seeded(2)).detach()
    assert float(turned.square().mean()) == pytest.approx(1.0, abs=4 * (2 / (64 * 48)) ** 0.5)
