"""What may happen to a file: bytes, words of a text, and what is in an HDF5 file."""

import struct
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np

from autograin_cli.errors import AutograinError
from autograin_cli.files.storage.hdf5 import Contents, opened

WHOLE = (0, 1, -1, 2, 255, 2**15, 2**16 - 1, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**63 - 1)
REAL = (0.0, -0.0, 1e-308, -1.0, 1e9, 1e30, 1e300, float("nan"), float("inf"), float("-inf"))
WORDS = (
    *("", "0", "-1", "nan", "inf", "1e999", "-1e-999", "0x10", "1_000", "٣", "9" * 30, "9" * 5000),
    *(
        "true",
        "null",
        "../../x",
        "/etc/passwd",
        "<script>alert(1)</script>",
        "\0",
        "\x1b[2J",
        "a/b",
    ),
    *("\u202eabc", "\u2028", "\ud800", "[", "]", "{", "}", "'", '"', "&a", "*a", "!!set", "<!--"),
    *("a" * 70, "é" * 40, "%s", "${x}", "\t", "\r", "\n", "[" * 3000, "- " * 2000, "<a>" * 2000),
)


def damage_bytes(content: bytes, other: bytes, draw: Random) -> bytes:
    """Change bytes of a file at a few places, perhaps with those of another file."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4, 16))):
        place = draw.randrange(len(data) + 1)
        draw.choice((_flip, _flip, _number, _number, _cut, _repeat, _splice))(
            data, place, other, draw
        )
    return bytes(data)


def _flip(data: bytearray, place: int, _: bytes, draw: Random) -> None:
    if place < len(data):
        data[place] ^= 1 << draw.randrange(8)


def _number(data: bytearray, place: int, _: bytes, draw: Random) -> None:
    """Put a number that programs stumble over, at a place where numbers stand."""
    order, code = draw.choice("<>"), draw.choice("bhiqfd")
    if code in "fd":
        packed = struct.pack(order + code, draw.choice(REAL[:5] + REAL[7:]))
    else:
        size = struct.calcsize(code)
        packed = (draw.choice(WHOLE) % 256**size).to_bytes(
            size, "little" if order == "<" else "big"
        )
    place -= place % draw.choice((1, 4))
    data[place : place + len(packed)] = packed


def _cut(data: bytearray, place: int, _: bytes, draw: Random) -> None:
    length = draw.choice((1, 4, 64, len(data)))
    del data[place : place + length]


def _repeat(data: bytearray, place: int, _: bytes, draw: Random) -> None:
    part = data[place : place + draw.choice((1, 4, 64, 1024))]
    data[place:place] = part * draw.choice((1, 2, 50))


def _splice(data: bytearray, place: int, other: bytes, draw: Random) -> None:
    begin = draw.randrange(len(other) + 1)
    length = draw.choice((4, 64, 1024))
    data[place : place + length] = other[begin : begin + length]


def damage_text(content: bytes, other: bytes, draw: Random) -> bytes:
    """Change words and lines of a text; sometimes bytes."""
    if draw.random() < 0.2:
        return damage_bytes(content, other, draw)
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    for _ in range(draw.choice((1, 1, 2, 5))):
        number = draw.randrange(len(lines))
        act = draw.choice(("word", "word", "word", "drop", "twice", "swap", "insert", "spaces"))
        if act == "drop" and len(lines) > 1:
            del lines[number]
        elif act == "twice":
            lines[number:number] = [lines[number]] * draw.choice((1, 3, 200))
        elif act == "swap":
            second = draw.randrange(len(lines))
            lines[number], lines[second] = lines[second], lines[number]
        elif act == "insert":
            place = draw.randrange(len(lines[number]) + 1)
            lines[number] = lines[number][:place] + draw.choice(WORDS) + lines[number][place:]
        elif act == "spaces":
            lines[number] = lines[number].replace(" ", "") if draw.random() < 0.5 else ""
        else:
            lines[number] = _with_word(lines[number], draw)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _with_word(line: str, draw: Random) -> str:
    words = line.split(" ")
    filled = [k for k, word in enumerate(words) if word] or [0]
    words[draw.choice(filled)] = str(draw.choice((*WORDS, *WHOLE, *REAL)))
    return " ".join(words)


def damage_hdf5(path: Path, draw: Random) -> None:
    """Change what is in an HDF5 file, and put right the digest that it names."""
    with h5py.File(path, "r+") as file:
        places: list[str] = []
        file.visit(places.append)
        for _ in range(draw.choice((1, 1, 1, 2, 4))):
            with suppress(OSError, TypeError, ValueError, KeyError, RuntimeError):
                _damage_object(file, draw.choice(places), places, draw)
    put_digest_right(path)


def put_digest_right(path: Path) -> None:
    """Make a file name the digest of what it holds, if it is one that can be read."""
    try:
        with opened(path) as file:
            digest = Contents(file, lambda _: None).digest()
    except AutograinError:
        return
    with h5py.File(path, "r+") as file:
        file.attrs["content_sha256"] = np.bytes_(digest)


def _damage_object(file: h5py.File, place: str, places: list[str], draw: Random) -> None:
    found = file.get(place)
    if found is None:
        return
    act = draw.random()
    if act < 0.08:
        del file[place]
    elif act < 0.14:
        file.move(
            place, f"{place.rpartition('/')[0]}/{draw.choice(('x', '..', '%2F', 'a b'))}{act}"
        )
    elif act < 0.24 and found.attrs:
        _damage_attribute(found, draw)
    elif act < 0.30:
        kept = file.get(draw.choice(places))
        if kept is not None:
            file.copy(kept, file, f"{place}_{act}")
    elif isinstance(found, h5py.Dataset):
        _damage_values(file, place, found, draw)


def _damage_attribute(found: Any, draw: Random) -> None:
    name = draw.choice(list(found.attrs))
    value = draw.choice((None, 1, -1.0, np.bytes_("x"), np.bytes_("nm"), np.zeros(3), np.True_))
    del found.attrs[name]
    if value is not None:
        found.attrs[name] = value


def _damage_values(file: h5py.File, place: str, found: h5py.Dataset, draw: Random) -> None:
    values, attributes = found[()], dict(found.attrs)
    values = _other_values(np.array(values), draw)
    del file[place]
    dtype = h5py.string_dtype("utf-8", values.dtype.itemsize) if values.dtype.kind == "S" else None
    file.create_dataset(place, data=values, dtype=dtype)
    for name, value in attributes.items():
        file[place].attrs[name] = value


def _other_values(values: Any, draw: Random) -> Any:
    act = draw.random()
    if values.dtype.kind == "S":
        texts = [draw.choice(WORDS).encode("utf-8", "surrogatepass")[:200] or b" "]
        return np.array(texts * values.size).reshape(values.shape)
    if act < 0.15:
        with np.errstate(all="ignore"):
            return values.astype(draw.choice(("f4", "i4", "u8", "f8", ">f8", "i8", "?")))
    if act < 0.30 and values.ndim:
        length = draw.choice((0, 1, max(0, len(values) - 1), len(values) + 1, 2 * len(values)))
        return np.resize(values, (length, *values.shape[1:]))
    if act < 0.35:
        return values[None]
    with np.errstate(all="ignore"):
        number = np.array(draw.choice(REAL if values.dtype.kind == "f" else WHOLE))
        number = number.astype(values.dtype)
    if act < 0.45 or not values.size:
        return np.full_like(values, number)
    if act < 0.55:
        return values.ravel()[:: draw.choice((-1, 1))].reshape(values.shape)
    flat = values.copy().ravel()
    for _ in range(draw.choice((1, 1, 3))):
        flat[draw.randrange(flat.size)] = number
    return flat.reshape(values.shape)
