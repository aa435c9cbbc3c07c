"""What the networks of an ensemble say of frames of one system: energies, forces, disagreement."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograin_cli.potential.force_field import check_box
from autograin_cli.potential.neural.network import Graph, Network, energies, energy_and_forces
from autograin_cli.potential.neural.potential import (
    NeuralPotential,
    cast,
    detached,
    placed,
    spread_of,
)
from autograin_cli.simulation.liquid_state import in_parts
from autograin_cli.simulation.neural_pairs import PairList
from autograin_cli.system import System


@dataclass(frozen=True)
class NeuralState:
    """What the networks say of some frames.

    energy: kJ/mol, (frames,).
    forces: kJ/(mol Å), (frames, beads, 3).
    virial: sum of positions times forces, kJ/mol, (frames,).
    spread: rms over components of the standard deviation of the force between the networks,
        kJ/(mol Å), (frames, beads); None with one network.
    """

    energy: Tensor
    forces: Tensor
    virial: Tensor
    spread: Tensor | None


class NeuralForces:
    """Evaluates frames that are copies of one system in one box; frames near others are quick.

    Single precision, as networks are trained; sums over the beads in double. Pairs are found on
    the CPU whatever the device.
    """

    def __init__(
        self,
        neural: NeuralPotential,
        system: System,
        box: Tensor | None,
        n_frames: int = 1,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Give the networks to a device.

        Args:
            neural: the networks.
            system: the beads of a frame.
            box: Å, (3, 3), rows are the box vectors, of every frame; None in vacuum.
            n_frames: of one call.
            device: 'cpu' or 'cuda'.
            dtype: in which the networks compute.

        Raises:
            SettingError: the box is too small for the cutoff.
        """
        if box is not None:
            check_box(box, neural.cutoff)
        self._device, self._n_beads = torch.device(device), system.n_beads
        self._networks = [placed(detached(cast(one, dtype)), device) for one in neural.networks]
        self._pairs = PairList(system, neural.type_names, box, n_frames, neural.cutoff, dtype)

    def __call__(
        self, positions: Tensor, pool: ThreadPoolExecutor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Energies and forces of the mean of the networks.

        Args:
            positions: Å, (frames, beads, 3).
            pool: threads for the networks.

        Returns:
            kJ/mol, (frames,), and kJ/(mol Å), (frames, beads, 3); double.
        """
        graph = self._graph(positions)
        found = in_parts(lambda one: energy_and_forces(one, graph), self._networks, pool)
        by_bead, forces = (torch.stack(each).mean(0) for each in zip(*found, strict=True))
        return self._by_frame(by_bead), self._shaped(forces)

    def forget(self) -> None:
        """Find pairs anew for the next frames."""
        self._pairs.forget()

    def in_full(self, positions: Tensor) -> NeuralState:
        """Everything that diagnostics ask for; Å, (frames, beads, 3)."""
        graph = self._graph(positions)
        found = [_pulled(network, graph) for network in self._networks]
        by_bead, forces, virials = (torch.stack(each) for each in zip(*found, strict=True))
        spread = None
        if len(self._networks) > 1:
            spread = spread_of(self._shaped_members(forces))
        return NeuralState(
            energy=self._by_frame(by_bead.mean(0)),
            forces=self._shaped(forces.mean(0)),
            virial=self._by_frame(virials.mean(0)),
            spread=spread,
        )

    def _graph(self, positions: Tensor) -> Graph:
        graph = self._pairs(positions)
        if self._device.type == "cpu":
            return graph
        arrays = (graph.types, graph.first, graph.second, graph.apart)
        types, first, second, apart = (each.to(self._device) for each in arrays)
        return Graph(types, first, second, graph.n_inside, apart)

    def _by_frame(self, by_bead: Tensor) -> Tensor:
        return by_bead.double().reshape(-1, self._n_beads).sum(1).cpu()

    def _shaped(self, forces: Tensor) -> Tensor:
        return forces.double().reshape(-1, self._n_beads, 3).cpu()

    def _shaped_members(self, forces: Tensor) -> Tensor:
        return forces.double().reshape(len(self._networks), -1, self._n_beads, 3).cpu()


def _pulled(network: Network, graph: Graph) -> tuple[Tensor, Tensor, Tensor]:
    """Energies of beads, forces on them, and virials of the pairs, given to their first beads."""
    apart = graph.apart.detach().requires_grad_()
    by_bead = energies(network, replace(graph, apart=apart))
    (pull,) = torch.autograd.grad(by_bead.sum(), apart)
    forces = pull.new_zeros(len(graph.types), 3)
    forces = forces.index_add(0, graph.first, pull).index_add(0, graph.second, pull, alpha=-1)
    virials = pull.new_zeros(len(graph.types))
    virials = virials.index_add(0, graph.first, (pull * graph.apart).sum(1), alpha=-1)
    return by_bead.detach(), forces, virials
