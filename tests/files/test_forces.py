"""Files of forces: units declared or fixed, arrays without pickle."""

from pathlib import Path

import numpy as np
import pytest
from MDAnalysis.lib.formats.libdcd import DCDFile
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

from autograin_cli.errors import FileAccessError, InputError, SettingError
from autograin_cli.files.forces import open_forces

FORCES = np.random.default_rng(1).normal(size=(6, 4, 3)).astype(np.float32)


def _write(path: Path) -> None:
    if path.suffix == ".npy":
        np.save(path, FORCES)
    elif path.suffix == ".npz":
        np.savez_compressed(path, forces=FORCES, step=np.arange(6))
    elif path.suffix == ".dcd":
        with DCDFile(str(path), "w") as dcd:
            dcd.write_header("forces", 4, 0, 1, 1.0, 0)
            for frame in FORCES:
                dcd.write(frame)
    else:
        with TRRFile(str(path), "w") as trr:
            for k, frame in enumerate(FORCES):
                trr.write(frame, None, frame, np.zeros((3, 3)), k, float(k), 0.0, 4)


@pytest.mark.parametrize(
    ("ending", "unit", "factor"),
    [
        ("npy", "kJ/mol/A", 1.0),
        ("npz", "kcal/mol/A", 4.184),
        ("dcd", "kcal/mol/A", 4.184),
        ("dcd", "eV/A", 96.48533212331),
        ("npy", "hartree/bohr", 2625.4996394799 / 0.529177210903),
        ("trr", None, 0.1),
        ("trr", "kJ/mol/nm", 0.1),
    ],
)
def test_forces_come_in_the_unit_that_is_declared_or_fixed(
    tmp_path: Path, ending: str, unit: str | None, factor: float
) -> None:
    path = tmp_path / f"f.{ending}"
    _write(path)
    file = open_forces(path, unit, None)
    assert (file.n_atoms, file.rows.tolist()) == (4, [0, 1, 2, 3, 4, 5])
    rows = np.array([1, 2, 5])
    found = file.read(rows)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, factor * FORCES[rows].astype(np.float64), rtol=1e-14)


@pytest.mark.parametrize("ending", ["npy", "npz", "dcd"])
def test_a_format_that_fixes_no_unit_needs_one(tmp_path: Path, ending: str) -> None:
    _write(tmp_path / f"f.{ending}")
    with pytest.raises(SettingError, match=r"--force-unit.*\n.*kcal/mol/A"):
        open_forces(tmp_path / f"f.{ending}", None, None)


def test_a_unit_against_the_format_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "f.trr")
    with pytest.raises(SettingError, match="the format fixes it"):
        open_forces(tmp_path / "f.trr", "kcal/mol/A", None)


def test_times_are_known_where_the_format_has_them(tmp_path: Path) -> None:
    for ending in ("trr", "npy"):
        _write(tmp_path / f"f.{ending}")
    times = open_forces(tmp_path / "f.trr", None, None).times
    assert times is not None and times.tolist() == [0, 1, 2, 3, 4, 5]
    assert open_forces(tmp_path / "f.npy", "eV/A", None).times is None


def test_a_trr_file_without_forces_is_refused(tmp_path: Path) -> None:
    with TRRFile(str(tmp_path / "f.trr"), "w") as file:
        file.write(FORCES[0], None, None, np.zeros((3, 3)), 0, 0.0, 0.0, 4)
    with pytest.raises(InputError, match=r"holds no forces in 1 frames\n(.*\n)*.*nstfout"):
        open_forces(tmp_path / "f.trr", None, None)


@pytest.mark.parametrize(
    "array", [np.zeros((6, 4)), np.zeros((6, 4, 2)), np.zeros((0, 4, 3)), np.full((2, 4, 3), "x")]
)
def test_arrays_of_another_shape_or_kind_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "f.npy", array)
    with pytest.raises(InputError, match="array of"):
        open_forces(tmp_path / "f.npy", "eV/A", None)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "g.npz", np.array([None], dtype=object))
    (tmp_path / "h.npy").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    for name in ("f.npy", "g.npz", "h.npy"):
        with pytest.raises(InputError, match="plain array"):
            open_forces(tmp_path / name, "eV/A", None)


def test_an_archive_needs_one_array_or_one_named_forces(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", anything=FORCES)
    found = open_forces(tmp_path / "one.npz", "kJ/mol/A", None).read(np.arange(6))
    np.testing.assert_array_equal(found, FORCES.astype(np.float64))
    np.savez(tmp_path / "two.npz", a=FORCES, b=FORCES)
    with pytest.raises(InputError, match=r"a\.npy, b\.npy"):
        open_forces(tmp_path / "two.npz", "kJ/mol/A", None)
    (tmp_path / "bad.npz").write_bytes(b"PK\3\4 nothing")
    with pytest.raises(InputError, match="plain array"):
        open_forces(tmp_path / "bad.npz", "kJ/mol/A", None)


def test_missing_and_empty_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        open_forces(tmp_path / "f.npy", "eV/A", None)
    (tmp_path / "f.npy").touch()
    with pytest.raises(InputError, match="is empty"):
        open_forces(tmp_path / "f.npy", "eV/A", None)
