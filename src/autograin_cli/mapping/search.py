"""The best mapping within reach of moves, merges and splits, where there are too many to list."""

from collections import deque

import torch
from torch import Tensor

from autograin_cli.mapping.moves import Improvement, connected
from autograin_cli.mapping.rounding import in_order
from autograin_cli.mapping.scoring import Objective, score
from autograin_cli.mapping.topology import Units
from autograin_cli.passes import State, part_of
from autograin_cli.steps import draw_on, draws, like, take_steps, within
from autograin_cli.trajectory import Keeper

_IMPROVEMENT = 1e-12


def local_search(
    target: Objective, units: Units, n_beads: int, starts: list[Tensor], rounds: int, seed: int
) -> Tensor:
    """Improve each start by moves, then the best by merges with splits: see `LocalSearch`."""
    search = LocalSearch(target, units, starts, (n_beads, rounds), seed)
    take_steps(search, None)
    return search.visited()


class LocalSearch:
    """Improves each start by moves, then the best by merges with splits and moves again.

    A step is a round of moves.
    """

    def __init__(
        self,
        target: Objective,
        units: Units,
        starts: list[Tensor],
        counts: tuple[int, int],
        seed: int,
    ) -> None:
        """Begin.

        Args:
            target: what is minimised.
            units: and their graph; every start must have connected beads.
            starts: labels of units, each (units,).
            counts: beads, and merges with splits that are tried in vain before the search ends.
            seed: of the choice of merges and splits.
        """
        self._target, self._units, self._starts = target, units, starts
        self._n_beads, self._rounds = counts
        self._generator = torch.Generator().manual_seed(seed)
        self._optima: list[Tensor] = []
        self._values: list[float] = []
        self._best = self._failures = 0
        self._now: Improvement | None = None

    @property
    def over(self) -> bool:
        """Whether no start is left, and nothing was found for a while."""
        if self._now is not None or len(self._optima) < len(self._starts):
            return False
        return self._failures >= self._rounds or not 1 < self._n_beads < self._units.count

    def step(self) -> None:
        """Make a round of moves, from the next start or proposal where the last one has ended."""
        if self._now is None:
            start = self._next_start()
            self._now = Improvement(self._target, self._units, start, self._n_beads)
        self._now.step()
        if self._now.over:
            self._found(self._now.labels)
            self._now = None

    def visited(self) -> Tensor:
        """The local optima, beads numbered by their first unit, (optima, units)."""
        return torch.stack([in_order(labels) for labels in self._optima]).unique(dim=0)

    def state(self) -> State:
        """Give what steps change."""
        now = self._now.state() if self._now is not None else {}
        none = torch.zeros(0, self._units.count, dtype=torch.int64)
        return {
            **{f"now/{name}": value for name, value in now.items()},
            "optima": torch.stack(self._optima) if self._optima else none,
            "values": torch.tensor(self._values, dtype=torch.float64),
            "best": torch.tensor(self._best),
            "failures": torch.tensor(self._failures),
            "draws": draws(self._generator),
        }

    def restore(self, n_steps: int, state: State) -> None:
        """Go on from another one."""
        optima, now = state["optima"], part_of(state, "now")
        self._optima = [connected(each, self._units, self._n_beads) for each in optima]
        values = torch.zeros(len(optima), dtype=torch.float64)
        self._values = like(state["values"], values).tolist()
        self._best = int(within(state["best"], (), max(0, len(optima) - 1)))
        self._failures = int(within(state["failures"], (), self._rounds))
        draw_on(self._generator, state["draws"])
        if now:
            self._now = Improvement(self._target, self._units, now["labels"], self._n_beads)
            self._now.restore(n_steps, now)

    def _next_start(self) -> Tensor:
        if len(self._optima) < len(self._starts):
            return self._starts[len(self._optima)]
        best = self._optima[self._best]
        return _merge_and_split(self._target, self._units, best, self._n_beads, self._generator)

    def _found(self, labels: Tensor) -> None:
        """Take a local optimum into account."""
        value = _value(self._target, labels, self._n_beads)
        lowest = self._values[self._best] if self._values else value
        from_start = len(self._optima) < len(self._starts)
        better = value < (lowest if from_start else lowest * (1 - _IMPROVEMENT))
        self._optima.append(labels)
        self._values.append(value)
        if better:
            self._best = len(self._optima) - 1
        if not from_start:
            self._failures = 0 if better else self._failures + 1


def improve(
    target: Objective, units: Units, labels: Tensor, n_beads: int, keeper: Keeper | None = None
) -> Tensor:
    """Move single units between neighbouring beads until no move lowers the objective.

    Args:
        target: what is minimised.
        units: and their graph.
        labels: bead of each unit, (units,); beads connected.
        n_beads: number of beads.
        keeper: keeps how far it is.

    Returns:
        Labels, (units,).
    """
    improvement = Improvement(target, units, labels, n_beads)
    take_steps(improvement, keeper)
    return improvement.labels


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
