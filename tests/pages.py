"""A page of Markdown as the steps that its reader takes: the grammar that tests/docs tests.

What counts is in fenced blocks and in HTML comments outside them; tests/docs/test_commands.py says
what each means.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
# Why a block is not run, on a machine with nothing but this checkout.
REASONS = {
    "gpu": "needs a GPU",
    "slurm": "needs a batch system",
    "install": "installs packages",
    "checkout": "runs the tests or writes into the checkout",
}
_FENCE = re.compile(r" *(?P<ticks>`{3,})(?P<language>[^`]*)$")
_COMMENT = re.compile(
    r"<!--\s*(?P<name>[a-z]+)(?::[ \t]*(?P<value>[^\n]*?))?\s*(?:\n(?P<lines>.*))?-->", re.S
)
_OF_THE_PAGE = {"files", "quick"}
_OF_A_BLOCK = {"exit", "skip", "file", "printed"}


class PageError(Exception):
    """The page does not keep to the convention."""


@dataclass(frozen=True)
class Comment:
    """`<!-- name: value -->`, or with lines of text after the name."""

    line: int
    name: str
    value: str
    text: str


@dataclass(frozen=True)
class Block:
    """A fenced block, with the comments that stand before it."""

    line: int
    language: str
    text: str
    comments: dict[str, Comment] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """Commands, and the exit code that they end with."""

    line: int
    commands: str
    exit_code: int = 0


@dataclass(frozen=True)
class Save:
    """A file of the reader: the text of a block under a name."""

    line: int
    name: str
    text: str


@dataclass(frozen=True)
class Printed:
    """What the last commands printed, or part of it."""

    line: int
    text: str


@dataclass(frozen=True)
class Page:
    """A page: the files of the repository it uses, by their names on the page, and its steps."""

    path: Path
    files: dict[str, str]
    quick: bool
    steps: list[Run | Save | Printed]
    skipped: list[tuple[int, str]]
    blocks: list[Block]

    @property
    def name(self) -> str:
        """Path without the root and the suffix."""
        folder = ROOT / "docs" if self.path.is_relative_to(ROOT / "docs") else self.path.parent
        return str(self.path.relative_to(folder).with_suffix(""))


def read_page(path: Path) -> Page:
    """Read a page; PageError names the line that does not keep to the convention."""
    try:
        return _read_page(path)
    except PageError as error:
        raise PageError(f"{path.name}, {error}") from error


def _read_page(path: Path) -> Page:
    blocks: list[Block] = []
    comments: list[Comment] = []
    steps: list[Run | Save | Printed] = []
    for part in _parts(path.read_text(encoding="utf-8").splitlines()):
        if isinstance(part, Comment):
            comments.append(part)
            if part.name == "prepare":
                steps.append(Run(part.line, part.text))
        else:
            blocks.append(part)
            steps.extend(_steps(part))
    return Page(
        path=path,
        files=_files([comment for comment in comments if comment.name == "files"]),
        quick=any(comment.name == "quick" for comment in comments),
        steps=steps,
        skipped=[(b.line, b.comments["skip"].value) for b in blocks if "skip" in b.comments],
        blocks=blocks,
    )


def _parts(lines: list[str]) -> Iterator[Comment | Block]:
    """Yield comments and blocks in their order; a block has the comments that belong to it."""
    waiting: dict[str, Comment] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        fence = _FENCE.fullmatch(line)
        if fence:
            block, number = _block(lines, number, fence, waiting)
            waiting = {}
            yield block
        elif line.lstrip().startswith("<!--"):
            comment, number = _comment(lines, number)
            if comment.name in _OF_A_BLOCK:
                waiting[comment.name] = comment
            else:
                yield comment
        else:
            if line.strip():
                _nothing_waits(waiting)
            number += 1
    _nothing_waits(waiting)


def _block(
    lines: list[str], start: int, fence: re.Match[str], comments: dict[str, Comment]
) -> tuple[Block, int]:
    """Give the block whose fence opens at a line, and the line after it."""
    for end in range(start + 1, len(lines)):
        if re.fullmatch(rf" *{fence['ticks']}`* *", lines[end]):
            text = dedent("\n".join(lines[start + 1 : end])) + "\n"
            return Block(start + 1, fence["language"].strip(), text, comments), end + 1
    raise PageError(f"line {start + 1}: the block is not closed")


def _comment(lines: list[str], start: int) -> tuple[Comment, int]:
    """Give the comment that begins at a line, and the line after it."""
    for end in range(start, len(lines)):
        if lines[end].rstrip().endswith("-->"):
            match = _COMMENT.fullmatch("\n".join(lines[start : end + 1]).strip())
            known = _OF_THE_PAGE | _OF_A_BLOCK | {"prepare"}
            if match is None or match["name"] not in known:
                raise PageError(f"line {start + 1}: a comment is one of {', '.join(sorted(known))}")
            name, value, text = match["name"], match["value"] or "", match["lines"] or ""
            return Comment(start + 1, name, value, dedent(text)), end + 1
    raise PageError(f"line {start + 1}: the comment is not closed")


def _nothing_waits(waiting: dict[str, Comment]) -> None:
    for comment in waiting.values():
        raise PageError(f"line {comment.line}: '{comment.name}' does not stand before a block")


def _files(comments: list[Comment]) -> dict[str, str]:
    """Give the path in the repository for each name on the page."""
    lines = [line for comment in comments for line in comment.text.splitlines() if line.strip()]
    pairs = [line.partition("=")[::2] for line in lines]
    files = {name.strip(): path.strip() for name, path in pairs}
    for path in files.values():
        if not (path and (ROOT / path).exists()):
            raise PageError(f"there is no '{path}' in the repository")
    return files


def _steps(block: Block) -> Iterator[Run | Save | Printed]:
    comments, line = block.comments, block.line
    if "skip" in comments and comments["skip"].value not in REASONS:
        raise PageError(f"line {line}: what is skipped is one of {', '.join(REASONS)}")
    if "file" in comments:
        yield Save(line, comments["file"].value, block.text)
    if "printed" in comments:
        yield Printed(line, block.text)
    if block.language == "sh" and not {"skip", "file"} & set(comments):
        yield Run(line, block.text, int(comments["exit"].value) if "exit" in comments else 0)
