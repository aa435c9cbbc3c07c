"""What fit-potential and inspect tell of networks."""

from dataclasses import asdict
from typing import Any

from autograin_cli.cli.console import Console
from autograin_cli.files.pages.neural_tables import (
    explained_rows,
    network_rows,
    pair_distances,
    type_pairs,
)
from autograin_cli.potential.neural.pair_curve import pair_curve
from autograin_cli.potential.neural.potential import NeuralPotential
from autograin_cli.potential.pair import Nonbonded


def show_neural(neural: NeuralPotential | None, console: Console) -> None:
    """Show what the networks are, and how much of the forces they explain beyond the prior."""
    if neural is None:
        return
    n_networks = len(neural.networks)
    title = "network" if n_networks == 1 else f"{n_networks} networks"
    facts = [(row.name, row.value) for row in network_rows(neural)]
    console.facts(f"{title} on top of these terms", facts)
    rows = [(row.name, row.value) for row in explained_rows(neural)]
    console.table("all forces", ("model", "R² on frames left out"), rows)


def neural_values(neural: NeuralPotential, nonbonded: Nonbonded | None) -> dict[str, Any]:
    """Sizes, channels, histories, and the effective pair potentials."""
    first = neural.networks[0]
    return {
        "type_names": list(neural.type_names),
        "networks": len(neural.networks),
        "features": first.embedding.shape[1],
        "interactions": len(first.interactions),
        "rank": first.rank,
        "cutoff": neural.cutoff,
        "n_frames": neural.n_frames,
        "channels": [asdict(channel) for channel in neural.channels],
        "spread": neural.spread,
        "spread_high": neural.spread_high,
        "histories": [
            {name: values.tolist() for name, values in vars(history).items()}
            for history in neural.histories
        ],
        "pair_curves": pair_curve_values(neural, nonbonded),
    }


def pair_curve_values(neural: NeuralPotential, nonbonded: Nonbonded | None) -> list[dict[str, Any]]:
    """Energy of two lone beads against their distance, of every pair of types."""
    r = pair_distances(neural, nonbonded)
    return [
        {
            "types": list(types),
            "distances": r.tolist(),
            "energy": pair_curve(neural, nonbonded, types, r).tolist(),
        }
        for types in type_pairs(neural, nonbonded)
    ]
