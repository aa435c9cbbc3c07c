"""compare: scores, report, training frames that are recognised, and the exit code of a bound."""

import json
from pathlib import Path

import pytest
import torch

from autograin_cli.cli.atoms import applied
from autograin_cli.files.artifacts import load
from autograin_cli.files.atomistic import read
from autograin_cli.files.bead_files import read_beads
from autograin_cli.files.trajectory_writing import write_trajectory
from autograin_cli.mapping.bead_trajectory import map_beads
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Chunk
from gases import system_of
from pipeline import PSF, SAMPLES, XTC, Done, done, run

METHANE = (SAMPLES / "methane.xtc", "-s", SAMPLES / "methane.psf")


def compare(simulation: Done, path: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a comparison with few resamples."""
    options = ("-s", PSF, "--resamples", "50", "-o", path)
    done = run("compare", simulation.path, XTC, *options, *arguments)
    return done.exit_code, done.stdout, done.stderr


def test_the_artifact_and_the_report_are_written(comparison: Done) -> None:
    artifact = load(comparison.path, ("comparison",))
    assert artifact.comparison is not None
    assert [found.coordinate for found in artifact.comparison.distributions] == ["bond"]
    assert artifact.comparison.distributions[0].analytic is not None
    assert artifact.comparison.reference_frames == 1500
    assert [file.role for file in artifact.inputs] == ["artifact", "trajectory", "topology"]
    assert comparison.result.stdout == f"{comparison.path}\n"
    report = comparison.path.with_name("report.html").read_text(encoding="utf-8")
    assert "<svg" in report
    assert "<script" not in report


def test_frames_of_the_training_are_recognised(
    simulation: Done, comparison: Done, tmp_path: Path
) -> None:
    held_out = load(comparison.path, ("comparison",)).comparison
    assert held_out is not None
    assert held_out.overlap == 0.0
    code, shown, told = compare(simulation, tmp_path / "c.h5", "--json")
    assert code == 0
    assert json.loads(shown)["overlap"] == pytest.approx(500 / 3000)
    assert "warning: 17% of the reference was used to fit the model" in told


def test_json_holds_scores_with_their_floors(simulation: Done, tmp_path: Path) -> None:
    code, shown, told = compare(simulation, tmp_path / "c.h5", "--begin", "3ns", "--json", "-q")
    assert code == 0
    (found,) = json.loads(shown)["distributions"]
    assert {"name", "value", "low", "high", "floor", "unit"} == found["scores"][0].keys()
    assert found["verdict"]["word"] in {"agrees", "differs", "undecided", "not converged"}
    assert all(line.startswith("warning: ") for line in told.splitlines())


def test_a_score_above_the_bound_is_exit_code_3_and_the_result_is_kept(
    simulation: Done, tmp_path: Path
) -> None:
    path, report = tmp_path / "c.h5", tmp_path / "r.html"
    options = ("--begin", "3ns", "--fail-above", "0", "--report", report, "--json")
    code, shown, told = compare(simulation, path, *options)
    assert code == 3
    assert json.loads(shown)["error"]["type"] == "ScoreExceededError"
    assert str(path) in told
    assert load(path, ("comparison",)).comparison is not None
    assert report.exists()
    code, _, _ = compare(simulation, path, "--begin", "3ns", "--fail-above", "1e9", "--overwrite")
    assert code == 0


def test_a_report_that_exists_is_found_before_the_work(simulation: Done, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("mine")
    code, _, told = compare(simulation, tmp_path / "c.h5", "--report", report)
    assert code == 73
    assert "reading" not in told
    assert report.read_text() == "mine"
    assert not (tmp_path / "c.h5").exists()


def test_the_trajectory_of_another_molecule_is_refused(simulation: Done, tmp_path: Path) -> None:
    other = (SAMPLES / "otp.xtc", "-s", SAMPLES / "otp.psf")
    done = run("compare", simulation.path, *other, "-o", tmp_path / "c.h5")
    assert done.exit_code == 65
    assert "32 atoms" in done.stderr


def test_a_window_without_frames_is_refused(simulation: Done, tmp_path: Path) -> None:
    code, _, told = compare(simulation, tmp_path / "c.h5", "--begin", "1us")
    assert code == 65
    assert "to fix" in told


@pytest.fixture(scope="module")
def liquid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A potential of liquid methane, of a few frames of its beginning."""
    folder = tmp_path_factory.mktemp("liquid")
    few = ("--end", "200ps", "--stride", "5")
    mapping = done(folder / "mapping.h5", "fit-mapping", *METHANE, "--beads", "1", *few)
    forces = ("--forces", SAMPLES / "methane_forces.dcd", "--force-unit", "kJ/mol/A")
    fit = ("fit-potential", mapping.path, *METHANE, *forces, "--temperature", "100", *few)
    return done(folder / "potential.h5", *fit, "--pair", "lj-12-6").path


@pytest.fixture(scope="module")
def beads(liquid: Path) -> Path:
    """Mapped frames of methane that stand for the run of a perfect model."""
    settings = ReadingSettings(topology=str(SAMPLES / "methane.psf"), begin=300.0, end=600.0)
    atoms = read([SAMPLES / "methane.xtc"], settings)
    mapped = map_beads(atoms.trajectory, applied(load(liquid, ("potential",)).mappings, atoms))
    path = liquid.with_name("cg.xtc")
    write_trajectory(path, iter(mapped.chunks()), overwrite=False)
    return path


def test_a_trajectory_of_another_program_is_compared(
    liquid: Path, beads: Path, tmp_path: Path
) -> None:
    path, report = tmp_path / "c.h5", tmp_path / "r.html"
    options = ("--begin", "600ps", "--model", beads, "-o", path, "--report", report)
    result = run("compare", liquid, *METHANE, *options, "--resamples", "50", "--fail-above", "5")
    assert result.exit_code == 0, result.stderr
    artifact = load(path, ("comparison",))
    assert artifact.simulation is None and artifact.comparison is not None
    assert [file.role for file in artifact.inputs] == [
        "artifact",
        "model",
        "trajectory",
        "topology",
    ]
    (pairs,) = artifact.comparison.pair_distributions
    assert pairs.name == "intermolecular A-A"
    assert pairs.features[0].reference == pytest.approx(4.0, abs=0.1)
    assert pairs.score("rms deviation").value < 3 * pairs.score("rms deviation").floor
    (triplets,) = artifact.comparison.triplet_distributions
    assert triplets.name == "triplet A-A-A"
    assert triplets.shells.tolist() == [pairs.shell, pairs.shell]
    assert artifact.comparison.orientations == ()  # one bead has no axis
    assert artifact.comparison.overlap == 0.0
    assert report.exists()


def without_times(path: Path, beads: Path) -> Path:
    """The frames as a LAMMPS dump writes them, with a step of 2 fs."""
    lines = []
    for chunk in read_beads([beads], system_of("A", 64)).trajectory.chunks():
        assert chunk.boxes is not None
        for frame, time in enumerate(chunk.times.tolist()):
            lengths = chunk.boxes[frame].diagonal().tolist()
            head = ("ITEM: TIMESTEP", f"{time / 0.002:.0f}", "ITEM: NUMBER OF ATOMS", "64")
            lines += [*head, "ITEM: BOX BOUNDS pp pp pp", *(f"0 {edge}" for edge in lengths)]
            lines.append("ITEM: ATOMS id xu yu zu")
            where = chunk.positions[frame].tolist()
            lines += [f"{bead} {x} {y} {z}" for bead, (x, y, z) in enumerate(where, start=1)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_model_that_counts_steps_gets_its_times_from_that_of_a_step(
    liquid: Path, beads: Path, tmp_path: Path
) -> None:
    """Frames of 300 to 600 ps, as the file with times says."""
    dump = without_times(tmp_path / "cg.lammpstrj", beads)
    options = ("--begin", "600ps", "--resamples", "50", "--model", dump)
    untimed = run("compare", liquid, *METHANE, *options, "-o", tmp_path / "untimed.h5")
    assert "counts steps and holds no times" in untimed.stderr
    step = ("--model-step-time", "2fs", "-o", tmp_path / "timed.h5")
    timed = run("compare", liquid, *METHANE, *options, *step)
    assert timed.exit_code == 0, timed.stderr
    assert "holds no times" not in timed.stderr
    times = [
        (file.first_time, file.last_time)
        for path in (beads, dump)
        for file in read_beads([path], system_of("A", 64), None if path == beads else 0.002).inputs
    ]
    (model,) = (
        file for file in load(tmp_path / "timed.h5", ("comparison",)).inputs if file.role == "model"
    )
    assert times == [times[0]] * 2
    assert (model.first_time, model.last_time) == times[0]


def test_a_step_is_given_a_time_only_where_that_is_needed(
    liquid: Path, beads: Path, simulation: Done, tmp_path: Path
) -> None:
    step = ("--model-step-time", "2fs", "-o", tmp_path / "c.h5")
    needless = run("compare", liquid, *METHANE, "--model", beads, *step)
    assert needless.exit_code == 2
    assert "--model-step-time 0.002 ps for" in needless.stderr
    assert "leave --model-step-time out" in needless.stderr
    without = run("compare", simulation.path, XTC, "-s", PSF, *step)
    assert without.exit_code == 2
    assert "without --model" in without.stderr


def test_atoms_in_place_of_beads_are_noticed_by_their_density(liquid: Path, tmp_path: Path) -> None:
    options = ("--model", METHANE[0], "-o", tmp_path / "c.h5", "--resamples", "50")
    result = run("compare", liquid, *METHANE, *options)
    assert result.exit_code == 0, result.stderr
    assert "the model has 12.11 Å³ a molecule, the reference 60.55" in result.stderr


def test_a_topology_in_place_of_a_trajectory_is_refused(liquid: Path, tmp_path: Path) -> None:
    result = run("compare", liquid, *METHANE, "--model", METHANE[2], "-o", tmp_path / "c.h5")
    assert result.exit_code == 65
    assert "a topology without frames" in result.stderr


def test_g_of_r_beyond_half_of_the_box_is_refused(
    liquid: Path, beads: Path, tmp_path: Path
) -> None:
    options = ("--model", beads, "-o", tmp_path / "c.h5", "--rdf-range", "9")
    result = run("compare", liquid, *METHANE, *options)
    assert result.exit_code == 2
    assert "half of that" in result.stderr


def test_angles_between_neighbours_are_not_left_out_in_silence(
    liquid: Path, beads: Path, tmp_path: Path
) -> None:
    """Within 1 Å no bead has a neighbour."""
    options = ("--model", beads, "-o", tmp_path / "c.h5", "--shell", "1", "--resamples", "50")
    result = run("compare", liquid, *METHANE, *options)
    assert result.exit_code == 0, result.stderr
    assert "angles between neighbours left out" in result.stderr


def test_beads_of_another_system_are_refused(potential: Done, tmp_path: Path) -> None:
    odd = Chunk(torch.zeros(3, 7, 3).double(), torch.arange(3).double())
    write_trajectory(tmp_path / "cg.trr", iter([odd]), overwrite=False)
    options = (XTC, "-s", PSF, "-o", tmp_path / "c.h5")
    wrong = run("compare", potential.path, *options, "--model", tmp_path / "cg.trr")
    assert wrong.exit_code == 65
    assert "7 beads" in wrong.stderr
    missing = run("compare", potential.path, *options)
    assert missing.exit_code == 65
    assert "simulation" in missing.stderr
