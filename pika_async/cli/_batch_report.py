"""Saying how a batch goes, where there is no terminal: results on stdout, the rest on stderr."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from pika_async import JobError
from pika_async.cli._batch_words import advice, counts, outcome, pace, problem, totals
from pika_async.cli._exits import in_our_words
from pika_async.cli._report import Report, event, write
from pika_async.cli._words import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pika_async import BatchResult, JobState
    from pika_async.cli._batch_progress import Progress
    from pika_async.cli._batch_trail import BatchTrail
    from pika_async.cli._exits import Failure

# A busy service holds hundreds of submits back, each with a warning.
_SECONDS_BETWEEN_WARNINGS: Final = 30.0


class Results:
    """One plain line a result on stdout."""

    for_people = True

    def __init__(self, trail: BatchTrail) -> None:
        self._trail = trail

    def result(self, result: BatchResult, number: int) -> None:
        """A request from line ``number`` has come to its end."""
        self.line(number, outcome(result, self._trail))

    def unusable(self, number: int, why: str) -> None:
        """A line that could be used when it was checked."""
        self.line(number, f"error: {why}")

    def line(self, number: int, text: str) -> None:
        """What there is to say of a line of the file."""
        write(f"{self._trail.file_name}:{number}: {text}")

    def ended(self, code: int, saved_in: str | None) -> None:
        """No more results come."""

    def failure(self, failure: Failure) -> None:
        """The command itself went wrong."""


class JSONResults(Results):
    """One JSON object a result on stdout, and one with the totals."""

    for_people = False

    def result(self, result: BatchResult, number: int) -> None:
        """A request from line ``number`` has come to its end."""
        error = result.error
        state: JobState | None = error.state if isinstance(error, JobError) else result.state
        event(
            "result",
            index=result.index,
            line=number,
            prompt=result.prompt,
            job_id=result.job_id,
            ok=result.ok,
            state=None if state is None else type(state).__name__.lower(),
            error=None
            if error is None
            else {"kind": type(error).__name__, "message": in_our_words(error, self._trail)},
            files=[str(path) for path in result.files],
            videos=[video.url for video in getattr(state, "videos", ())],
            resumed=result.resumed,
        )

    def unusable(self, number: int, why: str) -> None:
        """A line that could be used when it was checked."""
        event(
            "result",
            index=None,
            line=number,
            prompt=None,
            job_id=None,
            ok=False,
            state=None,
            error={"kind": "FieldError", "message": why},
            files=[],
            videos=[],
            resumed=False,
        )

    def ended(self, code: int, saved_in: str | None) -> None:
        """No more results come."""
        progress = self._trail.progress
        if progress is None:
            return
        stats = progress.stats
        retry = [found.line for found in advice(progress, self._trail) if found.line]
        event(
            "summary",
            total=progress.total,
            finished=progress.finished,
            succeeded=stats.succeeded,
            failed=progress.failed,
            uncertain=stats.uncertain,
            submitted=stats.submitted,
            resumed=stats.resumed,
            downloaded=stats.downloaded,
            in_flight=list(progress.in_flight),
            seconds=round(progress.elapsed(), 3),
            output_dir=saved_in,
            simulated=self._trail.simulated,
            retry=retry,
            exit_code=code,
        )

    def failure(self, failure: Failure) -> None:
        """The command itself went wrong."""
        event(
            "error",
            type=failure.kind,
            message=failure.message.removeprefix("error: "),
            resume=failure.resume,
            exit_code=failure.code,
        )


class NoResults(Results):
    """Where stdout is the terminal on which the progress is shown already."""

    def line(self, number: int, text: str) -> None:
        """Said elsewhere."""


class BatchReport(Report):
    """A line of progress on stderr now and then."""

    def __init__(
        self,
        trail: BatchTrail,
        results: Results,
        saved_in: str | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(now)
        self._trail = trail
        self._results = results
        self._saved_in = saved_in
        # By kind: when it was said last, and how many were kept back since.
        self._warned: dict[str, tuple[float, int]] = {}

    def begins(self, total: int, max_in_flight: int, journal: Path | None) -> None:
        """Say what is about to be done, with what was not said on the command line."""
        if self._trail.simulated:
            self.note("simulated: nothing is sent to the service, nothing is paid")
        self.note(f"{counted(total, 'prompt')}, at most {max_in_flight} at once")
        if self._saved_in is not None:
            self.note(f"videos go to {self._saved_in}")
        if journal is not None:
            self.note(f"the journal is {journal}")

    def warning(self, kind: str, text: str) -> None:
        """A warning of the library; those of one ``kind`` are said now and then."""
        at, kept_back = self._warned.get(kind, (float("-inf"), 0))
        if self._now() - at < _SECONDS_BETWEEN_WARNINGS:
            self._warned[kind] = at, kept_back + 1
            return
        self._warned[kind] = self._now(), 0
        self.note(f"{text} (and {kept_back} more like it)" if kept_back else text)

    def result(self, result: BatchResult, number: int) -> None:
        """A request from line ``number`` has come to its end."""
        self._results.result(result, number)
        if result.error is not None:
            self._failed(number, problem(result.error, self._trail))

    def unusable(self, number: int, why: str) -> None:
        """A line that could be used when it was checked cannot be any more; nothing is sent."""
        self._results.unusable(number, why)
        self._failed(number, f"error: {why}")

    def _failed(self, number: int, text: str) -> None:
        line = f"{self._trail.file_name}:{number}: {text}"
        if self._trail.progress is not None:
            self._trail.progress.last_error = line
        self._show_failure(line)

    def _show_failure(self, line: str) -> None:
        if not self._results.for_people:
            self.note(line)

    def progressed(self) -> None:
        """Say how far it has come."""
        progress = self._trail.progress
        if progress is not None:
            self.note(f"{pace(progress)}: {counts(progress)}{self._last_error(progress)}")

    def _last_error(self, progress: Progress) -> str:
        return f"; last error: {progress.last_error}" if progress.last_error else ""

    def ended(self, code: int) -> None:
        """Say what came of it."""
        progress = self._trail.progress
        if progress is None:
            return
        self.note(totals(progress, self._saved_in))
        if self._trail.simulated:
            self.note("simulated: nothing was paid")
        for found in advice(progress, self._trail):
            self.note(f"{found.text}{':' if found.line else '.'}")
            if found.line is not None:
                self.note(f"  {found.line}")
        self._results.ended(code, self._saved_in)

    def failure(self, failure: Failure) -> None:
        """It went wrong, or was interrupted."""
        if self._trail.progress is not None:
            self.note(totals(self._trail.progress, self._saved_in))
        super().failure(failure)
        self._results.failure(failure)
        self._results.ended(failure.code, self._saved_in)
