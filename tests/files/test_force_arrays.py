"""Arrays of forces: nothing unpacked, nothing executed, nothing believed."""

import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import InputError
from autograin_cli.files.force_arrays import open_array

FORCES = np.random.default_rng(1).normal(size=(50, 4, 3)).astype(np.float32)
ROWS = np.array([0, 7, 8, 49])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i4"])
def test_an_archive_gives_the_frames_that_are_asked_for(
    tmp_path: Path, save: object, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))  # nothing is unpacked
    assert callable(save)
    array = (100 * FORCES).astype(kind)
    save(tmp_path / "a.npz", forces=array, steps=5 * np.arange(50), time=0.5 * np.arange(50))
    found = open_array(tmp_path / "a.npz")
    assert (found.n_frames, found.n_atoms) == (50, 4)
    assert found.steps is not None and found.times is not None
    assert found.steps[ROWS].tolist() == [0, 35, 40, 245]
    assert found.times[ROWS].tolist() == [0, 3.5, 4, 24.5]
    for _ in range(2):
        np.testing.assert_array_equal(found.read(ROWS), array[ROWS].astype(float))


def test_the_only_array_beside_steps_is_that_of_forces(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", anything=FORCES, step=np.arange(50))
    np.testing.assert_array_equal(open_array(tmp_path / "a.npz").read(ROWS), FORCES[ROWS])
    np.savez(tmp_path / "b.npz", step=np.arange(50))
    with pytest.raises(InputError, match="it holds step"):
        open_array(tmp_path / "b.npz")


@pytest.mark.parametrize("clock", [np.arange(3), np.full(50, np.nan), np.full(50, "x")])
def test_clocks_without_sense_are_refused(tmp_path: Path, clock: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", forces=FORCES, times=clock)
    with pytest.raises(InputError, match="times"):
        open_array(tmp_path / "a.npz")


def test_an_array_of_columns_is_read_from_a_file_and_refused_in_an_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asfortranarray(FORCES))
    np.testing.assert_array_equal(open_array(tmp_path / "a.npy").read(ROWS), FORCES[ROWS])
    np.savez(tmp_path / "a.npz", np.asfortranarray(FORCES))
    with pytest.raises(InputError, match="ascontiguousarray"):
        open_array(tmp_path / "a.npz")


def _packed(path: Path, name: str, content: bytes, n_zeros: int = 0) -> Path:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as entry,
    ):
        entry.write(content)
        for _ in range(n_zeros // 2**20):
            entry.write(bytes(2**20))
    return path


def _header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize("shape", ["(10, 4, 3)", "(10**9, 4, 3)", "(99999999999, 9999999999, 3)"])
def test_a_bomb_is_refused_and_leaves_nothing(tmp_path: Path, shape: str) -> None:
    path = _packed(tmp_path / "a.npz", "forces.npy", _header(shape), 2**26)
    assert path.stat().st_size < 2**17
    with pytest.raises(InputError):
        open_array(path)
    assert list(tmp_path.iterdir()) == [path]


def test_damage_anywhere_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "a.npz"
    np.savez_compressed(whole, forces=FORCES)
    data, path, rng = whole.read_bytes(), tmp_path / "b.npz", np.random.default_rng(3)
    for place in rng.integers(70, len(data) - 150, 60):
        path.write_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
        with pytest.raises(InputError):
            open_array(path)
    for end in rng.integers(1, len(data) - 1, 30):
        path.write_bytes(data[:end])
        with pytest.raises(InputError):
            open_array(path)
    for place in rng.integers(0, len(data), 200):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with suppress(InputError):
            open_array(path).read(ROWS)
