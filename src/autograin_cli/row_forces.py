"""The force of a row of partners on a bead, in vector instructions written out.

The compiler would fetch each coordinate of each partner on its own. Here a partner is one load of
four numbers, and so is a cell of a table; eight of them are turned into vectors of eight by
shuffles, which takes about half the time.
"""
# ruff: noqa: ARG001  (arguments of an intrinsic are types: those that are numbers are not read)

from collections.abc import Sequence
from typing import Any, NamedTuple

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types as numba_types
from numba.core import cgutils
from numba.extending import intrinsic

types: Any = numba_types  # without types of their own
code: Any = cgutils

WIDTH = 8  # partners at a time; rows are filled up to a multiple of it
_HALF = 4  # numbers of a load
_FLAGS = ("contract", "reassoc", "nsz", "arcp")
_NUMBERS = ir.VectorType(ir.DoubleType(), WIDTH)
_QUAD = ir.VectorType(ir.DoubleType(), _HALF)
_CELLS = ir.VectorType(ir.IntType(32), WIDTH)
_WORD, _LONG = ir.IntType(32), ir.IntType(64)
_UNALIGNED = 8  # bytes


class Space(NamedTuple):
    """Numbers that a row of forces needs, Å and 1/Å.

    edges: of the lower triangular box: xx, yy, zz, yx, zx, zy; zeros in vacuum.
    inverses: of the first three; zeros in vacuum.
    density: cells of a table per Å².
    last: number of the cell beyond the cutoff.
    """

    edges: tuple[float, float, float, float, float, float]
    inverses: tuple[float, float, float]
    density: float
    last: float


