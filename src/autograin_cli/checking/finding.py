"""Finding: what one check of the input measured, and what follows."""

from dataclasses import dataclass

PASSED, WARNING, FAILED = "passed", "warning", "failed"
UNMEASURED, SKIPPED = "unmeasured", "skipped"
OUTCOMES = (PASSED, WARNING, FAILED, UNMEASURED, SKIPPED)


@dataclass(frozen=True)
class Finding:
    """What one check of the input found.

    name: code of the check.
    outcome: 'passed', 'warning', 'failed', 'unmeasured' (the input does not tell) or 'skipped' (by
        the user).
    measured: what was measured, or why nothing could be, in words.
    value: the number that was measured; absent where there is none.
    unit: of the number.
    expected: what a sound input shows.
    cause: what may be wrong; empty where nothing is.
    remedy: what to do about it; empty where nothing is wrong.
    """

    name: str
    outcome: str
    measured: str
    value: float | None = None
    unit: str = "1"
    expected: str = ""
    cause: str = ""
    remedy: str = ""


def passed(name: str, measured: str, value: float | None = None, unit: str = "1") -> Finding:
    """Say that a check found nothing wrong."""
    return Finding(name, PASSED, measured, value, unit)


def unmeasured(name: str, reason: str) -> Finding:
    """Say that the input does not tell, and why."""
    return Finding(name, UNMEASURED, reason)
