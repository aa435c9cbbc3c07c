"""A full disk is an error that is told, not the end of the process."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from autograin_cli.files.storage.disk import DiskFile
from example_artifacts import write

_WRITE = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from autograin_cli.errors import FileAccessError
from autograin_cli.files.artifacts import SimulationWriter
from example_artifacts import REPLICAS, example, snapshots, write_new

path, kind, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    if kind == "simulation":
        with SimulationWriter(path, overwrite=True) as writer:
            frame = snapshots()[0]
            for _ in range(20_000):
                writer.append(frame)
        sys.exit(1)
    write_new(kind, path, 1)
except FileAccessError as error:
    print(error)
"""


@pytest.mark.parametrize(("kind", "limit"), [("potential", 30_000), ("simulation", 600_000)])
def test_a_full_disk_leaves_the_old_file_and_says_why(
    kind: str, limit: int, tmp_path: Path
) -> None:
    path = write(kind, tmp_path / "artifact.h5")
    before = path.read_bytes()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _WRITE, str(path), kind, str(limit)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "cannot be written: File too large" in run.stdout
    assert "make room" in run.stdout
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_hdf5_writes_through_it_what_it_reads_from_the_disk(tmp_path: Path) -> None:
    disk = DiskFile(tmp_path / "a.h5")
    with h5py.File(disk, "w") as file:
        rows = file.create_dataset("a/b", (0, 3), "f4", maxshape=(None, 3), chunks=(50, 3))
        for i in range(40):
            rows.resize(50 * (i + 1), axis=0)
            rows[-50:] = i
            file.flush()
        assert (rows[::50, 0] == np.arange(40)).all()
    disk.close()
    disk.check()
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file["a/b"][()] == np.repeat(np.arange(40), 50)[:, None]).all()


def test_what_the_disk_refuses_is_read_back_and_told_once_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = DiskFile(tmp_path / "a")
    disk.write(b"0123456789")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    disk.seek(8)
    assert disk.write(b"abcd") == 4
    monkeypatch.undo()
    disk.write(b"ef")  # later writes come after the lost one
    assert disk.seek(0, os.SEEK_END) == 14
    disk.seek(6)
    assert disk.read(10) == b"67abcdef\0\0"
    assert (tmp_path / "a").read_bytes() == b"0123456789"
    with pytest.raises(OSError, match="No space left"):
        disk.check()
    disk.close()


def test_an_interrupt_during_a_write_is_raised_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    disk = DiskFile(tmp_path / "a")
    monkeypatch.setattr(os, "pwrite", interrupted)
    assert disk.write(b"abcd") == 4
    with pytest.raises(KeyboardInterrupt):
        disk.check()
    disk.close()
