"""NeuralPotential: the mean of networks, as a part of a force field."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.batches import seeded
from autograin_cli.potential.neural.graphs import graph_of
from autograin_cli.potential.neural.network import Network, energies, energy_and_forces
from autograin_cli.potential.neural.potential import (
    NeuralPotential,
    TrainingHistory,
    cast,
    detached,
    spread_of,
)
from autograin_cli.potential.neural.trainable import Scales, Trainable
from autograin_cli.settings import NeuralSettings
from tabulated_liquids import isolated_chain, mixture, placed, triclinic

BOX = triclinic(19.0)
NAMES = ("C", "B", "A")  # not in the order of the frames


def network(seed: int, cutoff: float) -> Network:
    settings = NeuralSettings(neural_cutoff=cutoff, features=6, moments=3)
    module = Trainable(3, settings, Scales(10.0, (1.0, 10.0)), seeded(seed))
    return detached(module.double().network())


def neural(*networks: Network) -> NeuralPotential:
    nothing = torch.zeros(0, dtype=torch.float64)
    histories = tuple(TrainingHistory(nothing, nothing, nothing) for _ in networks)
    return NeuralPotential(NAMES, networks, (), None, None, histories, 1)


ONE, OTHER = network(0, 5.0), network(1, 4.0)
BOTH = neural(ONE, OTHER)


def frames() -> Tensor:
    return torch.cat([placed(mixture(), BOX, seed) for seed in range(3)])


def alone(of: Network, positions: Tensor) -> tuple[Tensor, Tensor]:
    system = mixture().system
    return energy_and_forces(of, graph_of([(positions, BOX)], system, NAMES, of.cutoff))


def test_the_energy_of_a_frame_is_the_mean_over_the_networks_of_the_sum_over_its_beads() -> None:
    found = BOTH.energy(frames(), BOX, mixture().system)
    plain = [(alone(ONE, x)[0].sum() + alone(OTHER, x)[0].sum()) / 2 for x in frames()]
    torch.testing.assert_close(found, torch.stack(plain), rtol=1e-12, atol=1e-12)
    assert BOTH.cutoff == 5.0


def test_networks_add_their_forces_to_those_of_the_prior() -> None:
    force_field = replace(mixture(), neural=BOTH)
    added = force_field.forces(frames(), BOX) - force_field.prior.forces(frames(), BOX)
    plain = [(alone(ONE, x)[1] + alone(OTHER, x)[1]) / 2 for x in frames()]
    torch.testing.assert_close(added, torch.stack(plain), rtol=1e-9, atol=1e-9)


def test_copies_without_a_box_have_the_energies_of_each_alone() -> None:
    chain = isolated_chain()
    single = ForceField(chain.system, chain.potentials, None, BOTH)
    double = single.with_system(chain.system.with_copies([2]))
    random = torch.Generator().manual_seed(2)
    copies = torch.randn(2, 4, 3, generator=random, dtype=torch.float64)
    energy = double.energy(copies.reshape(1, 8, 3), None)
    expected = single.energy(copies, None).sum()
    assert float(energy) == pytest.approx(float(expected), rel=1e-12)


def test_single_precision_is_that_of_the_positions() -> None:
    exact = BOTH.energy(frames(), BOX, mixture().system)
    rounded = BOTH.energy(frames().float(), BOX, mixture().system)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded.double(), exact, rtol=1e-5, atol=1e-4)
    assert cast(ONE, torch.float32).interactions[0].moments[1].left.dtype == torch.float32


def test_a_network_that_is_detached_has_no_derivatives() -> None:
    module = Trainable(3, NeuralSettings(features=4), Scales(1.0, (1.0, 1.0)), seeded(0))
    graph = graph_of([(frames()[0], BOX)], mixture().system, NAMES, 6.0)
    graph = replace(graph, apart=graph.apart.float())
    assert energies(module.network(), graph).requires_grad
    assert not energies(detached(module.network()), graph).requires_grad


def test_the_spread_is_the_rms_component_of_the_standard_deviation() -> None:
    forces = torch.randn(4, 7, 5, 3, generator=seeded(1), dtype=torch.float64)
    deviations = ((forces - forces.mean(0)).square().sum(0) / 3).sqrt()
    torch.testing.assert_close(spread_of(forces), deviations.square().mean(-1).sqrt())


def test_beads_of_a_type_that_no_network_knows_are_refused() -> None:
    stranger = replace(BOTH, type_names=("A", "B", "D"))
    with pytest.raises(InputError, match="beads of type C"):
        stranger.energy(frames(), BOX, mixture().system)
