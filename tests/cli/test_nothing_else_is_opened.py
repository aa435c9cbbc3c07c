"""Files that would lead elsewhere: no command opens a file that the command line does not name."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from autograin_cli.files.checkpoints import save_checkpoint
from damage import MAPPING, put
from example_artifacts import write
from files.test_checkpoints import checkpoint
from pipeline import PSF, SAMPLES, run

SHORT = str(SAMPLES / "aniline_6ps.xtc")
CANARY = "canary"
Line = tuple[str | Path, ...]


def leading_away(path: Path, dataset: str) -> list[Path]:
    """Copies of an HDF5 file whose dataset is elsewhere, in every way that HDF5 knows."""
    made = []
    for how in ("external_link", "external_storage", "virtual", "soft_link", "external_group"):
        made.append(path.with_name(f"{how}_{dataset.split('/')[-2]}_{path.name}"))
        shutil.copy(path, made[-1])
        with h5py.File(made[-1], "r+") as file:
            _lead_away(file, dataset, how)
    return made


def _lead_away(file: h5py.File, dataset: str, how: str) -> None:
    shape = file[dataset].shape
    if how == "external_storage":
        put(file, dataset, None, "", shape=shape, dtype="f8", external=[(CANARY, 0, 2**20)])
        return
    place = dataset.rpartition("/")[0] if how == "external_group" else dataset
    del file[place]
    if how == "virtual":
        layout = h5py.VirtualLayout(shape=shape, dtype="f8")
        layout[:] = h5py.VirtualSource(CANARY, "x", shape=shape)
        file.create_virtual_dataset(place, layout)
    elif how == "soft_link":
        file[place] = h5py.SoftLink("/nowhere")
    else:
        file[place] = h5py.ExternalLink(CANARY, "/x")


def h5md(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file.create_group("h5md").attrs["version"] = [1, 1]
        group = file.create_group("particles/all")
        group.create_group("box").attrs.update(dimension=3, boundary=["none"] * 3)
        for name in ("position", "force"):
            element = group.create_group(name)
            element["value"] = np.random.default_rng(0).normal(size=(6, 14, 3))
            element["step"], element["time"] = np.arange(6), np.arange(6.0)
    return path


TEXTS = {
    "a.xml": '<!DOCTYPE a [<!ENTITY e SYSTEM "canary">]><cg_molecule>&e;</cg_molecule>',
    "a.yaml": "!!python/object/apply:builtins.open [canary]\n",
    "b.yaml": "site-types: !include canary\nsystem: []\n",
    "a.ndx": "[ A ]\n1 2\n#include canary\n",
    "a.itp": '#include "canary"\n[ moleculetype ]\nA 3\n',
    "A.ITP": ' #include "canary"\n',
    "a.toml": 'include = "canary"\n',
}


def hostile(folder: Path) -> list[list[str]]:
    """Command lines, each with a file that would lead elsewhere."""
    (folder / CANARY).write_bytes(write("mapping", folder / "m.h5").read_bytes())
    lines = [*artifacts(folder), *trajectories(folder), *texts(folder), *checkpoints(folder)]
    return [list(map(str, line)) for line in lines]


def artifacts(folder: Path) -> Iterator[Line]:
    encoder, positions = f"{MAPPING}/encoder", "particles/cg/position/value"
    for given in leading_away(write("potential", folder / "p.h5"), encoder):
        yield "inspect", given
        yield "export", given, "--to", "pdb"
        yield "simulate", given, "--time", "1ps"
        yield "fit-potential", given, SHORT, "--temperature", "300"
    for given in leading_away(write("simulation", folder / "s.h5"), positions):
        yield "compare", given, SHORT
        yield "decode", given


def trajectories(folder: Path) -> Iterator[Line]:
    frames = h5md(folder / "t.h5md")
    for member in ("position", "force"):
        for given in leading_away(frames, f"particles/all/{member}/value"):
            forces = ("--forces", given, "--temperature", "300")
            yield "fit-mapping", given, "--beads", "2"
            yield "fit-potential", folder / "m.h5", SHORT, *forces
            yield "compare", folder / "s.h5", SHORT, "--model", given


def texts(folder: Path) -> Iterator[Line]:
    for name, text in TEXTS.items():
        given = folder / name
        given.write_text(text)
        if name.endswith((".xml", ".yaml", ".ndx")):
            yield "fit-potential", given, SHORT, "-s", PSF, "--temperature", "300"
        elif name.endswith(".toml"):
            yield "fit-mapping", SHORT, "--beads", "2", "--config", given
        else:
            yield "fit-mapping", SHORT, "-s", given, "--beads", "2"


def checkpoints(folder: Path) -> Iterator[Line]:
    save_checkpoint(checkpoint(), folder / "work.ckpt.h5")
    weights = "state/members/000000/weights/embedding"
    for path in leading_away(folder / "work.ckpt.h5", weights):
        output = str(path).replace(".ckpt.h5", ".h5")
        yield "fit-mapping", SHORT, "-s", PSF, "--beads", "2", "--resume", "-o", output


@pytest.mark.slow
def test_what_leads_elsewhere_is_refused_in_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = hostile(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    for line in lines:
        done = run(*line)
        if done.exit_code == 0:  # only the positions of a trajectory are read, or only the forces
            assert "_t.h5md" in str(line), line
            for path in tmp_path.glob("*mapping.h5"):
                path.unlink()
            continue
        expected = 2 if "--config" in line else 65
        assert done.exit_code == expected, (line, done.stderr)
        assert done.stderr.count("error: ") == 1, (line, done.stderr)
        assert sorted(path.name for path in tmp_path.iterdir()) == before, line


TRACED = """
import os, sys
from pathlib import Path
from cli.test_nothing_else_is_opened import hostile
from pipeline import run
os.chdir(sys.argv[1])
lines = hostile(Path(sys.argv[1]))
for line in lines:  # what is loaded at the first call
    run(*line)
