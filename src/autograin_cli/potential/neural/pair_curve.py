"""The effective pair potential: what two beads feel that are alone."""

import torch
from torch import Tensor

from autograin_cli.potential.neural.network import Graph, Network, energies
from autograin_cli.potential.neural.potential import NeuralPotential, cast
from autograin_cli.potential.pair import Nonbonded


def pair_curve(
    neural: NeuralPotential,
    nonbonded: Nonbonded | None,
    types: tuple[str, str],
    distances: Tensor,
) -> Tensor:
    """Energy of two beads of two molecules, less that of the same beads far apart.

    The other beads of their molecules are left out: among them the network may say otherwise.

    Args:
        neural: the networks.
        nonbonded: the pair terms beneath; None for the networks alone.
        types: of the two beads, which the networks know.
        distances: Å, (distances,).

    Returns:
        kJ/mol, float64, (distances,); 0 from the longer of the two cutoffs on.

    Source: figure 6a of arXiv:1812.02706.
    """
    r = distances.double()
    numbers = [neural.type_names.index(name) for name in types]
    members = [_of_network(cast(one, torch.float64), numbers, r) for one in neural.networks]
    return torch.stack(members).mean(0) + lone_pair_term(nonbonded, types, r)


def lone_pair_term(nonbonded: Nonbonded | None, types: tuple[str, str], r: Tensor) -> Tensor:
    """Energy of the pair term of two types, kJ/mol, (distances,); 0 where there is none."""
    for term in nonbonded.terms if nonbonded is not None else ():
        if sorted(term.types) == sorted(types):
            return term.evaluate(r)[0]
    return torch.zeros_like(r)


def _of_network(network: Network, types: list[int], r: Tensor) -> Tensor:
    """Energies of pairs of beads that are one graph, and last of one pair at the cutoff."""
    apart = torch.zeros(len(r) + 1, 3, dtype=torch.float64)
    apart[:, 0] = torch.cat((r, r.new_tensor([network.cutoff])))
    first = 2 * torch.arange(len(apart))
    graph = Graph(torch.tensor(types).repeat(len(apart)), first, first + 1, 0, apart)
    of_pairs = energies(network, graph).detach().reshape(-1, 2).sum(1)
    return of_pairs[:-1] - of_pairs[-1]
