"""NeuralPotential: trained networks, and what they add to a force field."""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from autograin_cli.potential.neural.graphs import graph_of
from autograin_cli.potential.neural.network import Network, energies
from autograin_cli.potential.potential import Channel
from autograin_cli.system import System


@dataclass(frozen=True)
class TrainingHistory:
    """How the training of one network went, by epoch.

    training_loss: mean square error of the forces, mean over the epoch, (kJ/(mol Å))², (epochs,).
    validation_loss: of the averaged weights on the blocks held out, (epochs,).
    learning_rate: (epochs,).
    """

    training_loss: Tensor
    validation_loss: Tensor
    learning_rate: Tensor


@dataclass(frozen=True)
class NeuralPotential:
    """An ensemble of networks, trained on what a classical prior leaves of the forces.

    type_names: of the beads that the networks know, in the order of their embeddings.
    networks: members of the ensemble; the potential is their mean.
    channels: how well prior and networks explain the forces on blocks held out: 'all', and
        'prior' for the prior alone.
    spread: rms over beads and components of the standard deviation of the force between members,
        on blocks held out, kJ/(mol Å); None with one member.
    spread_high: 99.9 % of the beads there differ by less, kJ/(mol Å); None with one member.
    histories: of the training, one for each network.
    n_frames: frames that were trained on.
    """

    type_names: tuple[str, ...]
    networks: tuple[Network, ...]
    channels: tuple[Channel, ...]
    spread: float | None
    spread_high: float | None
    histories: tuple[TrainingHistory, ...]
    n_frames: int

    @property
    def cutoff(self) -> float:
        """Distance from which beads pass no messages, Å."""
        return max(network.cutoff for network in self.networks)

    def energy(self, positions: Tensor, box: Tensor | None, system: System) -> Tensor:
        """Energy of whole frames, in the precision of the positions; differentiable once.

        Args:
            positions: Å, (frames, beads, 3); molecules whole.
            box: Å, (3, 3), rows are the box vectors; None in vacuum.
            system: the beads.

        Returns:
            kJ/mol, (frames,).
        """
        graph = graph_of([(x, box) for x in positions], system, self.type_names, self.cutoff)
        flat = positions.flatten(0, 1)
        # The search gives the images of partners; the gradient goes by the positions.
        shifts = graph.apart.to(flat) - (flat[graph.second] - flat[graph.first]).detach()
        apart = flat[graph.second] - flat[graph.first] + shifts
        graph = replace(graph, apart=apart)
        members = [energies(cast(one, apart.dtype), graph) for one in self.networks]
        return torch.stack(members).mean(0).reshape(len(positions), -1).sum(1)


def spread_of(forces: Tensor) -> Tensor:
    """How far networks disagree on the force on each bead: what `spread` and `spread_high` are of.

    Args:
        forces: of each network, kJ/(mol Å), (networks, ..., 3).

    Returns:
        Root of the mean over components of the variance between networks, kJ/(mol Å), (...).
    """
    return forces.var(0).mean(-1).sqrt()


def cast(network: Network, dtype: torch.dtype) -> Network:
    """The same network with weights of another precision."""
    return _mapped(network, lambda tensor: tensor.to(dtype))


def placed(network: Network, device: str) -> Network:
    """The same network on another device."""
    return _mapped(network, lambda tensor: tensor.to(device))


def detached(network: Network) -> Network:
    """The same network, not to be differentiated by its weights."""
    return _mapped(network, torch.Tensor.detach)


def _mapped(record: Any, change: Any) -> Any:
    """Change every tensor of a network."""
    if isinstance(record, Tensor):
        return change(record)
    if isinstance(record, tuple):
        return tuple(_mapped(part, change) for part in record)
    if is_dataclass(record) and not isinstance(record, type):
        parts: dict[str, Any] = {
            f.name: _mapped(getattr(record, f.name), change) for f in fields(record)
        }
        return type(record)(**parts)
    return record
