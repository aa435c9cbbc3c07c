"""How a mapping was learned: its losses at every record of the annealing, and stages to draw."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from autograin_cli.files.atomistic import read
from autograin_cli.geometry import superpose
from autograin_cli.mapping.autoencoder import (
    compactness,
    decoder,
    encoder,
    mean_square_force,
    reconstruction_loss,
)
from autograin_cli.mapping.mapping import History, Mapping
from autograin_cli.mapping.moments import survey
from autograin_cli.mapping.problem import Problem, pose
from autograin_cli.settings import MappingSettings, ReadingSettings


@dataclass(frozen=True)
class Losses:
    """What the soft mapping lost at each record of an annealing, (records,) each.

    reconstruction, compactness: L_AE and C, Å², means over atoms and components.
    square_force: mean over beads of |summed force|², (kJ/(mol Å))².
    """

    reconstruction: Tensor
    compactness: Tensor
    square_force: Tensor


@dataclass(frozen=True)
class Lesson:
    """What a mapping with uniform weights was learned from.

    problem: the moments, averaged over the symmetries, and what was minimised.
    structure: the frame that is nearest to the mean structure, Å, (atoms, 3).
    """

    problem: Problem
    structure: Tensor


def lesson_of(mapping: Mapping, atoms: Path, end: float) -> Lesson:
    """Read again what a mapping was learned from.

    Args:
        mapping: of the one molecule in the files.
        atoms: the files without their endings: .psf, .xtc and _forces.dcd.
        end: time to stop before, ps.
    """
    reading = ReadingSettings(
        topology=f"{atoms}.psf",
        forces=(f"{atoms}_forces.dcd",),
        force_unit="kJ/mol/A",
        end=end,
    )
    found = read([f"{atoms}.xtc"], reading)
    settings = replace(MappingSettings(), beads=mapping.n_beads, weights="uniform")
    molecule = found.molecules[0]
    seen = survey(found.trajectory, molecule, 1)
    structures = superpose(seen.structures, mapping.mean_structure)
    far = (structures - mapping.mean_structure).square().sum((1, 2))
    return Lesson(pose(seen, molecule, settings), structures[far.argmin()])


def losses_of(history: History, problem: Problem) -> Losses:
    """Losses of the soft assignments of a history, each with its best decoder."""
    encoders = encoder(history.assignments, problem.atom_weights)
    decoders = decoder(encoders, problem.gram)
    forces = problem.force_gram
    return Losses(
        reconstruction=reconstruction_loss(encoders, decoders, problem.gram) / 3,
        compactness=compactness(history.assignments, encoders, problem.gram) / 3,
        square_force=torch.full_like(history.loss, torch.nan)
        if forces is None
        else mean_square_force(history.assignments, forces),
    )


def stages(history: History, count: int) -> list[int]:
    """Choose records evenly over what changes, the first and the last among them.

    Returns:
        Their numbers, increasing; fewer than `count` where little changes.
    """
    steps = history.assignments.diff(dim=0).abs().sum((1, 2))
    changes = torch.cat((steps.new_zeros(1), steps.cumsum(0)))
    wanted = torch.linspace(0.0, 1.0, count, dtype=changes.dtype) * changes[-1]
    rows = torch.searchsorted(changes, wanted[:-1]).tolist()
    return sorted({*rows, len(changes) - 1})
