"""Moves of single units between neighbouring beads that lower an objective."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograin_cli.mapping.autoencoder import one_hot
from autograin_cli.mapping.enumeration import neighbour_masks
from autograin_cli.mapping.partitions import is_connected
from autograin_cli.mapping.scoring import Objective, Sums, scores, sums
from autograin_cli.mapping.topology import Units
from autograin_cli.passes import State
from autograin_cli.steps import within

_IMPROVEMENT = 1e-12
_CANDIDATE_ELEMENTS = 2**22


class Improvement:
    """Moves units, best moves first, until none lowers the objective; a step is a round of moves.

    labels: bead of each unit, (units,).
    value: objective, Å².
    over: whether no move lowers it.
    """

    def __init__(self, target: Objective, units: Units, labels: Tensor, n_beads: int) -> None:
        """Begin at labels of units, (units,), with connected beads."""
        self._target, self._units, self._n_beads = target, units, n_beads
        self._near = neighbour_masks(units)
        self.labels, self.over = labels.clone(), False
        self.value = _Mapped.of(target, labels, n_beads).value

    def step(self) -> None:
        """Look at all moves, and make those that gain."""
        # The value is that of the last move made: it only falls, so that the rounds end.
        mapped = replace(_Mapped.of(self._target, self.labels, self._n_beads), value=self.value)
        moves = _moves(self._units, self._near, self.labels)
        promising = []
        if moves:
            gains = self.value - mapped.values_after(moves)
            order = gains.argsort(descending=True)
            promising = [moves[i] for i in order.tolist() if gains[i] > _IMPROVEMENT * self.value]
        mapped, moved = _take(promising, self._near, mapped)
        self.labels, self.value, self.over = mapped.labels, mapped.value, not moved

    def state(self) -> State:
        """Give what steps change."""
        value = torch.tensor(self.value, dtype=torch.float64)
        return {"labels": self.labels, "value": value, "over": torch.tensor(self.over)}

    def restore(self, _: int, state: State) -> None:
        """Go on from another one; how many steps it took plays no part."""
        self.labels = connected(state["labels"], self._units, self._n_beads)
        self.value, self.over = float(state["value"]), bool(state["over"])


def connected(labels: Tensor, units: Units, n_beads: int) -> Tensor:
    """Give the labels of a state, which have to be those of beads that are connected.

    Raises:
        ValueError: they are not.
    """
    near, members = neighbour_masks(units), [0] * n_beads
    for unit, bead in enumerate(within(labels, (units.count,), n_beads - 1).tolist()):
        members[bead] |= 1 << unit
    if not all(is_connected(bead, near) for bead in members):
        raise ValueError("beads that are not connected")
    return labels


def _take(
    promising: list[tuple[int, int]], near: list[int], mapped: "_Mapped"
) -> tuple["_Mapped", bool]:
    """Make the moves, best first, that are still allowed and still gain."""
    moved = False
    for unit, bead in promising:
        if not _allowed(unit, near, mapped.labels) or not _touches(unit, bead, near, mapped.labels):
            continue
        value = float(mapped.values_after([(unit, bead)])[0])
        if value < mapped.value * (1 - _IMPROVEMENT):
            mapped = mapped.after(unit, bead, value)
            moved = True
    return mapped, moved


@dataclass(frozen=True)
class _Mapped:
    """A mapping with the sums that moves change: rows[k] is shares times a matrix."""

    target: Objective
    labels: Tensor
    beads: Sums
    rows: tuple[Tensor, ...]
    value: float

    @classmethod
    def of(cls, target: Objective, labels: Tensor, n_beads: int) -> "_Mapped":
        """Sum up a mapping."""
        shares = one_hot(labels, n_beads)
        rows = tuple(shares @ matrix for matrix in _matrices(target))
        beads = sums(target, shares)
        return cls(target, labels, beads, rows, float(scores(target, beads).objective))

    def values_after(self, moves: list[tuple[int, int]]) -> Tensor:
        """Objective after each of some moves, each made alone, (moves,)."""
        unit = torch.tensor([move[0] for move in moves])
        to = torch.tensor([move[1] for move in moves])
        size = max(1, _CANDIDATE_ELEMENTS // self.beads.gram.numel())
        parts = zip(unit.split(size), to.split(size), strict=True)
        return torch.cat([scores(self.target, self._sums_after(u, t)).objective for u, t in parts])

    def after(self, unit: int, bead: int, value: float) -> "_Mapped":
        """The mapping with one unit moved."""
        moved = self._sums_after(torch.tensor([unit]), torch.tensor([bead]))
        beads = Sums(*(getattr(moved, name)[0] for name in Sums.__dataclass_fields__))
        old = int(self.labels[unit])
        rows = tuple(row.clone() for row in self.rows)
        for row, matrix in zip(rows, _matrices(self.target), strict=True):
            row[old] -= matrix[unit]
            row[bead] += matrix[unit]
        labels = self.labels.clone()
        labels[unit] = bead
        return replace(self, labels=labels, beads=beads, rows=rows, value=value)

    def _sums_after(self, unit: Tensor, to: Tensor) -> Sums:
        """Sums after each of some moves: with d = e_to - e_from, Q + d tᵀ + t dᵀ + q d dᵀ."""
        n_beads = self.beads.masses.shape[0]
        change = (one_hot(to, n_beads) - one_hot(self.labels[unit], n_beads)).T
        gram, squared, mixed, forces = _matrices(self.target)
        row = [matrix[:, unit].T for matrix in self.rows]
        own = [matrix[unit, unit][:, None] for matrix in (gram, squared, mixed, forces)]
        crossed = [change[:, :, None] * r[:, None, :] for r in row[:2]]
        pair = change[:, :, None] * change[:, None, :]
        return Sums(
            gram=self.beads.gram + crossed[0] + crossed[0].mT + own[0][..., None] * pair,
            squared=self.beads.squared + crossed[1] + crossed[1].mT + own[1][..., None] * pair,
            mixed=self.beads.mixed + 2 * change * row[2] + own[2] * change**2,
            forces=self.beads.forces + 2 * change * row[3] + own[3] * change**2,
            masses=self.beads.masses + change * self.target.masses[unit][:, None],
            sizes=self.beads.sizes + change * self.target.sizes[unit][:, None],
        )


def _matrices(target: Objective) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The matrices of an objective, in the order of `Sums`."""
    return target.gram, target.squared, target.mixed, target.forces


def _moves(units: Units, near: list[int], labels: Tensor) -> list[tuple[int, int]]:
    """Moves of one unit to a neighbouring bead that leave its own connected and not empty."""
    bead_of = labels.tolist()
    moves = []
    for unit, around in enumerate(units.neighbours):
        beads = {bead_of[v] for v in around} - {bead_of[unit]}
        if beads and _allowed(unit, near, labels):
            moves += [(unit, bead) for bead in sorted(beads)]
    return moves


def _allowed(unit: int, near: list[int], labels: Tensor) -> bool:
    """Whether the bead of a unit stays connected and not empty without it."""
    members = (labels == labels[unit]).nonzero().flatten().tolist()
    return is_connected(sum(1 << v for v in members) & ~(1 << unit), near)


def _touches(unit: int, bead: int, near: list[int], labels: Tensor) -> bool:
    """Whether a unit has a neighbour in a bead."""
    return any(near[unit] >> v & 1 for v in (labels == bead).nonzero().flatten().tolist())
