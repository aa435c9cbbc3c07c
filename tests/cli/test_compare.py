"""compare: scores, report, training frames that are recognised, and the exit code of a bound."""

import json
from pathlib import Path

import pytest

from autograin_cli.files.artifacts import load
from pipeline import PSF, SAMPLES, XTC, Done, run


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
