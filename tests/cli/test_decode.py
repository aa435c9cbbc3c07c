"""decode: atoms from the beads of a simulation, of another program, or of atoms encoded."""

import json
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np
import pytest
import torch

import export_models
from autograin_cli.files.artifacts import cg_trajectory, load, save
from autograin_cli.files.formats.universe import quietly
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.trajectory import Chunk, join
from pipeline import PSF, SAMPLES, XTC, Done, run

TRAINING = (XTC, "-s", PSF, "--end", "3ns", "--stride", "3")
SINGLE = 1e-5  # Å


def positions_of(path: Path, ending: str = "xtc") -> np.ndarray:
    """Positions of all frames of a file, Å, (frames, atoms, 3)."""
    with quietly():
        reader = MDAnalysis.coordinates.core.reader(str(path), format=ending.upper())
        return np.stack([step.positions.astype(np.float64) for step in reader])


def mapping_of(path: Path) -> Mapping:
    (mapping,) = load(path, ("mapping", "potential", "simulation")).mappings
    return mapping


def test_the_beads_of_a_simulation_become_atoms(simulation: Done, tmp_path: Path) -> None:
    path = tmp_path / "atoms.dcd"
    result = run("decode", simulation.path, "-o", path)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{path}\n"
    assert "replica 1 of 8" in result.stderr
    beads = join(list(cg_trajectory(simulation.path).chunks())).positions[:, :2]
    expected = (mapping_of(simulation.path).decoder @ beads).numpy()
    np.testing.assert_allclose(positions_of(path, "dcd"), expected, atol=1e-4)


def test_another_replica_and_fewer_frames_may_be_chosen(simulation: Done, tmp_path: Path) -> None:
    path = tmp_path / "atoms.trr"
    chosen = ("--replica", "8", "--begin", "4", "--end", "12", "--stride", "3")
    result = run("decode", simulation.path, *chosen, "-o", path, "--json")
    told = json.loads(result.stdout)
    frames = join(list(cg_trajectory(simulation.path).chunks()))
    rows = ((frames.times >= 4 - 1e-6) & (frames.times < 12 - 1e-6)).nonzero().flatten()[::3]
    beads = frames.positions[rows, 14:16]
    expected = (mapping_of(simulation.path).decoder @ beads).numpy()
    np.testing.assert_allclose(positions_of(path, "trr"), expected, atol=1e-4)
    assert (told["replica"], told["replicas"]) == (8, 8)
    assert (told["frames"], told["atoms"]) == (len(rows), 14)
    assert told["output"] == str(path)


def test_beads_that_simulate_wrote_for_others_give_the_same_atoms(
    simulation: Done, potential: Done, folder: Path, tmp_path: Path
) -> None:
    own, model = tmp_path / "own.trr", tmp_path / "model.trr"
    assert run("decode", simulation.path, "--stride", "5", "-o", own).exit_code == 0
    beads = ("--model", folder / "cg.xtc", "--stride", "5")
    result = run("decode", potential.path, *beads, "-o", model)
    assert result.exit_code == 0, result.stderr
    difference = np.abs(positions_of(own, "trr") - positions_of(model, "trr")).max()
    assert difference < 1e-3  # XTC rounds beads to 1e-4 Å; rows of D have elements of a few


def test_beads_of_a_sound_model_are_not_warned_of(
    potential: Done, folder: Path, tmp_path: Path
) -> None:
    beads = ("--model", folder / "cg.xtc", "--stride", "5")
    told = decoded(potential.path, *beads, "-o", tmp_path / "atoms.trr")
    (term,) = load(potential.path, ("potential",)).potentials[0].terms
    (bond,) = told["bead_bonds"]
    assert (bond["low"], bond["high"]) == (term.sampled_low, term.sampled_high)
    positions = positions_of(folder / "cg.xtc")[::5, :2]
    lengths = np.linalg.norm(positions[:, 1] - positions[:, 0], axis=1)
    assert bond["least"] == pytest.approx(lengths.min(), abs=1e-4)
    assert bond["largest"] == pytest.approx(lengths.max(), abs=1e-4)
    assert not any("bond A-B" in warning for warning in told["warnings"])


def test_beads_of_something_else_are_warned_of(
    mapping: Done, potential: Done, tmp_path: Path
) -> None:
    """14 atoms of aniline are no seven molecules of two beads, but as many."""
    unknown = run("decode", mapping.path, "--model", XTC, "--end", "9", "-o", tmp_path / "a.trr")
    assert "bonds of the beads are not checked" in unknown.stderr
    told = decoded(potential.path, "--model", XTC, "--end", "50", "-o", tmp_path / "atoms.trr")
    (bond,) = told["bead_bonds"]
    positions = positions_of(Path(XTC))[:25, :2]
    lengths = np.linalg.norm(positions[:, 1] - positions[:, 0], axis=1)
    outside = ((lengths < bond["low"]) | (lengths > bond["high"])).mean()
    assert bond["outside"] == pytest.approx(outside) and outside > 0.9
    assert any(f"{outside:.1%} of the lengths of bond" in one for one in told["warnings"])


