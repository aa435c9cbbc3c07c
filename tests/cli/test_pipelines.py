"""What a shell, a batch system and `make` see: streams, names, exit codes, start-up."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograin_cli.cli import autograin
from autograin_cli.cli.streams import PatientStream
from autograin_cli.cli.threads import job_threads
from autograin_cli.files.artifacts import content_digest
from example_artifacts import write
from pipeline import PSF, SAMPLES, Done, run

SOURCE = Path(__file__).parents[2] / "src"
SHORT = str(SAMPLES / "aniline_6ps.xtc")
# A command without anything slow: it tells a result, says something, or fails.
PROGRAM = """
import sys, click
from autograin_cli import cli
from autograin_cli.cli.results import tell_result
@cli.autograin.command()
@click.argument('what')
@click.option('--json', 'as_json', is_flag=True)
def work(what, as_json):
    for _ in range(3):
        click.echo('a note', err=True)
    with open('made', 'w') as file:
        file.write(str(file.fileno()))
    if what == 'log':
        from autograin_cli.cli.console import open_console
        open_console(quiet=False, verbose=False).warn('careful')
    if what == 'interrupt':
        raise KeyboardInterrupt
    if what == 'fail':
        raise ZeroDivisionError
    tell_result(what, {'unit': '\\u00c5'}, as_json=as_json)
cli.main()
"""


def shell(
    redirected: str, *arguments: str | bytes, folder: Path, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the small program in a shell, with its streams as a shell redirects them."""
    (folder / "program.py").write_text(PROGRAM)
    command = f'"{sys.executable}" program.py work "$@" {redirected}'
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}", "bash", *arguments],
        cwd=folder,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)} | variables,
        timeout=60,
    )


