"""TRR: positions and forces in either precision, whichever frames hold them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

from autograin_cli.errors import InputError
from autograin_cli.files.formats.trr import open_trr

BOX = np.array([[3.0, 0.0, 0.0], [0.5, 2.5, 0.0], [-0.4, 0.3, 2.0]])  # nm


def _vectors(n_frames: int, n_atoms: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_frames, n_atoms, 3)).astype(np.float32)


def _write(path: Path, held: list[str], n_atoms: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Write frames that hold what the letters say: x, v, f; nm and kJ/(mol nm)."""
    x, v, f = (_vectors(len(held), n_atoms, seed) for seed in (1, 2, 3))
    with TRRFile(str(path), "w") as file:
        for k, letters in enumerate(held):
            parts = [
                a[k] if name in letters else None for name, a in zip("xvf", (x, v, f), strict=True)
            ]
            file.write(*parts, BOX, k, 0.5 * k, 0.0, n_atoms)
    return x, f


def test_positions_and_forces_are_those_that_were_written(tmp_path: Path) -> None:
    x, f = _write(tmp_path / "a.trr", ["xvf"] * 6)
    file = open_trr(tmp_path / "a.trr")
    rows = np.array([0, 1, 4])
    found = file.read(rows)
    assert found.positions is not None and found.forces is not None and found.boxes is not None
    np.testing.assert_array_equal(file.times, 0.5 * np.arange(6))
    np.testing.assert_allclose(found.positions, 10.0 * x[rows].astype(np.float64), rtol=1e-15)
    np.testing.assert_allclose(found.forces, 0.1 * f[rows].astype(np.float64), rtol=1e-15)
    np.testing.assert_allclose(found.boxes, np.tile(10 * BOX, (3, 1, 1)), rtol=1e-7)


def test_frames_may_hold_different_things(tmp_path: Path) -> None:
    held = ["x", "xvf", "v", "xf", "xf", "f"]
    x, f = _write(tmp_path / "a.trr", held)
    file = open_trr(tmp_path / "a.trr")
    assert file.holds_positions.tolist() == ["x" in letters for letters in held]
    assert file.holds_forces.tolist() == ["f" in letters for letters in held]
    some = file.read(np.array([0, 1, 3, 4]))
    assert some.forces is None and some.positions is not None
    np.testing.assert_allclose(some.positions, 10.0 * x[[0, 1, 3, 4]].astype(np.float64))
    some = file.read(np.array([1, 3, 4, 5]))
    assert some.positions is None and some.forces is not None
    np.testing.assert_allclose(some.forces, 0.1 * f[[1, 3, 4, 5]].astype(np.float64))


def test_double_precision_is_kept(tmp_path: Path) -> None:
    x = np.random.default_rng(4).normal(size=(5, 3))
    sizes = struct.pack(">13i", 0, 0, 72, 0, 0, 0, 0, x.nbytes, 0, x.nbytes, 5, 0, 0)
    frame = struct.pack(">iii12s", 1993, 13, 12, b"GMX_trn_file") + sizes
    frame += struct.pack(">dd", 12.5, 0.0) + BOX.astype(">f8").tobytes()
    frame += x.astype(">f8").tobytes() + (2 * x).astype(">f8").tobytes()
    (tmp_path / "a.trr").write_bytes(frame)
    file = open_trr(tmp_path / "a.trr")
    found = file.read(np.array([0]))
    assert found.positions is not None and found.forces is not None and found.boxes is not None
    assert file.times.tolist() == [12.5]
    np.testing.assert_allclose(found.positions[0], 10 * x, rtol=1e-15)
    np.testing.assert_allclose(found.forces[0], 0.2 * x, rtol=1e-15)
    np.testing.assert_allclose(found.boxes[0], 10 * BOX, rtol=1e-15)
    with TRRFile(str(tmp_path / "a.trr")) as plain:  # the file is what others take it for
        np.testing.assert_allclose(plain.read().x, x, rtol=1e-6)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.trr"
    _write(path, ["xf", "xf"])
    whole = path.read_bytes()
    for length in range(len(whole) // 2 + 1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="ends inside frame 1"):
            open_trr(path)


def test_other_files_and_damaged_headers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.trr"
    _write(path, ["xf", "xf"])
    whole = path.read_bytes()
    path.write_bytes(b"\0" + whole)
    with pytest.raises(InputError, match="no TRR file"):
        open_trr(path)
    second = len(whole) // 2
    path.write_bytes(whole[: second + 30] + b"\1" + whole[second + 31 :])
    with pytest.raises(InputError, match="damaged in frame 1"):
        open_trr(path)
