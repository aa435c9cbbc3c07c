"""Trajectory of atoms and fitted mappings -> mappings refined together with the potential."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from autograin_cli.errors import SettingError
from autograin_cli.joint.batches import BATCH, Batches
from autograin_cli.joint.bonded import bonded_of
from autograin_cli.joint.encoding import Goal, goal_of, hard_encoder, soft_force_map
from autograin_cli.joint.held_out import Frames, judge
from autograin_cli.joint.learned import Learned
from autograin_cli.joint.result import JointReport, JointResult, compared
from autograin_cli.joint.structures import Structures, passes_wanted, samples
from autograin_cli.joint.training import Guarded, Model, Training, beads_of, own_objective
from autograin_cli.mapping.autoencoder import decoder, reconstruction_errors
from autograin_cli.mapping.force_maps import bead_masses, sum_map
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.mapping.moments import Moments, Survey, surveys
from autograin_cli.mapping.rounding import in_order, round_shares
from autograin_cli.mapping.topology import bead_names, bead_types, quotient_bonds
from autograin_cli.settings import JointSettings, NeuralSettings, PotentialSettings
from autograin_cli.steps import take_steps
from autograin_cli.trajectory import Keeper, Trajectory

_FEWEST_BLOCKS = 4
_MOST_DRAWINGS = 4


def fit_jointly(
    atoms: Trajectory,
    mappings: Sequence[Mapping],
    settings: PotentialSettings,
    joint: JointSettings,
    neural: NeuralSettings | None = None,
) -> tuple[tuple[Mapping, ...], JointReport, tuple[str, ...]]:
    """Refine mappings together with the potential of their beads; each type of molecule alone.

    Every second block of the trajectory is trained on. Where the training moves atoms, both
    mappings get a potential from scratch and are judged on the other blocks; a change that does
    not win there by two standard errors is dropped. The potential is that of the bonds, angles
    and dihedrals inside a molecule; what other molecules do to it is noise here, on average over
    which it feels the mean force of its surroundings.

    Args:
        atoms: with forces, molecules whole; read twice. Its keeper keeps how far the trainings
            are as well.
        mappings: hard, one for each type of molecule.
        settings: forms, force map and blocks.
        joint: weight, steps and seed.
        neural: of a network on top of the bonded terms, if the potential is to have one.

    Returns:
        The mappings, unchanged or changed; what happened; and what the user should be told.

    Raises:
        InputError: no forces, or too few frames.
        SettingError: a mapping leaves an atom without a bead or a weight, or the user chose the
            types of its beads, which may change.
        DivergenceError: a position, a force or the loss is not finite.

    Source: eq. (10) and section II C of arXiv:1812.02706; docs/joint.md.
    """
    if settings.types is not None:
        raise SettingError(
            given="--joint and --types",
            expected="types from symmetry: the beads that were given types may change",
            remedy="leave one of them out",
        )
    n_blocks = max(_FEWEST_BLOCKS, min(settings.blocks, atoms.n_frames))
    molecules = [mapping.molecule for mapping in mappings]
    drawings = [range(_n_drawings(atoms, mapping)) for mapping in mappings]
    drawn = samples(atoms, molecules, n_blocks, drawings)
    seen = surveys(atoms, molecules, n_blocks)
    results = tuple(
        _refine(of_type, settings, joint, neural, atoms.keeper)
        for of_type in zip(mappings, drawn, seen, strict=True)
    )
    report = JointReport(joint.joint_weight, results)
    return tuple(result.mapping for result in results), report, report.sentences


def _n_drawings(atoms: Trajectory, mapping: Mapping) -> int:
    """Drawings of structures to train on."""
    return min(_MOST_DRAWINGS, passes_wanted(atoms, mapping.molecule))


def _refine(
    of_type: tuple[Mapping, list[Structures], Survey],
    settings: PotentialSettings,
    joint: JointSettings,
    neural: NeuralSettings | None,
    keeper: Keeper | None,
) -> JointResult:
    """Refine one mapping."""
    mapping, drawn, seen = of_type
    goal = goal_of(mapping, _sum(seen.blocks[::2]), settings.force_map)
    even = [each.take(each.blocks % 2 == 0) for each in drawn]
    frames = Frames(even[0], drawn[0].take(drawn[0].blocks % 2 == 1), seen.blocks[1::2])
    proposed, history = mapping, None
    if 1 < mapping.n_beads < goal.units.count:
        model = _model(mapping, goal, frames.train, settings, neural)
        batches = Batches(_drawings(even, joint.joint_steps), joint.joint_seed)
        training = Training(goal, mapping.assignment, model, batches, joint, Guarded())
        take_steps(training, keeper)
        shares, history = training.trained()
        labels = round_shares(shares, goal.units, connected=goal.connected)
        proposed = changed(mapping, labels[goal.units.labels], goal, seen.total)
    start = end = judge(mapping, goal, frames, settings, neural, keeper)
    if proposed is not mapping:
        end = judge(proposed, goal, frames, settings, neural, keeper)
    own = float(own_objective(goal, *hard_encoder(goal, mapping.assignment)))
    verdict = compared(start, end, (goal.compactness, own, joint.joint_weight))
    moved = _moved(mapping, proposed)
    return JointResult(
        molecule=mapping.molecule.name,
        mapping=proposed if verdict.accepted else mapping,
        proposed=proposed.assignment,
        moved=tuple(mapping.molecule.atom_names[atom] for atom in moved),
        verdict=verdict,
        start=start,
        end=end,
        history=history,
    )


def _model(
    mapping: Mapping,
    goal: Goal,
    structures: Structures,
    settings: PotentialSettings,
    neural: NeuralSettings | None,
) -> Model:
    """The potential that is fitted while the encoder is trained."""
    seen = beads_of(structures, mapping.encoder, soft_force_map(goal, mapping.encoder))
    bonded = bonded_of(mapping, seen.positions, settings)
    if neural is None:
        return bonded
    return Learned(bonded, mapping.bead_types, neural, float(seen.forces.square().mean().sqrt()))


def _drawings(drawn: list[Structures], n_steps: int) -> Callable[[int], Structures]:
    """Structures to train on in each epoch: each drawing serves as many epochs as the others."""
    n_epochs = -(-n_steps // max(1, len(drawn[0].blocks) // BATCH))
    return lambda epoch: drawn[min(epoch, n_epochs - 1) * len(drawn) // n_epochs]


def changed(mapping: Mapping, assignment: Tensor, goal: Goal, seen: Moments) -> Mapping:
    """The mapping of another assignment; the same one where only the order of beads differs.

    What fit-mapping certified was the other mapping: a changed one has no certificate.

    Args:
        mapping: the start.
        assignment: bead of each atom, (atoms,).
        goal: weights of the atoms.
        seen: moments of the whole trajectory.
    """
    assignment, molecule = in_order(assignment), mapping.molecule
    if torch.equal(assignment, in_order(mapping.assignment)):
        return mapping
    _, encoding = hard_encoder(goal, assignment)
    bonds = quotient_bonds(molecule.bonds, assignment)
    types = bead_types(assignment, mapping.n_beads, bonds, mapping.orbits)
    gram = goal.symmetrised(seen)
    decoding = decoder(encoding, gram)
    return replace(
        mapping,
        assignment=assignment,
        encoder=encoding,
        decoder=decoding,
        force_map=sum_map(assignment, mapping.rigid_groups),
        force_map_kind="sum",
        bead_names=bead_names(types),
        bead_types=types,
        bead_masses=None if molecule.masses is None else bead_masses(encoding, molecule.masses),
        bead_bonds=bonds,
        certificate=None,
        history=None,
        reconstruction_errors=reconstruction_errors(encoding, decoding, gram),
    )


def _moved(before: Mapping, after: Mapping) -> list[int]:
    """Atoms that are no longer in the bead with which theirs shares most atoms."""
    if before is after:
        return []
    overlap = hard_overlap(before.assignment, after.assignment)
    partner = overlap.argmax(1)
    return (partner[before.assignment] != after.assignment).nonzero().flatten().tolist()


def hard_overlap(before: Tensor, after: Tensor) -> Tensor:
    """Atoms shared by each bead before and each bead after, (beads, beads)."""
    n_beads = int(max(before.max(), after.max())) + 1
    return torch.bincount(before * n_beads + after, minlength=n_beads**2).reshape(n_beads, n_beads)


def _sum(blocks: Sequence[Moments]) -> Moments:
    return sum(blocks[1:], blocks[0])
