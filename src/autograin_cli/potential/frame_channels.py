"""How much of the mapped force bonded terms and pair terms together explain."""

import torch
from torch import Tensor

from autograin_cli.potential.channels import axes, components, sums, with_error
from autograin_cli.potential.frame_equations import fill, predicted, runs
from autograin_cli.potential.frame_layout import FrameModel, plan_of
from autograin_cli.potential.frame_survey import FrameSurvey
from autograin_cli.potential.normal_equations import Model, coordinates, forces_of, molecules
from autograin_cli.potential.potential import Channel
from autograin_cli.potential.regression import Solution

_TINY = 1e-300


def explained_together(
    model: FrameModel, solution: Solution, seen: FrameSurvey
) -> tuple[tuple[tuple[Channel, ...], ...], tuple[Channel, ...]]:
    """R² for the force along bonds, angles and dihedrals, on molecules, and for all of it.

    As `channels.explained`, with coefficients fitted without the block of the frame. The channel
    'pair' is the sum of the forces on all beads of a molecule, on which bonded terms do not act.
    There is no ceiling: it would take two frames in which all molecules stand alike.

    Args:
        model: the terms.
        solution: their coefficients.
        seen: the sample of frames.

    Returns:
        Channels of each component, and those of all molecules together.
    """
    forces, missed = forces_of(seen.sample), _missed(model, solution, seen)
    of_components = tuple(
        _of_component(model, number, forces, missed, seen)
        for number in range(len(model.system.components))
    )
    molecule = model.system.molecules
    of_all = [_channel("all", forces, missed, seen.blocks)]
    if model.system.n_molecules > 1:
        shape = (len(forces), model.system.n_molecules, 3)
        net, net_missed = (
            torch.zeros(shape, dtype=torch.float64).index_add_(1, molecule, values)
            for values in (forces, missed)
        )
        of_all.insert(0, _channel("pair", net, net_missed, seen.blocks))
    return of_components, tuple(of_all)


def _missed(model: FrameModel, solution: Solution, seen: FrameSurvey) -> Tensor:
    """What the model without the block of a frame leaves of its forces, (frames, beads, 3)."""
    plan = plan_of(model)
    design, counts = plan.new_design(), plan.new_counts()
    missed = forces_of(seen.sample).clone()
    for block, frames in runs(seen.blocks, plan.n_frames):
        fill(plan, design, seen.sample, frames, counts)
        n_frames = frames.stop - frames.start
        missed[frames] -= predicted(plan, design, n_frames, solution.left_out[block])
    return missed


def _of_component(
    model: FrameModel, number: int, forces: Tensor, missed: Tensor, seen: FrameSurvey
) -> tuple[Channel, ...]:
    """Channels of the bonded terms of a component, and of all forces on its beads."""
    mine = [term for term, other in enumerate(model.components) if other == number]
    if not mine:
        return ()
    part, where = model.system.components[number], model.system.slices[number]
    own = Model(
        tuple(model.members[term] for term in mine),
        tuple(model.bonded_forms[term] for term in mine),
        tuple(model.grids[term] for term in mine),
        part.n_beads,
    )
    structures = molecules(seen.sample.positions[:, where].contiguous(), part.n_beads)
    blocks = seen.blocks.repeat_interleave(part.n_copies)
    true, left = (
        molecules(values[:, where].contiguous(), part.n_beads).flatten(1)
        for values in (forces, missed)
    )
    found = []
    for name, directions in axes(own, coordinates(own, structures), structures):
        along, unexplained = components(directions, true), components(directions, left)
        offset = torch.zeros_like(along[0]) if name == "all" else along.mean(0)
        found.append(_channel(name, along - offset, unexplained, blocks))
    return tuple(found)


def _channel(name: str, forces: Tensor, missed: Tensor, blocks: Tensor) -> Channel:
    """R² of forces with mean zero; forces and what is not explained, (structures, ...)."""
    variance = sums(forces.flatten(1).square().sum(1), blocks).clamp(min=_TINY)
    unexplained = sums(missed.flatten(1).square().sum(1), blocks)
    return Channel(name, *with_error(1 - unexplained / variance), None, None)
