"""Checks of positions and of forces by themselves."""

from dataclasses import replace

import pytest
import torch

from autograin_cli.checking.conditions import Beads
from autograin_cli.checking.finding import Finding
from autograin_cli.checking.inspection import inspect_input
from autograin_cli.checking.rigid import is_rigid
from autograin_cli.checking.sample import RUN, spread_frames, take_sample
from autograin_cli.molecules import Molecule
from known_heat import KNOWN, StoredFrames, bent, chains, chunk_of, dimers, dumbbells, with_forces
from systems import molecule


def found(
    made: tuple[StoredFrames, tuple[Molecule, ...]], code: str, **conditions: object
) -> Finding:
    known = replace(KNOWN, **conditions)  # type: ignore[arg-type]
    (finding,) = [one for one in inspect_input(*made, known) if one.name == code]
    return finding


def test_frames_are_looked_at_in_short_runs_over_the_whole_trajectory() -> None:
    _, kinds = dimers(2, 1, seed=1)
    frames = spread_frames(10_000, kinds)
    assert len(frames) == 200 and frames[0] == 0 and frames[-1] == 9_999
    assert bool((frames.reshape(-1, RUN).diff(dim=1) == 1).all())
    for n_frames in (1, 7, 200, 250, 251, 400):
        some = spread_frames(n_frames, kinds)
        assert bool((some.diff() > 0).all()) and int(some[-1]) == n_frames - 1


def test_only_some_copies_of_a_large_liquid_are_kept_but_all_atoms_are_summed() -> None:
    frames, kinds = dimers(3, 2000, seed=2)
    sample = take_sample(frames, kinds, torch.arange(3))
    assert sample.positions.shape[1] == 4000
    many = take_sample(frames, kinds, torch.arange(3).repeat(1))
    assert many.net is not None and float(many.net.abs().max()) < 1e-9
    assert len(sample.molecules) == 1 and sample.molecules[0].n_copies == 2000


@pytest.mark.parametrize(("factor", "unit"), [(0.1, "nm"), (1.8897, "bohr"), (100.0, "pm")])
def test_the_unit_of_length_is_named_from_covalent_radii(factor: float, unit: str) -> None:
    frames, kinds = dimers(50, 1, seed=3)
    assert found((frames, kinds), "length-unit").outcome == "passed"
    scaled = StoredFrames(chunk_of(frames.chunk.positions * factor, frames.chunk.forces))
    wrong = found((scaled, kinds), "length-unit")
    assert wrong.outcome == "failed" and f"positions in {unit}" in wrong.cause


def test_a_ratio_that_no_unit_explains_is_laid_to_the_topology() -> None:
    """1.51 is no bohr, which is 1.89; 1.89 is none either where only the median bond is such."""
    frames, kinds = dimers(50, 1, seed=3)
    x = frames.chunk.positions
    for factor in (0.5, 1.51 * 1.07 / 1.1, 2.3, 10.0):
        wrong = found((StoredFrames(chunk_of(x * factor, None)), kinds), "length-unit")
        assert wrong.outcome == "failed" and "topology of other atoms" in wrong.cause
        assert "topology" in wrong.remedy
    carbon = 1.52 * 1.8897
    for lengths, cause in (((1.0, 1.0, 1.0), "in bohr"), ((0.6, 1.0, 1.6), "another order")):
        steps = carbon * torch.tensor([0.0, *lengths], dtype=torch.float64).cumsum(0)
        straight = torch.zeros(20, 4, 3, dtype=torch.float64)
        straight[:, :, 0] = steps
        kind = molecule("chain", "CCCC", [(0, 1), (1, 2), (2, 3)])
        wrong = found((StoredFrames(chunk_of(straight, None)), (kind,)), "length-unit")
        assert wrong.outcome == "failed" and cause in wrong.cause


