"""README.md beside the sample files: one section for each data set."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from checks import Check
from force_field import FORCE_FIELD

PREFACE = Path(__file__).with_name("samples_preface.md")


def sizes(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and size of each file in a folder."""
    for file in sorted(folder.iterdir()):
        yield f"size of `{file.name}`", f"{file.stat().st_size / 1000:.0f} kB"


def section_of(stem: str, settings: Iterable[tuple[str, str]], checks: list[Check]) -> str:
    """The section of README.md on one data set."""
    lines = [stem, "", "| setting | value |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in settings]
    lines += ["", "| check | measured | required |", "| --- | --- | --- |"]
    lines += [f"| {c.name} | {c.measured} | {c.required} |" for c in checks]
    return "\n".join(lines) + "\n"


def write_report(path: Path, *fresh: str) -> None:
    """Put sections into README.md, keeping those of the other data sets."""
    kept = path.read_text().split("\n## ")[1:] if path.exists() else []
    sections = {text.split("\n")[0]: text.rstrip() + "\n" for text in [*kept, *fresh]}
    source = json.loads(FORCE_FIELD.read_text())["source"]
    sections["Force field"] = f"Force field\n\n{source}\n"
    temporary = path.with_suffix(".writing")
    parts = [PREFACE.read_text(), *(sections[k] for k in sorted(sections))]
    temporary.write_text("\n## ".join(parts))
    os.replace(temporary, path)
