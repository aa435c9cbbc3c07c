"""What must hold inside the simulation and the comparison of an artifact."""

import torch

from autograin_cli.comparison.comparison import Comparison, Distribution, PairDistribution
from autograin_cli.comparison.verdict import JUDGES, PAIR_JUDGES
from autograin_cli.files.storage.checks import (
    BEADS_OF_COORDINATE,
    ROUNDING,
    check_bands,
    check_box,
    check_choice,
    check_increasing,
    check_range,
    check_unique,
    require,
)
from autograin_cli.files.storage.order_laws import check_order
from autograin_cli.files.visible import visible
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.simulation.simulation import Simulation

_TOO_MANY = 10**9  # copies of a molecule: more than a machine holds


def check_simulation(simulation: Simulation, mappings: tuple[Mapping, ...], n_terms: int) -> None:
    """Check the diagnostics of a run, and that it is of the molecules that are mapped.

    Args:
        simulation: the record.
        mappings: of the types of molecules.
        n_terms: bonded and pair terms of the force field.

    Raises:
        InputError: it names what is wrong and what was expected.
    """
    given = ", ".join(map(visible, simulation.molecules))
    names = tuple(mapping.molecule.name for mapping in mappings)
    expected = f"{', '.join(map(visible, names))}, as mapped"
    require(simulation.molecules == names, f"simulation: molecules {given}", expected)
    check_range("simulation: copies", simulation.copies, 0, _TOO_MANY)
    require(bool(simulation.copies.any()), "simulation: no molecules", "at least one molecule")
    check_box("simulation", simulation.box)
    for name in ("temperature", "timestep"):
        value = getattr(simulation, name)
        require(value > 0, f"simulation: {name} {value}", "more than 0")
    counts = (simulation.replicas, simulation.n_frames)
    require(min(counts) >= 1, f"simulation: {counts} replicas and frames", "1 or more of each")
    require(simulation.friction >= 0, f"simulation: friction {simulation.friction}", "0 or more")
    check_range("simulation: outside", simulation.outside, 0, 1 + ROUNDING)
    for name, most in (("spread", None), ("extrapolated", 1.0)):
        value = getattr(simulation, name)
        if value is not None:
            check_range(f"simulation: {name}", torch.tensor(value), 0, most)
    n_outside = len(simulation.outside)
    require(n_terms == n_outside, f"simulation: outside of {n_outside} terms", str(n_terms))


def check_comparison(comparison: Comparison) -> None:
    """Check the distributions, the g(r) and what else a comparison holds.

    Raises:
        InputError: it names the distribution, what is wrong and what was expected.
    """
    overlap = comparison.overlap
    require(0 <= overlap <= 1, f"comparison: an overlap of {overlap}", "a share from 0 to 1")
    check_unique("comparison: distributions", [item.name for item in comparison.distributions])
    for distribution in comparison.distributions:
        _check_distribution(f"distribution of {visible(distribution.name)}", distribution)
    check_unique("comparison: g(r)", [item.name for item in comparison.pair_distributions])
    for pairs in comparison.pair_distributions:
        _check_pairs(f"g(r) of {visible(pairs.name)}", pairs)
    check_order(comparison)


def _check_distribution(where: str, distribution: Distribution) -> None:
    check_choice(f"{where}: coordinate", distribution.coordinate, tuple(BEADS_OF_COORDINATE))
    check_increasing(f"{where}: edges", distribution.edges, strictly=True)
    check_bands(where, distribution)
    scores = [score.name for score in distribution.scores]
    check_unique(f"{where}: scores", scores)
    require(set(JUDGES) <= set(scores), f"{where}: scores {scores}", f"also {', '.join(JUDGES)}")


def _check_pairs(where: str, pairs: PairDistribution) -> None:
    check_choice(f"{where}: kind", pairs.kind, ("intermolecular", "intramolecular"))
    check_increasing(f"{where}: edges", pairs.edges, strictly=True)
    check_bands(where, pairs)
    check_unique(f"{where}: features", [feature.name for feature in pairs.features])
    scores = [score.name for score in pairs.scores]
    check_unique(f"{where}: scores", scores)
    require(
        set(PAIR_JUDGES) <= set(scores),
        f"{where}: scores {scores}",
        f"also {', '.join(PAIR_JUDGES)}",
    )
