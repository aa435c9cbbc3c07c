"""Places for what numba and matplotlib keep: the user's, or one for the run."""

import atexit
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from autograin_cli.cli import caches
from autograin_cli.cli.caches import NOTE, provide_caches
from autograin_cli.errors import FileAccessError

VARIABLES = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only what lies below a folder may be written, and the home does not."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/home/of/nobody")
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).is_relative_to(tmp_path))
    monkeypatch.setattr(atexit, "register", lambda *_, **__: None)
    monkeypatch.setattr(caches, "mkdtemp", lambda **_: str(tmp_path / "run"))
    return tmp_path


def test_nothing_is_done_where_the_home_may_be_written(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(closed))
    assert provide_caches() == ()
    assert not any(name in os.environ for name in VARIABLES)
    assert not list(closed.iterdir())


def test_without_a_place_both_get_one_for_the_run_and_it_is_told(closed: Path) -> None:
    assert provide_caches() == (NOTE,)
    assert [os.environ[name] for name in VARIABLES[:2]] == [str(closed / "run")] * 2


def test_a_place_that_the_user_names_is_kept(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(closed / "mine"))
    assert provide_caches() == ()
    assert os.environ["NUMBA_CACHE_DIR"] == str(closed / "mine")
    assert os.environ["MPLCONFIGDIR"] == str(closed / "run")


@pytest.mark.usefixtures("closed")
def test_a_place_that_the_user_names_and_that_is_closed_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/closed/too")
    assert provide_caches() == (NOTE,)


def test_a_user_without_a_home_gets_no_folder_where_he_works(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an unknown user '~' stays '~', and numba would make a folder of that name."""
    monkeypatch.chdir(closed)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert provide_caches() == (NOTE,)


@pytest.mark.usefixtures("closed")
def test_without_any_place_it_is_told_what_to_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(caches, "mkdtemp", full)
    with pytest.raises(FileAccessError, match=r"(?s)No usable.*NUMBA_CACHE_DIR, or in TMPDIR"):
        provide_caches()


def test_the_folder_of_a_run_is_removed_at_its_end(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Any] = []
    monkeypatch.setattr(atexit, "register", lambda *call, **_: ended.append(call))
    provide_caches()
    assert ended == [(shutil.rmtree, str(closed / "run"))]
