"""fit-mapping: what it writes, what it tells, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

from autograin_cli.files.artifacts import load
from autograin_cli.settings import MappingSettings, ReadingSettings
from pipeline import FORCES, PSF, SAMPLES, XTC, Done, run


def test_aniline_is_cut_between_the_amine_half_and_the_rest(mapping: Done) -> None:
    artifact = load(mapping.path, ("mapping",))
    (fitted,) = artifact.mappings
    names = np.array(fitted.molecule.atom_names)
    beads = [set(names[fitted.assignment.numpy() == bead]) for bead in range(2)]
    (amine,) = [bead for bead in beads if any(name.startswith("N") for name in bead)]
    elements = sorted(fitted.molecule.elements[i] for i, name in enumerate(names) if name in amine)
    assert elements == ["C", "C", "C", "H", "H", "H", "H", "N"]
    assert fitted.certificate is not None
    assert fitted.certificate.proved_optimal


def test_only_the_path_goes_to_standard_output(mapping: Done) -> None:
    assert mapping.result.stdout == f"{mapping.path}\n"
    assert "L_AE" in mapping.result.stderr
    assert "\x1b" not in mapping.result.stderr


def test_the_artifact_tells_how_it_came_about(mapping: Done) -> None:
    artifact = load(mapping.path, ("mapping",))
    settings = json.loads(artifact.provenance.settings)
    assert settings["beads"] == "2"
    assert settings["stride"] == 3
    assert settings.keys() >= vars(MappingSettings()).keys() | vars(ReadingSettings()).keys()
    assert {file.role for file in artifact.inputs} == {"trajectory", "topology"}
    assert artifact.training == artifact.inputs
    versions = json.loads(artifact.provenance.versions)
    assert {"autograin", "python", "torch", "numpy", "MDAnalysis"} <= versions.keys()


def test_json_holds_the_beads_and_the_certificate(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    options = ("--method", "exact", "--objective", "ae", "-q", "--json")
    shown = run(
        "fit-mapping", SAMPLES / "aniline_6ps.xtc", "-s", PSF, "--beads", "2", *options, "-o", path
    )
    assert shown.exit_code == 0
    assert shown.stderr.startswith("warning: ")
    assert "L_AE alone does not identify the chemistry" in shown.stderr
    values = json.loads(shown.stdout)
    assert values["output"] == str(path)
    (fitted,) = values["mappings"]
    assert [len(bead["atoms"]) for bead in fitted["beads"]]
    assert sum(len(bead["atoms"]) for bead in fitted["beads"]) == 14
    assert fitted["certificate"]["n_candidates"] == 16
    assert fitted["certificate"]["objective"] == "ae"


def test_a_trajectory_alone_in_a_folder_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(SAMPLES / "aniline_6ps.xtc", tmp_path / "traj.xtc")
    monkeypatch.chdir(tmp_path)
    done = run("fit-mapping", "traj.xtc", "--beads", "2", "--anneal-seeds", "1")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "mapping.h5\n"
    assert done.stderr.count("assumed: ") >= 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mapping.h5", "traj.xtc"]


def test_details_of_the_input_are_told_on_request(tmp_path: Path) -> None:
    done = run(
        *("fit-mapping", XTC, "-s", PSF, "--beads", "1", "--end", "100ps", "--method", "exact"),
        *("-v", "-o", tmp_path / "m.h5"),
    )
    assert f"trajectory {XTC}: 50 frames, 0 to 98 ps" in done.stderr
    assert "1 in a frame, 14 atoms, 14 bonds, mass 93.13 u" in done.stderr


@pytest.mark.parametrize("beads", ["0", "15"])
def test_more_beads_than_atoms_or_none_is_a_wrong_setting(tmp_path: Path, beads: str) -> None:
    done = run("fit-mapping", XTC, "-s", PSF, "--beads", beads, "-o", tmp_path / "m.h5")
    assert done.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_an_output_that_exists_is_kept(mapping: Done) -> None:
    before = mapping.path.read_bytes()
    done = run("fit-mapping", XTC, "-s", PSF, "--beads", "2", "-o", mapping.path)
    assert done.exit_code == 73
    assert "--overwrite" in done.stderr
    assert mapping.path.read_bytes() == before


@pytest.mark.parametrize("name", ["none.xtc", "none.trr", "none.dcd", "none.gro", "."])
def test_a_missing_trajectory_is_an_error_of_access(tmp_path: Path, name: str) -> None:
    done = run("fit-mapping", tmp_path / name, "--beads", "2", "-o", tmp_path / "m.h5")
    assert done.exit_code == 74, done.stderr
    assert "to fix" in done.stderr


def test_a_missing_topology_is_an_error_of_access(tmp_path: Path) -> None:
    topology = tmp_path / "none.psf"
    done = run("fit-mapping", XTC, "-s", topology, "--beads", "2", "-o", tmp_path / "m.h5")
    assert done.exit_code == 74
    assert "none.psf" in done.stderr


@pytest.mark.parametrize("name", ["aniline_6ps.xtc", "aniline.dcd", "aniline_6ps_forces.dcd"])
def test_a_truncated_trajectory_is_refused(tmp_path: Path, name: str) -> None:
    whole = (SAMPLES / name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(whole[: len(whole) - 100])
    done = run("fit-mapping", cut, "-s", PSF, "--beads", "2", "-o", tmp_path / "m.h5")
    assert done.exit_code == 65
    assert name in done.stderr


def test_positions_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.dcd"
    shutil.copy(SAMPLES / "aniline.dcd", path)
    with path.open("r+b") as file:
        file.seek(-40, 2)
        file.write(np.array([np.nan, np.nan], dtype="<f4").tobytes())
    done = run("fit-mapping", path, "-s", PSF, "--beads", "2", "-o", tmp_path / "m.h5")
    assert done.exit_code == 65
    assert "finite" in done.stderr


def test_a_topology_of_another_molecule_is_refused(tmp_path: Path) -> None:
    other = SAMPLES / "otp.psf"
    done = run("fit-mapping", XTC, "-s", other, "--beads", "2", "-o", tmp_path / "m.h5")
    assert done.exit_code == 65
    assert "32" in done.stderr
    assert "14" in done.stderr


def test_forces_of_another_number_of_atoms_are_refused(tmp_path: Path) -> None:
    wrong = ("--forces", SAMPLES / "otp_forces.dcd", "--force-unit", "kJ/mol/A")
    done = run("fit-mapping", XTC, "-s", PSF, "--beads", "2", *wrong, "-o", tmp_path / "m.h5")
    assert done.exit_code == 65
    assert "32" in done.stderr


def test_forces_without_a_unit_are_refused(tmp_path: Path) -> None:
    done = run(
        "fit-mapping", XTC, "-s", PSF, "--beads", "2", "--forces", FORCES, "-o", tmp_path / "m.h5"
    )
    assert done.exit_code == 2
    assert "--force-unit" in done.stderr


def test_a_selection_of_nothing_is_refused(tmp_path: Path) -> None:
    done = run(
        "fit-mapping", XTC, "-s", PSF, "--beads", "1", "--select", "name Q", "-o", tmp_path / "m.h5"
    )
    assert done.exit_code == 2


@pytest.fixture
def two_types(tmp_path: Path) -> Path:
    """Three atoms in a row and, far from them, two."""
    path = tmp_path / "two.xtc"
    rng = np.random.default_rng(1)
    structure = np.array([[0, 0, 0], [0.15, 0, 0], [0.3, 0, 0], [3, 0, 0], [3.15, 0, 0]])
    with XTCFile(str(path), "w") as file:
        for step in range(20):
            noise = rng.normal(scale=5e-3, size=structure.shape)
            file.write((structure + noise).astype("f4"), np.zeros((3, 3), "f4"), step, step, 1e4)
    return path


@pytest.mark.parametrize(
    ("beads", "expected"), [("1", [1, 1]), ("mol2=1,mol1=3", [3, 1]), ("2", [2, 2])]
)
def test_every_type_of_molecule_gets_its_mapping(
    two_types: Path, beads: str, expected: list[int]
) -> None:
    output = two_types.parent / "m.h5"
    arguments = ("--method", "exact", "--any", "--json", "-o", output)
    done = run("fit-mapping", two_types, "--beads", beads, *arguments)
    assert done.exit_code == 0, done.stderr
    values = json.loads(done.stdout)["mappings"]
    assert [(value["molecule"], len(value["beads"])) for value in values] == list(
        zip(("mol1", "mol2"), expected, strict=True)
    )
    assert f"mol1: 3 atoms in {expected[0]} bead" in done.stderr
    assert f"mol2: 2 atoms in {expected[1]} bead" in done.stderr
    artifact = load(output, ("mapping",))
    assert [mapping.n_beads for mapping in artifact.mappings] == expected
    assert json.loads(artifact.provenance.settings)["beads"] == beads


@pytest.mark.parametrize(
    ("beads", "message"),
    [
        ("mol1=1", "says nothing of mol2"),
        ("mol1=1,mol2=1,mol3=1", "mol1, mol2"),
        ("3", "atoms of mol2"),
        ("mol1=1,mol2=x", "'x'"),
    ],
)
def test_beads_that_do_not_fit_the_types_are_refused(
    two_types: Path, beads: str, message: str
) -> None:
    done = run("fit-mapping", two_types, "--beads", beads, "-o", two_types.parent / "m.h5")
    assert done.exit_code == 2
    assert message in done.stderr


def test_types_are_left_out_by_a_selection(two_types: Path) -> None:
    output = two_types.parent / "m.h5"
    done = run("fit-mapping", two_types, "--beads", "1", "--select", "index 3:4", "-o", output)
    assert done.exit_code == 0, done.stderr
    (mapping,) = load(output, ("mapping",)).mappings
    assert mapping.molecule.n_atoms == 2
