"""The joint stage on atoms on springs, where everything is known, and on real molecules."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import InputError, SettingError
from autograin_cli.files.atomistic import read
from autograin_cli.joint.batches import Batches
from autograin_cli.joint.bonded import bonded_of
from autograin_cli.joint.encoding import goal_of
from autograin_cli.joint.fit import changed, fit_jointly
from autograin_cli.joint.structures import sample
from autograin_cli.joint.training import ForceTerm, Guarded, Raw, Trained, Training
from autograin_cli.mapping.fit import fit_mapping
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.mapping.moments import moments, survey
from autograin_cli.settings import (
    JointSettings,
    MappingSettings,
    NeuralSettings,
    PotentialSettings,
    ReadingSettings,
)
from autograin_cli.steps import take_steps
from autograin_cli.trajectory import Chunk, StoredTrajectory, Trajectory
from spring_chains import spring_chain, spring_trajectory

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
POTENTIAL = PotentialSettings(bond="harmonic", angle="none", dihedral="none")
LARGE = JointSettings(joint_weight=10.0, joint_steps=100)


def _mapped(trajectory: StoredTrajectory, n_beads: int) -> Mapping:
    _, molecule = spring_chain(trajectory.n_atoms // 3)
    return fit_mapping(trajectory, molecule, MappingSettings(beads=n_beads, method="exact"))


def _train(
    atoms: Trajectory, mapping: Mapping, settings: JointSettings, raw: bool, kind: str = "optimal"
) -> Trained:
    """The training alone, on all frames."""
    structures = sample(atoms, mapping.molecule, 4, 0)
    goal = goal_of(mapping, moments(structures.positions, structures.forces), kind)
    beads = mapping.map_positions(structures.positions)[:, 0]
    forces = mapping.map_forces(structures.forces)[:, 0]
    term: ForceTerm = Raw(float(forces.square().sum(-1).mean())) if raw else Guarded()
    model = bonded_of(mapping, beads, PotentialSettings())
    batches = Batches(lambda _: structures, settings.joint_seed)
    training = Training(goal, mapping.assignment, model, batches, settings, term)
    take_steps(training, None)
    return training.trained()


def _beads(found: Trained) -> Tensor:
    return found.shares.argmax(0)


def test_eq_10_without_guards_gathers_all_atoms_in_one_bead() -> None:
    """And with them it does not, at the same weight: the mapping is the one it began with."""
    atoms = spring_trajectory(2, 600, noise=10.0)
    mapping = _mapped(atoms, 2)
    collapsed = _train(atoms, mapping, LARGE, raw=True)
    assert len(_beads(collapsed).unique()) == 1
    assert float(collapsed.history.force_term[-1]) < 1e-2 * float(collapsed.history.force_term[0])
    guarded = _train(atoms, mapping, LARGE, raw=False)
    assert torch.equal(_beads(guarded), mapping.assignment)


def test_atoms_on_springs_keep_their_beads_and_the_potential_explains_their_mean_force() -> None:
    atoms = spring_trajectory(2, 500)
    mapping = _mapped(atoms, 2)
    (kept,), report, told = fit_jointly(atoms, [mapping], POTENTIAL, JointSettings(joint_steps=60))
    (result,) = report.results
    assert kept is mapping
    assert mapping.assignment.tolist() == [0, 0, 0, 1, 1, 1]
    assert not result.moved
    assert not result.verdict.accepted
    assert float(result.start.unexplained.mean()) < 1e-3
    assert "kept the mapping" in told[0]


def test_the_stiffness_of_the_beads_is_recovered() -> None:
    """Forces mapped without noise, W = K' E inv(K), so that nothing but the fit is tested."""
    atoms = spring_trajectory(2, 300)
    system, _ = spring_chain(2)
    mapping = _mapped(atoms, 2)
    stiffness = system.bead_stiffness(mapping.encoder)
    beads = mapping.map_positions(atoms.chunk.positions)[:, 0]
    forces = -torch.einsum("ab,fbd->fad", stiffness, beads)
    fitted = bonded_of(mapping, beads, POTENTIAL).fitted(beads, forces)
    torch.testing.assert_close(fitted, forces, rtol=1e-6, atol=1e-6)


def test_without_weight_the_forces_play_no_part() -> None:
    settings = JointSettings(joint_weight=0.0, joint_steps=40)
    atoms = spring_trajectory(2, 200)
    other = StoredTrajectory(replace(atoms.chunk, forces=atoms.chunk.forces.flip(0)))  # type: ignore[union-attr]
    mapping = _mapped(atoms, 2)
    first, second = (_train(each, mapping, settings, raw=False) for each in (atoms, other))
    assert torch.equal(first.shares, second.shares)
    assert torch.equal(_beads(first), mapping.assignment)


def test_one_seed_gives_one_result() -> None:
    atoms = spring_trajectory(2, 300)
    mapping = _mapped(atoms, 2)
    seeds = (0, 0, 1)
    shares = [
        _train(atoms, mapping, JointSettings(joint_steps=30, joint_seed=s), raw=False).shares
        for s in seeds
    ]
    assert torch.equal(shares[0], shares[1])
    assert not torch.equal(shares[0], shares[2])


