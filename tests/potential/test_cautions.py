from dataclasses import replace
from math import radians

import torch

from autograin_cli.potential.cautions import cautions
from autograin_cli.potential.potential import Channel
from autograin_cli.potential.regression import Solution
from autograin_cli.potential.terms import Table, Term

NOTHING = torch.empty(0, dtype=torch.float64)
TERM = Term(
    name="bond A-B",
    coordinate="bond",
    form="harmonic",
    beads=torch.tensor([[0, 1]]),
    parameter_names=("k", "r0"),
    parameters=torch.tensor([300.0, 4.0]).double(),
    parameter_errors=torch.tensor([10.0, 0.01]).double(),
    parameter_units=("kJ/(mol Å²)", "Å"),
    knots=NOTHING,
    sampled_low=3.5,
    sampled_high=4.5,
    counts=torch.zeros(2, dtype=torch.int64),
    energy_errors=torch.zeros(2, dtype=torch.float64),
    table=Table(3.5, 4.5, torch.zeros(2).double(), torch.zeros(2).double(), 1.0, False),
)
ANGLE = replace(
    TERM,
    name="angle A-B-C",
    coordinate="angle",
    form="spline",
    beads=torch.tensor([[0, 1, 2]]),
    sampled_low=radians(90),
    sampled_high=radians(178),
)
DIHEDRAL = replace(
    ANGLE, name="dihedral A-B-C-D", coordinate="dihedral", beads=torch.tensor([[0, 1, 2, 3]])
)
GOOD = Channel("bond", 0.7, 0.01, 0.71, 0.01)


def told(
    *terms: Term,
    channels: tuple[Channel, ...] = (GOOD,),
    undetermined: tuple[int, ...] = (),
    bridged: tuple[tuple[float, float], ...] = (),
) -> tuple[str, ...]:
    solution = Solution(NOTHING, NOTHING, NOTHING, undetermined)
    return cautions(terms, channels, solution, tuple(bridged for _ in terms))


def test_a_sound_potential_needs_no_warning() -> None:
    assert told(TERM) == ()
    assert told(TERM, ANGLE) == ()


def test_a_stiffness_below_zero_is_said_with_its_term_and_value() -> None:
    (warning,) = told(replace(TERM, parameters=torch.tensor([-3.0, 4.0]).double()))
    assert "bond A-B: k = -3 ± 10 kJ/(mol Å²) does not confine it" in warning


def test_a_stiffness_within_its_error_is_said() -> None:
    (warning,) = told(replace(TERM, parameters=torch.tensor([12.0, 4.0]).double()))
    assert "cannot be told from zero" in warning


def test_a_constant_coordinate_is_said_once() -> None:
    (warning,) = told(replace(TERM, sampled_low=4.0, sampled_high=4.0), undetermined=(0,))
    assert "bond A-B is constant (4.000 Å)" in warning


def test_terms_that_share_their_energy_are_said() -> None:
    (warning,) = told(TERM, ANGLE, undetermined=(1,))
    assert "angle A-B-C (90.0 degrees to 178.0 degrees)" in warning


def test_a_barrier_is_said_with_its_ends_in_degrees() -> None:
    (warning,) = told(ANGLE, bridged=((radians(100), radians(120)),))
    assert "angle A-B-C was never seen between 100.0 degrees and 120.0 degrees" in warning


def test_dihedrals_beside_a_straight_angle_are_doubted() -> None:
    warnings = told(ANGLE, DIHEDRAL)
    assert any("angle A-B-C reaches 178.0 degrees" in warning for warning in warnings)


def test_an_explanation_of_less_than_nothing_is_said() -> None:
    (warning,) = told(TERM, channels=(replace(GOOD, r_squared=-0.2),))
    assert "less than nothing" in warning and "-0.200" in warning


def test_in_many_dimensions_the_ceiling_is_said_to_be_a_lower_bound() -> None:
    (warning,) = told(replace(DIHEDRAL, sampled_low=-3.1, sampled_high=3.1))
    assert "lower bounds: 4 beads have 6 internal coordinates" in warning
