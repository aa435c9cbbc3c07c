"""Names as other programs allow them."""

import re
from collections.abc import Sequence

_FOREIGN = re.compile(r"[^A-Za-z0-9_]")


def plain_names(names: Sequence[str], length: int) -> tuple[str, ...]:
    """Distinct names of letters, digits and underscores, a letter first, none too long.

    Args:
        names: distinct.
        length: of a name, at most.
    """
    found: list[str] = []
    for name in names:
        plain = _FOREIGN.sub("_", name)
        plain = plain if plain[:1].isalpha() else f"X{plain}"
        tries = [plain[:length], *(_numbered(plain, k, length) for k in range(2, len(names) + 2))]
        found.append(next(each for each in tries if each not in found))
    return tuple(found)


def _numbered(name: str, number: int, length: int) -> str:
    return f"{name[: length - len(str(number))]}{number}"
