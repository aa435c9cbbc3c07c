"""The program run inside the process of a test, and the files it is run on."""

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from autograin_cli.cli import autograin

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
PSF = str(SAMPLES / "aniline.psf")
XTC = str(SAMPLES / "aniline.xtc")
FORCES = str(SAMPLES / "aniline_forces.dcd")


def run(*arguments: str | Path) -> Result:
    """Run the program inside this process; an error of its own is an error of the test."""
    return CliRunner().invoke(autograin, [str(a) for a in arguments], catch_exceptions=False)


def forces_and_temperature() -> tuple[str, ...]:
    return ("--forces", FORCES, "--force-unit", "kJ/mol/A", "--temperature", "300")


@dataclass(frozen=True)
class Done:
    """A command that has run: its result, and the file it wrote."""

    result: Result
    path: Path


def done(path: Path, *arguments: str | Path) -> Done:
    result = run(*arguments, "-o", path)
    assert result.exit_code == 0, result.stderr
    return Done(result, path)
