"""The bond thermometer: exact where the temperature is known, blind to constraints."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from checks import bond_temperatures
from scipy.signal import lfilter

from autograin_cli.checking.conditions import Conditions
from autograin_cli.checking.inspection import inspect_input, no_joins
from autograin_cli.checking.probe import probes
from autograin_cli.checking.sample import Sample, spread_frames, take_sample
from autograin_cli.checking.strength import strength
from autograin_cli.checking.thermometer import Temperature, fit_of, stiffness, temperature
from autograin_cli.checking.warmth import warmth
from autograin_cli.files.atomistic import read
from autograin_cli.files.atomistic_trajectory import AtomisticTrajectory
from autograin_cli.settings import ReadingSettings
from autograin_cli.units import FORCE_UNITS, thermal_energy
from known_heat import (
    ANHARMONIC,
    HARMONIC,
    KNOWN,
    LENGTH,
    STIFFNESS,
    TEMPERATURE,
    Spring,
    StoredFrames,
    bent,
    chains,
    chunk_of,
    dimers,
    dumbbells,
    vibrating,
    with_forces,
)
from pipeline import SAMPLES
from systems import molecule, springs

Made = tuple[StoredFrames, tuple[Any, ...]]


def sampled(made: Made) -> Sample:
    frames, molecules = made
    return take_sample(frames, molecules, torch.arange(frames.n_frames))


def warmth_of(made: Made) -> Temperature:
    sample = sampled(made)
    found = temperature(probes(sample), sample)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: dimers(4000, 2, seed=1), "bond"),
        (lambda: chains(4000, 1, seed=2), "bond"),
        (lambda: dumbbells(8000, seed=3), "bond"),
        (lambda: bent(8000, seed=4), "angle"),
    ],
    ids=["dimers", "chains", "rigid pairs", "rigid bonds"],
)
def test_the_thermometer_shows_the_temperature_that_was_drawn(
    make: Callable[[], Made], kind: str
) -> None:
    made = make()
    assert {probe.kind for probe in probes(sampled(made))} == {kind}
    found = warmth_of(made)
    assert found.error < 0.02 * TEMPERATURE
    assert abs(found.value - TEMPERATURE) < 4 * found.error


def test_springs_of_rest_length_zero_have_the_temperature_too() -> None:
    """The identity holds for any potential: here 2d/r is far from small."""
    bonds = [(0, 1), (1, 2), (1, 3)]
    kind = molecule("star", "CCHH", bonds)
    system = springs(kind.bonds, 4, seed=5)
    positions = system.draw(20_000, seed=6)
    found = warmth_of((StoredFrames(chunk_of(positions, system.forces(positions))), (kind,)))
    assert abs(found.value - system.temperature) < 4 * found.error
    assert found.error < 0.02 * system.temperature


def test_forces_of_constraints_do_not_count_and_would_if_their_atoms_were_free() -> None:
    """Without the sum over rigid pairs, the constraint force on an atom of the bond is noise."""
    frames, (kind,) = dumbbells(2000, seed=7)
    found = warmth_of((frames, (kind,)))
    assert frames.chunk.forces is not None
    calm = frames.chunk.forces.clone()
    calm[:, 1] += calm[:, 0]
    calm[:, 2] += calm[:, 3]
    calm[:, [0, 3]] = 0.0
    without = warmth_of((with_forces(frames, calm), (kind,)))
    assert found.value == pytest.approx(without.value, rel=1e-10)


def test_the_thermometer_is_that_of_the_generators_of_the_samples() -> None:
    frames, (kind,) = dimers(200, 1, seed=8)
    x, f = frames.chunk.positions.numpy(), frames.chunk.forces
    assert f is not None
    series = bond_temperatures((x[:, 1] - x[:, 0])[:, None], (f[:, 1] - f[:, 0]).numpy()[:, None])
    # The package also takes the mean of the force away, and counts one degree of freedom less.
    found = warmth_of((frames, (kind,)))
    assert found.value == pytest.approx(np.mean(series) * 200 / 199, rel=1e-10)


def test_few_frames_are_not_colder_than_many() -> None:
    """The mean length is that of the frames themselves, which takes a degree of freedom."""
    frames, (kind,) = dimers(6, 600, seed=9)
    alone = tuple(replace(kind, copies=copy[None]) for copy in kind.copies)
    found = warmth_of((frames, alone))
    error = TEMPERATURE * (2 / (5 * 600)) ** 0.5
    assert abs(found.value - TEMPERATURE) < 4 * error < TEMPERATURE / 6


def test_forces_that_fit_are_near_minus_one_and_others_within_the_noise() -> None:
    sample = sampled(dimers(400, 4, seed=9))
    found, frames = probes(sample), torch.arange(400)
    assert fit_of(found, frames, frames).correlation < -0.99
    lost = fit_of(found, frames, frames.roll(1))
    assert abs(lost.correlation) < 4 * lost.noise < 0.3


def test_stiffness_does_not_depend_on_how_warm_a_part_is_but_on_the_unit() -> None:
    frames, molecules = dimers(400, 4, seed=10)
    forces = frames.chunk.forces
    assert forces is not None
    mixed = torch.cat([forces[:200], 4.184 * forces[200:]])
    sample = sampled((with_forces(frames, mixed), molecules))
    found = probes(sample)
    parts = [stiffness(found, part) for part in (torch.arange(200), torch.arange(200, 400))]
    assert parts[1] / parts[0] == pytest.approx(4.184, rel=1e-9)


# Bonds, frames, memory of the amplitude from frame to frame, spring, and whether frames far apart
# are looked at in runs of four.
RUNS_AND_BONDS = {
    "independent values": (1, 200, 0.0, HARMONIC, False),
    "anharmonic bonds": (12, 60, 0.0, ANHARMONIC, False),
    "runs that are spread": (12, 1500, 0.9, ANHARMONIC, True),
    "frames close together": (12, 250, 0.97, HARMONIC, False),
    "bonds that keep their energy": (100, 60, 1.0, ANHARMONIC, False),
}
N_SEEDS = 150


@pytest.mark.parametrize("case", RUNS_AND_BONDS.values(), ids=RUNS_AND_BONDS.keys())
def test_the_stated_error_is_the_error(case: tuple[int, int, float, Spring, bool]) -> None:
    """Deviations over stated errors have mean 0 and variance 1.

    Of a few bonds that keep their energy no estimate can have: energies are spread too widely.
    """
    n_bonds, n_frames, memory, spring, spread = case
    deviations = []
    for seed in range(N_SEEDS):
        frames, kinds = vibrating(n_frames, n_bonds, memory, spring, seed)
        looked = spread_frames(n_frames, kinds) if spread else torch.arange(n_frames)
        sample = take_sample(frames, kinds, looked)
        found = temperature(probes(sample), sample)
        assert found is not None
        deviations.append((found.value - TEMPERATURE) / found.error)
    z = torch.tensor(deviations)
    assert abs(float(z.square().mean()) - 1) < 4 * (2 / N_SEEDS) ** 0.5
    assert abs(float(z.mean())) < 4 * N_SEEDS**-0.5


def test_steps_of_verlet_make_stiff_bonds_warmer_by_a_known_factor() -> None:
    """T / (1 - (ω Δt)² / 4), exactly for springs, where momenta are kept at T.

    Positions after a step, momenta drawn anew before each: x' = (1 - (ω Δt)² / 2) x + v Δt.
    """
    n_copies, n_steps, step = 400, 220, 0.8  # ω Δt
    random = torch.Generator().manual_seed(3)
    spread = (thermal_energy(TEMPERATURE) / STIFFNESS) ** 0.5
    kicks = step * spread * torch.randn(n_steps, n_copies, 3, generator=random).double()
    memory = 1 - step**2 / 2
    x = torch.from_numpy(lfilter([1.0], [1.0, -memory], kicks.numpy(), axis=0))[20:]
    pair = torch.stack([-x / 2, x / 2], dim=2).flatten(1, 2)
    force = -STIFFNESS * torch.stack([-x, x], dim=2).flatten(1, 2)
    kind = molecule("pair", "CH", [(0, 1)])
    copies = torch.arange(2 * n_copies).reshape(n_copies, 2)
    frames, kinds = StoredFrames(chunk_of(pair, force)), (replace(kind, copies=copies),)
    sample = take_sample(frames, kinds, torch.arange(frames.n_frames), most=10**6)
    found = temperature(probes(sample), sample)
    expected = TEMPERATURE / (1 - step**2 / 4)
    assert found is not None and abs(found.value - expected) < 4 * found.error
    assert found.value - TEMPERATURE > 10 * found.error


def of_sample(stem: str) -> Sample:
    settings = ReadingSettings(
        topology=str(SAMPLES / f"{stem}.psf"),
        forces=(str(SAMPLES / f"{stem}_forces.dcd"),),
        force_unit="kJ/mol/A",
    )
    reading = read([SAMPLES / f"{stem}.xtc"], settings)
    assert isinstance(reading.trajectory, AtomisticTrajectory)
    return take_sample(reading.trajectory, reading.molecules, torch.arange(200))


@pytest.mark.parametrize(("stem", "kelvin"), [("otp", 300.0), ("ethane", 120.0)])
def test_two_hundred_frames_name_the_unit_in_every_pair_of_true_and_declared(
    stem: str, kelvin: float
) -> None:
    sample = of_sample(stem)
    found = probes(sample)
    for true, declared in product(FORCE_UNITS, repeat=2):
        factor = FORCE_UNITS[declared] / FORCE_UNITS[true]
        taken = [replace(probe, forces=probe.forces * factor) for probe in found]
        given = Conditions(kelvin, declared, True, True, no_joins())
        unit, warm = warmth(temperature(taken, sample), strength(taken), given, "bond")
        if true == declared:
            assert (unit.outcome, warm.outcome) == ("passed", "passed")
        else:
            assert unit.outcome == "failed" and unit.remedy == f"give --force-unit {true}"
            assert warm.outcome == "unmeasured"


@pytest.mark.parametrize("stem", ["otp", "ethane", "aniline", "methane"])
def test_stiffness_names_the_unit_where_no_temperature_is_given(stem: str) -> None:
    sample = of_sample(stem)
    found = probes(sample)
    own = strength(found)
    assert own is not None and 1.0 < own.ratio < 1.45
    for true, declared in product(FORCE_UNITS, repeat=2):
        factor = FORCE_UNITS[declared] / FORCE_UNITS[true]
        taken = [replace(probe, forces=probe.forces * factor) for probe in found]
        given = Conditions(None, declared, True, True, no_joins())
        unit, _ = warmth(temperature(taken, sample), strength(taken), given, "bond")
        if true == declared:
            assert unit.outcome == "passed"
        else:
            assert unit.outcome in ("failed", "warning")
            assert unit.remedy == f"give --force-unit {true}"


def test_bonds_of_atoms_that_no_rule_knows_tell_no_stiffness() -> None:
    frames, (kind,) = dimers(200, 2, seed=12)
    for elements in (("", ""), ("Si", "H"), ("H", "H")):
        sample = sampled((frames, (replace(kind, elements=elements),)))
        assert strength(probes(sample)) is None
    one = strength(probes(sampled((frames, (kind,)))))
    assert one is not None and one.n_bonds == 1
    expected = STIFFNESS * (LENGTH - 0.335) ** 3 / 1120
    # The mean length is longer than that at rest by 2 k_B T / (k r0), and known to 1 %.
    assert one.ratio == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("share", [0.2, 0.29])
def test_forces_that_were_scaled_on_the_way_are_not_taken_for_another_unit(share: float) -> None:
    """A factor of 4.184 apart within a quarter is not 4.184."""
    frames, kinds = dimers(200, 50, seed=8)
    forces = frames.chunk.forces
    assert forces is not None
    scaled = StoredFrames(chunk_of(frames.chunk.positions, share * forces))
    found = {one.name: one for one in inspect_input(scaled, kinds, KNOWN)}
    assert found["force-unit"].outcome == "passed"
    assert found["temperature"].outcome == "failed"
    assert "smoothed, cut off or scaled" in found["temperature"].cause
