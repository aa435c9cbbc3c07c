from dataclasses import replace

import pytest
import torch

from autograin_cli.errors import SettingError
from autograin_cli.geometry import coordinates
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.start import prepare, start_positions
from autograin_cli.simulation.timestep import default_timestep
from tabulated import chain, potential, structures, table, term

MASSES = torch.tensor([15.0, 30.0, 22.0, 41.0], dtype=torch.float64)


def test_replicas_spread_over_the_range_of_the_reference_and_stay_in_it() -> None:
    given = chain()
    positions = start_positions(given, structures(1), 500, seed=1)
    for one in given.terms:
        q = coordinates(one.coordinate, positions, one.beads)
        width = one.sampled_high - one.sampled_low
        assert float(q.min()) > one.sampled_low - 0.02 * width
        assert float(q.max()) < one.sampled_high + 0.02 * width
        uniform = width / 12**0.5
        assert torch.allclose(q.std(0), torch.tensor(uniform).double(), rtol=0.1), one.name


def test_each_well_of_a_dihedral_has_the_share_of_replicas_of_the_reference() -> None:
    given = chain()
    dihedral = given.terms[3]
    counts = torch.zeros_like(dihedral.counts)
    counts[150], counts[600] = 300, 100  # of 721 points: -105 and 120 degrees
    given = replace(given, terms=(*given.terms[:3], replace(dihedral, counts=counts)))
    positions = start_positions(given, structures(1), 400, seed=2)
    q = coordinates("dihedral", positions, dihedral.beads).rad2deg()
    first = ((q + 105).abs() < 3).sum()
    assert int(first + ((q - 120).abs() < 3).sum()) >= 396
    assert abs(int(first) - 300) < 4 * (400 * 0.75 * 0.25) ** 0.5


def test_no_draw_lies_beyond_the_sampled_range() -> None:
    coarse = table(lambda r: (r - 3) ** 2, 2.0, 4.0, points=3, wall=1.0, periodic=False)
    given = potential(term("bond A-A", [[0, 1]], coarse, sampled=(2.6, 3.7)))
    one = replace(given.terms[0], counts=torch.tensor([5, 0, 5]))
    positions = start_positions(replace(given, terms=(one,)), structures(1)[:, :2], 50, seed=0)
    lengths = coordinates("bond", positions, one.beads)
    assert float(lengths.min()) == pytest.approx(2.6, abs=1e-6)
    assert float(lengths.max()) == pytest.approx(3.7, abs=1e-6)


def test_beads_in_a_straight_row_are_bent() -> None:
    row = 3.0 * torch.arange(4)[None, :, None] * torch.tensor([0.6, 0.0, 0.8])
    positions = start_positions(chain(), row, 100, seed=0)
    bends = coordinates("angle", positions, chain().terms[2].beads)
    assert torch.all((bends > 1.65) & (bends < 2.25))


def test_beads_on_one_point_are_pulled_apart() -> None:
    positions = start_positions(chain(), torch.zeros(1, 4, 3), 20, seed=0)
    lengths = coordinates("bond", positions, chain().terms[0].beads)
    assert torch.all((lengths > 2.85) & (lengths < 3.15))


def test_a_ring_that_cannot_meet_all_draws_stays_near_them() -> None:
    sides = table(lambda r: 100 * (r - 3) ** 2, 2.5, 3.5, wall=200.0, periodic=False)
    ring = potential(term("bond A-A", [[0, 1], [1, 2], [0, 2]], sides))
    angles = table(lambda a: 9 * (a - 1.0) ** 2, 0.8, 2.0, wall=20.0, periodic=False)
    strained = replace(ring, terms=(*ring.terms, term("angle A-A-A", [[0, 1, 2]], angles)))
    positions = start_positions(strained, structures(1)[:, :3], 100, seed=0)
    lengths = coordinates("bond", positions, ring.terms[0].beads)
    assert torch.all((lengths > 1.5) & (lengths < 5.0))


def test_structures_are_taken_in_turn() -> None:
    given = potential()
    two = torch.stack((torch.zeros(4, 3), 100 * torch.ones(4, 3)))
    means = start_positions(given, two, 5, seed=0).mean((1, 2))
    assert (means > 50).tolist() == [False, True, False, True, False]


def test_one_seed_gives_one_start() -> None:
    first, again, other = (start_positions(chain(), structures(1), 3, seed) for seed in (4, 4, 5))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_what_the_settings_leave_open_is_chosen() -> None:
    start = prepare(chain(), structures(1), MASSES, SimulationSettings(replicas=7, interval=1.0))
    assert start.positions.shape == (7, 4, 3)
    assert start.temperature == 300.0
    longest = default_timestep(chain(), start.positions, MASSES)
    assert start.timestep == pytest.approx(longest, rel=0.2)
    assert 1.0 / start.timestep == pytest.approx(round(1.0 / start.timestep), abs=1e-9)


def test_the_time_step_depends_on_the_model_alone() -> None:
    settings = [
        SimulationSettings(replicas=1, seed=1),
        SimulationSettings(replicas=9, seed=2, friction=3.0, temperature=400.0),
    ]
    first, second = (prepare(chain(), structures(1), MASSES, chosen) for chosen in settings)
    assert first.timestep == second.timestep


def test_what_the_settings_say_is_done() -> None:
    settings = SimulationSettings(replicas=2, temperature=0.0, timestep=0.005, interval=0.5)
    start = prepare(chain(), structures(1), MASSES, settings)
    assert (start.temperature, start.timestep) == (0.0, 0.005)


def test_unknown_masses_are_asked_for() -> None:
    with pytest.raises(SettingError, match=r"--masses.*--topology"):
        prepare(chain(), structures(1), None, SimulationSettings())
