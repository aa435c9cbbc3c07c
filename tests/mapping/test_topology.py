"""Graphs: symmetry against brute force, rigid groups, quotients, types of beads."""

import networkx
import pytest
import torch
from torch import Tensor

from autograin_cli.mapping.topology import (
    average_over_classes,
    bead_names,
    bead_types,
    components,
    pair_classes,
    quotient_bonds,
    rigid_groups,
    units,
)
from autograin_cli.molecules import Molecule
from systems import alkane, aniline, molecule, ortho_terphenyl, with_hydrogens


def _automorphisms(of: Molecule) -> Tensor:
    """Every automorphism of the bond graph, by brute force, (automorphisms, atoms)."""
    graph = networkx.Graph(of.bonds.tolist())
    for atom, element in enumerate(of.elements):
        graph.add_node(atom, element=element)
    matcher = networkx.algorithms.isomorphism.GraphMatcher(
        graph, graph, node_match=lambda a, b: a["element"] == b["element"]
    )
    found = [[image[a] for a in range(of.n_atoms)] for image in matcher.isomorphisms_iter()]
    return torch.tensor(found)


def _cubane() -> Molecule:
    corners = range(8)
    bonds = [(i, j) for i in corners for j in corners if i < j and (i ^ j).bit_count() == 1]
    return molecule("cubane", "C" * 8, bonds)


@pytest.mark.parametrize(
    ("of", "count"),
    [
        (alkane(2), 72),
        (aniline(), 4),
        (ortho_terphenyl(), 8),
        (_cubane(), 48),
        (with_hydrogens("propanol-like", "CCN", [(0, 1), (1, 2)], [3, 2, 2]), 24),
    ],
)
def test_classes_of_pairs_are_the_orbits_of_the_automorphisms(of: Molecule, count: int) -> None:
    group = _automorphisms(of)
    assert len(group) == count
    matrix = torch.randn(
        of.n_atoms, of.n_atoms, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    matrix = matrix + matrix.T
    expected = torch.stack([matrix[g][:, g] for g in group]).mean(0)
    averaged = average_over_classes(matrix, pair_classes(of))
    torch.testing.assert_close(averaged, expected, rtol=1e-12, atol=1e-12)


def test_pairs_of_equivalent_atoms_are_told_apart() -> None:
    # All carbons of benzene are equivalent, but ortho, meta and para pairs are not.
    benzene = with_hydrogens("benzene", "C" * 6, [(i, (i + 1) % 6) for i in range(6)], [1] * 6)
    classes = pair_classes(benzene)[:6, :6]
    assert len({int(classes[0, j]) for j in range(6)}) == 4
    assert classes[0, 1] == classes[3, 4] and classes[0, 2] == classes[1, 5]


def test_constraints_are_found_and_vibrations_are_not() -> None:
    of = alkane(2)
    generator = torch.Generator().manual_seed(1)
    base = 3 * torch.randn(8, 3, generator=generator, dtype=torch.float64)
    shaken = base + 0.1 * torch.randn(200, 8, 3, generator=generator, dtype=torch.float64)
    # Hydrogens 2, 3, 4 are carried along with carbon 0, up to the rounding of XTC.
    for hydrogen in (2, 3, 4):
        shaken[:, hydrogen] = shaken[:, 0] + base[hydrogen] - base[0]
    shaken += 0.003 * torch.randn(shaken.shape, generator=generator, dtype=torch.float64)
    groups = rigid_groups(shaken, of.bonds)
    assert groups.tolist() == [0, -1, 0, 0, 0, -1, -1, -1]
    assert units(of, groups, connected=False).count == 5


def test_hydrogens_stay_with_their_heavy_atom() -> None:
    parts = units(alkane(3), torch.full((11,), -1), connected=True)
    assert parts.count == 3
    assert parts.labels.tolist() == [0, 1, 2, 0, 0, 0, 1, 1, 2, 2, 2]
    assert parts.neighbours == (frozenset({1}), frozenset({0, 2}), frozenset({1}))


def test_beads_are_bonded_where_their_atoms_are() -> None:
    assignment = torch.tensor([0, 0, 1, 1, 2, -1])
    bonds = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [0, 4]])
    assert quotient_bonds(bonds, assignment).tolist() == [[0, 1], [0, 2], [1, 2]]


def test_equivalent_beads_share_a_type() -> None:
    terphenyl = ortho_terphenyl()
    ring = torch.tensor([0] * 6 + [1] * 6 + [2] * 6)
    labels = torch.cat([ring, ring[terphenyl.bonds[terphenyl.bonds[:, 1] >= 18][:, 0]]])
    orbits = pair_classes(terphenyl).diagonal()
    types = bead_types(labels, 3, quotient_bonds(terphenyl.bonds, labels), orbits)
    assert types == ("A", "B", "B")
    assert bead_names(types) == ("A", "B1", "B2")


def test_equal_beads_in_different_surroundings_differ_in_type() -> None:
    chain = torch.tensor([[i, i + 1] for i in range(5)])
    types = bead_types(torch.arange(6), 6, chain, torch.zeros(6, dtype=torch.int64))
    assert types == ("A", "B", "C", "C", "B", "A")


def test_components_are_numbered_by_their_first_vertex() -> None:
    assert components(5, torch.tensor([[3, 1], [4, 0]])).tolist() == [0, 1, 2, 1, 0]
