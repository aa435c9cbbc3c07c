"""Force matching as linear algebra: the normal equations of all terms, in one pass."""

import itertools
from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

from autograin_cli.errors import InputError
from autograin_cli.passes import State, add_up, numbered, of_number
from autograin_cli.potential.bonded_forms import BondedForm
from autograin_cli.potential.gradients import coordinates_with_gradients
from autograin_cli.potential.grids import Grid
from autograin_cli.potential.topology import TermMembers
from autograin_cli.trajectory import Chunk, Trajectory

_WORKING_SIZE = 2**21  # numbers in the largest temporary array


@dataclass(frozen=True)
class Model:
    """Terms with their forms: F = -sum over terms, instances and k of c_k phi_k'(q) dq/dz.

    members: the instances of each term.
    bonded_forms: the form of each term.
    grids: the points at which each term is tabulated and counted.
    n_beads: beads of the molecule.
    """

    members: tuple[TermMembers, ...]
    bonded_forms: tuple[BondedForm, ...]
    grids: tuple[Grid, ...]
    n_beads: int

    @property
    def forms(self) -> tuple[BondedForm, ...]:
        """The form of each term."""
        return self.bonded_forms

    @property
    def n_instances(self) -> int:
        """Instances of all terms."""
        return sum(len(term.beads) for term in self.members)

    @property
    def columns(self) -> tuple[slice, ...]:
        """Where the coefficients of each term stand among all."""
        return slices([form.size for form in self.forms])

    @property
    def instances(self) -> tuple[slice, ...]:
        """Where the instances of each term stand among all."""
        return slices([len(term.beads) for term in self.members])


@dataclass(frozen=True)
class Coordinates:
    """The coordinates of all instances in some structures of a molecule.

    values: Å or radians, (structures, instances).
    gradients: dq/dz, (structures, instances, 3 beads).
    """

    values: Tensor
    gradients: Tensor


@dataclass(frozen=True)
class NormalEquations:
    """Sums over the structures of each block, of J Jᵀ, J F and F·F, with F = Jᵀ c the model.

    matrices: (blocks, coefficients, coefficients).
    vectors: (blocks, coefficients).
    squares: (kJ/(mol Å))², (blocks,).
    counts: samples nearest to each point of the table of each term, (points,), int64.
    """

    matrices: Tensor
    vectors: Tensor
    squares: Tensor
    counts: tuple[Tensor, ...]


def forces_of(chunk: Chunk) -> Tensor:
    """Forces of a chunk, kJ/(mol Å), (frames, beads, 3).

    Raises:
        InputError: it has none.
    """
    if chunk.forces is None:
        raise InputError(
            given="a trajectory without forces",
            expected="forces in every frame: a potential is fitted to them",
            remedy="give --forces, or a trajectory that holds forces",
        )
    return chunk.forces


def molecules(frames: Tensor, n_beads: int) -> Tensor:
    """Copies of a molecule one after the other, (frames copies, beads, 3)."""
    return frames.reshape(-1, n_beads, 3)


def coordinates(model: Model, positions: Tensor) -> Coordinates:
    """Coordinates and gradients of all instances.

    Args:
        model: the terms.
        positions: Å, (structures, beads, 3).
    """
    n_structures = positions.shape[0]
    shape = (n_structures, model.n_instances, model.n_beads, 3)
    values = torch.empty(shape[:2], dtype=torch.float64)
    gradients = torch.zeros(shape, dtype=torch.float64)
    for term, where in zip(model.members, model.instances, strict=True):
        q, gradient = coordinates_with_gradients(term.coordinate, positions, term.beads)
        values[:, where] = q
        rows = torch.arange(where.start, where.stop)[:, None]
        gradients[:, rows, term.beads] = gradient
    return Coordinates(values, gradients.flatten(2))


def accumulate(beads: Trajectory, model: Model, n_blocks: int) -> NormalEquations:
    """Sum the normal equations over a trajectory, apart for blocks of consecutive frames.

    Each entry of a matrix is sum phi_k'(q_i) phi_l'(q_j) (dq_i/dz · dq_j/dz) over pairs of
    instances that share a bead; only functions that do not vanish are touched.

    Args:
        beads: with forces, a whole number of copies of the molecule in a frame.
        model: the terms.
        n_blocks: blocks.

    Raises:
        InputError: a chunk has no forces.
    """
    sums = _Sums(model, n_blocks, beads.n_frames)
    add_up(beads, sums)
    return sums.sums


