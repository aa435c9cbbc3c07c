"""Why a training should stop before its end: a signal, or the time that it was given."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType

_SECONDS_OF_AN_HOUR = 3600.0
# What a person, a batch system and a batch system that gives notice send.
NAMES = ("SIGINT", "SIGTERM", "SIGUSR1")

Reason = Callable[[], str | None]


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

    def reason() -> str | None:
        return heard[0] if heard else hours_are_over(started, max_hours)

    listed = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.signal(number, hear) for number in listed}
    try:
        yield reason
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def hours_are_over(started: float, max_hours: float | None) -> str | None:
    """Give the reason where a command has had its time, else None; see `asked_to_stop`."""
    over = max_hours is not None and monotonic() - started >= max_hours * _SECONDS_OF_AN_HOUR
    return f"--max-hours {max_hours:g}" if over else None
