"""Files of frames are told apart by their endings."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.formats.trajectories import ending, is_native, open_frame_file

SAMPLES = Path(__file__).parents[3] / "data" / "samples"


def test_two_formats_of_one_run_hold_the_same_frames() -> None:
    xtc, dcd = (open_frame_file(SAMPLES / f"otp.{ending}") for ending in ("xtc", "dcd"))
    assert (xtc.n_frames, xtc.n_atoms) == (dcd.n_frames, dcd.n_atoms)
    np.testing.assert_allclose(xtc.times, dcd.times, rtol=1e-6, atol=1e-4)
    rows = np.arange(0, xtc.n_frames, 7)
    first, second = xtc.read(rows).positions, dcd.read(rows).positions
    assert first is not None and second is not None
    # Five decimals of nm: half of the last one, and single precision.
    assert np.abs(first - second).max() < 0.5e-4 + 1e-5


def test_endings_may_be_in_capitals_and_must_be_true(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "otp.xtc", tmp_path / "OTP.XTC")
    assert open_frame_file(tmp_path / "OTP.XTC").n_atoms == 32
    shutil.copy(SAMPLES / "otp.xtc", tmp_path / "otp.dcd")
    with pytest.raises(InputError, match="no DCD file"):
        open_frame_file(tmp_path / "otp.dcd")


@pytest.mark.parametrize("ending", ["xtc", "trr", "dcd", "pdb", "what"])
def test_missing_empty_and_foreign_files_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    with pytest.raises(FileAccessError):
        open_frame_file(path)
    path.touch()
    with pytest.raises(InputError, match="is empty"):
        open_frame_file(path)
    path.write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=rf"a\.{ending}"):
        open_frame_file(path)


DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize("name", ["lammps_plain.lammpstrj", "mdanalysis.nc"])
def test_formats_of_many_endings_are_known_by_how_they_begin(tmp_path: Path, name: str) -> None:
    shutil.copy(DATA / name, tmp_path / "a.out")
    assert is_native(tmp_path / "a.out")
    assert open_frame_file(tmp_path / "a.out").n_atoms == 20


def test_a_packed_text_has_the_ending_of_what_is_in_it() -> None:
    names = ("a.LAMMPSTRJ.gz", "b.xyz.GZ", "c.xtc.gz", "d.xyz", "e.gz")
    assert [ending(Path(name)) for name in names] == [".lammpstrj", ".xyz", ".gz", ".xyz", ".gz"]
