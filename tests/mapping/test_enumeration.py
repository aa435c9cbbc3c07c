"""Enumeration of connected mappings against brute force and known counts."""

from itertools import product

import pytest
import torch

from autograin_cli.mapping.enumeration import enumerate_mappings
from autograin_cli.mapping.rounding import in_order
from autograin_cli.mapping.topology import Units, units
from autograin_cli.molecules import Molecule
from systems import alkane, aniline, ortho_terphenyl


def _graph(n_vertices: int, n_extra: int, seed: int) -> Units:
    """A random connected graph: a tree and some more edges."""
    generator = torch.Generator().manual_seed(seed)
    near: list[set[int]] = [set() for _ in range(n_vertices)]
    edges = [(int(torch.randint(v, (1,), generator=generator)), v) for v in range(1, n_vertices)]
    edges += torch.randint(n_vertices, (n_extra, 2), generator=generator).tolist()
    for i, j in edges:
        if i != j:
            near[i].add(j)
            near[j].add(i)
    return Units(torch.arange(n_vertices), tuple(frozenset(around) for around in near))


def _connected(members: set[int], graph: Units) -> bool:
    reached = {min(members)}
    while True:
        grown = reached | {u for v in reached for u in graph.neighbours[v] if u in members}
        if grown == reached:
            return reached == members
        reached = grown


def _brute_force(graph: Units, n_beads: int) -> set[tuple[int, ...]]:
    found = set()
    for labels in product(range(n_beads), repeat=graph.count):
        members = [{v for v in range(graph.count) if labels[v] == b} for b in range(n_beads)]
        if all(members) and all(_connected(bead, graph) for bead in members):
            found.add(tuple(in_order(torch.tensor(labels)).tolist()))
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_beads", [1, 2, 3, 4])
def test_every_connected_mapping_is_found_once(seed: int, n_beads: int) -> None:
    graph = _graph(7, seed % 4, seed)
    found = enumerate_mappings(graph, n_beads, limit=10**6)
    assert found is not None
    rows = [tuple(row) for row in found.tolist()]
    assert len(rows) == len(set(rows))
    assert set(rows) == _brute_force(graph, n_beads)


@pytest.mark.parametrize(
    ("molecule", "n_beads", "count"),
    [
        (aniline(), 2, 16),
        (ortho_terphenyl(), 3, 826),
        (ortho_terphenyl(), 4, 6735),
        (alkane(8), 4, 35),
    ],
)
def test_known_molecules_have_known_numbers_of_mappings(
    molecule: Molecule, n_beads: int, count: int
) -> None:
    free = torch.full((molecule.n_atoms,), -1)
    found = enumerate_mappings(units(molecule, free, connected=True), n_beads, limit=10**6)
    assert found is not None
    assert len(found) == count


def test_unconnected_mappings_are_all_set_partitions() -> None:
    molecule = alkane(2)
    free = torch.full((8,), -1)
    found = enumerate_mappings(units(molecule, free, connected=False), 3, limit=10**6)
    assert found is not None
    assert len(found) == 966  # Stirling number of the second kind S(8, 3)


@pytest.mark.parametrize("connected", [True, False])
def test_more_mappings_than_the_limit_are_not_listed(connected: bool) -> None:
    molecule = ortho_terphenyl()
    free = torch.full((molecule.n_atoms,), -1)
    assert enumerate_mappings(units(molecule, free, connected=connected), 3, limit=825) is None
