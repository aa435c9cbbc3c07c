"""S(q): gases and lattices."""

from math import pi

import pytest
import torch

from autograin_cli.comparison.runs import Run
from autograin_cli.comparison.sampling import divide
from autograin_cli.comparison.waves import Shells, WaveSums, shells_of, waves_of
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory, Trajectory
from gases import ChunkedTrajectory, chains, cube, ideal_gas, system_of

SKEWED = torch.tensor([[16.0, 0, 0], [4, 17, 0], [-3, 5, 18]], dtype=torch.float64)


def summed(trajectory: Trajectory, system: System, box: torch.Tensor, shells: Shells) -> WaveSums:
    run = Run(trajectory, system, 1)
    sums = WaveSums(run, waves_of(box, shells, 0), shells, divide(run.n_frames, 1, 1e9))
    run.add_up(sums)
    return sums


def test_an_ideal_gas_of_two_types_has_one_and_zero() -> None:
    system = System((chains("A", 20, "a"), chains("B", 30, "b")))
    shells = shells_of([SKEWED])
    sums = summed(ideal_gas(system, 800, SKEWED, seed=1), system, SKEWED, shells)
    mean, error, filled = sums.result(divide(800, 1, 800.0))
    assert bool(filled.all())
    for row, expected in enumerate((1.0, 0.0, 1.0)):
        off = (mean[row] - expected) / error[row]
        assert float(off.abs().max()) < 4.5
        assert float(off.square().mean()) < 3.0


def test_rods_of_two_beads_scatter_as_debye_says() -> None:
    system, box = system_of("AA", 40), cube(18.0)
    shells = shells_of([box])
    sums = summed(ideal_gas(system, 600, box, seed=2, length=2.0), system, box, shells)
    mean, error, _ = sums.result(divide(600, 1, 600.0))
    waves = waves_of(box, shells, 0)
    q = 2 * pi / 18.0 * waves.vectors.double().norm(dim=1)
    terms = 1 + torch.sin(2.0 * q) / (2.0 * q)
    expected = torch.zeros(shells.number).double().index_add(0, waves.shells, terms)
    expected /= waves.shells.bincount()
    assert float(((mean[0] - expected) / error[0]).abs().max()) < 4.5


def test_a_lattice_has_its_bragg_peaks_and_nothing_else() -> None:
    n_edge, spacing = 4, 3.0
    grid = spacing * torch.cartesian_prod(*[torch.arange(n_edge)] * 3).double()
    system, box = system_of("A", n_edge**3), cube(n_edge * spacing)
    shells = Shells(2 * pi / (n_edge * spacing), 6)
    boxes = box.expand(16, 3, 3)
    chunk = Chunk(grid.expand(16, -1, 3) + 0.7, torch.arange(16).double(), boxes)
    mean, error, _ = summed(StoredTrajectory(chunk), system, box, shells).result(divide(16, 1, 1.0))
    waves = waves_of(box, shells, 0)
    bragg = (waves.vectors % n_edge == 0).all(1).double()
    expected = torch.zeros(6).double().index_add(0, waves.shells, n_edge**3 * bragg)
    expected /= waves.shells.bincount()
    assert float(expected.max()) > 0.0
    torch.testing.assert_close(mean[0], expected, rtol=1e-10, atol=1e-10)
    assert float(error.max()) < 1e-10


def test_wave_vectors_are_on_the_reciprocal_lattice_in_their_shells_once() -> None:
    shells = Shells(0.45, 8)
    waves = waves_of(SKEWED, shells, 0)
    q = 2 * pi * waves.vectors.double() @ torch.linalg.inv(SKEWED).T
    assert torch.equal((q.norm(dim=1) / 0.45).round().long() - 1, waves.shells)
    both = {*map(tuple, waves.vectors.tolist()), *map(tuple, (-waves.vectors).tolist())}
    assert len(both) == 2 * len(waves.vectors)


def test_shells_are_those_of_the_smaller_box() -> None:
    shells = shells_of([cube(16.0), cube(32.0)])
    assert shells.width == pytest.approx(2 * pi / 16)
    assert float(shells.centres[-1]) <= 4.0


def test_sums_over_chunks_are_those_of_the_whole() -> None:
    system, box = system_of("AB", 10), cube(12.0)
    gas = ideal_gas(system, 45, box, seed=3, length=1.0)
    blocks = divide(45, 1, 45.0)
    one, other = (
        summed(run, system, box, shells_of([box])).result(blocks)
        for run in (gas, ChunkedTrajectory(gas.chunk, 7))
    )
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
