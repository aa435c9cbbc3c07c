"""Bonds and hydrogens from distances: rings closed, neighbours kept apart, boxes respected."""

from pathlib import Path

import MDAnalysis
import pytest
import torch
from torch import Tensor

from autograin_cli.bond_inference import infer_bonds, infer_hydrogens
from autograin_cli.errors import InputError
from autograin_cli.files.formats.xtc import open_xtc

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
ETHANE = torch.tensor(
    [
        *([-0.765, 0.0, 0.0], [0.765, 0.0, 0.0]),
        *([-1.16, 1.02, 0.0], [-1.16, -0.51, 0.883], [-1.16, -0.51, -0.883]),
        *([1.16, -1.02, 0.0], [1.16, 0.51, 0.883], [1.16, 0.51, -0.883]),
    ],
    dtype=torch.float64,
)
ETHANE_BONDS = torch.tensor([[0, 1], [0, 2], [0, 3], [0, 4], [1, 5], [1, 6], [1, 7]])


@pytest.mark.parametrize("name", ["otp", "aniline"])
@pytest.mark.parametrize("suffix", ["", "_6ps"])
def test_the_bond_graph_of_real_molecules_is_found_from_positions_alone(
    name: str, suffix: str
) -> None:
    path = SAMPLES / f"{name}{suffix}.xtc"
    with pytest.warns(UserWarning, match="coordinate reader"):
        universe = MDAnalysis.Universe(str(SAMPLES / f"{name}.psf"), to_guess=())
    file = open_xtc(path)
    rows = torch.linspace(0, file.n_frames - 1, 150).round().long().numpy()
    positions = torch.from_numpy(file.read(rows).positions)
    bonds = infer_bonds(positions, None)
    expected = sorted(tuple(sorted(bond)) for bond in universe.bonds.indices.tolist())
    assert [tuple(bond) for bond in bonds.tolist()] == expected
    hydrogens = infer_hydrogens(positions, None, bonds).tolist()
    assert hydrogens == [atom.mass < 2 for atom in universe.atoms]


def _liquid(box: Tensor, n_side: int, n_frames: int) -> Tensor:
    """Ethane molecules on a lattice of the box that turn, vibrate and are wrapped, Å."""
    generator = torch.Generator().manual_seed(3)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    places = torch.cartesian_prod(*[torch.arange(n_side) / n_side] * 3).double() @ box
    turns, _ = torch.linalg.qr(noise(n_frames, n_side**3, 3, 3))
    atoms = ETHANE @ turns + places[:, None] + 0.3 * noise(n_frames, n_side**3, 1, 3)
    atoms = (atoms + 0.04 * noise(*atoms.shape)).reshape(n_frames, -1, 3)
    wrapped: Tensor = atoms - (atoms @ torch.linalg.inv(box)).floor() @ box
    return wrapped


@pytest.mark.parametrize(
    "rows",
    [
        [[18.0, 0, 0], [0, 18.0, 0], [0, 0, 18.0]],
        [[19.0, 0, 0], [5.0, 19.0, 0], [-6.0, 5.0, 19.0]],
    ],
)
def test_molecules_of_a_wrapped_liquid_are_kept_apart(rows: list[list[float]]) -> None:
    box = torch.tensor(rows, dtype=torch.float64)
    positions = _liquid(box, n_side=4, n_frames=40)
    boxes = box.expand(40, 3, 3)
    bonds = infer_bonds(positions, boxes)
    expected = torch.cat([ETHANE_BONDS + 8 * copy for copy in range(64)])
    assert bonds.tolist() == expected.tolist()
    hydrogens = infer_hydrogens(positions, boxes, bonds)
    assert hydrogens.tolist() == [atom % 8 > 1 for atom in range(512)]


def test_hydrogens_are_told_from_oxygens_and_nitrogens_with_short_bonds() -> None:
    # Hydrogen cyanide, carbon dioxide and water, far apart.
    positions = torch.tensor(
        [
            *([0.0, 0, 0], [1.07, 0, 0], [2.23, 0, 0]),
            *([0.0, 20, 0], [1.16, 20, 0], [2.32, 20, 0]),
            *([0.0, 40, 0], [0.96, 40, 0], [-0.24, 40.93, 0]),
        ],
        dtype=torch.float64,
    )[None]
    bonds = infer_bonds(positions, None)
    assert bonds.tolist() == [[0, 1], [1, 2], [3, 4], [4, 5], [6, 7], [6, 8]]
    hydrogens = infer_hydrogens(positions, None, bonds)
    assert hydrogens.nonzero().flatten().tolist() == [0, 7, 8]


