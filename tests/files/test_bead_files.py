"""Trajectories of beads that another program wrote."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.bead_files import read_beads
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.geometry import minimum_image
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, join
from gases import chains, cube, ideal_gas, system_of

SKEWED = torch.tensor([[16.0, 0, 0], [4, 17, 0], [-3, 5, 18]], dtype=torch.float64)
ROUNDING = 2e-5  # Å, of single precision


def written(path: Path, chunk: Chunk) -> Path:
    write_trajectory(path, iter([chunk]), overwrite=False)
    return path


def folded(positions: Tensor, box: Tensor) -> Tensor:
    return positions - (positions @ torch.linalg.inv(box)).floor() @ box


@pytest.mark.parametrize("box", [cube(14.0), SKEWED])
def test_molecules_are_made_whole_along_their_bonds(tmp_path: Path, box: Tensor) -> None:
    system = system_of("ABC", 12)
    gas = ideal_gas(system, 5, box, seed=0, length=2.0).chunk
    broken = Chunk(folded(gas.positions, box), gas.times, gas.boxes)
    found = read_beads([written(tmp_path / "cg.trr", broken)], system)
    assert (found.system, found.replicas) == (system, 1)
    whole = join(list(found.trajectory.chunks())).positions
    copies = whole.reshape(5, 12, 3, 3)
    lengths = copies.diff(dim=2).norm(dim=-1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, 2.0), rtol=0, atol=ROUNDING)
    moved = minimum_image(whole - gas.positions, gas.boxes if gas.boxes is not None else box)
    assert float(moved.abs().max()) < ROUNDING


def test_a_box_may_hold_other_numbers_in_the_same_proportions(tmp_path: Path) -> None:
    fitted = System((chains("AB", 4, "first"), chains("C", 6, "second")))
    larger = fitted.with_copies([10, 15])
    gas = ideal_gas(larger, 3, cube(14.0), seed=1, length=1.0).chunk
    found = read_beads([written(tmp_path / "cg.trr", gas)], fitted)
    assert [part.n_copies for part in found.system.components] == [10, 15]
    assert found.replicas == 1
    assert [file.role for file in found.inputs] == ["model"]


def test_without_a_box_molecules_are_replicas(tmp_path: Path) -> None:
    positions = torch.randn(4, 14, 3, generator=torch.Generator().manual_seed(0)).double()
    path = written(tmp_path / "cg.trr", Chunk(positions, torch.arange(4).double()))
    found = read_beads([path], system_of("AA", 64))
    assert (found.system.n_molecules, found.replicas) == (1, 7)
    (chunk,) = found.trajectory.chunks()
    assert chunk.boxes is None
    torch.testing.assert_close(chunk.positions, positions, rtol=0, atol=ROUNDING)


def test_several_files_follow_one_another(tmp_path: Path) -> None:
    system = system_of("A", 10)
    gas = ideal_gas(system, 8, cube(14.0), seed=2).chunk
    assert gas.boxes is not None
    paths = [
        written(tmp_path / f"{k}.trr", Chunk(gas.positions[r], gas.times[r], gas.boxes[r]))
        for k, r in enumerate((slice(0, 5), slice(4, 8)))
    ]
    found = read_beads(paths, system)
    assert found.trajectory.n_frames == 8
    assert "1 frame repeats times" in found.assumptions[-1]


def test_beads_that_are_no_whole_multiple_are_refused(tmp_path: Path) -> None:
    gas = ideal_gas(system_of("A", 7), 2, cube(14.0), seed=3).chunk
    path = written(tmp_path / "cg.trr", gas)
    with pytest.raises(InputError, match="7 beads"):
        read_beads([path], system_of("AB", 64))


def test_files_of_different_numbers_are_refused(tmp_path: Path) -> None:
    paths = [
        written(tmp_path / f"{n}.trr", ideal_gas(system_of("A", n), 2, cube(14.0), seed=3).chunk)
        for n in (5, 6)
    ]
    with pytest.raises(InputError, match="5, 6 beads"):
        read_beads(paths, system_of("A", 3))


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="nothing"):
        read_beads([tmp_path / "nothing.xtc"], system_of("A", 3))
