"""A simulation as a command runs it: logged, stopped in order, gone on with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from autograin_cli.cli.console import Console
from autograin_cli.cli.stops import SECONDS_WORTH_KEEPING, Reason, asked_to_stop, stopped
from autograin_cli.errors import AutograinError, CheckpointedError, DivergenceError
from autograin_cli.files.resuming import Begun
from autograin_cli.files.run_log import FoundLog, RunLog, Shape, find_log, new_log
from autograin_cli.settings import StoppingSettings
from autograin_cli.simulation.engine import Snapshot


@dataclass(frozen=True)
class Run:
    """A simulation whose snapshots are logged until its result has been written.

    log: path of the log.
    begun: settings that the result depends on, and inputs.
    stopping: when to stop, and whether to go on.
    started: when the command began, by the monotonic clock, s.
    """

    log: Path
    begun: Begun
    stopping: StoppingSettings
    started: float

    def kept(
        self,
        snapshots: Callable[[Snapshot | None], Iterator[Snapshot]],
        shape: Shape,
        spell: int,
        console: Console,
    ) -> Iterator[Snapshot]:
        """Yield all snapshots of the run, those of the log first.

        Args:
            snapshots: gives those after one, or all.
            shape: of each.
            spell: snapshots from one that the run can go on from to the next.
            console: where it is told how far the run was.

        Raises:
            CheckpointedError: it was asked to stop before its end.
            ResumeError: the log is of other settings or inputs.
            InputError: it is damaged, or none at all.
            FileAccessError: it cannot be written.
        """
        found, last = self._found(shape, spell, console), None
        with asked_to_stop(self.started, self.stopping.max_hours) as reason:
            for last in found.snapshots() if found else ():
                yield last
            log = new_log(self.log, self.begun, shape) if found is None else found.go_on()
            with log:
                rest = snapshots(last)
                yield from self._logged(rest, log, reason, spell, begins=found is None)

    def _logged(
        self,
        snapshots: Iterator[Snapshot],
        log: RunLog,
        reason: Reason,
        spell: int,
        *,
        begins: bool,
    ) -> Iterator[Snapshot]:
        time = None
        try:
            for number, snapshot in enumerate(snapshots, start=1):
                log.append(snapshot)
                time = snapshot.time
                yield snapshot
                stop = reason()
                # A signal cannot wait; time that is over can, or a run might never get on.
                if stop and (number % spell == 0 or not stop.startswith("--")):
                    raise self._stopped(stop, time, begins=begins)
        except CheckpointedError:
            raise
        except AutograinError as error:
            # A batch system sends its signal to the programs of other engines too, which fail then.
            if stop := reason():
                raise self._stopped(stop, time, begins=begins) from error
            if begins and (time is None or isinstance(error, DivergenceError)):
                self.discard()
            raise

    def _found(self, shape: Shape, spell: int, console: Console) -> FoundLog | None:
        """Find the log that the run goes on from; None where it begins."""
        if not self.stopping.resume:
            return None
        if not self.log.exists():
            console.note(f"no log {self.log}: the run begins")
            return None
        found = find_log(self.log, self.begun, shape).whole(spell)
        console.note(f"going on after {found.n_snapshots} frames")
        return found

    def _stopped(self, reason: str, time: float | None, *, begins: bool) -> BaseException:
        early = monotonic() - self.started < SECONDS_WORTH_KEEPING
        if reason == "SIGINT" and early and begins:
            self.discard()
            return KeyboardInterrupt()
        reached = "" if time is None else f", at {time:g} ps"
        return stopped("the run", reason, self.started, reached, self.log)

    def discard(self) -> None:
        """Remove the log of a run whose result has been written."""
        self.log.unlink(missing_ok=True)
