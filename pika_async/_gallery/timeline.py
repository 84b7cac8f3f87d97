"""Where bars and ticks stand on the timeline, in percent of its width."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async._gallery.values import Attempt, Entry, Run, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_TICKS: Final = 8
_STEPS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 4, 6, 12, 24, 48, 96, 168)),
)
# Rows as high as a line of text while they fit the window; thousands must still be scrolled.
_ROW_HEIGHTS: Final = ((80, 18), (400, 8), (2_000, 4))
_LEAST_ROW_HEIGHT: Final = 2
# Percent of the width that the name of a run takes on a narrow screen.
_ROOM_OF_A_NAME: Final = 8.0
# Percent of the width: of marks for what took no time.
_MARK: Final = 0.6
LABELLED: Final = 18
"""The height of rows that have room for a label."""


@frozen(kw_only=True)
class Bar:
    """One stretch of a job: ``queued``, ``generated``, ``failed``, ``open`` or ``unsplit``.

    Of a submit without a job there is a mark, ``failed`` or ``uncertain``.
    """

    kind: str
    left: float
    width: float


@frozen(kw_only=True)
class Tick:
    """A line across all rows."""

    left: float
    seconds: float


@frozen(kw_only=True)
class Start:
    """Where a run begins."""

    left: float
    run: Run
    labelled: bool
    """Whether there is room for its name."""


class Timeline:
    """The runs one after the other, without the time between them, when nobody was looking."""

    def __init__(self, runs: Sequence[Run]) -> None:
        """Of ``runs`` in the order of their starts."""
        self._runs = runs
        self._starts = [run.started_at for run in runs]
        self._offsets: list[float] = []
        self.seconds = 0.0
        """All of it."""
        for run in runs:
            self._offsets.append(self.seconds)
            self.seconds += run.seconds

    @property
    def silent(self) -> list[Run]:
        """The runs in which nothing was noted, and that have no width."""
        return [run for run in self._runs if not run.seconds]

    def left(self, at: float) -> float:
        """Where a moment stands; one between two runs stands where they meet."""
        place = max(0, bisect_right(self._starts, at) - 1)
        if not self._runs or self.seconds <= 0:
            return 0.0
        inside = min(max(0.0, at - self._starts[place]), self._runs[place].seconds)
        return 100 * (self._offsets[place] + inside) / self.seconds

    def ticks(self) -> list[Tick]:
        """A few round times; none where there is nothing to measure."""
        if self.seconds <= 0:
            return []
        step = next((step for step in _STEPS if self.seconds / step < _MOST_TICKS), None)
        if step is None:
            step = self.seconds / _MOST_TICKS
        count = int(self.seconds / step)
        return [
            Tick(left=100 * number * step / self.seconds, seconds=number * step)
            for number in range(count + 1)
        ]

    def starts(self) -> list[Start]:
        """Where each run begins; one in which nothing was noted has no width."""
        if self.seconds <= 0:
            return []
        found: list[Start] = []
        free = 0.0
        for run, offset in zip(self._runs, self._offsets, strict=True):
            left = 100 * offset / self.seconds
            labelled = left >= free and left <= 100 - _ROOM_OF_A_NAME
            if labelled:
                free = left + _ROOM_OF_A_NAME
            found.append(Start(left=left, run=run, labelled=labelled))
        return found

    def bars(self, entry: Entry) -> list[Bar]:
        """Of a request, those of earlier attempts first."""
        return [bar for attempt in entry.attempts for bar in self._bars(attempt)]

    def _bars(self, attempt: Attempt) -> Iterator[Bar]:
        accepted, running, ended = attempt.accepted_at, attempt.running_at, attempt.ended_at
        if accepted is None:
            yield from self._mark(attempt)
            return
        if ended is None:
            if attempt.standing is Standing.RUNNING and not attempt.given_up:
                yield Bar(kind="open", left=self.left(accepted), width=100 - self.left(accepted))
            return
        outcome = "failed" if attempt.standing is Standing.FAILED else "generated"
        if running is None:
            kind = "failed" if outcome == "failed" else "unsplit"
            yield self._bar(kind, accepted, ended)
            return
        yield self._bar("queued", accepted, running)
        yield self._bar(outcome, running, ended)

    def _mark(self, attempt: Attempt) -> Iterator[Bar]:
        """Of a submit that no job is known of."""
        if attempt.standing is Standing.UNCERTAIN:
            at = attempt.sent_at
        elif attempt.standing is Standing.FAILED:
            at = attempt.ended_at
        else:
            return
        if at is not None:
            yield Bar(kind=attempt.standing, left=min(self.left(at), 100 - _MARK), width=_MARK)

    def _bar(self, kind: str, start: float, end: float) -> Bar:
        left = self.left(start)
        return Bar(kind=kind, left=left, width=max(0.0, self.left(end) - left))


def row_height(rows: int) -> int:
    """In pixels."""
    return next((height for most, height in _ROW_HEIGHTS if rows <= most), _LEAST_ROW_HEIGHT)


def stacked(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """Shares of a whole, side by side."""
    whole = sum(count for _, count in counts)
    bars: list[Bar] = []
    left = 0.0
    for kind, count in counts:
        if count:
            width = 100 * count / whole
            bars.append(Bar(kind=kind, left=left, width=width))
            left += width
    return bars
