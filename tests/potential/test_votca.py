"""Force matching with splines against an independent program: VOTCA's csg_fmatch."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from autograin_cli.files.atomistic import read as reading
from autograin_cli.potential.fit import fit_force_field
from autograin_cli.potential.forms import evaluate
from autograin_cli.potential.frame_equations import accumulate_frames
from autograin_cli.potential.frame_layout import FrameModel
from autograin_cli.potential.normal_equations import forces_of
from autograin_cli.potential.pair_forms import PairSpline
from autograin_cli.potential.pair_search import frames_of, pairs_of
from autograin_cli.potential.pair_tables import pair_grid
from autograin_cli.potential.regression import standard_errors
from autograin_cli.settings import PotentialSettings, ReadingSettings
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory, gather
from fluids import component
from votca import run_fmatch, write_inputs

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
N_FRAMES, N_BLOCKS, CUTOFF, KNOTS = 240, 24, 7.8, 20
METHANE = System((component("methane", "A", 64),))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("csg_fmatch") is None, reason="csg_fmatch is not installed"),
]


@pytest.fixture(scope="module")
def methane() -> StoredTrajectory:
    """Centres of mass of the methane of the sample, with the forces on the molecules."""
    settings = ReadingSettings(
        topology=str(SAMPLES / "methane.psf"),
        forces=(str(SAMPLES / "methane_forces.dcd"),),
        force_unit="kJ/mol/A",
    )
    read = reading([SAMPLES / "methane.xtc"], settings)
    chunk = gather(read.trajectory, N_FRAMES)
    (molecule,) = read.molecules
    assert molecule.masses is not None
    weights = molecule.masses / molecule.masses.sum()
    z = torch.einsum("a,fcad->fcd", weights, chunk.positions[:, molecule.copies])
    # As they will be in the file that VOTCA reads: single precision, nm.
    z = 10 * (z / 10).float().double()
    f = forces_of(chunk)[:, molecule.copies].sum(2)
    return StoredTrajectory(Chunk(z, chunk.times, chunk.boxes, f))


def pair_force(beads: StoredTrajectory, r: Tensor, force: Tensor) -> Tensor:
    """Forces on all beads for a force tabulated against distance, plainly summed."""
    spline = CubicSpline(r.numpy(), force.numpy())
    total = torch.zeros_like(beads.chunk.positions)
    for frame, where in enumerate(frames_of(beads.chunk, slice(None))):
        pairs = pairs_of(*where, CUTOFF)
        apart = torch.from_numpy(pairs.apart)
        distance = apart.norm(dim=1)
        pull = torch.from_numpy(spline(distance.numpy())) / distance
        pushed = pull[:, None] * apart
        total[frame].index_add_(0, torch.from_numpy(pairs.second), pushed)
        total[frame].index_add_(0, torch.from_numpy(pairs.first), -pushed)
    return total


def test_splines_agree_with_votca(methane: StoredTrajectory, tmp_path: Path) -> None:
    """Same frames, same knots: residual force within 0.1 %, curves within the statistical error.

    VOTCA's force is a cubic spline, ours the slope of one, held at zero at the cutoff and
    smoothed; its errors are those of our coefficients before smoothing.
    """
    settings = PotentialSettings(
        temperature=100.0, pair="spline", cutoff=CUTOFF, pair_knots=KNOTS, blocks=N_BLOCKS
    )
    found, _ = fit_force_field(methane, METHANE, settings)
    assert found.nonbonded is not None
    (term,) = found.nonbonded.terms
    write_inputs(tmp_path, methane.chunk, term.sampled_low, CUTOFF, KNOTS, N_FRAMES)
    r, votca = run_fmatch(tmp_path)
    exact = forces_of(methane.chunk)
    ours = -term.table.evaluate(r)[1]
    missed = [float((exact - pair_force(methane, r, f)).norm()) for f in (votca, ours)]
    assert missed[1] == pytest.approx(missed[0], rel=1e-3)
    form = PairSpline(term.sampled_low, CUTOFF, KNOTS)
    grid = pair_grid(term.sampled_low, CUTOFF, KNOTS)
    model = FrameModel(METHANE, (), (), (), (form,), (grid,), ((0, 0),), 2, CUTOFF)
    sums = accumulate_frames(methane, model, N_BLOCKS)
    others = sums.matrices.sum(0) - sums.matrices
    without = torch.linalg.solve(others, sums.vectors.sum(0) - sums.vectors)
    errors = standard_errors(evaluate(form, without, r)[1])
    counts = torch.from_numpy(np.interp(r, grid.points, term.counts.double().cumsum(0)))
    sampled = (counts > 200) & (r < CUTOFF - 0.5)
    assert (((votca - ours).abs() / errors)[sampled] < 4).all()
    assert float(((votca - ours) / errors)[sampled].square().mean()) < 1.5
