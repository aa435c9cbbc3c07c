"""The compiled kernel against plain versions of all that it does."""

import hashlib
import itertools
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from autograin_cli import (
    cells,
    elementary,
    internal_coordinates,
    kernel_arrays,
    kernels,
    liquid_arrays,
    liquid_kernels,
    row_forces,
    rows,
)
from autograin_cli.geometry import coordinates
from autograin_cli.kernel_arrays import LANES
from autograin_cli.potential.potential import Potential
from autograin_cli.simulation.compiled import (
    CompiledIntegrator,
    bath_of,
    compiled,
    energies_and_forces,
    spans,
    terms_of,
)
from autograin_cli.simulation.engine import Start
from autograin_cli.simulation.langevin import Felt, constants, kinetic_energy, step
from autograin_cli.simulation.replicas import Replicas, begin
from tabulated import chain, pair, potential, spring, start, structures, table, term

MASSES = [15.0, 30.0, 22.0, 41.0]
SEED = 2**40 + 17  # uses both halves of the key


def plain_noise(n_replicas: int, n_beads: int, number: int) -> Tensor:
    """What the kernel's noise is defined to be, in whole numbers and `math`."""
    n_quads = math.ceil(3 * n_beads / 4)
    noise = np.zeros((n_replicas, 4 * n_quads))
    for replica, quad in itertools.product(range(n_replicas), range(n_quads)):
        a, b, c, d = quad, replica, number % 2**32, number >> 32
        key, lock = SEED % 2**32, SEED >> 32
        for _ in range(10):
            p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
            a, b, c, d = (q >> 32) ^ b ^ key, q % 2**32, (p >> 32) ^ d ^ lock, p % 2**32
            key, lock = (key + 0x9E3779B9) % 2**32, (lock + 0xBB67AE85) % 2**32
        for pair_of_two, word in enumerate([(a << 32) | b, (c << 32) | d]):
            radius = math.sqrt(-2 * math.log(((word >> 24) + 1) / 2**40))
            turn = 2 * math.pi * ((word % 2**24) / 2**24 - 0.5)
            first = 4 * quad + 2 * pair_of_two
            noise[replica, first : first + 2] = radius * np.cos(turn), radius * np.sin(turn)
    return torch.from_numpy(noise[:, : 3 * n_beads].reshape(n_replicas, n_beads, 3))


def plain_felt(given: Potential, positions: Tensor) -> Felt:
    """Forces of the potential, and what is outside."""
    outside = []
    for one in given.terms:
        q = coordinates(one.coordinate, positions, one.beads)
        outside.append(one.is_outside(q).sum())
    return Felt(given.forces(positions), torch.stack(outside))


def plainly_advanced(given: Potential, begun: Start, replicas: Replicas, n_steps: int) -> Replicas:
    """The paper's step again and again, with the kernel's noise."""
    x, v = replicas.positions, replicas.velocities
    felt = plain_felt(given, x)
    parts = constants(begun, friction=2.0)
    kinetic, outside = torch.zeros(len(x)), torch.zeros_like(felt.outside)
    for number in range(replicas.step, replicas.step + n_steps):
        noise = plain_noise(len(x), x.shape[1], number)
        moved = step(x, v, felt.forces, noise, parts, lambda y: plain_felt(given, y))
        x, v, felt = moved.positions, moved.velocities, moved.felt
        kinetic = kinetic + kinetic_energy(moved.middle, parts)
        outside = outside + felt.outside
    return Replicas(
        replicas.step + n_steps, x, v, given.energy(x), kinetic, outside, replicas.diverged
    )


def advanced(
    given: Potential, begun: Start, replicas: Replicas, parts: list[int], threads: int = 1
) -> Replicas:
    """The kernel, called for so many steps at a time."""
    bath = bath_of(begun, 2.0, SEED, limit=math.inf)
    with ThreadPoolExecutor(threads) as pool:
        integrator = CompiledIntegrator(terms_of(given), len(given.terms), bath, pool, threads)
        for n_steps in parts:
            replicas = integrator.advance(replicas, n_steps)
    return replicas


def of_chain(n_replicas: int) -> tuple[Potential, Start, Replicas]:
    begun = start(structures(n_replicas), MASSES, timestep=0.004)
    given = chain()
    return given, begun, begin(begun, len(given.terms), SEED)


