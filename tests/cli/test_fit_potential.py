"""fit-potential: what it writes and tells, and inputs that do not belong together."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from autograin_cli.files.artifacts import load
from autograin_cli.files.storage.schema import SCHEMA_VERSION
from pipeline import FORCES, PSF, SAMPLES, XTC, Done, forces_and_temperature, run


def fit(mapping: Done, path: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a fit on few frames."""
    options = ("--end", "500ps", "-o", path)
    result = run("fit-potential", mapping.path, *arguments, *options)
    return result.exit_code, result.stdout, result.stderr


def test_the_artifact_holds_the_mapping_with_the_force_map_that_was_used(
    mapping: Done, potential: Done
) -> None:
    before, after = load(mapping.path, ("mapping",)), load(potential.path, ("potential",))
    assert potential.result.stdout == f"{potential.path}\n"
    assert torch.equal(after.mappings[0].encoder, before.mappings[0].encoder)
    assert before.mappings[0].force_map_kind == "sum"
    assert after.mappings[0].force_map_kind == "optimal"
    assert after.potentials[0].force_map_kind == "optimal"
    identity = after.mappings[0].force_map @ after.mappings[0].encoder.T
    assert torch.allclose(identity, torch.eye(2, dtype=torch.float64), atol=1e-10)
    assert after.inputs[0].role == "artifact"
    assert {file.role for file in after.inputs[1:]} == {"trajectory", "topology", "forces"}
    assert after.training == before.training + after.inputs[1:]


def test_the_temperature_is_required(mapping: Done, tmp_path: Path) -> None:
    forces = ("--forces", FORCES, "--force-unit", "kJ/mol/A")
    code, _, told = fit(mapping, tmp_path / "p.h5", XTC, "-s", PSF, *forces)
    assert code == 2
    assert "--temperature" in told


def test_json_holds_terms_and_channels(mapping: Done, tmp_path: Path) -> None:
    options = ("--bond", "harmonic", "--force-map", "projected", "--json", "-q")
    code, shown, _ = fit(
        mapping, tmp_path / "p.h5", XTC, "-s", PSF, *forces_and_temperature(), *options
    )
    assert code == 0
    (values,) = json.loads(shown)["potentials"]
    (term,) = values["terms"]
    assert (term["form"], values["force_map"], values["n_frames"]) == ("harmonic", "projected", 250)
    assert [parameter["name"] for parameter in term["parameters"]] == ["k", "r0"]
    assert values["channels"][0]["name"] == "bond"


def test_forces_are_needed(mapping: Done, tmp_path: Path) -> None:
    code, _, told = fit(mapping, tmp_path / "p.h5", XTC, "-s", PSF, "--temperature", "300")
    assert code == 65
    assert "--forces" in told


def test_units_of_the_forces_are_converted(mapping: Done, tmp_path: Path) -> None:
    """The same forces, written in kcal/mol/Å, give the same potential."""
    with np.load(forces_file(tmp_path)) as stored:
        np.savez(tmp_path / "kcal.npz", forces=stored["forces"] / 4.184)
    stiffness = []
    for name, unit in (("kj.npz", "kJ/mol/A"), ("kcal.npz", "kcal/mol/A")):
        arguments = ("--forces", tmp_path / name, "--force-unit", unit, "--temperature", "300")
        options = ("--bond", "harmonic", "--json", "--overwrite")
        code, shown, told = fit(mapping, tmp_path / "p.h5", XTC, "-s", PSF, *arguments, *options)
        assert code == 0, told
        (values,) = json.loads(shown)["potentials"]
        stiffness.append(values["terms"][0]["parameters"][0]["value"])
    assert stiffness[0] == pytest.approx(stiffness[1], rel=1e-9)


def forces_file(folder: Path) -> Path:
    from MDAnalysis.lib.formats.libdcd import DCDFile

    with DCDFile(FORCES) as file:
        np.savez(folder / "kj.npz", forces=file.readframes().xyz.astype(float))
    return folder / "kj.npz"


def test_the_trajectory_of_another_molecule_is_refused(mapping: Done, tmp_path: Path) -> None:
    other = ("--forces", SAMPLES / "otp_forces.dcd", "--force-unit", "kJ/mol/A")
    code, _, told = fit(
        mapping,
        tmp_path / "p.h5",
        *(SAMPLES / "otp.xtc", "-s", SAMPLES / "otp.psf", "--temperature", "300", *other),
    )
    assert code == 65
    assert "32 atoms" in told
    assert "14 atoms" in told


def test_atoms_in_another_order_are_refused(mapping: Done, tmp_path: Path) -> None:
    lines = Path(PSF).read_text().splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if "!NATOM" in line) + 1
    atoms = [line.split() for line in lines[first : first + 14]]
    hydrogen = next(i for i, fields in enumerate(atoms) if float(fields[7]) < 2)
    lines[first], lines[first + hydrogen] = lines[first + hydrogen], lines[first]
    shuffled = tmp_path / "shuffled.psf"
    shuffled.write_text("".join(lines))
    code, _, told = fit(mapping, tmp_path / "p.h5", XTC, "-s", shuffled, *forces_and_temperature())
    assert code == 65
    assert "not of the molecule that was mapped" in told


