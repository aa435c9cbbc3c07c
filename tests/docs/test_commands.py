"""The commands of README.md and of every page in docs/ run as they are printed.

The convention for whoever writes a page:

* A block fenced as ```sh is run, as printed; blocks of any other language, and indented ones, are
  not. Every fenced block names its language (`text` where there is none).
* A page has a folder of its own, where its blocks run in their order, each by
  `bash -eu -o pipefail` with `.venv/bin` first on the path. A `cd` or a variable lasts for its
  block; files stay.
* HTML comments on lines of their own, outside blocks, say the rest. Of the page:

      <!-- files
      md.xtc = data/samples/otp.xtc
      -->              files or folders of the repository, linked into the folder under these names
      <!-- quick -->   the page takes less than 3 s and runs in the fast suite; else it is slow

  In its place among the blocks:

      <!-- prepare
      autograin fit-mapping md.xtc -s md.psf --beads 3
      -->              commands that are run but not shown

  Before a block:

      <!-- exit: 73 -->       the code that it ends with
      <!-- skip: gpu -->      it is not run; `pages.REASONS` has the reasons
      <!-- file: run.py -->   its text is a file of this name; in any language, and not run
      <!-- printed -->        it shows what the last commands printed: its lines, in this order. A
                              line `...` stands for any lines, `...` in a line for any text, and
                              numbers may differ by 2 %, as machines do

* A page takes less than a minute, better half of one. What takes hours stands in a ```text block
  with its time beside it; its options are checked against the parser, but it is not run.

`pytest tests/docs -k method` runs one page by its name.
"""

import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from autograin_cli.cli import autograin
from pages import ROOT, Page, PageError, Printed, Run, Save, read_page

PAGES = [read_page(path) for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))]
# With room for a busy machine; a page is meant to take half of a minute.
LIMIT = 300.0
SKIPPED_AT_MOST = 10
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
TOLERANCE = 0.02


def marked(page: Page) -> object:
    marks = [] if page.quick else [pytest.mark.slow]
    return pytest.param(page, id=page.name, marks=marks)


@pytest.mark.parametrize("page", [marked(page) for page in PAGES if page.steps])
def test_the_commands_of_a_page_run_as_printed(page: Page, tmp_path: Path) -> None:
    follow(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_names_its_language(page: Page) -> None:
    assert [block.line for block in page.blocks if not block.language] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_parser_takes_every_command_that_is_not_run(page: Page) -> None:
    shown = [block for block in page.blocks if block.language in {"text", "console", "bash"}]
    for block in shown:
        for name, arguments in commands_in(block.text):
            autograin.commands[name].make_context(name, arguments)


def test_few_blocks_are_not_run() -> None:
    skipped = [f"{page.name}:{line} {why}" for page in PAGES for line, why in page.skipped]
    assert len(skipped) <= SKIPPED_AT_MOST, skipped


def commands_in(text: str) -> list[tuple[str, list[str]]]:
    """Commands of autograin with their arguments, of lines that have no ellipsis in them."""
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = re.findall(r"^(?:\$ )?autograin ([a-z-]+) +(.*)$", joined, re.MULTILINE)
    whole = [(name, line) for name, line in lines if "..." not in line]
    known = [(name, line) for name, line in whole if name in autograin.commands]
    # What the shell takes for itself, or a remark, ends the command; a variable is a number.
    cut = [(name, re.split(r" (?:->|[|&>#])", line)[0]) for name, line in known]
    return [(name, shlex.split(re.sub(r"\$\w+", "1", line))) for name, line in cut]


def follow(page: Page, folder: Path, limit: float = LIMIT) -> None:
    """Do what the page says in a folder; AssertionError with the output where it does not hold."""
    for name, path in page.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(ROOT / path)
    end, output = time.monotonic() + limit, ""
    for step in page.steps:
        at = f"{page.path.name}, line {step.line}"
        match step:
            case Save():
                (folder / step.name).write_text(step.text, encoding="utf-8")
            case Printed():
                missing = not_printed(step.text, output)
                assert missing is None, f"{at}: '{missing}' was not printed:\n{output}"
            case Run():
                code, output = run(step.commands, folder, end - time.monotonic())
                assert code == step.exit_code, f"{at}: exit code {code}\n{output}"


def run(commands: str, folder: Path, limit: float) -> tuple[int, str]:
    """Run commands; give their exit code and all that they printed. None outlives its time."""
    path = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ["PATH"]])
    process = subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=max(limit, 0.1))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        pytest.fail(f"the page takes too long; it has printed\n{output}")
    return process.returncode, output