class _Sums:
    """Normal equations, filled chunk by chunk."""

    def __init__(self, model: Model, n_blocks: int, n_frames: int) -> None:
        size = sum(form.size for form in model.forms)
        self._model, self._n_frames = model, n_frames
        self.sums = NormalEquations(
            torch.zeros(n_blocks, size, size, dtype=torch.float64),
            torch.zeros(n_blocks, size, dtype=torch.float64),
            torch.zeros(n_blocks, dtype=torch.float64),
            tuple(torch.zeros(grid.n_points, dtype=torch.int64) for grid in model.grids),
        )
        width = max(form.size for form in model.forms)
        per_structure = model.n_instances * (model.n_instances + 3 * model.n_beads + 2 * width)
        self._length = max(1, _WORKING_SIZE // per_structure)

    def add(self, first: int, chunk: Chunk) -> None:
        """Add a chunk whose first frame has this number."""
        n_beads, n_blocks = self._model.n_beads, len(self.sums.squares)
        frames = torch.arange(first, first + chunk.n_frames)
        copies = chunk.positions.shape[1] // n_beads
        blocks = (frames * n_blocks // self._n_frames).repeat_interleave(copies)
        positions = molecules(chunk.positions, n_beads)
        forces = molecules(forces_of(chunk), n_beads)
        for start in range(0, len(blocks), self._length):
            here = slice(start, start + self._length)
            self._add(blocks[here], positions[here], forces[here])

    def _add(self, blocks: Tensor, positions: Tensor, forces: Tensor) -> None:
        """Add structures that fit the working memory."""
        model, sums = self._model, self.sums
        seen = coordinates(model, positions)
        columns, slopes = local(model, seen)
        overlaps = seen.gradients @ seen.gradients.transpose(1, 2)
        along = (seen.gradients @ forces.flatten(1)[..., None])[..., 0]
        arrays = (sums.matrices, sums.vectors, blocks, columns, slopes, overlaps, along)
        _add_products_compiled(*(array.numpy() for array in arrays))
        sums.squares.index_add_(0, blocks, forces.square().sum((1, 2)))
        for count, grid, where in zip(sums.counts, model.grids, model.instances, strict=True):
            count.add_(grid.count(seen.values[:, where]))

    def state(self) -> State:
        """Give what was added so far."""
        sums = self.sums
        whole = {"matrices": sums.matrices, "vectors": sums.vectors, "squares": sums.squares}
        return whole | numbered("counts", sums.counts)

    def restore(self, state: State) -> None:
        """Go on with what was added before."""
        sums = state["matrices"], state["vectors"], state["squares"]
        self.sums = NormalEquations(*sums, counts=tuple(of_number(state, "counts")))


def local(model: Model, seen: Coordinates) -> tuple[Tensor, Tensor]:
    """Columns and slopes of the functions that do not vanish, (structures, instances, width).

    Narrower forms are filled up with slopes of zero.
    """
    parts = [f.local(seen.values[:, w]) for f, w in zip(model.forms, model.instances, strict=True)]
    width = max(part.columns.shape[-1] for part in parts)
    columns, slopes = [], []
    for part, where in zip(parts, model.columns, strict=True):
        missing = (0, width - part.columns.shape[-1])
        columns.append(torch.nn.functional.pad(part.columns + where.start, missing))
        slopes.append(torch.nn.functional.pad(part.derivatives, missing))
    return torch.cat(columns, dim=1), torch.cat(slopes, dim=1)


def model_forces(model: Model, seen: Coordinates, coefficients: Tensor) -> Tensor:
    """Forces of the model on all beads.

    Args:
        model: the terms.
        seen: the coordinates.
        coefficients: the same for all structures or not, (structures, coefficients).

    Returns:
        kJ/(mol Å), (structures, 3 beads).
    """
    columns, slopes = local(model, seen)
    taken = coefficients.gather(1, columns.flatten(1)).reshape(columns.shape)
    return -torch.einsum("sik,sik,sib->sb", taken, slopes, seen.gradients)


def _add_products(
    matrices: np.ndarray,
    vectors: np.ndarray,
    blocks: np.ndarray,
    columns: np.ndarray,
    slopes: np.ndarray,
    overlaps: np.ndarray,
    along: np.ndarray,
) -> None:
    """Add the products of a stretch of structures to the sums of their blocks, in place.

    blocks: (structures,); columns, slopes: (structures, instances, width);
    overlaps: dq_i/dz · dq_j/dz, (structures, instances, instances);
    along: F · dq_i/dz, (structures, instances).
    """
    n_structures, n_instances, width = columns.shape
    for s in range(n_structures):
        matrix, vector = matrices[blocks[s]], vectors[blocks[s]]
        for i in range(n_instances):
            for k in range(width):
                vector[columns[s, i, k]] -= slopes[s, i, k] * along[s, i]
            for j in range(n_instances):
                overlap = overlaps[s, i, j]
                if overlap == 0.0:
                    continue
                for k in range(width):
                    row, slope = matrix[columns[s, i, k]], slopes[s, i, k] * overlap
                    for m in range(width):
                        row[columns[s, j, m]] += slope * slopes[s, j, m]


_add_products_compiled = numba.njit(cache=True)(_add_products)


def slices(sizes: list[int]) -> tuple[slice, ...]:
    """Where things of such sizes stand, one after the other."""
    ends = itertools.accumulate(sizes, initial=0)
    return tuple(slice(a, b) for a, b in itertools.pairwise(ends))
