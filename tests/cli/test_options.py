"""Options come from the settings: names, ranges, units, defaults, and values of a TOML file."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from autograin_cli.cli import options
from autograin_cli.errors import FileAccessError, SettingError
from autograin_cli.settings import (
    ComparisonSettings,
    MappingSettings,
    PotentialSettings,
    ReadingSettings,
    SimulationSettings,
)

RECORDS = [
    ReadingSettings,
    MappingSettings,
    PotentialSettings,
    SimulationSettings,
    ComparisonSettings,
]
seen: list[Any] = []


@click.command()
@options.settings(MappingSettings, "settings", required=("beads",))
@options.settings(ReadingSettings, "reading", without=("select",))
@options.output("result.h5")
def fit(settings: MappingSettings, reading: ReadingSettings, output: options.Output) -> None:
    seen[:] = [settings, reading, output]


@click.command()
@options.settings(SimulationSettings, "settings")
def run(settings: SimulationSettings) -> None:
    seen[:] = [settings]


def invoke(command: click.Command, *arguments: str) -> Result:
    seen.clear()
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def test_without_options_a_record_has_the_defaults_of_the_settings() -> None:
    assert invoke(fit, "--beads", "4").exit_code == 0
    assert seen[0] == MappingSettings(beads=4)
    assert seen[1] == ReadingSettings()
    assert seen[2].path == "result.h5"
    assert invoke(run).exit_code == 0
    assert seen == [SimulationSettings()]


def test_every_option_reaches_its_field() -> None:
    done = invoke(
        fit,
        *("--beads", "2", "--method", "exact", "--any", "--no-symmetry", "--compactness", "0.5"),
        *("-s", "a.psf", "--forces", "1.dcd", "--forces", "2.dcd", "-b", "1ns", "-e", "2000"),
        *("--stride", "2", "-o", "x.h5", "--overwrite", "--json"),
    )
    assert done.exit_code == 0, done.output
    settings, reading, output = seen
    assert settings == MappingSettings(
        beads=2, method="exact", connected=False, symmetry=False, compactness=0.5
    )
    assert reading == ReadingSettings(
        topology="a.psf", forces=("1.dcd", "2.dcd"), begin=1000.0, end=2000.0, stride=2
    )
    assert (output.path, output.overwrite, output.as_json) == ("x.h5", True, True)


@pytest.mark.parametrize(
    ("text", "picoseconds"),
    [("500", 500.0), ("2fs", 0.002), ("3ps", 3.0), ("1.5ns", 1500.0), ("1us", 1e6)],
)
def test_a_time_may_have_a_suffix(text: str, picoseconds: float) -> None:
    assert invoke(run, "--time", text).exit_code == 0
    assert seen[0].time == pytest.approx(picoseconds, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--beads", "0"], "a whole number, at least 1"),
        (["--beads", "2.5"], "a whole number, at least 1"),
        (["--beads", "two"], "a whole number, at least 1"),
        (["--beads", "2", "--compactness", "nan"], "a number, at least 0"),
        (["--beads", "2", "--compactness", "inf"], "a number, at least 0"),
        (["--beads", "2", "--end", "3 weeks"], "fs, ps, ns or us"),
        (["--beads", "2", "--method", "guess"], "anneal"),
        (["--beads", "2", "--select", "all"], "--select"),
        ([], "--beads"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(arguments: list[str], message: str) -> None:
    done = invoke(fit, *arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert not seen


@pytest.mark.parametrize("record", RECORDS)
def test_every_setting_says_what_it_means_and_its_default_is_allowed(record: type[Any]) -> None:
    for item in fields(record):
        description = item.metadata
        assert description["help"], item.name
        if description["choices"] and item.default is not None:
            assert item.default in description["choices"]
        if isinstance(item.default, float) and description["least"] is not None:
            assert item.default >= description["least"]


def test_the_help_shows_units_defaults_and_ranges() -> None:
    text = " ".join(invoke(run, "--help").output.split())
    assert "length of the run of every replica [default: 1000 ps; at least 0]" in text
    assert "friction of the heat bath [default: 1 1/ps; at least 0]" in text
    assert "[default: auto]" in text
    text = " ".join(invoke(fit, "--help").output.split())
    assert "beads of the molecule [at least 1] [required]" in text
    assert "[default: connected]" in text
    assert "first time to read [in ps]" in text


def configured(folder: Path, text: str, *arguments: str) -> Result:
    path = folder / "run.toml"
    path.write_text(text)
    return invoke(fit, "--config", str(path), *arguments)


def test_a_configuration_file_gives_options_and_the_command_line_wins(tmp_path: Path) -> None:
    text = "beads = 3\nmethod = 'exact'\nanneal-seeds = 2\nblocks = 5\nconnected = false\n"
    text += "forces = ['a.dcd', 'b.dcd']\nend = '3ns'\noverwrite = true\n"
    assert configured(tmp_path, text, "--blocks", "6").exit_code == 0
    settings, reading, output = seen
    assert settings == MappingSettings(
        beads=3, method="exact", anneal_seeds=2, blocks=6, connected=False
    )
    assert reading == ReadingSettings(forces=("a.dcd", "b.dcd"), end=3000.0)
    assert output.overwrite


def test_a_table_named_after_a_command_is_for_that_command_alone(tmp_path: Path) -> None:
    path, group = tmp_path / "system.toml", click.Group(commands={"fit": fit, "run": run})
    path.write_text("overwrite = true\n[fit]\nbeads = 3\noverwrite = false\n[run]\ntime = '1ns'\n")
    assert invoke(group, "fit", "--config", str(path)).exit_code == 0
    settings, _, output = seen
    assert (settings.beads, output.overwrite) == (3, False)


def test_one_text_where_a_list_may_stand_is_one_text(tmp_path: Path) -> None:
    assert configured(tmp_path, "beads = 3\nforces = 'a.dcd'").exit_code == 0
    assert seen[1].forces == ("a.dcd",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bead = 3", "the key 'bead'"),
        ("[fit-mappings]\nbeads = 3", r"the table \[fit-mappings\]"),
        ("beads = [1, 2]", "a text or a number"),
        ("beads = true", "a text or a number"),
        ("beads = 2\nconnected = 'no'", "true or false"),
        ("beads = 2\nforces = [1979-05-27]", "a text or a number"),
        ("beads 3", "not valid TOML"),
    ],
)
def test_a_wrong_configuration_file_is_refused_by_name(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(SettingError, match=message) as refused:
        configured(tmp_path, text)
    assert "run.toml" in str(refused.value)


def test_a_number_of_a_configuration_file_is_checked_as_one_typed(tmp_path: Path) -> None:
    done = configured(tmp_path, "beads = 2.5")
    assert done.exit_code == 2
    assert "a whole number, at least 1" in done.output


def test_a_missing_configuration_file_is_an_error_of_access(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        invoke(fit, "--config", str(tmp_path / "none.toml"))
