"""The compressed coordinates of XTC frames, decoded by a compiled loop.

Coordinates are integers in units of the precision, packed into bits. An atom is stored either
from the corner of the smallest box around all atoms, or as a small difference from the atom
before; its three integers are packed as one number, z + size_z (y + size_y x), whose bytes stand
in the file with the least first. In a run of small differences the first two atoms are
interchanged, for the sake of water.

Source: `xdrfile_decompress_coord` of GROMACS' XDR library; its names stand in brackets.
"""

from typing import Any

import numba
import numpy as np

# fmt: off
# Sizes of small differences [magicints]: about 2^(k/3) for k bits. The first that is used is 9.
_SIZES = np.array([
    0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 10, 12, 16, 20, 25, 32, 40, 50, 64, 80, 101, 128, 161, 203, 256,
    322, 406, 512, 645, 812, 1024, 1290, 1625, 2048, 2580, 3250, 4096, 5060, 6501, 8192, 10321,
    13003, 16384, 20642, 26007, 32768, 41285, 52015, 65536, 82570, 104031, 131072, 165140, 208063,
    262144, 330280, 416127, 524287, 660561, 832255, 1048576, 1321122, 1664510, 2097152, 2642245,
    3329021, 4194304, 5284491, 6658042, 8388607, 10568983, 13316085, 16777216,
], dtype=np.int64)
# fmt: on
_LEAST_SMALL = 9
_MOST_SMALL = 72
_MOST_PACKED = 0xFFFFFF  # a larger size is stored on its own, not packed with the others

# Division by zero is excluded by the sizes; numba need not look for it.
_inlined = numba.njit(forceinline=True, error_model="numpy")
_compiled = numba.njit(error_model="numpy")


def _word(data: np.ndarray, bit: int) -> np.uint64:
    """64 bits from a position on, the first as the highest."""
    byte, shift = np.uint64(bit) >> np.uint64(3), np.uint64(bit) & np.uint64(7)
    # Written out, this becomes one load and one swap of bytes; as a loop it takes thrice as long.
    word = (
        (np.uint64(data[byte]) << np.uint64(56))
        | (np.uint64(data[byte + np.uint64(1)]) << np.uint64(48))
        | (np.uint64(data[byte + np.uint64(2)]) << np.uint64(40))
        | (np.uint64(data[byte + np.uint64(3)]) << np.uint64(32))
        | (np.uint64(data[byte + np.uint64(4)]) << np.uint64(24))
        | (np.uint64(data[byte + np.uint64(5)]) << np.uint64(16))
        | (np.uint64(data[byte + np.uint64(6)]) << np.uint64(8))
        | np.uint64(data[byte + np.uint64(7)])
    )
    behind = np.uint64(data[byte + np.uint64(8)])
    return (word << shift) | (behind >> (np.uint64(8) - shift))


_word_compiled = _inlined(_word)


def _number(data: np.ndarray, bit: int, n_bits: int) -> np.uint64:
    """1 to 64 bits as a number whose bytes stand with the least first, the last one incomplete."""
    word = _word_compiled(data, bit)
    low = np.uint64(0x00FF00FF00FF00FF)
    word = ((word & low) << np.uint64(8)) | ((word >> np.uint64(8)) & low)
    low = np.uint64(0x0000FFFF0000FFFF)
    word = ((word & low) << np.uint64(16)) | ((word >> np.uint64(16)) & low)
    word = (word << np.uint64(32)) | (word >> np.uint64(32))
    n_whole = np.uint64((n_bits - 1) & ~7)
    n_last = np.uint64(n_bits) - n_whole
    last = ((word >> n_whole) & np.uint64(255)) >> (np.uint64(8) - n_last)
    return (word & ((np.uint64(1) << n_whole) - np.uint64(1))) | (last << n_whole)


_number_compiled = _inlined(_number)


