"""Artifacts: one HDF5 file a stage, with the records of that stage and of all before it."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from autograin_cli.comparison.comparison import Comparison
from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.output import NewFile, as_access_error, check_output
from autograin_cli.files.storage.conformance import check_arrays, unit_of
from autograin_cli.files.storage.content import ContentWriter
from autograin_cli.files.storage.digest import UNDIGESTED_GROUP
from autograin_cli.files.storage.h5md import (
    POSITIONS,
    BeadTrajectory,
    FrameWriter,
    System,
    write_particles,
    write_structure,
)
from autograin_cli.files.storage.hdf5 import Contents, naming, opened, text_attribute
from autograin_cli.files.storage.invariants import check_frames, check_stage
from autograin_cli.files.storage.places import KIND, path_of
from autograin_cli.files.storage.reading import check_header, check_layout, read_records
from autograin_cli.files.storage.records import Flat, build, flatten, text_array, texts_by_path
from autograin_cli.files.storage.schema import KIND_COMMANDS
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.potential.potential import Potential
from autograin_cli.simulation.engine import Snapshot
from autograin_cli.simulation.simulation import Simulation

__all__ = [
    "Artifact",
    "InputFile",
    "Provenance",
    "SimulationWriter",
    "cg_trajectory",
    "check_output",
    "content_digest",
    "load",
    "save",
]


@dataclass(frozen=True)
class InputFile:
    """A file that went into an artifact.

    path: as the user gave it.
    role: 'trajectory', 'forces', 'topology' or 'artifact'.
    size: bytes.
    fingerprint: SHA-256 over the size and samples of the content (all of a small file).
    n_frames: frames that were used; 0 where the file has no frames.
    first_time, last_time: of the frames used, ps; 0 where there are none.
    stride: every so many frames.
    """

    path: str
    role: str
    size: int
    fingerprint: str
    n_frames: int
    first_time: float
    last_time: float
    stride: int


@dataclass(frozen=True)
class Provenance:
    """How an artifact came about; not part of the digest.

    command: the command line.
    settings: of the stage, JSON.
    versions: of the program and its libraries, JSON.
    device: 'cpu' or 'cuda'.
    created: UTC, ISO 8601.
    """

    command: str
    settings: str
    versions: str
    device: str
    created: str


@dataclass(frozen=True)
class Artifact:
    """What a file of autograin holds: the records of its stage and of all before it.

    kind: 'mapping', 'potential', 'simulation' or 'comparison'.
    mappings: one for each type of molecule.
    potentials: one for each type of molecule; empty before fit-potential.
    simulation: of `simulate`; None before.
    comparison: of `compare`; None before.
    training: the input files of fit-mapping and fit-potential.
    inputs: the input files of this stage.
    provenance: how it came about.
    warnings: what the user was warned of.
    """

    kind: str
    mappings: tuple[Mapping, ...]
    potentials: tuple[Potential, ...]
    simulation: Simulation | None
    comparison: Comparison | None
    training: tuple[InputFile, ...]
    inputs: tuple[InputFile, ...]
    provenance: Provenance
    warnings: tuple[str, ...]


def save(artifact: Artifact, path: Path, *, overwrite: bool) -> None:
    """Write an artifact, whole or not at all; a simulation is written by `SimulationWriter`.

    Raises:
        OutputExistsError: the file exists and is not to be overwritten.
        FileAccessError: it cannot be written.
        InputError: the records are not what the format asks for.
    """
    with NewFile(path, overwrite=overwrite) as new:
        flat = _checked(artifact)
        with as_access_error(path), ContentWriter(new.temporary) as content:
            write_structure(content, _systems(artifact))
            digest = _write_records(content, artifact, flat)
        _verify(new.temporary, digest)
        new.commit()


class SimulationWriter:
    """Writes a simulation artifact: the frames as they come, then all the rest.

    A context; without `finish`, or after any error, nothing is left of the file.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        """Check that the file can be written.

        Raises:
            OutputExistsError, FileAccessError: as `check_output` says.
        """
        self._path = path
        self._new = NewFile(path, overwrite=overwrite)
        self._frames: FrameWriter | None = None

    def __enter__(self) -> Self:
        """Create the file under another name."""
        with as_access_error(self._path):
            self._content = ContentWriter(self._new.temporary)
        return self

    def append(self, snapshot: Snapshot) -> None:
        """Add the frame of a snapshot; all have the same shapes.

        Raises:
            FileAccessError: it cannot be written.
        """
        if self._frames is None:
            self._frames = FrameWriter(self._content, snapshot)
        with as_access_error(self._path):
            self._frames.append(snapshot)

    def finish(self, artifact: Artifact) -> None:
        """Write the records, and give the file its name.

        Raises:
            InputError: the records are not what the format asks for, or not of these frames.
            FileAccessError: the file cannot be written.
        """
        flat, frames = _checked(artifact), self._frames
        if artifact.simulation is None or frames is None:
            raise InputError(
                given="a run without a record or without a frame",
                expected="a Simulation and at least one snapshot",
                remedy="run for longer than the interval between frames",
            )
        check_frames(artifact.simulation, artifact.mappings, (frames.n_frames, frames.n_particles))
        with as_access_error(self._path), self._content as content:
            frames.finish()
            digest = _write_records(content, artifact, flat)
        _verify(self._new.temporary, digest)
        self._new.commit()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file, and remove it if it was not finished."""
        self._content.close()
        self._new.__exit__(kind, error, traceback)


def load(path: Path, kinds: tuple[str, ...]) -> Artifact:
    """Read an artifact of one of the kinds, as hostile.

    Raises:
        FileAccessError: the file cannot be opened.
        InputError: it is of another kind or a newer schema, damaged, incomplete, or holds what
            the format does not allow.
    """
    with naming(path):
        with opened(path) as file:
            contents = Contents(file, lambda attributes: check_header(attributes, kinds))
            flat = read_records(contents)
        artifact = build(Artifact, flat, path_of)
        _check(artifact)
        if artifact.simulation is not None and artifact.kind == "simulation":
            shape = contents.datasets[POSITIONS].stored.shape
            check_frames(artifact.simulation, artifact.mappings, shape[:2])
        return artifact


def cg_trajectory(path: Path) -> BeadTrajectory:
    """Give the frames of a simulation artifact: all beads of all replicas, one after another.

    Raises:
        FileAccessError: the file cannot be opened.
        InputError: it is no simulation artifact, or it is damaged.
    """
    with naming(path), opened(path) as file:
        contents = Contents(file, lambda attributes: check_header(attributes, ("simulation",)))
        check_layout(contents)
        n_frames, n_particles, _ = contents.datasets[POSITIONS].stored.shape
    return BeadTrajectory(path, n_frames, n_particles)


def content_digest(path: Path) -> str:
    """Give the digest that an artifact names; equal digests are equal content.

    Raises:
        FileAccessError: the file cannot be opened.
        InputError: it is no artifact, or it is damaged.
    """
    with naming(path), opened(path) as file:
        contents = Contents(file, lambda attributes: check_header(attributes, tuple(KIND_COMMANDS)))
    return text_attribute(contents.attributes[""], "content_sha256") or ""


def _check(artifact: Artifact) -> None:
    check_stage(
        artifact.kind,
        artifact.mappings,
        artifact.potentials,
        artifact.simulation,
        artifact.comparison,
    )


def _checked(artifact: Artifact) -> Flat:
    """Turn an artifact into arrays as they would be read back, and check them."""
    flat = flatten(artifact, path_of)
    check_arrays(flat.arrays)
    _check(build(Artifact, flat, path_of))
    return flat


def _write_records(content: ContentWriter, artifact: Artifact, flat: Flat) -> str:
    """Write all but the frames; provenance last, so that all else has the same bytes without it."""
    write_particles(content, _systems(artifact))
    texts = texts_by_path(flat)
    for path, order in flat.orders.items():
        content.group(path)
        content.attribute(path, "order", text_array(order))
    for path in sorted(flat.arrays, key=lambda path: path.startswith(UNDIGESTED_GROUP)):
        if path != KIND:
            content.dataset(path, flat.arrays[path], unit_of(path, texts))
    return content.complete(artifact.kind)


def _verify(temporary: Path, digest: str) -> None:
    """Read back what was written: a disk may lose it without a word."""
    with opened(temporary) as file:
        if Contents(file, lambda _: None).digest() != digest:
            raise FileAccessError(
                given="what was written is not what was read back",
                expected="a disk that keeps what it is given",
                remedy="check the disk, or write to another one",
            )


def _systems(artifact: Artifact) -> list[System]:
    potentials = {potential.molecule: potential for potential in artifact.potentials}
    simulation = artifact.simulation if artifact.kind == "simulation" else None
    return [
        System(mapping, potentials.get(name), simulation.replicas if simulation else 1)
        for mapping in artifact.mappings
        for name in [mapping.molecule.name]
        if simulation is None or simulation.molecule == name
    ]
