"""Molecules broken by a periodic box are whole again, in any box."""

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli.geometry import minimum_image
from autograin_cli.mapping.copies import map_copies
from autograin_cli.molecules import bond_tree, molecule_types
from autograin_cli.wholeness import make_whole, spans
from systems import aniline

NO_BONDS = torch.zeros(0, 2, dtype=torch.int64)
BOXES = {
    "cube": [[9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]],
    "slab": [[9.0, 0, 0], [0, 14.0, 0], [0, 0, 22.0]],
    "triclinic": [[10.0, 0, 0], [3.5, 9.0, 0], [-4.0, 3.0, 9.5]],
    "turned": [[6.0, 6.0, 3.0], [-6.0, 7.0, 1.0], [1.0, -2.0, 9.0]],
}


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
    mended = make_whole(wrapped, boxes, tree).positions
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
    assert torch.equal(make_whole(whole, boxes, bond_tree(molecules)).positions, whole)
    assert torch.equal(whole, before)


def test_single_atoms_need_no_bonds() -> None:
    molecules = molecule_types(None, ["Ar"] * 3, None, NO_BONDS, [""] * 3)
    assert molecules[0].copies.tolist() == [[0], [1], [2]]
    positions = torch.randn(2, 3, 3, dtype=torch.float64)
    boxes = torch.eye(3, dtype=torch.float64).expand(2, 3, 3).contiguous()
    assert torch.equal(make_whole(positions, boxes, bond_tree(molecules)).positions, positions)


def _rods(box: Tensor, lengths: list[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Two straight molecules of four atoms along the first box vector, Å, one frame for each
    length, wrapped; their boxes and bonds."""
    along = box[0] / box[0].norm()
    marks = torch.tensor(lengths, dtype=torch.float64)[:, None, None] * along
    rod = torch.linspace(0, 1, 4, dtype=torch.float64)[:, None] * marks
    positions = torch.cat([rod + 0.9 * box[0], rod + 0.5 * box[1] + 0.1 * box[2]], dim=1)
    boxes = box.expand(len(lengths), 3, 3).contiguous()
    bonds = torch.tensor([[0, 1], [1, 2], [2, 3], [4, 5], [5, 6], [6, 7]])
    return positions - (positions @ torch.linalg.inv(boxes)).floor() @ boxes, boxes, bonds


@pytest.mark.parametrize("box", BOXES)
def test_steps_reaches_and_spans_are_those_of_straight_molecules(box: str) -> None:
    vectors = torch.tensor(BOXES[box], dtype=torch.float64)
    inverse = torch.linalg.inv(vectors)
    lengths = torch.tensor([1.5, 3.0, 4.5, 6.0], dtype=torch.float64)
    wrapped, boxes, bonds = _rods(vectors, lengths.tolist())
    tree = bond_tree(molecule_types(None, ["C"] * 8, None, bonds, [""] * 8))
    found = make_whole(wrapped, boxes, tree)
    height = float(1 / inverse.norm(dim=0).max())
    torch.testing.assert_close(found.step, lengths / 3 / height, rtol=1e-10, atol=0)
    torch.testing.assert_close(found.reach, lengths / height, rtol=1e-10, atol=0)
    shares, firsts = spans(found.positions, boxes, tree)
    torch.testing.assert_close(shares, lengths / float(vectors[0].norm()), rtol=1e-10, atol=1e-12)
    assert set(firsts.tolist()) <= {0, 4}


@pytest.mark.parametrize("box", BOXES)
def test_mapped_coordinates_do_not_know_where_molecules_were_cut(box: str) -> None:
    """Beads of the wrapped frames are those of the whole ones, modulo the box, in float64."""
    vectors = torch.tensor(BOXES[box], dtype=torch.float64)
    whole, inner = _liquid(vectors, n_frames=6, seed=3)
    bonds = torch.cat([3 * inner + copy for copy in range(3)])
    molecules = molecule_types(None, ["C"] * 42, None, bonds, [""] * 42)
    # A box of its own in every frame: it breathes by some per cent.
    scale = torch.linspace(1.0, 1.1, 6, dtype=torch.float64)[:, None, None]
    boxes = (scale * vectors).contiguous()
    cells = torch.randint(-3, 4, (6, 42, 3), generator=torch.Generator().manual_seed(4))
    wrapped = whole + cells.double() @ boxes
    encoder = torch.rand(2, 14, generator=torch.Generator().manual_seed(5)).double()
    encoder = encoder / encoder.sum(1, keepdim=True)
    mended = make_whole(wrapped, boxes, bond_tree(molecules)).positions
    found, expected = (map_copies(encoder, x, molecules[0].copies) for x in (mended, whole))
    images = (found - expected).flatten(1, 2) @ torch.linalg.inv(boxes)
    assert (images.round().abs().amax((1, 2)) > 0).all()
    rest = (images - images.round()) @ boxes
    assert rest.abs().max() < 1e-10
