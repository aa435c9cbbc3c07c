"""Which topologies and which forces go with files of frames."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import FileAccessError, InputError, SettingError
from autograin_cli.files.atomistic import Reading, read
from autograin_cli.files.companions import check_has_forces
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Chunk, join

DATA = Path(__file__).parents[1] / "data"
SAMPLES = Path(__file__).parents[2] / "data" / "samples"
NOTHING = ReadingSettings()


def _all(reading: Reading) -> Chunk:
    return join(list(reading.trajectory.chunks()))


def test_a_trajectory_of_the_selected_atoms_alone_goes_with_the_topology_of_all(
    tmp_path: Path,
) -> None:
    # As compressed-x-grps of GROMACS writes it.
    whole = ReadingSettings(
        topology=str(SAMPLES / "otp.psf"),
        forces=(str(SAMPLES / "otp_forces.dcd"),),
        force_unit="kJ/mol/A",
        select="index 0:5 12",
    )
    expected = read([SAMPLES / "otp.dcd"], whole)
    few = tmp_path / "few.npz"
    chunk = _all(expected)
    path = tmp_path / "few.xyz"
    path.write_text(
        "".join(
            "7\n\n" + "".join(f"C {x} {y} {z}\n" for x, y, z in frame)
            for frame in chunk.positions[:5].tolist()
        )
    )
    np.savez(few, forces=chunk.forces[:5].numpy())  # type: ignore[index]
    settings = replace(whole, forces=(str(few),))
    found = read([path], settings)
    assert any(
        "holds 7 atoms: they are taken for those selected of" in a for a in found.assumptions
    )
    np.testing.assert_allclose(_all(found).positions, chunk.positions[:5], atol=1e-9)
    assert found.molecules[0].masses is not None
    with pytest.raises(InputError, match=r"with 7 atoms, .*otp\.psf with 32") as error:
        read([path], replace(settings, select=None, forces=(), force_unit=None))
    assert error.value.code == "atom-count" and "--select" in error.value.remedy


def test_many_molecules_without_a_box_are_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text("4\n\nO 0 0 0\nH 1 0 0\nO 0 9 0\nH 1 9 0\n" * 2)
    assert any(
        "its 2 molecules are taken to be in vacuum" in a for a in read([path], NOTHING).assumptions
    )
    assert not any("in vacuum" in a for a in read([SAMPLES / "otp.xtc"], NOTHING).assumptions)


@pytest.mark.parametrize("name", ["lammps_masses.extxyz", "lammps_units.dump"])
def test_a_file_of_frames_serves_as_topology_by_what_it_tells(name: str) -> None:
    reading = read([DATA / "lammps_plain.lammpstrj"], ReadingSettings(topology=str(DATA / name)))
    assert reading.molecules[0].masses is not None
    assert reading.molecules[0].masses.tolist() == [15.035, 13.019]


def test_a_link_to_itself_and_a_name_of_nothing_are_no_tracebacks(tmp_path: Path) -> None:
    loop = tmp_path / "loop.xtc"
    loop.symlink_to(loop)
    with pytest.raises(FileAccessError, match=r"loop\.xtc cannot be read"):
        read([loop], NOTHING)
    for settings in (ReadingSettings(topology=""), ReadingSettings(select="")):
        with pytest.raises((FileAccessError, SettingError)):
            read([SAMPLES / "otp.xtc"], settings)


def test_forces_under_other_names_are_told_how_to_name() -> None:
    path = DATA / "lammps_elements.lammpstrj"
    with pytest.raises(SettingError, match="colname"):
        read([path], ReadingSettings(force_unit="eV/A"))


@pytest.mark.parametrize(
    ("path", "remedy"),
    [(SAMPLES / "otp.xtc", "nstfout"), (DATA / "lammps_plain.lammpstrj", "give --force-unit")],
)
def test_where_forces_are_needed_it_is_said_how_to_get_them(path: Path, remedy: str) -> None:
    with pytest.raises(InputError, match="a trajectory without forces") as error:
        check_has_forces(read([path], NOTHING).trajectory)
    assert error.value.code == "no-forces" and remedy in error.value.remedy
    check_has_forces(read([DATA / "gromacs_mixed.trr"], NOTHING).trajectory)