class _Vectors:
    """Arithmetic on vectors of numbers while code is written."""

    def __init__(self, builder: Any) -> None:
        self.builder = builder

    def splat(self, number: Any) -> Any:
        """A vector with one number in all places."""
        first = self.builder.insert_element(ir.Constant(_NUMBERS, ir.Undefined), number, _WORD(0))
        everywhere = ir.Constant(_CELLS, [0] * WIDTH)
        return self.builder.shuffle_vector(first, ir.Constant(_NUMBERS, ir.Undefined), everywhere)

    def plus(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b, flags=_FLAGS)

    def minus(self, a: Any, b: Any) -> Any:
        return self.builder.fsub(a, b, flags=_FLAGS)

    def times(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b, flags=_FLAGS)

    def floor(self, a: Any) -> Any:
        """Round each number down."""
        kind = ir.FunctionType(_NUMBERS, [_NUMBERS])
        called = code.get_or_insert_function(self.builder.module, kind, "llvm.floor.v8f64")
        return self.builder.call(called, [a])

    def shuffled(self, a: Any, b: Any, places: Sequence[int]) -> Any:
        """Numbers from the places of two vectors, one after the other."""
        chosen = ir.Constant(ir.VectorType(_WORD, len(places)), list(places))
        return self.builder.shuffle_vector(a, b, chosen)

    def columns(self, data: Any, rows: Sequence[Any]) -> list[Any]:
        """Load eight rows of four numbers; the four columns, as vectors of eight."""
        quads = []
        for row in rows:
            place = self.builder.gep(data, [self.builder.shl(row, _LONG(2))])
            quads.append(
                self.builder.load(self.builder.bitcast(place, _QUAD.as_pointer()), align=_UNALIGNED)
            )
        a, b, c, d = (self.shuffled(quads[k], quads[k + _HALF], range(WIDTH)) for k in range(_HALF))
        even, odd = [0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]
        low, high = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
        first, second = self.shuffled(a, b, even), self.shuffled(a, b, odd)
        third, fourth = self.shuffled(c, d, even), self.shuffled(c, d, odd)
        return [
            self.shuffled(first, third, low),
            self.shuffled(second, fourth, low),
            self.shuffled(first, third, high),
            self.shuffled(second, fourth, high),
        ]

    def total(self, vector: Any) -> Any:
        """Sum of the numbers of a vector, always in the same order."""
        numbers = [self.builder.extract_element(vector, _WORD(k)) for k in range(WIDTH)]
        while len(numbers) > 1:
            numbers = [self.plus(a, b) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        return numbers[0]


def _apart(v: _Vectors, here: Sequence[Any], there: Sequence[Any], space: Any) -> list[Any]:
    """Vectors to the nearest images of partners, in a lower triangular box."""
    edges, inverses = space
    a, b, c, ba, ca, cb = edges
    half = v.splat(ir.Constant(ir.DoubleType(), 0.5))
    x, y, z = (v.minus(q, p) for p, q in zip(here, there, strict=True))
    turns = v.floor(v.plus(v.times(z, inverses[2]), half))
    x, y = v.minus(x, v.times(turns, ca)), v.minus(y, v.times(turns, cb))
    z = v.minus(z, v.times(turns, c))
    turns = v.floor(v.plus(v.times(y, inverses[1]), half))
    x, y = v.minus(x, v.times(turns, ba)), v.minus(y, v.times(turns, b))
    turns = v.floor(v.plus(v.times(x, inverses[0]), half))
    return [v.minus(x, v.times(turns, a)), y, z]


def _pull(v: _Vectors, apart: Sequence[Any], grid: Any, pulls: Any, offsets: Any) -> Any:
    """2 dU/ds at squared distances s, from a table of quadratics."""
    density, last = grid
    x, y, z = apart
    square = v.plus(v.plus(v.times(x, x), v.times(y, y)), v.times(z, z))
    scaled = v.times(square, density)
    inside = v.builder.fcmp_ordered("<", scaled, last)
    scaled = v.builder.select(inside, scaled, last)
    cells = v.builder.fptosi(scaled, _CELLS)
    t = v.minus(scaled, v.builder.sitofp(cells, _NUMBERS))
    shifted = v.builder.add(cells, v.builder.load(offsets, align=4))
    rows = [
        v.builder.zext(v.builder.extract_element(shifted, _WORD(k)), _LONG) for k in range(WIDTH)
    ]
    first, second, third, _ = v.columns(pulls, rows)
    return v.plus(first, v.times(t, v.plus(second, v.times(t, third))))


def _row_force(
    typing: Any,
    positions: Any,
    row: Any,
    offsets: Any,
    count: Any,
    bead: Any,
    pulls: Any,
    space: Any,
) -> Any:
    """Force of the partners of a bead on it.

    Args of the compiled function:
        positions: Å, (beads, 4); the last column is not read.
        row: partners, uint32, (at least count,).
        offsets: first cell of the table of each of them, int32, (at least count,).
        count: a multiple of 8.
        bead: on which the force is.
        pulls: as in `PairTables`, (cells, 4).
        space: as in `Space`.

    Returns:
        A function giving kJ/(mol Å), a tuple of three.
    """
    result = types.UniTuple(types.float64, 3)
    signature = result(positions, row, offsets, types.intp, types.intp, pulls, space)

    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = _Vectors(builder)
        arrays = [
            context.make_array(signature.args[k])(context, builder, arguments[k]).data
            for k in (0, 1, 2, 5)
        ]
        numbers = [v.splat(number) for number in _flattened(builder, arguments[6])]
        constants = ((numbers[:6], numbers[6:9]), numbers[9:])
        start = builder.gep(arrays[0], [builder.shl(arguments[4], _LONG(2))])
        here = [v.splat(builder.load(builder.gep(start, [_LONG(k)]))) for k in range(3)]
        sums = [
            code.alloca_once_value(builder, ir.Constant(_NUMBERS, [0.0] * WIDTH)) for _ in range(3)
        ]
        with code.for_range(builder, builder.udiv(arguments[3], _LONG(WIDTH))) as loop:
            first = builder.mul(loop.index, _LONG(WIDTH))
            _add(v, (arrays, constants, here, sums), first)
        totals = [v.total(builder.load(one)) for one in sums]
        return context.make_tuple(builder, signature.return_type, totals)

    return signature, write


row_force: Any = intrinsic(_row_force)


def _flattened(builder: Any, value: Any) -> list[Any]:
    """All numbers of a tuple of tuples."""
    if not isinstance(value.type, ir.LiteralStructType | ir.ArrayType):
        return [value]
    return [
        number
        for k in range(
            len(value.type.elements) if hasattr(value.type, "elements") else value.type.count
        )
        for number in _flattened(builder, builder.extract_value(value, k))
    ]


def _add(v: _Vectors, given: Any, first: Any) -> None:
    """Add the forces of the eight partners from `first` on."""
    (positions, row, offsets, pulls), (box, grid), here, sums = given
    builder = v.builder
    places = [
        builder.zext(builder.load(builder.gep(row, [builder.add(first, _LONG(k))])), _LONG)
        for k in range(WIDTH)
    ]
    there = v.columns(positions, places)[:3]
    apart = _apart(v, here, there, box)
    tables = builder.bitcast(builder.gep(offsets, [first]), _CELLS.as_pointer())
    pull = _pull(v, apart, grid, pulls, tables)
    for one, along in zip(sums, apart, strict=True):
        builder.store(v.plus(builder.load(one), v.times(pull, along)), one)


def _pick_near(typing: Any, squares: Any, limit: Any, places: Any, count: Any, row: Any) -> Any:
    """Write down the places whose squares are below a limit, in their order, without a jump.

    Args of the compiled function:
        squares: Å², (at least count,); infinite beyond what counts.
        limit: Å².
        places: uint32, (at least count,).
        count: a multiple of 8.
        row: filled in, uint32, with room for 8 more than are found.

    Returns:
        A function giving how many were written down.
    """
    signature = types.intp(squares, types.float64, places, types.intp, row)

    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        v = _Vectors(builder)
        squares, places, row = (
            context.make_array(signature.args[k])(context, builder, arguments[k]).data
            for k in (0, 2, 4)
        )
        limit = v.splat(arguments[1])
        found = code.alloca_once_value(builder, _LONG(0))
        with code.for_range(builder, builder.udiv(arguments[3], _LONG(WIDTH))) as loop:
            first = builder.mul(loop.index, _LONG(WIDTH))
            near = builder.fcmp_ordered("<", _vector_at(builder, squares, first, _NUMBERS), limit)
            chosen = _compressed(builder, _vector_at(builder, places, first, _CELLS), near)
            end = builder.gep(row, [builder.load(found)])
            builder.store(chosen, builder.bitcast(end, _CELLS.as_pointer()), align=4)
            ones = builder.ctpop(builder.bitcast(near, ir.IntType(WIDTH)))
            builder.store(builder.add(builder.load(found), builder.zext(ones, _LONG)), found)
        return builder.load(found)

    return signature, write


pick_near: Any = intrinsic(_pick_near)


def _vector_at(builder: Any, data: Any, first: Any, kind: Any) -> Any:
    """Load a vector from some place of an array on."""
    place = builder.bitcast(builder.gep(data, [first]), kind.as_pointer())
    return builder.load(place, align=4)


def _compressed(builder: Any, vector: Any, chosen: Any) -> Any:
    """The chosen numbers of a vector first."""
    mask = ir.VectorType(ir.IntType(1), WIDTH)
    kind = ir.FunctionType(_CELLS, [_CELLS, mask, _CELLS])
    name = "llvm.experimental.vector.compress.v8i32"
    called = code.get_or_insert_function(builder.module, kind, name)
    return builder.call(called, [vector, chosen, ir.Constant(_CELLS, ir.Undefined)])
