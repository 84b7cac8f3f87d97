"""The progress of a batch as it moves, where stderr is a terminal."""

from __future__ import annotations

import re
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pika_async.cli._batch_report import BatchReport, JSONResults, NoResults, Results
from pika_async.cli._batch_words import counts, pace
from pika_async.cli._words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from pika_async.cli._batch_trail import BatchTrail

_REFRESHES_PER_SECOND: Final = 4
_NARROWEST_BAR: Final = 10
_WIDEST_BAR: Final = 40


def batch_report_for(trail: BatchTrail, saved_in: str | None, *, as_json: bool) -> BatchReport:
    """Lines that move where stderr is a terminal, but never among the lines of stdout."""
    console = Console(stderr=True, highlight=False)
    stderr_moves = sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal
    stdout_shows = sys.stdout.isatty()
    results = JSONResults(trail) if as_json else Results(trail)
    if not stderr_moves or (as_json and stdout_shows):
        return BatchReport(trail, results, saved_in)
    return LiveBatchReport(
        trail, NoResults(trail) if stdout_shows else results, saved_in, console=console
    )


class LiveBatchReport(BatchReport):
    """A bar, a line of counts and the last error; failures stay above them."""

    def __init__(
        self,
        trail: BatchTrail,
        results: Results,
        saved_in: str | None,
        *,
        console: Console,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(trail, results, saved_in, now)
        self._console = console
        self._reason = ""
        self._repeated = 0

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
            self._tell_repeated()

    def note(self, text: str) -> None:
        """A line that stays, above those that move."""
        self._console.print(Text(printable(text)), soft_wrap=True)

    def progressed(self) -> None:
        """It is seen all the time."""

    def _show_failure(self, line: str) -> None:
        # A key that is not accepted is not accepted a thousand times; ids and numbers differ.
        reason = re.sub(r"\S*\d\S*", "…", line)
        if reason == self._reason:
            self._repeated += 1
            return
        self._tell_repeated()
        self._reason = reason
        self._console.print(Text(printable(line), style="red"), soft_wrap=True)

    def _tell_repeated(self) -> None:
        if self._repeated:
            self.note(f"… and {self._repeated} more for that reason")
        self._repeated = 0

    def _lines(self) -> RenderableType:
        progress = self._trail.progress
        if progress is None:
            return Text()
        head = Table.grid(padding=(0, 1))
        words = _line(pace(progress), "bold")
        room = self._console.width - words.cell_len - 1
        if room >= _NARROWEST_BAR:
            bar = ProgressBar(
                total=max(1, progress.total),
                completed=progress.finished,
                width=min(room, _WIDEST_BAR),
                complete_style="cyan",
                finished_style="cyan",
            )
            head.add_row(bar, words)
        else:
            head.add_row(words)
        lines: list[RenderableType] = [head, _line(counts(progress), "")]
        if progress.last_error is not None:
            lines.append(_line(f"last error: {progress.last_error}", "red"))
        return Group(*lines)


def _line(text: str, style: str) -> Text:
    # What does not fit must not wrap: the lines are counted to be taken away again.
    return Text(printable(text), style=style, no_wrap=True, overflow="ellipsis")
