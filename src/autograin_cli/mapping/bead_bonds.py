"""Bonds of beads that another program moved, against those that beads of the reference had."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from torch import Tensor

from autograin_cli.geometry import bond_lengths
from autograin_cli.mapping.mapping import Mapping
from autograin_cli.trajectory import Chunk


@dataclass(frozen=True)
class BondRange:
    """Lengths that bonds of one kind had in the reference.

    molecule: number of the type of molecule.
    name: such as 'bond A-B'.
    beads: of each bond, in the molecule, (bonds, 2), int64.
    low, high: Å.
    """

    molecule: int
    name: str
    beads: Tensor
    low: float
    high: float


@dataclass(frozen=True)
class BondLengths:
    """What lengths bonds of one kind had.

    count: bonds, in all copies and frames.
    outside: those outside of the range.
    least, largest: Å.
    """

    count: int = 0
    outside: int = 0
    least: float = inf
    largest: float = 0.0

    def __add__(self, other: "BondLengths") -> "BondLengths":
        """Of the frames of both."""
        return BondLengths(
            count=self.count + other.count,
            outside=self.outside + other.outside,
            least=min(self.least, other.least),
            largest=max(self.largest, other.largest),
        )

    @property
    def share_outside(self) -> float:
        """Share of the bonds outside of the range."""
        return self.outside / self.count if self.count else 0.0


@dataclass(frozen=True)
class BondWatch:
    """Measures the bonds of beads as frames pass.

    mappings: of the types of molecules, with the copies of a frame.
    ranges: of the bonds to measure.
    sums: what was measured so far, one for each range, once a frame has passed.
    """

    mappings: Sequence[Mapping]
    ranges: tuple[BondRange, ...]
    sums: list[BondLengths] = field(default_factory=list)

    def over(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Yield frames of beads, which stand type after type, copy after copy, as they are."""
        for chunk in chunks:
            found = [self._lengths(chunk.positions, each) for each in self.ranges]
            before = self.sums or [BondLengths() for _ in found]
            self.sums[:] = [one + other for one, other in zip(before, found, strict=True)]
            yield chunk

    def _lengths(self, beads: Tensor, each: BondRange) -> BondLengths:
        sizes = [mapping.n_beads * mapping.molecule.n_copies for mapping in self.mappings]
        first, n_beads = sum(sizes[: each.molecule]), self.mappings[each.molecule].n_beads
        copies = beads[:, first : first + sizes[each.molecule]].unflatten(1, (-1, n_beads))
        lengths = bond_lengths(copies, each.beads)
        outside = (lengths < each.low) | (lengths > each.high)
        return BondLengths(
            count=lengths.numel(),
            outside=int(outside.sum()),
            least=float(lengths.min()),
            largest=float(lengths.max()),
        )
