"""The frames and atoms that the checks look at: few, spread, and in short runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from autograin_cli.molecules import Molecule
from autograin_cli.trajectory import Chunk

N_RUNS = 50
RUN = 4  # frames one after another, so that forces of a neighbouring frame are recognised
MOST_KEPT = 20_000  # atoms times frames: enough for a temperature within two percent
WIDE = 400_000  # where it matters which atoms there are: positions and forces take 19 MB
_MUCH_READ = 60_000  # atoms times frames: of larger frames fewer are read, so that it stays cheap
_MOST_READ = 10_000_000
_FEW_RUNS, _FEWEST_RUNS = 20, 5  # that are read beyond the one, and beyond the other
_BATCH = 200_000  # atoms of the frames that are read at a time


class Frames(Protocol):
    """Frames that can be read by their numbers."""

    @property
    def n_frames(self) -> int:
        """Frames in all."""

    @property
    def n_atoms(self) -> int:
        """Atoms in a frame."""

    @property
    def has_forces(self) -> bool:
        """Whether they carry forces."""

    def at(self, frames: Tensor) -> Chunk:
        """Read the frames with the given numbers, (frames,), int64, increasing."""


@dataclass(frozen=True)
class Sample:
    """Some frames of some molecules, and sums over all atoms of these frames.

    frames: numbers of the frames, (frames,), int64, increasing.
    times: ps, (frames,).
    positions: Å, (frames, atoms kept, 3).
    forces: kJ/(mol Å), (frames, atoms kept, 3); None where there are none.
    volumes: of the box, Å³, (frames,); None in vacuum.
    net: sum of the forces on all atoms, kJ/(mol Å), (frames, 3); None without forces.
    squares: sum of the squares of all forces, (kJ/(mol Å))², (frames,); None without forces.
    largest: largest size of a component of the force on each atom, kJ/(mol Å), (all atoms,).
    molecules: types of molecules; their copies index the atoms kept.
    atoms: numbers of the atoms kept, (atoms kept,), int64.
    """

    frames: Tensor
    times: Tensor
    positions: Tensor
    forces: Tensor | None
    volumes: Tensor | None
    net: Tensor | None
    squares: Tensor | None
    largest: Tensor | None
    molecules: tuple[Molecule, ...]
    atoms: Tensor

    @property
    def n_frames(self) -> int:
        """Frames in the sample."""
        return len(self.frames)

    def neighbours(self, offset: int) -> tuple[Tensor, Tensor]:
        """Places of frames k and k + offset where the sample holds both, (pairs,) each."""
        wanted = self.frames + offset
        places = torch.searchsorted(self.frames, wanted).clamp(max=self.n_frames - 1)
        found = (self.frames[places] == wanted).nonzero().flatten()
        return found, places[found]

    def spread(self) -> Tensor:
        """Places of frames that are evenly spaced in time, (frames,): the first of each run."""
        begins = torch.ones(self.n_frames, dtype=torch.bool)
        begins[1:] = self.frames.diff() > 1
        count = int(begins.sum())
        return begins.nonzero().flatten() if count > 1 else torch.arange(self.n_frames)


def spread_frames(n_frames: int, molecules: Sequence[Molecule]) -> Tensor:
    """Numbers of the frames to look at: all of a few, else short runs spread evenly.

    Args:
        n_frames: in all.
        molecules: types, of all atoms; where they are many, fewer frames are looked at.

    Returns:
        (frames,), int64, increasing.
    """
    n_kept = sum(molecule.n_atoms for molecule in molecules)
    n_read = sum(molecule.copies.numel() for molecule in molecules)
    n_runs = max(_FEW_RUNS, _MUCH_READ // (RUN * n_read))
    n_runs = max(_FEWEST_RUNS, min(n_runs, WIDE // (RUN * n_kept), _MOST_READ // (RUN * n_read)))
    n_runs = min(N_RUNS, n_runs)
    if n_frames <= n_runs * (RUN + 1):
        return torch.arange(n_frames)
    first = torch.linspace(0, n_frames - RUN, n_runs, dtype=torch.float64).floor().long()
    return (first[:, None] + torch.arange(RUN)).flatten().unique()


def take_sample(
    frames: Frames, molecules: Sequence[Molecule], numbers: Tensor, most: int = MOST_KEPT
) -> Sample:
    """Read some frames, a few at a time, and keep some copies of each type of molecule.

    Args:
        frames: of all atoms.
        molecules: types; their copies hold every atom once.
        numbers: of the frames, (frames,), int64, increasing.
        most: atoms times frames to keep, about; one copy of each type is kept in any case.

    Raises:
        InputError: a frame is damaged.
    """
    kept = _kept_copies(molecules, most // max(1, len(numbers)))
    atoms = torch.cat([m.copies.flatten() for m in kept])
    parts = numbers.split(max(1, _BATCH // max(1, frames.n_atoms)))
    read = [_reduced(frames.at(part), atoms) for part in parts]
    return Sample(
        frames=numbers,
        times=torch.cat([part.times for part in read]),
        positions=torch.cat([part.positions for part in read]),
        forces=_joined([part.forces for part in read]),
        volumes=_joined([part.volumes for part in read]),
        net=_joined([part.net for part in read]),
        squares=_joined([part.squares for part in read]),
        largest=_largest([part.largest for part in read]),
        molecules=_renumbered(kept),
        atoms=atoms,
    )


@dataclass(frozen=True)
class _Part:
    """Frames of one reading, with the fields of `Sample`."""

    times: Tensor
    positions: Tensor
    forces: Tensor | None
    volumes: Tensor | None
    net: Tensor | None
    squares: Tensor | None
    largest: Tensor | None


def _reduced(chunk: Chunk, atoms: Tensor) -> _Part:
    forces = chunk.forces
    flat = None if forces is None else forces.flatten(1)
    return _Part(
        times=chunk.times,
        positions=chunk.positions[:, atoms],
        forces=None if forces is None else forces[:, atoms],
        volumes=None if chunk.boxes is None else torch.linalg.det(chunk.boxes).abs(),
        net=None if forces is None else forces.sum(1),
        squares=None if flat is None else flat.square().sum(1),
        largest=None if flat is None else flat.abs().amax(0).reshape(-1, 3).amax(1),
    )


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    found = [part for part in parts if part is not None]
    return torch.cat(found) if found else None


def _largest(parts: Sequence[Tensor | None]) -> Tensor | None:
    found = [part for part in parts if part is not None]
    return torch.stack(found).amax(0) if found else None


def _kept_copies(molecules: Sequence[Molecule], most_atoms: int) -> list[Molecule]:
    """Keep copies spread over each type, at least one, of about so many atoms in all."""
    share = min(1.0, most_atoms / max(1, sum(m.copies.numel() for m in molecules)))
    kept = []
    for molecule in molecules:
        count = max(1, int(share * molecule.n_copies))
        chosen = torch.linspace(0, molecule.n_copies - 1, count).round().long().unique()
        kept.append(replace(molecule, copies=molecule.copies[chosen]))
    return kept


def _renumbered(molecules: Sequence[Molecule]) -> tuple[Molecule, ...]:
    """Let copies index the atoms kept, which stand type after type, copy after copy."""
    found, first = [], 0
    for molecule in molecules:
        count = molecule.copies.numel()
        copies = torch.arange(first, first + count).reshape(molecule.copies.shape)
        found.append(replace(molecule, copies=copies))
        first += count
    return tuple(found)
