"""Molecules: found along bonds, of one type where they agree, whole in any box."""

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli.geometry import minimum_image
from autograin_cli.molecules import bond_tree, make_whole, molecule_types
from systems import aniline, ortho_terphenyl

NO_BONDS = torch.zeros(0, 2, dtype=torch.int64)
BOXES = {
    "cube": [[9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]],
    "slab": [[9.0, 0, 0], [0, 14.0, 0], [0, 0, 22.0]],
    "triclinic": [[10.0, 0, 0], [3.5, 9.0, 0], [-4.0, 3.0, 9.5]],
    "turned": [[6.0, 6.0, 3.0], [-6.0, 7.0, 1.0], [1.0, -2.0, 9.0]],
}


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


def _liquid(box: Tensor, n_frames: int, seed: int) -> tuple[Tensor, Tensor]:
    """Interleaved copies of a branched ring with bonds below 1.8 Å, Å, and its bonds."""
    generator = torch.Generator().manual_seed(seed)
    molecule = aniline()
    steps = torch.randn(n_frames, 3, 14, 3, generator=generator, dtype=torch.float64)
    steps = 1.5 * steps / steps.norm(dim=-1, keepdim=True)
    positions = torch.zeros_like(steps)
    tree = bond_tree([molecule])
    for atom in tree.order.tolist()[1:]:
        positions[:, :, atom] = positions[:, :, tree.parents[atom]] + steps[:, :, atom]
    positions += torch.rand(n_frames, 3, 1, 3, generator=generator, dtype=torch.float64) @ box
    return positions.transpose(1, 2).reshape(n_frames, -1, 3), molecule.bonds


@pytest.mark.parametrize("box", BOXES)
def test_molecules_wrapped_atom_by_atom_are_whole_again(box: str) -> None:
    vectors = torch.tensor(BOXES[box], dtype=torch.float64)
    whole, inner = _liquid(vectors, n_frames=5, seed=1)
    bonds = torch.cat([3 * inner + copy for copy in range(3)])
    molecules = molecule_types(None, ["C"] * 42, None, bonds, [""] * 42)
    assert len(molecules) == 1 and molecules[0].n_copies == 3
    boxes = vectors.expand(5, 3, 3).contiguous()
    wrapped = whole - (whole @ torch.linalg.inv(boxes)).floor() @ boxes
    assert (wrapped - whole).abs().max() > 1
    tree = bond_tree(molecules)
    mended = make_whole(wrapped, boxes, tree)
    # The first atom stays where it is; the others are where they were relative to it.
    np.testing.assert_array_equal(mended[:, :3], wrapped[:, :3])
    for copy in range(3):
        atoms = torch.arange(copy, 42, 3)
        expected = whole[:, atoms] - whole[:, atoms[:1]]
        found = mended[:, atoms] - mended[:, atoms[:1]]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    # Steps along the tree are what the plain minimum image makes of them.
    atoms = (tree.parents >= 0).nonzero().flatten()
    steps = mended[:, atoms] - mended[:, tree.parents[atoms]]
    plain = minimum_image(wrapped[:, atoms] - wrapped[:, tree.parents[atoms]], boxes)
    torch.testing.assert_close(steps, plain, rtol=0, atol=1e-11)
    # Atoms move by whole box vectors alone.
    images = (mended - wrapped) @ torch.linalg.inv(boxes)
    torch.testing.assert_close(images, images.round(), rtol=0, atol=1e-11)


def test_whole_molecules_are_left_to_the_last_bit() -> None:
    vectors = torch.tensor(BOXES["triclinic"], dtype=torch.float64)
    whole, inner = _liquid(vectors, n_frames=2, seed=2)
    bonds = torch.cat([3 * inner + copy for copy in range(3)])
    molecules = molecule_types(None, ["C"] * 42, None, bonds, [""] * 42)
    boxes = vectors.expand(2, 3, 3).contiguous()
    before = whole.clone()
    assert torch.equal(make_whole(whole, boxes, bond_tree(molecules)), whole)
    assert torch.equal(whole, before)


def test_single_atoms_need_no_bonds() -> None:
    molecules = molecule_types(None, ["Ar"] * 3, None, NO_BONDS, [""] * 3)
    assert molecules[0].copies.tolist() == [[0], [1], [2]]
    positions = torch.randn(2, 3, 3, dtype=torch.float64)
    boxes = torch.eye(3, dtype=torch.float64).expand(2, 3, 3).contiguous()
    assert torch.equal(make_whole(positions, boxes, bond_tree(molecules)), positions)
