"""Write docs/cli.md, the command reference, from the help of the commands.

python docs/cli_page.py           rewrite the page; exit with 1 if it was out of date
python docs/cli_page.py --check   only say whether it is
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from autograin_cli.cli import autograin

PAGE = Path(__file__).with_name("cli.md")
_WIDTH = 96
_HEAD = """# Command reference

Written by `docs/cli_page.py` from the help of the commands: change that, not this.
"""


def page() -> str:
    """Compose the whole page."""
    sections = [f"## {name}\n\n```text\n{text}\n```\n" for name, text in helps()]
    return "\n".join([_HEAD, *sections])


def helps() -> Iterator[tuple[str, str]]:
    """Yield the name and the help of the program and of each command."""
    context = _context(autograin, "autograin", None)
    yield "autograin", context.get_help()
    for name in autograin.list_commands(context):
        command = autograin.commands[name]
        yield f"autograin {name}", _context(command, name, context).get_help()


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=_WIDTH,
        color=False,
        help_option_names=["-h", "--help"],
    )


def main(arguments: list[str]) -> int:
    """Bring the page up to date, or check it; give the exit code."""
    new = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == new:
        return 0
    if "--check" not in arguments:
        PAGE.write_text(new, encoding="utf-8")
    print(f"{PAGE} was out of date: run 'make docs' and look at the change", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
