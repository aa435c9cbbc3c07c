"""Every other format: frames, times and forces as MDAnalysis reads them, in our units."""

import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.formats.universe import open_frames

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
