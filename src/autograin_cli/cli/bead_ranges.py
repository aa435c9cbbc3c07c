"""Whether beads of another program have the bonds of the molecules of an artifact."""

from collections.abc import Sequence
from typing import Any

from autograin_cli.cli.console import Console
from autograin_cli.files.artifacts import Artifact
from autograin_cli.mapping.bead_bonds import BondRange, BondWatch
from autograin_cli.mapping.mapping import Mapping

_MOST_OUTSIDE = 0.01  # share of the bonds; a sound model leaves the range of the reference at times


def watch_of(before: Artifact, mappings: Sequence[Mapping], console: Console) -> BondWatch:
    """Prepare to measure the bonds of beads, where the artifact knows how long they are.

    Args:
        before: fit-potential keeps the range of every bond; fit-mapping does not.
        mappings: of the types of molecules, with the copies of a frame.
        console: to say that nothing is known.
    """
    found = tuple(
        BondRange(number, term.name, term.beads, term.sampled_low, term.sampled_high)
        for number, potential in enumerate(before.potentials)
        for term in potential.terms
        if term.coordinate == "bond"
    )
    if not before.potentials:
        console.note("bonds of the beads are not checked: only fit-potential keeps their lengths")
    return BondWatch(mappings, found)


def tell_bonds(watch: BondWatch | None, console: Console) -> dict[str, Any]:
    """Warn of beads that are not those of the molecules, and give what was measured as JSON."""
    if watch is None:
        return {}
    values = []
    for each, found in zip(watch.ranges, watch.sums, strict=True):
        name = watch.mappings[each.molecule].molecule.name
        if found.share_outside > _MOST_OUTSIDE:
            console.warn(
                f"{name}: {found.share_outside:.1%} of the lengths of {each.name} are outside of "
                f"{each.low:.4g} to {each.high:.4g} Å, the range of the reference: they are "
                f"{found.least:.4g} to {found.largest:.4g} Å; these are beads of other molecules, "
                "in another order or unit, or of a model that left the reference"
            )
        values.append(
            {
                "molecule": name,
                "name": each.name,
                "low": each.low,
                "high": each.high,
                "least": found.least,
                "largest": found.largest,
                "outside": found.share_outside,
            }
        )
    return {"bead_bonds": values}
