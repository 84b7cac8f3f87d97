"""How far a batch has come, how fast it goes, and how long it may take."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import define, field

from pika_async import (
    Action,
    BatchStats,
    BudgetError,
    Failed,
    InvalidRequestError,
    JobFailedError,
    JobState,
    NotSubmittedError,
    PikaError,
    Queued,
    Succeeded,
)
from pika_async._states import was_not_begun

if TYPE_CHECKING:
    # These load aiohttp, and help is shown without it.
    from pika_async import Batch, BatchResult, Transition  # noqa: TC004


@define
class _Seen:
    """A job that was seen in this run and has no result yet."""

    since: float
    state: JobState


@define(kw_only=True)
class Progress:
    """What the batch tells as it goes, added up. Memory grows with the jobs in flight alone."""

    total: int
    """The requests of the whole batch."""
    now: Callable[[], float]
    batch: Batch | None = None
    unusable: int = 0
    """Lines that could be used when they were checked, but not when they were to be sent."""
    for_good: int = 0
    """Failures that only another submit can change."""
    over_budget: BudgetError | None = None
    """Why the first request was not submitted for which too little budget was left."""
    beyond_budget: int = 0
    """How many such requests there are."""
    _started_at: float = field(init=False)
    _jobs: dict[str, _Seen] = field(factory=dict, init=False)
    _worked: int = field(default=0, init=False)
    """Results for which something was done in this run."""
    _ended: int = field(default=0, init=False)
    _seconds: float = field(default=0.0, init=False)
    """How long the jobs took that have ended, together."""

    def __attrs_post_init__(self) -> None:
        self._started_at = self.now()

    def transition(self, transition: Transition) -> None:
        """A job has another state."""
        now = self.now()
        seen = self._jobs.setdefault(transition.job_id, _Seen(now, transition.state))
        seen.state = transition.state
        if seen.state.is_terminal:
            self._ended += 1
            self._seconds += now - seen.since

    def result(self, result: BatchResult) -> None:
        """A request has come to its end."""
        seen = self._jobs.pop(result.job_id or "", None)
        if not isinstance(result.error, NotSubmittedError):
            self._worked += seen is not None or not result.resumed
        self.for_good += _is_for_good(result.error)
        if isinstance(result.error, BudgetError):
            self.over_budget = self.over_budget or result.error
            self.beyond_budget += 1

    @property
    def stats(self) -> BatchStats:
        """Where the batch itself stands."""
        return BatchStats() if self.batch is None else self.batch.stats

    @property
    def in_flight(self) -> tuple[str, ...]:
        """The jobs that have been submitted and not been seen to end."""
        return () if self.batch is None else tuple(self.batch.in_flight.values())

    @property
    def finished(self) -> int:
        """Requests that have come to their end, whichever."""
        return self.stats.finished + self.unusable

    @property
    def failed(self) -> int:
        """Requests that failed, without those that are uncertain or were never submitted."""
        return self.stats.failed + self.unusable

    @property
    def all_done(self) -> bool:
        """Whether every request that has come to its end succeeded."""
        return self.finished == self.stats.succeeded

    @property
    def queued(self) -> int:
        """Jobs that the service has not begun."""
        return sum(isinstance(seen.state, Queued) for seen in self._seen())

    @property
    def running(self) -> int:
        """Jobs in flight that are not queued."""
        return max(0, self.stats.running - self.queued)

    @property
    def waiting(self) -> int:
        """Requests for which there is no job yet."""
        stats = self.stats
        return max(0, self.total - self.finished - stats.running - stats.downloading)

    @property
    def submitting(self) -> bool:
        """Whether requests are on their way to become jobs."""
        stats = self.stats
        return stats.taken > stats.finished + stats.running + stats.downloading

    def unsaved(self) -> tuple[str, ...]:
        """The jobs that have ended with videos and have no result yet: they are being saved."""
        return tuple(
            job_id
            for job_id, seen in list(self._jobs.items())
            if isinstance(seen.state, Succeeded | Failed) and seen.state.videos
        )

    def elapsed(self) -> float:
        """Seconds since the batch began."""
        return self.now() - self._started_at

    def rate(self) -> float | None:
        """Results a minute over the whole run, without what the journal knew already."""
        elapsed = self.elapsed()
        return 60 * self._worked / elapsed if self._worked and elapsed > 0 else None

    def time_left(self) -> float | None:
        """Seconds, None while there is nothing to judge by.

        What has finished so far, over the time it took, would be wrong by the first and the last
        jobs, which are in flight and not in the count. So: running jobs take as long as those
        that have ended did, and the rest follows at the pace of as many at once as run now.
        """
        if not self._ended:
            return None
        mean = self._seconds / self._ended
        now = self.now()
        running = [
            max(0.0, mean - (now - seen.since))
            for seen in self._seen()
            if not seen.state.is_terminal
        ]
        at_once = max(1, len(running))
        return max([(sum(running) + self.waiting * mean) / at_once, *running])

    def _seen(self) -> list[_Seen]:
        # A copy, since another thread draws, and must not iterate over a dict that changes.
        return list(self._jobs.values())


def _is_for_good(error: PikaError | None) -> bool:
    match error:
        case JobFailedError():
            return error.advice.action is not Action.WAIT_FOR_JOB and not was_not_begun(error.state)
        case InvalidRequestError():
            return error.job_id is None
        case _ if type(error) is PikaError:
            # Given up by a person.
            return True
        case _:
            return False
