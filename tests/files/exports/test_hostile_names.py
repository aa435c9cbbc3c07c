"""Names that came from a file, when they become names of files, text of other programs, a page."""

import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from autograin_cli.errors import AutograinError
from autograin_cli.files.artifacts import load, save
from autograin_cli.files.exports import EXPORTS
from autograin_cli.files.exports.folder import new_folder
from autograin_cli.files.report import render
from example_artifacts import KINDS, example

HOSTILE = {
    "leaves the folder": "../../escaped",
    "absolute": "/etc/escaped",
    "markup": "<script>alert(1)</script>",
    "ends the text": "a\0b",
    "commands the terminal": "\x1b]0;owned\x07\x1b[2J",
    "new lines": 'A\n1 1 1\n#include "/etc/passwd"\r',
    "very long": "x" * 5000,
    "right to left": "\u202egnp.exe",
    "no text": "\udcff\udc80",
    "of a shell": "$(touch escaped) `id` ; rm -rf *",
    "a dot": ".",
    "two dots": "..",
    "hidden": ".bashrc",
}


def renamed(value: Any, new: str) -> Any:
    """The same record with another name of the first molecule and of its first bead and atom."""
    if isinstance(value, str):
        return value.replace("OTP", new)
    if isinstance(value, tuple):
        return tuple(renamed(part, new) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: renamed(getattr(value, f.name), new) for f in fields(value)}
        )
    return value


@pytest.mark.parametrize("program", sorted(EXPORTS))
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_files_of_an_export_stay_in_their_folder(program: str, name: str, tmp_path: Path) -> None:
    artifact = renamed(example("potential"), name)
    inside = tmp_path / "around" / "export"
    inside.parent.mkdir()
    try:
        with new_folder(inside, overwrite=False) as folder:
            EXPORTS[program](artifact, folder)
    except AutograinError:
        assert not inside.exists()
    for path in tmp_path.rglob("*"):
        assert path.is_relative_to(inside) or path == inside.parent
        if path != inside and path != inside.parent:
            assert path.parent == inside
            assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*", path.name), path.name
            assert "\x1b" not in path.read_text() and "\0" not in path.read_text()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_an_artifact_keeps_a_name_or_refuses_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    artifact = renamed(example("mapping"), name)
    try:
        save(artifact, path, overwrite=False)
    except AutograinError:
        assert not list(tmp_path.iterdir())
        return
    assert load(path, KINDS).mappings[0].molecule.name == name
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("name", ["markup", "commands the terminal", "no text"])
def test_a_name_in_a_report_is_text(name: str) -> None:
    name = HOSTILE[name]
    page = render(renamed(example("mapping"), name))
    assert "<script>alert(1)" not in page
    assert not set(page) & set("\x1b\0\x07")
