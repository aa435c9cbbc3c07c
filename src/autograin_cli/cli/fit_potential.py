"""fit-potential: mapping and trajectory of atoms with forces -> potential.h5."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import fitting_threads
from autograin_cli.settings import PotentialSettings, ReadingSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autograin_cli.cli.console import Console
    from autograin_cli.files.artifacts import Artifact
    from autograin_cli.files.atomistic import Reading
    from autograin_cli.mapping.mapping import Mapping
    from autograin_cli.potential.force_field import ForceField
    from autograin_cli.system import Configuration
    from autograin_cli.trajectory import Chunk, Trajectory

_EPILOG = """\b
Examples:
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 300
  autograin fit-potential mapping.h5 md.xtc -s md.psf --temperature 300 \\
      --forces md_forces.dcd --force-unit kJ/mol/A

\b
The forms and the force map of the paper, for a molecule and for a liquid:
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 300 \\
      --bond harmonic --angle cosine --force-map projected
  autograin fit-potential mapping.h5 md.trr -s md.psf --temperature 120 \\
      --bond harmonic --pair lj-9-6

\b
A mapping made by hand, as a control experiment:
  autograin fit-potential mapping.yaml md.trr -s md.psf --temperature 300
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

    MAPPING is what fit-mapping wrote, or a mapping made by hand: of OpenMSCG (.yaml), of VOTCA
    (.xml) or index groups of GROMACS (.ndx). TRAJ are the files of one atomistic trajectory with
    forces, which are in the same files or in those of --forces. Bonds, angles and dihedrals of the
    beads follow from the bonds of the atoms; in a periodic box beads of different molecules feel
    pair terms too.
    """
    from autograin_cli.cli.atoms import read_atoms
    from autograin_cli.cli.pair_summary import force_field_values, show_nonbonded
    from autograin_cli.cli.provenance import artifact_input, provenance
    from autograin_cli.cli.results import tell_result
    from autograin_cli.cli.summary import show_potential
    from autograin_cli.files.artifacts import Artifact, check_output, save

    console, path = output.console, Path(output.path)
    check_output(path, output.overwrite)
    before = _artifact(Path(mapping))
    read = read_atoms(trajectories, reading, console)
    fitted = _typed(_mappings(Path(mapping), before, read), settings.types)
    with console.task("fitting the potential"), fitting_threads(read.trajectory.n_atoms):
        used, force_field, last = _fit(fitted, read, settings, console)
    artifact = Artifact(
        kind="potential",
        mappings=used,
        potentials=force_field.potentials,
        nonbonded=force_field.nonbonded,
        configuration=last,
        simulation=None,
        comparison=None,
        training=(before.training if before else ()) + read.inputs,
        inputs=(artifact_input(mapping), *read.inputs),
        provenance=provenance(reading, settings),
        warnings=(before.warnings if before else ()) + tuple(console.warnings),
    )
    save(artifact, path, overwrite=output.overwrite)
    for potential in force_field.potentials:
        show_potential(potential, console)
    show_nonbonded(force_field.nonbonded, console)
    tell_result(output.path, force_field_values(force_field), as_json=output.as_json)


def _fit(
    mappings: "tuple[Mapping, ...]",
    read: "Reading",
    settings: PotentialSettings,
    console: "Console",
) -> "tuple[tuple[Mapping, ...], ForceField, Configuration]":
    """Give the mappings with the force maps that were used, the fit and the last frame."""
    from dataclasses import replace

    from autograin_cli.mapping.bead_trajectory import system_trajectory
    from autograin_cli.mapping.components import system_of
    from autograin_cli.potential.fit import fit_force_field, pair_form
    from autograin_cli.potential.frame_equations import compiled

    atoms = console.watch(read.trajectory, "reading")
    mapped, maps = system_trajectory(atoms, mappings, settings.force_map)
    beads, system = _Remembered(mapped), system_of(mappings)
    if pair_form(beads, system, settings) != "none" and not compiled():
        console.note("compiling the inner loops, once: some seconds")
    force_field, cautions = fit_force_field(beads, system, settings)
    for caution in cautions:
        console.warn(caution)
    used = tuple(
        replace(one, force_map=map_used.force_map, force_map_kind=map_used.kind)
        for one, map_used in zip(mappings, maps, strict=True)
    )
    return used, force_field, beads.last


def _artifact(path: Path) -> "Artifact | None":
    """Read the artifact of a mapping; None where the mapping was made by hand."""
    from autograin_cli.files.artifacts import load
    from autograin_cli.files.hand_made import is_hand_made

    return None if is_hand_made(path) else load(path, ("mapping", "potential"))


def _mappings(path: Path, before: "Artifact | None", read: "Reading") -> "tuple[Mapping, ...]":
    """Give the mappings for the molecules of a trajectory."""
    from autograin_cli.cli.atoms import applied
    from autograin_cli.files.hand_made import read_hand_made

    return read_hand_made(path, read) if before is None else applied(before.mappings, read)


def _typed(mappings: "tuple[Mapping, ...]", types: str | None) -> "tuple[Mapping, ...]":
    """Give mappings the types of beads that the user chose."""
    from dataclasses import replace

    from autograin_cli.potential.bead_types import given_types

    molecules = [(one.molecule.name, one.bead_names, one.bead_types) for one in mappings]
    chosen = given_types(types or "", molecules)
    return tuple(
        replace(one, bead_types=kinds) for one, kinds in zip(mappings, chosen, strict=True)
    )


@dataclass(frozen=True)
class _Remembered:
    """A trajectory that keeps its last frame when it has been read.

    source: of beads.
    kept: the last frame, once read.
    """

    source: "Trajectory"
    kept: "list[Chunk]" = field(default_factory=list)

    @property
    def n_frames(self) -> int:
        """Frames of the source."""
        return self.source.n_frames

    @property
    def n_atoms(self) -> int:
        """Beads of a frame."""
        return self.source.n_atoms

    @property
    def has_forces(self) -> bool:
        """Whether the source has forces."""
        return self.source.has_forces

    def chunks(self) -> "Iterator[Chunk]":
        """Yield the frames of the source."""
        for chunk in self.source.chunks():
            self.kept[:] = [chunk]
            yield chunk

    @property
    def last(self) -> "Configuration":
        """The last frame that was read."""
        from autograin_cli.system import Configuration

        (chunk,) = self.kept
        box = None if chunk.boxes is None else chunk.boxes[-1].clone()
        return Configuration(chunk.positions[-1].clone(), box)
