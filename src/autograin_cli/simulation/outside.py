"""Which share of the instances of each term is outside its sampled range, in a frame."""

import numpy as np
import torch
from torch import Tensor

from autograin_cli.geometry import coordinates
from autograin_cli.potential.force_field import ForceField
from autograin_cli.potential.pair import Nonbonded
from autograin_cli.potential.pair_search import box_of, pairs_of
from autograin_cli.system import System


def shares_outside(force_field: ForceField, positions: Tensor, box: Tensor | None) -> Tensor:
    """Share of instances outside the sampled range; of pair terms, of the pairs in the cutoff.

    Args:
        force_field: of one replica.
        positions: Å, (replicas, beads, 3).
        box: Å, (3, 3), rows are the box vectors; None in vacuum.

    Returns:
        In the order of `ForceField.term_names`, (terms,).
    """
    shares = list[Tensor]()
    system = force_field.system
    for potential, part, where in zip(
        force_field.potentials, system.components, system.slices, strict=True
    ):
        copies = positions[:, where].reshape(-1, part.n_beads, 3)
        for term in potential.terms:
            outside = term.is_outside(coordinates(term.coordinate, copies, term.beads))
            shares.append(outside.double().mean()[None])
    if force_field.nonbonded is not None:
        frames = positions.double()
        each = [_counts(system, force_field.nonbonded, frame, box) for frame in frames]
        counts = torch.stack(each).sum(0)
        shares.append(counts[0] / counts[1].clamp(min=1.0))
    return torch.cat([torch.zeros(0, dtype=torch.float64), *shares])


def _counts(system: System, nonbonded: Nonbonded, frame: Tensor, box: Tensor | None) -> Tensor:
    """Pairs of each term nearer than any of the reference, and in its cutoff, (2, terms)."""
    pairs, distances = _near(frame, box, nonbonded.cutoff)
    excluded = system.exclusions(nonbonded.excluded_bonds)
    keys = excluded[:, 0] * system.n_beads + excluded[:, 1]
    kinds = system.types[pairs]
    term_of = nonbonded.term_of(system.type_names)[kinds[:, 0], kinds[:, 1]]
    felt = (term_of >= 0) & ~torch.isin(pairs[:, 0] * system.n_beads + pairs[:, 1], keys)
    term_of, distances = term_of[felt], distances[felt]
    lows = torch.tensor([term.sampled_low for term in nonbonded.terms], dtype=torch.float64)
    cutoffs = torch.tensor([term.cutoff for term in nonbonded.terms], dtype=torch.float64)
    n_terms = len(nonbonded.terms)
    near = torch.bincount(term_of[distances < lows[term_of]], minlength=n_terms)
    inside = torch.bincount(term_of[distances < cutoffs[term_of]], minlength=n_terms)
    return torch.stack((near, inside)).double()


def _near(frame: Tensor, box: Tensor | None, reach: float) -> tuple[Tensor, Tensor]:
    """Pairs nearer than a reach, (pairs, 2), the smaller number first, and their distances."""
    where = box_of(None if box is None else box.double().numpy())
    found = pairs_of(np.ascontiguousarray(frame.numpy()), where, reach)
    pairs = torch.from_numpy(np.stack((found.first, found.second), axis=1)).sort(dim=1).values
    return pairs, torch.from_numpy(found.apart).norm(dim=1)
