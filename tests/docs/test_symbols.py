"""The tables of symbols in the docs name what is in the code."""

import ast
import importlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("method", "neural", "joint")
COLUMNS = ["symbol", "meaning", "name in the code", "unit", "shape", "function"]


@dataclass(frozen=True)
class Row:
    """A row of a table: the cells by the names of their columns."""

    page: str
    line: int
    cells: dict[str, str]

    def quoted(self, column: str) -> list[str]:
        return re.findall(r"`([^`]+)`", self.cells[column])


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def rows(page: str) -> list[Row]:
    """Rows of all tables of a page that have a column of functions."""
    lines = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").splitlines()
    found, header = list[Row](), list[str]()
    for number, line in enumerate(lines, start=1):
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells_of(line)
        elif "function" in header and not line.startswith("| ---"):
            found.append(Row(page, number, dict(zip(header, cells_of(line), strict=True))))
    return found


ROWS = [row for page in PAGES for row in rows(page)]
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.page}:{row.line}")


@every_row
def test_the_function_of_a_symbol_is_there(row: Row) -> None:
    paths = row.quoted("function")
    assert paths
    for path in paths:
        assert resolve(path), path


@every_row
def test_the_name_of_a_symbol_is_used_where_the_table_says(row: Row) -> None:
    if "name in the code" not in row.cells:
        return
    modules = [resolve(path) for path in row.quoted("function")]
    used = {name for module in modules if module for name in identifiers(module)}
    wanted = row.quoted("name in the code")
    assert wanted
    assert set(wanted) <= used


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_equations_has_a_table_of_its_symbols(page: str) -> None:
    assert any(list(row.cells) == COLUMNS for row in rows(page))


@pytest.mark.parametrize("path", ["mapping.anneal.nothing", "mapping.nothing", "nothing"])
def test_a_function_that_is_not_there_is_missed(path: str) -> None:
    assert resolve(path) is None


def resolve(path: str) -> ModuleType | None:
    """Module of what a path names below autograin_cli; None where there is no such thing."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(["autograin_cli", *parts[:count]])
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not (error.name and name.startswith(error.name)):
                raise
            continue
        return module if has(module, parts[count:]) else None
    return None


def has(module: ModuleType, members: list[str]) -> bool:
    thing: object = module
    for member in members:
        # A field of a record without a default is no attribute of its class.
        if not hasattr(thing, member) and member not in getattr(thing, "__annotations__", {}):
            return False
        thing = getattr(thing, member, None)
    return True


@cache
def identifiers(module: ModuleType) -> frozenset[str]:
    """Names of all that a module defines, takes and assigns; of a package, of its modules."""
    assert module.__file__ is not None
    path = Path(module.__file__)
    files = path.parent.glob("*.py") if path.name == "__init__.py" else [path]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    return frozenset(name for node in nodes if (name := named(node)))


def named(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
            return name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case _:
            return None
