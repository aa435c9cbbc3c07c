"""Two neighbouring coordinates together: which they are, independent ones, correlated ones."""

from dataclasses import replace
from math import sqrt

import pytest
import torch
from torch import Tensor

from autograin_cli.comparison.compare import compare
from autograin_cli.comparison.comparison import JointDistribution
from autograin_cli.comparison.joint import coefficient, joints_of
from autograin_cli.comparison.observables import Observable, Subject
from autograin_cli.settings import ComparisonSettings
from autograin_cli.system import System
from autograin_cli.trajectory import Chunk, StoredTrajectory, Trajectory
from gases import ChunkedTrajectory, cube, system_of

SETTINGS = ComparisonSettings(bins=20, resamples=100)
BOND = Observable("bond A-B", "bond", 0, torch.tensor([[0, 1], [1, 2]]), None)
ANGLE = Observable("angle A-B-A", "angle", 0, torch.tensor([[0, 1, 2]]), None)
ALONE = system_of("ABA", 1)


def chain(n_frames: int, correlation: float, seed: int, follow: float = 0.0) -> StoredTrajectory:
    """Bonds of 1.5 and an angle of 2 on average, normal; bonds correlate, the angle may follow."""
    random = torch.Generator().manual_seed(seed)
    x, y, z = torch.randn(3, n_frames, generator=random, dtype=torch.float64)
    first = 1.5 + 0.05 * x
    last = 1.5 + 0.05 * (correlation * x + sqrt(1 - correlation**2) * y)
    angle = 2.0 + 0.1 * (follow * x + sqrt(1 - follow**2) * z)
    zero = torch.zeros_like(x)
    middle = torch.zeros(n_frames, 3, dtype=torch.float64)
    one = torch.stack((first, zero, zero), 1)
    other = torch.stack((last * angle.cos(), last * angle.sin(), zero), 1)
    beads = torch.stack((one, middle, other), 1)
    return StoredTrajectory(Chunk(beads, torch.arange(n_frames).double()))


def compared(
    reference: Trajectory, model: Trajectory, system: System = ALONE
) -> tuple[JointDistribution, ...]:
    subject = Subject(system, system, 1, 300.0, (BOND, ANGLE))
    return compare(reference, model, subject, 0.0, SETTINGS).joint_distributions


def test_neighbours_share_a_bead_an_arm_or_a_bond() -> None:
    bonds = Observable("bond", "bond", 0, torch.tensor([[0, 1], [1, 2], [2, 3]]), None)
    odd = Observable("odd", "bond", 0, torch.tensor([[3, 4]]), None)
    angles = Observable("angle", "angle", 0, torch.tensor([[0, 1, 2], [1, 2, 3], [2, 3, 4]]), None)
    dihedral = Observable("dihedral", "dihedral", 0, torch.tensor([[0, 1, 2, 3]]), None)
    other = Observable("other", "bond", 1, torch.tensor([[0, 1]]), None)
    found = joints_of((bonds, angles, odd, dihedral, other))
    assert [(joint.first.name, joint.second.name) for joint in found] == [
        ("bond", "bond"),
        ("bond", "odd"),
        ("bond", "angle"),
        ("odd", "angle"),
        ("angle", "angle"),
    ]
    instances = [
        {
            (tuple(a), tuple(b))
            for a, b in zip(joint.first.beads.tolist(), joint.second.beads.tolist(), strict=True)
        }
        for joint in found
    ]
    assert instances[0] == {
        ((0, 1), (1, 2)),
        ((1, 2), (0, 1)),
        ((1, 2), (2, 3)),
        ((2, 3), (1, 2)),
    }
    assert instances[1] == {((2, 3), (3, 4))}
    assert len(instances[2]) == 5 and ((0, 1), (1, 2, 3)) not in instances[2]
    assert instances[3] == {((3, 4), (2, 3, 4))}
    assert len(instances[4]) == 4  # two pairs of neighbours, in both orders


