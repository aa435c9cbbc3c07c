"""A box is empty where no atom is within 5 Å; only then may atoms have been left out."""

from collections.abc import Sequence
from dataclasses import replace
from math import pi

import pytest
import torch
from torch import Tensor

from autograin_cli.checking.conditions import Examined
from autograin_cli.checking.emptiness import MOST_EMPTY, emptiness
from autograin_cli.checking.finding import Finding
from autograin_cli.checking.inspection import inspect_input
from autograin_cli.checking.sample import take_sample
from autograin_cli.geometry import minimum_image
from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk
from known_heat import KNOWN, StoredFrames, chunk_of
from systems import molecule


def boxed(chunk: Chunk, box: Tensor) -> StoredFrames:
    return StoredFrames(replace(chunk, boxes=box.expand(chunk.n_frames, 3, 3)))


def empty_share(positions: Tensor, box: Tensor) -> float:
    """Emptiness of frames of single atoms, (frames, atoms, 3)."""
    atoms = torch.arange(positions.shape[1])[:, None]
    kinds = (replace(molecule("atom", "C", []), copies=atoms),)
    frames = boxed(chunk_of(positions, None), box)
    sample = take_sample(frames, kinds, torch.arange(len(positions)))
    return emptiness(Examined(frames, kinds, sample, (), KNOWN))


def test_around_one_atom_a_sphere_of_5_angstrom_is_full_in_any_box() -> None:
    """600 points that fill the box evenly: their error is below that of random ones."""
    skewed = torch.tensor([[14.0, 0.0, 0.0], [3.0, 15.0, 0.0], [-2.0, 4.0, 16.0]]).double()
    for box in (14 * torch.eye(3).double(), skewed):
        full = 4 / 3 * pi * 5**3 / float(torch.linalg.det(box))
        error = (full * (1 - full) / 600) ** 0.5
        for place in ([0.0, 0.0, 0.0], [5.0, 31.0, -7.0]):
            share = empty_share(torch.tensor([[place]]).double(), box)
            assert abs(share - (1 - full)) < 2 * error


@pytest.mark.parametrize(("spacing", "is_full"), [(5.7, True), (8.0, False)])
def test_a_cubic_crystal_is_full_where_half_its_diagonal_is_below_5_angstrom(
    spacing: float, is_full: bool
) -> None:
    places = torch.cartesian_prod(*[torch.arange(4).double()] * 3) * spacing
    share = empty_share(places[None], 4 * spacing * torch.eye(3).double())
    assert (share == 0.0) == is_full


def scattered(
    shape: Sequence[Sequence[float]], density: float, apart: float, seed: int
) -> tuple[Tensor, Tensor]:
    """Put molecules at random where no atom is near another, (molecules, atoms, 3), and the box.

    Args:
        shape: of one molecule, Å, (atoms, 3).
        density: atoms in Å³.
        apart: least distance of atoms of two molecules, Å.
        seed: of the random numbers.
    """
    random = torch.Generator().manual_seed(seed)
    box = 24.0 * torch.eye(3).double()
    one, placed = torch.tensor(shape).double(), torch.zeros(0, 3).double()
    while len(placed) < density * 24.0**3:
        turn = torch.linalg.qr(torch.randn(3, 3, generator=random).double()).Q
        new = one @ turn + 24.0 * torch.rand(3, generator=random).double()
        between = minimum_image((placed[:, None] - new)[None], box[None])[0]
        if not len(placed) or float(between.norm(dim=2).min()) > apart:
            placed = torch.cat([placed, new])
    return placed.reshape(-1, len(one), 3), box


DIMER = ((0.0, 0.0, 0.0), (1.54, 0.0, 0.0))
# Ethane, staggered.
ETHANE = tuple(
    (side * (0.77 + away), out * y, out * z)
    for side in (-1, 1)
    for away, out, y, z in (
        (0.0, 0.0, 0.0, 0.0),
        (0.39, side, 1.02, 0.0),
        (0.39, side, -0.51, 0.88),
        (0.39, side, -0.51, -0.88),
    )
)


def test_fluids_of_united_atoms_are_full_and_solutes_without_their_solvent_are_not() -> None:
    """Dimers at 0.012 in Å³, half as dense as liquid ethane; ethane at 0.006, 4 % of a solution."""
    fluid, box = scattered(DIMER, 0.012, 3.4, seed=1)
    assert empty_share(fluid.reshape(1, -1, 3), box) < MOST_EMPTY
    solute, box = scattered(ETHANE, 0.006, 2.4, seed=2)
    assert empty_share(solute.reshape(1, -1, 3), box) > 1.5 * MOST_EMPTY


def net_force(molecules: Tensor, box: Tensor, noise: float) -> Finding:
    """Finding for molecules whose forces cancel, with noise of so many times their size."""
    n_molecules, n_atoms = molecules.shape[:2]
    random = torch.Generator().manual_seed(3)
    forces = torch.randn(20, n_molecules * n_atoms, 3, generator=random).double()
    forces -= forces.mean(1, keepdim=True)
    forces += noise * torch.randn(forces.shape, generator=random).double()
    positions = molecules.reshape(1, -1, 3) + 0.1 * torch.rand(20, 1, 1).double()
    kind = molecule("m", "C" * n_atoms, [(0, 1)])
    copies = torch.arange(n_molecules * n_atoms).reshape(n_molecules, n_atoms)
    kinds: tuple[Molecule, ...] = (replace(kind, copies=copies),)
    frames = boxed(chunk_of(positions, forces), box)
    (found,) = [one for one in inspect_input(frames, kinds, KNOWN) if one.name == "net-force"]
    return found


def test_noise_of_a_thermostat_is_told_in_a_dilute_liquid_and_left_open_where_there_is_room() -> (
    None
):
    fluid = scattered(DIMER, 0.012, 3.4, seed=4)
    assert net_force(*fluid, noise=1.5).outcome == "warning"
    assert net_force(*fluid, noise=0.0).outcome == "passed"
    gas = scattered(DIMER, 0.002, 3.4, seed=5)
    told = net_force(*gas, noise=1.5)
    assert told.outcome == "unmeasured" and "of the box is empty" in told.measured
    assert net_force(*gas, noise=0.0).outcome == "passed"
