"""export: potential.h5 or simulation.h5 -> a folder with the files of another program."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.settings import ExportSettings

if TYPE_CHECKING:
    from autograin_cli.files.artifacts import Artifact

_EPILOG = """\b
Examples:
  autograin export potential.h5 --to lammps
  autograin export simulation.h5 --to openmm -o model
"""


@click.command("export", epilog=_EPILOG)
@click.argument("artifact", type=options.PATH)
@options.settings(ExportSettings, "settings", required=("to",))
@options.output("export", what="folder")
def export(artifact: str, settings: ExportSettings, output: Output) -> None:
    """Write a model in the files of another program.

    ARTIFACT is what fit-mapping, fit-potential or simulate wrote; what runs needs a potential.
    The configuration is a frame of the reference, or the last frame of a simulation: of more
    molecules, where simulate was given more.
    """
    from autograin_cli.cli.results import tell_result
    from autograin_cli.files.artifacts import load
    from autograin_cli.files.exports import EXPORTS
    from autograin_cli.files.exports.folder import check_folder, new_folder

    path = Path(output.path)
    check_folder(path, output.overwrite)
    model = _with_last_frame(load(Path(artifact), _KINDS), Path(artifact))
    with new_folder(path, overwrite=output.overwrite) as folder:
        notes = EXPORTS[settings.to](model, folder)
        names = sorted(file.name for file in folder.iterdir())
    for note in notes:
        output.console.note(note)
    told = {"format": settings.to, "files": names, "notes": list(notes)}
    tell_result(output.path, told, as_json=output.as_json)


_KINDS = ("mapping", "potential", "simulation", "comparison")


def _with_last_frame(artifact: "Artifact", path: Path) -> "Artifact":
    """Put the last frame of the first replica of a simulation in the place of the reference."""
    from autograin_cli.files.artifacts import cg_trajectory
    from autograin_cli.system import Configuration

    if artifact.kind != "simulation" or artifact.simulation is None:
        return artifact
    last = None
    for chunk in cg_trajectory(path).chunks():
        last = chunk
    if last is None:
        return artifact
    n_beads = last.positions.shape[1] // artifact.simulation.replicas
    frame = Configuration(last.positions[-1, :n_beads], artifact.simulation.box)
    return replace(artifact, configuration=frame)
