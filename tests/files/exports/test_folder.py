"""Folders that appear whole or not at all."""

from pathlib import Path

import pytest

from autograin_cli.errors import FileAccessError, OutputExistsError
from autograin_cli.files.exports import EXPORTS
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