def test_neighbours_that_come_and_go_are_not_bonded() -> None:
    generator = torch.Generator().manual_seed(4)
    positions = torch.zeros(50, 2, 3, dtype=torch.float64)
    positions[:, 1, 0] = 2.0 + 0.4 * torch.randn(50, generator=generator, dtype=torch.float64)
    assert len(infer_bonds(positions, None)) == 0
    positions[:, 1, 0] = 2.0 + 0.1 * torch.randn(50, generator=generator, dtype=torch.float64)
    assert infer_bonds(positions, None).tolist() == [[0, 1]]


def test_one_atom_has_no_bonds() -> None:
    positions = torch.zeros(3, 1, 3, dtype=torch.float64)
    bonds = infer_bonds(positions, None)
    assert bonds.shape == (0, 2)
    assert infer_hydrogens(positions, None, bonds).tolist() == [False]


@pytest.mark.parametrize(
    "rows",
    [
        [[14.0, 0, 0], [0, 9.0, 0], [0, 0, 11.0]],
        [[10.0, 0, 0], [4.0, 9.0, 0], [-4.0, 3.0, 9.5]],
        [[6.0, 6.0, 3.0], [-6.0, 7.0, 1.0], [1.0, -2.0, 9.0]],
    ],
)
def test_bonds_across_any_face_of_a_box_are_those_of_the_nearest_images(
    rows: list[list[float]],
) -> None:
    """Pairs of atoms 1.5 Å apart, cut by the box; any two others are farther apart."""
    generator = torch.Generator().manual_seed(6)
    box = torch.tensor(rows, dtype=torch.float64)
    places = torch.cartesian_prod(*[torch.arange(2) / 2] * 3).double() @ box
    for _ in range(20):
        shift = torch.rand(3, generator=generator, dtype=torch.float64) @ box
        turn = torch.randn(8, 3, generator=generator, dtype=torch.float64)
        half = 0.75 * turn / turn.norm(dim=1, keepdim=True)
        atoms = torch.stack([places - half, places + half], dim=1).reshape(16, 3) + shift
        wrapped = atoms - (atoms @ torch.linalg.inv(box)).floor() @ box
        images = torch.cartesian_prod(*[torch.arange(-2, 3)] * 3).double() @ box
        apart = (wrapped[:, None, None] - wrapped[None, :, None] + images).norm(dim=-1).amin(-1)
        expected = (apart < 1.5 + 1e-9).triu(1).nonzero()
        others = (apart < 1.6).triu(1).sum()
        if others > len(expected):  # two pairs that nearly touch
            continue
        bonds = infer_bonds(wrapped.expand(2, -1, -1), box.expand(2, 3, 3))
        tree = {tuple(bond) for bond in bonds.tolist()}
        assert {tuple(pair) for pair in expected.tolist()} <= tree
        assert all(apart[first, second] < 2.4 for first, second in tree)


def test_a_hydrogen_bond_that_lasts_is_no_bond() -> None:
    # Two molecules of water that do not move apart, 1.8 Å from hydrogen to oxygen.
    water = torch.tensor([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]], dtype=torch.float64)
    other = water + torch.tensor([2.76, 0.0, 0.0], dtype=torch.float64)
    positions = torch.cat([water, other])[None].expand(5, -1, -1)
    hydrogens = torch.tensor([False, True, True] * 2)
    within = [[0, 1], [0, 2], [3, 4], [3, 5]]
    assert [1, 3] in infer_bonds(positions, None).tolist()
    assert infer_bonds(positions, None, hydrogens).tolist() == within
    # An oxygen is not bonded once, though a topology in another order calls it a hydrogen.
    wrong = torch.tensor([True, False, False] * 2)
    assert infer_bonds(positions, None, wrong).tolist() == infer_bonds(positions, None).tolist()
    # What is far from every atom is no hydrogen, whatever its name says.
    assert [1, 3] in infer_bonds(1.3 * positions, None, hydrogens).tolist()


@pytest.mark.parametrize("edge", [3.0, None])
def test_positions_in_nm_are_refused_before_all_pairs_are_listed(edge: float | None) -> None:
    """2700 atoms of water in (3 nm)³: 72 million pairs of nearest images within 4 Å."""
    positions = 3.0 * torch.rand(
        2, 2700, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    boxes = None if edge is None else (edge * torch.eye(3).double()).expand(2, 3, 3)
    with pytest.raises(InputError, match="which may be nm"):
        infer_bonds(positions, boxes)