def _divide_long(data: np.ndarray, bit: int, n_bits: int, size: int) -> tuple[np.uint64, np.uint64]:
    """Quotient and remainder of a number of 65 to 72 bits, digit by digit of 24 bits."""
    low, high = _number_compiled(data, bit, 64), _number_compiled(data, bit + 64, n_bits - 64)
    divisor, digit, mask = np.uint64(size), np.uint64(24), np.uint64(0xFFFFFF)
    rest = (low >> np.uint64(48)) | (high << np.uint64(16))
    quotient = rest // divisor
    rest -= quotient * divisor
    for shift in (24, 0):
        rest = (rest << digit) | ((low >> np.uint64(shift)) & mask)
        quotient = (quotient << digit) | (rest // divisor)
        rest -= (rest // divisor) * divisor
    return quotient, rest


_divide_long_compiled = _compiled(_divide_long)


def _unpack(
    data: np.ndarray, bit: int, n_bits: int, size_y: int, size_z: int
) -> tuple[np.int64, np.int64, np.int64]:
    """Three integers packed into a number of at most 72 bits [decodeints]."""
    if n_bits > 64:
        rest, z = _divide_long_compiled(data, bit, n_bits, size_z)
    else:
        number = _number_compiled(data, bit, n_bits)
        rest = number // np.uint64(size_z)
        z = number - rest * np.uint64(size_z)
    x = rest // np.uint64(size_y)
    return np.int64(x), np.int64(rest - x * np.uint64(size_y)), np.int64(z)


_unpack_compiled = _inlined(_unpack)


def _bit_length(number: int) -> int:
    """Bits that hold a number [sizeofint]."""
    n_bits = 0
    while number > 0:
        number >>= 1
        n_bits += 1
    return n_bits


_bit_length_compiled = _compiled(_bit_length)


def _packed_bits(x: int, y: int, z: int) -> int:
    """Bits that hold the product of three sizes [sizeofints]; 0 if they are not packed."""
    if max(x, y, z) > _MOST_PACKED:
        return 0
    area = x * y
    high = (area >> 24) * z + (((area & 0xFFFFFF) * z) >> 24)
    if high > 0:
        return 24 + _bit_length_compiled(high)
    return _bit_length_compiled(area * z)


_packed_bits_compiled = _compiled(_packed_bits)


def _unpacked(data: np.ndarray, bit: int, n_bits: int) -> Any:
    """Read an integer that is stored on its own [decodebits]."""
    return np.int64(_word_compiled(data, bit) >> np.uint64(64 - n_bits))


_unpacked_compiled = _compiled(_unpacked)


def _decode(
    data: np.ndarray, bit: int, end: int, sizes: np.ndarray, small: int, atoms: np.ndarray
) -> bool:
    """Decode one frame into `atoms`, integers from the corner; say whether it is sound."""
    n_x, n_y = _bit_length_compiled(sizes[0]), _bit_length_compiled(sizes[1])
    n_packed = _packed_bits_compiled(sizes[0], sizes[1], sizes[2])
    n_corner = n_packed if n_packed else n_x + n_y + _bit_length_compiled(sizes[2])
    n_atoms, atom, n_run = atoms.shape[0], 0, 0
    while atom < n_atoms and bit < end:
        if n_packed:
            x, y, z = _unpack_compiled(data, bit, n_packed, sizes[1], sizes[2])
        else:
            x = _unpacked_compiled(data, bit, n_x)
            y = _unpacked_compiled(data, bit + n_x, n_y)
            z = _unpacked_compiled(data, bit + n_x + n_y, n_corner - n_x - n_y)
        bit += n_corner
        change, flags = 0, _unpacked_compiled(data, bit, 6)
        bit += 1
        if flags >= 32:  # another run than before, and another size behind it [is_smaller]
            bit += 5
            n_run, change = (flags - 32) // 3, (flags - 32) % 3 - 1
        # Where nothing is near, the writer may leave an index behind the table, unused.
        if atom + n_run >= n_atoms or (n_run and not _LEAST_SMALL <= small <= _MOST_SMALL):
            return False
        corner, place, size = atom + (n_run > 0), atom, _SIZES[small] if n_run else 0
        atoms[corner, 0], atoms[corner, 1], atoms[corner, 2] = x, y, z
        for _ in range(n_run):
            dx, dy, dz = _unpack_compiled(data, bit, small, size, size)
            bit += small
            x, y, z = x + dx - (size >> 1), y + dy - (size >> 1), z + dz - (size >> 1)
            atoms[place, 0], atoms[place, 1], atoms[place, 2] = x, y, z
            place += 2 if place < corner else 1
        atom += n_run + 1
        small += change
    return atom == n_atoms and end - 32 < bit <= end


_decode_compiled = _compiled(_decode)


def _decode_frames(
    data: np.ndarray,
    ranges: np.ndarray,
    corners: np.ndarray,
    small: np.ndarray,
    units: np.ndarray,
    positions: np.ndarray,
) -> int:
    """Decode frames into an array.

    Args:
        data: bytes of the frames, and at least 128 more, uint8.
        ranges: begin and end of the compressed part of each frame, bytes, (frames, 2), int64.
        corners: least integers, and sizes of the box from there, (frames, 2, 3), int64, sizes > 0.
        small: index of the size of small differences at the beginning, (frames,), int64.
        units: Å of one unit of the integers, (frames,).
        positions: where to, Å, (frames, atoms, 3), float64.

    Returns:
        The first damaged frame, or -1.
    """
    for f in range(positions.shape[0]):
        low, sizes, atoms = corners[f, 0], corners[f, 1], positions[f]
        if not _decode_compiled(data, 8 * ranges[f, 0], 8 * ranges[f, 1], sizes, small[f], atoms):
            return f
        inside = True
        for a in range(atoms.shape[0]):
            for k in range(3):
                inside &= 0 <= atoms[a, k] < sizes[k]
                atoms[a, k] = (atoms[a, k] + low[k]) * units[f]
        if not inside:
            return f
    return -1


decode_frames = numba.njit(error_model="numpy", cache=True, nogil=True)(_decode_frames)
