"""The log of a simulation: what was written is read, what was half written is cut off."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from autograin_cli.errors import FileAccessError, InputError, ResumeError
from autograin_cli.files.artifacts import InputFile
from autograin_cli.files.resuming import Begun
from autograin_cli.files.run_log import Shape, find_log, log_path, new_log
from autograin_cli.simulation.engine import Snapshot

SHAPE = Shape(2, 3, 1)
BEGUN = Begun('{"seed": 1}', (InputFile("p.h5", "artifact", 9, "ab", 0, 0.0, 0.0, 1),))


def snapshot(step: int) -> Snapshot:
    random = torch.Generator().manual_seed(step)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    frames = numbers(2, 3, 3), numbers(2, 3, 3)
    return Snapshot(step, 0.1 * step, *frames, numbers(2), numbers(2), numbers(1))


def written(path: Path, n_snapshots: int = 3) -> Path:
    with new_log(path, BEGUN, SHAPE) as log:
        for step in range(n_snapshots):
            log.append(snapshot(step))
    return path


def assert_holds(path: Path, steps: list[int]) -> None:
    found = find_log(path, BEGUN, SHAPE)
    assert found.begun == BEGUN
    read = list(found.snapshots())
    assert [one.step for one in read] == steps
    for one in read:
        for field in fields(Snapshot):
            kept, whole = getattr(one, field.name), getattr(snapshot(one.step), field.name)
            assert torch.equal(kept, whole) if isinstance(kept, Tensor) else kept == whole


def test_snapshots_come_back_with_every_bit(tmp_path: Path) -> None:
    assert log_path(tmp_path / "s.h5") == tmp_path / "s.ckpt"
    assert_holds(written(tmp_path / "s.ckpt"), [0, 1, 2])


@pytest.mark.parametrize("n_lost", [1, 4, 100, SHAPE.n_bytes - 1])
def test_a_snapshot_that_was_half_written_is_cut_off_and_written_again(
    n_lost: int, tmp_path: Path
) -> None:
    path = written(tmp_path / "s.ckpt")
    path.write_bytes(path.read_bytes()[:-n_lost])
    assert_holds(path, [0, 1])
    with find_log(path, BEGUN, SHAPE).go_on() as log:
        log.append(snapshot(2))
        log.append(snapshot(3))
    assert_holds(path, [0, 1, 2, 3])


def test_snapshots_after_the_last_whole_spell_are_written_again(tmp_path: Path) -> None:
    path = written(tmp_path / "s.ckpt", n_snapshots=5)
    found = find_log(path, BEGUN, SHAPE).whole(spell=2)
    assert [one.step for one in found.snapshots()] == [0, 1, 2, 3]
    with found.go_on() as log:
        log.append(snapshot(4))
    assert_holds(path, [0, 1, 2, 3, 4])


def test_a_log_ends_before_a_snapshot_with_a_flipped_bit(tmp_path: Path) -> None:
    path = written(tmp_path / "s.ckpt")
    data = bytearray(path.read_bytes())
    data[-SHAPE.n_bytes - 20] ^= 1
    path.write_bytes(data)
    assert_holds(path, [0])


def test_a_log_of_other_settings_is_refused_by_what_differs(tmp_path: Path) -> None:
    path = written(tmp_path / "s.ckpt")
    with pytest.raises(ResumeError, match="--seed was 1 and is 2"):
        find_log(path, Begun('{"seed": 2}', BEGUN.inputs), replace(SHAPE, n_beads=4))


def test_a_log_of_other_beads_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "s.ckpt")
    with pytest.raises(ResumeError, match="2 x 3 beads and 1 terms"):
        find_log(path, BEGUN, replace(SHAPE, n_beads=4))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nothing of ours\n",
        b'{"format": "autograin run log 1"}\n',
        b'{"format": "autograin run log 1", "settings": "[]", "shape": {}, "inputs": []}\n',
        b"[" * 100_000 + b"\n",
        (
            b'{"format": "autograin run log 1", "settings": "{}", "inputs": [], '
            b'"shape": {"n_replicas": -1, "n_beads": 3, "n_terms": 0}}\n'
        ),
        b"\xff" * 3_000_000,
    ],
)
def test_what_is_no_log_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "s.ckpt"
    path.write_bytes(data)
    with pytest.raises(InputError, match="no log of a simulation"):
        find_log(path, BEGUN, SHAPE)
    assert path.read_bytes() == data


def test_a_number_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.ckpt"
    with new_log(path, BEGUN, SHAPE) as log:
        log.append(replace(snapshot(0), time=float("nan")))
    with pytest.raises(InputError, match="not finite"):
        list(find_log(path, BEGUN, SHAPE).snapshots())


def test_a_new_log_does_not_write_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "s.ckpt").symlink_to(tmp_path / "precious")
    written(tmp_path / "s.ckpt")
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_folder_that_is_not_there_is_an_error_of_access(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        new_log(tmp_path / "none" / "s.ckpt", BEGUN, SHAPE)
