"""Shares of instances outside the sampled range, against every pair plainly."""

import torch

from autograin_cli.geometry import minimum_image
from autograin_cli.simulation.outside import shares_outside
from tabulated import structures
from tabulated_liquids import argon, cubic, dumbbells, isolated_chain, mixture, placed, triclinic


def test_of_pairs_in_the_cutoff_those_nearer_than_any_of_the_reference_are_outside() -> None:
    force_field, box = mixture(), triclinic(22.0)
    positions = placed(force_field, box)
    nonbonded, system = force_field.nonbonded, force_field.system
    assert nonbonded is not None
    excluded = {tuple(pair) for pair in system.exclusions(nonbonded.excluded_bonds).tolist()}
    kinds = [system.type_names[k] for k in system.types.tolist()]
    first, second = torch.triu_indices(system.n_beads, system.n_beads, 1)
    apart = minimum_image(positions[:, second] - positions[:, first], box[None])[0].norm(dim=-1)
    expected = []
    for term in nonbonded.terms:
        near = inside = 0
        for i, j, r in zip(first.tolist(), second.tolist(), apart.tolist(), strict=True):
            if sorted((kinds[i], kinds[j])) == sorted(term.types) and (i, j) not in excluded:
                near += r < term.sampled_low
                inside += r < term.cutoff
        expected.append(near / inside)
    assert max(expected) > 0
    shares = shares_outside(force_field, positions, box)
    assert shares.tolist()[-3:] == expected
    assert len(shares) == len(force_field.term_names)


def test_of_bonded_terms_the_instances_of_all_copies_are_counted() -> None:
    force_field, positions = isolated_chain(), structures(40)
    shares = shares_outside(force_field, positions, None)
    (potential,) = force_field.potentials
    outside = (positions[:, [0, 2]] - positions[:, [1, 3]]).norm(dim=-1)
    bond = potential.terms[0]
    expected = ((outside < bond.sampled_low) | (outside > bond.sampled_high)).double().mean()
    assert float(shares[0]) == float(expected)
    assert 0 < float(expected) < 1


def test_no_bead_has_pairs_without_end_or_without_any() -> None:
    dense = argon(343)
    assert float(shares_outside(dense, placed(dense, cubic(15.0)), cubic(15.0))) > 0
    alone = argon(1)
    assert shares_outside(alone, torch.zeros(1, 1, 3).double(), cubic(15.0)).tolist() == [0.0]
    liquid, box = dumbbells(), cubic(21.0)
    assert len(shares_outside(liquid, placed(liquid, box), box)) == 4
