"""XTC: decoded as by the XDR library, and every kind of damage found."""

import struct
from pathlib import Path

import numpy as np
import pytest
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

from autograin_cli.errors import InputError
from autograin_cli.files.formats.frames import FrameFile
from autograin_cli.files.formats.xtc import open_xtc

BOX = np.array([[3.0, 0.0, 0.0], [0.5, 2.5, 0.0], [-0.4, 0.3, 2.0]])  # nm


def _write(
    path: Path, positions: np.ndarray, precision: float = 1000.0, box: np.ndarray = BOX
) -> None:
    """Write frames in nm, one every 2.5 ps."""
    with XTCFile(str(path), "w") as file:
        for frame, found in enumerate(positions):
            file.write(found, box, frame, 2.5 * frame, precision)


def _read_plainly(path: Path) -> np.ndarray:
    with XTCFile(str(path)) as file:
        return np.stack([frame.x.copy() for frame in file]).astype(np.float64)


def _all(file: FrameFile) -> np.ndarray:
    positions = file.read(np.arange(file.n_frames)).positions
    assert positions is not None
    return positions


def _waters(n_frames: int, n_atoms: int, spread: float, seed: int) -> np.ndarray:
    """Triples of near atoms anywhere in a cube, nm: short and long differences, runs of them."""
    generator = np.random.default_rng(seed)
    centres = generator.uniform(-spread, spread, (n_frames, n_atoms, 3))
    centres = np.repeat(centres, 3, axis=1)[:, :n_atoms]
    return centres + generator.normal(0, 0.03, (n_frames, n_atoms, 3))


@pytest.mark.parametrize("n_atoms", [1, 9, 10, 11, 500])
@pytest.mark.parametrize("precision", [100.0, 1e3, 1e5])
# From 32 bits for an atom over 64 and 72 to coordinates that are not packed together.
@pytest.mark.parametrize("spread", [0.05, 3.0, 40.0, 80.0, 400.0])
def test_positions_are_those_of_the_xdr_library(
    tmp_path: Path, n_atoms: int, precision: float, spread: float
) -> None:
    path = tmp_path / "a.xtc"
    _write(path, _waters(4, n_atoms, spread, seed=1), precision)
    expected = 10 * _read_plainly(path)
    tolerance = 4 * np.finfo(np.float32).eps * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(_all(open_xtc(path)), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("spread", [0.3, 5.0, 20.0])
def test_atoms_in_no_order_are_decoded(tmp_path: Path, spread: float) -> None:
    path = tmp_path / "a.xtc"
    positions = np.random.default_rng(2).uniform(-spread, spread, (3, 17, 3))
    _write(path, positions, 1e5)
    assert np.abs(_all(open_xtc(path)) / 10 - positions).max() < 0.6e-5 + 1e-7 * spread


def test_frames_are_read_in_any_choice_with_times_and_boxes(tmp_path: Path) -> None:
    path = tmp_path / "a.xtc"
    _write(path, _waters(9, 40, 1.0, seed=3))
    file = open_xtc(path)
    assert (file.n_frames, file.n_atoms, file.timed) == (9, 40, True)
    np.testing.assert_array_equal(file.times, 2.5 * np.arange(9))
    rows = np.array([1, 2, 5, 8])
    some = file.read(rows)
    assert some.positions is not None and some.boxes is not None
    np.testing.assert_array_equal(some.positions, _all(file)[rows])
    np.testing.assert_allclose(some.boxes, np.tile(10 * BOX, (4, 1, 1)), rtol=1e-7)


@pytest.mark.parametrize("n_atoms", [5, 40])
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, n_atoms: int) -> None:
    path = tmp_path / "a.xtc"
    _write(path, _waters(2, n_atoms, 1.0, seed=4))
    whole = path.read_bytes()
    first_frame = int(open_xtc(path).read.args[1].offsets[1])  # type: ignore[attr-defined]
    for length in range(first_frame + 1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="ends inside frame 1"):
            open_xtc(path)


def test_damaged_bytes_are_refused_or_leave_atoms_inside_their_limits(tmp_path: Path) -> None:
    path = tmp_path / "a.xtc"
    _write(path, _waters(1, 60, 2.0, seed=5))
    whole, sound = path.read_bytes(), _all(open_xtc(path))
    low, high = sound.min((0, 1)), sound.max((0, 1))
    generator = np.random.default_rng(6)
    n_refused = 0
    for place in range(92, len(whole) - 3):  # behind the header
        damaged = bytearray(whole)
        damaged[place] ^= int(generator.integers(1, 256))
        path.write_bytes(damaged)
        try:
            found = _all(open_xtc(path))
        except InputError:
            n_refused += 1
        else:
            assert (found >= low - 1e-9).all() and (found <= high + 1e-9).all()
    assert n_refused > 0


def test_headers_without_sense_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xtc"
    _write(path, _waters(2, 40, 1.0, seed=7))
    whole = path.read_bytes()
    second = int(open_xtc(path).read.args[1].offsets[1])  # type: ignore[attr-defined]
    cases = {
        (0, b"\x00\x00\x07\xcc"): "no XTC file",
        (second, b"\x00\x00\x07\xcc"): "damaged in frame 1",
        (second + 4, b"\x00\x00\x00\x29"): "damaged in frame 1",
        (second + 56, struct.pack(">f", np.nan)): "damaged in frame 1",  # precision
        (second + 60, b"\x7f\xff\xff\xff"): "damaged in frame 1",  # least integer
        (second + 84, b"\x00\x00\x00\x05"): "damaged in frame 1",  # size of small differences
    }
    for (place, new), message in cases.items():
        path.write_bytes(whole[:place] + new + whole[place + len(new) :])
        with pytest.raises(InputError, match=message):
            _all(open_xtc(path))


def test_the_number_of_atoms_may_not_change(tmp_path: Path) -> None:
    path, other = tmp_path / "a.xtc", tmp_path / "b.xtc"
    _write(path, _waters(1, 40, 1.0, seed=8))
    _write(other, _waters(1, 41, 1.0, seed=8))
    path.write_bytes(path.read_bytes() + other.read_bytes())
    with pytest.raises(InputError, match="41 atoms after frames of 40"):
        open_xtc(path)
