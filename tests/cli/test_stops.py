"""Reasons to stop: signals and time, and handlers that are put back."""

import os
import signal
from time import monotonic

import pytest

from autograin_cli.cli.stops import asked_to_stop


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_a_signal_is_a_reason_to_stop_and_ends_nothing(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with asked_to_stop(monotonic(), None) as reason:
        assert reason() is None
        os.kill(os.getpid(), number)
        assert reason() == name
    assert signal.getsignal(number) == before


def test_a_second_interrupt_interrupts() -> None:
    with asked_to_stop(monotonic(), None) as reason:
        os.kill(os.getpid(), signal.SIGINT)
        assert reason() == "SIGINT"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_time_that_was_given_is_a_reason_to_stop_when_it_is_over() -> None:
    with asked_to_stop(monotonic() - 3601.0, 1.0) as reason:
        assert reason() == "--max-hours 1"
    with asked_to_stop(monotonic() - 3599.0 + 60.0, 1.0) as reason:
        assert reason() is None
