"""Connected partitions of a graph, one by one: what can be listed is where a search ends.

Sets of vertices are bit masks in plain integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autograin_cli.passes import State

_LOOKS = 20_000  # at subsets in a step
_WORD = 62  # bits of a mask in a number of a state


@dataclass(frozen=True)
class _Level:
    """One part that is being chosen.

    rest: vertices that are in no part yet.
    n_left: parts that they make.
    parts: those before it.
    stack: subsets to look at, with their borders and the vertices passed over for good.
    """

    rest: int
    n_left: int
    parts: tuple[int, ...]
    stack: list[tuple[int, int, int]]


class Partitions:
    """Lists the ways to part a connected graph into 1, 2, ... connected parts.

    A step looks at some subsets. Each is reached once: a vertex passed over is never taken later
    on the same path. A branch is left where what remains, less what was passed over for good,
    cannot be parted.

    found: those in 1 part, in 2 parts and so on, as bit masks; the first part holds vertex 0.
    too_many: whether there are more than the limit; they are not to be used then.
    """

    def __init__(self, near: list[int], most_parts: int, limit: int) -> None:
        """Begin.

        Args:
            near: bit mask of the neighbours of each vertex.
            most_parts: where the listing ends.
            limit: of the partitions into one number of parts, beyond which it ends too.
        """
        self._near, self._limit, self._most_parts = near, limit, most_parts
        self._all = (1 << len(near)) - 1
        self.found: list[list[tuple[int, ...]]] = []
        self.too_many = False
        self._levels: list[_Level] = []

    @property
    def over(self) -> bool:
        """Whether all are listed, or there are too many."""
        return self.too_many or (not self._levels and len(self.found) == self._most_parts)

    def step(self) -> None:
        """Look at some subsets."""
        if not self._levels:
            self.found.append([])
            self._begin(self._all, len(self.found), ())
        looks = _LOOKS
        while self._levels and looks:
            if self._levels[-1].stack:
                self._look(self._levels[-1])
                looks -= 1
            else:
                self._levels.pop()
        self.too_many = len(self.found[-1]) > self._limit

    def _begin(self, rest: int, n_left: int, parts: tuple[int, ...]) -> None:
        """Part what is left: its lowest vertex is in the next part."""
        if n_left > 1:
            lowest = rest & -rest
            first = (lowest, self._near[lowest.bit_length() - 1] & rest, 0)
            self._levels.append(_Level(rest, n_left, parts, [first]))
        elif is_connected(rest, self._near):
            self.found[-1].append((*parts, rest))

    def _look(self, level: _Level) -> None:
        """Look at a subset: leave it, let it grow or not, or take it as a part."""
        near, n_others = self._near, level.n_left - 1
        part, border, passed = level.stack.pop()
        left = level.rest & ~part
        if left.bit_count() < n_others or _stranded(left, passed, near) > n_others:
            return
        border &= ~(part | passed)
        if border:
            vertex = border & -border
            level.stack.append((part, border, passed | vertex))
            grown = border | near[vertex.bit_length() - 1] & level.rest
            level.stack.append((part | vertex, grown, passed))
        elif _count_components(left, near) <= n_others:
            self._begin(left, n_others, (*level.parts, part))

    def state(self) -> State:
        """Give what steps change."""
        if self.too_many:
            return {"too_many": torch.tensor(True)}
        state = {
            f"found/{number:06d}": self._words([part for parts in found for part in parts])
            for number, found in enumerate(self.found)
        }
        for number, level in enumerate(self._levels):
            masks = [level.rest, *level.parts, *(mask for three in level.stack for mask in three)]
            state[f"levels/{number:06d}"] = self._words(masks)
        return state

    def restore(self, _: int, state: State) -> None:
        """Go on from another one; how many steps it took plays no part."""
        self.too_many = "too_many" in state
        found = [state[name] for name in sorted(state) if name.startswith("found/")]
        levels = [state[name] for name in sorted(state) if name.startswith("levels/")]
        if len(found) > self._most_parts or len(levels) >= max(1, len(found)):
            raise ValueError(f"partitions into {len(found)} parts, {len(levels)} begun")
        self.found = [_grouped(self._masks(words), number) for number, words in enumerate(found, 1)]
        for parts in (parts for each in self.found for parts in each):
            self._check(parts)
        self._levels = [
            self._level(self._masks(words), number) for number, words in enumerate(levels)
        ]

    def _level(self, masks: list[int], number: int) -> _Level:
        rest, parts, stack = masks[0], tuple(masks[1 : number + 1]), masks[number + 1 :]
        self._check((rest, *parts))
        if any(mask & ~rest for mask in stack) or not all(stack[::3]):
            raise ValueError("subsets that hold other vertices, or none")
        triples = [(a, b, c) for a, b, c in _grouped(stack, 3)]
        return _Level(rest, len(self.found) - number, parts, triples)

    def _check(self, parts: tuple[int, ...]) -> None:
        """Refuse sets that are empty, share a vertex or lack one."""
        if not all(parts) or sum(parts) != self._all or max(parts) > self._all:
            raise ValueError("parts that are not those of the graph")
        if sum(part.bit_count() for part in parts) != len(self._near):
            raise ValueError("parts that share vertices")

    def _words(self, masks: Sequence[int]) -> Tensor:
        """Masks as numbers of a state, (masks, words)."""
        shifts = range(0, len(self._near), _WORD)
        rows = [[mask >> shift & (1 << _WORD) - 1 for shift in shifts] for mask in masks]
        return torch.tensor(rows, dtype=torch.int64).reshape(-1, len(shifts))

    def _masks(self, words: Tensor) -> list[int]:
        """Masks from the numbers of a state."""
        if words.ndim != 2 or words.dtype != torch.int64 or bool((words < 0).any()):
            raise ValueError(f"masks of type {words.dtype}")
        return [sum(word << _WORD * n for n, word in enumerate(row)) for row in words.tolist()]


def _grouped(masks: list[int], size: int) -> list[tuple[int, ...]]:
    """So many masks at a time."""
    return list(zip(*(masks[first::size] for first in range(size)), strict=True))


def _stranded(left: int, passed: int, near: list[int]) -> int:
    """Components of what is left that hold a vertex passed over: none of them can be taken."""
    count = 0
    while passed:
        reached = _reach(passed & -passed, left, near)
        passed &= ~reached
        count += 1
    return count


def _count_components(vertices: int, near: list[int]) -> int:
    """Connected components of a set of vertices."""
    count = 0
    while vertices:
        vertices &= ~_reach(vertices & -vertices, vertices, near)
        count += 1
    return count


def is_connected(vertices: int, near: list[int]) -> bool:
    """Whether a set of vertices is connected and not empty."""
    return vertices != 0 and _reach(vertices & -vertices, vertices, near) == vertices


def _reach(start: int, within: int, near: list[int]) -> int:
    """Vertices of `within` that can be reached from `start`."""
    reached = frontier = start
    while frontier:
        vertex = frontier & -frontier
        frontier ^= vertex
        new = near[vertex.bit_length() - 1] & within & ~reached
        reached |= new
        frontier |= new
    return reached
