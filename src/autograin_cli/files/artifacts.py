"""Artifacts: one HDF5 file a stage, with the records of that stage and of all before it."""

from pathlib import Path
from types import TracebackType
from typing import Self

from torch import Tensor

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.output import NewFile, as_access_error, check_output
from autograin_cli.files.storage.artifact import Artifact, InputFile, Provenance
from autograin_cli.files.storage.conformance import check_arrays, unit_of
from autograin_cli.files.storage.content import ContentWriter
from autograin_cli.files.storage.digest import UNDIGESTED_GROUP
from autograin_cli.files.storage.h5md import (
    EDGES,
    POSITIONS,
    BeadTrajectory,
    FrameWriter,
    write_configuration,
    write_particles,
)
from autograin_cli.files.storage.hdf5 import Contents, naming, opened, text_attribute
from autograin_cli.files.storage.invariants import check_artifact, check_frames
from autograin_cli.files.storage.particles import frame_of, particles_of
from autograin_cli.files.storage.places import KIND, path_of
from autograin_cli.files.storage.reading import (
    check_header,
    check_layout,
    read_records,
    shape_and_box,
    written_before,
)
from autograin_cli.files.storage.records import Flat, build, flatten, text_array, texts_by_path
from autograin_cli.files.storage.schema import KIND_COMMANDS
from autograin_cli.simulation.engine import Snapshot

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
            write_configuration(content, frame_of(artifact))
            digest = _write_records(content, artifact, flat)
        _verify(new.temporary, digest)
        new.commit()


class SimulationWriter:
    """Writes a simulation artifact: the frames as they come, then all the rest.

    A context; without `finish`, or after any error, nothing is left of the file.
    """

    def __init__(self, path: Path, *, overwrite: bool, box: Tensor | None = None) -> None:
        """Check that the file can be written.

        Args:
            path: of the artifact.
            overwrite: whether a file that is there may be replaced.
            box: of every frame, Å, (3, 3), rows are the box vectors; None in vacuum.

        Raises:
            OutputExistsError, FileAccessError: as `check_output` says.
        """
        self._path, self._box = path, box
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
            self._frames = FrameWriter(self._content, snapshot, self._box)
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
        shape = (frames.n_frames, frames.n_particles)
        check_frames(artifact.simulation, artifact.mappings, shape, self._box)
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
            flat, frames = read_records(contents), shape_and_box(contents)
        with written_before(contents):
            artifact = build(Artifact, flat, path_of)
        check_artifact(artifact)
        if artifact.simulation is not None and artifact.kind == "simulation":
            check_frames(artifact.simulation, artifact.mappings, *frames)
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
    return BeadTrajectory(path, n_frames, n_particles, EDGES in contents.datasets)


def content_digest(path: Path) -> str:
    """Give the digest that an artifact names; equal digests are equal content.

    Raises:
        FileAccessError: the file cannot be opened.
        InputError: it is no artifact, or it is damaged.
    """
    with naming(path), opened(path) as file:
        contents = Contents(file, lambda attributes: check_header(attributes, tuple(KIND_COMMANDS)))
    return text_attribute(contents.attributes[""], "content_sha256") or ""


def _checked(artifact: Artifact) -> Flat:
    """Turn an artifact into arrays as they would be read back, and check them."""
    flat = flatten(artifact, path_of)
    check_arrays(flat.arrays)
    check_artifact(build(Artifact, flat, path_of))
    return flat


def _write_records(content: ContentWriter, artifact: Artifact, flat: Flat) -> str:
    """Write all but the frames; provenance last, so that all else has the same bytes without it."""
    write_particles(content, particles_of(artifact))
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
