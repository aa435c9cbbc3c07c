"""The result of a command, on standard output: a path, or JSON."""

import json
import os
import sys
from math import isfinite
from typing import Any

import click


def tell_result(path: str, summary: dict[str, Any], *, as_json: bool) -> None:
    """Write the result to standard output: the path of the artifact, or JSON."""
    if as_json:
        write_json({"output": path, **summary})
    else:
        click.echo(os.fsencode(path))  # a name of a file need not be text


def write_json(value: Any) -> None:
    """Write JSON to standard output; a number that is not finite becomes null.

    What the encoding of standard output does not have is escaped as JSON does.
    """
    finite = _finite(value)
    text = json.dumps(finite, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(finite, indent=2, allow_nan=False)
    click.echo(text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value
