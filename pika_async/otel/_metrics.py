"""The instruments, each with few attributes: a job id in one would be a time series a job."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Observation

from pika_async import Failed, RateLimitError
from pika_async.otel._facts import REQUIRED, error_type, failure_type, units

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.metrics import CallbackOptions, Meter

    from pika_async import JobEnded, Money, SubmitHeldBack
    from pika_async.otel._facts import Facts, Value

# The conventions' own end at 82 seconds; a video takes minutes.
_JOB_SECONDS: Final = (5, 10, 20, 40, 60, 90, 120, 180, 300, 600, 1200)
_SUBMIT_SECONDS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
_POLLS: Final = (1, 2, 3, 5, 8, 12, 20, 30, 50, 100, 200, 500)


class InFlight:
    """How many jobs are in flight, by what metrics are told apart by."""

    def __init__(self) -> None:
        self._counts: dict[tuple[tuple[str, Value], ...], int] = {}

    def add(self, jobs: int, shared: Facts) -> None:
        """``jobs`` more, or fewer."""
        name = tuple(shared.items())
        self._counts[name] = self._counts.get(name, 0) + jobs

    def observed(self) -> Iterator[Observation]:
        """Each count, in whatever thread asks for it."""
        for name, jobs in self._counts.copy().items():
            yield Observation(jobs, dict(name))


def _observed(in_flight: weakref.ref[InFlight], _: CallbackOptions) -> Iterable[Observation]:
    # A meter keeps its callbacks for ever; what is gone has no jobs.
    alive = in_flight()
    return () if alive is None else alive.observed()


class Metrics:
    """What is counted and timed."""

    def __init__(self, meter: Meter, in_flight: InFlight) -> None:
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="From the submit to the end of the job.",
            explicit_bucket_boundaries_advisory=_JOB_SECONDS,
        )
        # Asked for when metrics are exported, so that a job costs nothing by it.
        meter.create_observable_up_down_counter(
            "pika.client.jobs.in_flight",
            [partial(_observed, weakref.ref(in_flight))],
            unit="{job}",
            description="Jobs that were accepted or come back to, and have not ended.",
        )
        self._submit_duration = meter.create_histogram(
            "pika.client.submit.duration",
            unit="s",
            description="From the first time a submit is sent to its outcome.",
            explicit_bucket_boundaries_advisory=_SUBMIT_SECONDS,
        )
        self._uncertain = meter.create_counter(
            "pika.client.submits.uncertain",
            unit="{submit}",
            description="Submits that may have started a job and name none.",
        )
        self._rate_limited = meter.create_counter(
            "pika.client.rate_limited",
            unit="{submit}",
            description="Submits that the service put off for the sake of its limit.",
        )
        self._held_back = meter.create_histogram(
            "pika.client.submit.held_back",
            unit="s",
            description="For how long a submit waits, at least, until it is sent again.",
            explicit_bucket_boundaries_advisory=_SUBMIT_SECONDS,
        )
        self._polls = meter.create_histogram(
            "pika.client.job.polls",
            unit="{poll}",
            description="Polls of one job; their sum is all polls of jobs that have ended.",
            explicit_bucket_boundaries_advisory=_POLLS,
        )
        self._bytes = meter.create_counter(
            "pika.client.download.bytes",
            unit="By",
            description="Bytes of videos that were saved.",
        )
        self._cost = meter.create_counter(
            "pika.client.cost",
            unit="{currency}",
            description="What jobs cost, where the service says so.",
        )

    def job_ended(self, event: JobEnded, shared: Facts) -> None:
        """How long it took, and how many polls."""
        self._polls.record(event.polls, shared)
        if event.reattached:
            return
        facts = {**REQUIRED, **shared}
        if isinstance(event.state, Failed):
            facts["error.type"] = failure_type(event.state)
        self._duration.record(event.elapsed, facts)

    def charged(self, charge: Money | None, shared: Facts, *, resumed: bool) -> None:
        """What it cost. A job that several processes look at is counted in each: ``resumed``."""
        if charge is not None and charge.micros > 0:
            facts = {**shared, "pika.currency": charge.currency, "pika.resumed": resumed}
            self._cost.add(units(charge), facts)

    def submit_ended(self, seconds: float, outcome: str, shared: Facts, error: object) -> None:
        """How long a submit took, and its outcome."""
        facts: Facts = {**shared, "pika.outcome": outcome}
        if isinstance(error, BaseException):
            facts["error.type"] = error_type(error)
        self._submit_duration.record(seconds, facts)
        if outcome == "uncertain":
            self._uncertain.add(1, shared)

    def held_back(self, event: SubmitHeldBack, shared: Facts) -> None:
        """A submit waits."""
        facts = {**shared, "error.type": error_type(event.error)}
        self._held_back.record(event.seconds, facts)
        if isinstance(event.error, RateLimitError):
            self._rate_limited.add(1, shared)

    def saved(self, size: int) -> None:
        """A video was saved."""
        self._bytes.add(size)
