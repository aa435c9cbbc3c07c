"""Files and ranges of bytes: what cannot be read is said."""

import os
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.formats.frames import (
    PADDING,
    check_readable,
    corrupt,
    cut_off,
    read_ranges,
)


def test_missing_files_folders_and_empty_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        check_readable(tmp_path / "a.xtc")
    with pytest.raises(FileAccessError, match="directory"):
        check_readable(tmp_path)
    (tmp_path / "a.xtc").touch()
    with pytest.raises(InputError, match="is empty"):
        check_readable(tmp_path / "a.xtc")


@pytest.mark.parametrize(
    ("offsets", "sizes"),
    [([0], [5]), ([3, 8, 11], [5, 3, 2]), ([0, 8, 11, 90], [5, 3, 2, 10]), ([0, 99], [1, 1])],
)
def test_ranges_are_read_one_behind_the_other(
    tmp_path: Path, offsets: list[int], sizes: list[int]
) -> None:
    content = bytes(range(100))
    (tmp_path / "a").write_bytes(content)
    data, starts = read_ranges(tmp_path / "a", np.array(offsets), np.array(sizes))
    expected = b"".join(content[o : o + n] for o, n in zip(offsets, sizes, strict=True))
    assert data.tobytes() == expected + bytes(PADDING)
    assert starts.tolist() == [sum(sizes[:k]) for k in range(len(sizes))]


def test_a_file_that_has_become_shorter_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"short")
    with pytest.raises(FileAccessError, match="has become shorter"):
        read_ranges(tmp_path / "a", np.array([3]), np.array([5]))


def test_pipes_and_devices_are_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "a.xtc"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(InputError, match="is a pipe or a device") as error:
            check_readable(path)
        assert error.value.code == "format" and "to a file" in error.value.remedy


def test_a_frame_that_is_damaged_is_cut_away_unless_it_is_the_first() -> None:
    assert "first 3 frames" in corrupt(Path("a.xtc"), 3, "x").remedy
    assert corrupt(Path("a.xtc"), 0, "x").remedy == "copy the file again"
    assert cut_off(Path("a.xtc"), 0).remedy == "copy the file again"
