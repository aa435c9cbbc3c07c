"""Reading as the commands do it: real files, every assumption said, nothing left behind."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import MDAnalysis
import numpy as np
import pytest
import torch
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

from autograin_cli.errors import FileAccessError, InputError, SettingError
from autograin_cli.files.atomistic import Reading, read
from autograin_cli.files.fingerprints import shared_frames
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Chunk, join

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
FORCES = ReadingSettings(forces=(str(SAMPLES / "otp_forces.dcd"),), force_unit="kJ/mol/A")


def _all(reading: Reading) -> Chunk:
    return join(list(reading.trajectory.chunks()))


def _with_topology(settings: ReadingSettings = FORCES) -> ReadingSettings:
    return replace(settings, topology=str(SAMPLES / "otp.psf"))


@pytest.mark.filterwarnings("ignore")
def test_positions_and_times_are_those_of_a_universe() -> None:
    found = _all(read([SAMPLES / "otp.dcd"], _with_topology(ReadingSettings(stride=50))))
    universe = MDAnalysis.Universe(str(SAMPLES / "otp.psf"), str(SAMPLES / "otp.dcd"), to_guess=())
    steps = universe.trajectory[::50]
    assert found.n_frames == len(steps)
    for step, time, positions in zip(steps, found.times, found.positions, strict=True):
        np.testing.assert_array_equal(step.positions.astype(np.float64), positions.numpy())
        assert step.time == pytest.approx(float(time), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["otp", "aniline"])
@pytest.mark.parametrize("ending", ["xtc", "dcd"])
def test_the_molecule_is_the_same_with_and_without_topology(name: str, ending: str) -> None:
    path = SAMPLES / f"{name}.{ending}"
    (known,) = read([path], ReadingSettings(topology=str(SAMPLES / f"{name}.psf"))).molecules
    reading = read([path], ReadingSettings())
    (found,) = reading.molecules
    assert torch.equal(found.bonds, known.bonds) and torch.equal(found.copies, known.copies)
    assert [e == "H" for e in found.elements] == [e == "H" for e in known.elements]
    assert (known.masses is not None, found.masses is None, found.name) == (True, True, "molecule")
    lines = "\n".join(reading.assumptions)
    assert "no topology" in lines and "masses" in lines
    assert f"{len(known.bonds)} bonds are inferred" in lines and "hydrogens" in lines


def test_forces_belong_to_their_frames_and_their_number_is_said() -> None:
    reading = read([SAMPLES / "otp.xtc"], _with_topology())
    assert reading.trajectory.has_forces
    assert any("by time: 3000 of 3000 frames have forces" in line for line in reading.assumptions)
    found = _all(reading)
    assert found.forces is not None and found.forces.shape == found.positions.shape
    raw = _all(read([SAMPLES / "otp_forces.dcd"], ReadingSettings()))
    assert torch.equal(found.forces, raw.positions)
    kcal = _all(
        read([SAMPLES / "otp.xtc"], _with_topology(replace(FORCES, force_unit="kcal/mol/A")))
    )
    assert kcal.forces is not None
    torch.testing.assert_close(kcal.forces, 4.184 * found.forces, rtol=1e-14, atol=0)


def test_the_force_on_a_free_molecule_is_opposed_to_its_displacement_along_bonds() -> None:
    """Check frames, atoms and unit at once by the bond thermometer of the C-H bonds.

    k_BT = -<d (F_j - F_i)·r / 2> / <1 + 2 d / r>, d = r - <r>; its error from the blocks.
    """
    reading = read([SAMPLES / "otp.dcd"], _with_topology())
    found, (molecule,) = _all(reading), reading.molecules
    assert found.forces is not None
    hydrogen = torch.tensor([element == "H" for element in molecule.elements])
    bonds = molecule.bonds[hydrogen[molecule.bonds].any(1)]
    between = found.positions[:, bonds[:, 1]] - found.positions[:, bonds[:, 0]]
    lengths = between.norm(dim=-1)
    pull = ((found.forces[:, bonds[:, 1]] - found.forces[:, bonds[:, 0]]) * between).sum(
        -1
    ) / lengths
    stretch = lengths - lengths.mean(0)
    ratios = (-(stretch * pull / 2)).mean(1) / (1 + 2 * stretch / lengths).mean()
    blocks = torch.stack([block.mean() for block in ratios.chunk(20)]) / 0.00831446261815324
    error = float(blocks.std() / 20**0.5)
    assert abs(float(blocks.mean()) - 300) < 4 * error
    assert error < 10


@pytest.mark.parametrize("ending", ["npy", "npz", "trr"])
def test_forces_of_any_format_are_the_same(tmp_path: Path, ending: str) -> None:
    expected = _all(read([SAMPLES / "otp.dcd"], _with_topology())).forces
    assert expected is not None
    path = tmp_path / f"forces.{ending}"
    if ending == "npy":
        np.save(path, expected.numpy())
    elif ending == "npz":
        np.savez(path, expected.numpy())
    else:
        frames = _all(read([SAMPLES / "otp.dcd"], _with_topology()))
        write_trajectory(path, iter([frames]), overwrite=False)
    unit = None if ending == "trr" else "kJ/mol/A"
    settings = ReadingSettings(forces=(str(path),), force_unit=unit)
    found = _all(read([SAMPLES / "otp.dcd"], _with_topology(settings))).forces
    assert found is not None
    torch.testing.assert_close(found, expected, rtol=3e-7, atol=1e-5)


def test_forces_in_the_trajectory_itself_are_read(tmp_path: Path) -> None:
    frames = _all(read([SAMPLES / "otp.dcd"], _with_topology()))
    write_trajectory(tmp_path / "a.trr", iter([frames]), overwrite=False)
    reading = read([tmp_path / "a.trr"], ReadingSettings(begin=100, end=200))
    assert reading.trajectory.has_forces
    found = _all(reading)
    used = (frames.times >= 100) & (frames.times < 200)
    assert found.forces is not None and frames.forces is not None
    torch.testing.assert_close(found.forces, frames.forces[used], rtol=3e-7, atol=1e-5)
    torch.testing.assert_close(found.positions, frames.positions[used], rtol=3e-7, atol=1e-6)


def test_a_selection_applies_to_forces_and_molecules(tmp_path: Path) -> None:
    whole = _all(read([SAMPLES / "otp.dcd"], _with_topology()))
    reading = read([SAMPLES / "otp.dcd"], replace(_with_topology(), select="name C*"))
    found = _all(reading)
    carbons = torch.tensor([*range(6), *range(10, 16), *range(21, 27)])
    names = read([SAMPLES / "otp.dcd"], _with_topology()).molecules[0].atom_names
    assert [names[c] for c in carbons] == list(reading.molecules[0].atom_names)
    assert whole.forces is not None and found.forces is not None
    assert torch.equal(found.positions, whole.positions[:, carbons])
    assert torch.equal(found.forces, whole.forces[:, carbons])
    assert len(reading.molecules[0].bonds) == 20 and reading.trajectory.n_atoms == 18
    # A force file may hold the selected atoms alone.
    np.save(tmp_path / "f.npy", found.forces.numpy())
    settings = replace(_with_topology(), select="name C*", forces=(str(tmp_path / "f.npy"),))
    again = _all(read([SAMPLES / "otp.dcd"], settings)).forces
    assert again is not None and torch.equal(again, found.forces)


def test_inputs_say_what_was_used() -> None:
    settings = replace(_with_topology(), begin=1000.0, end=2000.0, stride=4)
    reading = read([SAMPLES / "otp.xtc"], settings)
    trajectory, forces, topology = reading.inputs
    assert [file.role for file in reading.inputs] == ["trajectory", "forces", "topology"]
    times = _all(reading).times
    assert trajectory.n_frames == forces.n_frames == reading.trajectory.n_frames == len(times)
    assert (trajectory.first_time, trajectory.last_time) == (float(times[0]), float(times[-1]))
    assert (trajectory.stride, topology.n_frames) == (4, 0)
    assert float(times[0]) == pytest.approx(1000, abs=1e-3) and float(times[-1]) < 2000


def test_training_and_held_out_frames_share_nothing() -> None:
    def inputs(**window: float) -> Reading:
        return read([SAMPLES / "otp.xtc"], ReadingSettings(**window))  # type: ignore[arg-type]

    training, held_out = inputs(end=3000.0), inputs(begin=3000.0)
    assert training.trajectory.n_frames + held_out.trajectory.n_frames == 3000
    assert shared_frames(training.inputs, held_out.inputs) == 0
    assert shared_frames(training.inputs, training.inputs) == 1
    half = shared_frames(training.inputs, inputs().inputs)
    assert half == pytest.approx(training.trajectory.n_frames / 3000)


def test_nothing_is_written_beside_the_files(tmp_path: Path) -> None:
    for name in ("otp.xtc", "otp.dcd", "otp_forces.dcd", "otp.psf"):
        shutil.copy(SAMPLES / name, tmp_path / name)
    (tmp_path / "a.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0.74\n" * 3)
    before = sorted(os.listdir(tmp_path))
    settings = ReadingSettings(
        topology=str(tmp_path / "otp.psf"),
        forces=(str(tmp_path / "otp_forces.dcd"),),
        force_unit="kJ/mol/A",
    )
    for name in ("otp.xtc", "otp.dcd"):
        _all(read([tmp_path / name], settings))
    _all(read([tmp_path / "a.xyz"], ReadingSettings()))
    assert sorted(os.listdir(tmp_path)) == before


def test_files_follow_one_another_without_counting_frames_twice(tmp_path: Path) -> None:
    frames = _all(read([SAMPLES / "otp.dcd"], _with_topology()))
    cuts = [slice(0, 1001), slice(1000, 2000), slice(2000, 3000)]
    names = []
    for k, cut in enumerate(cuts):
        part = Chunk(frames.positions[cut], frames.times[cut])
        names.append(tmp_path / f"{k}.trr")
        write_trajectory(names[-1], iter([part]), overwrite=False)
    reading = read(names, _with_topology())
    found = _all(reading)
    assert any("1 frame repeats times" in line for line in reading.assumptions)
    torch.testing.assert_close(found.times, frames.times, rtol=1e-6, atol=1e-4)
    torch.testing.assert_close(found.positions, frames.positions, rtol=3e-7, atol=1e-6)
    assert found.forces is not None and frames.forces is not None
    assert torch.equal(found.forces, frames.forces)
    assert [file.n_frames for file in reading.inputs[:3]] == [1001, 999, 1000]


BOX = torch.tensor([[16.0, 0, 0], [5.0, 15.0, 0], [-6.0, 4.0, 15.5]], dtype=torch.float64)


@pytest.mark.parametrize("ending", ["xtc", "trr", "dcd"])
def test_molecules_broken_by_a_box_arrive_whole(tmp_path: Path, ending: str) -> None:
    whole = _all(read([SAMPLES / "otp.dcd"], _with_topology(ReadingSettings(stride=300))))
    generator = torch.Generator().manual_seed(1)
    moved = whole.positions + 20 * torch.randn(10, 1, 3, generator=generator, dtype=torch.float64)
    cells = (moved @ torch.linalg.inv(BOX)).floor()
    wrapped = Chunk(moved - cells @ BOX, whole.times, BOX.expand(10, 3, 3))
    write_trajectory(tmp_path / f"a.{ending}", iter([wrapped]), overwrite=False)
    for settings in (_with_topology(ReadingSettings()), ReadingSettings()):
        found = _all(read([tmp_path / f"a.{ending}"], settings))
        assert found.boxes is not None
        relative = found.positions - found.positions[:, :1]
        expected = whole.positions - whole.positions[:, :1]
        # Positions of 1e-4 Å in XTC, and the box rounded to single precision.
        assert (relative - expected).abs().max() < 2e-4


def test_a_structure_file_serves_as_trajectory_and_topology() -> None:
    reading = read([SAMPLES / "otp.pdb"], ReadingSettings())
    (molecule,) = reading.molecules
    assert (molecule.name, len(molecule.bonds), reading.trajectory.n_frames) == ("OTP", 34, 1)
    assert molecule.masses is not None


def test_files_of_other_atoms_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.ones((3000, 31, 3)))
    with pytest.raises(InputError, match=r"14 atoms.*32"):
        read([SAMPLES / "aniline.xtc"], _with_topology(ReadingSettings()))
    with pytest.raises(InputError, match=r"14 atoms.*32"):
        read([SAMPLES / "otp.xtc", SAMPLES / "aniline.xtc"], ReadingSettings())
    with pytest.raises(InputError, match="forces on 31 atoms"):
        read([SAMPLES / "otp.xtc"], replace(FORCES, forces=(str(tmp_path / "f.npy"),)))


def test_forces_of_other_frames_or_of_zero_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.ones((2999, 32, 3)))
    settings = replace(FORCES, forces=(str(tmp_path / "f.npy"),))
    with pytest.raises(InputError, match="2999 frames for 3000"):
        read([SAMPLES / "otp.xtc"], settings)
    np.save(tmp_path / "f.npy", np.zeros((3000, 32, 3)))
    with pytest.raises(InputError, match="all zero"):
        read([SAMPLES / "otp.xtc"], settings)


def test_a_force_file_needs_its_unit_and_a_unit_its_force_file() -> None:
    with pytest.raises(SettingError, match="--force-unit"):
        read([SAMPLES / "otp.xtc"], replace(FORCES, force_unit=None))
    with pytest.raises(SettingError, match="without files of forces"):
        read([SAMPLES / "otp.xtc"], replace(FORCES, forces=()))


def test_a_file_given_twice_is_refused() -> None:
    with pytest.raises(SettingError, match="twice"):
        read([SAMPLES / "otp.xtc", SAMPLES / ".." / "samples" / "otp.xtc"], ReadingSettings())


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"select": "index 99"}, SettingError, "names none of 32 atoms"),
        ({"select": "nonsense"}, SettingError, "selection"),
        ({"begin": 1e6}, InputError, "no frame"),
        ({"stride": 0}, SettingError, "stride"),
        ({"topology": "missing.psf"}, FileAccessError, "missing.psf"),
        ({"forces": ("missing.dcd",), "force_unit": "eV/A"}, FileAccessError, "missing.dcd"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    settings: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read([SAMPLES / "otp.xtc"], replace(ReadingSettings(), **settings))  # type: ignore[arg-type]


def test_a_frame_that_is_not_finite_is_named_while_it_is_read(tmp_path: Path) -> None:
    positions = np.random.default_rng(1).normal(size=(9, 12, 3)).astype(np.float32)
    positions[4, 5, 2] = np.nan
    with TRRFile(str(tmp_path / "a.trr"), "w") as file:
        for k, frame in enumerate(positions):
            file.write(frame, None, None, np.zeros((3, 3)), k, float(k), 0.0, 12)
    reading = read([tmp_path / "a.trr"], ReadingSettings(end=4.0))
    assert _all(reading).n_frames == 4
    (tmp_path / "a.psf").write_text((SAMPLES / "aniline.psf").read_text())
    with pytest.raises(InputError, match="frame 4: the position of atom 5"):
        _all(read([tmp_path / "a.trr"], ReadingSettings()))