def not_printed(expected: str, output: str) -> str | None:
    """First line of a block that the output lacks, in its place in the order."""
    rest = iter(output.splitlines())
    for line in expected.splitlines():
        if line.strip() not in {"", "..."} and not any(alike(line, other) for other in rest):
            return line
    return None


def alike(expected: str, line: str) -> bool:
    """Whether a line is the one expected: '...' for any text, numbers within the tolerance."""
    numbers = [float(number) for number in NUMBER.findall(expected)]
    marked = NUMBER.sub("\0", " ".join(expected.split()))
    pattern = re.escape(marked).replace(re.escape("..."), ".*?")
    pattern = pattern.replace(re.escape("\0"), f"({NUMBER.pattern})")
    match = re.fullmatch(pattern, " ".join(line.split()))
    if match is None:
        return False
    pairs = zip(numbers, map(float, match.groups()), strict=True)
    return all(abs(a - b) <= TOLERANCE * abs(a) for a, b in pairs)


# --- that these tests can fail --------------------------------------------------------


def page_of(folder: Path, text: str) -> Page:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return read_page(path)


def test_blocks_of_a_page_share_their_folder_and_run_in_their_order(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        "<!-- files\nmd.psf = data/samples/otp.psf\n-->\n\n<!-- prepare\necho 1 > a\n-->\n"
        "<!-- file: b -->\n```text\n2\n```\n```sh\ncat a b; wc -c md.psf\n```\n"
        "<!-- printed -->\n```text\n1\n...\n2\n... md.psf\n```\n"
        "- in a list\n  ```sh\n  cat a | grep 1\n  ```\n```bash\nfalse\n```\n",
    )
    follow(page, tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```sh\nfalse\ntrue\n```\n", "line 1: exit code 1"),
        ("```sh\nfalse | true\n```\n", "exit code 1"),
        ("```sh\necho $unset\n```\n", "exit code"),
        ("<!-- exit: 3 -->\n```sh\nexit 2\n```\n", "line 2: exit code 2"),
        ("```sh\necho 1\n```\n<!-- printed -->\n```text\n2\n```\n", "'2' was not printed"),
        ("```sh\nprintf 'b\\na\\n'\n```\n<!-- printed -->\n```text\na\nb\n```\n", "'b' was not"),
    ],
)
def test_a_page_whose_commands_do_not_do_what_it_says_is_found(
    text: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=re.escape(complaint)):
        follow(page_of(tmp_path, text), tmp_path)


def test_a_page_that_takes_too_long_ends_with_its_children(tmp_path: Path) -> None:
    page = page_of(tmp_path, "```sh\n(sleep 1; touch late) &\nsleep 1\n```\n")
    with pytest.raises(pytest.fail.Exception, match="too long"):
        follow(page, tmp_path, limit=0.3)
    time.sleep(1)
    assert not (tmp_path / "late").exists()


@pytest.mark.parametrize(
    ("expected", "line", "same"),
    [
        ("L_AE 0.406 Å²", "L_AE  0.407 Å²", True),
        ("L_AE 0.406 Å²", "L_AE 0.43 Å²", False),
        ("3 beads", "4 beads", False),
        ("bond ... 1.5", "bond of A and B 1.5", True),
        ("-0.5 and 1e-3", "-0.5 and 1.01e-3", True),
        ("-0.5", "0.5", False),
        ("mapping.h5", "mapping.h5", True),
        ("mapping.h5", "mapping2.h5", False),
    ],
)
def test_numbers_may_differ_by_two_hundredths(expected: str, line: str, same: bool) -> None:
    assert alike(expected, line) is same


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<!-- skp: gpu -->\n```sh\ntrue\n```\n", "a comment is one of"),
        ("<!-- skip: laziness -->\n```sh\ntrue\n```\n", "what is skipped is one of"),
        ("<!-- exit: 3 -->\n\nand then\n", "does not stand before a block"),
        ("<!-- files\na = data/none\n-->\n", "there is no 'data/none'"),
        ("```sh\ntrue\n", "line 1: the block is not closed"),
        ("<!-- prepare\ntrue\n", "line 1: the comment is not closed"),
    ],
)
def test_a_page_that_does_not_keep_to_the_convention_is_refused(
    text: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(PageError, match=complaint):
        page_of(tmp_path, text)


def test_commands_that_are_not_run_are_found_without_what_the_shell_takes() -> None:
    text = (
        "autograin simulate p.h5 --ranks $N \\\n  --time 1ns  # a day\n$ autograin inspect a | less"
    )
    assert commands_in(text) == [
        ("simulate", ["p.h5", "--ranks", "1", "--time", "1ns"]),
        ("inspect", ["a"]),
    ]
