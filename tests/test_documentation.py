"""Every command, option and exit code is documented, and the generated pages are up to date."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from autograin_cli import errors
from autograin_cli.cli import autograin

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
COMMANDS = sorted(autograin.commands)
ERRORS = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.AutograinError)
]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", ["cli_page.py", "format_page.py"])
def test_a_generated_page_is_up_to_date(script: str) -> None:
    done = subprocess.run(
        [sys.executable, DOCS / script, "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_an_outdated_page_is_rewritten_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, page = load(DOCS / "cli_page.py"), tmp_path / "cli.md"
    monkeypatch.setattr(script, "PAGE", page)
    assert script.main(["--check"]) == 1
    assert not page.exists()
    assert script.main([]) == 1
    assert script.main([]) == 0
    page.write_text("old")
    assert script.main(["--check"]) == 1
    assert page.read_text() == "old"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_a_help_and_is_in_the_reference(name: str) -> None:
    reference = (DOCS / "cli.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", reference, flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(f"autograin {name}\n")]
    for parameter in autograin.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            for option in parameter.opts + parameter.secondary_opts:
                assert option in text


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_an_example_that_the_parser_takes(name: str) -> None:
    command = autograin.commands[name]
    text = (command.epilog or "").replace("\\\n", " ")
    examples = re.findall(rf"^  autograin {name} (.*)$", text, re.MULTILINE)
    assert examples
    for example in examples:
        command.make_context(name, example.split())


def test_the_page_of_commands_has_all_in_their_order() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    (line,) = re.findall(r":commands: (.*)", page)
    assert line.split(", ") == list(autograin.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_names_every_command(name: str) -> None:
    assert f"autograin {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_and_its_exit_code_are_documented(error: type[errors.AutograinError]) -> None:
    lines = (DOCS / "errors.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if f"`{error.__name__}`" in line]
    code = error.exit_code
    assert any(row.startswith(f"| [{code}](errors/{code}.md) |") for row in rows), error.__name__
    assert (DOCS / "errors" / f"{code}.md").is_file()
    assert re.search(rf"^ +{code}  ", autograin.epilog or "", re.MULTILINE)


def test_the_readme_names_every_make_target_that_it_promises() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    promised = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme, re.MULTILINE))
    assert {"demo", "test"} <= promised <= targets
