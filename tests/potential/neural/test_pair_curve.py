"""The pair potential of two lone beads: by hand, by the force field, and far away."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from torch import Tensor

from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.neural.network import Interaction, Network
from autograin_cli.potential.neural.pair_curve import pair_curve
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.potential.pair import Nonbonded
from autograin_cli.potential.potential import Potential
from autograin_cli.system import Component, System
from example_artifacts import example

CUTOFF, N_CELLS = 6.0, 8
POINTS = torch.tensor([3.0, -2.0, 1.0, 0.5, -0.7, 0.2, 0.4, -0.1, 0, 0, 0], dtype=torch.float64)


def by_hand() -> NeuralPotential:
    """One feature, one interaction without moments: few enough weights to write the energy out."""

    def weights(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    layer = Interaction(
        mixing=weights(0.9)[None],
        filters=torch.stack((torch.zeros(11, dtype=torch.float64), POINTS))[..., None],
        moments=(),
        hidden=weights(1.3)[None],
        hidden_bias=weights(0.4),
        update=weights(-0.8)[None],
    )
    network = Network(
        cutoff=CUTOFF,
        embedding=weights(0.6, -1.1)[:, None],
        interactions=(layer,),
        readout=weights(1.7)[None],
        readout_bias=weights(-0.2),
        energies=weights(5.0),
    )
    return NeuralPotential(("A", "B"), (network,), (), None, None, (), 1)


def expected(r: Tensor, first: float, second: float) -> Tensor:
    """The energy of the network of `by_hand`, written out; embeddings of the two beads."""
    spacing = CUTOFF / N_CELLS
    knots = spacing * np.arange(-3, N_CELLS + 4)
    spline = BSpline(knots, POINTS.numpy(), 3, extrapolate=False)
    w = torch.from_numpy(np.nan_to_num(spline(r.numpy())))
    silu = torch.nn.functional.silu

    def bead(own: float, other: float) -> Tensor:
        x = own - 0.8 * silu(1.3 * w * 0.9 * other + 0.4)
        return 5.0 * silu(1.7 * x - 0.2)

    return bead(first, second) + bead(second, first)


@pytest.mark.parametrize(
    ("types", "embeddings"), [(("A", "A"), (0.6, 0.6)), (("A", "B"), (0.6, -1.1))]
)
def test_the_pair_curve_of_a_network_set_by_hand_is_its_energy_written_out(
    types: tuple[str, str], embeddings: tuple[float, float]
) -> None:
    r = torch.linspace(0.5, 5.9, 50, dtype=torch.float64)
    apart = expected(torch.tensor([CUTOFF], dtype=torch.float64), *embeddings)
    curve = pair_curve(by_hand(), None, types, r)
    assert torch.allclose(curve, expected(r, *embeddings) - apart, rtol=1e-10, atol=1e-12)
    assert float(curve.abs().max()) > 1.0


def liquid() -> tuple[NeuralPotential, Nonbonded]:
    """Networks of rank 2 and 0 to 6 Å, and pair terms to 10 Å, of two types."""
    neural, nonbonded = example("neural potential").neural, example("liquid potential").nonbonded
    assert neural is not None and nonbonded is not None
    return neural, nonbonded


TYPES = ("OTP:A", "OTP:B")


def test_the_pair_curve_is_what_the_force_field_gives_two_molecules_of_one_bead() -> None:
    neural, nonbonded = liquid()
    parts = tuple(
        Component(name, (name,), torch.zeros(0, 2, dtype=torch.int64), None, 1) for name in TYPES
    )
    nothing = tuple(Potential(name, 300.0, (), (), "sum", 1) for name in TYPES)
    field = ForceField(System(parts), nothing, nonbonded, neural)
    r = torch.tensor([2.0, 3.7, 5.5, 6.5, 9.0, 40.0], dtype=torch.float64)
    direction = torch.tensor([0.6, 0.0, 0.8], dtype=torch.float64)
    positions = torch.stack((torch.zeros(6, 3, dtype=torch.float64), r[:, None] * direction), 1)
    energy = field.energy(positions, 100 * torch.eye(3, dtype=torch.float64))
    curve = pair_curve(neural, nonbonded, TYPES, r)
    assert torch.allclose(curve, energy - energy[-1], rtol=1e-9, atol=1e-9)
    assert torch.equal(pair_curve(neural, nonbonded, TYPES[::-1], r), curve)


def test_the_pair_curve_is_zero_far_away_and_reaches_it_smoothly() -> None:
    neural, nonbonded = liquid()
    far = torch.tensor([10.0, 12.0, 1e6], dtype=torch.float64)
    assert pair_curve(neural, nonbonded, TYPES, far).tolist() == [0.0, 0.0, 0.0]
    beyond = torch.tensor([6.0, 7.0], dtype=torch.float64)
    assert pair_curve(neural, None, TYPES, beyond).tolist() == [0.0, 0.0]
    # Two derivatives vanish at the cutoff: the curve is of third order in the distance to it.
    near = 6.0 - torch.tensor([0.02, 0.01], dtype=torch.float64)
    one, other = pair_curve(neural, None, TYPES, near).tolist()
    assert one / other == pytest.approx(8.0, rel=0.05)


def test_a_pair_without_a_term_feels_the_networks_alone() -> None:
    neural, nonbonded = liquid()
    r = torch.linspace(2.0, 5.0, 7, dtype=torch.float64)
    bare = replace(nonbonded, terms=nonbonded.terms[1:])
    with_term = pair_curve(neural, nonbonded, TYPES, r) - pair_curve(neural, bare, TYPES, r)
    assert torch.allclose(with_term, nonbonded.terms[0].evaluate(r)[0], rtol=1e-9, atol=1e-9)
    assert torch.equal(pair_curve(neural, bare, TYPES, r), pair_curve(neural, None, TYPES, r))
