"""Commands that are stopped and gone on with: nothing lost, the same result."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from autograin_cli.cli import keeping
from autograin_cli.files.artifacts import content_digest
from autograin_cli.files.atomistic_trajectory import AtomisticTrajectory
from autograin_cli.mapping import fit as mapping_fit
from autograin_cli.trajectory import Chunk
from pipeline import PSF, SAMPLES, XTC, Done, forces_and_temperature, run

MAPPING = ("fit-mapping", SAMPLES / "aniline.xtc", "-s", PSF, "--beads", "2", "--method", "exact")
SHORT = ("--time", "10ps", "--interval", "0.5", "--replicas", "4", "--equilibration", "1")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of chunks in the samples, so that there is a moment to stop at."""
    monkeypatch.setattr("autograin_cli.files.atomistic_trajectory._CHUNK_SIZE", 14 * 24 * 50)


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Send this process a signal when so many chunks have been read, once."""

    def arrange(name: str, n_chunks: int) -> None:
        left = [n_chunks]
        read = AtomisticTrajectory.chunks

        def reading(trajectory: AtomisticTrajectory, first: int = 0) -> Iterator[Chunk]:
            for chunk in read(trajectory, first):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), getattr(signal, name))
                yield chunk

        monkeypatch.setattr(AtomisticTrajectory, "chunks", reading)

    return arrange


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_mapping_that_was_stopped_is_that_of_a_command_without_a_break(
    name: str, signalled: Callable[[str, int], None], tmp_path: Path
) -> None:
    before = signal.getsignal(getattr(signal, name))
    assert run(*MAPPING, "-o", tmp_path / "whole.h5").exit_code == 0
    signalled(name, 20)
    stopped = run(*MAPPING, "-o", tmp_path / "m.h5")
    assert stopped.exit_code == 75
    assert f"stopped by {name}" in stopped.stderr and "--resume" in stopped.stderr
    assert names(tmp_path) == ["m.ckpt.h5", "whole.h5"]
    assert signal.getsignal(getattr(signal, name)) == before
    refused = run(*MAPPING, "-o", tmp_path / "m.h5")
    assert refused.exit_code == 73
    other = run(*MAPPING, "--seed", "5", "-o", tmp_path / "m.h5", "--resume")
    assert other.exit_code == 78
    done = run(*MAPPING, "-o", tmp_path / "m.h5", "--resume")
    assert done.exit_code == 0, done.stderr
    assert "going on after" in done.stderr
    assert names(tmp_path) == ["m.h5", "whole.h5"]
    assert content_digest(tmp_path / "m.h5") == content_digest(tmp_path / "whole.h5")


@pytest.mark.usefixtures("small_chunks")
def test_ctrl_c_in_the_first_minute_keeps_nothing(
    signalled: Callable[[str, int], None], tmp_path: Path
) -> None:
    signalled("SIGINT", 20)
    assert run(*MAPPING, "-o", tmp_path / "m.h5").exit_code == 130
    assert names(tmp_path) == []


@pytest.mark.usefixtures("small_chunks")
def test_ctrl_c_later_keeps_what_was_read(
    signalled: Callable[[str, int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SECONDS_WORTH_KEEPING", 0.0)
    signalled("SIGINT", 20)
    assert run(*MAPPING, "-o", tmp_path / "m.h5").exit_code == 75
    assert names(tmp_path) == ["m.ckpt.h5"]


def test_a_signal_after_the_passes_stops_at_once_and_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    with monkeypatch.context() as patched:
        patched.setattr(mapping_fit, "fit_survey", asked)
        stopped = run(*MAPPING, "-o", tmp_path / "m.h5")
    assert stopped.exit_code == 75
    assert names(tmp_path) == ["m.ckpt.h5"]
    assert run(*MAPPING, "-o", tmp_path / "m.h5", "--resume").exit_code == 0


def test_a_simulation_that_was_stopped_is_that_of_a_command_without_a_break(
    potential: Done, tmp_path: Path
) -> None:
    command = ("simulate", potential.path, *SHORT)
    assert run(*command, "-o", tmp_path / "whole.h5").exit_code == 0
    for resume in ((), ("--resume",), ("--resume",)):
        stopped = run(*command, "-o", tmp_path / "s.h5", "--max-hours", "0", *resume)
        assert stopped.exit_code == 75, stopped.stderr
        assert names(tmp_path) == ["s.ckpt", "whole.h5"]
    assert run(*command, "-o", tmp_path / "s.h5").exit_code == 73
    other = run(*command, "--seed", "2", "-o", tmp_path / "s.h5", "--resume")
    assert other.exit_code == 78
    assert "--seed was 0 and is 2" in other.stderr
    done = run(*command, "-o", tmp_path / "s.h5", "--resume")
    assert done.exit_code == 0, done.stderr
    assert f"going on after {3 * 3} frames" in done.stderr
    assert names(tmp_path) == ["s.h5", "whole.h5"]
    assert content_digest(tmp_path / "s.h5") == content_digest(tmp_path / "whole.h5")


FIT = (PSF, *forces_and_temperature(), "--stride", "10")
JOINT = ("--joint", "--joint-steps", "25", "--joint-weight", "100")
NETWORK = ("--neural", "--features", "4", "--moments", "2", "--epochs", "1")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fit-mapping", ("--beads", "2", "--anneal-seeds", "2", "--anneal-steps", "80")),
        ("fit-mapping", ("--beads", "4", "--method", "exact", "--weights", "learned")),
        ("fit-potential", JOINT),
        pytest.param("fit-potential", (*JOINT, *NETWORK), marks=pytest.mark.slow),
    ],
)
def test_a_search_or_a_training_stopped_at_any_step_is_that_of_a_command_without_a_break(
    name: str,
    options: tuple[str, ...],
    mapping: Done,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its time and by a signal at a random step of what is left, again and again."""
    monkeypatch.setattr("autograin_cli.mapping.scoring._BATCH", 4)
    inputs: tuple[str | Path, ...] = (mapping.path, XTC, "-s", *FIT)
    if name == "fit-mapping":
        inputs = (XTC, "-s", PSF, "--stride", "10")
    passed, steps, stop_at = keeping.Keeper.passed, [0], [-1]

    def counted(keeper: keeping.Keeper, n_frames: int, sums: keeping.Sums) -> None:
        steps[0] += 1
        if steps[0] == stop_at[0]:
            os.kill(os.getpid(), signal.SIGUSR1)
        passed(keeper, n_frames, sums)

    monkeypatch.setattr(keeping.Keeper, "passed", counted)
    command = (name, *inputs, *options, "-o")
    assert run(*command, tmp_path / "whole.h5").exit_code == 0
    path, draw = tmp_path / "m.h5", Random(7)  # noqa: S311  no secret
    assert run(*command, path, "--max-hours", "0").exit_code == 75
    for n_breaks in range(1, 6):
        stop_at[0], steps[0] = draw.randint(2, 16) if n_breaks < 5 else -1, 0
        resumed = run(*command, path, "--resume")
        if resumed.exit_code == 0:
            break
        assert resumed.exit_code == 75, resumed.stderr
        assert names(tmp_path) == ["m.ckpt.h5", "whole.h5"]
    assert n_breaks >= 3
    assert content_digest(path) == content_digest(tmp_path / "whole.h5")