@pytest.mark.parametrize("redirected", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_work_is_done_though_streams_are_closed_or_full(redirected: str, tmp_path: Path) -> None:
    done = shell(redirected, "x", folder=tmp_path)
    assert (done.returncode, done.stderr.count(b"a note") in (0, 3)) == (0, True)
    # A file that took the number of a closed stream would get what is told there.
    assert int((tmp_path / "made").read_text()) > 2


@pytest.mark.parametrize(
    "redirected", ["| head -c0", "2>&1 | head -c0", "2>&1 >/dev/null | head -c0"]
)
def test_a_reader_that_wants_no_more_is_no_failure(redirected: str, tmp_path: Path) -> None:
    done = shell(redirected, "x", folder=tmp_path)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr and b"rror" not in done.stderr


def test_a_result_that_cannot_be_told_is_an_error_of_its_own(tmp_path: Path) -> None:
    done = shell(">/dev/full", "x", folder=tmp_path)
    assert done.returncode == 74
    assert b"standard output cannot be written: No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_patient_stream_drops_what_it_cannot_write_and_remembers_why() -> None:
    with open("/dev/full", "wb") as full:
        stream = PatientStream(full.fileno())
        assert [stream.write(b"abc"), stream.write(b"de")] == [3, 2]
        assert stream.error is not None and "space" in str(stream.error)


def test_names_that_are_no_text_come_out_as_they_went_in(tmp_path: Path) -> None:
    name = b"m\xff.h5"
    assert shell("", name, folder=tmp_path).stdout == name + b"\n"
    told = json.loads(shell("", name, "--json", folder=tmp_path).stdout)
    assert os.fsencode(told["output"]) == name


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_in_every_locale(encoding: str, tmp_path: Path) -> None:
    done = shell("", "x", "--json", folder=tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert json.loads(done.stdout.decode(encoding)) == {"output": "x", "unit": "Å"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("interrupt", "--json"), 130),
        (("fail", "--json"), 1),
        (("x", "--json", "--nope"), 2),
    ],
)
def test_json_tells_every_failure_with_its_exit_code(
    arguments: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    done = shell("", *arguments, folder=tmp_path)
    assert done.returncode == code
    assert json.loads(done.stdout)["exit_code"] == code
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("--nope", "--json"), ("nosuch", "--json")])
def test_wrong_usage_before_the_command_is_json_too(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(autograin, arguments)
    assert done.exit_code == 2
    assert json.loads(done.stdout)["exit_code"] == 2


def test_a_log_has_no_escape_codes_whatever_the_environment(tmp_path: Path) -> None:
    variables = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    done = shell("", "log", folder=tmp_path, **variables)
    assert done.stderr == b"a note\n" * 3 + b"warning: careful\n"
    assert done.stdout == b"log\n"


def cpu(*command: str, **variables: str) -> float:
    """User and system time of a command, the least of three, s."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, env=os.environ | variables, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(3))


@pytest.mark.parametrize("command", ["", *autograin.commands])
def test_help_takes_less_than_half_a_second(command: str) -> None:
    """Of a machine that starts Python in 20 ms; a slower one takes longer for both."""
    nothing = cpu(sys.executable, "-c", "pass")
    words = (*command.split(), "--help")
    helped = cpu(sys.executable, "-m", "autograin_cli", *words, PYTHONPATH=str(SOURCE))
    assert helped < max(0.5, 25 * nothing)


@pytest.mark.parametrize(
    ("chosen", "allotted", "expected"), [(0, "3", 3), (2, "3", 2), (0, "", 0), (0, "x", 0)]
)
def test_threads_are_those_of_the_job(
    chosen: int, allotted: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", allotted)
    assert job_threads(chosen) == expected


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.slow
def test_no_command_leaves_a_file_beside_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither offsets of MDAnalysis nor locks, and beside the results nothing but them."""
    data, work = tmp_path / "data", tmp_path / "work"
    work.mkdir()
    data.mkdir()
    for name in ("aniline.xtc", "aniline.psf", "aniline.pdb", "aniline_forces.dcd"):
        shutil.copy(SAMPLES / name, data)
    given = listed(data)
    monkeypatch.chdir(work)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    atoms = (data / "aniline.xtc", "-s", data / "aniline.psf", "--stride", "5")
    forces = ("--forces", data / "aniline_forces.dcd", "--force-unit", "kJ/mol/A")
    lines: list[tuple[str | Path, ...]] = [
        ("fit-mapping", *atoms, "--beads", "2", "--anneal-seeds", "1"),
        ("fit-potential", "mapping.h5", *atoms, *forces, "--temperature", "300"),
        ("simulate", "potential.h5", "--time", "5ps", "--replicas", "8", "--interval", "0.5"),
        ("compare", "simulation.h5", *atoms, "--resamples", "50", "--report", "report.html"),
        ("decode", "simulation.h5"),
        ("decode", "simulation.h5", "-o", "atoms.h5md"),
        ("fit-mapping", data / "aniline.pdb", "--beads", "2", "-o", "of_pdb.h5"),
    ]
    for line in lines:
        done = run(*line, "-q")
        assert done.exit_code == 0, done.stderr
    results = ("mapping.h5", "potential.h5", "simulation.h5", "comparison.h5", "of_pdb.h5")
    assert listed(work) == {*results, "report.html", "atoms.xtc", "atoms.h5md"}
    assert listed(data) == given


@pytest.mark.slow
def test_two_runs_that_write_one_file_at_once_leave_one_whole_result(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "autograin_cli", "fit-mapping", SHORT, "-s", PSF, "-q"]
    command += ["--beads", "2", "--anneal-seeds", "1", "-o", str(tmp_path / "m.h5"), "--overwrite"]
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["m.h5"]
    assert run("inspect", tmp_path / "m.h5").exit_code == 0


# Two fits of one input, three readers of one artifact, and three pairs with one output each.
LINES = {
    "first.h5": "fit-potential mapping.h5 {atoms} {forces}",
    "second.h5": "fit-potential mapping.h5 {atoms} {forces} --stride 2",
    "comparison.h5": "compare simulation.h5 {atoms} --resamples 50",
    "run1.h5": "simulate potential.h5 {run} --seed 1",
    "run2.h5": "simulate potential.h5 {run} --seed 2",
    "lost1.h5": "fit-mapping {atoms} --beads 2 --anneal-seeds 1",
    "lost2.h5": "fit-mapping {atoms} --beads 3 --anneal-seeds 1",
    "export1": "export simulation.h5 --to lammps",
    "export2": "export simulation.h5 --to lammps",
}

LOST = ("lost1.h5", "lost2.h5")


def one_after_another(lines: dict[str, list[str]]) -> dict[str, str]:
    """The digests of the results of commands, each run in this process to an output of its own."""
    for name, line in lines.items():
        done = run(*line, "-o", name)
        assert done.exit_code == 0, done.stderr
    return {name: content_digest(Path(name)) for name in lines if name.endswith(".h5")}


def all_at_once(lines: dict[str, list[str]]) -> None:
    """Have make run the commands; two whose names differ in a digit write one output."""
    rules = [f"all: {' '.join(lines)}"]
    for name, line in lines.items():
        output = name.replace("1", "").replace("2", "")
        overwrite = "" if output == "lost.h5" else "--overwrite"
        words = " ".join([sys.executable, "-m", "autograin_cli", *line, "-o", output, overwrite])
        rules += [f".PHONY: {name}", f"{name}:", f"\t{words}; echo $$? > {name}.code"]
    Path("Makefile").write_text("\n".join(rules) + "\n")
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    subprocess.run(["make", "-j4"], capture_output=True, env=environment, check=True, timeout=300)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_what_make_runs_at_once_gives_what_it_gives_one_after_another(
    mapping: Done,
    potential: Done,
    simulation: Done,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two runs with one output, the one that loses is refused, or wins whole."""
    words = {
        "atoms": f"{SHORT} -s {PSF}",
        "run": "--time 2ps --equilibration 1ps --replicas 8 --interval 0.2",
        "forces": f"--forces {SHORT.replace('.xtc', '_forces.dcd')} --force-unit kJ/mol/A "
        "--temperature 300",
    }
    lines = {name: line.format(**words).split() for name, line in LINES.items()}
    for folder in ("serial", "parallel"):
        (tmp_path / folder).mkdir()
        for done in (mapping, potential, simulation):
            shutil.copy(done.path, tmp_path / folder)
    monkeypatch.chdir(tmp_path / "serial")
    serial = one_after_another(lines)
    exported = {path.name: path.read_text() for path in Path("export1").iterdir()}
    given = {path.name for path in (mapping.path, potential.path, simulation.path)}
    monkeypatch.chdir(tmp_path / "parallel")
    all_at_once(lines)
    for name in ("first.h5", "second.h5", "comparison.h5"):
        assert content_digest(Path(name)) == serial[name]
    for pair in ("run", "lost"):
        assert content_digest(Path(f"{pair}.h5")) in (serial[f"{pair}1.h5"], serial[f"{pair}2.h5"])
    assert {path.name: path.read_text() for path in Path("export").iterdir()} == exported
    codes = {name: Path(f"{name}.code").read_text().strip() for name in lines}
    assert codes == dict.fromkeys(lines, "0") | {name: codes[name] for name in LOST}
    assert sorted(codes[name] for name in LOST) == ["0", "73"]
    made = {path.name for path in Path().iterdir()} - given - {"Makefile"}
    outputs = {"first.h5", "second.h5", "comparison.h5", "run.h5", "lost.h5", "export"}
    assert made == outputs | {f"{name}.code" for name in lines}


FULL = """
import resource, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from pipeline import run
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
for ending in ("h5md", "nc", "pdb", "xyz", "xtc", "trr", "dcd"):
    (folder / f"a.{ending}").write_bytes(b"old")
    done = run("decode", folder / "s.h5", "-o", folder / f"a.{ending}", "--overwrite", "-q")
    print(ending, done.exit_code, (folder / f"a.{ending}").read_bytes() == b"old")
"""


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_trajectory_of_every_format(tmp_path: Path) -> None:
    """HDF5 would write half a file in the place of the old one, and end the process."""
    write("simulation", tmp_path / "s.h5")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), "700", *sys.path],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert [line[1:] for line in told] == [["74", "True"]] * 7, done.stdout
    assert not list(tmp_path.glob(".autograin-*"))
