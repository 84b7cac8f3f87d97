"""The reader for terminals: a line that moves, and above it what stays."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias, cast

from rich import filesize
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from pika_async import Running, SubmissionUncertainError, Transition, VideoSaved
from pika_async.cli._showing import batch_words, shown
from pika_async.cli._showing.output import Screen, write, write_path
from pika_async.cli._showing.plain import Plain
from pika_async.cli._showing.sentences import reason
from pika_async.cli._showing.words import printable, state_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import RenderableType

    from pika_async import PikaError
    from pika_async.cli._running.trail import Trail

_REFRESHES_PER_SECOND: Final = 8
_WIDEST_BAR: Final = 36
LETTERS: Final = "⠋━╸✓…"
"""What the lines that move are drawn with."""
# Below this many columns the bar and the time give way to the words.
_NARROW: Final = 64


class Terminal(Console):
    """A terminal whose cursor stays where it can be seen.

    Nobody would show it again where the process is stopped (Ctrl-Z), or killed.
    """

    def __init__(self) -> None:
        super().__init__(file=cast("IO[str]", Screen(sys.stderr)), highlight=False)

    def show_cursor(self, show: bool = True) -> bool:  # noqa: FBT002 - as it is called
        """Leave it as it is."""
        del show
        return False


class Live(Plain):
    """A spinner, words, a bar and the time; see :class:`Plain` for the arguments.

    What stays of a job is its id and how it ended, of a batch its failures.
    """

    def __init__(
        self,
        trail: Trail,
        console: Console,
        *,
        results: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(trail, results=results, now=now)
        self._console = console
        self._doing = "submitting"
        self._percent: int | None = None
        # Said when the moving line has gone, which results on stdout would break.
        self._at_the_end: list[Callable[[], None]] = []
        self._reason: Any = None
        self._repeated = 0
        self.bar = Bar(self._look, console, now)

    @contextmanager
    def live(self) -> Iterator[None]:
        """The line moves for as long as this lasts."""
        try:
            with self.bar:
                yield
        finally:
            self._tell_repeated()
            for say in self._at_the_end:
                say()

    def __call__(self, what: shown.Shown) -> None:
        """Show it."""
        match what:
            case shown.Watching(job_id):
                self._since = self._now()
                self._doing = "looking"
                self.bar.reset(self.bar.tasks[0].id)
                self._say(f"job {job_id}", "dim")
            case Transition(state=state):
                self._doing = state_words(state)
                self._percent = state.progress if isinstance(state, Running) else None
            case shown.Saving():
                self._doing = "saving the video"
                self._percent = self._estimate = None
            case VideoSaved():
                end = f"saved after {self._elapsed():.1f} s, {filesize.decimal(what.size)}"
                self._at_the_end += [partial(self._done, end), partial(write_path, what.path)]
            case shown.Link(video):
                end = f"succeeded, seen after {self._elapsed():.1f} s"
                self._at_the_end += [partial(self._done, end), partial(write, video.url)]
            case shown.StandsNow():
                # The line that moves says it all the time.
                pass
            case _:
                super().__call__(what)

    def _say(self, text: str, style: str = "") -> None:
        """A line that stays, above the one that moves."""
        self._console.print(Text(printable(text), style=style), soft_wrap=True)

    def _done(self, text: str) -> None:
        self._console.print(Text.assemble(("✓ ", "green"), text), soft_wrap=True)

    def _failed(self, line: str, error: PikaError | str) -> None:
        # What the service refuses for one reason, it may refuse a thousand times.
        why = error if isinstance(error, str) else reason(error)
        if why == self._reason:
            self._repeated += 1
            return
        self._tell_repeated()
        self._reason = why
        self._say(line, _colour(error))

    def _tell_repeated(self) -> None:
        if self._repeated:
            self._say(f"… and {self._repeated} more for that reason")
        self._repeated = 0

    def _look(self) -> Sight:
        progress = self._progress()
        if progress is None:
            left = self._time_left()
            below = [(f"  {left}", "dim")] if left else []
            total = None if self._percent is None else 100
            return self._doing, self._percent or 0, total, below
        below = [(batch_words.counts(progress), "")]
        if self._last_problem:
            below.append((f"last error: {self._last_problem}", _colour(self._last_error)))
        return batch_words.pace(progress), progress.finished, progress.total, below


def _colour(error: PikaError | str | None) -> str:
    # What is uncertain has not failed: a person has to look.
    return "yellow" if isinstance(error, SubmissionUncertainError) else "red"


Sight: TypeAlias = tuple[str, int, int | None, list[tuple[str, str]]]
"""Words, how much of how much is done, and lines below with their styles."""


class Bar(Progress):
    """One line of progress with lines below, looked at whenever it is drawn."""

    def __init__(
        self, look: Callable[[], Sight], console: Console, now: Callable[[], float]
    ) -> None:
        self._look = look
        columns: list[ProgressColumn] = [
            SpinnerColumn(style="cyan"),
            TextColumn("{task.description}", style="bold", markup=False),
        ]
        if console.width >= _NARROW:
            bar = BarColumn(
                None,
                complete_style="cyan",
                finished_style="cyan",
                pulse_style="cyan",
                table_column=Column(max_width=_WIDEST_BAR),
            )
            columns += [bar, TimeElapsedColumn()]
        super().__init__(
            *columns,
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_time=now,
        )
        self.add_task("")

    def get_renderables(self) -> Iterable[RenderableType]:
        """The lines as they are now."""
        words, completed, total, below = self._look()
        for task in self.tasks:
            task.description, task.completed, task.total = printable(words), completed, total
        yield from super().get_renderables()
        for text, style in below:
            # What does not fit must not wrap: the lines are counted to be taken away again.
            yield Text(printable(text), style=style, no_wrap=True, overflow="ellipsis")
