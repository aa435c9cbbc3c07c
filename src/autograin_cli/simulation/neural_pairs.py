"""Pairs of beads for a network: found with room to move, cut to its cutoff at every step."""

from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from autograin_cli.compilation import is_cached
from autograin_cli.elementary import MATH
from autograin_cli.kernel_arrays import Floats, Integers
from autograin_cli.potential.force_field import heights
from autograin_cli.potential.neural import convolution_kernels
from autograin_cli.potential.neural.graphs import near
from autograin_cli.potential.neural.network import Graph
from autograin_cli.potential.pair_search import Pairs
from autograin_cli.system import System

SKIN = 1.2  # Å; of 1000 beads at ten steps of 10 fs it is the cheapest, and flat around it
_SMALL = 32  # beads of a molecule alone, all pairs of which are listed once


def compiled() -> bool:
    """Whether machine code of what a step needs of networks lies in the compiler's cache."""
    pairs = all(is_cached(one, __file__) for one in (keep_near, farthest))
    used = (convolution_kernels.convolve, convolution_kernels.pull_back)
    return pairs and all(is_cached(one, str(convolution_kernels.__file__)) for one in used)


class Listed(NamedTuple):
    """Pairs that may come within the cutoff, those inside molecules first.

    first, second: the beads, (pairs,), int64.
    shifts: from the second bead to the image of it that is near, Å, (pairs, 3).
    n_inside: pairs inside molecules.
    """

    first: Integers
    second: Integers
    shifts: Floats
    n_inside: int


class Kept(NamedTuple):
    """Room for the pairs within the cutoff.

    first, second: the beads, (room,), int64.
    apart: from the first to the second, Å, (room, 3).
    """

    first: Integers
    second: Integers
    apart: Floats


class PairList:
    """The graph of some frames of a system, which are copies that do not feel one another.

    It is made anew only when a bead has moved half the skin since it was. A graph shares memory
    with the next one.
    """

    def __init__(
        self,
        system: System,
        type_names: tuple[str, ...],
        box: Tensor | None,
        n_frames: int,
        cutoff: float,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Prepare for frames.

        Args:
            system: the beads of a frame.
            type_names: types that the network knows, in its order.
            box: Å, (3, 3), rows are the box vectors, of every frame; None in vacuum.
            n_frames: how many frames.
            cutoff: Å.
            dtype: of the distances.
        """
        numbers = torch.tensor([type_names.index(name) for name in system.type_names])
        self._types = numbers[system.types].repeat(n_frames)
        self._owners = system.molecules.numpy()
        self._box, self._n_frames, self._cutoff = box, n_frames, cutoff
        room = SKIN if box is None else float(heights(box.double()).min()) / 2 - cutoff
        self._skin = max(min(SKIN, room), 0.0)
        self._always = box is None and system.n_beads <= _SMALL and system.n_molecules == 1
        self._number = np.dtype(str(dtype).removeprefix("torch."))
        self._reference: Floats | None = None
        self._listed, self._kept = _nothing(), _room(0, self._number)

    def __call__(self, positions: Tensor) -> Graph:
        """Find the pairs nearer than the cutoff; positions in Å, (frames, beads, 3), finite."""
        here = np.ascontiguousarray(positions.detach().double().flatten(0, 1).numpy())
        if self._is_stale(here):
            self._reference = here.copy()
            self._listed = self._search(positions)
            self._kept = _room(len(self._listed.first), self._number)
        kept = self._kept
        n_inside, n = keep_near(here, self._listed, self._cutoff**2, kept)
        first, second, apart = (torch.from_numpy(each[:n]) for each in kept)
        return Graph(self._types, first, second, n_inside, apart)

    def forget(self) -> None:
        """Find the pairs anew for the next frames."""
        self._reference = None

    def _is_stale(self, here: Floats) -> bool:
        if self._reference is None:
            return True
        return not self._always and bool(farthest(here, self._reference) > (self._skin / 2) ** 2)

    def _search(self, positions: Tensor) -> Listed:
        """Find the pairs of every frame, with the beads numbered through."""
        n_beads = positions.shape[1]
        if self._always:
            return _every_pair(n_beads, self._n_frames)
        reach, parts = self._cutoff + self._skin, []
        for number, frame in enumerate(positions.detach().double()):
            x, pairs = frame.numpy(), near((frame, self._box), reach)
            shifts = pairs.apart - (x[pairs.second] - x[pairs.first])
            between = self._owners[pairs.first] != self._owners[pairs.second]
            if self._box is None:  # molecules that do not feel one another
                pairs, shifts = _taken(pairs, ~between), shifts[~between]
                between = between[~between]
            start = number * n_beads
            parts.append((pairs.first + start, pairs.second + start, shifts, between))
        first, second, shifts, between = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(between, kind="stable")
        n_inside = len(between) - int(np.count_nonzero(between))
        return Listed(first[order], second[order], shifts[order], n_inside)


def _taken(pairs: Pairs, rows: np.ndarray) -> Pairs:
    return Pairs(pairs.first[rows], pairs.second[rows], pairs.apart[rows])


def _every_pair(n_beads: int, n_frames: int) -> Listed:
    """All pairs of the beads of molecules alone."""
    starts = n_beads * np.arange(n_frames)[:, None]
    first, second = ((starts + each).ravel() for each in np.triu_indices(n_beads, 1))
    return Listed(first, second, np.zeros((len(first), 3)), len(first))


def _nothing() -> Listed:
    none = np.zeros(0, np.int64)
    return Listed(none, none, np.zeros((0, 3)), 0)


def _room(n_pairs: int, number: np.dtype) -> Kept:
    """Room for so many pairs and one that is not kept."""
    counts = (np.empty(n_pairs + 1, np.int64), np.empty(n_pairs + 1, np.int64))
    return Kept(*counts, np.empty((n_pairs + 1, 3), number))


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def keep_near(positions: Floats, listed: Listed, limit: float, kept: Kept) -> tuple[int, int]:
    """Write down the pairs nearer than a limit, in their order.

    Args:
        positions: Å, (beads, 3).
        listed: the pairs.
        limit: of the squared distance, Å².
        kept: filled in; with room for a pair more than are listed.

    Returns:
        Pairs inside molecules, and all.
    """
    n, n_inside, x = 0, 0, positions
    for pair in range(len(listed.first)):
        i, j, shift = listed.first[pair], listed.second[pair], listed.shifts[pair]
        dx = x[j, 0] - x[i, 0] + shift[0]
        dy = x[j, 1] - x[i, 1] + shift[1]
        dz = x[j, 2] - x[i, 2] + shift[2]
        # Always, and kept if the next one does not take its place: no branch.
        kept.first[n], kept.second[n] = i, j
        kept.apart[n, 0], kept.apart[n, 1], kept.apart[n, 2] = dx, dy, dz
        near_enough = 1 if dx * dx + dy * dy + dz * dz < limit else 0
        n += near_enough
        n_inside += near_enough if pair < listed.n_inside else 0
    return n_inside, n


@numba.njit(cache=True, nogil=True, fastmath=MATH, error_model="numpy")
def farthest(positions: Floats, reference: Floats) -> float:
    """Squared way of the bead that has moved most, Å²."""
    most = 0.0
    for i in range(len(positions)):
        way = 0.0
        for axis in range(3):
            way += (positions[i, axis] - reference[i, axis]) ** 2
        most = max(most, way)
    return most
