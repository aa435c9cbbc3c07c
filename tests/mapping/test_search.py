"""Local search against enumeration, and its running sums against plain ones."""

import pytest
import torch

from autograin_cli.mapping.enumeration import enumerate_mappings
from autograin_cli.mapping.moments import moments
from autograin_cli.mapping.rounding import round_shares
from autograin_cli.mapping.scoring import Objective, score
from autograin_cli.mapping.scoring import objective as contracted
from autograin_cli.mapping.search import agglomerate, improve, local_search, random_mapping
from autograin_cli.mapping.topology import Units, components, units
from systems import ortho_terphenyl, springs


def _problem(seed: int) -> tuple[Objective, Units]:
    molecule = ortho_terphenyl()
    positions = springs(molecule.bonds, molecule.n_atoms, seed).draw(100, seed)
    parts = units(molecule, torch.full((32,), -1), connected=True)
    assert molecule.masses is not None
    gram = moments(positions).gram
    return contracted(gram, None, molecule.masses, parts, (1.0, 10.0, 0.0)), parts


@pytest.mark.parametrize("seed", range(4))
def test_local_search_finds_the_optimum_that_enumeration_proves(seed: int) -> None:
    target, parts = _problem(seed)
    listed = enumerate_mappings(parts, 4, limit=10**5)
    assert listed is not None
    best = float(score(target, listed, 4).objective.min())
    generator = torch.Generator().manual_seed(seed)
    starts = [agglomerate(target, parts, 4)]
    starts += [random_mapping(parts, 4, generator) for _ in range(8)]
    visited = local_search(target, parts, 4, starts, rounds=30, seed=seed)
    assert float(score(target, visited, 4).objective.min()) == pytest.approx(best, rel=1e-9)


def test_no_move_improves_a_local_optimum_and_its_beads_are_connected() -> None:
    target, parts = _problem(5)
    start = random_mapping(parts, 3, torch.Generator().manual_seed(0))
    found = improve(target, parts, start, 3)
    value = float(score(target, found, 3).objective)
    assert value < float(score(target, start, 3).objective)
    for unit in range(parts.count):
        for bead in range(3):
            moved = found.clone()
            moved[unit] = bead
            if _is_allowed(parts, moved, 3):
                assert float(score(target, moved, 3).objective) >= value * (1 - 1e-9)
    assert _is_allowed(parts, found, 3)


def _is_allowed(parts: Units, labels: torch.Tensor, n_beads: int) -> bool:
    inside = [
        (u, v)
        for u, around in enumerate(parts.neighbours)
        for v in around
        if labels[u] == labels[v]
    ]
    edges = torch.tensor(inside).reshape(-1, 2)
    return len(components(parts.count, edges).unique()) == n_beads == len(labels.unique())


def test_agglomeration_and_random_starts_have_connected_beads() -> None:
    target, parts = _problem(6)
    assert _is_allowed(parts, agglomerate(target, parts, 5), 5)
    for seed in range(10):
        assert _is_allowed(parts, random_mapping(parts, 5, torch.Generator().manual_seed(seed)), 5)


def test_rounding_never_leaves_a_bead_empty_or_torn() -> None:
    _, parts = _problem(7)
    generator = torch.Generator().manual_seed(8)
    for _ in range(20):
        logits = torch.randn(6, 32, generator=generator, dtype=torch.float64)
        logits[0] += 5  # nearly everything wants to be in one bead
        labels = round_shares(torch.softmax(logits, 0), parts, connected=False)
        assert len(labels.unique()) == 6
        assert _is_allowed(parts, round_shares(torch.softmax(logits, 0), parts, connected=True), 6)
