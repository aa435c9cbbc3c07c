"""Progress, notes, warnings and tables, on standard error."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console as Screen
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from autograin_cli.files.visible import visible
from autograin_cli.trajectory import Chunk, Keeper, Trajectory

Item = TypeVar("Item")
Advance = Callable[[int], None]
Tell = Callable[[int, int, str], None]

_LOG_WIDTH = 100
_SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True)
class Console:
    """What a person reads while a command runs; nothing of it goes to standard output.

    screen: standard error.
    progress: bars, drawn only on a terminal.
    quiet: whether only warnings are shown.
    verbose: whether details are shown.
    warnings: those told so far, for the artifact.
    """

    screen: Screen
    progress: Progress
    quiet: bool
    verbose: bool
    warnings: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Tell a fact or an assumption on a line of its own."""
        if not self.quiet:
            self._print(Text(visible(text)))

    def detail(self, text: str) -> None:
        """Tell what only a curious user wants to know."""
        if self.verbose:
            self.note(text)

    def warn(self, text: str) -> None:
        """Tell, and remember, what may make the result wrong."""
        self.warnings.append(text)
        self._print(Text.assemble(("warning: ", "bold yellow"), visible(text)))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table."""
        if self.quiet:
            return
        table = Table(title=Text(visible(title), "bold"), box=SIMPLE_HEAD, title_justify="left")
        for number, column in enumerate(columns):
            table.add_column(Text(column), overflow="fold", no_wrap=number == 0)
        for row in rows:
            table.add_row(*(Text(visible(cell)) for cell in row))
        self._print(table)

    def facts(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """Show names and values side by side."""
        if self.quiet:
            return
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in rows:
            grid.add_row(Text(visible(f"  {name}")), Text(visible(value)))
        self._print(Text(visible(title), "bold"))
        self._print(grid)
        self._print(Text())

    @contextmanager
    def task(self, description: str, total: int | None = None) -> Iterator[Advance]:
        """Show that something is going on; call what is yielded with the amount done.

        Args:
            description: of the work.
            total: amount of work; None where it is not known beforehand.
        """
        with self._row(description, total) as row:
            yield lambda amount: self.progress.advance(row, amount)

    @contextmanager
    def telling_task(self, description: str) -> Iterator[Tell]:
        """Show that something is going on; call what is yielded with how far it is, and words.

        Args:
            description: of the work.
        """

        def tell(done: int, total: int, words: str) -> None:
            told = f"{description}: {words}"
            self.progress.update(row, completed=done, total=total, description=told)

        with self._row(description, None) as row:
            yield tell

    @contextmanager
    def _row(self, description: str, total: int | None) -> Iterator[TaskID]:
        """Show a task while it lasts, and then how long it took."""
        started = monotonic()
        outermost = not self.progress.tasks
        row = self.progress.add_task(description, total=total)
        try:
            if outermost:
                with self._showing():
                    yield row
            else:
                yield row
        finally:
            self.progress.remove_task(row)
        self.note(f"{description}: {duration(monotonic() - started)}")

    def track(self, items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
        """Yield the items, and show how many have passed."""
        with self.task(description, total) as advance:
            for item in items:
                yield item
                advance(1)

    def watch(
        self, trajectory: Trajectory, description: str, keeper: Keeper | None = None
    ) -> "Watched":
        """Give a trajectory that shows how much of it has been read, and may be left."""
        return Watched(trajectory, self, description, keeper)

    def _showing(self) -> AbstractContextManager[object]:
        """Draw the bars on a terminal; elsewhere write a line from time to time."""
        return self._writing(self._tell_task) if self.progress.disable else self.progress

    def working(self) -> AbstractContextManager[object]:
        """Write a line from time to time while it lasts and no task is shown, but on no terminal.

        Whoever looks at a log sees that the command is alive, whatever it does.
        """
        started = monotonic()

        def tell() -> None:
            if not self.progress.tasks:
                self.note(f"working: {duration(monotonic() - started)}")

        return self._writing(tell) if self.progress.disable else nullcontext()

    @contextmanager
    def _writing(self, tell: Callable[[], None]) -> Iterator[None]:
        over = Event()

        def write() -> None:
            while not over.wait(_SECONDS_BETWEEN_LINES):
                tell()

        writer = Thread(target=write, daemon=True)
        writer.start()
        try:
            yield
        finally:
            over.set()
            writer.join()

    def _tell_task(self) -> None:
        for task in self.progress.tasks[-1:]:
            done = f", {task.percentage:.0f} %" if task.total else ""
            self.note(f"{task.description}: {duration(task.elapsed or 0.0)}{done}")

    def _print(self, shown: Any) -> None:
        self.screen.print(shown, soft_wrap=isinstance(shown, Text))


@dataclass(frozen=True)
class Watched:
    """A trajectory that shows on the console how much of it has been read."""

    source: Trajectory
    console: Console
    description: str
    keeper: Keeper | None = None

    @property
    def n_frames(self) -> int:
        """Frames of the source."""
        return self.source.n_frames

    @property
    def n_atoms(self) -> int:
        """Atoms of the source."""
        return self.source.n_atoms

    @property
    def has_forces(self) -> bool:
        """Whether the source has forces."""
        return self.source.has_forces

    def chunks(self, first: int = 0) -> Iterator[Chunk]:
        """Yield the frames of the source."""
        label = f"{self.description} ({self.n_frames} frames)"
        with self.console.task(label, self.n_frames) as advance:
            advance(first)
            for chunk in self.source.chunks(first):
                yield chunk
                advance(chunk.n_frames)


def open_console(*, quiet: bool, verbose: bool) -> Console:
    """Make a console on standard error, with colours and bars only if that is a terminal.

    `force_terminal` is given in either case, since rich would otherwise obey FORCE_COLOR and
    write escape codes into log files. It honours NO_COLOR by itself.
    """
    terminal = sys.stderr.isatty()
    screen = Screen(
        stderr=True,
        force_terminal=terminal,
        width=None if terminal else _LOG_WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
    )
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=quiet or not screen.is_interactive,
    )
    return Console(screen=screen, progress=progress, quiet=quiet, verbose=verbose)


def silent_console() -> Console:
    """Make a console that shows nothing: of a process beside the one that speaks."""
    screen = Screen(stderr=True, quiet=True)
    silent = Progress(console=screen, disable=True)
    return Console(screen=screen, progress=silent, quiet=True, verbose=False)


def duration(seconds: float) -> str:
    """Write a time for a person."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
