"""Forces that stand with other frames, atoms or signs are named; sound ones never are."""

from collections import Counter
from dataclasses import replace
from math import inf

import pytest
import torch
from torch import Tensor

from autograin_cli.checking.conditions import Conditions
from autograin_cli.checking.finding import Finding
from autograin_cli.checking.inspection import inspect_input
from autograin_cli.molecules import Molecule
from autograin_cli.settings.checking import CHECKS
from known_heat import KNOWN, LENGTH, STIFFNESS, StoredFrames, chains, dimers, swinging, with_forces

Made = tuple[StoredFrames, tuple[Molecule, ...]]


def wrong(
    frames: StoredFrames, kinds: tuple[Molecule, ...], conditions: Conditions = KNOWN
) -> dict[str, Finding]:
    """Findings that are neither passed nor unmeasured."""
    found = inspect_input(frames, kinds, conditions)
    assert tuple(one.name for one in found) == CHECKS
    return {one.name: one for one in found if one.outcome in ("failed", "warning")}


@pytest.fixture(scope="module")
def sound() -> Made:
    return chains(1200, 2, seed=11)


def forces_of(sound: Made) -> Tensor:
    forces = sound[0].chunk.forces
    assert forces is not None
    return forces


def cut(frames: StoredFrames, rows: slice, forces: Tensor) -> StoredFrames:
    chunk = frames.chunk
    return StoredFrames(
        replace(chunk, positions=chunk.positions[rows], times=chunk.times[rows], forces=forces)
    )


def test_sound_forces_pass_all_checks(sound: Made) -> None:
    assert wrong(*sound) == {}


@pytest.mark.parametrize("n_copies", [1, 3])
@pytest.mark.parametrize("n_frames", [1, 2, 5, 12, 30, 100, 600])
def test_one_bond_and_few_frames_give_no_false_alarm(n_frames: int, n_copies: int) -> None:
    """Checks of forces at five standard errors: of 14 systems none may fail."""
    for seed in range(3):
        found = wrong(*dimers(n_frames, n_copies, seed=seed))
        assert set(found) <= {"effective-samples"}


@pytest.mark.parametrize("offset", [-40, -3, -2, -1, 1, 2, 3, 40])
def test_a_shift_is_named_with_its_number_of_frames(sound: Made, offset: int) -> None:
    """The forces of frame k stand at frame k + offset."""
    frames, kinds = sound
    shifted = with_forces(frames, forces_of(sound).roll(offset, dims=0))
    found = wrong(shifted, kinds)
    assert list(found) == ["shifted-frames"]
    assert found["shifted-frames"].value == offset
    late, first = ("late", "force file") if offset > 0 else ("early", "trajectory")
    assert f"{abs(offset)} frame" in found["shifted-frames"].measured
    assert late in found["shifted-frames"].measured
    number = "frame" if abs(offset) == 1 else f"{abs(offset)} frames"
    assert f"the first {number} of" in found["shifted-frames"].remedy
    assert first in found["shifted-frames"].remedy.partition(",")[0]


@pytest.mark.parametrize("stride", [2, 5, 10])
def test_a_stride_is_named_from_either_side(sound: Made, stride: int) -> None:
    frames, kinds = sound
    forces = forces_of(sound)
    n_frames = 1200 // stride
    sparse = cut(frames, slice(n_frames), forces[::stride])
    assert wrong(sparse, kinds)["force-stride"].value == stride
    dense = cut(frames, slice(None, None, stride), forces[:n_frames])
    assert wrong(dense, kinds)["force-stride"].value == -stride


def test_the_reverse_order_and_another_run_are_told_apart(
    sound: Made,
) -> None:
    frames, kinds = sound
    back = wrong(with_forces(frames, forces_of(sound).flip(0)), kinds)
    assert "reverse" in back["force-stride"].measured
    other = chains(1200, 2, seed=12)[0].chunk.forces
    assert other is not None
    assert list(wrong(with_forces(frames, other), kinds)) == ["mismatched-forces"]


