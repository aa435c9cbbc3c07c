"""Numbers for types of molecules as they are typed: '2', or 'ethane=2,water=1'."""

from collections.abc import Sequence

from autograin_cli.errors import SettingError


def counts(option: str, text: str, types: Sequence[str]) -> tuple[int, ...]:
    """Give each type of molecule its number: one for all, or by type.

    Args:
        option: what the text was given to, such as '--beads'.
        text: as typed.
        types: names of the types of molecules.

    Returns:
        Numbers of 1 or more, one for each type.

    Raises:
        SettingError: the text is neither, or a type is missing, unknown or named twice.
    """
    given = f"{option} {text}"
    if "=" not in text:
        if not _is_count(text):
            raise _wrong(given, types)
        return (int(text),) * len(types)
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.rpartition("="))
        if name not in types:
            raise _wrong(f"{given}, where {name or part.strip()!r} is no type of molecule", types)
        if name in found:
            raise _wrong(f"{given}, which names {name} twice", types)
        if not _is_count(number):
            raise _wrong(f"{given}, where {name} is {number!r}", types)
        found[name] = int(number)
    missing = [name for name in types if name not in found]
    if missing:
        raise _wrong(f"{given}, which says nothing of {', '.join(missing)}", types)
    return tuple(found[name] for name in types)


def _is_count(text: str) -> bool:
    return text.strip().isdecimal() and int(text) >= 1


def _wrong(given: str, types: Sequence[str]) -> SettingError:
    example = ",".join(f"{name}=1" for name in types)
    return SettingError(
        given=given,
        expected=f"a whole number from 1, or one for each type of molecule: {', '.join(types)}",
        remedy=f"write one number for all, or {example} with your numbers; --select leaves types "
        "out",
    )