def test_independent_coordinates_have_the_product_of_their_distributions() -> None:
    n_frames = 20_000
    (bonds, mixed) = compared(chain(n_frames, 0.0, 1), chain(n_frames, 0.0, 2))
    for found, symmetric in ((bonds, True), (mixed, False)):
        sides = found.first_edges.diff()[0], found.second_edges.diff()[0]
        share = found.reference * sides[0] * sides[1]
        assert float(share.sum()) == pytest.approx(1.0)
        product = share.sum(1)[:, None] * share.sum(0)
        # Counts are binomial; those of bonds are of each frame twice, in both orders, and those
        # of a bond and the angle twice, with one angle.
        n = n_frames / (1 if symmetric else 2)
        z = (share - product) / (product / n).clamp(min=1e-12).sqrt()
        assert float(z[product > 5 / n].abs().max()) < 4.5
        correlation = found.correlation
        assert correlation.reference is not None
        assert abs(correlation.reference) < 4 / sqrt(n)
    assert torch.equal(bonds.reference, bonds.reference.T)


def test_coordinates_that_move_together_have_their_correlation_with_its_error() -> None:
    n_frames, rho = 20_000, 0.6
    found = compared(chain(n_frames, rho, 3), chain(n_frames, -0.3, 4))[0].correlation
    for value, error, expected in (
        (found.reference, found.reference_error, rho),
        (found.model, found.model_error, -0.3),
    ):
        assert value is not None and error is not None
        standard_error = (1 - expected**2) / sqrt(n_frames)
        assert abs(value - expected) < 4 * standard_error
        # From 64 blocks or more: known within a quarter.
        assert error == pytest.approx(standard_error, rel=0.4)


def test_the_marginals_alone_do_not_see_what_the_plane_sees() -> None:
    reference = chain(8000, 0.0, 5)
    same = compared(reference, chain(8000, 0.0, 6))[1].scores[0]
    follows = compared(reference, chain(8000, 0.0, 7, follow=0.8))[1].scores[0]
    assert (same.name, same.unit) == ("jensen-shannon", "bits")
    assert same.value < 1.5 * same.floor
    assert follows.low > 1.5 * follows.floor


def test_a_run_compared_with_itself_scores_zero_and_bands_enclose_it() -> None:
    run = chain(500, 0.3, 8)
    for found in compared(run, run):
        assert found.scores[0].value == 0.0 < found.scores[0].floor
        assert bool((found.reference_low <= found.reference_high).all())
        assert (found.unit, found.first_unit) == (
            ("1/Å²", "Å") if found.second == "bond A-B" else ("1/(Å degrees)", "Å")
        )


def test_planes_of_chunks_and_copies_are_those_of_the_whole() -> None:
    parts = [chain(60, 0.3, seed).chunk for seed in (9, 10)]
    beads = torch.cat([part.positions for part in parts], 1)
    chunk = Chunk(beads, parts[0].times, cube(20.0).expand(60, 3, 3))
    pairs = system_of("ABA", 2)
    whole = compared(StoredTrajectory(chunk), StoredTrajectory(chunk), pairs)
    pieces = compared(ChunkedTrajectory(chunk, 7), ChunkedTrajectory(chunk, 7), pairs)
    for one, other in zip(whole, pieces, strict=True):
        assert torch.equal(one.reference, other.reference)
        assert one.correlation.reference == pytest.approx(other.correlation.reference)


def test_a_coordinate_that_never_moves_has_no_correlation() -> None:
    moments: Tensor = torch.tensor([10.0, 5.0, 0.0, 2.5, 4.0, 0.0]).double()
    assert float(coefficient(moments)) == 0.0
    assert float(coefficient(torch.tensor([2.0, 0.0, 0.0, 2.0, 2.0, -2.0]).double())) == -1.0


def test_molecules_without_neighbouring_coordinates_have_no_planes() -> None:
    single = replace(BOND, beads=BOND.beads[:1])
    assert joints_of((single,)) == ()
