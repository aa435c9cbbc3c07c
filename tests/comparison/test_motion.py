"""Diffusion of molecules from frames that are folded into the box."""

from math import sqrt

import pytest
import torch

from autograin_cli.comparison.motion import Centres, diffusion_coefficient, unwrapped
from autograin_cli.comparison.runs import Run
from autograin_cli.trajectory import Chunk, StoredTrajectory
from gases import cube, system_of

SKEWED = torch.tensor([[16.0, 0, 0], [4, 17, 0], [-3, 5, 18]], dtype=torch.float64)


def walk(n_frames: int, n_molecules: int, diffusion: float, seed: int) -> torch.Tensor:
    """Brownian paths with a step of 1 ps, Å, (frames, molecules, 3)."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.randn(n_frames, n_molecules, 3, generator=generator).double()
    return (sqrt(2 * diffusion) * steps).cumsum(0)


def folded(path: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    return path - (path @ torch.linalg.inv(box)).floor() @ box


def still(path: torch.Tensor) -> torch.Tensor:
    """Without the drift of their centre."""
    return path - path.mean(1, keepdim=True)


@pytest.mark.parametrize("box", [cube(15.0), SKEWED])
def test_folding_into_the_box_is_undone(box: torch.Tensor) -> None:
    path = walk(500, 20, 0.3, seed=0)[:, None]
    boxes = box.expand(500, 3, 3)
    found = unwrapped(folded(path, box), boxes)
    assert found is not None
    torch.testing.assert_close(found - found[:1], path - path[:1], rtol=0, atol=1e-10)


def test_frames_too_far_apart_are_refused() -> None:
    path = walk(500, 20, 1.5, seed=0)[:, None]
    assert unwrapped(folded(path, cube(15.0)), cube(15.0).expand(500, 3, 3)) is None


def test_a_brownian_walk_has_its_coefficient_within_the_error() -> None:
    found = [diffusion_coefficient(walk(400, 40, 0.7, seed)[:, None], 1.0) for seed in range(40)]
    values = torch.tensor(found).double()
    standard_error = float(values[:, 0].std()) / sqrt(40)
    assert abs(float(values[:, 0].mean()) - 0.7) < 4 * standard_error
    # The error of one run is the spread over runs; that of a variance of 40 is 11 %.
    ratio = float(values[:, 1].square().mean()) / float(values[:, 0].var())
    assert abs(ratio - 1) < 4 * sqrt(2 / 39)


def test_centres_of_molecules_are_followed_by_mass() -> None:
    system = system_of("AA", 30)
    path = walk(400, 30, 0.4, seed=1)
    apart = torch.randn(400, 30, 3, generator=torch.Generator().manual_seed(2)).double()
    beads = torch.stack((path + apart, path - apart), dim=2).flatten(1, 2)
    boxes = cube(20.0).expand(400, 3, 3)
    run = Run(StoredTrajectory(Chunk(beads, torch.arange(400).double(), boxes)), system, 1)
    centres = Centres(run)
    run.add_up(centres)
    expected = diffusion_coefficient(still(path)[:, None], 1.0)
    assert centres.diffusion(0) == pytest.approx(expected)


def test_a_box_that_drifts_as_a_whole_diffuses_as_one_at_rest() -> None:
    system = system_of("A", 20)
    path, drift = walk(400, 20, 0.3, seed=4), walk(400, 1, 0.4, seed=5)
    boxes = cube(20.0).expand(400, 3, 3)
    found = []
    for moved in (path, path + drift):
        chunk = Chunk(folded(moved, cube(20.0)), torch.arange(400).double(), boxes)
        centres = Centres(Run(StoredTrajectory(chunk), system, 1))
        centres.add(0, chunk)
        found.append(centres.diffusion(0))
    assert found[0] is not None
    assert found[1] == pytest.approx(found[0])
    assert found[0] == pytest.approx(diffusion_coefficient(still(path)[:, None], 1.0))


def test_uneven_times_and_few_frames_give_no_coefficient() -> None:
    system, boxes = system_of("A", 5), cube(20.0).expand(400, 3, 3)
    path, times = walk(400, 5, 0.1, seed=3), torch.arange(400).double()
    times[200:] -= 150.0
    for n_frames in (60, 400):
        chunk = Chunk(path[:n_frames], times[:n_frames], boxes[:n_frames])
        run = Run(StoredTrajectory(chunk), system, 1)
        centres = Centres(run)
        centres.add(0, chunk)
        assert centres.diffusion(0) is None


def test_steps_that_are_no_times_give_no_coefficient() -> None:
    system, boxes = system_of("A", 5), cube(20.0).expand(400, 3, 3)
    chunk = Chunk(walk(400, 5, 0.1, seed=3), 1000 * torch.arange(400).double(), boxes)
    for timed in (True, False):
        centres = Centres(Run(StoredTrajectory(chunk), system, 1, timed))
        centres.add(0, chunk)
        assert (centres.diffusion(0) is not None) == timed
