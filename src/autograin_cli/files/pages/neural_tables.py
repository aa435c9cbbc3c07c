"""What is told of networks: rows of tables, and what their effective pair potentials are."""

from itertools import combinations_with_replacement

import torch
from torch import Tensor

from autograin_cli.files.pages.tables import Row
from autograin_cli.potential.neural.network import Network
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.potential.pair import Nonbonded

LONE_BEADS = (
    "Two lone beads: no other bead is near, those of their own molecules neither. In a liquid, and "
    "inside molecules, the energy depends on all neighbours."
)
_NAMES = {"all": "with the networks", "prior": "without, fitted to these frames too"}
_POINTS = 200
_NEARER = 0.9  # than the least distance that a pair term has met
_MOST_PAIRS = 21  # of types that are drawn


def network_rows(neural: NeuralPotential) -> list[Row]:
    """What the networks are, and how they were trained."""
    network = neural.networks[0]
    rank = "0, as SchNet: distances alone" if network.rank == 0 else f"{network.rank}: angles too"
    rows = [
        Row("features", str(network.embedding.shape[1])),
        Row("interactions", str(len(network.interactions))),
        Row("rank", rank),
        Row("cutoff", f"{neural.cutoff:.2f} Å"),
        Row("numbers in a network", f"{n_numbers(network):,}"),
        Row("trained on", f"{neural.n_frames:,} frames"),
        Row("epochs", ", ".join(str(len(history.learning_rate)) for history in neural.histories)),
    ]
    if neural.spread is not None and neural.spread_high is not None:
        told = f"{neural.spread:.3g} kJ/(mol Å) rms, 99.9 % below {neural.spread_high:.3g}"
        rows.append(Row("spread of a force among them", told))
    return rows


def explained_rows(neural: NeuralPotential) -> list[Row]:
    """R² of the forces on frames left out, with the networks and without."""
    return [
        Row(
            _NAMES.get(channel.name, channel.name),
            f"{channel.r_squared:z.4f} ± {channel.r_squared_error:.4f}",
        )
        for channel in neural.channels
    ]


def n_numbers(network: Network) -> int:
    """Numbers that make a network."""
    tensors = [network.embedding, network.readout, network.readout_bias, network.energies]
    for layer in network.interactions:
        tensors += [layer.mixing, layer.filters, layer.hidden, layer.hidden_bias, layer.update]
        for ranked in layer.moments:
            tensors += [ranked.mixing, ranked.filters, ranked.left, ranked.right]
    return sum(tensor.numel() for tensor in tensors)


def type_pairs(neural: NeuralPotential, nonbonded: Nonbonded | None) -> list[tuple[str, str]]:
    """Pairs of types that have met, the first so many of them; none without pair terms."""
    every = combinations_with_replacement(neural.type_names, 2)
    return list(every)[:_MOST_PAIRS] if nonbonded is not None else []


def pair_distances(neural: NeuralPotential, nonbonded: Nonbonded | None) -> Tensor:
    """Distances at which effective pair potentials are given, Å, (distances,)."""
    met = [term.sampled_low for term in nonbonded.terms] if nonbonded else []
    furthest = max(neural.cutoff, nonbonded.cutoff if nonbonded else 0.0)
    nearest = _NEARER * min(met) if met else furthest / 2
    return torch.linspace(min(nearest, furthest), furthest, _POINTS, dtype=torch.float64)
