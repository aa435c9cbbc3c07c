"""A file that HDF5 can write to without harm when the disk is full.

HDF5 2.0 ends the process with a segmentation fault when a write fails while it closes a file.
"""

import os
from collections.abc import Callable
from pathlib import Path


class DiskFile:
    """A new binary file that keeps in memory what the disk refuses, until someone asks.

    It has the methods that h5py wants of a file. After an error, or an interrupt, HDF5 goes on as
    if nothing had happened, and `check` raises what did.
    """

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            OSError: it exists, or cannot be created.
        """
        self._file = path.open("xb+", buffering=0)
        self._position = 0
        self._refused: list[tuple[int, bytes]] = []
        self._error: BaseException | None = None

    def check(self) -> None:
        """Raise the first error since the file was created."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; an end that the disk refused counts."""
        ends = [os.fstat(self._file.fileno()).st_size]
        ends += [start + len(part) for start, part in self._refused]
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: max(ends)}[whence]
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        """Give the position."""
        return self._position

    def write(self, part: bytes) -> int:
        """Write at the position, on the disk or else in memory."""
        start = self._position
        if not self._attempted(lambda: _write_all(self._file.fileno(), part, start)):
            self._refused.append((start, bytes(part)))
        self._position += len(part)
        return len(part)

    def read(self, size: int = -1) -> bytes:
        """Read at the position what was written, wherever it is; zeros beyond the end."""
        buffer = bytearray(max(0, size))
        self.readinto(buffer)
        return bytes(buffer)

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Read as many bytes as fit, as `read` does."""
        start, size = self._position, len(buffer)
        found = os.pread(self._file.fileno(), size, start)
        buffer[:] = found.ljust(size, b"\0")
        for first, part in self._refused:
            low, high = max(first, start), min(first + len(part), start + size)
            if low < high:
                buffer[low - start : high - start] = part[low - first : high - first]
        self._position += size
        return size

    def truncate(self, size: int) -> int:
        """Cut or extend the file."""
        self._attempted(lambda: os.truncate(self._file.fileno(), size))
        return size

    def flush(self) -> None:
        """Nothing waits in this object."""

    def _attempted(self, act: Callable[[], object]) -> bool:
        """Do it, unless something has failed before; say whether it was done."""
        if self._error is not None:
            return False
        try:
            act()
        except BaseException as error:  # noqa: BLE001  an interrupt inside HDF5 is as fatal
            self._error = error
        return self._error is None


def _write_all(descriptor: int, part: bytes, start: int) -> None:
    rest = memoryview(part)
    while rest:
        n_written = os.pwrite(descriptor, rest, start)
        rest, start = rest[n_written:], start + n_written
