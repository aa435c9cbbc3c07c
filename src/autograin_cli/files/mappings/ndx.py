"""Mappings as index groups of GROMACS: each group is a bead."""

import re

from autograin_cli.errors import InputError
from autograin_cli.files.mappings.written import WrittenBead, clear_name, shown

_TITLE = re.compile(r"\[\s*(.*?)\s*\]")
_LONGEST_INDEX = 12  # digits
_REMEDY = "correct the file: docs/engines.md shows what a mapping may hold"


def read_ndx(text: str) -> tuple[WrittenBead, ...]:
    """Read the beads of a frame; a group counts atoms from 1, a bead from 0.

    Raises:
        InputError: a line is neither a title nor indices, or indices stand before any title.
    """
    groups: list[tuple[str, list[int]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.split(";", 1)[0].strip()
        title = _TITLE.fullmatch(content)
        if title:
            groups.append((clear_name(title[1]), []))
        elif content and not groups:
            raise _wrong(number, content, "a title first, as in [ A ]")
        elif content:
            groups[-1][1].extend(_index(word, number) for word in content.split())
    return tuple(WrittenBead(kind, tuple(atoms), None, origin=1) for kind, atoms in groups)


def _index(word: str, line: int) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= _LONGEST_INDEX) or int(word) < 1:
        raise _wrong(line, word, "indices of atoms, counted from 1")
    return int(word) - 1


def _wrong(line: int, given: str, expected: str) -> InputError:
    return InputError(
        given=f"line {line}: {shown(given)}",
        expected=expected,
        remedy=_REMEDY,
    )
