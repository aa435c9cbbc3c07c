"""Fingerprints change with the content; shared frames are counted by file and time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.files.artifacts import InputFile
from autograin_cli.files.fingerprints import fingerprint, input_file, shared_frames

LONG = InputFile("a.xtc", "trajectory", 9, "aa", 101, 0.0, 100.0, 1)  # every ps


def test_equal_content_has_one_fingerprint_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").write_bytes(b"content")
    (tmp_path / "c").write_bytes(b"Content")
    found = {name: fingerprint(tmp_path / name) for name in "abc"}
    assert found["a"] == found["b"] != found["c"]
    assert len(found["a"]) == 64


@pytest.mark.parametrize("place", [0, 20_000_000 // 2, 20_000_000 - 1])
def test_large_files_are_told_apart_by_size_ends_and_samples(tmp_path: Path, place: int) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    before = fingerprint(path)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    changed = fingerprint(path)
    with path.open("ab") as file:
        file.truncate(20_000_001)
    assert len({before, changed, fingerprint(path)}) == 3


def test_an_input_file_says_which_frames_were_used(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    used = input_file(tmp_path / "a", "trajectory", np.array([3.0, 5.0, 7.0]), 2)
    assert (used.n_frames, used.first_time, used.last_time, used.stride) == (3, 3.0, 7.0, 2)
    assert (used.size, used.role) == (7, "trajectory")
    assert input_file(tmp_path / "a", "topology", np.zeros(0), 1).n_frames == 0


@pytest.mark.parametrize(
    ("changes", "share"),
    [
        ({}, 1.0),
        ({"fingerprint": "bb"}, 0.0),
        ({"role": "forces"}, 0.0),
        ({"n_frames": 50, "first_time": 0.0, "last_time": 49.0}, 50 / 101),
        ({"n_frames": 51, "first_time": 50.0, "last_time": 100.0}, 51 / 101),
        ({"n_frames": 51, "first_time": 0.0, "last_time": 100.0, "stride": 2}, 51 / 101),
        ({"n_frames": 100, "first_time": 0.5, "last_time": 99.5}, 0.0),
        ({"n_frames": 1, "first_time": 7.0, "last_time": 7.0}, 1 / 101),
        ({"n_frames": 0, "first_time": 0.0, "last_time": 0.0}, 0.0),
    ],
)
def test_the_share_of_frames_that_training_used(changes: dict[str, object], share: float) -> None:
    training = replace(LONG, **changes)  # type: ignore[arg-type]
    assert shared_frames([training], [LONG]) == pytest.approx(share, abs=1e-12)


def test_frames_used_twice_count_once_and_other_files_dilute() -> None:
    first = replace(LONG, n_frames=61, last_time=60.0)
    second = replace(LONG, n_frames=61, first_time=40.0)
    assert shared_frames([first, second], [LONG]) == 1.0
    other = replace(LONG, fingerprint="bb")
    assert shared_frames([first], [LONG, other]) == pytest.approx(61 / 202)
    assert shared_frames([first], []) == 0.0


def test_odd_frames_are_not_among_even_ones() -> None:
    even = replace(LONG, n_frames=51, stride=2)
    odd = replace(LONG, n_frames=50, first_time=1.0, last_time=99.0, stride=2)
    assert shared_frames([even], [odd]) == 0.0
    fine = replace(LONG, n_frames=10001)
    assert shared_frames([even], [fine]) == pytest.approx(51 / 10001)
