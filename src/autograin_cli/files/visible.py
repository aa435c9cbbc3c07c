"""Text that came from a file, as a person may safely see it."""


def visible(text: str) -> str:
    r"""Replace what a terminal would obey, or could not show, by its escape, as in '\x1b'."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