@pytest.mark.slow
def test_simulations_killed_at_any_moment_go_on_to_the_same_result(
    potential: Done, tmp_path: Path
) -> None:
    """SIGKILL, which no program hears; in between the file is whole or not there."""
    command = [sys.executable, "-m", "autograin_cli", "simulate", str(potential.path)]
    command += ["--time", "3ns", "--replicas", "64", "--equilibration", "1", "-q", "-o"]
    subprocess.run([*command, str(tmp_path / "whole.h5")], check=True)
    path = tmp_path / "s.h5"
    for number in range(12):
        child = subprocess.Popen([*command, str(path), *(["--resume"] if number else [])])
        try:
            child.wait(3.0 + 0.23 * number)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if path.exists():
            break
    else:
        subprocess.run([*command, str(path), "--resume"], check=True)
    assert content_digest(path) == content_digest(tmp_path / "whole.h5")


def test_a_signal_in_a_pass_that_was_over_before_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(mapping_fit, "fit_survey", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        assert run(*MAPPING, "-o", tmp_path / "m.h5").exit_code == 75
    known = keeping.Keeper.begun

    def heard(keeper: keeping.Keeper) -> object:
        state = known(keeper)
        os.kill(os.getpid(), signal.SIGTERM)
        return state

    monkeypatch.setattr(keeping.Keeper, "begun", heard)
    assert run(*MAPPING, "-o", tmp_path / "m.h5", "--resume").exit_code == 75
    assert names(tmp_path) == ["m.ckpt.h5"]
