"""simulate: what it writes and tells, and what it refuses before it starts."""

import json
import re
from pathlib import Path

import h5py
import pytest
import torch
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

from autograin_cli.files.artifacts import cg_trajectory, load
from pipeline import SAMPLES, Done, forces_and_temperature, run


def test_the_artifact_holds_frames_and_diagnostics(simulation: Done) -> None:
    artifact = load(simulation.path, ("simulation",))
    frames = cg_trajectory(simulation.path)
    assert artifact.simulation is not None
    assert (artifact.simulation.replicas, artifact.simulation.n_frames) == (8, 100)
    assert (frames.n_frames, frames.n_atoms) == (100, 16)
    assert artifact.simulation.temperature == 300.0
    assert [file.role for file in artifact.inputs] == ["artifact"]
    assert simulation.result.stdout == f"{simulation.path}\n"


def test_the_trajectory_holds_the_frames_of_the_artifact(simulation: Done) -> None:
    (chunk,) = cg_trajectory(simulation.path).chunks()
    with XTCFile(str(simulation.path.with_name("cg.xtc"))) as file:
        frames = [(frame.x, frame.time) for frame in file]
    assert len(frames) == 100
    for (positions, time), expected, at in zip(
        frames, chunk.positions, chunk.times.tolist(), strict=True
    ):
        found = torch.from_numpy(positions).double() * 10
        assert (found - expected).abs().max() < 1e-4
        assert time == pytest.approx(at, abs=1e-3)


def test_the_frames_are_valid_h5md(simulation: Done) -> None:
    with h5py.File(simulation.path) as file:
        assert list(file["h5md"].attrs["version"]) == [1, 1]
        assert file["particles/cg/position/value"].shape == (100, 16, 3)
        assert file["particles/cg/mass"].shape == (16,)


def test_one_seed_gives_one_result(potential: Done, tmp_path: Path) -> None:
    short = ("--time", "2ps", "--equilibration", "0", "--replicas", "2", "--interval", "1ps")
    found = []
    for name, seed, threads in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        path = tmp_path / f"{name}.h5"
        options = ("--seed", str(seed), "--threads", str(threads), "-o", path)
        assert run("simulate", potential.path, *short, *options).exit_code == 0
        (chunk,) = cg_trajectory(path).chunks()
        found.append(chunk.positions)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_short_run_says_that_it_has_not_converged(potential: Done, tmp_path: Path) -> None:
    path = tmp_path / "s.h5"
    short = ("--time", "2ps", "--equilibration", "0", "--replicas", "2", "--interval", "1ps")
    done = run("simulate", potential.path, *short, "--json", "-o", path)
    assert done.exit_code == 0
    assert re.search("^warning: bond .* has not converged", done.stderr, re.MULTILINE)
    assert any("converged" in text for text in load(path, ("simulation",)).warnings)
    values = json.loads(done.stdout)
    assert values["n_frames"] == 2
    assert list(values["outside"]) == [values["convergence"][0]["name"]]


def test_masses_are_asked_for_where_they_are_not_known(tmp_path: Path) -> None:
    xtc = SAMPLES / "aniline.xtc"
    mapped, fitted = tmp_path / "m.h5", tmp_path / "p.h5"
    few = ("--end", "200ps")
    fit = run("fit-mapping", xtc, "--beads", "2", *few, "--method", "exact", "-o", mapped)
    assert fit.exit_code == 0, fit.stderr
    fit = run("fit-potential", mapped, xtc, *forces_and_temperature(), *few, "-o", fitted)
    assert fit.exit_code == 0, fit.stderr
    short = ("--time", "2ps", "--replicas", "2", "--interval", "1ps", "--equilibration", "0")
    refused = run("simulate", fitted, *short, "-o", tmp_path / "s.h5")
    assert refused.exit_code == 2
    assert "--masses" in refused.stderr
    assert not (tmp_path / "s.h5").exists()
    done = run("simulate", fitted, *short, "--masses", "46.5,46.5", "-o", tmp_path / "s.h5")
    assert done.exit_code == 0, done.stderr
    masses = load(tmp_path / "s.h5", ("simulation",)).mappings[0].bead_masses
    assert masses is not None
    assert masses.tolist() == [46.5, 46.5]


@pytest.mark.parametrize("masses", ["46", "46,46,46", "46,-1", "46,nan", "46,x", ""])
def test_wrong_masses_are_refused(potential: Done, tmp_path: Path, masses: str) -> None:
    done = run("simulate", potential.path, "--masses", masses, "-o", tmp_path / "s.h5")
    assert done.exit_code == 2
    assert "2 numbers above 0" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--traj", "cg.pdb"], 2),
        (["--traj", "none/cg.xtc"], 74),
        (["--time", "0"], 2),
        (["--time", "1ps", "--interval", "2ps"], 2),
        (["--interval", "0"], 2),
        (["--timestep", "0"], 2),
        (["--replicas", "0"], 2),
        (["--temperature", "0"], 2),
    ],
)
def test_a_wrong_setting_is_refused_and_nothing_is_written(
    potential: Done, tmp_path: Path, options: list[str], code: int
) -> None:
    options = [
        str(tmp_path / part) if part.endswith((".pdb", ".xtc")) else part for part in options
    ]
    done = run("simulate", potential.path, *options, "-o", tmp_path / "s.h5")
    assert done.exit_code == code, done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(potential: Done, tmp_path: Path) -> None:
    done = run("simulate", potential.path, "--device", "cuda", "-o", tmp_path / "s.h5")
    assert done.exit_code == 69


def test_a_run_that_diverges_leaves_nothing_behind(potential: Done, tmp_path: Path) -> None:
    options = ("--timestep", "1ps", "--interval", "1ps", "--time", "100ps")
    done = run("simulate", potential.path, *options, "-o", tmp_path / "s.h5")
    assert done.exit_code == 65
    assert "diverged at step" in done.stderr
    assert "--timestep" in done.stderr
    assert not list(tmp_path.iterdir())
