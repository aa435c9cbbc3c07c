"""Every code of a check, or of an error of the readers, has a page that says what to do."""

import ast
from pathlib import Path

import pytest

from autograin_cli.settings.checking import CHECKS
from wrong_inputs import cases

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "checks"
SECTIONS = ("## What is measured", "## Typical causes", "## Remedy", "## Example")


def codes_of_errors() -> set[str]:
    """Texts that are given as the code of an error anywhere in the package."""
    found = set()
    for module in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "code":
                found |= {node.value.value} if isinstance(node.value, ast.Constant) else set()
    return {str(code) for code in found}


CODES = sorted({*CHECKS, *codes_of_errors()})


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_a_page_and_stands_in_the_index(code: str) -> None:
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {code}\n")
    wanted = SECTIONS if code not in CHECKS else (*SECTIONS, "## Threshold, and why")
    assert all(section in page for section in wanted)
    assert f"]({code}.md)" in (PAGES / "index.md").read_text(encoding="utf-8")


def test_there_is_no_page_of_a_code_that_is_not() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {"index", *CODES}


def test_every_code_has_a_wrong_input_and_the_index_counts_them() -> None:
    assert {case.code for case in cases()} == set(CODES)
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    assert f"makes {len(cases())} wrong inputs" in index
