"""Which molecules run in which box, and where they begin."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.geometry import minimum_image
from autograin_cli.potential.force_field import ForceField
from autograin_cli.settings import SimulationSettings
from autograin_cli.simulation.boxes import Reference
from autograin_cli.simulation.evaluation import Evaluator
from autograin_cli.simulation.packing import packed, relaxed, replicated
from autograin_cli.simulation.system_start import is_isolated, prepare_system
from autograin_cli.simulation.timestep import pair_frequency, system_timestep
from autograin_cli.system import Configuration
from autograin_cli.units import ACCELERATION
from tabulated import structures
from tabulated_liquids import argon, cubic, dumbbells, mixture, placed, triclinic

ROD = torch.tensor([[-1.25, 0.0, 0.0], [1.25, 0.0, 0.0]], dtype=torch.float64)
ONE = torch.zeros(1, 3, dtype=torch.float64)
SHORT = SimulationSettings(interval=1.0)


def reference(
    force_field: ForceField, box: Tensor, shapes: tuple[Tensor, ...], masses: tuple[float, ...]
) -> Reference:
    return Reference(shapes, masses, Configuration(placed(force_field, box)[0], box))


def argon_reference() -> Reference:
    return reference(argon(), cubic(20.0), (ONE,), (40.0,))


def mixture_reference() -> Reference:
    shapes = (structures(1, noise=0.0)[0], ONE)
    return reference(mixture(), cubic(24.0), shapes, (90.0, 40.0))


def test_without_settings_a_run_begins_from_the_frame_of_the_reference() -> None:
    given = argon_reference()
    chosen, start = prepare_system(argon(), given, SHORT)
    assert given.configuration is not None
    assert torch.equal(start.positions[0], given.configuration.positions)
    assert start.box is not None
    assert torch.equal(start.box, cubic(20.0))
    assert chosen.system.n_molecules == 125
    assert len(start.positions) == 1
    assert start.temperature == 300.0


def test_copies_of_the_box_have_copies_of_its_energy() -> None:
    given = mixture_reference()
    settings = replace(SHORT, replicate="2,1,3")
    chosen, start = prepare_system(mixture(), given, settings)
    assert given.configuration is not None
    assert [part.n_copies for part in chosen.system.components] == [72, 360]
    one = Evaluator(mixture(), cubic(24.0))(given.configuration.positions).energy
    many = Evaluator(chosen, start.box)(start.positions[0]).energy
    assert many == pytest.approx(6 * one, rel=1e-9)


@pytest.mark.parametrize("box", [cubic(20.0), triclinic(22.0)])
def test_a_replicated_frame_has_every_bead_at_every_lattice_vector(box) -> None:  # type: ignore[no-untyped-def]
    force_field = dumbbells(8)
    frame = Configuration(placed(force_field, box)[0], box)
    copies = replicated(force_field.system, frame, (1, 2, 1))
    assert copies.box is not None
    assert torch.equal(copies.box, box * torch.tensor([[1.0], [2.0], [1.0]]))
    apart = copies.positions[16:] - copies.positions[:16]
    torch.testing.assert_close(apart, box[1].expand(16, 3))


@pytest.mark.parametrize(
    ("settings", "copies", "volume"),
    [
        ({"molecules": "250"}, 250, 16000.0),
        ({"molecules": "64", "density": 1.0}, 64, 64 * 40 / 0.602214076),
        ({"density": 1.0}, 125, 125 * 40 / 0.602214076),
        ({"box": "20,25,30"}, round(125 * 15000 / 8000), 15000.0),
        ({"box": "22"}, round(125 * 22**3 / 8000), 22.0**3),
        ({"box": "22", "density": 1.0}, round(0.602214076 * 22**3 / 40), 22.0**3),
        ({"box": "22", "molecules": "100"}, 100, 22.0**3),
        ({"molecules": "argon=90"}, 90, 90 * 64.0),
    ],
)
def test_what_two_of_molecules_density_and_box_leave_open_follows(
    settings: dict[str, object], copies: int, volume: float
) -> None:
    chosen, start = prepare_system(argon(), argon_reference(), replace(SHORT, **settings))  # type: ignore[arg-type]
    assert chosen.system.n_molecules == copies
    assert start.box is not None
    assert float(torch.linalg.det(start.box)) == pytest.approx(volume, rel=1e-9)
    assert start.positions.shape == (1, copies, 3)


def test_a_number_of_molecules_is_shared_as_in_the_reference() -> None:
    settings = replace(SHORT, molecules="145", box="36")
    chosen, _ = prepare_system(mixture(), mixture_reference(), settings)
    assert [part.n_copies for part in chosen.system.components] == [24, 121]
    named = replace(SHORT, molecules="chain=7,single=30", box="30")
    chosen, _ = prepare_system(mixture(), mixture_reference(), named)
    assert [part.n_copies for part in chosen.system.components] == [7, 30]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"molecules": "100", "density": 1.0, "box": "30"}, "two of them"),
        ({"molecules": "water=3"}, "one for each of argon"),
        ({"molecules": "0"}, "above 0"),
        ({"density": 0.0}, "density above 0"),
        ({"box": "12"}, "twice the cutoff"),
        ({"box": "20,20"}, "one edge"),
        ({"box": "20,-20,20"}, "one edge"),
        ({"box": "x"}, "one edge"),
        ({"replicate": "2,2"}, "three whole numbers"),
        ({"replicate": "2,2,0"}, "three whole numbers"),
        ({"replicate": "2,2,2", "molecules": "100"}, "one or the other"),
        ({"molecules": "20"}, "twice the cutoff"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, object], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        prepare_system(argon(), argon_reference(), replace(SHORT, **settings))  # type: ignore[arg-type]


def test_a_density_needs_the_masses_of_the_molecules_and_a_vacuum_needs_a_density() -> None:
    unknown = replace(argon_reference(), molecule_masses=(None,))
    with pytest.raises(SettingError, match="--topology"):
        prepare_system(argon(), unknown, replace(SHORT, density=1.0))
    alone = replace(argon_reference(), configuration=None)
    with pytest.raises(SettingError, match="--density"):
        prepare_system(argon(), alone, replace(SHORT, molecules="10"))


def test_without_pair_terms_one_molecule_runs_as_replicas() -> None:
    force_field = replace(dumbbells(), nonbonded=None)
    given = reference(dumbbells(), cubic(20.0), (ROD,), (40.0,))
    chosen, start = prepare_system(force_field, given, SHORT)
    assert chosen.system.n_molecules == 1
    assert start.positions.shape == (64, 2, 3)
    assert start.box is None
    assert is_isolated(chosen, start.box)
    with pytest.raises(SettingError, match="without pair terms"):
        prepare_system(force_field, given, replace(SHORT, molecules="100"))


def test_beads_that_feel_nothing_are_not_simulated() -> None:
    given, nonbonded = argon(), argon().nonbonded
    assert nonbonded is not None
    for free in (None, replace(nonbonded, terms=())):
        with pytest.raises(SettingError, match="without a term"):
            prepare_system(replace(given, nonbonded=free), argon_reference(), SHORT)


def test_a_mixture_without_pair_terms_runs_in_vacuum() -> None:
    force_field = replace(mixture(), nonbonded=None)
    chosen, start = prepare_system(force_field, mixture_reference(), SHORT)
    assert start.box is None
    assert start.positions.shape == (1, 108, 3)
    assert not is_isolated(chosen, start.box)


def test_packed_molecules_are_whole_apart_and_turned_at_random() -> None:
    force_field, box = dumbbells(90), triclinic(26.0)
    positions = packed(force_field.system, (ROD,), box, torch.Generator().manual_seed(1))
    rods = positions[1::2] - positions[::2]
    torch.testing.assert_close(rods.norm(dim=1), torch.full((90,), 2.5).double())
    centres = positions.reshape(90, 2, 3).mean(1)
    apart = minimum_image((centres[:, None] - centres).reshape(1, -1, 3), box[None])
    distances = apart.norm(dim=-1).reshape(90, 90) + 99 * torch.eye(90)
    assert float(distances.min()) > 3.0
    axes = rods / 2.5
    # A mean of 90 random axes and of their squares: standard errors sqrt(1/270) and less.
    assert float(axes.mean(0).abs().max()) < 4 * (1 / 270) ** 0.5
    assert float((axes.square().mean(0) - 1 / 3).abs().max()) < 4 * (4 / 45 / 90) ** 0.5


def test_relaxing_takes_overlaps_away() -> None:
    force_field, box = dumbbells(64), cubic(20.0)
    random = torch.Generator().manual_seed(2)
    crowded = packed(force_field.system, (ROD,), box, random)
    crowded = crowded + 0.7 * torch.randn(crowded.shape, generator=random, dtype=torch.float64)
    evaluate = Evaluator(force_field, box)
    rested = relaxed(force_field, Configuration(crowded, box), 300.0)
    moderate = 31 * 0.00831446 * 300.0
    assert float(evaluate(crowded).forces.norm(dim=1).max()) > moderate
    assert float(evaluate(rested).forces.norm(dim=1).max()) < moderate


def test_the_time_step_of_beads_is_that_of_their_collisions() -> None:
    force_field = argon()
    masses = force_field.system.masses
    assert masses is not None
    frequency = pair_frequency(force_field, masses)
    # Where the energy is 4 kT above its minimum, and the curvature of Lennard-Jones there.
    r = torch.linspace(2.9, 4.0, 20000, dtype=torch.float64)
    energy = 4 * ((3.4 / r) ** 12 - (3.4 / r) ** 6)
    at = r[energy < -1.0 + 4 * 0.00831446 * 300.0][0]
    curvature = 4 * (156 * (3.4 / at) ** 12 - 42 * (3.4 / at) ** 6) / at**2
    assert frequency == pytest.approx(float((curvature * ACCELERATION / 20.0).sqrt()), rel=0.03)
    assert system_timestep(force_field, (ONE,), masses) == pytest.approx(0.5 / frequency)
