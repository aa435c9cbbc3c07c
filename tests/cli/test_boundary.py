"""What reaches the user: help without waiting, errors without tracebacks, exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from autograin_cli import errors
from autograin_cli.cli import ErrorBoundary, autograin

SOURCE = Path(__file__).parents[2] / "src"
ERRORS = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.AutograinError)
]
SLOW = {"torch", "MDAnalysis", "numba", "scipy", "matplotlib", "h5py", "numpy", "rich", "jinja2"}


def python(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a program of its own."""
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)} | variables,
    )


@pytest.mark.parametrize("name", ["", *sorted(autograin.commands)])
def test_help_and_a_mistyped_option_load_nothing_slow(name: str) -> None:
    script = (
        "import sys\n"
        "from autograin_cli.cli import autograin\n"
        "for arguments in (['--help'], ['--mistyped']):\n"
        "    try:\n"
        "        autograin([*sys.argv[1:], *arguments], prog_name='autograin')\n"
        "    except SystemExit as end:\n"
        "        print('code', end.code)\n"
        "print(*sys.modules)\n"
    )
    done = python(script, *([name] if name else []))
    *text, modules = done.stdout.splitlines()
    assert [line for line in text if line.startswith("code")] == ["code 0", "code 2"]
    assert not SLOW & set(modules.split())


def test_the_program_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autograin_cli", "--version"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("autograin, version ")


def failing(fail: Callable[[], Any]) -> click.Group:
    """A program whose only command fails."""

    @click.group(cls=ErrorBoundary)
    def program() -> None:
        pass

    @program.command()
    @click.option("--json", is_flag=True)
    def work(json: bool) -> None:  # noqa: ARG001
        fail()

    return program


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_says_what_was_given_expected_and_to_do(kind: type[errors.AutograinError]) -> None:
    def fail() -> None:
        raise kind(given="5 atoms", expected="7 atoms", remedy="give all")

    done = CliRunner().invoke(failing(fail), ["work"])
    assert done.exit_code == kind.exit_code
    assert done.stdout == ""
    assert done.stderr == "error: 5 atoms\n  expected: 7 atoms\n  to fix:   give all\n"

    done = CliRunner().invoke(failing(fail), ["work", "--json"])
    assert done.exit_code == kind.exit_code
    assert json.loads(done.stdout) == {
        "error": {
            "type": kind.__name__,
            "given": "5 atoms",
            "expected": "7 atoms",
            "to_fix": "give all",
        },
        "exit_code": kind.exit_code,
    }


def test_wrong_usage_is_json_too_where_that_is_wanted() -> None:
    done = CliRunner().invoke(autograin, ["fit-mapping", "a.xtc", "--json"])
    assert done.exit_code == 2
    assert "--beads" in done.stderr
    assert json.loads(done.stdout)["exit_code"] == 2
    assert "--beads" in json.loads(done.stdout)["error"]["given"]


def test_an_interrupt_ends_with_130_and_without_a_traceback() -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    done = CliRunner().invoke(failing(fail), ["work"])
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "interrupted\n")


BROKEN = (
    "import click\n"
    "from autograin_cli import cli\n"
    "@cli.autograin.command()\n"
    "@click.option('--json', is_flag=True)\n"
    "def work(json):\n"
    "    raise ZeroDivisionError('no reason')\n"
    "cli.main()\n"
)


def test_a_mistake_of_the_program_is_one_short_message() -> None:
    done = python(BROKEN, "work", AUTOGRAIN_TRACEBACK="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("internal error: ZeroDivisionError: no reason\n")
    assert "Traceback" not in done.stderr
    assert "AUTOGRAIN_TRACEBACK=1" in done.stderr


def test_the_traceback_of_a_mistake_is_shown_on_request() -> None:
    done = python(BROKEN, "work", AUTOGRAIN_TRACEBACK="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_mistake_of_the_program_is_json_where_that_is_wanted() -> None:
    done = python(BROKEN, "work", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["exit_code"] == 1


def test_a_reader_that_stops_early_is_no_error_to_shout_about() -> None:
    script = f"{sys.executable} -m autograin_cli fit-mapping --help | true"
    done = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )
    assert done.stderr == ""
