"""Compressed files: any range of their bytes, no more memory than that, nothing beside them."""

import gzip
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.formats.packed import (
    GZIP,
    CutOffError,
    DamagedError,
    Packed,
    Plain,
    content_of,
)
from autograin_cli.files.formats.trajectories import open_frame_file

RNG = np.random.default_rng(1)
RAW = "".join(f"{x:.6f}\n" for x in RNG.normal(size=60_000)).encode()

_HEAD = (
    b"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n%d\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
    b"ITEM: ATOMS id x y z\n"
)


def _gzip(path: Path) -> Path:
    """Several members, one of them empty, and zeros behind them."""
    parts = (RAW[:100_000], b"", RAW[100_000:])
    path.write_bytes(b"".join(gzip.compress(part) for part in parts) + bytes(100))
    return path


def test_any_ranges_are_those_of_the_text(tmp_path: Path) -> None:
    content = content_of(_gzip(tmp_path / "a.gz"))
    assert isinstance(content, Packed)
    content._spacing = 2**14
    assert b"".join(content.pieces()) == RAW
    assert len(content.marks) > 10
    for _ in range(100):
        offsets = np.sort(RNG.integers(0, len(RAW) - 3000, 4))
        sizes = RNG.integers(1, 3000, 4)
        data, starts = content.ranges(offsets, sizes)
        for offset, size, start in zip(offsets, sizes, starts, strict=True):
            assert data[start : start + size].tobytes() == RAW[offset : offset + size]


def test_marks_stay_few(tmp_path: Path) -> None:
    content = content_of(_gzip(tmp_path / "a.gz"))
    assert isinstance(content, Packed)
    content._spacing = 2**6
    assert b"".join(content.pieces()) == RAW
    assert len(content.marks) <= 64


def test_a_stream_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    whole = _gzip(tmp_path / "a.gz").read_bytes()
    path = tmp_path / "b.gz"
    for end in (5, 1000, len(whole) // 2, len(whole) - 110):
        path.write_bytes(whole[:end])
        with pytest.raises(CutOffError):
            list(Packed(path, GZIP).pieces())
    for place in (100, len(whole) // 2):
        path.write_bytes(whole[:place] + b"\x55" * 20 + whole[place + 20 :])
        with pytest.raises(DamagedError):
            list(Packed(path, GZIP).pieces())


def test_a_file_that_changes_is_told(tmp_path: Path) -> None:
    path = _gzip(tmp_path / "a.gz")
    content = content_of(path)
    list(content.pieces())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(FileAccessError, match="changed"):
        content.ranges(np.array([len(RAW) - 10]), np.array([10]))


def test_plain_bytes_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(RAW)
    assert b"".join(Plain(path, 10, 1000).pieces()) == RAW[10:1010]
    data, starts = Plain(path, 10).ranges(np.array([5, 50]), np.array([3, 4]))
    assert data[starts[1] : starts[1] + 4].tobytes() == RAW[60:64]


def _bomb(path: Path, begin: bytes, n_bytes: int) -> None:
    """A small file that unpacks to so many zeros or spaces behind a beginning."""
    packer = zlib.compressobj(9, zlib.DEFLATED, GZIP)
    with path.open("wb") as file:
        file.write(packer.compress(begin))
        for _ in range(n_bytes // 2**20):
            file.write(packer.compress(b"0" * 2**20))
        file.write(packer.flush())


HEAD = b"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 1\n0 1\n0 1\n"


@pytest.mark.parametrize("begin", [b"", HEAD, HEAD + b"ITEM: ATOMS id x y z\n", b"2\ncomment\n"])
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, begin: bytes) -> None:
    ending = "xyz" if begin.startswith(b"2") else "lammpstrj"
    path = tmp_path / f"a.{ending}.gz"
    _bomb(path, begin, 2**26)
    assert path.stat().st_size < 2**17
    (tmp_path / "b.xyz").write_text("1\n\nC 0 0 0\n")
    open_frame_file(tmp_path / "b.xyz").read(np.array([0]))  # what is compiled takes memory
    (tmp_path / "b.xyz").unlink()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError):
        open_frame_file(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 2**10  # kB
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.slow
def test_a_long_trajectory_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz.gz"
    frame = b"1000\n\n" + b"C 0.123456 0.234567 0.345678\n" * 1000
    with gzip.open(path, "wb", 1) as file:
        for _ in range(10_000):
            file.write(frame)
    program = (
        "import sys, resource, numpy as np; from pathlib import Path\n"
        "from autograin_cli.files.formats.trajectories import open_frame_file\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "small = open_frame_file(Path(sys.argv[1])); before = peak()\n"
        "[small.read(np.arange(k, k + 100)) for k in range(0, 10_000, 1000)]\n"
        "print(small.n_frames, peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, check=True
    )
    n_frames, growth = map(int, done.stdout.split())
    assert n_frames == 10_000 and growth < 64  # MiB; the text has 280


@pytest.mark.parametrize(
    ("name", "head", "line"),
    [
        ("a.xyz.gz", b"60000000\n\n", b"C 1 1 1\n"),
        ("a.dump.gz", _HEAD % 60_000_000, b"1 1 1 1\n"),
    ],
)
def test_a_small_file_cannot_unpack_to_a_huge_frame(
    tmp_path: Path, name: str, head: bytes, line: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(head + line * 5_000_000, compresslevel=1))
    with pytest.raises(InputError, match=r"frame 0: it takes more than \d+ bytes"):
        open_frame_file(path)


def test_a_small_file_cannot_unpack_to_countless_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz.gz"
    path.write_bytes(gzip.compress(b"1\n\nC 1 1 1\n" * 100_001))
    with pytest.raises(InputError, match="frame 100000: no file of this size"):
        open_frame_file(path)
