"""Beads as H5MD 1.1 (nongnu.org/h5md): frames as they come, box, species, masses, connectivity."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from autograin_cli import __version__
from autograin_cli.errors import InputError
from autograin_cli.files.storage.content import ContentWriter, rows_of_a_chunk
from autograin_cli.files.storage.hdf5 import PART_BYTES, opened
from autograin_cli.files.storage.particles import Particles
from autograin_cli.files.storage.schema import BEADS, SCHEMA
from autograin_cli.files.visible import visible
from autograin_cli.simulation.engine import Snapshot
from autograin_cli.system import Configuration
from autograin_cli.trajectory import Chunk
from autograin_cli.units import BOLTZMANN

POSITIONS = f"{BEADS}/position/value"

EDGES = f"{BEADS}/box/edges/value"

_VELOCITIES = f"{BEADS}/velocity/value"
_STEPS = f"{BEADS}/position/step"
_TIMES = f"{BEADS}/position/time"
_ENERGY = "observables/potential_energy/value"
_TEMPERATURE = "observables/kinetic_temperature/value"
_OUTSIDE = "observables/outside/value"
FRAMES = (_STEPS, _TIMES, POSITIONS)
_SAMPLED_TOGETHER = (_VELOCITIES, EDGES, _ENERGY, _TEMPERATURE, _OUTSIDE)


class FrameWriter:
    """Writes the frames of a run, a chunk at a time."""

    def __init__(self, content: ContentWriter, first: Snapshot, box: torch.Tensor | None) -> None:
        """Create the datasets, of the shapes of a first snapshot.

        Args:
            content: the file.
            first: whose shapes all snapshots have.
            box: of every frame, Å, (3, 3); None in vacuum.
        """
        self._content = content
        self._box = {} if box is None else {EDGES: _number(box)}
        rows = self._box | _rows(first)
        self._n_rows = rows_of_a_chunk(rows[POSITIONS].nbytes)
        self._streams = {
            path: content.stream(path, row.shape, row.dtype.type, SCHEMA[path].unit, self._n_rows)
            for path, row in rows.items()
        }
        self._pending: list[Mapping[str, NDArray[Any]]] = []
        self.n_frames = 0
        self.n_particles = len(rows[POSITIONS])

    def append(self, snapshot: Snapshot) -> None:
        """Add one frame."""
        self._pending.append(self._box | _rows(snapshot))
        self.n_frames += 1
        if len(self._pending) == self._n_rows:
            self._flush()

    def finish(self) -> None:
        """Write the frames that wait, and link steps and times to all that share them."""
        self._flush()
        for path, stream in self._streams.items():
            self._content.end_stream(path, stream, self._links(path))

    def _links(self, path: str) -> tuple[str, ...]:
        name = {_STEPS: "step", _TIMES: "time"}.get(path)
        groups = (other.rsplit("/", 1)[0] for other in self._streams if other in _SAMPLED_TOGETHER)
        return () if name is None else tuple(f"{group}/{name}" for group in groups)

    def _flush(self) -> None:
        for path, stream in self._streams.items() if self._pending else ():
            stream.append(np.stack([rows[path] for rows in self._pending]))
        self._pending.clear()
        self._content.check()


def _rows(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    """Give one row of each dataset but the box; thermodynamics are means over the replicas."""
    n_beads = snapshot.positions.shape[1]
    kinetic = snapshot.kinetic_energy.double().mean()
    return {
        _STEPS: np.array(snapshot.step, dtype=np.int64),
        _TIMES: np.array(snapshot.time, dtype=np.float64),
        POSITIONS: _particles(snapshot.positions),
        _VELOCITIES: _particles(snapshot.velocities),
        _ENERGY: _number(snapshot.potential_energy.double().mean()),
        _TEMPERATURE: _number(2 * kinetic / (3 * n_beads * BOLTZMANN)),
        _OUTSIDE: _number(snapshot.outside),
    }


def _particles(vectors: torch.Tensor) -> NDArray[Any]:
    return _number(vectors.reshape(-1, 3))


def _number(values: torch.Tensor) -> NDArray[Any]:
    return values.detach().double().cpu().numpy()


def write_configuration(content: ContentWriter, configuration: Configuration) -> None:
    """Write the only frame of an artifact that is no simulation, at time 0."""
    frame = {
        _STEPS: np.zeros(1, dtype=np.int64),
        _TIMES: np.zeros(1),
        POSITIONS: _number(configuration.positions)[np.newaxis],
    }
    if configuration.box is not None:
        group = EDGES.rsplit("/", 1)[0]
        frame |= {f"{group}/step": frame[_STEPS], f"{group}/time": frame[_TIMES]}
        frame[EDGES] = _number(configuration.box)[np.newaxis]
    for path, array in frame.items():
        content.dataset(path, array, SCHEMA[path].unit)


def write_particles(content: ContentWriter, particles: Particles) -> None:
    """Write what H5MD tells of the particles beside their motion."""
    content.group("h5md/author")
    content.group("h5md/creator")
    content.attribute("h5md", "version", np.array([1, 1]))
    content.attribute("h5md/author", "name", np.bytes_("not stated"))
    content.attribute("h5md/creator", "name", np.bytes_("autograin"))
    content.attribute("h5md/creator", "version", np.bytes_(__version__))
    content.group(f"{BEADS}/box")
    content.attribute(f"{BEADS}/box", "dimension", np.int64(3))
    boundary = b"none" if particles.box is None else b"periodic"
    content.attribute(f"{BEADS}/box", "boundary", np.array([boundary] * 3))
    content.dataset(f"{BEADS}/species", _species(particles), SCHEMA[f"{BEADS}/species"].unit)
    masses = particles.system.masses
    if masses is not None:
        of_all = np.tile(_number(masses), particles.replicas)
        content.dataset(f"{BEADS}/mass", of_all, SCHEMA[f"{BEADS}/mass"].unit)
    _write_connectivity(content, particles)


def _species(particles: Particles) -> NDArray[Any]:
    """Number the types of beads; the names, 'molecule:type', are those of the enumeration."""
    parts, names = particles.system.components, particles.system.type_names
    if len(parts) == 1:
        names = tuple(f"{parts[0].name}:{name}" for name in names)
    # HDF5 takes names that are Unicode without a zero byte.
    numbers = {visible(name): number for number, name in enumerate(names)}
    dtype = h5py.enum_dtype(numbers, basetype=np.int64)
    return np.tile(particles.system.types.numpy(), particles.replicas).astype(dtype)


def _write_connectivity(content: ContentWriter, particles: Particles) -> None:
    for name, size in (("bonds", 2), ("angles", 3), ("dihedrals", 4)):
        path = f"connectivity/{name}"
        tuples = _tuples(particles, name.removesuffix("s"), size)
        content.dataset(path, tuples, SCHEMA[path].unit)
        content.reference(path, "particles_group", BEADS)


def _tuples(particles: Particles, coordinate: str, size: int) -> NDArray[np.int64]:
    """Give the bonded particles of one kind, (tuples, size): bonds of the mapping, else terms."""
    system = particles.system
    of_replica = torch.cat(
        [
            system.members(number, _members(particles, number, coordinate, size))
            for number in range(len(system.components))
        ]
    )
    firsts = system.n_beads * torch.arange(particles.replicas)
    of_all: NDArray[np.int64] = (firsts[:, None, None] + of_replica).flatten(0, 1).numpy()
    return of_all


def _members(particles: Particles, component: int, coordinate: str, size: int) -> torch.Tensor:
    """Give the bonded beads of one kind within a copy of a component, (tuples, size)."""
    if coordinate == "bond":
        return particles.system.components[component].bonds.cpu()
    terms = particles.potentials[component].terms if particles.potentials else ()
    beads = [term.beads.cpu() for term in terms if term.coordinate == coordinate]
    return torch.cat([torch.zeros(0, size, dtype=torch.int64), *beads])


@dataclass(frozen=True)
class BeadTrajectory:
    """The frames of a simulation artifact, read again at every pass.

    path: of the artifact.
    n_frames: frames in all.
    n_atoms: replicas times beads.
    has_box: whether every frame has a box.
    """

    path: Path
    n_frames: int
    n_atoms: int
    has_box: bool

    @property
    def has_forces(self) -> bool:
        """A simulation keeps no forces."""
        return False

    @property
    def keeper(self) -> None:
        """Nothing is kept here."""
        return

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """Yield a few megabytes of frames at a time.

        Raises:
            FileAccessError: the file has gone.
            InputError: the file is damaged, or a position or a box is not finite.
        """
        n_rows = max(1, PART_BYTES // max(1, self.n_atoms * 24))
        with opened(self.path) as file:
            for frame in range(first, self.n_frames, n_rows):
                rows = slice(frame, frame + n_rows)
                positions = torch.from_numpy(file[POSITIONS][rows])
                self._check_finite(positions, frame)
                boxes = torch.from_numpy(file[EDGES][rows]) if self.has_box else None
                if boxes is not None:
                    self._check_finite(boxes, frame)
                    self._check_volumes(boxes, frame)
                times = torch.from_numpy(file[_TIMES][rows])
                yield Chunk(positions=positions, times=times, boxes=boxes)

    def _check_finite(self, values: torch.Tensor, first: int) -> None:
        wrong = (~values.isfinite()).flatten(1).any(1).nonzero()
        if len(wrong):
            raise self._refused(first + int(wrong[0]), "not finite", "finite positions and boxes")

    def _check_volumes(self, boxes: torch.Tensor, first: int) -> None:
        flat = (torch.linalg.det(boxes) == 0).nonzero()
        if len(flat):
            raise self._refused(first + int(flat[0]), "in a flat box", "a box with a volume")

    def _refused(self, frame: int, what: str, expected: str) -> InputError:
        return InputError(
            given=f"frame {frame} of {visible(str(self.path))} is {what}",
            expected=expected,
            remedy="simulate again",
        )