def decoded(*arguments: str | Path) -> dict[str, Any]:
    """What decode tells in JSON."""
    result = run("decode", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_training_frames_come_back_with_the_loss_of_the_certificate(
    mapping: Done, tmp_path: Path
) -> None:
    path = tmp_path / "atoms.trr"
    result = run("decode", mapping.path, *TRAINING, "-o", path, "--json")
    assert result.exit_code == 0, result.stderr
    (told,) = json.loads(result.stdout)["molecules"]
    fitted = mapping_of(mapping.path)
    assert fitted.certificate is not None
    assert told["loss"] == pytest.approx(fitted.certificate.loss, rel=1e-10)
    assert told["rmsd"] == pytest.approx(fitted.certificate.rmsd, rel=1e-10)
    assert np.mean(np.square(told["errors"])) == pytest.approx(told["loss"], rel=1e-10)
    given = positions_of(Path(XTC))[: 3 * json.loads(result.stdout)["frames"] : 3]
    both = (fitted.decoder @ fitted.encoder).numpy()
    np.testing.assert_allclose(positions_of(path, "trr"), both @ given, atol=SINGLE)


def test_it_is_said_that_the_atoms_are_no_molecule(mapping: Done, tmp_path: Path) -> None:
    """Of 14 bonds of aniline only those in the plane of the beads keep their length."""
    result = run("decode", mapping.path, *TRAINING, "-o", tmp_path / "atoms.xtc", "--json")
    told = json.loads(result.stdout)
    (molecule,) = told["molecules"]
    positions = positions_of(tmp_path / "atoms.xtc")
    bonds = mapping_of(mapping.path).molecule.bonds.numpy()
    given = positions_of(Path(XTC))
    usual = _lengths(given, bonds).mean(0)
    near = np.abs(_lengths(positions, bonds) / usual - 1) <= 0.15
    assert molecule["bonds_sound"] == pytest.approx(near.mean(), abs=0.01)
    assert molecule["bonds_sound"] < 0.5
    (warning,) = told["warnings"]
    assert f"{molecule['bonds_sound']:.1%} of the bonds" in warning
    assert "not valid molecules" in result.stderr


def _lengths(positions: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions[:, bonds[:, 0]] - positions[:, bonds[:, 1]], axis=2)


def test_a_pdb_file_goes_with_the_topology_of_the_reference(mapping: Done, tmp_path: Path) -> None:
    path = tmp_path / "atoms.pdb"
    few = (XTC, "-s", PSF, "--end", "10")
    assert run("decode", mapping.path, *few, "-o", path).exit_code == 0
    with quietly():
        psf, pdb = MDAnalysis.Universe(PSF), MDAnalysis.Universe(str(path))
    assert len(pdb.trajectory) == 5
    assert list(pdb.atoms.names) == list(psf.atoms.names)
    assert list(pdb.atoms.resnames) == list(psf.atoms.resnames)
    assert sorted(pdb.bonds.indices.tolist()) == sorted(psf.bonds.indices.tolist())


@pytest.fixture(scope="module")
def liquid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("liquid") / "potential.h5"
    save(export_models.artifact(), path, overwrite=False)
    return path


def test_a_liquid_of_another_program_keeps_its_box_and_whole_molecules(
    liquid: Path, tmp_path: Path
) -> None:
    """Beads folded into the box; two types of molecules, twice as many of each."""
    first, second = export_models.positions(0), export_models.positions(1)
    n_chain = 4 * export_models.N_CHAINS
    beads = torch.cat((first[:n_chain], second[:n_chain], first[n_chain:], second[n_chain:]))
    box = 4 * export_models.BOX
    folded = beads - (beads @ torch.linalg.inv(box)).floor() @ box
    model, path = tmp_path / "cg.trr", tmp_path / "atoms.gro"
    chunk = Chunk(folded[None], torch.zeros(1).double(), box[None])
    write_trajectory(model, iter([chunk]), overwrite=False)
    result = run("decode", liquid, "--model", model, "-o", path, "--json")
    assert result.exit_code == 0, result.stderr
    with quietly():
        atoms = MDAnalysis.Universe(str(path), to_guess=()).atoms
    assert list(dict.fromkeys(atoms.resnames)) == ["chai", "W"]
    np.testing.assert_allclose(atoms.dimensions[0], 4 * 24.0, atol=1e-3)
    chains = atoms.positions[: 9 * 2 * export_models.N_CHAINS].reshape(-1, 9, 3)
    decoder = load(liquid, ("potential",)).mappings[0].decoder.numpy()
    expected = decoder @ beads[: 2 * n_chain].reshape(-1, 4, 3).numpy()
    shift = chains - expected  # whole, so that all atoms of a molecule share an image
    assert np.abs(shift - shift[:, :1]).max() < 0.02
    told = json.loads(result.stdout)["molecules"]
    assert [found["copies"] for found in told] == [16, 20]
    assert [found["loss"] for found in told] == [None, None]


def test_a_sample_of_a_liquid_keeps_the_order_of_its_atoms(tmp_path: Path) -> None:
    trajectory = (SAMPLES / "ethane.xtc", "-s", SAMPLES / "ethane.psf", "--end", "20")
    fitted, path = tmp_path / "mapping.h5", tmp_path / "atoms.xtc"
    arguments = ("--beads", "2", "--method", "exact")
    assert run("fit-mapping", *trajectory, *arguments, "-o", fitted).exit_code == 0
    result = run("decode", fitted, *trajectory, "-o", path, "--json")
    assert result.exit_code == 0, result.stderr
    (told,) = json.loads(result.stdout)["molecules"]
    assert told["loss"] == pytest.approx(mapping_of(fitted).certificate.loss, rel=1e-9)  # type: ignore[union-attr]
    with quietly():
        given = MDAnalysis.Universe(str(SAMPLES / "ethane.psf"), str(path))
        carbons = given.select_atoms("name C*")
        bond = np.linalg.norm(carbons.positions[0] - carbons.positions[1])
        assert given.trajectory[0].dimensions is not None
    assert bond == pytest.approx(1.53, abs=0.15)


@pytest.mark.parametrize("name", ["atoms.mol2", "atoms"])
def test_an_unknown_ending_is_refused_before_anything_is_read(tmp_path: Path, name: str) -> None:
    result = run("decode", tmp_path / "missing.h5", "-o", tmp_path / name)
    assert result.exit_code == 2
    assert ".xtc, .trr, .dcd" in result.stderr


def test_an_output_that_exists_is_refused(simulation: Done, tmp_path: Path) -> None:
    path = tmp_path / "atoms.xtc"
    path.write_bytes(b"mine")
    assert run("decode", simulation.path, "-o", path).exit_code == 73
    assert path.read_bytes() == b"mine"
    assert run("decode", simulation.path, "-o", path, "--overwrite", "-q").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ((), 2, "what simulate wrote, --model with beads, or TRAJ"),
        (("--model", "cg.xtc", XTC), 2, "--model and TRAJ"),
        (("--model", "cg.xtc", "-s", PSF), 2, "--topology without TRAJ"),
        (("--model", "cg.xtc", "--select", "all"), 2, "--select without TRAJ"),
        (("--step-time", "0.002"), 2, "--step-time without TRAJ"),
        (("--model", XTC, "--step-time", "0.002"), 2, "--step-time 0.002"),
        (("--model", "missing.xtc"), 74, "missing.xtc"),
        ((XTC, "-s", PSF, "--replica", "2"), 2, "one system"),
        ((XTC, "-s", PSF, "--begin", "1us"), 65, "no frame"),
        ((XTC, "-s", PSF, "--replica", "0"), 2, "at least 1"),
        ((str(SAMPLES / "otp.xtc"), "-s", str(SAMPLES / "otp.psf")), 65, "not of the molecule"),
        (("--model", XTC, "--replica", "8"), 2, "from 1 to 7"),
    ],
)
def test_what_cannot_be_decoded_is_told(
    potential: Done, tmp_path: Path, arguments: tuple[str, ...], code: int, expected: str
) -> None:
    result = run("decode", potential.path, *arguments, "-o", tmp_path / "atoms.xtc")
    assert result.exit_code == code, result.stderr
    assert expected in result.stderr
    assert not (tmp_path / "atoms.xtc").exists()


