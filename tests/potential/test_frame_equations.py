"""Normal equations of whole frames against a plain design matrix, by automatic differentiation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli.geometry import coordinates, minimum_image
from autograin_cli.potential import frame_layout
from autograin_cli.potential.bonded_forms import BondedForm, Harmonic
from autograin_cli.potential.forms import Spline
from autograin_cli.potential.frame_equations import (
    accumulate_frames,
    compiled,
    fill,
    predicted,
    runs,
)
from autograin_cli.potential.frame_layout import FrameModel, plan_of
from autograin_cli.potential.grids import Grid, grid_of
from autograin_cli.potential.normal_equations import NormalEquations, forces_of
from autograin_cli.potential.pair_forms import LennardJones, PairForm, PairSpline
from autograin_cli.potential.pair_tables import pair_grid
from autograin_cli.potential.topology import bonded_terms
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory
from fluids import PAIR, Fluid, component, cube

CHAIN = torch.tensor([[0, 1], [1, 2], [2, 3]])
SYSTEM = System((component("chain", "ABBA", 4, CHAIN), component("ion", "C", 7)))
SKEW = torch.tensor([[9.0, 0, 0], [2.5, 9.5, 0], [-1.5, 2.0, 10.0]]).double()
CUTOFF = 4.2
FLUID = Fluid(SYSTEM, SKEW, {})


def model(cutoff: float = CUTOFF, excluded_bonds: int = 2) -> FrameModel:
    """Two bonded terms, pair terms of every form; C and C feel nothing."""
    members = tuple(t for t in bonded_terms(CHAIN, tuple("ABBA")) if t.coordinate != "dihedral")
    bonded: tuple[BondedForm, ...] = (
        Harmonic(1.5),
        Spline(0.5, 3.0, 4, periodic=False),
        Spline(0.2, 3.0, 5, periodic=False),
    )
    pairs: tuple[PairForm, ...] = (
        PairSpline(1.0, cutoff, 6),
        LennardJones(12, 2.0, cutoff - 1, cutoff),
        LennardJones(9, 2.5, cutoff - 2, cutoff),
        PairSpline(1.5, cutoff, 5),
        PairSpline(0.5, cutoff, 4),
    )
    grids = [grid_of(form, 0.5, 3.0) for form in bonded]
    grids += [pair_grid(1.0, cutoff, 5) for _ in pairs]
    kinds = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2))
    return FrameModel(
        SYSTEM, members, (0, 0, 0), bonded, pairs, tuple(grids), kinds, excluded_bonds, cutoff
    )


def trajectory(n_frames: int, seed: int) -> StoredTrajectory:
    """Frames with forces that are noise."""
    positions = FLUID.draw(n_frames, seed)
    forces = torch.randn(positions.shape, generator=torch.Generator().manual_seed(seed)).double()
    boxes = SKEW.expand(n_frames, 3, 3)
    return StoredTrajectory(Chunk(positions, torch.arange(n_frames).double(), boxes, forces))


def plainly(of: FrameModel, positions: Tensor, box: Tensor) -> Tensor:
    """Force of every basis function by automatic differentiation, (coefficients, F, B, 3)."""
    z = positions.clone().requires_grad_()
    values = [
        coordinates(term.coordinate, z, beads)
        for term, beads in zip(of.members, of.instances, strict=True)
    ]
    felt = torch.ones(of.system.n_beads, of.system.n_beads, dtype=torch.bool).triu(1)
    felt[tuple(of.system.exclusions(of.excluded_bonds).T)] = False
    first, second = felt.nonzero().T
    r = minimum_image(z[:, second] - z[:, first], box.expand(len(z), 3, 3)).norm(dim=-1)
    types = torch.stack((of.system.types[first], of.system.types[second])).sort(dim=0).values
    for kinds in of.pair_types:
        mine = (types == torch.tensor(kinds)[:, None]).all(0)
        values.append(r[:, mine])
    rows = []
    for number, (form, q) in enumerate(zip(of.forms, values, strict=True)):
        part = form.local(q)
        within = q < of.cutoff if number >= len(of.members) else torch.ones_like(q)
        for function in range(form.size):
            shares = (part.columns == function) * within[..., None]
            (gradient,) = torch.autograd.grad((part.values * shares).sum(), z, retain_graph=True)
            rows.append(-gradient)
    return torch.stack(rows)


def expected(of: FrameModel, frames: StoredTrajectory, n_blocks: int) -> tuple[Tensor, Tensor]:
    """Matrices and vectors of blocks, from the plain design matrix."""
    rows = plainly(of, frames.chunk.positions, SKEW).unflatten(1, (n_blocks, -1))
    forces = forces_of(frames.chunk).unflatten(0, (n_blocks, -1))
    matrices = torch.einsum("ksfbd,lsfbd->skl", rows, rows)
    return matrices, torch.einsum("ksfbd,sfbd->sk", rows, forces)


@pytest.mark.parametrize("excluded_bonds", [0, 1, 3])
def test_the_sums_are_those_of_the_plain_design_matrix(excluded_bonds: int) -> None:
    of, frames = model(excluded_bonds=excluded_bonds), trajectory(12, seed=1)
    found = accumulate_frames(frames, of, 3)
    matrices, vectors = expected(of, frames, 3)
    largest = float(matrices.abs().max())
    assert torch.allclose(found.matrices, matrices, rtol=1e-10, atol=1e-13 * largest)
    assert torch.allclose(found.vectors, vectors, rtol=1e-10, atol=1e-12 * largest**0.5)
    squares = forces_of(frames.chunk).square().sum((1, 2)).reshape(3, 4).sum(1)
    assert torch.allclose(found.squares, squares, rtol=1e-12)


def test_forces_of_a_filled_design_are_the_plain_sum_over_functions() -> None:
    of, frames = model(), trajectory(3, seed=2)
    plan = plan_of(of)
    design, counts = plan.new_design(), plan.new_counts()
    fill(plan, design, frames.chunk, slice(0, 3), counts)
    weights = torch.randn(of.columns[-1].stop, generator=torch.Generator().manual_seed(1)).double()
    rows = plainly(of, frames.chunk.positions, SKEW)
    exact = torch.einsum("k,kfbd->fbd", weights, rows)
    assert torch.allclose(predicted(plan, design, 3, weights), exact, rtol=1e-10, atol=1e-10)


def test_every_pair_within_the_cutoff_is_counted_once_and_no_excluded_one() -> None:
    of, frames = model(excluded_bonds=1), trajectory(4, seed=3)
    found = accumulate_frames(frames, of, 2).counts
    felt = torch.ones(SYSTEM.n_beads, SYSTEM.n_beads, dtype=torch.bool).triu(1)
    felt[tuple(SYSTEM.exclusions(1).T)] = False
    z, (first, second) = frames.chunk.positions, felt.nonzero().T
    apart = minimum_image(z[:, second] - z[:, first], SKEW.expand(4, 3, 3)).norm(dim=-1)
    types = torch.stack((SYSTEM.types[first], SYSTEM.types[second])).sort(dim=0).values
    for number, kinds in enumerate(of.pair_types, start=len(of.members)):
        mine = apart[:, (types == torch.tensor(kinds)[:, None]).all(0)]
        near = mine[mine < CUTOFF]
        grid = of.grids[number]
        assert torch.equal(found[number], grid.count(near.clamp(min=grid.low)))
    assert [int(count.sum()) for count in found[:3]] == [4 * 4 * 2, 4 * 4 * 1, 4 * 4 * 2]


def test_the_size_of_the_design_matrix_does_not_change_the_sums(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frames = trajectory(15, seed=4)
    whole = accumulate_frames(frames, model(), 4)
    monkeypatch.setattr(frame_layout, "_WORKING_SIZE", 1)
    assert plan_of(model()).n_frames == 1
    assert same(whole, accumulate_frames(frames, model(), 4))


def same(one: NormalEquations, two: NormalEquations) -> bool:
    largest = float(one.matrices.abs().max())
    return (
        torch.allclose(one.matrices, two.matrices, rtol=1e-9, atol=1e-12 * largest)
        and torch.allclose(one.vectors, two.vectors, rtol=1e-9, atol=1e-10)
        and all(torch.equal(a, b) for a, b in zip(one.counts, two.counts, strict=True))
    )


def test_a_triclinic_box_is_the_orthorhombic_one_of_the_same_lattice() -> None:
    frames, of = trajectory(8, seed=5).chunk, model(cutoff=3.1)
    straight = cube(11.0)
    skew = torch.tensor([[11.0, 0, 0], [11.0, 11.0, 0], [0, -11.0, 11.0]]).double()
    found = [
        accumulate_frames(StoredTrajectory(replace(frames, boxes=b.expand(8, 3, 3))), of, 2)
        for b in (straight, skew)
    ]
    assert same(*found)


def test_beads_that_left_the_box_are_where_their_images_are() -> None:
    frames = trajectory(6, seed=6)
    shifts = torch.randint(-2, 3, (6, SYSTEM.n_molecules, 3), generator=torch.Generator())
    moved = frames.chunk.positions + (shifts.double() @ SKEW)[:, SYSTEM.molecules]
    other = StoredTrajectory(replace(frames.chunk, positions=moved))
    assert same(accumulate_frames(frames, model(), 2), accumulate_frames(other, model(), 2))


def test_terms_of_one_type_only_leave_no_trace_in_the_others() -> None:
    of = model()
    found = accumulate_frames(trajectory(5, seed=7), of, 1).matrices[0]
    spline_aa, spline_bc = of.columns[3], of.columns[7]
    assert float(found[spline_aa, spline_bc].abs().max()) == 0.0
    assert float(found[spline_aa, spline_aa].abs().max()) > 0.0


def test_runs_end_where_a_block_does() -> None:
    blocks = torch.tensor([0, 0, 0, 1, 1, 2])
    assert list(runs(blocks, 2)) == [
        (0, slice(0, 2)),
        (0, slice(2, 3)),
        (1, slice(3, 5)),
        (2, slice(5, 6)),
    ]


def test_without_a_box_all_pairs_are_taken_as_they_are() -> None:
    system = System((component("pair", "AB", 1, PAIR),))
    form, grid = LennardJones(12, 3.0, 5.0, 6.0), pair_grid(3.0, 6.0, None)
    of = FrameModel(system, (), (), (), (form,), (grid,), ((0, 1),), 0, 6.0)
    z = torch.tensor([[[0.0, 0, 0], [0, 0, 4.0]]]).double()
    frames = StoredTrajectory(Chunk(z, torch.zeros(1).double(), None, torch.zeros_like(z)))
    found = accumulate_frames(frames, of, 1).matrices[0]
    slopes = form.local(torch.tensor(4.0).double()).derivatives
    assert torch.allclose(found, 2 * torch.outer(slopes, slopes), rtol=1e-12)
    assert isinstance(grid, Grid) and np.isclose(grid.high, 6.0)


def test_machine_code_is_found_once_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    accumulate_frames(trajectory(2, seed=8), model(), 1)
    assert compiled()
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    assert not compiled()
