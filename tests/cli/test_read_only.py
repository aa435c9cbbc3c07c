"""Folders that may not be written, files that may not be read, disks that are full."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograin_cli.cli import caches
from permissions import bound, permissions_bind
from pipeline import SAMPLES, Done

pytestmark = pytest.mark.slow
PACKAGE = Path(caches.__file__).parents[1]
DATA = ("aniline_6ps.xtc", "aniline.psf", "aniline_6ps_forces.dcd")
# Each command with its input in one folder and its output in another.
COMMANDS = {
    "fit-mapping": "{atoms} --beads 2 --anneal-seeds 1 -o {out}/mapping.h5",
    "fit-potential": "{data}/mapping.h5 {atoms} --forces {data}/aniline_6ps_forces.dcd "
    "--force-unit kJ/mol/A --temperature 300 -o {out}/potential.h5",
    "simulate": "{data}/potential.h5 --time 2ps --equilibration 1ps --replicas 8 --interval 0.2 "
    "-o {out}/simulation.h5",
    "simulate --traj": "{data}/potential.h5 --time 2ps --equilibration 1ps --replicas 8 "
    "--interval 0.2 -o {scratch}/simulation.h5 --traj {out}/cg.xtc",
    "compare": "{data}/simulation.h5 {atoms} --resamples 50 -o {out}/comparison.h5",
    "compare --report": "{data}/simulation.h5 {atoms} --resamples 50 -o {scratch}/comparison.h5 "
    "--report {out}/report.html",
    "decode": "{data}/simulation.h5 -o {out}/atoms.xtc",
    "export": "{data}/potential.h5 --to lammps -o {out}/model",
    "inspect": "{data}/comparison.h5",
}
OUTPUTS = [name for name in COMMANDS if name != "inspect"]
SCRIPT = """
import json, resource, sys
from pipeline import run
lines, limit = json.loads(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
told = {}
for name, line in lines.items():
    try:
        done = run(name.split()[0], *line, "-q") if "inspect" not in name else run("inspect", *line)
        told[name] = [done.exit_code, done.stderr]
    except BaseException as error:
        told[name] = [-1, repr(error)]
print(json.dumps(told))
"""


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


@dataclass(frozen=True)
class Place:
    """Folders of commands: that of the input may not be written."""

    data: Path
    out: Path
    scratch: Path

    def lines(self, **other: Path) -> dict[str, list[str]]:
        """The arguments of every command."""
        places = {"data": self.data, "out": self.out, "scratch": self.scratch} | other
        atoms = f"{places['data']}/aniline_6ps.xtc -s {places['data']}/aniline.psf"
        return {name: line.format(atoms=atoms, **places).split() for name, line in COMMANDS.items()}

    def told(
        self, lines: dict[str, list[str]], limit: int = 0, **variables: str
    ) -> dict[str, tuple[int, str]]:
        """Exit code and standard error of every command, of files of at most so many bytes."""
        done = bound(SCRIPT, json.dumps(lines), str(limit), **variables)
        assert done.returncode == 0, done.stderr
        found: dict[str, tuple[int, str]] = json.loads(done.stdout)
        return found


@pytest.fixture
def place(
    mapping: Done, potential: Done, simulation: Done, comparison: Done, tmp_path: Path
) -> Place:
    if not permissions_bind(tmp_path):
        pytest.skip("permissions do not bind whom this machine lets run tests")
    made = Place(*(tmp_path / name for name in ("data", "out", "scratch")))
    for folder in (made.data, made.out, made.scratch, tmp_path / "home"):
        folder.mkdir()
    given = [*(SAMPLES / name for name in DATA)]
    given += [done.path for done in (mapping, potential, simulation, comparison)]
    for file in given:
        shutil.copy(file, made.data)
        (made.data / file.name).chmod(0o444)
    for folder in (made.data, tmp_path / "home"):
        folder.chmod(0o555)
    return made


def one_message(stderr: str) -> bool:
    lines = [line for line in stderr.splitlines() if not line.startswith("warning: ")]
    return [line.partition(":")[0].strip() for line in lines] == ["error", "expected", "to fix"]


def test_input_in_a_folder_that_may_not_be_written_is_as_good_as_any(place: Place) -> None:
    """No offsets, no locks, no caches beside the data, nor in a home that is closed too."""
    before = content(place.data)
    told = place.told(place.lines(), HOME=str(place.data.parent / "home"))
    assert {name: code for name, (code, _) in told.items()} == dict.fromkeys(COMMANDS, 0), told
    for _, stderr in told.values():
        assert all(line.startswith("warning: ") for line in stderr.splitlines()), stderr
    assert content(place.data) == before
    assert not content(place.data.parent / "home")
    made = {path.name for path in place.out.iterdir()}
    results = {"mapping.h5", "potential.h5", "simulation.h5", "comparison.h5"}
    assert made == {*results, "cg.xtc", "report.html", "atoms.xtc", "model"}
    assert {path.name for path in place.scratch.iterdir()} == {"simulation.h5", "comparison.h5"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_output_in_a_folder_that_may_not_be_written_is_one_message(
    overwrite: bool, place: Place
) -> None:
    if overwrite:
        for name in ("mapping.h5", "cg.xtc", "report.html"):
            (place.out / name).write_text("old")
        (place.out / "model").mkdir()
    before = content(place.out)
    place.out.chmod(0o555)
    lines = {name: line for name, line in place.lines().items() if name in OUTPUTS}
    if overwrite:
        lines = {name: [*line, "--overwrite"] for name, line in lines.items()}
    for name, (code, stderr) in place.told(lines).items():
        assert (code, one_message(stderr)) == (74, True), (name, stderr)
        assert str(place.out) in stderr, (name, stderr)
    assert content(place.out) == before
    assert not content(place.scratch)


def test_an_export_that_is_closed_is_not_replaced_and_nothing_is_left_beside_it(
    place: Place,
) -> None:
    """It could be given another name, but not be removed."""
    model = place.out / "model"
    model.mkdir()
    (model / "in.lammps").write_text("old")
    before = content(place.out)
    model.chmod(0o555)
    line = [*place.lines()["export"], "--overwrite"]
    ((code, stderr),) = place.told({"export": line}).values()
    assert (code, one_message(stderr)) == (74, True), stderr
    assert "it is read-only" in stderr
    assert content(place.out) == before


def test_a_file_that_may_not_be_read_is_one_message_that_names_it(place: Place) -> None:
    closed = place.scratch / "closed"
    shutil.copytree(place.data, closed)
    closed.chmod(0o755)
    for path in closed.iterdir():
        path.chmod(0)
    for name, (code, stderr) in place.told(place.lines(data=closed)).items():
        assert (code, one_message(stderr)) == (74, True), (name, stderr)
        assert str(closed) in stderr and "ermission" in stderr, (name, stderr)
    assert not content(place.out)


def test_a_full_disk_is_one_message_and_leaves_what_was_there(place: Place) -> None:
    for name in ("mapping", "potential", "simulation", "comparison"):
        (place.out / f"{name}.h5").write_bytes(b"old")
    for name in ("cg.xtc", "report.html", "atoms.xtc"):
        (place.out / name).write_bytes(b"old")
    (place.out / "model").mkdir()
    (place.out / "model" / "in.lammps").write_bytes(b"old")
    before = content(place.out)
    lines = {name: [*line, "--overwrite"] for name, line in place.lines().items()}
    told = place.told({name: lines[name] for name in OUTPUTS}, limit=500)
    for name, (code, stderr) in told.items():
        assert (code, one_message(stderr)) == (74, True), (name, stderr)
        assert "cannot be written" in stderr, (name, stderr)
    assert content(place.out) == before
    assert not content(place.scratch)


def test_a_package_and_a_home_that_may_not_be_written_are_no_obstacle(place: Place) -> None:
    """Compiled loops find a place for the run, which is gone at its end, and that is told."""
    library = place.data.parent / "library"
    package = library / "autograin_cli"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (package, *package.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = bound(
        "from autograin_cli.cli import main; main()",
        *("inspect", place.data / "mapping.h5"),
        PYTHONPATH=str(library),
        HOME=str(place.data.parent / "home"),
        TMPDIR=str(place.scratch),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("mapping artifact")
    assert done.stderr == f"{caches.NOTE}\n"
    assert not content(place.scratch)