def test_a_window_past_the_end_of_a_simulation_is_told(simulation: Done, tmp_path: Path) -> None:
    result = run("decode", simulation.path, "--begin", "1ns", "-o", tmp_path / "atoms.xtc")
    assert result.exit_code == 65
    assert "--begin and --end" in result.stderr


def test_a_comparison_has_no_beads_of_its_own(comparison: Done, tmp_path: Path) -> None:
    result = run("decode", comparison.path, "-o", tmp_path / "atoms.xtc")
    assert result.exit_code == 2
    assert "a comparison artifact, which has no trajectory" in result.stderr


def test_fit_mapping_and_inspect_tell_the_errors_of_the_atoms(mapping: Done) -> None:
    fitted = mapping_of(mapping.path)
    assert fitted.reconstruction_errors is not None
    assert "How well atoms are put back" in mapping.result.stderr
    told = run("inspect", mapping.path).stdout
    rows = told.split("How well each atom is put back")[1].split("Details")[0].splitlines()
    cells = [row.split() for row in rows]
    for name, error in zip(
        fitted.molecule.atom_names, fitted.reconstruction_errors.tolist(), strict=True
    ):
        (row,) = [found for found in cells if found[:1] == [name]]
        assert float(row[2]) == pytest.approx(error, abs=5e-4)
    values = json.loads(run("inspect", mapping.path, "--json").stdout)
    (one,) = values["mappings"]
    assert one["reconstruction_errors"]["values"] == fitted.reconstruction_errors.tolist()
