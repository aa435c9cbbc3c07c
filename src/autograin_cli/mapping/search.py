"""The best mapping within reach of moves, merges and splits, where there are too many to list."""

from collections import deque
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograin_cli.mapping.autoencoder import one_hot
from autograin_cli.mapping.enumeration import is_connected, neighbour_masks
from autograin_cli.mapping.rounding import in_order
from autograin_cli.mapping.scoring import Objective, Sums, score, scores, sums
from autograin_cli.mapping.topology import Units

_IMPROVEMENT = 1e-12
_CANDIDATE_ELEMENTS = 2**22


def local_search(
    target: Objective, units: Units, n_beads: int, starts: list[Tensor], rounds: int, seed: int
) -> Tensor:
    """Improve each start by moves, then the best by merges with splits and moves again.

    Args:
        target: what is minimised.
        units: and their graph; every start must have connected beads.
        n_beads: number of beads.
        starts: labels of units, each (units,).
        rounds: merges with splits that are tried in vain before the search ends.
        seed: of the choice of merges and splits.

    Returns:
        The local optima that were visited, beads numbered by their first unit, (optima, units).
    """
    generator = torch.Generator().manual_seed(seed)
    optima = [improve(target, units, start, n_beads) for start in starts]
    values = [_value(target, labels, n_beads) for labels in optima]
    best = optima[values.index(min(values))]
    lowest, failures = min(values), 0
    while failures < rounds and n_beads > 1 and units.count > n_beads:
        proposal = _merge_and_split(target, units, best, n_beads, generator)
        labels = improve(target, units, proposal, n_beads)
        value = _value(target, labels, n_beads)
        failures += 1
        if value < lowest * (1 - _IMPROVEMENT):
            best, lowest, failures = labels, value, 0
        optima.append(labels)
    return torch.stack([in_order(labels) for labels in optima]).unique(dim=0)


def improve(target: Objective, units: Units, labels: Tensor, n_beads: int) -> Tensor:
    """Move single units between neighbouring beads until no move lowers the objective.

    Args:
        target: what is minimised.
        units: and their graph.
        labels: bead of each unit, (units,); beads connected.
        n_beads: number of beads.

    Returns:
        Labels, (units,).
    """
    near = neighbour_masks(units)
    state = _State.of(target, labels.clone(), n_beads)
    while True:
        moves = _moves(units, near, state.labels)
        if not moves:
            return state.labels
        gains = state.value - state.values_after(moves)
        order = gains.argsort(descending=True)
        promising = [moves[i] for i in order.tolist() if gains[i] > _IMPROVEMENT * state.value]
        state, moved = _take(promising, near, state)
        if not moved:
            return state.labels


def _take(
    promising: list[tuple[int, int]], near: list[int], state: "_State"
) -> tuple["_State", bool]:
    """Make the moves, best first, that are still allowed and still gain."""
    moved = False
    for unit, bead in promising:
        if not _allowed(unit, near, state.labels) or not _touches(unit, bead, near, state.labels):
            continue
        value = float(state.values_after([(unit, bead)])[0])
        if value < state.value * (1 - _IMPROVEMENT):
            state = state.after(unit, bead, value)
            moved = True
    return state, moved


@dataclass(frozen=True)
class _State:
    """A mapping with the sums that moves change: rows[k] is shares times a matrix."""

    target: Objective
    labels: Tensor
    beads: Sums
    rows: tuple[Tensor, ...]
    value: float

    @classmethod
    def of(cls, target: Objective, labels: Tensor, n_beads: int) -> "_State":
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

    def after(self, unit: int, bead: int, value: float) -> "_State":
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


def _merge_and_split(
    target: Objective, units: Units, labels: Tensor, n_beads: int, generator: torch.Generator
) -> Tensor:
    """Merge two neighbouring beads and split one, chosen at random, in two connected halves."""
    touching = [
        (u, v) for u, around in enumerate(units.neighbours) for v in around if labels[u] < labels[v]
    ]
    pick = touching[int(torch.randint(len(touching), (1,), generator=generator))]
    kept, freed = int(labels[pick[0]]), int(labels[pick[1]])
    merged = torch.where(labels == freed, kept, labels)
    sizes = torch.bincount(merged, minlength=n_beads)
    large = (sizes > 1).nonzero().flatten()
    chosen = large[int(torch.randint(len(large), (1,), generator=generator))]
    members = (merged == chosen).nonzero().flatten()
    first = members[int(torch.randint(len(members), (1,), generator=generator))]
    means = target.gram[members, first] / (target.masses[members] * target.masses[first])
    second = members[members != first][means[members != first].argmin()]
    far = _grow(units, {int(first): 0, int(second): 1}, set(members.tolist()))
    return torch.tensor([freed if far.get(u) == 1 else b for u, b in enumerate(merged.tolist())])


def _grow(units: Units, seeds: dict[int, int], within: set[int]) -> dict[int, int]:
    """Give every unit that can be reached the label of the nearest seed along the graph."""
    label = dict(seeds)
    queue = deque(seeds)
    while queue:
        unit = queue.popleft()
        for neighbour in sorted(units.neighbours[unit]):
            if neighbour in within and neighbour not in label:
                label[neighbour] = label[unit]
                queue.append(neighbour)
    return label


def random_mapping(units: Units, n_beads: int, generator: torch.Generator) -> Tensor:
    """Connected beads grown from random units of a connected graph, (units,)."""
    chosen = torch.randperm(units.count, generator=generator)[:n_beads].tolist()
    label = _grow(units, {unit: bead for bead, unit in enumerate(chosen)}, set(range(units.count)))
    return torch.tensor([label[unit] for unit in range(units.count)])


def agglomerate(target: Objective, units: Units, n_beads: int) -> Tensor:
    """Merge neighbouring beads, the pair first that raises the compactness least, (units,).

    Source: the criterion of Ward, J. Am. Stat. Assoc. 58, 236 (1963), along the bond graph.
    """
    spread = target.gram.diagonal() / target.masses**2
    crossed = target.gram / (target.masses[:, None] * target.masses)
    distance = spread[:, None] + spread - 2 * crossed
    labels = torch.arange(units.count)
    near = [set(around) for around in units.neighbours]
    sizes = target.sizes.clone()
    alive = set(range(units.count))
    while len(alive) > n_beads:
        pairs = [(i, j) for i in alive for j in near[i] if i < j]
        left, right = torch.tensor(pairs).T
        cost = distance[left, right] * sizes[left] * sizes[right] / (sizes[left] + sizes[right])
        keep, drop = pairs[int(cost.argmin())]
        merged = _merged_distances(distance, sizes, keep, drop)
        distance[keep], distance[:, keep] = merged, merged
        sizes[keep] += sizes[drop]
        labels[labels == drop] = keep
        near[keep] = (near[keep] | near[drop]) - {keep, drop}
        for other in near[drop] - {keep}:
            near[other] = (near[other] - {drop}) | {keep}
        alive.remove(drop)
    return labels.unique(return_inverse=True)[1]


def _merged_distances(distance: Tensor, sizes: Tensor, keep: int, drop: int) -> Tensor:
    """Squared distances of all centroids from that of two clusters merged, (units,).

    Source: Lance and Williams, Comput. J. 9, 373 (1967).
    """
    share = sizes[keep] / (sizes[keep] + sizes[drop])
    apart = share * (1 - share) * distance[keep, drop]
    return share * distance[keep] + (1 - share) * distance[drop] - apart


def _value(target: Objective, labels: Tensor, n_beads: int) -> float:
    """Objective of one mapping, Å²."""
    return float(score(target, labels, n_beads).objective)
