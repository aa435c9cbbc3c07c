"""Writing an artifact: datasets with units, and the digest of what was meant to be written."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from autograin_cli.files.storage.digest import ContentDigest, ValuesDigest
from autograin_cli.files.storage.disk import DiskFile
from autograin_cli.files.storage.records import text_array
from autograin_cli.files.storage.schema import SCHEMA_NAME, SCHEMA_VERSION, UNITS_FOR_MDANALYSIS

_CHUNK_BYTES = 2**18
_LIBRARY_VERSIONS = ("v108", "v110")  # the same bytes for the same content


class ContentWriter:
    """A new HDF5 file; a context that closes it, whatever happened."""

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            OSError: it exists, or cannot be created.
        """
        self._disk = DiskFile(path)
        # No cache of chunks: they are written whole, and a full disk is to be noticed at once.
        self._file = h5py.File(self._disk, "w", libver=_LIBRARY_VERSIONS, rdcc_nbytes=0)
        self._digest = ContentDigest()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file.

        Raises:
            OSError: the disk has refused a part of it.
        """
        self.close()
        if error is None:
            self.check()

    def close(self) -> None:
        """Close the file, however little of it is on the disk; closing twice is harmless."""
        self._file.close()
        self._disk.close()

    def check(self) -> None:
        """Raise what the disk has refused since the file was created, an OSError."""
        self._disk.check()

    def dataset(self, path: str, array: NDArray[Any], unit: str) -> None:
        """Write a whole array."""
        as_text = h5py.string_dtype("utf-8", array.dtype.itemsize)
        dtype = as_text if array.dtype.kind == "S" else array.dtype
        self._file.create_dataset(path, data=array.astype(dtype), dtype=dtype)
        values = ValuesDigest()
        values.update(array)
        self._digest.add(path, values)
        self._set_unit(path, unit)

    def stream(
        self, path: str, shape: tuple[int, ...], dtype: type[np.generic], unit: str, n_rows: int
    ) -> "Stream":
        """Create a dataset that grows, of rows of a shape, `n_rows` of them in a chunk."""
        dataset = self._file.create_dataset(
            path,
            shape=(0, *shape),
            maxshape=(None, *shape),
            chunks=(n_rows, *shape),
            dtype=dtype,
            fletcher32=True,
        )
        self._set_unit(path, unit)
        return Stream(dataset)

    def end_stream(self, path: str, stream: "Stream", links: tuple[str, ...] = ()) -> None:
        """Add a dataset that grew to the digest, and link it under other paths too."""
        unit = self._file[path].attrs["unit"]
        for name in (path, *links):
            self._digest.add(name, stream.values)
            if path not in UNITS_FOR_MDANALYSIS:
                self._digest.add_attribute(name, "unit", np.asarray(unit))
        for name in links:
            self._file[name] = stream.dataset

    def _set_unit(self, path: str, unit: str) -> None:
        """Set the unit of a dataset, as MDAnalysis wants it where MDAnalysis reads it.

        That is as a text of variable length, which our reader leaves alone: see `hdf5`.
        """
        if path in UNITS_FOR_MDANALYSIS:
            self._file[path].attrs["unit"] = unit
        else:
            self.attribute(path, "unit", text_array([unit]).reshape(()))

    def group(self, path: str) -> None:
        """Make a group, if it is not there yet."""
        self._file.require_group(path)

    def attribute(self, path: str, name: str, value: Any) -> None:
        """Set an attribute of a group or a dataset; the path of the root is ''."""
        array = np.asarray(value)
        is_text = array.dtype.kind == "S"
        dtype = h5py.string_dtype("utf-8", array.dtype.itemsize) if is_text else array.dtype
        self._file[f"/{path}"].attrs.create(name, array.astype(dtype), dtype=dtype)
        self._digest.add_attribute(path, name, array)

    def reference(self, path: str, name: str, target: str) -> None:
        """Set an attribute that refers to a group, as H5MD demands."""
        self._file[path].attrs[name] = self._file[target].ref
        self._digest.add_attribute(path, name, np.array(f"/{target}".encode()))

    def complete(
        self, kind: str, schema: str = SCHEMA_NAME, version: tuple[int, int] = SCHEMA_VERSION
    ) -> str:
        """Write what the file is, its digest, and last that it is complete.

        Returns:
            The digest.
        """
        told = ".".join(map(str, version))
        for name, text in (("schema", schema), ("schema_version", told), ("kind", kind)):
            self.attribute("", name, np.bytes_(text))
        digest = self._digest.hexdigest()
        self.attribute("", "content_sha256", np.bytes_(digest))
        self._file.flush()
        self.attribute("", "complete", np.True_)
        return digest


class Stream:
    """A dataset that grows along its first axis, and the digest of its values.

    dataset: of h5py.
    values: the digest so far.
    """

    def __init__(self, dataset: Any) -> None:
        """Begin with no rows."""
        self.dataset = dataset
        self.values = ValuesDigest()

    def append(self, rows: NDArray[Any]) -> None:
        """Write further rows."""
        n_before = self.dataset.shape[0]
        self.dataset.resize(n_before + len(rows), axis=0)
        self.dataset[n_before:] = rows
        self.values.update(rows)


def rows_of_a_chunk(row_bytes: int) -> int:
    """How many rows make a chunk of a size that a disk likes."""
    return max(1, _CHUNK_BYTES // max(1, row_bytes))
