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


@pytest.mark.parametrize(
    ("arguments", "given", "expected", "command"),
    [
        (["--nope"], "No such option '--nope'", "autograin [OPTIONS] COMMAND", "autograin"),
        (["fit-mappin"], "No such command 'fit-mappin'", "such as fit-mapping", "autograin"),
        (["inspect", "a", "b"], "extra argument (b)", "[OPTIONS] ARTIFACT", "autograin inspect"),
        (["simulate"], "Missing argument 'POTENTIAL'", "POTENTIAL", "autograin simulate"),
        (["export", "a"], "Missing option '--to'", "one of lammps, openmm", "autograin export"),
        (["export", "a", "--to", "x"], "'x' is not one of", "one of lammps", "autograin export"),
        (
            ["simulate", "a", "--json", "--time"],
            "'--time' requires an argument",
            "what autograin simulate takes",
            "autograin simulate",
        ),
        (
            ["simulate", "a", "--tme", "1ns"],
            "No such option '--tme'",
            "one that there is, such as --time",
            "autograin simulate",
        ),
        (
            ["simulate", "a", "--time", "3 weeks"],
            "Invalid value for '--time': '3 weeks'",
            "a time in ps, or with fs, ps, ns or us behind it",
            "autograin simulate",
        ),
    ],
)
def test_wrong_usage_as_json_has_the_parts_of_every_error(
    arguments: list[str], given: str, expected: str, command: str
) -> None:
    form = () if "--json" in arguments else ("--json",)
    done = CliRunner().invoke(autograin, [*arguments, *form])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["exit_code"], told["error"]["type"]) == (2, 2, "UsageError")
    assert set(told["error"]) == {"type", "given", "expected", "to_fix"}
    assert given in told["error"]["given"]
    assert "expected:" not in told["error"]["given"]
    assert expected in told["error"]["expected"]
    assert told["error"]["to_fix"].startswith(f"{command} --help")


@pytest.mark.parametrize(
    ("error", "exit_code", "kind"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (errors.InputError(given="a", expected="b", remedy="c"), 65, "InputError"),
        (click.UsageError("no"), 2, "UsageError"),
        (OSError(28, "No space left on device", "/cache"), 74, "FileAccessError"),
    ],
)
def test_every_failure_has_the_same_parts(error: BaseException, exit_code: int, kind: str) -> None:
    def fail() -> None:
        raise error

    done = CliRunner().invoke(failing(fail), ["work", "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["exit_code"], told["error"]["type"]) == (exit_code,) * 2 + (kind,)
    assert set(told["error"]) == {"type", "given", "expected", "to_fix"}
    assert all(told["error"].values())


def test_another_error_of_the_system_stays_a_mistake_of_the_program() -> None:
    def fail() -> None:
        raise IsADirectoryError(21, "Is a directory")

    done = CliRunner().invoke(failing(fail), ["work"])
    assert isinstance(done.exception, IsADirectoryError)


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
    told = json.loads(done.stdout)
    assert (told["exit_code"], told["error"]["type"]) == (1, "internal error")
    assert set(told["error"]) == {"type", "given", "expected", "to_fix"}
    assert told["error"]["given"] == "ZeroDivisionError: no reason"


def test_a_reader_that_stops_early_is_no_error_to_shout_about() -> None:
    script = f"{sys.executable} -m autograin_cli fit-mapping --help | true"
    done = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )
    assert done.stderr == ""