os.path.exists("/BEGIN-HERE")
for line in lines:
    os.path.exists("/NAMED:" + "|".join(line))
    run(*line)
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace")
def test_no_other_file_is_opened_not_even_by_libraries(tmp_path: Path) -> None:
    log = tmp_path / "log"
    folder = tmp_path / "folder"
    folder.mkdir()
    calls = "trace=open,openat,openat2,stat,newfstatat,statx"
    subprocess.run(
        [
            *("strace", "-f", "-qq", "-s", "4096", "-e", calls, "-o", str(log)),
            *(sys.executable, "-c", TRACED, str(folder)),
        ],
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    strange, named = [], ""
    text = log.read_text(errors="replace").partition("/BEGIN-HERE")[2]
    assert text.count("/NAMED:") > 50
    for line in text.splitlines():
        path = re.search(r'"([^"]*)"', line)
        if path and path[1].startswith("/NAMED:"):
            named = path[1]
        elif path and _is_opened(line) and not _is_expected(path[1], named, folder):
            strange.append((named, path[1]))
    assert strange == []


def _is_opened(line: str) -> bool:
    return "open" in line.split("(")[0] and "ENOENT" not in line


def _is_expected(path: str, named: str, folder: Path) -> bool:
    """Whether a file is named, is written by the command, or is part of the program."""
    if path in named or os.path.basename(path) in named or path in (".", str(folder), "/dev/null"):
        return CANARY not in os.path.basename(path)
    if path.endswith("_work.ckpt.h5"):  # the checkpoint of the output that is named
        return True
    written = (".autograin-", "mapping.h5", "potential.h5", "simulation.h5", "export", "atoms.xtc")
    if os.path.basename(path).startswith(written) and CANARY not in path:
        return True
    program = (
        *sysconfig.get_paths().values(),
        sys.base_prefix,
        str(Path(__file__).parents[2] / "src"),
    )
    return path.startswith((*program, "/proc/", "/sys/", "/usr/lib", "/lib", "/usr/share/zoneinfo"))