def test_a_potential_is_no_simulation_and_a_trajectory_no_artifact(
    potential: Done, tmp_path: Path
) -> None:
    wrong = run("compare", potential.path, XTC, "-s", PSF, "-o", tmp_path / "c.h5")
    assert wrong.exit_code == 65
    assert "a simulation artifact" in wrong.stderr
    arguments = (XTC, "-s", PSF, "--temperature", "300", "-o", tmp_path / "p.h5")
    wrong = run("fit-potential", XTC, *arguments)
    assert wrong.exit_code == 65
    missing = run("fit-potential", tmp_path / "none.h5", *arguments)
    assert missing.exit_code == 74
    assert not list(tmp_path.iterdir())


def test_an_artifact_of_a_newer_schema_is_refused_by_name(mapping: Done, tmp_path: Path) -> None:
    newer = tmp_path / "newer.h5"
    newer.write_bytes(mapping.path.read_bytes())
    with h5py.File(newer, "r+") as file:
        major = SCHEMA_VERSION[0] + 1
        file.attrs["schema_version"] = np.bytes_(f"{major}.0")
    forces = forces_and_temperature()
    done = run("fit-potential", newer, XTC, "-s", PSF, *forces, "-o", tmp_path / "p.h5")
    assert done.exit_code == 65
    assert f"schema {major}.0" in done.stderr
    assert "newer" in done.stderr


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CH3 | CH3 of 64 ethane molecules as index groups; atoms count from 1."""
    path = tmp_path_factory.mktemp("ethane") / "beads.ndx"
    path.write_text("[ CH3 ]\n1 2 3 4\n[ CH3B ]\n5 6 7 8\n")
    return path


ETHANE = (SAMPLES / "ethane_short.trr", "-s", SAMPLES / "ethane.psf", "--temperature", "120")


def fit_liquid(mapping: Path, path: Path, *options: str) -> dict[str, Any]:
    done = run("fit-potential", mapping, *ETHANE, *options, "--json", "-q", "-o", path)
    assert done.exit_code == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def test_a_liquid_is_fitted_with_pair_terms_from_a_mapping_made_by_hand(
    by_hand: Path, tmp_path: Path
) -> None:
    values = fit_liquid(by_hand, tmp_path / "p.h5", "--types", "CH3,CH3")
    assert values["nonbonded"]["excluded_bonds"] == 2
    assert values["nonbonded"]["cutoff"] == pytest.approx(8.63, abs=0.05)
    (term,) = values["nonbonded"]["terms"]
    assert term["form"] == "spline" and term["pairs"] > 10_000
    assert 2.7 < term["sampled_low"] < 3.5
    channels = {channel["name"]: channel for channel in values["nonbonded"]["channels"]}
    assert list(channels) == ["pair", "all"]
    assert channels["pair"]["r_squared"] > 0.3 and channels["pair"]["ceiling"] is None


def test_the_artifact_of_a_liquid_holds_pair_terms_and_the_last_frame(
    by_hand: Path, tmp_path: Path
) -> None:
    fit_liquid(by_hand, tmp_path / "p.h5", "--pair", "lj-9-6", "--bond", "harmonic")
    artifact = load(tmp_path / "p.h5", ("potential",))
    assert artifact.nonbonded is not None and artifact.configuration is not None
    assert artifact.nonbonded.terms[0].form == "lj-9-6"
    assert artifact.nonbonded.switch == pytest.approx(artifact.nonbonded.cutoff - 1)
    positions, box = artifact.configuration.positions, artifact.configuration.box
    assert positions.shape == (128, 3) and box is not None and box.shape == (3, 3)
    assert float((positions[0::2] - positions[1::2]).norm(dim=1).max()) < 2.0
    assert artifact.training == artifact.inputs[1:]


def test_types_that_the_user_gives_replace_those_from_symmetry(
    by_hand: Path, tmp_path: Path
) -> None:
    values = fit_liquid(by_hand, tmp_path / "p.h5", "--types", "C1,C2")
    names = [term["name"] for term in values["nonbonded"]["terms"]]
    assert names == ["pair C1-C1", "pair C1-C2", "pair C2-C2"]
    wrong = run("fit-potential", by_hand, *ETHANE, "--types", "C", "-o", tmp_path / "q.h5")
    assert wrong.exit_code == 2 or wrong.exit_code == 65
    assert "CH3" in wrong.stderr


def test_a_cutoff_beyond_half_the_box_is_refused(by_hand: Path, tmp_path: Path) -> None:
    done = run("fit-potential", by_hand, *ETHANE, "--cutoff", "9", "-o", tmp_path / "p.h5")
    assert done.exit_code != 0
    assert "a box of at least 18" in done.stderr
