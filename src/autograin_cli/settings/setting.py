"""One setting: its default, what it means, and what is allowed."""

from dataclasses import field
from typing import Any


def setting(
    default: Any,
    meaning: str,
    *,
    unit: str = "",
    choices: tuple[str, ...] = (),
    least: float | None = None,
    most: float | None = None,
) -> Any:
    """Describe one setting: its default, what it means, its unit and what is allowed."""
    description = {"help": meaning, "unit": unit, "choices": choices, "least": least, "most": most}
    return field(default=default, metadata=description)