def test_forces_that_are_lost_half_way_are_named_with_the_time(
    sound: Made,
) -> None:
    frames, kinds = sound
    forces = forces_of(sound).clone()
    forces[600:] = forces[600:].roll(300, dims=0)
    found = wrong(with_forces(frames, forces), kinds)
    assert list(found) == ["mismatched-forces"]
    begin = float(found["mismatched-forces"].measured.split()[2])
    assert abs(begin - 600) <= 1200 / 8


def test_the_sign_is_named_and_hides_nothing_else(sound: Made) -> None:
    frames, kinds = sound
    assert list(wrong(with_forces(frames, -forces_of(sound)), kinds)) == ["force-sign"]


def test_an_order_of_atoms_inside_molecules_and_among_them_is_named(
    sound: Made,
) -> None:
    frames, kinds = sound
    inside = forces_of(sound)[:, [0, 1, 3, 2, 4, 5, 7, 6]]
    found = wrong(with_forces(frames, inside), kinds)["permuted-atoms"]
    assert found.value == 2 and "atom 2 at 3" in found.measured
    among = forces_of(sound)[:, [4, 5, 6, 7, 0, 1, 2, 3]]
    assert wrong(with_forces(frames, among), kinds)["permuted-atoms"].value == 8


UNKNOWN = replace(KNOWN, temperature=None)


def test_without_a_temperature_only_what_no_simulation_has_is_refused(
    sound: Made,
) -> None:
    frames, kinds = sound
    assert wrong(*sound, UNKNOWN) == {}
    for factor, unit in ((10.0, "kJ/mol/nm"), (0.01036, "eV/A")):
        scaled = with_forces(frames, forces_of(sound) * factor)
        found = wrong(scaled, kinds, UNKNOWN)
        assert list(found) == ["force-unit"] and found["force-unit"].outcome == "failed"
        assert found["force-unit"].remedy == f"give --force-unit {unit}"


def test_without_a_temperature_bonds_that_are_as_soft_as_in_another_unit_are_warned_of(
    sound: Made,
) -> None:
    """250 K in kcal/mol/Å look like 60 K, which a simulation may have; its bonds may not."""
    frames, kinds = sound
    in_kcal = with_forces(frames, forces_of(sound) / 4.184)
    soft = wrong(in_kcal, kinds, UNKNOWN)
    assert list(soft) == ["force-unit"] and soft["force-unit"].outcome == "warning"
    assert soft["force-unit"].remedy == "give --force-unit kcal/mol/A"
    stiffness = STIFFNESS / 4.184 * (LENGTH - 0.335) ** 3 / 1120
    assert soft["force-unit"].value == pytest.approx(stiffness, rel=0.03)
    unknown = tuple(replace(kind, elements=("",) * 4) for kind in kinds)
    assert wrong(in_kcal, unknown, UNKNOWN) == {}


def test_bonds_as_stiff_as_bonds_are_leave_a_wrong_ratio_to_the_temperature_given(
    sound: Made,
) -> None:
    """Forces at 250 K, and 60 K given: 4.184 times as much, but no kcal."""
    cold = replace(KNOWN, temperature=250.0 / 4.184)
    assert wrong(*sound, cold)["temperature"].outcome == "failed"
    frames, kinds = sound
    in_kcal = with_forces(frames, forces_of(sound) / 4.184)
    assert wrong(in_kcal, kinds)["force-unit"].outcome == "failed"


def test_a_change_of_unit_is_said_in_what_the_file_counts(sound: Made) -> None:
    frames, kinds = sound
    forces = forces_of(sound).clone()
    forces[600:] /= 4.184
    mixed = with_forces(frames, forces)
    told = {
        clock: wrong(mixed, kinds, replace(KNOWN, clock=clock))["force-unit"].measured
        for clock in ("ps", "step", "frame")
    }
    assert " to 1199 ps bonds are" in told["ps"]
    assert " to step 1199 bonds are" in told["step"]
    assert " to frame 1199 (counted from 0) bonds are" in told["frame"]


