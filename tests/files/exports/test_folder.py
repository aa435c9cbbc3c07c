"""Folders that appear whole or not at all."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from autograin_cli.errors import FileAccessError, OutputExistsError
from autograin_cli.files.exports import EXPORTS
from autograin_cli.files.exports import folder as folder_module
from autograin_cli.files.exports.exchange import exchange
from autograin_cli.files.exports.folder import new_folder
from autograin_cli.settings import ExportSettings


def fill(path: Path, text: str, *, overwrite: bool = False) -> None:
    with new_folder(path, overwrite=overwrite) as folder:
        (folder / "in.txt").write_text(text)
        assert not path.exists() or overwrite


def test_a_new_folder_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    fill(tmp_path / "model", "one")
    assert (tmp_path / "model" / "in.txt").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_exists_is_replaced_only_when_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "model"
    fill(path, "one")
    with pytest.raises(OutputExistsError, match="model exists"):
        fill(path, "two")
    fill(path, "two", overwrite=True)
    assert (path / "in.txt").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_someone_else_put_there_is_never_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "model"
    fill(path, "one")
    (path / "results.dat").write_text("a week of work")
    with pytest.raises(OutputExistsError, match=r"such as results\.dat"):
        fill(path, "two", overwrite=True)
    assert (path / "results.dat").read_text() == "a week of work"
    assert (path / "in.txt").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "in.txt").write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "model", overwrite=False) as made:
        fail(made)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nowhere" / "model", tmp_path / "file"):
        with pytest.raises(FileAccessError, match=path.name):
            fill(path, "one", overwrite=True)


def test_a_disk_error_is_told_as_one(tmp_path: Path) -> None:
    with (
        pytest.raises(FileAccessError, match="No space left"),
        new_folder(tmp_path / "model", overwrite=False),
    ):
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_every_choice_of_the_command_has_its_export() -> None:
    (field,) = ExportSettings.__dataclass_fields__.values()
    assert set(field.metadata["choices"]) == set(EXPORTS)


def never(*_: object) -> bool:
    return False


both = pytest.mark.parametrize("swap", [exchange, never], ids=["one step", "two renames"])


def test_two_folders_change_places_or_the_system_cannot(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.mkdir()
        (path / path.name).write_text("")
    expected = ["other", "one"] if exchange(one, other) else ["one", "other"]
    assert [next(path.iterdir()).name for path in (one, other)] == expected
    with pytest.raises(FileNotFoundError, match="missing"):
        exchange(one, tmp_path / "missing")


@pytest.mark.parametrize("answer", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_swap_gets_two_renames(
    answer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograin_cli.files.exports.exchange._rename", lambda: lambda *_: -1)
    monkeypatch.setattr("ctypes.get_errno", lambda: answer)
    fill(tmp_path / "model", "one")
    fill(tmp_path / "model", "two", overwrite=True)
    assert (tmp_path / "model" / "in.txt").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@both
def test_a_folder_that_appears_while_another_is_filled_is_not_replaced_unasked(
    swap: Callable[..., bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "exchange", swap)
    path = tmp_path / "model"
    for overwrite in (False, True):
        refused: AbstractContextManager[object] = (
            nullcontext() if overwrite else pytest.raises(OutputExistsError)
        )
        with refused, new_folder(path, overwrite=overwrite) as folder:
            fill(path, "meanwhile", overwrite=True)
            (folder / "in.txt").write_text("mine")
        text = (path / "in.txt").read_text()
        assert text == ("mine" if overwrite else "meanwhile")
        assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_comes_into_the_old_folder_in_the_last_moment_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model"

    def late(one: Path, other: Path) -> bool:
        (other / "log.lammps").touch()
        return exchange(one, other) or pytest.skip("this file system cannot swap folders")

    fill(path, "one")
    monkeypatch.setattr(folder_module, "exchange", late)
    with pytest.raises(OutputExistsError, match=r"model holds other files, such as log\.lammps"):
        fill(path, "two", overwrite=True)
    assert {file.name for file in path.iterdir()} == {"in.txt", "log.lammps"}
    assert (path / "in.txt").read_text() == "one"


# Ends the process before each thing that it does to the disk, in turn, and after each swap.
KILLED = """
import os, sys
from pathlib import Path
from autograin_cli.files.exports import folder as module

path, real, left = Path(sys.argv[1]), module.exchange, 0
DONE = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "open"}

def die(*_):
    global left
    left -= 1
    if left == 0:
        os._exit(9)

def swap(*names):
    done = how == "one" and real(*names)
    die()
    return done

def fill(text):
    with module.new_folder(path, overwrite=True) as folder:
        for name in ("a.txt", "b.txt"):
            (folder / name).write_text(text)

def seen():
    return {file.name: file.read_text() for file in path.iterdir()} if path.exists() else {}

whole = [{name: text for name in ("a.txt", "b.txt")} for text in ("old", "new")]
for how in ("one", "two"):
    for count in range(1, 1000):
        fill("old")
        process = os.fork()
        if not process:
            left, module.exchange = count, swap
            sys.addaudithook(lambda event, _: die() if event in DONE else None)
            fill("new")
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        found = seen()
        try:
            with module.new_folder(path.with_name("another"), overwrite=True) as other:
                (other / "c.txt").write_text("")
        finally:
            after = seen()
        names = sorted(file.name for file in path.parent.iterdir())
        print(how, code, found in whole, after in whole and after == (found or whole[0]), names)
        if code == 0:
            break
"""


def test_a_kill_at_any_moment_leaves_the_old_folder_or_the_new_one(tmp_path: Path) -> None:
    """In two renames there is a moment without either; then the next run puts the old one back."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "model")],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 4) for line in done.stdout.splitlines()]
    for how, n_without in (("one", 0), ("two", 1)):
        *killed, last = (line[1:] for line in lines if line[0] == how)
        assert last[0] == "0" and {line[0] for line in killed} == {"9"}
        assert len(killed) > 10
        assert [line[1] for line in killed].count("False") == n_without
        assert {line[2] for line in (*killed, last)} == {"True"}
        assert {line[3] for line in (*killed, last)} == {"['another', 'model']"}
