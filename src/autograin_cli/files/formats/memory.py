"""A bound on what a foreign reader may take: a file of few bytes may claim many atoms."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

try:
    import resource
except ImportError:  # a system without such limits
    resource = None  # type: ignore[assignment]

_ROOM = 2**29  # bytes, for any file
_BYTES_OF_A_BYTE = 500  # that a reader may take for one of the file, which may be packed


@contextmanager
def bounded_by(paths: Sequence[Path]) -> Iterator[None]:
    """Let no more memory be taken, while it lasts, than files of these sizes can need.

    Raises:
        MemoryError: more was asked for.
    """
    taken = _taken()
    if resource is None or taken is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = taken + _ROOM + _BYTES_OF_A_BYTE * sum(os.path.getsize(path) for path in paths)
    if soft == resource.RLIM_INFINITY or most < soft:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _taken() -> int | None:
    """Bytes of addresses that this process has taken; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
