"""fit-mapping: trajectory of atoms -> mapping.h5."""

from pathlib import Path

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import fitting_threads
from autograin_cli.settings import MappingSettings, ReadingSettings

_EPILOG = """\b
Examples:
  autograin fit-mapping md.xtc -s md.psf --beads 3
  autograin fit-mapping md.xtc --beads 3

Without a topology, bonds and molecules are inferred from the distances; each assumption is told.

\b
Algorithm 1 of the paper, with its loss alone:
  autograin fit-mapping md.xtc -s md.psf --beads 3 --method anneal --objective ae
"""


@click.command("fit-mapping", epilog=_EPILOG)
@click.argument("trajectories", nargs=-1, required=True, metavar="TRAJ...", type=click.Path())
@options.settings(MappingSettings, "settings", required=("beads",))
@options.settings(ReadingSettings, "reading")
@options.output("mapping.h5")
def fit_mapping(
    trajectories: tuple[str, ...],
    settings: MappingSettings,
    reading: ReadingSettings,
    output: Output,
) -> None:
    """Learn which atoms make which bead.

    TRAJ are the files of one atomistic trajectory, in order: XTC, TRR, DCD, or any other format
    that MDAnalysis reads. The mapping is written with all that says how far to trust it: its
    loss, the least loss possible, ties, and agreement over parts of the trajectory.
    """
    from autograin_cli.cli.atoms import only_molecule, read_atoms
    from autograin_cli.cli.provenance import provenance
    from autograin_cli.cli.results import tell_result
    from autograin_cli.cli.summary import mapping_values, show_mapping
    from autograin_cli.files.artifacts import Artifact, check_output, save
    from autograin_cli.mapping import fit
    from autograin_cli.mapping.cautions import cautions

    console, path = output.console, Path(output.path)
    check_output(path, output.overwrite)
    read = read_atoms(trajectories, reading, console)
    molecule = only_molecule(read)
    with console.task("fitting the mapping"), fitting_threads(read.trajectory.n_atoms):
        atoms = console.watch(read.trajectory, "reading")
        mapping = fit.fit_mapping(atoms, molecule, settings)
    for caution in cautions(mapping.certificate) if mapping.certificate else ():
        console.warn(caution)
    artifact = Artifact(
        kind="mapping",
        mappings=(mapping,),
        potentials=(),
        simulation=None,
        comparison=None,
        training=read.inputs,
        inputs=read.inputs,
        provenance=provenance(reading, settings),
        warnings=tuple(console.warnings),
    )
    save(artifact, path, overwrite=output.overwrite)
    show_mapping(mapping, console)
    tell_result(output.path, mapping_values(mapping), as_json=output.as_json)
