"""Molecules: found along bonds, of one type where they agree."""

import pytest
import torch
from torch import Tensor

from autograin_cli.molecules import bond_tree, molecule_types
from systems import ortho_terphenyl

NO_BONDS = torch.zeros(0, 2, dtype=torch.int64)


def _two_waters_and_an_ion() -> tuple[list[str], list[str], Tensor]:
    """Atoms of two molecules interleaved, an ion between them."""
    names = ["OW", "OW", "NA", "HW1", "HW1", "HW2", "HW2"]
    return (
        names,
        ["O", "O", "Na", "H", "H", "H", "H"],
        torch.tensor([[0, 3], [0, 5], [1, 4], [1, 6]]),
    )


def test_equal_molecules_are_copies_of_one_type_in_the_order_of_their_atoms() -> None:
    names, elements, bonds = _two_waters_and_an_ion()
    masses = torch.tensor([16.0, 16, 23, 1, 1, 1, 1], dtype=torch.float64)
    labels = ["SOL", "SOL", "NA+", "SOL", "SOL", "SOL", "SOL"]
    water, ion = molecule_types(names, elements, masses, bonds, labels)
    assert (water.name, ion.name) == ("SOL", "NA+")
    assert water.atom_names == ("OW", "HW1", "HW2") and water.elements == ("O", "H", "H")
    assert water.masses is not None and water.masses.tolist() == [16, 1, 1]
    assert water.bonds.tolist() == [[0, 1], [0, 2]]
    assert water.copies.tolist() == [[0, 3, 5], [1, 4, 6]]
    assert (ion.n_atoms, ion.n_copies, ion.bonds.shape) == (1, 1, (0, 2))


@pytest.mark.parametrize("what", ["names", "masses", "bonds", "labels"])
def test_molecules_that_differ_in_anything_are_of_two_types(what: str) -> None:
    names, elements, bonds = _two_waters_and_an_ion()
    masses = torch.tensor([16.0, 16, 23, 1, 1, 1, 1], dtype=torch.float64)
    labels = ["SOL"] * 7
    if what == "names":
        names[4] = "DW1"
    elif what == "masses":
        masses[4] = 2.014
    elif what == "bonds":
        bonds = torch.tensor([[0, 3], [0, 5], [1, 4], [4, 6]])
    else:
        labels[1] = labels[4] = labels[6] = "HOH"
    assert len(molecule_types(names, elements, masses, bonds, labels)) == 3


def test_atoms_without_names_are_named_by_element_and_place() -> None:
    elements = ["", "H", "", "H"]
    bonds = torch.tensor([[0, 1], [2, 3]])
    (molecule,) = molecule_types(None, elements, None, bonds, [""] * 4)
    assert (molecule.name, molecule.atom_names) == ("molecule", ("X1", "H2"))
    assert molecule.copies.tolist() == [[0, 1], [2, 3]]
    assert molecule.masses is None
    three = molecule_types(None, ["", "H", "", ""], None, bonds, [""] * 4)
    assert [molecule.name for molecule in three] == ["mol1", "mol2"]


def test_names_of_molecules_are_distinct_and_have_no_strange_characters() -> None:
    labels = ["A B/é", "4HP", "4HP", "4HP", "X", "Y"]
    bonds = torch.tensor([[1, 2], [4, 5]])
    found = molecule_types(list("abcdef"), [""] * 6, None, bonds, labels)
    assert [molecule.name for molecule in found] == ["A_B__", "_4HP", "_4HP_2", "mol4"]


def test_a_tree_reaches_every_atom_after_its_parent_along_a_bond() -> None:
    molecule = ortho_terphenyl()
    tree = bond_tree([molecule])
    assert sorted(tree.order.tolist()) == list(range(32))
    bonded = {tuple(bond) for bond in molecule.bonds.tolist()}
    seen: set[int] = set()
    for atom in tree.order.tolist():
        parent = int(tree.parents[atom])
        assert parent == -1 or parent in seen
        assert parent == -1 or (min(atom, parent), max(atom, parent)) in bonded
        seen.add(atom)
    assert (tree.parents == -1).sum() == 1
