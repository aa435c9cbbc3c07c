"""The digest of an artifact: SHA-256 over names, types, shapes, values and attributes."""

import hashlib
import json
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

UNDIGESTED_GROUP = "autograin/provenance"
UNDIGESTED_ATTRIBUTES = ("content_sha256", "complete")


class ValuesDigest:
    """The digest of one array that comes in parts, along its first axis."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._length = 0
        self._type = ""

    def update(self, part: NDArray[Any]) -> None:
        """Add the next part; an array that is a single number or text is one part."""
        self._sha256.update(np.ascontiguousarray(part).tobytes())
        self._length += part.shape[0] if part.ndim else 1
        self._type = f"{_type_name(part.dtype)} {part.ndim} {part.shape[1:]}"

    def hexdigest(self) -> str:
        """Give the digest of values, type and shape."""
        whole = self._sha256.copy()
        whole.update(f"{self._type} {self._length}".encode())
        return whole.hexdigest()


class ContentDigest:
    """The digest of all that is in an artifact, whatever the order it came in."""

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}

    def add(self, path: str, values: ValuesDigest) -> None:
        """Add a dataset, unless it lies in the provenance."""
        if not _is_undigested(path):
            self._entries[path] = values.hexdigest()

    def add_attribute(self, path: str, name: str, value: NDArray[Any]) -> None:
        """Add an attribute of the object at `path`, unless it is the digest itself."""
        if not _is_undigested(path) and not (path == "" and name in UNDIGESTED_ATTRIBUTES):
            values = ValuesDigest()
            values.update(value)
            self._entries[f"{path}@{name}"] = values.hexdigest()

    def hexdigest(self) -> str:
        """Give the digest of all entries."""
        return hashlib.sha256(json.dumps(sorted(self._entries.items())).encode()).hexdigest()


def _is_undigested(path: str) -> bool:
    return path == UNDIGESTED_GROUP or path.startswith(f"{UNDIGESTED_GROUP}/")


def _type_name(dtype: np.dtype[Any]) -> str:
    names = h5py.check_enum_dtype(dtype) if dtype.kind != "b" else None
    return f"{dtype.str} {sorted(names.items())}" if names else dtype.str