def test_bonds_that_are_too_short_for_their_elements_are_warned_of_and_triple_ones_are_not() -> (
    None
):
    """C-H of 1.09 Å and O-H of 0.96 Å taken for C-C and O-O; N2, C2 of acetylene, H2 and F2."""
    for pair, length, outcome in (
        ("CC", 1.09, "warning"),
        ("OO", 0.96, "warning"),
        ("NC", 1.01, "failed"),
        ("CH", 1.09, "passed"),
        ("NN", 1.098, "passed"),
        ("CC", 1.20, "passed"),
        ("CN", 1.157, "passed"),
        ("CO", 1.128, "passed"),
        ("HH", 0.741, "passed"),
        ("FF", 1.412, "passed"),
    ):
        straight = torch.zeros(20, 2, 3, dtype=torch.float64)
        straight[:, 1, 0] = length
        kind = replace(molecule("two", "CC", [(0, 1)]), elements=tuple(pair))
        told = found((StoredFrames(chunk_of(straight, None)), (kind,)), "length-unit")
        assert told.outcome == outcome, pair
        assert ("elements" in told.cause) == (outcome == "warning")


def test_beads_of_united_atoms_without_elements_have_a_length_that_is_fine() -> None:
    frames, (kind,) = dimers(50, 1, seed=4)
    beads = (replace(kind, elements=("", "")),)
    for factor, outcome in ((1.4, "passed"), (4.0, "passed"), (0.1, "failed"), (10.0, "failed")):
        scaled = StoredFrames(chunk_of(frames.chunk.positions * factor, None))
        assert found((scaled, beads), "length-unit").outcome == outcome


def test_constraints_are_counted_and_may_not_be_parted_by_a_mapping() -> None:
    made = dumbbells(100, seed=5)
    assert found(made, "rigid-bonds").value == 2
    pairs, none = torch.tensor([0, 0, 1, 1]), torch.full((4,), -1)
    known = Beads(pairs, pairs, equal_forces=False)
    assert found(made, "rigid-bonds", beads=(known,)).outcome == "passed"
    parted = Beads(torch.tensor([0, 1, 1, 1]), pairs, equal_forces=False)
    wrong = found(made, "rigid-bonds", beads=(parted,))
    assert wrong.outcome == "failed" and "H1, C2" in wrong.measured
    unknown = Beads(pairs, none, equal_forces=False)
    assert found(made, "rigid-bonds", beads=(unknown,)).outcome == "failed"
    summed = Beads(pairs, none, equal_forces=True)
    assert found(made, "rigid-bonds", beads=(summed,)).outcome == "passed"


def test_molecules_of_one_atom_have_nothing_rigid_and_need_no_warning() -> None:
    assert is_rigid(torch.zeros(100, 2, 0)).shape == (0,)


def test_where_every_bond_is_rigid_angles_take_over_and_say_so() -> None:
    made = bent(300, seed=6)
    assert found(made, "temperature").measured.startswith("forces along angles imply")


def test_where_everything_is_rigid_nothing_is_measured_and_that_is_said() -> None:
    frames, kinds = bent(300, seed=7)
    x = frames.chunk.positions
    stiff = x[:1].expand_as(x) @ torch.linalg.qr(torch.randn(300, 3, 3, dtype=x.dtype)).Q
    for code in ("force-unit", "shifted-frames"):
        rigid = found((StoredFrames(chunk_of(stiff, frames.chunk.forces)), kinds), code)
        assert rigid.outcome == "unmeasured" and "no bond or angle is flexible" in rigid.measured


def test_slow_coordinates_have_few_independent_values() -> None:
    """A bond length that drifts through 200 frames in one half period is one sample or two."""
    frames, kinds = dimers(200, 1, seed=8)
    assert found((frames, kinds), "effective-samples").outcome == "passed"
    slow = frames.chunk.positions.clone()
    slow[:, 1] = slow[:, 0]
    slow[:, 1, 0] += 1.1 + 0.05 * torch.linspace(0, 3.14, 200, dtype=slow.dtype).cos()
    wrong = found((StoredFrames(chunk_of(slow, None)), kinds), "effective-samples")
    assert wrong.outcome == "warning" and (wrong.value or 99) < 5


def test_frames_that_stand_twice_are_found_between_and_inside_files() -> None:
    frames, kinds = dimers(1000, 1, seed=9)
    x = frames.chunk.positions.clone()
    x[501] = x[500]
    twice = StoredFrames(chunk_of(x, None))
    assert found((twice, kinds), "repeated-frames").outcome == "passed"  # not looked at
    joined = found((twice, kinds), "repeated-frames", joins=torch.tensor([501]))
    assert joined.outcome == "warning" and "501 ps" in joined.measured
    often = StoredFrames(chunk_of(x[::2].repeat_interleave(2, 0), None))
    assert found((often, kinds), "repeated-frames").outcome == "failed"


