"""Standard output and standard error as other programs leave them: closed, full, without a reader.

Neither may end the work: a log that cannot be written is no reason to lose a run of days, and a
result that cannot be told is told of when all has been done.
"""

import errno
import io
import os
import sys
from typing import Any, TextIO


class PatientStream(io.RawIOBase):
    """A file descriptor that drops what it cannot write, and remembers why.

    error: the first that came; None while all is well.
    """

    def __init__(self, descriptor: int) -> None:
        """Write to a descriptor, which stays open."""
        self._descriptor = descriptor
        self.error: OSError | None = None

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def fileno(self) -> int:
        """Give the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a person is looking."""
        return os.isatty(self._descriptor)

    def write(self, part: Any, /) -> int:
        """Write all bytes, or drop what the system refuses; give the length in either case."""
        rest = memoryview(part)
        size = len(rest)
        try:
            while rest and self.error is None:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            self.error = error
        return size


def patient_streams() -> PatientStream:
    """Put patient streams in the place of standard output and standard error.

    A closed one is opened on nothing, so that no file of ours takes its number. What an encoding
    does not have is written as an escape.

    Returns:
        Standard output.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    output, errors = PatientStream(1), PatientStream(2)
    sys.stdout = _text(output, sys.stdout)
    sys.stderr = _text(errors, sys.stderr)
    return output


def _text(stream: PatientStream, before: TextIO | None) -> TextIO:
    encoding = before.encoding if before else "utf-8"
    buffer = io.BufferedWriter(stream)
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=True)


def refusal(output: PatientStream) -> str:
    """Say why the result could not be told; '' where it was, or its reader wanted no more."""
    sys.stdout.flush()
    if output.error is None or output.error.errno == errno.EPIPE:
        return ""
    return output.error.strerror or str(output.error)
