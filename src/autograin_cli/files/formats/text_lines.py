"""Text read line by line, or many lines at once, and the numbers in its columns."""

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np

_LONGEST_LINE = 2**20  # bytes
_MOST_LINES = 2**62  # that a number of 64 bits counts
_SPACE, _TAB, _NEWLINE, _RETURN = 32, 9, 10, 13
_POWERS = 10.0 ** np.arange(23)  # exact in double precision
_MOST_DIGITS = 18  # that fit into 64 bits

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
_inlined = numba.njit(forceinline=True, error_model="numpy")


class EndlessLineError(ValueError):
    """A line that is longer than any program writes."""


class Lines:
    """Lines in order.

    offset: of the next line, bytes.
    whole: whether the line that was read or passed last ends with its mark.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Begin with the first of the pieces of a text."""
        self.offset = 0
        self.whole = True
        self._pieces = pieces
        self._piece = b""
        self._at = 0

    def line(self) -> bytes | None:
        """Read the next line, without its end; None if there is none."""
        end = self._piece.find(b"\n", self._at)
        while end < 0:
            held = len(self._piece) - self._at
            if held > _LONGEST_LINE:
                raise EndlessLineError
            if not self._refill():
                break
            end = self._piece.find(b"\n", held)
        if end < 0 and self._at == len(self._piece):
            return None
        self.whole = end >= 0
        behind = end + 1 if self.whole else len(self._piece)
        found = self._piece[self._at : end if self.whole else behind]
        self.offset += behind - self._at
        self._at = behind
        return found.rstrip(b"\r")

    def skip(self, n_lines: int, most: int = _MOST_LINES) -> int:
        """Pass lines; give how many there were, in hardly more than so many bytes at most."""
        n_lines = left = min(n_lines, _MOST_LINES)
        end = self.offset + most
        while left > 0:
            if self.offset > end:
                return n_lines - left
            at, left = _pass_lines(np.frombuffer(self._piece, dtype=np.uint8), self._at, left)
            self.offset += at - self._at
            self._at = at
            if left > 0:
                rest = len(self._piece) - self._at
                if rest > _LONGEST_LINE:
                    raise EndlessLineError
                if not self._refill():
                    self.whole = rest == 0
                    self.offset += rest
                    self._at += rest
                    return n_lines - left + (rest > 0)
        self.whole = True
        return n_lines

    def _refill(self) -> bool:
        """Put the next piece behind what is left of this one."""
        piece = next(self._pieces, None)
        while piece == b"":
            piece = next(self._pieces, None)
        if piece is None:
            return False
        self._piece = self._piece[self._at :] + piece
        self._at = 0
        return True


@_compiled
def _pass_lines(data: np.ndarray, at: int, n_lines: int) -> tuple[int, int]:
    """Go behind the ends of lines; give the place behind the last one, and lines left."""
    behind = at
    for k in range(at, data.shape[0]):
        if data[k] == _NEWLINE:
            n_lines -= 1
            behind = k + 1
            if n_lines == 0:
                break
    return behind, n_lines


@_inlined
def _scaled(mantissa: np.uint64, exponent: int) -> float:
    """A whole number times a power of ten; exact where both are small, else to the last bit."""
    value = float(mantissa)
    while exponent > 0 and value > 0.0 and value < np.inf:
        step = min(exponent, 22)
        value *= _POWERS[step]
        exponent -= step
    while exponent < 0 and value > 0.0:
        step = min(-exponent, 22)
        value /= _POWERS[step]
        exponent += step
    return value


@_inlined
def _mantissa(data: np.ndarray, at: int, end: int) -> tuple[int, np.uint64, int, int]:
    """Digits and a point: the place behind, their number, its power of ten, digits seen."""
    mantissa, exponent, n_digits, n_seen, point = np.uint64(0), 0, 0, 0, 0
    while at < end:
        byte = data[at]
        if 48 <= byte <= 57:
            n_seen += 1
            if n_digits < _MOST_DIGITS:
                mantissa = mantissa * np.uint64(10) + np.uint64(byte - 48)
                n_digits += 1 if mantissa > np.uint64(0) else 0
                exponent -= point
            else:
                exponent += 1 - point
        elif byte == 46 and not point:
            point = 1
        else:
            break
        at += 1
    return at, mantissa, exponent, n_seen


@_inlined
def _exponent(data: np.ndarray, at: int, end: int) -> tuple[int, int]:
    """A letter and a power of ten: the place behind, or -1 if it is none, and the power."""
    if data[at] | 32 not in (100, 101):  # d, e
        return -1, 0
    at += 1
    sign = -1 if at < end and data[at] == 45 else 1
    at += 1 if at < end and data[at] in (43, 45) else 0
    power, first = 0, at
    while at < end and 48 <= data[at] <= 57:
        power = min(power * 10 + int(data[at]) - 48, 9999)
        at += 1
    return (at, sign * power) if at > first else (-1, 0)


_mantissa_compiled: Any = _mantissa
_exponent_compiled: Any = _exponent
_scaled_compiled: Any = _scaled


@_inlined
def _number(data: np.ndarray, at: int, end: int) -> tuple[bool, float]:
    """Read a number that fills a range of bytes; anything like 'nan' or 'inf' is not finite."""
    sign = -1.0 if data[at] == 45 else 1.0
    at += 1 if data[at] in (43, 45) else 0
    if at < end and data[at] | 32 in (105, 110):  # i, n
        return end - at in (3, 8), np.nan
    at, mantissa, exponent, n_seen = _mantissa_compiled(data, at, end)
    if at < end and n_seen > 0:
        at, power = _exponent_compiled(data, at, end)
        exponent += power
    return at == end and n_seen > 0, sign * _scaled_compiled(mantissa, exponent)


@_inlined
def _label(data: np.ndarray, at: int, end: int) -> np.uint64:
    """A number that two texts share by chance alone (FNV-1a)."""
    found = np.uint64(14695981039346656037)
    for k in range(at, end):
        found = (found ^ np.uint64(data[k])) * np.uint64(1099511628211)
    return found


@_inlined
def _next_word(data: np.ndarray, at: int, end: int) -> tuple[int, int]:
    """Where the next word of a line begins and ends; nowhere at the end of the line."""
    while at < end and data[at] in (_SPACE, _TAB, _RETURN):
        at += 1
    first = at
    while at < end and data[at] > _SPACE:
        at += 1
    return first, at


_number_compiled: Any = _number
_label_compiled: Any = _label
_next_word_compiled: Any = _next_word


def _parse(
    data: np.ndarray,
    at: int,
    end: int,
    places: np.ndarray,
    numbers: np.ndarray,
    labels: np.ndarray,
) -> int:
    """Read the numbers in some columns of lines.

    Args:
        data: text, uint8.
        at, end: where the lines begin and end in it.
        places: where each column goes, (columns,), int64: a column of `numbers`, -1 for nowhere,
            -2 for `labels`.
        numbers: to fill, (lines, numbers), float64.
        labels: to fill with a number that stands for a text, (lines,), uint64.

    Returns:
        The first line that has fewer columns, or something else than a number; else -1.
    """
    for line in range(numbers.shape[0]):
        for column in range(places.shape[0]):
            first, at = _next_word_compiled(data, at, end)
            place, sound = places[column], at > first
            if sound and place >= 0:
                sound, numbers[line, place] = _number_compiled(data, first, at)
            elif place == -2:
                labels[line] = _label_compiled(data, first, at)
            if not sound:
                return line
        while at < end and data[at] != _NEWLINE:
            at += 1
        at += 1
    return -1


parse_columns = _compiled(_parse)
