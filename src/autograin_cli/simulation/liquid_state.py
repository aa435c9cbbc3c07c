"""The beads of one replica between calls of the kernels: sorted, with their rows."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, pi
from typing import TypeVar

import numpy as np
from torch import Tensor

from autograin_cli import liquid_kernels, rows
from autograin_cli.compilation import is_cached
from autograin_cli.kernel_arrays import LANES, Bath, Block, Floats, Integers
from autograin_cli.liquid_arrays import Liquid, Molecules, PairTables, Rows
from autograin_cli.potential.force_field import ForceField, check_box
from autograin_cli.simulation.lattice import Lattice, lattice_of
from autograin_cli.simulation.liquid_model import molecules_of, pair_tables

Part = TypeVar("Part")
Result = TypeVar("Result")

_ROOM = 16  # a row has room for a multiple of it


@dataclass(frozen=True)
class Model:
    """What the beads of a replica feel, as arrays.

    molecules: and their bonded terms.
    tables: of the pair terms.
    lattice: the box turned into lower triangular form.
    box, inverse: of it, Å and 1/Å, (3, 3); zeros in vacuum.
    cutoff: Å.
    n_terms: bonded terms of all components.
    """

    molecules: Molecules
    tables: PairTables
    lattice: Lattice
    box: Floats
    inverse: Floats
    cutoff: float
    n_terms: int


def compiled() -> bool:
    """Whether machine code of the kernels lies in the compiler's cache."""
    used = (
        (liquid_kernels, (liquid_kernels.advance, liquid_kernels.evaluate)),
        (rows, (rows.order_of, rows.grid_of, rows.make_rows)),
    )
    return all(is_cached(one, str(home.__file__)) for home, kernels in used for one in kernels)


def model_of(force_field: ForceField, box: Tensor | None) -> Model:
    """Give a force field in a box to the kernels.

    Raises:
        SettingError: the box is too small for the cutoff.
    """
    cutoff = force_field.nonbonded.cutoff if force_field.nonbonded else 0.0
    lattice = lattice_of(box)
    if lattice.box is not None:
        check_box(lattice.box, cutoff)
    matrix = np.zeros((3, 3)) if lattice.box is None else lattice.box.contiguous().numpy()
    inverse = np.zeros((3, 3)) if lattice.box is None else np.linalg.inv(matrix)
    return Model(
        molecules=molecules_of(force_field),
        tables=pair_tables(force_field.nonbonded, force_field.system.type_names),
        lattice=lattice,
        box=matrix,
        inverse=np.ascontiguousarray(inverse),
        cutoff=cutoff,
        n_terms=sum(len(potential.terms) for potential in force_field.potentials),
    )


def new_block(model: Model) -> Block:
    """Memory for the bonded terms of 16 molecules; what is outside is counted in `noise`."""
    n_beads = int(model.molecules.components[:, 2].max(initial=1))
    none = np.zeros((0, 0))
    return Block(
        positions=np.zeros((n_beads, 3 * LANES)),
        velocities=none,
        forces=np.zeros((n_beads, 3 * LANES)),
        noise=np.zeros(model.n_terms),
        energy=np.zeros(LANES),
        kinetic=np.zeros(LANES),
        sums=np.zeros(LANES),
        outside=np.zeros((model.n_terms, LANES)),
        work=np.zeros(21 * LANES),
    )


def new_liquid(positions: Floats, velocities: Floats, bath: Bath) -> Liquid:
    """Beads in the order of the system.

    Args:
        positions: in the turned box, Å, (beads, 3).
        velocities: before the half kick that ends a step, Å/ps, (beads, 3).
        bath: constants of the beads.
    """
    here = np.ascontiguousarray(positions.T)
    return Liquid(
        positions=np.stack((here, here)),
        quads=np.zeros((2, len(positions), 4)),
        velocities=np.ascontiguousarray(velocities.T),
        forces=np.zeros_like(here),
        reference=here.copy(),
        kinetic=np.zeros(len(positions)),
        numbers=np.arange(len(positions), dtype=np.uint64),
        kicks=bath.kicks.copy(),
        spreads=bath.spreads.copy(),
        half_masses=bath.half_masses.copy(),
    )