def test_a_mapping_that_wins_on_blocks_held_out_is_taken() -> None:
    """From a start with an atom on the wrong side of a soft spring."""
    atoms = spring_trajectory(2, 500)
    best = _mapped(atoms, 2)
    seen = survey(atoms, best.molecule, 4)
    total = seen.total
    goal = goal_of(best, total, "optimal")
    start = changed(best, torch.tensor([0, 0, 1, 1, 1, 1]), goal, total)
    start = replace(start, certificate=best.certificate)
    (found,), report, told = fit_jointly(atoms, [start], POTENTIAL, JointSettings(joint_steps=60))
    assert torch.equal(found.assignment, best.assignment)
    torch.testing.assert_close(found.encoder, best.encoder)
    torch.testing.assert_close(found.decoder, best.decoder)
    assert found.bead_types == best.bead_types
    assert report.results[0].moved == ("C3",)
    gain, error = report.results[0].verdict.difference
    assert gain + 2 * error < 0
    assert "changed the mapping: C3 moved" in told[0]
    assert report.values[0]["accepted"] is True


def test_copies_of_a_molecule_are_structures_like_frames() -> None:
    one = spring_trajectory(2, 400).chunk
    pairs = [each.reshape(200, 12, 3) for each in (one.positions, one.forces) if each is not None]
    both = StoredTrajectory(Chunk(pairs[0], torch.arange(200).double(), None, pairs[1]))
    mapping = _mapped(StoredTrajectory(one), 2)
    copies = torch.arange(12).reshape(2, 6)
    paired = replace(mapping, molecule=replace(mapping.molecule, copies=copies))
    settings = JointSettings(joint_steps=30)
    alone = fit_jointly(StoredTrajectory(one), [mapping], POTENTIAL, settings)[1].results[0]
    doubled = fit_jointly(both, [paired], POTENTIAL, settings)[1].results[0]
    torch.testing.assert_close(alone.start.loss, doubled.start.loss)
    torch.testing.assert_close(alone.start.unexplained, doubled.start.unexplained)


def test_what_has_nothing_to_move_is_kept() -> None:
    atoms = spring_trajectory(2, 100)
    (kept,), report, told = fit_jointly(atoms, [_mapped(atoms, 1)], POTENTIAL, JointSettings())
    assert kept.n_beads == 1
    assert report.results[0].history is None
    assert "no atom can change its bead" in told[0]


def _without_forces(chunk: Chunk) -> Chunk:
    return replace(chunk, forces=None)


def _few(chunk: Chunk) -> Chunk:
    forces = None if chunk.forces is None else chunk.forces[:5]
    return Chunk(chunk.positions[:5], chunk.times[:5], None, forces)


@pytest.mark.parametrize(
    ("spoil", "message"), [(_without_forces, "without forces"), (_few, "5 frames")]
)
def test_what_cannot_be_refined_is_refused(spoil: Callable[[Chunk], Chunk], message: str) -> None:
    atoms = spring_trajectory(2, 100)
    spoilt = StoredTrajectory(spoil(atoms.chunk))
    with pytest.raises(InputError, match=message):
        fit_jointly(spoilt, [_mapped(atoms, 2)], POTENTIAL, JointSettings())


def test_a_mapping_that_leaves_atoms_out_is_refused() -> None:
    atoms = spring_trajectory(2, 100)
    mapping = _mapped(atoms, 2)
    assignment = torch.tensor([-1, 0, 0, 1, 1, 1])
    encoding = mapping.encoder.clone()
    encoding[0] = torch.tensor([0, 0.5, 0.5, 0, 0, 0])
    partial = replace(mapping, assignment=assignment, encoder=encoding)
    with pytest.raises(SettingError, match="atom C1 has no part"):
        fit_jointly(atoms, [partial], POTENTIAL, JointSettings())


def test_types_of_beads_that_may_change_are_refused() -> None:
    atoms = spring_trajectory(2, 100)
    typed = replace(POTENTIAL, types="A,B")
    with pytest.raises(SettingError, match="--joint and --types"):
        fit_jointly(atoms, [_mapped(atoms, 2)], typed, JointSettings())


def _real(name: str, n_beads: int) -> tuple[Trajectory, Mapping]:
    settings = ReadingSettings(
        topology=str(SAMPLES / f"{name}.psf"),
        forces=(str(SAMPLES / f"{name}_forces.dcd"),),
        force_unit="kJ/mol/A",
    )
    found = read([SAMPLES / f"{name}.xtc"], settings)
    beads = MappingSettings(beads=n_beads)
    return found.trajectory, fit_mapping(found.trajectory, found.molecules[0], beads)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_beads"), [("otp", 3), ("aniline", 2)])
def test_real_molecules_collapse_without_the_guards_and_keep_their_mapping_with_them(
    name: str, n_beads: int
) -> None:
    atoms, mapping = _real(name, n_beads)
    settings = JointSettings(joint_weight=100.0)
    collapsed = _train(atoms, mapping, settings, raw=True)
    assert len(_beads(collapsed).unique()) == 1
    (kept,), _, _ = fit_jointly(atoms, [mapping], PotentialSettings(), settings)
    assert kept is mapping
    (kept,), report, _ = fit_jointly(atoms, [mapping], PotentialSettings(), JointSettings())
    assert kept is mapping
    assert not report.results[0].moved
    assert float(report.results[0].start.unexplained.mean()) < 0.05


@pytest.mark.slow
def test_a_network_may_be_trained_with_the_mapping() -> None:
    atoms, mapping = _real("aniline", 2)
    neural = NeuralSettings(features=8, moments=4, epochs=5)
    joint = JointSettings(joint_steps=60)
    (kept,), report, _ = fit_jointly(atoms, [mapping], PotentialSettings(), joint, neural)
    assert kept is mapping
    (plain,) = fit_jointly(atoms, [mapping], PotentialSettings(), joint)[1].results
    difference = report.results[0].start.r_squared - plain.start.r_squared
    assert abs(float(difference.mean())) < 0.01
