"""The header of NetCDF files in the classic format: dimensions, attributes and variables.

Nothing is taken from the header on trust: names, counts and places are checked against the size of
the file. Source: the grammar in the NetCDF User's Guide, 'Classic Format Specification'.
"""

import struct
from dataclasses import dataclass
from math import prod
from typing import BinaryIO, TypeAlias

import numpy as np

_TYPES = {
    1: np.dtype("i1"),
    2: np.dtype("S1"),
    3: np.dtype(">i2"),
    4: np.dtype(">i4"),
    5: np.dtype(">f4"),
    6: np.dtype(">f8"),
    7: np.dtype("u1"),
    8: np.dtype(">u2"),
    9: np.dtype(">u4"),
    10: np.dtype(">i8"),
    11: np.dtype(">u8"),
}
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_MOST_ENTRIES = 10_000
_MOST_BYTES = 2**24  # of the header

Attribute: TypeAlias = str | np.ndarray


@dataclass(frozen=True)
class Variable:
    """An array in the file.

    dimensions: names.
    shape: without that of records.
    dtype: of a number.
    attributes: by name.
    begin: bytes from the start of the file, in the first record.
    in_records: whether there is one in each record.
    """

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype
    attributes: dict[str, Attribute]
    begin: int
    in_records: bool

    @property
    def n_bytes(self) -> int:
        """Bytes of it, in a record or in all."""
        return prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Header:
    """What the header says.

    n_records: None where the writer left it open.
    dimensions: lengths by name; 0 for that of records.
    attributes: of the file, by name.
    variables: by name.
    record_size: bytes from record to record.
    """

    n_records: int | None
    dimensions: dict[str, int]
    attributes: dict[str, Attribute]
    variables: dict[str, Variable]
    record_size: int


def read_header(file: BinaryIO) -> Header:
    """Read the header of a file.

    Raises:
        ValueError, struct.error: it is none, or makes no sense.
    """
    return _Parser(file).header()


class _Parser:
    """Reads the parts of a header in order."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _MOST_BYTES
        magic = self._bytes(4)
        if magic[:3] != b"CDF" or magic[3] not in (1, 2, 5):
            raise ValueError(magic)
        self._wide_counts = magic[3] == 5
        self._wide_places = magic[3] != 1

    def header(self) -> Header:
        """Read all of it."""
        n_records = self._count()
        unknown = 2**64 - 1 if self._wide_counts else 2**32 - 1
        lengths = self._dimensions()
        attributes = self._attributes()
        variables = self._variables(lengths)
        sizes = [v.n_bytes for v in variables.values() if v.in_records]
        # A single variable in records is not padded to a multiple of four bytes.
        padded = sum(size + -size % 4 for size in sizes)
        return Header(
            n_records=None if n_records == unknown else n_records,
            dimensions=dict(lengths),
            attributes=attributes,
            variables=variables,
            record_size=sizes[0] if len(sizes) == 1 else padded,
        )

    def _bytes(self, length: int) -> bytes:
        self._left -= length
        if length < 0 or self._left < 0:
            raise ValueError(length)
        found = self._file.read(length)
        if len(found) < length:
            raise ValueError(length)
        return found

    def _integer(self) -> int:
        return int(struct.unpack(">I", self._bytes(4))[0])

    def _count(self) -> int:
        return int(struct.unpack(">Q", self._bytes(8))[0]) if self._wide_counts else self._integer()

    def _entries(self, kind: int) -> int:
        """Read how many entries a list has."""
        tag, number = self._integer(), self._count()
        if number > _MOST_ENTRIES or tag not in (0, kind) or (tag == 0 and number):
            raise ValueError(tag)
        return number

    def _name(self) -> str:
        length = self._count()
        if length > 1000:
            raise ValueError(length)
        text = self._bytes(length + -length % 4)[:length]
        return text.decode("utf-8", "replace")

    def _dimensions(self) -> list[tuple[str, int]]:
        return [(self._name(), self._count()) for _ in range(self._entries(_DIMENSIONS))]

    def _attributes(self) -> dict[str, Attribute]:
        found: dict[str, Attribute] = {}
        for _ in range(self._entries(_ATTRIBUTES)):
            name, dtype, number = self._name(), _TYPES[self._integer()], self._count()
            size = number * dtype.itemsize
            values = self._bytes(size + -size % 4)[:size]
            is_text = dtype.kind == "S"
            text = values.rstrip(b"\0").decode("utf-8", "replace")
            found[name] = text if is_text else np.frombuffer(values, dtype)
        return found

    def _variables(self, lengths: list[tuple[str, int]]) -> dict[str, Variable]:
        found: dict[str, Variable] = {}
        for _ in range(self._entries(_VARIABLES)):
            name, n_dimensions = self._name(), self._count()
            if n_dimensions > len(lengths) + 8:
                raise ValueError(n_dimensions)
            along = [lengths[self._count()] for _ in range(n_dimensions)]
            attributes = self._attributes()
            dtype = _TYPES[self._integer()]
            self._count()  # its size, which is wrong in files of large variables
            begin = struct.unpack(">Q", self._bytes(8))[0] if self._wide_places else self._integer()
            in_records = bool(along) and along[0][1] == 0
            shape = tuple(length for _, length in along[in_records:])
            names = tuple(name for name, _ in along)
            found[name] = Variable(names, shape, dtype, attributes, int(begin), in_records)
        return found
