"""A run that may mislead says so; one that went well is silent."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
import torch

from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.potential import Potential
from autograin_cli.potential.terms import Table, Term
from autograin_cli.simulation.cautions import cautions
from autograin_cli.simulation.simulation import Convergence, Simulation
from autograin_cli.system import Component, System
from tabulated_networks import neural

FLAT = Table(1.0, 2.0, torch.zeros(2).double(), torch.zeros(2).double(), 1.0, periodic=False)
BOND = Term(
    name="bond A-B",
    coordinate="bond",
    form="harmonic",
    beads=torch.tensor([[0, 1]]),
    parameter_names=("k",),
    parameters=torch.ones(1).double(),
    parameter_errors=torch.ones(1).double(),
    parameter_units=("kJ/(mol Å²)",),
    knots=torch.zeros(0).double(),
    sampled_low=1.0,
    sampled_high=2.0,
    counts=torch.ones(2, dtype=torch.int64),
    energy_errors=torch.zeros(2).double(),
    table=FLAT,
)
POTENTIAL = ForceField(
    System((Component("AB", ("A", "B"), torch.tensor([[0, 1]]), None, 1),)),
    (Potential("AB", 300.0, (BOND,), (), "sum", 10),),
    None,
)
RUN = Simulation(
    molecules=("AB",),
    copies=torch.tensor([1]),
    box=None,
    engine="builtin",
    device="cpu",
    temperature=300.0,
    timestep=0.01,
    friction=1.0,
    replicas=4,
    n_frames=100,
    kinetic_temperature=301.0,
    kinetic_temperature_error=0.5,
    configurational_temperature=299.0,
    configurational_temperature_error=2.0,
    pressure=None,
    pressure_error=None,
    outside=torch.tensor([0.009]).double(),
    convergence=(Convergence("bond A-B", 1.009, 101.0),),
)


def test_a_run_that_went_well_gives_no_caution() -> None:
    assert cautions(RUN, POTENTIAL) == ()


@pytest.mark.parametrize(("share", "n_told"), [(0.001, 0), (0.01, 0), (0.011, 1), (1.0, 1)])
def test_networks_that_disagree_on_ten_times_the_usual_share_are_told(
    share: float, n_told: int
) -> None:
    given = replace(POTENTIAL, neural=neural(("A", "B"), 2, spread_high=0.9))
    told = cautions(replace(RUN, spread=2.5, extrapolated=share), given)
    assert len(told) == n_told
    for one in told:
        assert f"on {share:.1%} of the beads" in one
        assert "rms 2.5 kJ/(mol Å) here, 0.3 there" in one


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"convergence": (Convergence("bond A-B", 1.02, 500.0),)}, "bond A-B has not converged"),
        ({"convergence": (Convergence("bond A-B", 1.0, 99.0),)}, "99 effective samples"),
        ({"convergence": (Convergence("bond A-B", inf, 500.0),)}, "bond A-B has not converged"),
        ({"convergence": (Convergence("bond A-B", nan, 500.0),)}, "bond A-B has not converged"),
        ({"kinetic_temperature": 304.0}, "the kinetic temperature is 304.0 ± 0.5 K"),
        ({"configurational_temperature": 290.0}, "the configurational temperature is 290.0"),
        ({"outside": torch.tensor([0.011]).double()}, "beyond the sampled range 1.1% of the time"),
    ],
)
def test_what_may_mislead_is_said(change: dict[str, Any], sentence: str) -> None:
    (told,) = cautions(replace(RUN, **change), POTENTIAL)
    assert sentence in told


def test_another_temperature_than_that_of_the_fit_is_said() -> None:
    colder = replace(POTENTIAL.potentials[0], temperature=250.0)
    (told,) = cautions(RUN, replace(POTENTIAL, potentials=(colder,)))
    assert "fitted at 250 K" in told


def test_without_friction_a_shorter_step_is_not_the_remedy() -> None:
    drifted = replace(RUN, kinetic_temperature=310.0, friction=0.0)
    (told,) = cautions(drifted, POTENTIAL)
    assert "nothing holds it" in told
    assert "--timestep" not in told


def test_a_few_frames_tell_nothing_of_the_temperature() -> None:
    short = replace(RUN, configurational_temperature=250.0, replicas=1, n_frames=9)
    assert cautions(short, POTENTIAL) == ()


def test_a_deviation_within_its_standard_error_is_no_caution() -> None:
    noisy = replace(RUN, kinetic_temperature=290.0, kinetic_temperature_error=3.0)
    assert cautions(noisy, POTENTIAL) == ()
