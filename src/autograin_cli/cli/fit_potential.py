"""fit-potential: mapping and trajectory of atoms with forces -> potential.h5."""

from pathlib import Path

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import fitting_threads
from autograin_cli.settings import PotentialSettings, ReadingSettings

_EPILOG = """\b
Examples:
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 300
  autograin fit-potential mapping.h5 md.xtc -s md.psf --temperature 300 \\
      --forces md_forces.dcd --force-unit kJ/mol/A

\b
The forms and the force map of the paper:
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 300 \\
      --bond harmonic --angle cosine --force-map projected
"""


@click.command("fit-potential", epilog=_EPILOG)
@click.argument("mapping", type=click.Path())
@click.argument("trajectories", nargs=-1, required=True, metavar="TRAJ...", type=click.Path())
@options.settings(PotentialSettings, "settings", required=("temperature",))
@options.settings(ReadingSettings, "reading")
@options.output("potential.h5")
def fit_potential(
    mapping: str,
    trajectories: tuple[str, ...],
    settings: PotentialSettings,
    reading: ReadingSettings,
    output: Output,
) -> None:
    """Fit what the beads feel to the forces on the atoms.

    MAPPING is what fit-mapping wrote. TRAJ are the files of one atomistic trajectory with forces,
    which are in the same files or in those of --forces. Bonds, angles and dihedrals of the beads
    follow from the bonds of the atoms.
    """
    from dataclasses import replace

    from autograin_cli.cli.atoms import applied, read_atoms
    from autograin_cli.cli.provenance import artifact_input, provenance
    from autograin_cli.cli.results import tell_result
    from autograin_cli.cli.summary import potential_values, show_potential
    from autograin_cli.files.artifacts import check_output, load, save
    from autograin_cli.mapping.bead_trajectory import BeadTrajectory, choose_force_maps
    from autograin_cli.potential import fit

    console, path = output.console, Path(output.path)
    check_output(path, output.overwrite)
    before = load(Path(mapping), ("mapping", "potential"))
    read = read_atoms(trajectories, reading, console)
    fitted = applied(before.mappings[0], read)
    with console.task("fitting the potential"), fitting_threads(read.trajectory.n_atoms):
        atoms = console.watch(read.trajectory, "reading")
        maps = choose_force_maps(atoms, fitted, settings.force_map)
        beads = BeadTrajectory(atoms, fitted, maps)
        potential, cautions = fit.fit_potential(
            beads, fitted.bead_bonds, fitted.bead_types, settings, fitted.molecule.name
        )
    for caution in cautions:
        console.warn(caution)
    used = replace(before.mappings[0], force_map=maps.force_map, force_map_kind=maps.kind)
    artifact = replace(
        before,
        kind="potential",
        mappings=(used,),
        potentials=(potential,),
        training=before.training + read.inputs,
        inputs=(artifact_input(mapping), *read.inputs),
        provenance=provenance(reading, settings),
        warnings=before.warnings + tuple(console.warnings),
    )
    save(artifact, path, overwrite=output.overwrite)
    show_potential(potential, console)
    tell_result(output.path, potential_values(potential), as_json=output.as_json)