def test_forces_and_energies_are_those_of_the_potential() -> None:
    given = chain()
    positions = structures(1003, noise=0.7)
    energies, forces = energies_and_forces(terms_of(given), positions)
    torch.testing.assert_close(energies, given.energy(positions), rtol=1e-11, atol=1e-10)
    expected = given.forces(positions)
    scale = expected.abs().amax((1, 2), keepdim=True)
    torch.testing.assert_close(forces / scale, expected / scale, rtol=0, atol=1e-11)


@pytest.mark.parametrize("bend", [0.0, 1e-13, 1e-7, 1e-3])
def test_a_flat_angle_and_beads_in_a_row_have_finite_forces(bend: float) -> None:
    row = torch.tensor([[-3.0, 0, 0], [0, 0, 0], [3, 0, 0], [6, bend, 0]], dtype=torch.float64)
    given = chain()
    _, forces = energies_and_forces(terms_of(given), row[None])
    assert forces.isfinite().all()
    if bend > 1e-10:  # nearer to a straight line the direction of a force means nothing
        _, bonded = energies_and_forces(terms_of(potential(*given.terms[:3])), row[None])
        expected = potential(*given.terms[:3]).forces(row[None])
        torch.testing.assert_close(bonded, expected, rtol=1e-6, atol=1e-6)


def test_beads_at_one_place_have_finite_forces() -> None:
    _, forces = energies_and_forces(terms_of(pair(10.0)), torch.zeros(1, 2, 3).double())
    assert forces.isfinite().all()


def test_a_path_is_that_of_the_plain_step_with_the_same_noise() -> None:
    given, begun, replicas = of_chain(LANES + 5)
    ours = advanced(given, begun, replicas, [40])
    plain = plainly_advanced(given, begun, replicas, 40)
    for name in ("positions", "velocities", "energy", "kinetic"):
        expected = getattr(plain, name).double()
        torch.testing.assert_close(getattr(ours, name), expected, rtol=1e-9, atol=1e-9)
    assert ours.outside.tolist() == plain.outside.tolist()
    assert int(ours.outside[:3].min()) > 0, "the test is about terms that are met outside"


def test_the_noise_goes_on_beyond_four_thousand_million_steps() -> None:
    given, begun, replicas = of_chain(3)
    late = replace(replicas, step=2**32 - 2)
    ours = advanced(given, begun, late, [4])
    plain = plainly_advanced(given, begun, late, 4)
    torch.testing.assert_close(ours.positions, plain.positions, rtol=1e-11, atol=1e-11)