def sort(liquid: Liquid, side: int, model: Model, reach: float) -> None:
    """Sort the beads in space, in place.

    Args:
        liquid: the beads.
        side: which of the two sets of positions they have.
        model: with the box.
        reach: Å.
    """
    order = rows.order_of(liquid.positions[side], model.inverse, reach, model.molecules)
    liquid.positions[side] = liquid.positions[side][:, order]
    liquid.reference[:] = liquid.positions[side]
    liquid.quads[side, :, :3] = liquid.reference.T
    liquid.velocities[:] = liquid.velocities[:, order]
    for column in (
        liquid.kinetic,
        liquid.numbers,
        liquid.kicks,
        liquid.spreads,
        liquid.half_masses,
    ):
        column[:] = column[order]


def rows_of(
    positions: Floats,
    model: Model,
    reach: float,
    before: Rows | None = None,
    pool: ThreadPoolExecutor | None = None,
    n_threads: int = 1,
) -> Rows:
    """Find the partners of every bead.

    Args:
        positions: Å, (3, beads).
        model: with the box.
        reach: Å.
        before: rows whose memory is used again if it is enough.
        pool, n_threads: to share the work.
    """
    grid = rows.grid_of(positions, model.box, model.inverse, reach)
    found = before or _new_rows(positions.shape[1], _room(positions.shape[1], model, reach))
    parts = _even(grid.starts, n_threads)

    def fill(cells: tuple[int, int]) -> int:
        given = (grid, cells, model.box, reach, model.molecules, model.tables, found)
        return int(rows.make_rows(*given))

    longest = max(in_parts(fill, parts, pool))
    if longest <= found.partners.shape[1]:
        return found
    wider = _new_rows(positions.shape[1], ceil(1.1 * longest / _ROOM) * _ROOM)
    return rows_of(positions, model, reach, wider, pool, n_threads)


def in_parts(
    work: Callable[[Part], Result], parts: Sequence[Part], pool: ThreadPoolExecutor | None
) -> list[Result]:
    """Do the first part here and the others in a pool."""
    pending = [pool.submit(work, part) for part in parts[1:]] if pool else []
    first = work(parts[0])
    if not pool:
        return [first, *map(work, parts[1:])]
    return [first, *(one.result() for one in pending)]


def _even(starts: Integers, n_parts: int) -> list[tuple[int, int]]:
    """Ranges of cells with about as many beads in each."""
    shares = np.linspace(0, starts[-1], n_parts + 1)
    ends = np.searchsorted(starts, shares)
    ends[0], ends[-1] = 0, len(starts) - 1
    return [(int(a), int(b)) for a, b in pairwise(ends)]


def _new_rows(n_beads: int, room: int) -> Rows:
    return Rows(
        np.zeros((n_beads, room), np.uint32),
        np.zeros((n_beads, room), np.int32),
        np.zeros(n_beads, np.int64),
    )


def _room(n_beads: int, model: Model, reach: float) -> int:
    """Length of a row that is likely to be enough."""
    volume = float(np.linalg.det(model.box)) if model.box[2, 2] else 0.0
    expected = n_beads * 4 / 3 * pi * reach**3 / volume if volume else 64.0
    return ceil((1.3 * min(expected, n_beads) + 8) / _ROOM) * _ROOM


def best_skin(model: Model, n_beads: int, way: float) -> float:
    """Way of a pair beyond the cutoff, Å, at which the work of a step is least, by estimate.

    Args:
        model: with the box.
        n_beads: in the box.
        way: of the fastest bead in a step, Å.
    """
    volume = float(np.linalg.det(model.box)) if model.box[2, 2] else 0.0
    if not volume or not model.cutoff:
        return max(_SKINS)
    density = n_beads / volume

    def work(skin: float) -> float:
        reach = model.cutoff + skin
        partners = density * 4 / 3 * pi * reach**3
        candidates = min(27 * density * reach**3, n_beads)
        steps = max(skin / 2 / max(way, 1e-12), 1.0)
        return _PAIR * partners + (_CANDIDATE * candidates + _SORTED) / steps

    return min(_SKINS, key=work)


# Seconds 1e-9, measured; only their ratios matter.
_PAIR, _CANDIDATE, _SORTED = 2.2, 1.0, 350.0
_SKINS = tuple(0.2 * number for number in range(1, 21))  # Å