def test_frames_without_times_are_named_by_their_step_or_their_number() -> None:
    frames, kinds = dimers(100, 1, seed=9)
    chunk = replace(frames.chunk, times=500.0 * torch.arange(100).double())
    assert chunk.forces is not None
    chunk.forces[3] = 0.0
    chunk.positions[7] = chunk.positions[6]
    told = {"ps": "1500 ps", "step": "step 1500", "frame": "frame 3 (counted from 0)"}
    for clock, when in told.items():
        zero = found((StoredFrames(chunk), kinds), "zero-forces", clock=clock)
        assert zero.measured.endswith(f"first that at {when}")
        twice = found((StoredFrames(chunk), kinds), "repeated-frames", clock=clock)
        assert ("ps" in twice.measured) == (clock == "ps")
        joined = found(
            (StoredFrames(chunk), kinds), "repeated-frames", clock=clock, joins=torch.tensor([7])
        )
        assert ("ps" in joined.measured) == (clock == "ps")


def test_forces_that_are_zero_constant_or_positions_are_named() -> None:
    frames, kinds = chains(200, 2, seed=10)
    forces = frames.chunk.forces
    assert forces is not None
    lost = forces.clone()
    lost[:, 3] = 0.0
    assert "1 of 8 atoms" in found((with_forces(frames, lost), kinds), "zero-forces").measured
    late = forces.clone()
    late[0] = 0.0
    assert "1 of 200 frames" in found((with_forces(frames, late), kinds), "zero-forces").measured
    held = forces[::4].repeat_interleave(4, 0)
    stale = found((with_forces(frames, held), kinds), "constant-forces")
    assert stale.remedy.endswith("--stride 4")
    same = with_forces(frames, forces[:1].expand_as(forces))
    assert found((same, kinds), "constant-forces").outcome == "failed"
    x = frames.chunk.positions
    positions = with_forces(frames, 7.0 * (x + torch.arange(200.0)[:, None, None]))
    assert found((positions, kinds), "positions-as-forces").outcome == "failed"


def test_a_net_force_is_the_share_of_independent_noise() -> None:
    """Noise of a third of the forces shows as 0.33 / sqrt(1 + 0.33²) of them."""
    frames, kinds = chains(200, 8, seed=11)
    forces = frames.chunk.forces
    assert forces is not None
    random = torch.Generator().manual_seed(12)
    noise = torch.randn(forces.shape, generator=random, dtype=forces.dtype)
    noisy = with_forces(frames, forces + 0.33 * forces.square().mean().sqrt() * noise)
    assert found((frames, kinds), "net-force").outcome == "passed"
    wrong = found((noisy, kinds), "net-force")
    expected = 0.33 / (1 + 0.33**2) ** 0.5
    assert wrong.outcome == "warning"
    # 3 × 200 components of a normal variable, and as much of the sum of squares.
    assert wrong.value == pytest.approx(expected, rel=4 / (2 * 600) ** 0.5)
    assert found((noisy, kinds), "net-force", all_atoms=False).outcome == "unmeasured"


def test_molecules_broken_at_a_boundary_that_the_file_does_not_hold_are_found() -> None:
    frames, kinds = dimers(50, 4, seed=5)
    assert found((frames, kinds), "broken-molecules").outcome == "passed"
    positions = frames.chunk.positions.clone()
    positions[7::10, 1] += torch.tensor([0.0, 25.0, 0.0], dtype=torch.float64)
    wrong = found((StoredFrames(chunk_of(positions, None)), kinds), "broken-molecules")
    assert wrong.outcome == "failed" and wrong.value == pytest.approx(0.1)
    assert "box that the file does not hold" in wrong.cause
    # One bond in ten frames says nothing of the unit.
    assert (
        found((StoredFrames(chunk_of(positions, None)), kinds), "length-unit").outcome == "passed"
    )


def test_one_frame_has_no_temperature() -> None:
    frames, kinds = dimers(1, 50, seed=6)
    assert found((frames, kinds), "temperature").outcome == "unmeasured"
