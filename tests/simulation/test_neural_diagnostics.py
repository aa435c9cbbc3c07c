"""Diagnostics of runs with a network: nothing of it is left out, and extrapolation is seen."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.boxes import Reference
from autograin_cli.simulation.cautions import cautions
from autograin_cli.simulation.diagnostics import Source
from autograin_cli.simulation.engine import Snapshot, Start
from autograin_cli.simulation.evaluation import Evaluator
from autograin_cli.simulation.neural import NeuralEngine
from autograin_cli.simulation.neural_forces import NeuralForces
from autograin_cli.simulation.neural_timestep import network_frequency
from autograin_cli.simulation.neural_timestep import with_network as with_network_timestep
from autograin_cli.simulation.simulation import Simulation
from autograin_cli.simulation.system_diagnostics import diagnostics_of
from autograin_cli.simulation.system_start import prepare_system
from autograin_cli.system import Configuration
from autograin_cli.units import ACCELERATION, BOLTZMANN
from tabulated import structures
from tabulated_liquids import argon, cubic, dumbbells, isolated_chain, placed, triclinic
from tabulated_networks import with_network

BOX = triclinic(21.0)


def test_an_evaluation_has_the_energy_the_forces_and_the_virial_of_the_whole() -> None:
    """The virial is minus the derivative of the energy by the logarithm of all lengths."""
    field = with_network(dumbbells(), n_networks=2)
    x = placed(field, BOX)
    found = Evaluator(field, BOX)(x[0])
    torch.testing.assert_close(found.forces, field.forces(x, BOX)[0], rtol=1e-4, atol=1e-4)
    step = 1e-4
    wide, narrow = (float(field.energy(scale * x, scale * BOX)) for scale in (1 + step, 1 - step))
    assert found.energy == pytest.approx(float(field.energy(x, BOX)), rel=1e-5)
    assert found.virial == pytest.approx((narrow - wide) / (2 * step), rel=1e-4)
    network = field.energy(x, BOX) - field.prior.energy(x, BOX)
    assert abs(float(network)) > 1e-2 * abs(found.energy)


def test_in_double_precision_forces_are_minus_the_gradient() -> None:
    field = with_network(dumbbells())
    assert field.neural is not None
    x = placed(field, BOX)
    networks = NeuralForces(field.neural, field.system, BOX, dtype=torch.float64)
    plain = field.forces(x, BOX) - field.prior.forces(x, BOX)
    torch.testing.assert_close(networks(x)[1], plain, rtol=1e-9, atol=1e-9)
    state = networks.in_full(x)
    torch.testing.assert_close(state.forces, plain, rtol=1e-9, atol=1e-9)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    turned = NeuralForces(field.neural, field.system, BOX @ turn, dtype=torch.float64)
    torch.testing.assert_close(turned.in_full(x @ turn).virial, state.virial)


def record(field: ForceField, frames: list[Tensor], box: Tensor | None) -> Simulation:
    """Diagnostics of frames, as if a run had yielded them."""
    masses = field.system.masses
    assert masses is not None
    start = Start(frames[0], masses, 120.0, 0.005, box)
    diagnostics = diagnostics_of(Source(field, start, SimulationSettings(), "builtin", "cpu"))
    none = torch.zeros(len(frames[0]), dtype=torch.float64)
    outside = torch.zeros(len(field.term_names), dtype=torch.float64)
    for x in frames:
        diagnostics.add(Snapshot(1, 0.005, x, torch.zeros_like(x), none, none, outside))
    return diagnostics.result()


def laplacian(field: ForceField, x: Tensor, box: Tensor | None) -> float:
    """Of the energy of one frame, from the diagonal of its second derivatives, kJ/(mol Å²)."""
    total, step = 0.0, 1e-3
    for index in range(x[0].numel()):
        move = torch.zeros_like(x).flatten()
        move[index] = step
        move = move.reshape(x.shape)
        ahead, behind = (field.forces(x + sign * move, box).flatten()[index] for sign in (1, -1))
        total += float(behind - ahead) / (2 * step)
    return total


def test_the_configurational_temperature_of_a_molecule_has_the_network_in_it() -> None:
    alone = replace(isolated_chain(), nonbonded=None)
    field, x = with_network(alone, scale=1000.0), structures(1, noise=0.4)
    found = record(field, [x.expand(4000, -1, -1).contiguous()], None)
    exact = float(field.forces(x, None).square().sum()) / laplacian(field, x, None) / BOLTZMANN
    prior = alone.forces(x, None).square().sum() / laplacian(alone, x, None) / BOLTZMANN
    error = found.configurational_temperature_error
    assert abs(found.configurational_temperature - exact) < 4 * error
    assert abs(float(prior) - exact) > 8 * error


@pytest.mark.parametrize("isolated", [False, True])
def test_where_networks_disagree_more_than_on_frames_held_out_is_told(isolated: bool) -> None:
    known = replace(isolated_chain(), nonbonded=None) if isolated else argon()
    box = None if isolated else cubic(18.0)
    field = with_network(known, n_networks=3)
    assert field.neural is not None
    x = structures(500, noise=0.2) if isolated else placed(field, cubic(18.0))
    n_frames = len(x)
    networks = NeuralForces(field.neural, field.system, box, n_frames)
    spread = networks.in_full(x).spread
    assert spread is not None
    rms, high = float(spread.square().mean().sqrt()), float(spread.quantile(0.999))
    field = replace(field, neural=replace(field.neural, spread=rms, spread_high=high))
    here = record(field, [x], box)
    assert here.spread == pytest.approx(rms, rel=1e-4)
    assert here.extrapolated is not None and here.extrapolated <= 0.01
    assert not any("networks disagree" in one for one in cautions(here, field))
    squeezed = record(field, [0.78 * x], None if box is None else 0.78 * box)
    assert squeezed.extrapolated is not None and squeezed.extrapolated > 0.04
    (told,) = (one for one in cautions(squeezed, field) if "networks disagree" in one)
    assert "outside of what they were trained on" in told


def test_a_single_network_has_no_spread() -> None:
    field = with_network(argon())
    found = record(field, [placed(field, cubic(18.0))], cubic(18.0))
    assert found.spread is None and found.extrapolated is None
    assert found.pressure is not None


def test_a_run_says_how_far_its_networks_disagree() -> None:
    field = with_network(argon(), n_networks=2, spread_high=1e-6)
    box, masses = cubic(18.0), field.system.masses
    assert masses is not None
    start = Start(placed(field, box), masses, 120.0, 0.005, box)
    settings = SimulationSettings(time=0.02, interval=0.01, equilibration=0.0, threads=1)
    diagnostics = diagnostics_of(Source(field, start, settings, "builtin", "cpu"))
    for snapshot in NeuralEngine(1).run(field, start, settings):
        diagnostics.add(snapshot)
    found = diagnostics.result()
    assert found.extrapolated == 1.0
    assert found.spread is not None and found.spread > 1e-3


def test_molecules_without_pair_terms_are_alone_for_the_network_as_when_it_was_trained() -> None:
    field = with_network(replace(dumbbells(), nonbonded=None))
    x = placed(field, BOX)
    frame = Configuration(x[0], BOX)
    shape = torch.tensor([[0.0, 0.0, 0.0], [2.5, 0.0, 0.0]], dtype=torch.float64)
    settings = SimulationSettings(time=1.0, interval=1.0)
    chosen, start = prepare_system(field, Reference((shape,), (40.0,), frame), settings)
    assert chosen.system.n_molecules == 1 and start.box is None
    alone = field.with_system(field.system.with_copies((1,)))
    one_by_one = alone.energy(x.reshape(-1, 2, 3), None).sum()
    torch.testing.assert_close(field.energy(x, BOX)[0], one_by_one, rtol=1e-10, atol=0.0)


def test_the_time_step_is_shorter_where_the_network_is_stiff() -> None:
    """Against all second derivatives of a small molecule; power iteration comes from below."""
    alone = replace(isolated_chain(), nonbonded=None)
    field, x = with_network(alone, scale=500.0), structures(1, noise=0.2)
    masses = field.system.masses
    assert masses is not None
    start, step = Start(x, masses, 120.0, 0.01, None), 1e-4
    columns = []
    for index in range(x.numel()):
        move = torch.zeros(x.numel(), dtype=torch.float64)
        move[index] = step
        ahead, behind = (
            field.forces(x + s * move.reshape(x.shape), None)
            - alone.forces(x + s * move.reshape(x.shape), None)
            for s in (1, -1)
        )
        columns.append(((behind - ahead) / (2 * step)).flatten())
    scale = masses.repeat_interleave(3).sqrt()
    sizes = torch.linalg.eigvalsh(torch.stack(columns) / (scale[:, None] * scale)).abs()
    exact = float(sizes.max() * ACCELERATION) ** 0.5
    found = network_frequency(field, start)
    assert 0.9 * exact < found < 1.001 * exact
    shorter = with_network_timestep(field, start, 1.0).timestep
    assert shorter == pytest.approx((0.01**-2 + (2 * found) ** 2) ** -0.5, rel=0.01)
    assert network_frequency(alone, start) == 0.0
