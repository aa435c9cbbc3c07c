"""What a command keeps of long work: its checkpoint, and why it should stop before its end."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from torch import Tensor

from autograin_cli.cli.console import Console, duration
from autograin_cli.cli.stops import SECONDS_WORTH_KEEPING, heard_by, hours_are_over, stopped
from autograin_cli.errors import CheckpointedError, FileAccessError
from autograin_cli.files.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from autograin_cli.files.resuming import Begun, check_no_checkpoint, check_same, checkpoint_path
from autograin_cli.potential.neural.training_state import TrainingState
from autograin_cli.settings import StoppingSettings
from autograin_cli.trajectory import PassState

_SECONDS_BETWEEN_CHECKPOINTS = 300.0
# They change how long work takes and where, or name files that are known by their content.
_NOT_OF_THE_RESULT = {
    *("device", "threads", "max_hours", "resume", "topology", "forces"),
    *("check_only", "skip_check"),
}

Sums = Callable[[], dict[str, Tensor]]


class AskedToStop(BaseException):
    """A signal came at a moment at which there is nothing to wait for."""


def settings_of_result(*records: Any, **others: Any) -> str:
    """Settings that a result depends on, as JSON."""
    chosen = {name: value for record in records for name, value in asdict(record).items()} | others
    return json.dumps({n: value for n, value in chosen.items() if n not in _NOT_OF_THE_RESULT})


def check_beginning(path: Path, stopping: StoppingSettings, *, overwrite: bool) -> None:
    """Check, before anything is read, that no checkpoint is lost by beginning again.

    Args:
        path: of the checkpoint.
        stopping: whether to go on with it.
        overwrite: whether to begin again in its place.

    Raises:
        OutputExistsError: there is one, and it is neither gone on from nor to be overwritten.
    """
    if not stopping.resume:
        check_no_checkpoint(path, overwrite)


class Keeper:
    """Keeps how far the passes, searches and trainings of a command are, and stops it in order.

    To it a pass is whatever is done piece by piece: frames are read, or steps are taken.
    """

    def __init__(
        self,
        output: Path,
        begun: Begun,
        stopping: StoppingSettings,
        console: Console,
        started: float,
        *,
        writes: bool = True,
    ) -> None:
        """Find the checkpoint that the work goes on from.

        Args:
            output: of the command.
            begun: settings that the result depends on, and inputs.
            stopping: when to stop, and whether to go on.
            console: where it is told.
            started: when the command began, by the monotonic clock, s.
            writes: whether this process is the one that writes.

        Raises:
            ResumeError: the checkpoint is of other settings or inputs.
            InputError: it is damaged, or none at all.
        """
        self.path, self.writes = checkpoint_path(output), writes
        self.found: Checkpoint | None = None
        self.console = console
        self._work, self.max_hours = begun, stopping.max_hours
        self.started = self._kept = started
        self._passes: list[tuple[int, Sums]] = []
        self._reading, self._heard = False, ""
        if stopping.resume and self.path.exists():
            self.found = load_checkpoint(self.path)
            check_same(Begun(self.found.settings, self.found.inputs), begun)
            console.note(f"going on after {duration(self.found.seconds)} of work")
        elif stopping.resume:
            console.note(f"no checkpoint {self.path}: the work begins")

    @property
    def state(self) -> TrainingState | None:
        """Where a training goes on; None where it begins."""
        if self.found is None or not self.found.state.members:
            return None
        return self.found.state

    # --- passes -----------------------------------------------------------------------

    def begun(self) -> PassState | None:
        """Begin the next pass; give how far it was when it was left, None where it begins."""
        number = len(self._passes)
        known = self.found.passes[number : number + 1] if self.found else ()
        self._reading = True
        return known[0] if known else None

    def passed(self, n_frames: int, sums: Sums) -> None:
        """Learn how far the pass is; called after every piece of it.

        Raises:
            CheckpointedError: the work was asked to stop.
        """
        if reason := self._reason():
            self._passes.append((n_frames, sums))
            raise self._stopped(reason)
        if self.is_time:
            self._passes.append((n_frames, sums))
            self.save_if_possible()
            self._passes.pop()

    def ended(self, n_frames: int, sums: Sums) -> None:
        """Learn that the pass has ended.

        Raises:
            CheckpointedError: the work was asked to stop.
        """
        known = self.found.passes if self.found else ()
        was_over = [one.n_frames for one in known[len(self._passes) :][:1]] == [n_frames]
        self._passes.append((n_frames, sums))
        self._reading = False
        # What was over before is no progress: a command that stopped here could never end.
        if reason := self._heard if was_over else self._reason():
            raise self._stopped(reason)
        if monotonic() - self._kept >= SECONDS_WORTH_KEEPING:
            self.save_if_possible()

    def _reason(self) -> str | None:
        return self._heard or hours_are_over(self.started, self.max_hours)

    # --- stops ------------------------------------------------------------------------

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stop in order at a signal while it lasts: at the next piece of a pass, else at once.

        Ctrl-C in the first minute, or for the second time, ends the work and keeps nothing.

        Raises:
            CheckpointedError: a signal came.
        """
        with heard_by(self._hear):
            try:
                yield
            except AskedToStop as asked:
                raise self._stopped(str(asked)) from None

    def _hear(self, number: int, _: FrameType | None) -> None:
        early = monotonic() - self.started < SECONDS_WORTH_KEEPING
        if number == signal.SIGINT and (early or self._heard):
            raise KeyboardInterrupt
        if self._heard:
            return
        self._heard = signal.Signals(number).name
        if not self._reading:
            raise AskedToStop(self._heard)

    def _stopped(self, reason: str) -> BaseException:
        """Write the checkpoint, and give the error that ends the command."""
        if not self.writes:
            return SystemExit(CheckpointedError.exit_code)
        self.save(self.state)
        return stopped("the command", reason, self.started, "", self.path)

    # --- the file ---------------------------------------------------------------------

    @property
    def is_time(self) -> bool:
        """Whether the last checkpoint was long ago."""
        return monotonic() - self._kept >= _SECONDS_BETWEEN_CHECKPOINTS

    def save(self, training: TrainingState | None) -> None:
        """Write the checkpoint.

        Args:
            training: where a training goes on; None before it begins.

        Raises:
            FileAccessError: it cannot be written; the one before is still there.
        """
        if self.writes:
            whole = monotonic() - self.started + (self.found.seconds if self.found else 0.0)
            state = training or TrainingState(())
            passes = tuple(PassState(n_frames, sums()) for n_frames, sums in self._passes)
            later = self.found.passes[len(passes) :] if self.found else ()
            work = (self._work.settings, self._work.inputs)
            save_checkpoint(Checkpoint(*work, whole, state, passes + later), self.path)
        self._kept = monotonic()

    def save_if_possible(self, training: TrainingState | None = None) -> None:
        """Write the checkpoint; a disk that is full for a while does not end the work.

        Args:
            training: where a training goes on; None for where it was found.
        """
        try:
            self.save(training or self.state)
        except FileAccessError as error:
            self._kept = monotonic()
            self.console.note(f"no checkpoint was written: {error.given}")

    def discard(self) -> None:
        """Remove the checkpoint of work whose result has been written."""
        if self.writes:
            self.path.unlink(missing_ok=True)
