"""New files: whole or not at all, never over another one by mistake."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autograin_cli.errors import FileAccessError, OutputExistsError
from autograin_cli.files import output
from autograin_cli.files.output import NewFile, check_output, put_aside, temporary_in


def test_a_committed_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    path.write_text("old")
    with NewFile(path, overwrite=True) as new:
        new.temporary.write_text("new")
        assert path.read_text() == "old"
        assert new.temporary.parent == tmp_path
        new.commit()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_commit_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    path.write_text("old")
    with NewFile(path, overwrite=True) as new:
        new.temporary.write_text("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    target, link = tmp_path / "scratch" / "real.h5", tmp_path / "out.h5"
    target.write_text("old")
    link.symlink_to(target)
    with NewFile(link, overwrite=True) as new:
        new.temporary.write_text("new")
        new.commit()
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_new_file_may_be_read_by_whom_the_user_allows(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with NewFile(tmp_path / "out.h5", overwrite=False) as new:
            new.temporary.write_text("new")
            new.commit()
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "out.h5").stat().st_mode) == 0o640


def test_an_existing_file_needs_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "out.h5"
    path.write_text("old")
    with pytest.raises(OutputExistsError, match=r"out\.h5 exists.*\n.*\n.*--overwrite") as caught:
        check_output(path, overwrite=False)
    assert caught.value.exit_code == 73
    check_output(path, overwrite=True)


def test_of_two_that_finish_at_once_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes after the last look at the target."""
    path = tmp_path / "out.h5"
    with NewFile(path, overwrite=False) as new:
        new.temporary.write_text("mine")
        monkeypatch.setattr(output, "synchronise", lambda _: path.write_text("other"))
        with pytest.raises(OutputExistsError):
            new.commit()
    assert path.read_text() == "other"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "out.h5"
    monkeypatch.setattr(os, "link", refuse)
    with NewFile(path, overwrite=False) as new:
        new.temporary.write_text("mine")
        new.commit()
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="there is no folder") as caught:
        check_output(tmp_path / "no" / "out.h5", overwrite=False)
    assert caught.value.exit_code == 74


def test_a_read_only_folder_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(FileAccessError, match="read-only"):
        check_output(tmp_path / "out.h5", overwrite=False)


@pytest.mark.parametrize("name", ["", "/dev/null"])
def test_folders_and_devices_are_never_replaced(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="a folder or a device"):
        check_output(Path(name) if name else tmp_path, overwrite=True)


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    """What living processes and other machines write stays."""
    name = temporary_in(tmp_path).name
    _, here, own, token = name.removesuffix(".tmp").split("-")
    assert int(own) == os.getpid()
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    dead = tmp_path / f".autograin-{here}-{child.pid}-{token}.tmp"
    others = [
        tmp_path / f".autograin-{here}-{os.getppid()}-{token}.tmp",
        tmp_path / f".autograin-00000000-{child.pid}-{token}.tmp",
        tmp_path / ".autograin-notes.tmp",
    ]
    for path in (dead, *others):
        path.write_text("half")
    NewFile(tmp_path / "a.h5", overwrite=False)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_folders_of_a_killed_process_are_removed_or_go_back_to_their_place(tmp_path: Path) -> None:
    """What was put aside and not replaced is all that there is of it."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    for path in (temporary_in(tmp_path), put_aside(tmp_path / "a-b"), put_aside(tmp_path / "new")):
        dead = path.with_name(path.name.replace(f"-{os.getpid()}-", f"-{child.pid}-"))
        dead.mkdir()
        (dead / "in.txt").write_text("old")
    (tmp_path / "new").mkdir()
    NewFile(tmp_path / "a.h5", overwrite=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-b", "new"]
    assert (tmp_path / "a-b" / "in.txt").read_text() == "old"
    assert not list((tmp_path / "new").iterdir())


def test_what_another_user_left_and_may_not_be_removed_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in /tmp, where only the owner of a file may remove it."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    left = temporary_in(tmp_path).name.replace(f"-{os.getpid()}-", f"-{child.pid}-")
    (tmp_path / left).write_text("half")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    NewFile(tmp_path / "a.h5", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == [left]
