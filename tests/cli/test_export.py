"""export: an artifact in the files of other programs."""

import json
from pathlib import Path

import pytest
import torch

import export_models
from autograin_cli.files.artifacts import cg_trajectory, save
from pipeline import Done, run


@pytest.fixture(scope="module")
def liquid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("liquid") / "potential.h5"
    save(export_models.artifact(), path, overwrite=False)
    return path


def test_the_result_is_a_folder_and_notes_say_how_to_run_it(liquid: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    result = run("export", liquid, "--to", "lammps", "-o", folder)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{folder}\n"
    assert "lmp -in in.lammps" in result.stderr
    assert {path.name for path in folder.iterdir()} == {
        "in.lammps",
        "data.lammps",
        "bonds.table",
        "angles.table",
        "dihedrals.table",
        "pairs.table",
    }


def test_json_names_the_files(liquid: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    result = run("export", liquid, "--to", "lammps", "-o", folder, "--json")
    told = json.loads(result.stdout)
    assert told["output"] == str(folder)
    assert told["files"] == sorted(path.name for path in folder.iterdir())


def test_a_folder_that_exists_is_refused_without_overwrite(liquid: Path, tmp_path: Path) -> None:
    arguments = ("export", liquid, "--to", "lammps", "-o", tmp_path / "model")
    assert run(*arguments).exit_code == 0
    result = run(*arguments)
    assert result.exit_code == 73
    assert "--overwrite" in result.stderr
    assert run(*arguments, "--overwrite").exit_code == 0


def test_a_mapping_cannot_be_run(mapping: Done, tmp_path: Path) -> None:
    result = run("export", mapping.path, "--to", "lammps", "-o", tmp_path / "model")
    assert result.exit_code == 65
    assert "fit-potential" in result.stderr
    assert not (tmp_path / "model").exists()


def test_a_simulation_gives_its_last_frame(simulation: Done, tmp_path: Path) -> None:
    result = run("export", simulation.path, "--to", "lammps", "-o", tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    (*_, last) = cg_trajectory(simulation.path).chunks()
    lines = (tmp_path / "model" / "data.lammps").read_text().splitlines()
    begin = lines.index("Atoms # molecular") + 2
    rows = [[float(word) for word in line.split()[3:6]] for line in lines[begin : begin + 2]]
    torch.testing.assert_close(torch.tensor(rows).double(), last.positions[-1, :2].double())
