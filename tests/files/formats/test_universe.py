"""Every other format: frames, times and forces as MDAnalysis reads them, in our units."""

import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.formats.universe import open_frames, open_universe

XYZ = "3\nwater\nO 0 0 0\nH 1 0 0\nH 0 {0} 0\n"


def test_text_without_times_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text("".join(XYZ.format(k) for k in range(5)))
    file = open_frames(path, None)
    assert (file.n_frames, file.n_atoms, file.timed) == (5, 3, False)
    assert file.times.tolist() == [0, 1, 2, 3, 4]
    assert file.holds_positions.all() and not file.holds_forces.any()
    found = file.read(np.array([1, 4]))
    assert found.positions is not None and found.forces is None and found.boxes is not None
    assert found.positions[:, 2, 1].tolist() == [1, 4]
    assert not found.boxes.any()


def test_boxes_and_models_of_a_pdb_file_are_read(tmp_path: Path) -> None:
    atom = "ATOM      1  AR  AR  A   1    {0:8.3f}   0.000   0.000  1.00  0.00          AR\n"
    models = "".join(f"MODEL {k + 1:8d}\n{atom.format(k)}ENDMDL\n" for k in range(3))
    path = tmp_path / "a.pdb"
    path.write_text("CRYST1   30.000   31.000   32.000  90.00  90.00  60.00\n" + models + "END\n")
    found = open_frames(path, None).read(np.arange(3))
    assert found.positions is not None and found.boxes is not None
    assert found.positions[:, 0, 0].tolist() == [0, 1, 2]
    lengths = np.linalg.norm(found.boxes[2], axis=1)
    np.testing.assert_allclose(lengths, [30, 31, 32], rtol=1e-6)
    np.testing.assert_allclose(found.boxes[2, 1, 0], 15.5, rtol=1e-6)


def _h5md(path: Path, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Write positions in nm, forces in kJ/(mol nm), times in ps."""
    positions, forces = np.random.default_rng(1).normal(size=(2, n_frames, 4, 3))
    with h5py.File(path, "w") as file:
        file.create_group("h5md").attrs["version"] = [1, 1]
        atoms = file.create_group("particles/trajectory")
        atoms.create_group("box").attrs.update(dimension=3, boundary=["none"] * 3)
        units = {"position": "nm", "force": "kJ mol-1 nm-1"}
        for name, value in (("position", positions), ("force", forces)):
            group = atoms.create_group(name)
            group["value"], group["step"] = value, np.arange(n_frames)
            group["time"] = 0.5 * np.arange(n_frames)
            group["value"].attrs["unit"] = units[name]
            group["time"].attrs["unit"] = "ps"
    return positions, forces


def test_forces_and_times_of_h5md_come_in_our_units(tmp_path: Path) -> None:
    positions, forces = _h5md(tmp_path / "a.h5md", 4)
    (tmp_path / "a.xyz").write_text("4\n\n" + "C 0 0 0\n" * 4)
    file = open_frames(tmp_path / "a.h5md", tmp_path / "a.xyz")
    assert file.timed and file.holds_forces.all()
    np.testing.assert_allclose(file.times, [0, 0.5, 1, 1.5])
    found = file.read(np.arange(4))
    np.testing.assert_allclose(found.positions, 10 * positions, rtol=1e-6)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.forces, forces / 10, rtol=1e-6)  # type: ignore[arg-type]


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text(XYZ.format(1) * 2 + XYZ.format("?") + XYZ.format(1))
    with pytest.raises(InputError, match=r"a\.xyz is damaged in frame 2"):
        open_frames(path, None)


@pytest.mark.parametrize("name", ["a.unknown", "a.xyz", "a.nc", "a.gro"])
def test_files_without_sense_are_refused_without_a_warning(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("no frames here\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match="cannot be read"):
            open_frames(tmp_path / name, None)


GRO = "water\n    1\n    1SOL     OW    1   0.000   0.000   0.000\n   1.0   1.0   1.0\n"


def test_a_gro_file_of_several_frames_is_refused_not_shortened(tmp_path: Path) -> None:
    path = tmp_path / "a.gro"
    path.write_text(GRO + "\n")
    assert open_frames(path, None).n_frames == 1
    path.write_text(GRO * 2)
    with pytest.raises(InputError, match="with more than one frame") as error:
        open_frames(path, None)
    assert error.value.code == "format" and "trjconv" in error.value.remedy


TOP = """; GROMACS
[ defaults ]
1 2 yes 0.5 0.8333
[ atomtypes ]
OW OW 8 15.999 0 A 0.3 0.6
HW HW 1 1.008 0 A 0.0 0.0
[ moleculetype ]
SOL 2
[ atoms ]
1 OW 1 SOL OW 1 -0.8 15.999
2 HW 1 SOL HW1 1 0.4 1.008
3 HW 1 SOL HW2 1 0.4 1.008
[ bonds ]
1 2 1 0.1 1000
1 3 1 0.1 1000
[ system ]
water
[ molecules ]
SOL 2
"""


def test_a_topology_of_gromacs_goes_by_the_ending_of_ambers(tmp_path: Path) -> None:
    path = tmp_path / "a.top"
    path.write_text(TOP)
    universe = open_universe([path])
    assert universe.atoms.masses.tolist() == [15.999, 1.008, 1.008] * 2
    assert universe.bonds.indices.tolist() == [[0, 1], [0, 2], [3, 4], [3, 5]]
    path.write_text('#include "other.itp"\n' + TOP)
    with pytest.raises(InputError, match="includes other files") as error:
        open_universe([path])
    assert error.value.code == "format" and "grompp -pp" in error.value.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("a.traj", "ase convert"), ("a.yaml", "style custom"), ("a.g96", "trjconv"), ("a.b", "-s")],
)
def test_formats_that_are_not_read_are_refused_with_a_way_out(
    tmp_path: Path, name: str, remedy: str
) -> None:
    (tmp_path / name).write_text("something\n")
    with pytest.raises(InputError, match="cannot be read") as error:
        open_frames(tmp_path / name, None)
    assert error.value.code == "format" and remedy in error.value.remedy
