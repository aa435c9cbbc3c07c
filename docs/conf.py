"""How Sphinx builds these pages: `make docs`. Nothing is fetched from the network."""

import click
from sphinx.application import Sphinx

from autograin_cli import __version__

project = "autograin"
author = "the autograin authors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx_click"]
# The command reference for people who read on a code host; here it is commands.md, which has a
# target for each option. Both come from the help of the commands.
exclude_patterns = ["cli.md", "figures", "paper", "style"]
# Options begin with two hyphens, and stay so.
smartquotes = False
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["style"]
html_css_files = ["tables.css"]
html_title = f"autograin {version}"
html_copy_source = False
html_show_sphinx = False


def keep_lines(_app: Sphinx, _context: click.Context, lines: list[str]) -> None:
    """Show the end of a help, examples and exit codes, as it stands in a terminal."""
    text = [line.removeprefix("| ").rstrip() for line in lines]
    lines[:] = [".. code-block:: text", "", *(f"   {line}".rstrip() for line in text), ""]


def setup(app: Sphinx) -> None:
    """Tell Sphinx of the above."""
    app.connect("sphinx-click-process-epilog", keep_lines)