def assert_same_bits(one: Replicas, other: Replicas) -> None:
    for name in ("positions", "velocities", "energy", "outside"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    given, begun, replicas = of_chain(5 * LANES + 3)
    one = advanced(given, begun, replicas, [50])
    assert_same_bits(one, advanced(given, begun, replicas, [50], threads))


def test_the_division_into_calls_changes_no_bit() -> None:
    given, begun, replicas = of_chain(20)
    one = advanced(given, begun, replicas, [50])
    parts = advanced(given, begun, replicas, [1, 30, 0, 19])
    for name in ("positions", "velocities", "energy"):
        assert torch.equal(getattr(one, name), getattr(parts, name)), name


def test_what_is_outside_is_counted_once_at_the_ends_of_calls() -> None:
    given, begun, replicas = of_chain(20)
    whole = advanced(given, begun, replicas, [50]).outside
    first = advanced(given, begun, replicas, [31])
    assert torch.equal(whole, first.outside + advanced(given, begun, first, [19]).outside)


def test_a_replica_does_not_feel_how_many_others_there_are() -> None:
    given, begun, replicas = of_chain(3 * LANES)
    many = advanced(given, begun, replicas, [50])
    few_begun = start(begun.positions[:2], MASSES, timestep=0.004)
    few = begin(few_begun, len(given.terms), SEED)
    few = replace(few, positions=replicas.positions[:2], velocities=replicas.velocities[:2])
    alone = advanced(given, few_begun, few, [50])
    assert torch.equal(alone.positions, many.positions[:2])


def test_replicas_given_are_not_changed() -> None:
    given, begun, replicas = of_chain(5)
    before = replicas.positions.clone()
    advanced(given, begun, replicas, [10])
    assert torch.equal(replicas.positions, before)


def test_a_replica_that_diverges_stays_where_that_was_seen() -> None:
    given, begun, replicas = of_chain(LANES)
    replicas.velocities[3, 1] = torch.nan
    ours = advanced(given, begun, replicas, [10])
    assert ours.diverged[3] == 0
    assert int((ours.diverged >= 0).sum()) == 1
    assert torch.equal(ours.positions, replicas.positions)


def test_a_table_that_is_not_finite_is_seen_at_the_next_step() -> None:
    broken = table(lambda r: r / (r - r), 0.0, 1.0, points=3, wall=1.0, periodic=False)
    given = potential(term("bond A-B", [[0, 1]], broken))
    begun = start(structures(4)[:, :2], [1.0, 1.0], timestep=0.01)
    ours = advanced(given, begun, begin(begun, 1, 0), [5])
    assert ours.diverged.tolist() == [0] * 4
    assert ours.positions.isfinite().all()


def test_an_exact_spring_is_exact_inside_its_table_and_beyond() -> None:
    positions = torch.zeros(4, 2, 3, dtype=torch.float64)
    positions[:, 1, 0] = torch.tensor([0.3, 2.5, 3.4, 9.0])
    given = potential(term("bond A-B", [[0, 1]], spring(70.0, 3.0)))
    energies, forces = energies_and_forces(terms_of(given), positions)
    shift = positions[:, 1, 0] - 3.0
    torch.testing.assert_close(energies, 35 * shift**2, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(forces[:, 1, 0], -70 * shift, rtol=1e-12, atol=1e-12)


def test_a_period_may_begin_anywhere() -> None:
    shifted = table(
        lambda phi: 4 * (phi + 0.3).cos(), 1.0, 1.0 + 2 * math.pi, wall=0.0, periodic=True
    )
    given = potential(term("dihedral A-A-A-A", [[0, 1, 2, 3]], shifted))
    positions = structures(200, noise=2.0)
    energies, forces = energies_and_forces(terms_of(given), positions)
    torch.testing.assert_close(energies, given.energy(positions), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(forces, given.forces(positions), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("n_replicas", "n_threads"), [(1, 1), (16, 4), (17, 4), (1000, 7)])
def test_threads_share_all_replicas_in_whole_blocks(n_replicas: int, n_threads: int) -> None:
    ranges = spans(n_replicas, n_threads)
    assert [i for first, end in ranges for i in range(first, end)] == list(range(n_replicas))
    assert all(first < end and first % LANES == 0 for first, end in ranges)


def test_the_machine_code_is_in_the_cache_once_the_kernel_has_run() -> None:
    energies_and_forces(terms_of(pair(1.0)), structures(1)[:, :2])
    assert compiled()


PLAIN = (elementary, kernel_arrays)
IN_ROWS = (*PLAIN, cells, liquid_arrays, row_forces)
IN_KERNELS = (elementary, internal_coordinates, kernel_arrays)


@pytest.mark.parametrize(
    ("module", "inlined"),
    [
        (kernels, IN_KERNELS),
        (rows, IN_ROWS),
        (liquid_kernels, (*IN_KERNELS, kernels, liquid_arrays, row_forces)),
    ],
)
def test_a_change_of_what_a_kernel_inlines_is_a_change_of_its_file(
    module: ModuleType, inlined: tuple[ModuleType, ...]
) -> None:
    sources = b"".join(Path(str(one.__file__)).read_bytes() for one in inlined)
    digest = hashlib.sha256(sources).hexdigest()[:16]
    assert digest == module.INLINED, f'write INLINED = "{digest}" in {module.__file__}'


@pytest.mark.slow
def test_the_run_that_compiles_gives_the_bits_of_those_that_do_not(tmp_path: Path) -> None:
    script = (
        "import hashlib, test_kernels as t\n"
        "given, begun, replicas = t.of_chain(40)\n"
        "x = t.advanced(given, begun, replicas, [200]).positions\n"
        "print(hashlib.sha256(x.numpy().tobytes()).hexdigest(), t.compiled())\n"
    )
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        ).stdout
        for _ in range(2)
    ]
    assert told[0] == told[1]
