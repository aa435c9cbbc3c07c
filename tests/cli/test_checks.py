"""--check-only, --skip-check, and what of the checks is kept and told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autograin_cli.checking.finding import Finding
from autograin_cli.cli.checks import conditions_of
from autograin_cli.errors import InputError
from autograin_cli.files.artifacts import load, save
from autograin_cli.files.atomistic import read as read_atoms
from autograin_cli.settings import ReadingSettings
from autograin_cli.settings.checking import CHECKS
from example_artifacts import example
from pipeline import FORCES, PSF, SAMPLES, XTC, Done, forces_and_temperature, run

MAPPED = ("fit-mapping", XTC, "-s", PSF, "--beads", "2")
WRONG = ("--forces", FORCES, "--force-unit", "hartree/bohr")


def test_check_only_writes_nothing_even_where_the_output_exists(tmp_path: Path) -> None:
    output = tmp_path / "mapping.h5"
    output.write_text("mine")
    done = run("fit-mapping", XTC, "-s", PSF, "--check-only", "-o", output)
    assert (done.exit_code, done.stdout) == (0, "")
    assert output.read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
    assert "Checks of the input" in done.stderr
    assert all(code in done.stderr for code in CHECKS)


def test_check_only_ends_with_65_and_tells_the_remedy_of_what_failed() -> None:
    done = run(*MAPPED, *WRONG, "--check-only")
    assert done.exit_code == 65
    assert "to fix:   give --force-unit kJ/mol/A" in done.stderr


def test_check_only_tells_every_check_in_json() -> None:
    done = run(*MAPPED, *WRONG, "--check-only", "--json", "-q")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["exit_code"]) == (65, 65)
    checks = {one["code"]: one for one in told["checks"]}
    assert tuple(checks) == CHECKS
    assert checks["force-unit"]["outcome"] == "failed"
    assert checks["force-unit"]["unit"] == "K" and checks["force-unit"]["value"] > 1e5


def test_a_failed_check_ends_the_command_with_its_code(tmp_path: Path) -> None:
    output = tmp_path / "m.h5"
    done = run(*MAPPED, *WRONG, "--json", "-o", output)
    error = json.loads(done.stdout)["error"]
    assert done.exit_code == 65 and error["code"] == "force-unit"
    assert "code:     force-unit" in done.stderr
    assert not output.exists()


def test_errors_of_the_readers_have_codes_too(tmp_path: Path) -> None:
    short = tmp_path / "short.xtc"
    short.write_bytes(Path(XTC).read_bytes()[:-100])
    done = run("fit-mapping", short, "-s", PSF, "--beads", "2", "--check-only", "--json", "-q")
    assert json.loads(done.stdout)["error"]["code"] == "truncated"


def test_a_skipped_check_lets_the_command_go_on_and_is_kept(mapping: Done, tmp_path: Path) -> None:
    arguments = (XTC, "-s", PSF, *forces_and_temperature()[:-1], "600", "--end", "500ps")
    path = tmp_path / "p.h5"
    refused = run("fit-potential", mapping.path, *arguments, "-o", path)
    assert refused.exit_code == 65 and "--skip-check temperature" in refused.stderr
    done = run("fit-potential", mapping.path, *arguments, "--skip-check", "temperature", "-o", path)
    assert done.exit_code == 0, done.stderr
    kept = load(path, ("potential",))
    outcomes = {one.name: one.outcome for one in kept.checks or ()}
    assert outcomes["temperature"] == "skipped" and outcomes["force-unit"] == "passed"
    assert "skip_check" in kept.provenance.settings


@pytest.mark.parametrize(
    ("stem", "clock"),
    [("gromacs.xtc", "ps"), ("lammps_plain.lammpstrj", "step"), ("mdanalysis.xyz", "frame")],
)
def test_what_the_times_of_a_file_count_is_known(stem: str, clock: str) -> None:
    path = SAMPLES.parents[1] / "tests" / "data" / stem
    read = read_atoms([path], ReadingSettings(force_unit="kcal/mol/A" if "lam" in stem else None))
    assert conditions_of(read, ReadingSettings()).clock == clock


def test_a_code_that_is_not_known_is_refused() -> None:
    assert run(*MAPPED, "--skip-check", "everything").exit_code == 2


def test_the_result_carries_the_checks_in_json_and_in_the_artifact(potential: Done) -> None:
    kept = load(potential.path, ("potential",)).checks
    assert kept is not None and tuple(one.name for one in kept) == CHECKS
    assert {one.outcome for one in kept} == {"passed"}


def test_findings_come_back_from_a_file_as_they_were(tmp_path: Path) -> None:
    checks = (
        Finding("force-unit", "failed", "71 ± 2 K", 71.2, "K", "300 K", "kcal", "give it"),
        Finding("net-force", "unmeasured", "only some atoms"),
    )
    save(replace(example("mapping"), checks=checks), tmp_path / "m.h5", overwrite=False)
    assert load(tmp_path / "m.h5", ("mapping",)).checks == checks


def test_a_file_without_checks_is_read_as_before(tmp_path: Path) -> None:
    save(replace(example("mapping"), checks=None), tmp_path / "m.h5", overwrite=False)
    assert load(tmp_path / "m.h5", ("mapping",)).checks is None


def test_an_outcome_that_is_not_known_is_refused(tmp_path: Path) -> None:
    wrong = replace(example("mapping"), checks=(Finding("force-unit", "fine", "well"),))
    with pytest.raises(InputError, match="outcome is 'fine'"):
        save(wrong, tmp_path / "m.h5", overwrite=False)
