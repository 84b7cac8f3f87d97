"""The plain reader: a line on stderr for what happens; paths, links and results on stdout."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from rich import filesize

from pika_async import BudgetError, NotSubmittedError, Transition
from pika_async import _events as events
from pika_async._figures import counted
from pika_async.cli._running.trail import BatchTrail, watch_line
from pika_async.cli._showing import batch_words, shown
from pika_async.cli._showing.output import write, write_path
from pika_async.cli._showing.sentences import reason, sentence
from pika_async.cli._showing.words import state_words, time_left

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async import BatchResult, Estimate, PikaError
    from pika_async.cli._running.progress import Progress
    from pika_async.cli._running.trail import Trail

# A busy service holds hundreds of a batch's submits back.
_SECONDS_BETWEEN_WARNINGS: Final = 30.0


class Plain:
    """Lines.

    Args:
        trail: What the command knows.
        results: Whether stdout gets the results; else it belongs to another reader.
        now: Seconds, from any start.
    """

    def __init__(
        self, trail: Trail, *, results: bool = True, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._trail = trail
        self._batch = trail if isinstance(trail, BatchTrail) else None
        self._results = results
        self._now = now
        self._since = now()
        self._estimate: tuple[Estimate, float] | None = None
        self._warned_at = float("-inf")
        self._kept_back = 0
        self._last_problem = ""
        self._last_error: PikaError | str | None = None
        self._told: set[str] = set()
        self._stopped_for: object = None

    def live(self) -> AbstractContextManager[None]:
        """Nothing moves here."""
        return nullcontext()

    def __call__(self, what: shown.Shown) -> None:  # noqa: C901, PLR0912, PLR0915 - one case a value
        """Show it, if it is for people."""
        match what:
            case shown.Note(text):
                self._say(text)
            case shown.Watching(job_id):
                self._since = self._now()
                self._say_of_job(f"job {job_id}")
            case Transition():
                left = self._time_left()
                words = state_words(what.state) + (f", {left}" if left else "")
                self._say_of_job(f"{what.elapsed:.1f} s  {words}")
            case shown.Expected(estimate, age):
                self._estimate = None if estimate is None else (estimate, age)
            case events.VideoSaved():
                self._say_of_job(f"{self._elapsed():.1f} s  saved, {filesize.decimal(what.size)}")
                if self._results:
                    write_path(what.path)
            case shown.Link(video) if self._results:
                write(video.url)
            case events.VideoKept():
                self._say(
                    f"warning: {what.path} was changed after it was saved, and stays as it is; "
                    "move it away to have the video of the job again"
                )
            case events.SubmitHeldBack():
                self._held_back(what)
            case events.SubmitUncertain():
                said = sentence(what.error, self._trail)
                self._say(f"warning: a submit broke off after the interruption: {said}")
            case events.JournalBroken(job_id=None):
                self._problem(f"error: {sentence(what.error, self._trail)}")
            case events.JournalBroken(job_id=str(job_id)):
                self._say(
                    f"error: job {job_id} is paid for, and is not in the journal: write it down, "
                    f"and wait for it with `{watch_line(job_id)}`"
                )
            case events.BatchStopped():
                self._stopped_for = reason(what.error)
                # What to do about a budget is said at the end, with the line that does it.
                is_brief = isinstance(what.error, BudgetError)
                said = sentence(what.error, self._trail, brief=is_brief)
                said = said.removeprefix("not submitted: ")
                self._problem(f"error: the batch submits nothing more: {said}")
            case shown.Planned():
                for line in batch_words.plan(what):
                    self._say(line)
            case shown.Begins():
                self._begins(what)
            case shown.Came(number, result) if self._batch is not None:
                self._came(number, result, self._batch)
            case shown.StandsNow() if (progress := self._progress()) is not None:
                last = f"; last error: {self._last_problem}" if self._last_problem else ""
                self._say(f"{batch_words.pace(progress)}: {batch_words.counts(progress)}{last}")
            case shown.Ended():
                self._ended()
            case shown.Failure():
                if what.kind != "Interrupted":
                    # Its own line tells how far the batch has come.
                    self._totals()
                self._say(what.line)
                if what.resume is not None:
                    self._say(f"  {what.resume}")
            case _:
                # Told by what the command waits for, or by another reader.
                pass

    def _say(self, text: str, style: str = "") -> None:
        """A line on stderr."""
        write(text, err=True)

    def _say_of_job(self, text: str) -> None:
        if self._results:
            self._say(text)

    def _problem(self, text: str) -> None:
        """What went wrong with all of a batch, once."""
        if text not in self._told:
            self._told.add(text)
            self._say(text)

    def _elapsed(self) -> float:
        """Seconds since the job began, or the command."""
        return self._now() - self._since

    def _time_left(self) -> str | None:
        # Kept whole, as one tuple: another thread may be drawing.
        known = self._estimate
        if known is None:
            return None
        estimate, age = known
        return time_left(estimate, max(0.0, self._elapsed() - age))

    def _held_back(self, what: events.SubmitHeldBack) -> None:
        now = self._now()
        if self._batch is not None and now - self._warned_at < _SECONDS_BETWEEN_WARNINGS:
            self._kept_back += 1
            return
        more = f" (and {self._kept_back} more like it)" if self._kept_back else ""
        self._warned_at, self._kept_back = now, 0
        self._say(
            f"warning: submit held back for {what.seconds:.1f} s (attempt {what.tries}): "
            f"{sentence(what.error, self._trail, brief=True)}{more}"
        )

    def _begins(self, what: shown.Begins) -> None:
        """What is about to be done, with what was not said on the command line."""
        if self._trail.simulated:
            self._say("simulated: nothing is sent to the service, nothing is paid")
        self._say(f"{counted(what.total, 'prompt')}, at most {what.max_in_flight} at once")
        if what.saved_in is not None:
            self._say(f"videos go to {what.saved_in}")
        if what.journal is not None:
            self._say(f"the journal is {what.journal}")

    def _came(self, number: int, result: BatchResult | str, trail: BatchTrail) -> None:
        place = trail.place(number)
        if self._results:
            write(f"{place}: {batch_words.outcome(result, trail)}")
        error = result if isinstance(result, str) else result.error
        # Why the batch submits nothing more has been said.
        if error is not None and not isinstance(error, NotSubmittedError):
            self._last_error = error
            self._last_problem = f"{place}: {batch_words.problem(error, trail)}"
            if isinstance(error, str) or reason(error) != self._stopped_for:
                self._failed(self._last_problem, error)

    def _failed(self, line: str, error: PikaError | str) -> None:
        """A request has failed; where stdout is for machines, people are told of it here."""
        if not self._results:
            self._say(line)

    def _progress(self) -> Progress | None:
        """How far a batch has come, once it has begun."""
        return None if self._batch is None else self._batch.progress

    def _totals(self) -> None:
        trail = self._batch
        if trail is not None and trail.progress is not None:
            text = batch_words.totals(trail.progress, trail.saved_in, simulated=trail.simulated)
            self._say(text)

    def _ended(self) -> None:
        self._totals()
        if self._trail.simulated:
            self._say("simulated: nothing was paid")
        for found in () if self._batch is None else batch_words.hints(self._batch):
            self._say(f"{found.text}{':' if found.line else '.'}")
            if found.line is not None:
                self._say(f"  {found.line}")


class Quiet(Plain):
    """What went wrong, and what to do about it."""

    def __call__(self, what: shown.Shown) -> None:
        """Show it, if something went wrong."""
        match what:
            case shown.Planned(is_all=False) | shown.Note() | shown.Begins() | shown.StandsNow():
                pass
            case shown.Ended(code=0):
                pass
            case _:
                super().__call__(what)
