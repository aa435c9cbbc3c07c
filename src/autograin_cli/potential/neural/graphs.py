"""Graphs: the beads of frames and the pairs near enough to pass messages."""

from collections.abc import Sequence

import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.potential.neural.network import Graph
from autograin_cli.potential.pair_search import Pairs, box_of, pairs_of
from autograin_cli.system import System

Frame = tuple[Tensor, Tensor | None]  # positions, Å, (beads, 3), and box, Å, (3, 3)


def graph_of(
    frames: Sequence[Frame], system: System, type_names: tuple[str, ...], reach: float
) -> Graph:
    """Join frames of one system into one graph; they do not feel one another.

    Nor do molecules without a box.

    Args:
        frames: positions, molecules whole, and boxes.
        system: the beads of a frame.
        type_names: types that a network knows, in its order.
        reach: Å; pairs are nearer than this.

    Returns:
        A graph in float64, its beads frame after frame.

    Raises:
        InputError: a type that the network does not know.
    """
    types = _numbers(system, type_names)[system.types].repeat(len(frames))
    if all(box is None for _, box in frames):
        first, second, apart = _inside(torch.stack([x for x, _ in frames]), system, reach)
        return Graph(types, first, second, len(first), apart)
    found = [near(frame, reach) for frame in frames]
    counts = torch.tensor([len(pairs.first) for pairs in found])
    starts = (system.n_beads * torch.arange(len(found))).repeat_interleave(counts)
    first = torch.cat([torch.from_numpy(pairs.first) for pairs in found])
    second = torch.cat([torch.from_numpy(pairs.second) for pairs in found])
    apart = torch.cat([torch.from_numpy(pairs.apart) for pairs in found])
    between = system.molecules[first] != system.molecules[second]
    inside = (~between).nonzero()[:, 0]
    order = torch.cat((inside, between.nonzero()[:, 0]))
    first, second = (first + starts)[order], (second + starts)[order]
    return Graph(types, first, second, len(inside), apart[order])


def near(frame: Frame, reach: float) -> Pairs:
    """Find the pairs of a frame that are nearer than a reach, Å."""
    positions, box = frame
    vectors = None if box is None else box.double().contiguous().numpy()
    return pairs_of(positions.detach().double().contiguous().numpy(), box_of(vectors), reach)


def _inside(positions: Tensor, system: System, reach: float) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs inside molecules, of frames (frames, beads, 3), and the way between them."""
    members = [
        system.members(number, torch.ones(part.n_beads, part.n_beads).triu(1).nonzero())
        for number, part in enumerate(system.components)
    ]
    first, second = torch.cat(members).T
    apart = (positions[:, second] - positions[:, first]).detach().double()
    frames, pairs = (apart.square().sum(2) < reach**2).nonzero().T
    starts = frames * system.n_beads
    return first[pairs] + starts, second[pairs] + starts, apart[frames, pairs]


def _numbers(system: System, type_names: tuple[str, ...]) -> Tensor:
    """Number that a network gives to each type of a system, (types,)."""
    unknown = [name for name in system.type_names if name not in type_names]
    if unknown:
        raise InputError(
            given=f"beads of type {', '.join(unknown)}",
            expected=f"the types that the network was trained on: {', '.join(type_names)}",
            remedy="train a network on a trajectory that holds all types",
        )
    return torch.tensor([type_names.index(name) for name in system.type_names])