def test_a_temperature_a_little_off_warns_and_one_far_off_fails(
    sound: Made,
) -> None:
    outcomes = {
        kelvin: wrong(*sound, replace(KNOWN, temperature=kelvin)).get("temperature")
        for kelvin in (250.0, 315.0, 500.0)
    }
    assert outcomes[250.0] is None
    assert outcomes[315.0] is not None and outcomes[315.0].outcome == "warning"
    assert outcomes[500.0] is not None and outcomes[500.0].outcome == "failed"


def test_a_unit_that_a_format_fixes_is_put_right_in_the_file(
    sound: Made,
) -> None:
    frames, kinds = sound
    fixed = replace(KNOWN, force_unit="kJ/mol/nm", unit_is_chosen=False)
    found = wrong(with_forces(frames, forces_of(sound) / 10), kinds, fixed)
    assert "multiply the forces in the file by 10," in found["force-unit"].remedy


SLOW = [
    (151, 10, 0.98, 3.7),
    (151, 3, 0.98, 3.7),
    (1000, 3, 0.98, 3.7),
    (151, 10, 0.98, inf),
    (151, 10, 0.9, 3.7),
]


def of_another_run(n_frames: int, n_copies: int, memory: float, period: float, seed: int) -> Made:
    """Dimers that swing slowly, with the forces of others that point the same way."""
    frames, kinds = swinging(n_frames, n_copies, memory, period, 2 * seed)
    other, _ = swinging(n_frames, n_copies, memory, period, 2 * seed + 1)
    assert other.chunk.forces is not None
    theirs, ours = (pointing(made)[None] for made in (other, frames))
    pull = (other.chunk.forces[:, 1::2] * theirs).sum(2, keepdim=True) * ours
    return with_forces(frames, torch.stack([-pull, pull], dim=2).flatten(1, 2)), kinds


def pointing(frames: StoredFrames) -> Tensor:
    """Directions of dimers that keep them, (copies, 3)."""
    between = frames.chunk.positions[0, 1::2] - frames.chunk.positions[0, 0::2]
    return between / between.norm(dim=1, keepdim=True)


def named(seeds: range, kind: tuple[int, int, float, float]) -> Counter[str]:
    """How often each verdict is given on forces of another run."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        counts.update(set(wrong(*of_another_run(*kind, seed))) - {"effective-samples"})
    return counts


@pytest.mark.parametrize("kind", SLOW)
def test_forces_of_another_run_are_not_taken_for_shifted_ones(
    kind: tuple[int, int, float, float],
) -> None:
    """Of independent frames the best of 200 shifts would be five standard errors by chance."""
    counts = named(range(12), kind)
    assert set(counts) <= {"mismatched-forces"} and counts["mismatched-forces"] >= 6


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
def test_of_other_runs_one_in_a_thousand_or_less_is_taken_for_a_shift(
    kind: tuple[int, int, float, float],
) -> None:
    """At 1 in 1000, 200 runs give more than 2 false names with a probability of 0.001."""
    counts = named(range(100, 300), kind)
    assert counts["shifted-frames"] + counts["force-stride"] <= 2
    assert counts["mismatched-forces"] >= 0.98 * counts.total()


@pytest.mark.parametrize("offset", [1, 17])
def test_shifts_of_frames_that_are_like_their_neighbours_are_still_named(offset: int) -> None:
    for seed in range(3):
        frames, kinds = swinging(151, 10, 0.98, 3.7, seed)
        forces = frames.chunk.forces
        assert forces is not None
        late = cut(frames, slice(offset, None), forces[:-offset])
        found = wrong(late, kinds)
        assert found["shifted-frames"].value == offset
        assert set(wrong(frames, kinds)) <= {"effective-samples"}
        gradients = with_forces(frames, -forces)
        assert "force-sign" in wrong(gradients, kinds)


def test_a_check_that_is_skipped_is_not_made(sound: Made) -> None:
    frames, kinds = sound
    scaled = with_forces(frames, forces_of(sound) / 4.184)
    found = inspect_input(scaled, kinds, KNOWN, ("force-unit",))
    outcomes = {one.name: one.outcome for one in found}
    assert outcomes["force-unit"] == "skipped"
    assert "failed" not in outcomes.values()
