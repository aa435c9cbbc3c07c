"""What must hold inside the networks of an artifact, for their equations to be defined."""

from torch import Tensor

from autograin_cli.files.storage.checks import check_range, check_unique, require
from autograin_cli.files.visible import visible
from autograin_cli.mapping.components import system_of
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.neural.network import Interaction, Network
from autograin_cli.potential.neural.potential import NeuralPotential

_HIGHEST_RANK = 2


def check_neural(neural: NeuralPotential, mappings: tuple[Mapping, ...]) -> None:
    """Check the networks: shapes that fit, smooth at the cutoff, of the beads that are mapped.

    Raises:
        InputError: it names the network, what is wrong and what was expected.
    """
    names = system_of(mappings).type_names
    given = ", ".join(map(visible, neural.type_names))
    check_unique("networks: type_names", neural.type_names)
    same = set(neural.type_names) == set(names)
    require(same, f"networks of {given}", f"{', '.join(map(visible, names))}, as mapped")
    n_members = len(neural.networks)
    require(n_members > 0, "no network", "at least one")
    n_histories = len(neural.histories)
    require(n_histories == n_members, f"{n_histories} histories of networks", str(n_members))
    require(neural.n_frames > 0, f"networks: {neural.n_frames} frames", "more than 0")
    _check_spread(neural)
    for number, network in enumerate(neural.networks):
        _check_network(f"network {number}", network, len(names))
    for number, history in enumerate(neural.histories):
        for name, values in vars(history).items():
            check_range(f"network {number}: {name}", values, 0, None)


def _check_spread(neural: NeuralPotential) -> None:
    spreads = (neural.spread, neural.spread_high)
    known = [spread for spread in spreads if spread is not None]
    whole = len(known) in (0, len(spreads)) and min(known, default=0.0) >= 0
    require(whole, f"networks: a spread of {spreads}", "two forces of 0 or more, or none")


def _check_network(where: str, network: Network, n_types: int) -> None:
    require(network.cutoff > 0, f"{where}: a cutoff of {network.cutoff} Å", "more than 0 Å")
    layers = network.interactions
    require(bool(layers), f"{where}: no interactions", "at least one")
    _check_shape(where, "embedding", network.embedding, (n_types, network.embedding.shape[1]))
    n_features, n_rows = network.embedding.shape[1], layers[0].filters.shape[1]
    require(n_features > 0, f"{where}: no features", "at least one")
    require(n_rows >= 4, f"{where}: {n_rows} control points", "4 or more, of one cell")
    n_ranks = len(layers[0].moments)
    require(n_ranks <= _HIGHEST_RANK, f"{where}: rank {n_ranks}", f"at most {_HIGHEST_RANK}")
    for number, layer in enumerate(layers):
        place = f"{where}: interaction {number}"
        n_given = len(layer.moments)
        require(n_given == n_ranks, f"{place}: moments of {n_given} ranks", str(n_ranks))
        _check_interaction(place, layer, n_features, n_rows)
    n_hidden = network.readout.shape[1]
    _check_shape(where, "readout", network.readout, (n_features, n_hidden))


def _check_interaction(where: str, layer: Interaction, n_features: int, n_rows: int) -> None:
    """Check shapes; those of one record that share an axis have been checked by the schema."""
    _check_filters(where, layer.filters, (2, n_rows, n_features))
    n_messages = n_features
    for rank, moments in enumerate(layer.moments, start=1):
        n_moments, n_products = moments.mixing.shape[1], moments.left.shape[1]
        place = f"{where}: rank {rank}"
        _check_shape(place, "mixing", moments.mixing, (n_features, n_moments))
        _check_filters(place, moments.filters, (2, n_rows, n_moments))
        _check_shape(place, "left", moments.left, (2 * n_moments, n_products))
        n_messages += n_products
    _check_shape(where, "hidden", layer.hidden, (n_messages, n_features))


def _check_filters(where: str, filters: Tensor, expected: tuple[int, ...]) -> None:
    _check_shape(where, "filters", filters, expected)
    smooth = not bool(filters[:, -3:].count_nonzero())
    require(smooth, f"{where}: a filter ends at the cutoff", "last three control points of 0")


def _check_shape(where: str, name: str, array: Tensor, expected: tuple[int, ...]) -> None:
    given = tuple(array.shape)
    require(given == expected, f"{where}: {name} of shape {given}", f"shape {expected}")
