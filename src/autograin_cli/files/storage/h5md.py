"""Beads as H5MD 1.1 (nongnu.org/h5md): frames as they come, box, species, masses, connectivity."""

from collections.abc import Iterator, Mapping, Sequence
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
from autograin_cli.files.storage.schema import BEADS, SCHEMA
from autograin_cli.files.visible import visible
from autograin_cli.mapping.mapping import Mapping as BeadMapping
from autograin_cli.potential.potential import Potential
from autograin_cli.simulation.engine import Snapshot
from autograin_cli.trajectory import Chunk
from autograin_cli.units import BOLTZMANN

POSITIONS = f"{BEADS}/position/value"

_VELOCITIES = f"{BEADS}/velocity/value"
_STEPS = f"{BEADS}/position/step"
_TIMES = f"{BEADS}/position/time"
_ENERGY = "observables/potential_energy/value"
_TEMPERATURE = "observables/kinetic_temperature/value"
_OUTSIDE = "observables/outside/value"
FRAMES = (_STEPS, _TIMES, POSITIONS)
_SAMPLED_TOGETHER = (_VELOCITIES, _ENERGY, _TEMPERATURE, _OUTSIDE)


@dataclass(frozen=True)
class System:
    """Copies of one molecule among the particles.

    mapping: of the molecule.
    potential: of the molecule; None before fit-potential.
    n_copies: how many there are, one after another.
    """

    mapping: BeadMapping
    potential: Potential | None
    n_copies: int


class FrameWriter:
    """Writes the frames of a run, a chunk at a time."""

    def __init__(self, content: ContentWriter, first: Snapshot) -> None:
        """Create the datasets, of the shapes of a first snapshot."""
        self._content = content
        rows = _rows(first)
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
        self._pending.append(_rows(snapshot))
        self.n_frames += 1
        if len(self._pending) == self._n_rows:
            self._flush()

    def finish(self) -> None:
        """Write the frames that wait, and link steps and times to all that share them."""
        self._flush()
        for path, stream in self._streams.items():
            self._content.end_stream(path, stream, _links(path))

    def _flush(self) -> None:
        for path, stream in self._streams.items() if self._pending else ():
            stream.append(np.stack([rows[path] for rows in self._pending]))
        self._pending.clear()
        self._content.check()


def _links(path: str) -> tuple[str, ...]:
    name = {_STEPS: "step", _TIMES: "time"}.get(path)
    groups = (value.rsplit("/", 1)[0] for value in _SAMPLED_TOGETHER)
    return () if name is None else tuple(f"{group}/{name}" for group in groups)


def _rows(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    """Give one row of each dataset; thermodynamics are means over the replicas."""
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


def write_structure(content: ContentWriter, systems: Sequence[System]) -> None:
    """Write the mapped mean structure of every molecule as the only frame, at time 0."""
    beads = [
        _number((system.mapping.encoder @ system.mapping.mean_structure).repeat(system.n_copies, 1))
        for system in systems
    ]
    frame = {
        _STEPS: np.zeros(1, dtype=np.int64),
        _TIMES: np.zeros(1),
        POSITIONS: np.concatenate(beads)[np.newaxis],
    }
    for path, array in frame.items():
        content.dataset(path, array, SCHEMA[path].unit)


def write_particles(content: ContentWriter, systems: Sequence[System]) -> None:
    """Write what H5MD tells of the particles beside their motion."""
    content.group("h5md/author")
    content.group("h5md/creator")
    content.attribute("h5md", "version", np.array([1, 1]))
    content.attribute("h5md/author", "name", np.bytes_("not stated"))
    content.attribute("h5md/creator", "name", np.bytes_("autograin"))
    content.attribute("h5md/creator", "version", np.bytes_(__version__))
    content.group(f"{BEADS}/box")
    content.attribute(f"{BEADS}/box", "dimension", np.int64(3))
    content.attribute(f"{BEADS}/box", "boundary", np.array([b"none"] * 3))
    content.dataset(f"{BEADS}/species", _species(systems), SCHEMA[f"{BEADS}/species"].unit)
    masses = [system.mapping.bead_masses for system in systems for _ in range(system.n_copies)]
    known = [_number(mass) for mass in masses if mass is not None]
    if len(known) == len(masses):
        content.dataset(f"{BEADS}/mass", np.concatenate(known), SCHEMA[f"{BEADS}/mass"].unit)
    _write_connectivity(content, systems)


def _species(systems: Sequence[System]) -> NDArray[Any]:
    """Number the types of beads; the names, 'molecule:type', are those of the enumeration."""
    names = [
        f"{system.mapping.molecule.name}:{bead_type}"
        for system in systems
        for bead_type in system.mapping.bead_types * system.n_copies
    ]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    dtype = h5py.enum_dtype(numbers, basetype=np.int64)
    return np.array([numbers[name] for name in names], dtype=dtype)


def _write_connectivity(content: ContentWriter, systems: Sequence[System]) -> None:
    for name, size in (("bonds", 2), ("angles", 3), ("dihedrals", 4)):
        path = f"connectivity/{name}"
        tuples = _tuples(systems, name.removesuffix("s"), size)
        content.dataset(path, tuples, SCHEMA[path].unit)
        content.reference(path, "particles_group", BEADS)


def _tuples(systems: Sequence[System], coordinate: str, size: int) -> NDArray[np.int64]:
    """Give the bonded particles of one kind, (tuples, size): bonds of the mapping, else terms."""
    found = [np.zeros((0, size), dtype=np.int64)]
    first = 0
    for system in systems:
        members = _members(system, coordinate, size)
        n_beads = system.mapping.n_beads
        offsets = first + n_beads * np.arange(system.n_copies, dtype=np.int64)
        found.append((offsets[:, np.newaxis, np.newaxis] + members).reshape(-1, size))
        first += n_beads * system.n_copies
    return np.concatenate(found)


def _members(system: System, coordinate: str, size: int) -> NDArray[np.int64]:
    if coordinate == "bond":
        return system.mapping.bead_bonds.cpu().numpy()
    terms = system.potential.terms if system.potential else ()
    beads = [term.beads.cpu().numpy() for term in terms if term.coordinate == coordinate]
    return np.concatenate([np.zeros((0, size), dtype=np.int64), *beads])


@dataclass(frozen=True)
class BeadTrajectory:
    """The frames of a simulation artifact, read again at every pass.

    path: of the artifact.
    n_frames: frames in all.
    n_atoms: replicas times beads.
    """

    path: Path
    n_frames: int
    n_atoms: int

    @property
    def has_forces(self) -> bool:
        """A simulation keeps no forces."""
        return False

    def chunks(self) -> Iterator[Chunk]:
        """Yield a few megabytes of frames at a time.

        Raises:
            FileAccessError: the file has gone.
            InputError: the file is damaged, or a position is not finite.
        """
        n_rows = max(1, PART_BYTES // max(1, self.n_atoms * 24))
        with opened(self.path) as file:
            for first in range(0, self.n_frames, n_rows):
                positions = torch.from_numpy(file[POSITIONS][first : first + n_rows])
                times = torch.from_numpy(file[_TIMES][first : first + n_rows])
                self._check_finite(positions, first)
                yield Chunk(positions=positions, times=times)

    def _check_finite(self, positions: torch.Tensor, first: int) -> None:
        wrong = (~positions.isfinite()).flatten(1).any(1).nonzero()
        if len(wrong):
            raise InputError(
                given=f"frame {first + int(wrong[0])} of {visible(str(self.path))} is not finite",
                expected="finite positions",
                remedy="simulate again",
            )
