"""The live status line, where stderr is a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pika_async import Running
from pika_async.cli._report import JSONReport, Report, state_words, write_path
from pika_async.cli._words import printable, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import RenderableType

    from pika_async import JobState, Transition, Video

_REFRESHES_PER_SECOND: Final = 8
_BAR_WIDTH: Final = 36
# Below this many columns the bar gives way to the words.
_NARROW: Final = 64


def report_for(*, as_json: bool) -> Report:
    """JSON where asked for, a moving line on a terminal, plain lines elsewhere."""
    if as_json:
        return JSONReport()
    console = Console(stderr=True, highlight=False)
    if sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal:
        return LiveReport(console)
    return Report()


class LiveReport(Report):
    """A line that moves while the job runs, and the time left below it.

    What stays is the job's id and how it ended.
    """

    def __init__(self, console: Console, **options: Any) -> None:
        super().__init__(**options)
        self._console = console
        self._spinner = Spinner("dots", style="cyan")
        self._state: JobState | None = None
        self._doing = "submitting"
        # Said when the line has gone: results on stdout would be written over it.
        self._results: list[Callable[[], None]] = []

    @contextmanager
    def live(self) -> Iterator[None]:
        """Around the waiting."""
        try:
            with Live(
                get_renderable=self._lines,
                console=self._console,
                refresh_per_second=_REFRESHES_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            ):
                yield
        finally:
            for say in self._results:
                say()

    def note(self, text: str) -> None:
        """A line that stays, above the one that moves."""
        self._console.print(Text(printable(text)), soft_wrap=True)

    def started(self, job_id: str) -> None:
        """There is a job."""
        self._since = self._now()
        self._doing = "looking"
        self._console.print(Text(printable(f"job {job_id}"), style="dim"), soft_wrap=True)

    def transition(self, transition: Transition) -> None:
        """The job has another state."""
        self._state = transition.state
        self._doing = state_words(transition.state)

    def saving(self) -> None:
        """A download begins."""
        self._doing = "saving the video"
        self._state = None
        self._estimate = None

    def saved(self, video: Video, path: Path, count: int) -> None:
        """A video of ``count`` bytes is there."""
        text = f"saved after {self.elapsed():.1f} s, {size(count)}"
        self._results += [partial(self._done, text), partial(write_path, path)]

    def link(self, video: Video) -> None:
        """A video that was not to be saved."""
        text = f"succeeded, seen after {self.elapsed():.1f} s"
        self._results += [partial(self._done, text), partial(super().link, video)]

    def _done(self, text: str) -> None:
        self._console.print(Text.assemble(("✓ ", "green"), text), soft_wrap=True)

    def _lines(self) -> RenderableType:
        left = self._time_left()
        if left is None:
            return self._line()
        # Below the bar, which would change its width with every word. What does not fit must not
        # wrap: the lines are counted to be taken away again.
        below = Text(f"  {left}", style="dim", no_wrap=True, overflow="ellipsis")
        return Group(self._line(), below)

    def _line(self) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        state = self._state
        cells: list[RenderableType] = [self._spinner]
        if isinstance(state, Running):
            bar = self._console.width >= _NARROW
            cells += [Text("running", style="bold"), *_progress(state, bar=bar)]
        else:
            cells.append(Text(printable(self._doing), style="bold"))
        line.add_row(*cells, Text(f"{self.elapsed():.0f} s", style="dim"))
        return line


def _progress(state: Running, *, bar: bool) -> list[RenderableType]:
    known = state.progress is not None
    cells: list[RenderableType] = []
    if bar:
        cells.append(
            ProgressBar(
                total=100,
                completed=state.progress or 0,
                pulse=not known,
                width=_BAR_WIDTH,
                complete_style="cyan",
                finished_style="cyan",
                pulse_style="cyan",
            )
        )
    return [*cells, Text(f"{state.progress:3d} %")] if known else cells
