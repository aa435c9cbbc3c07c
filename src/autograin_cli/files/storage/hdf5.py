"""HDF5 files read as hostile: nothing outside the file, nothing larger than it, no loops."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
from h5py import h5a, h5d, h5l, h5o, h5r, h5t
from numpy.typing import NDArray

from autograin_cli.errors import FileAccessError, InputError
from autograin_cli.files.storage.conformance import REMEDY, Stored, kind_of
from autograin_cli.files.storage.digest import ContentDigest, ValuesDigest
from autograin_cli.files.visible import visible

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_DEPTH = 16
MAX_OBJECTS = 200_000
PART_BYTES = 2**22

_TYPE_CLASSES = (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM)
_BROKEN = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, OverflowError)

CheckRoot: TypeAlias = Callable[[Mapping[str, NDArray[Any]]], None]


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file to read; whatever HDF5 objects to on the way is an error of the file.

    Raises:
        FileAccessError: there is no such file, or it cannot be read.
        InputError: it is no HDF5 file, cut short or damaged.
    """
    _check_is_hdf5(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except _BROKEN as error:
        raise InputError(
            given=f"damaged or cut short: {visible(str(error))}",
            expected="a whole HDF5 file",
            remedy="copy it again, or write it again; if the message names a lock, set "
            "HDF5_USE_FILE_LOCKING=FALSE",
        ) from error


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say in every error of the data which file it is in."""
    try:
        yield
    except InputError as error:
        raise InputError(
            given=f"{visible(str(path))}: {error.given}",
            expected=error.expected,
            remedy=error.remedy,
        ) from error


def _check_is_hdf5(path: Path) -> None:
    shown = visible(str(path))
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileAccessError(
                given=f"{shown} is not a regular file",
                expected="an artifact of autograin",
                remedy="give the path of the file",
            )
        with path.open("rb") as file:
            start = file.read(len(SIGNATURE))
    except OSError as error:
        raise FileAccessError(
            given=f"{shown} cannot be read: {error.strerror}",
            expected="an artifact of autograin",
            remedy="check the path and the permissions",
        ) from error
    if start != SIGNATURE:
        raise InputError(
            given="not an HDF5 file",
            expected="an artifact of autograin",
            remedy="give the file that fit-mapping, fit-potential, simulate or compare wrote",
        )


@dataclass(frozen=True)
class Dataset:
    """A dataset that is safe to read.

    path: from the root, without a leading slash.
    stored: its type and shape.
    handle: of h5py.
    """

    path: str
    stored: Stored
    handle: Any

    def parts(self) -> Iterator[NDArray[Any]]:
        """Yield the values a few megabytes at a time, along the first axis."""
        if not self.stored.shape:
            yield np.asarray(self.handle[()])
            return
        row_bytes = max(1, _declared_bytes(self.handle) // max(1, self.stored.shape[0]))
        n_rows = max(1, PART_BYTES // row_bytes)
        for first in range(0, max(1, self.stored.shape[0]), n_rows):
            yield self.handle[first : first + n_rows]

    def read(self) -> NDArray[Any]:
        """Read all values."""
        return np.asarray(self.handle[()])


class Contents:
    """The datasets and attributes of a file, after a check of its structure.

    datasets: by path.
    attributes: by path of the object, then by name; the path of the root is ''.
    """

    def __init__(
        self, file: h5py.File, check_root: Callable[[Mapping[str, NDArray[Any]]], None]
    ) -> None:
        """Walk through the whole file.

        Args:
            file: open to read.
            check_root: called with the attributes of the root, before all else is looked at.

        Raises:
            InputError: links that leave the tree or loop, data outside the file, types that are
                not plain, or more data declared than the file can hold.
        """
        self.datasets: dict[str, Dataset] = {}
        self.attributes: dict[str, dict[str, NDArray[Any]]] = {}
        self._file = file
        self._size = os.path.getsize(file.filename)
        self._room = self._size
        self._groups: set[int] = set()
        self._shared: set[int] = set()
        root = file["/"].id
        check_root(self._attributes("", root))
        self._walk(root)

    def digest(self) -> str:
        """Compute the digest of all values and attributes, in bounded memory."""
        digest = ContentDigest()
        for path, dataset in self.datasets.items():
            values = ValuesDigest()
            for part in dataset.parts():
                values.update(part)
            digest.add(path, values)
        for path, attributes in self.attributes.items():
            for name, value in attributes.items():
                digest.add_attribute(path, name, value)
        return digest.hexdigest()

    def _walk(self, root: Any) -> None:
        pending = [("", root)]
        n_objects = 0
        while pending:
            path, group = pending.pop()
            self._check_group(path, group)
            self.attributes[path] = self._attributes(path, group)
            for name in group:
                n_objects += 1
                if n_objects > MAX_OBJECTS:
                    raise _refused(path, "too many objects", f"at most {MAX_OBJECTS}")
                inner = f"{path}/{_text(name)}".lstrip("/")
                handle = self._open(inner, group, name)
                if isinstance(handle, h5py.h5g.GroupID):
                    pending.append((inner, handle))
                else:
                    self._add_dataset(inner, handle)

    def _check_group(self, path: str, group: Any) -> None:
        address = h5o.get_info(group).addr
        if address in self._groups:
            raise _refused(path, "a group that is reached twice", "a tree of groups")
        if path.count("/") > MAX_DEPTH:
            raise _refused(path, "nested too deeply", f"at most {MAX_DEPTH} levels")
        self._groups.add(address)

    @staticmethod
    def _open(path: str, group: Any, name: bytes) -> Any:
        if group.links.get_info(name).type != h5l.TYPE_HARD:
            raise _refused(path, "a soft or external link", "data in the file itself")
        handle = h5o.open(group, name)
        if not isinstance(handle, h5py.h5g.GroupID | h5py.h5d.DatasetID):
            raise _refused(path, "neither a group nor a dataset", "groups and datasets")
        return handle

    def _add_dataset(self, path: str, handle: Any) -> None:
        settings = handle.get_create_plist()
        if settings.get_external_count() or settings.get_layout() == h5d.VIRTUAL:
            raise _refused(path, "stored outside the file", "data in the file itself")
        filters = [settings.get_filter(i)[0] for i in range(settings.get_nfilters())]
        if any(code != h5py.h5z.FILTER_FLETCHER32 for code in filters):
            raise _refused(path, "compressed or filtered", "plain data with checksums")
        _check_type(path, handle.get_type())
        self._check_size(path, handle, settings)
        dataset = h5py.Dataset(handle)
        stored = Stored(kind_of(dataset.dtype), dataset.shape)
        self.datasets[path] = Dataset(path, stored, dataset)
        self.attributes[path] = self._attributes(path, handle)

    def _check_size(self, path: str, handle: Any, settings: Any) -> None:
        """Refuse more data than the file holds; only steps and times may be linked twice."""
        if handle.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            raise _refused(path, "empty", "a dataset with values")
        declared, chunk = _declared_bytes(handle), 0
        if settings.get_layout() == h5d.CHUNKED:
            chunk = prod(settings.get_chunk()) * handle.dtype.itemsize
        address = h5o.get_info(handle).addr
        if not (path.endswith(("/step", "/time")) and address in self._shared):
            self._room -= declared
        self._shared.add(address)
        if self._room < 0 or declared > handle.get_storage_size():
            raise _refused(path, f"declared as {declared} bytes", "no more than the file holds")
        if chunk > self._size:
            raise _refused(path, f"in chunks of {chunk} bytes", "chunks that the file can hold")

    def _attributes(self, path: str, handle: Any) -> dict[str, NDArray[Any]]:
        """Read all attributes but texts of variable length, which are there for other programs.

        HDF5 2.0 never comes back from reading such a text where the heap that holds it is damaged.
        """
        found = [h5a.open(handle, index=i) for i in range(h5a.get_num_attrs(handle))]
        return {
            _text(attribute.name): self._attribute(f"{path}@{_text(attribute.name)}", attribute)
            for attribute in found
            if not _is_variable_text(attribute.get_type())
        }

    def _attribute(self, where: str, attribute: Any) -> NDArray[Any]:
        kind = attribute.get_type()
        if isinstance(kind, h5t.TypeReferenceID):
            return self._reference(where, attribute)
        _check_type(where, kind)
        self._room -= prod(attribute.shape) * kind.get_size()
        if self._room < 0:
            raise _refused(where, "too large", "no more than the file holds")
        values = np.empty(attribute.shape, dtype=attribute.dtype)
        if values.size:
            attribute.read(values)
        return values

    def _reference(self, where: str, attribute: Any) -> NDArray[Any]:
        """Give the name of the group that an attribute refers to."""
        reference = np.zeros((), dtype=h5py.ref_dtype)
        if attribute.shape != () or attribute.dtype != h5py.ref_dtype:
            raise _refused(where, "an array of references", "a reference to one group")
        attribute.read(reference)
        name = h5r.get_name(reference[()], self._file.id)
        return np.array(name or b"")


def text_attribute(attributes: Mapping[str, NDArray[Any]], name: str) -> str | None:
    """Give the text of an attribute; None where it is not there, or is no text."""
    value = attributes.get(name)
    if value is None or value.dtype.kind != "S" or value.shape != ():
        return None
    return _text(value.item())


def _declared_bytes(handle: Any) -> int:
    return int(prod(handle.shape) * handle.dtype.itemsize)


def _check_type(path: str, kind: Any) -> None:
    if kind.committed() or kind.get_class() not in _TYPE_CLASSES:
        raise _refused(path, "of a type that is not plain", "numbers and texts of fixed length")
    if _is_variable_text(kind):
        raise _refused(path, "of texts without a length", "texts of fixed length")


def _is_variable_text(kind: Any) -> bool:
    return isinstance(kind, h5t.TypeStringID) and bool(kind.is_variable_str())


def _text(name: bytes | str) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def _refused(path: str, given: str, expected: str) -> InputError:
    return InputError(given=f"{visible(path) or '/'} is {given}", expected=expected, remedy=REMEDY)
