"""Why long work should stop before its end, and the error that says so."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType

from autograin_cli.cli.console import duration
from autograin_cli.errors import CheckpointedError
from autograin_cli.files.visible import visible

_SECONDS_OF_AN_HOUR = 3600.0
# Ctrl-C before that ends work and keeps nothing; a pass that took less is not worth a checkpoint.
SECONDS_WORTH_KEEPING = 60.0
# What a person, a batch system and a batch system that gives notice send.
_NAMES = ("SIGINT", "SIGTERM", "SIGUSR1")

Reason = Callable[[], str | None]
Hear = Callable[[int, FrameType | None], None]


@contextmanager
def heard_by(hear: Hear) -> Iterator[None]:
    """Let a function hear the signals that ask to stop, while it lasts."""
    listed = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.signal(number, hear) for number in listed}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def asked_to_stop(started: float, max_hours: float | None) -> Iterator[Reason]:
    """Listen to signals while it lasts; call what is yielded for a reason to stop, or None.

    A second Ctrl-C interrupts at once.

    Args:
        started: when the command began, by the monotonic clock, s.
        max_hours: time that it was given; None for all it needs.
    """
    heard: list[str] = []

    def hear(number: int, _: FrameType | None) -> None:
        heard.append(signal.Signals(number).name)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    with heard_by(hear):
        yield lambda: heard[0] if heard else hours_are_over(started, max_hours)


def hours_are_over(started: float, max_hours: float | None) -> str | None:
    """Give the reason where a command has had its time, else None; see `asked_to_stop`."""
    over = max_hours is not None and monotonic() - started >= max_hours * _SECONDS_OF_AN_HOUR
    return f"--max-hours {max_hours:g}" if over else None


def stopped(what: str, reason: str, started: float, reached: str, kept: Path) -> CheckpointedError:
    """Give the error of work that was stopped before its end.

    Args:
        what: 'the run', 'the training' or the like.
        reason: from `asked_to_stop`.
        started: when the command began, by the monotonic clock, s.
        reached: how far it came, with a comma before it; '' where there is nothing to say.
        kept: file that holds the rest.
    """
    return CheckpointedError(
        given=f"{what} was stopped by {reason} after {duration(monotonic() - started)}{reached}",
        expected=f"{what.replace('the ', 'a ')} that ends by itself",
        remedy=f"give the same command with --resume: {visible(str(kept))} holds the rest",
    )
