"""decode: beads of a simulation, or of another program -> atoms, in any format of MDAnalysis."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autograin_cli.cli import options
from autograin_cli.cli.options import Output
from autograin_cli.cli.threads import fitting_threads
from autograin_cli.errors import SettingError
from autograin_cli.settings import DecodingSettings, ReadingSettings

if TYPE_CHECKING:
    from autograin_cli.cli.console import Console
    from autograin_cli.files.artifacts import Artifact
    from autograin_cli.mapping.bead_bonds import BondWatch
    from autograin_cli.mapping.decoding import Decoded, Decoding
    from autograin_cli.mapping.mapping import Mapping
    from autograin_cli.system import System
    from autograin_cli.trajectory import Chunk, Trajectory

_SOUND = 0.99  # share of bonds; fewer than these, and no molecule is what it was
_KINDS = ("mapping", "potential", "simulation", "comparison")
_EPILOG = """\b
Examples:
  autograin decode simulation.h5 -o atoms.xtc
  autograin decode simulation.h5 --replica 5 --stride 100 -o atoms.pdb
  autograin decode potential.h5 --model cg.xtc -o atoms.dcd
  autograin decode mapping.h5 md.xtc -s md.psf --end 100ps -o decoded.pdb
"""


@click.command("decode", epilog=_EPILOG)
@click.argument("artifact", type=options.PATH)
@click.argument("trajectories", nargs=-1, metavar="[TRAJ...]", type=options.PATH)
@click.option(
    "--model",
    multiple=True,
    type=options.PATH,
    help="trajectory of beads that another program wrote, in place of that of ARTIFACT; may be "
    "repeated",
)
@options.settings(DecodingSettings, "settings")
@options.settings(ReadingSettings, "reading", without=("forces", "force_unit"))
@options.output("atoms.xtc")
def decode(
    artifact: str,
    trajectories: tuple[str, ...],
    model: tuple[str, ...],
    settings: DecodingSettings,
    reading: ReadingSettings,
    output: Output,
) -> None:
    """Put atoms back where beads are, with the linear decoder of the mapping.

    ARTIFACT is what simulate wrote: its beads are decoded. With --model it may also be what
    fit-mapping or fit-potential wrote, and so with TRAJ, the files of one atomistic trajectory,
    which is encoded and decoded, to show what the mapping loses. The ending of the output names
    its format: XTC, TRR, DCD, PDB, GRO, XYZ, NC and others.

    An atom is put at a fixed mean of the beads: what turns or vibrates inside a bead shrinks onto
    its mean. This is the decoder that the mapping was fitted with, and no way to start an
    atomistic simulation; the share of the bonds that keep their length is told.
    """
    from autograin_cli.cli.bead_ranges import tell_bonds
    from autograin_cli.cli.results import tell_result
    from autograin_cli.files.artifacts import load
    from autograin_cli.files.atom_writing import check_atoms_output, write_atoms

    console, path = output.console, Path(output.path)
    _check_source(trajectories, model, reading)
    check_atoms_output(path, output.overwrite)
    before = load(Path(artifact), _KINDS)
    if trajectories:
        source = _atoms(before, trajectories, settings, reading, console)
    else:
        source = _beads(before, Path(artifact), model, settings, reading, console)
    if source.replicas > 1:
        console.note(f"replica {settings.replica} of {source.replicas}; --replica chooses another")
    decoding = source.decoding
    with console.task("decoding"), fitting_threads(decoding.n_atoms):
        notes = write_atoms(path, source.chunks, decoding.mappings, overwrite=output.overwrite)
    for note in notes:
        console.note(note)
    _tell(decoding, console)
    bonds = tell_bonds(source.bonds, console)
    replicas = {"replica": settings.replica, "replicas": source.replicas}
    values = _values(decoding) | bonds | replicas
    values |= {"notes": list(notes), "warnings": console.warnings}
    tell_result(output.path, values, as_json=output.as_json)


@dataclass(frozen=True)
class Source:
    """Frames to decode.

    decoding: what decodes them, and keeps the tally.
    chunks: of decoded atoms.
    replicas: in the simulation; 1 where it has none.
    bonds: measures the beads of another program; None for others.
    """

    decoding: "Decoding"
    chunks: "Iterator[Chunk]"
    replicas: int
    bonds: "BondWatch | None" = None


def _check_source(
    trajectories: tuple[str, ...], model: tuple[str, ...], reading: ReadingSettings
) -> None:
    """Refuse what would be left out in silence."""
    if trajectories and model:
        raise SettingError(
            given="--model and TRAJ",
            expected="beads, or atoms to be encoded and decoded",
            remedy="give one of them, and the other to a second run",
        )
    names = ("topology", "select") if model else ("topology", "select", "step_time")
    unused = [name for name in names if getattr(reading, name) is not None]
    if unused and not trajectories:
        raise SettingError(
            given=f"--{unused[0].replace('_', '-')} without TRAJ",
            expected="it only to read an atomistic trajectory",
            remedy="leave it out: names and bonds of the atoms stand in the artifact",
        )


def _atoms(
    before: "Artifact",
    trajectories: tuple[str, ...],
    settings: DecodingSettings,
    reading: ReadingSettings,
    console: "Console",
) -> Source:
    """Encode and decode an atomistic trajectory."""
    from autograin_cli.cli.atoms import applied, read_atoms
    from autograin_cli.cli.checks import check_structure
    from autograin_cli.mapping.decoding import Decoding, one_replica

    read = read_atoms(trajectories, reading, console)
    check_structure(read)
    decoding = Decoding(applied(before.mappings, read))
    frames = console.watch(read.trajectory, "reading").chunks()
    chunks = decoding.of_atoms(one_replica(frames, settings.replica, 1))
    return Source(decoding, chunks, replicas=1)


def _beads(
    before: "Artifact",
    path: Path,
    model: tuple[str, ...],
    settings: DecodingSettings,
    reading: ReadingSettings,
    console: "Console",
) -> Source:
    """Decode the beads of a simulation, or of another program in its place."""
    from autograin_cli.cli.bead_ranges import watch_of
    from autograin_cli.mapping.decoding import Decoding, in_window, laid_out, one_replica

    beads, system, replicas = _simulated(before, path, model, reading.step_time, console)
    mappings = laid_out(before.mappings, [part.n_copies for part in system.components])
    frames = console.watch(beads, "reading").chunks()
    decoding = Decoding(mappings)
    one = one_replica(in_window(frames, reading), settings.replica, replicas)
    watch = watch_of(before, mappings, console) if model else None
    passing = one if watch is None else watch.over(one)
    return Source(decoding, decoding.of_beads(passing), replicas, watch)


def _simulated(
    before: "Artifact",
    path: Path,
    model: tuple[str, ...],
    step_time: float | None,
    console: "Console",
) -> "tuple[Trajectory, System, int]":
    """Beads, the system of a replica, and the number of replicas in a frame."""
    from autograin_cli.files.artifacts import cg_trajectory
    from autograin_cli.files.bead_files import read_beads
    from autograin_cli.mapping.components import system_of

    system = system_of(before.mappings)
    if model:
        read = read_beads(model, system, step_time)
        for assumption in read.assumptions:
            console.note(f"assumed: {assumption}")
        return read.trajectory, read.system, read.replicas
    if before.kind != "simulation" or before.simulation is None:
        raise SettingError(
            given=f"a {before.kind} artifact, which has no trajectory of beads",
            expected="what simulate wrote, --model with beads, or TRAJ to encode and decode",
            remedy="give simulation.h5, --model cg.xtc, or an atomistic trajectory",
        )
    run = before.simulation
    return cg_trajectory(path), system.with_copies(run.copies.tolist()), run.replicas


def _tell(decoding: "Decoding", console: "Console") -> None:
    """Tell what was decoded, what was lost, and that this is no molecule."""
    from autograin_cli.mapping.decoding import NEAR

    tally = decoding.tally
    rows = [("frames", f"{tally.n_frames:,}"), ("atoms", f"{decoding.n_atoms:,}")]
    for mapping, found in zip(decoding.mappings, tally.molecules, strict=True):
        rows += _error_rows(mapping, found)
    console.facts("Decoded", rows)
    for mapping, found in zip(decoding.mappings, tally.molecules, strict=True):
        share, name = found.sound_share, mapping.molecule.name
        if share is None:
            continue
        told = f"{name}: {share:.1%} of the bonds are within {NEAR:.0%} of their length"
        if share < _SOUND:
            console.warn(f"{told}: a linear decoder gives mean positions, not valid molecules")
        else:
            console.note(told)


def _error_rows(mapping: "Mapping", found: "Decoded") -> list[tuple[str, str]]:
    """Give the reconstruction error of a type of molecule, beside that of the mapping."""
    if found.loss is None:
        return []
    fitted = mapping.certificate
    beside = f"; when the mapping was fitted {fitted.loss:.6g} Å²" if fitted else ""
    return [
        (
            f"{mapping.molecule.name}, atoms put back within",
            f"{found.loss**0.5:.4g} Å (root mean square); L_AE {found.loss:.6g} Å²{beside}",
        )
    ]


def _values(decoding: "Decoding") -> dict[str, Any]:
    """Give the same as JSON."""
    from autograin_cli.mapping.decoding import NEAR

    tally = decoding.tally
    return {
        "frames": tally.n_frames,
        "atoms": decoding.n_atoms,
        "molecules": [
            {
                "molecule": mapping.molecule.name,
                "copies": mapping.molecule.n_copies,
                "bonds_within": NEAR,
                "bonds_sound": found.sound_share,
                "loss": found.loss,
                "rmsd": None if found.loss is None else found.loss**0.5,
                "errors": None if found.errors is None else found.errors.tolist(),
            }
            for mapping, found in zip(decoding.mappings, tally.molecules, strict=True)
        ],
    }
