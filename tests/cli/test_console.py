"""What a person reads: progress on a terminal and in a log, escapes only where they belong."""

import os
import pty
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest
import torch

from autograin_cli.cli import console as console_module
from autograin_cli.cli.console import Console, open_console
from autograin_cli.trajectory import Chunk, StoredTrajectory

SOURCE = Path(__file__).parents[2] / "src"
ESCAPE = "\x1b"


@dataclass(frozen=True)
class Log:
    """A console whose standard error is a file, and what it has written there."""

    console: Console
    capture: pytest.CaptureFixture[str]

    def text(self) -> str:
        return self.capture.readouterr().err


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Log:
    monkeypatch.setenv("FORCE_COLOR", "1")
    return Log(open_console(quiet=False, verbose=False), capsys)


def test_a_log_has_no_escape_codes(log: Log) -> None:
    log.console.warn("careful")
    log.console.table("beads", ("bead", "atoms"), [("A", "C1 C2")])
    log.console.facts("trust", [("loss", "0.4 Å²")])
    with log.console.task("working"):
        pass
    text = log.text()
    assert ESCAPE not in text
    assert "warning: careful" in text
    assert "C1 C2" in text
    assert "0.4 Å²" in text


def test_text_from_a_file_cannot_command_the_terminal(log: Log) -> None:
    log.console.note("name \x1b[2J of [red]an atom[/red]\r")
    log.console.table("\x1b]0;t\x07", ("atom",), [("\x1b[31mC",)])
    text = log.text()
    assert ESCAPE not in text
    assert "[red]an atom[/red]\\r" in text


def test_a_long_task_writes_a_line_from_time_to_time_in_a_log(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_module, "_SECONDS_BETWEEN_LINES", 0.01)
    text, deadline = "", monotonic() + 10
    with log.console.task("fitting", total=4) as advance:
        advance(1)
        while not text and monotonic() < deadline:
            text = log.text()
    assert re.fullmatch(r"fitting: \d\.\d s, 25 %", text.splitlines()[0])


def test_a_task_that_tells_how_far_it_is_writes_its_words_in_a_log(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_module, "_SECONDS_BETWEEN_LINES", 0.01)
    text, deadline = "", monotonic() + 10
    with log.console.telling_task("training") as tell:
        tell(3, 12, "loss 0.5, at most 3 min left")
        while not text.startswith("training: loss") and monotonic() < deadline:
            text = log.text()
    line = r"training: loss 0\.5, at most 3 min left: \d\.\d s, 25 %"
    assert re.fullmatch(line, text.splitlines()[0])


def test_a_log_shows_that_a_command_is_alive_between_its_tasks(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_module, "_SECONDS_BETWEEN_LINES", 0.01)
    text, deadline = "", monotonic() + 10
    with log.console.working():
        while not text and monotonic() < deadline:
            text = log.text()
        with log.console.task("fitting"):
            sleep(0.05)
            log.text()  # a line that was begun before
            sleep(0.05)
            assert "working" not in log.text()
    assert re.fullmatch(r"working: \d\.\d s", text.splitlines()[0])


def test_a_process_that_does_not_speak_is_silent_but_keeps_its_warnings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = console_module.silent_console()
    console.warn("careful")
    console.note("a fact")
    with console.telling_task("training") as tell:
        tell(1, 2, "words")
    assert capsys.readouterr() == ("", "")
    assert console.warnings == ["careful"]


def test_lines_come_at_least_every_thirty_seconds() -> None:
    assert 0 < console_module._SECONDS_BETWEEN_LINES <= 30


def test_a_quiet_console_tells_only_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    console = open_console(quiet=True, verbose=False)
    console.note("a fact")
    console.table("t", ("c",), [("x",)])
    console.facts("f", [("a", "b")])
    with console.task("working"):
        console.warn("careful")
    assert capsys.readouterr().err == "warning: careful\n"
    assert console.warnings == ["careful"]


def test_details_are_told_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    open_console(quiet=False, verbose=False).detail("a detail")
    assert capsys.readouterr().err == ""
    open_console(quiet=False, verbose=True).detail("a detail")
    assert capsys.readouterr().err == "a detail\n"


def test_tasks_nest_and_an_error_leaves_none_behind(log: Log) -> None:
    with pytest.raises(ZeroDivisionError), log.console.task("outer"):
        [1 / (2 - i) for i in log.console.track(range(3), 3, "inner")]
    assert not log.console.progress.tasks
    assert log.text() == ""
    with log.console.task("outer"):
        assert list(log.console.track(range(3), 3, "inner")) == [0, 1, 2]
    assert [line.split(":")[0] for line in log.text().splitlines()] == ["inner", "outer"]


def test_a_watched_trajectory_yields_the_same_chunks_every_time(log: Log) -> None:
    chunk = Chunk(positions=torch.rand(5, 2, 3).double(), times=torch.arange(5).double())
    source = StoredTrajectory(chunk)
    watched = log.console.watch(source, "reading")
    assert (watched.n_frames, watched.n_atoms, watched.has_forces) == (5, 2, False)
    for _ in range(2):
        assert list(watched.chunks()) == [chunk]
    assert log.text().count("reading (5 frames)") == 2


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_shows_bars_and_obeys_no_color(no_color: str, coloured: bool) -> None:
    script = (
        "from autograin_cli.cli.console import open_console\n"
        "console = open_console(quiet=False, verbose=False)\n"
        "list(console.track(range(3), 3, 'reading'))\n"
        "console.warn('careful')\n"
    )
    text = in_terminal(script, {"NO_COLOR": no_color, "TERM": "xterm"})
    assert "━" in text
    assert "reading: " in text
    assert (f"{ESCAPE}[1;33mwarning" in text) == coloured


def in_terminal(script: str, variables: dict[str, str]) -> str:
    """Standard error of a script for which it is a terminal."""
    here, there = pty.openpty()
    environment = os.environ | variables | {"PYTHONPATH": str(SOURCE)}
    with os.fdopen(here, "rb") as screen:
        subprocess.run([sys.executable, "-c", script], stderr=there, env=environment, check=True)
        os.close(there)
        return read_all(screen.fileno())


def read_all(descriptor: int) -> str:
    """All that waits in a pseudo-terminal whose other end is closed."""
    parts = []
    try:
        while part := os.read(descriptor, 65536):
            parts.append(part)
    except OSError:  # Linux says so at the end of a pseudo-terminal
        pass
    return b"".join(parts).decode()
