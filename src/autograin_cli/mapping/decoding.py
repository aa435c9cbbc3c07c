"""Atoms from beads with the linear decoder of a mapping, and what is lost on the way."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import torch
from torch import Tensor

from autograin_cli.errors import InputError, SettingError
from autograin_cli.mapping.copies import map_copies
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.settings import ReadingSettings
from autograin_cli.trajectory import Chunk, take_frames

NEAR = 0.15  # of its length; a bond that is farther from it is no longer one to the eye
_NUMBERS = 2**19  # of the coordinates that are decoded at once
_CLOSE = 2e-7  # relative; times in single precision differ by less from what they stand for


@dataclass(frozen=True)
class Decoded:
    """What became of one type of molecule, summed over frames and copies.

    count: frames times copies.
    bonds: bonds that were decoded.
    sound: those within `NEAR` of their length in the frames that the mapping was made from.
    squares: squared distances of each atom from where it was, Å², (atoms,); None where only the
        beads were known.
    """

    count: int
    bonds: int
    sound: int
    squares: Tensor | None

    def __add__(self, other: "Decoded") -> "Decoded":
        """Sums over the frames of both."""
        known = self.squares is not None and other.squares is not None
        return Decoded(
            count=self.count + other.count,
            bonds=self.bonds + other.bonds,
            sound=self.sound + other.sound,
            squares=self.squares + other.squares if known else None,  # type: ignore[operator]
        )

    @property
    def sound_share(self) -> float | None:
        """Share of the bonds that kept their length; None where there are no bonds."""
        return self.sound / self.bonds if self.bonds else None

    @property
    def loss(self) -> float | None:
        """Mean square distance of atoms from where they were, L_AE of these frames, Å²."""
        return None if self.squares is None else float(self.squares.mean()) / self.count

    @property
    def errors(self) -> Tensor | None:
        """Root mean square distance of each atom from where it was, Å, (atoms,)."""
        return None if self.squares is None else (self.squares / self.count).sqrt()


@dataclass(frozen=True)
class Tally:
    """What was decoded so far.

    n_frames: frames.
    molecules: one for each mapping; empty before the first frame.
    """

    n_frames: int = 0
    molecules: tuple[Decoded, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        """Sums over the frames of both."""
        parts = zip(self.molecules, other.molecules, strict=True) if self.molecules else ()
        joined = tuple(before + after for before, after in parts)
        return Tally(self.n_frames + other.n_frames, joined or other.molecules)


def laid_out(mappings: Sequence[Mapping], counts: Sequence[int]) -> tuple[Mapping, ...]:
    """Say where the atoms of so many copies of each type of molecule stand in a decoded frame.

    As in the trajectory that was mapped if there are as many copies, so that its topology goes
    with the decoded frames; else type after type, copy after copy.

    Args:
        mappings: of the types of molecules.
        counts: copies of each.

    Returns:
        The mappings, with these copies.
    """
    same = [mapping.molecule.n_copies for mapping in mappings] == list(counts)
    places = torch.cat([mapping.molecule.copies.flatten() for mapping in mappings])
    if same and torch.equal(places.sort().values, torch.arange(len(places))):
        return tuple(mappings)
    found, first = [], 0
    for mapping, count in zip(mappings, counts, strict=True):
        size = mapping.molecule.n_atoms
        copies = first + torch.arange(count * size).reshape(count, size)
        found.append(replace(mapping, molecule=replace(mapping.molecule, copies=copies)))
        first += count * size
    return tuple(found)


def decode(beads: Tensor, mappings: Sequence[Mapping]) -> Tensor:
    """Atoms x = D z of every copy of every type of molecule.

    Rows of D sum to 1, so that x follows every shift and rotation of z.

    Args:
        beads: z, Å, (frames, beads, 3), type after type, copy after copy.
        mappings: of the types of molecules, whose copies are all atoms of a frame.

    Returns:
        Å, (frames, atoms, 3).

    Source: the decoder of eq. (1) of arXiv:1812.02706; docs/method.md, "The decoder in closed
    form".
    """
    n_atoms = sum(mapping.molecule.copies.numel() for mapping in mappings)
    atoms, first = beads.new_empty(len(beads), n_atoms, 3), 0
    for mapping in mappings:
        n_copies, n_beads = mapping.molecule.n_copies, mapping.n_beads
        members = first + torch.arange(n_copies * n_beads).reshape(n_copies, n_beads)
        atoms[:, mapping.molecule.copies] = map_copies(mapping.decoder, beads, members)
        first += n_copies * n_beads
    return atoms


@dataclass(frozen=True)
class Decoding:
    """Decodes frames as they come, and keeps the sums over those that have passed.

    mappings: of the types of molecules, whose copies are all atoms of a frame.
    sums: the tally so far, once a frame has passed.
    """

    mappings: tuple[Mapping, ...]
    sums: list[Tally] = field(default_factory=list)

    @property
    def tally(self) -> Tally:
        """What was decoded so far."""
        return self.sums[0] if self.sums else Tally()

    @property
    def n_atoms(self) -> int:
        """Atoms of a frame."""
        return sum(mapping.molecule.copies.numel() for mapping in self.mappings)

    def of_beads(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield the atoms of frames of beads, which stand type after type, copy after copy."""
        for chunk in _small(chunks, self.n_atoms):
            yield self._decoded(chunk.positions, None, chunk)

    def of_atoms(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield frames of atoms, molecules whole, as they are once encoded and decoded."""
        for chunk in _small(chunks, self.n_atoms):
            beads = [each.map_positions(chunk.positions).flatten(1, 2) for each in self.mappings]
            yield self._decoded(torch.cat(beads, dim=1), chunk.positions, chunk)

    def _decoded(self, beads: Tensor, given: Tensor | None, chunk: Chunk) -> Chunk:
        atoms = decode(beads, self.mappings)
        parts = tuple(_compared(atoms, given, mapping) for mapping in self.mappings)
        self.sums[:] = [self.tally + Tally(chunk.n_frames, parts)]
        return Chunk(atoms, chunk.times, chunk.boxes)


def _small(chunks: Iterable[Chunk], n_atoms: int) -> Iterator[Chunk]:
    """Cut chunks so that the memory of the atoms is bounded, too."""
    length = max(1, _NUMBERS // (3 * n_atoms))
    for chunk in chunks:
        for rows in torch.arange(chunk.n_frames).split(length):
            yield take_frames(chunk, rows)


def _compared(decoded: Tensor, given: Tensor | None, mapping: Mapping) -> Decoded:
    """Compare decoded atoms with those given, and their bonds with what they should be."""
    copies, bonds = mapping.molecule.copies, mapping.molecule.bonds
    found = decoded[:, copies]
    lengths = (found[:, :, bonds[:, 0]] - found[:, :, bonds[:, 1]]).norm(dim=-1)
    expected = _lengths(mapping)
    squares = None
    if given is not None:
        squares = (found - given[:, copies]).square().sum((0, 1, 3))
    return Decoded(
        count=found.shape[0] * found.shape[1],
        bonds=lengths.numel(),
        sound=int(((lengths - expected).abs() <= NEAR * expected).sum()),
        squares=squares,
    )


def _lengths(mapping: Mapping) -> Tensor:
    """Lengths that the bonds should have, Å, (bonds,).

    The mean structure stands in where they were not stored. It shortens what turns or inverts:
    the NH bonds of aniline to less than half.
    """
    if mapping.bond_lengths is not None:
        return mapping.bond_lengths
    first, second = mapping.mean_structure[mapping.molecule.bonds].unbind(1)
    return (first - second).norm(dim=-1)


def one_replica(chunks: Iterable[Chunk], number: int, replicas: int) -> Iterator[Chunk]:
    """Yield the beads of one of the replicas that stand one after another in every frame.

    Args:
        chunks: of all replicas.
        number: of the replica, from 1.
        replicas: how many there are.

    Raises:
        SettingError: there is no replica of that number.
    """
    if number > replicas:
        raise SettingError(
            given=f"--replica {number}",
            expected=f"a number from 1 to {replicas}, the replicas of the simulation"
            if replicas > 1
            else "1: these frames are of one system",
            remedy="give one of these numbers, or leave --replica out",
        )
    for chunk in chunks:
        n_beads = chunk.positions.shape[1] // replicas
        beads = chunk.positions[:, (number - 1) * n_beads : number * n_beads]
        yield Chunk(beads, chunk.times, chunk.boxes)


def in_window(chunks: Iterable[Chunk], chosen: ReadingSettings) -> Iterator[Chunk]:
    """Yield every so many frames from a first time to before a last one.

    Args:
        chunks: frames.
        chosen: begin, end and stride.

    Raises:
        InputError: no frame is left.
    """
    low = -inf if chosen.begin is None else chosen.begin
    high = inf if chosen.end is None else chosen.end
    n_inside, ends = 0, list[float]()
    for chunk in chunks:
        times = chunk.times + _CLOSE * chunk.times.abs()
        inside = ((times >= low) & (times < high)).nonzero().flatten()
        rows = inside[(n_inside + torch.arange(len(inside))) % chosen.stride == 0]
        n_inside += len(inside)
        ends = [*ends[:1], *chunk.times[[0, -1]].tolist()]
        if len(rows):
            yield take_frames(chunk, rows)
    if not n_inside:
        found = f"frames at {ends[0]:g} to {ends[-1]:g} ps" if ends else "at least one frame"
        raise InputError(
            given=f"no frame from {_bound(chosen.begin)} to before {_bound(chosen.end)}",
            expected=found,
            remedy="correct --begin and --end",
        )


def _bound(time: float | None) -> str:
    return "no bound" if time is None else f"{time:g} ps"
