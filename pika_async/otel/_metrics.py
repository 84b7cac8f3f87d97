"""The instruments, each with few attributes: a job id in one would be a time series a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from opentelemetry.metrics import Observation, get_meter_provider

from pika_async import Failed, RateLimitError, __version__
from pika_async.otel._facts import error_type, failure_type, units
from pika_async.otel._kind import Kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider

    from pika_async import GenerationRequest, JobEnded, Money, PikaError, SubmitHeldBack
    from pika_async.otel._facts import Facts
    from pika_async.otel._kind import Kind

# The conventions' own end at 82 seconds; a video takes minutes.
_JOB_SECONDS: Final = (5, 10, 20, 40, 60, 90, 120, 180, 300, 600, 1200)
_SUBMIT_SECONDS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
_POLLS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)

# Seconds: less is the time between two looks at the clock, and the brake held nothing back.
_NO_WAIT: Final = 0.001


def metrics_of(provider: MeterProvider | None) -> Metrics:
    """The instruments of a provider, the same for all: two of one name would be two sums."""
    provider = provider or get_meter_provider()
    known = _KNOWN.get(provider)
    if known is None:
        known = _KNOWN[provider] = Metrics(provider.get_meter("pika_async", __version__))
    return known


class Metrics:
    """What is counted and timed."""

    def __init__(self, meter: Meter) -> None:
        self._kinds = Kinds()
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="From the submit to the end of the job.",
            explicit_bucket_boundaries_advisory=_JOB_SECONDS,
        )
        meter.create_observable_up_down_counter(
            "pika.client.jobs.in_flight",
            [self._in_flight],
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
        self._brake_wait = meter.create_histogram(
            "pika.client.brake.wait",
            unit="s",
            description="For how long a submit was held back, since the service limits them.",
            explicit_bucket_boundaries_advisory=_SUBMIT_SECONDS,
        )
        self._job_polls = meter.create_histogram(
            "pika.client.job.polls",
            unit="{poll}",
            description="Polls of a job, from its submit to its end.",
            explicit_bucket_boundaries_advisory=_POLLS,
        )
        meter.create_observable_counter(
            "pika.client.polls",
            [self._polls],
            unit="{poll}",
            description="Polls of jobs that have ended.",
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

    def kind(self, request: GenerationRequest | None, service: str | None = None) -> Kind:
        """The kind of a job, whose counts are exported with the metrics.

        ``service``: None where it is not told.
        """
        return self._kinds.of(None if request is None else request.model, service)

    # What is counted here is asked for when metrics are exported, in whatever thread that is: so
    # it costs a job next to nothing.

    def _in_flight(self, _: CallbackOptions) -> Iterator[Observation]:
        for kind in self._kinds.all():
            if kind.in_flight is not None:
                yield Observation(kind.in_flight, kind.shared)

    def _polls(self, _: CallbackOptions) -> Iterator[Observation]:
        for kind in self._kinds.all():
            if kind.answered is not None:
                yield Observation(kind.answered, {**kind.shared, "pika.outcome": "answered"})
            if kind.unanswered:
                yield Observation(kind.unanswered, {**kind.shared, "pika.outcome": "unanswered"})

    def job_ended(self, event: JobEnded, kind: Kind) -> None:
        """How long it took, and how many polls."""
        kind.polled(event.polls, event.unanswered)
        if event.reattached:
            return
        self._job_polls.record(event.polls, kind.shared)
        facts = kind.succeeded
        if isinstance(event.state, Failed):
            facts = {**facts, "error.type": failure_type(event.state)}
        self._duration.record(event.elapsed, facts)

    def charged(self, charge: Money | None, kind: Kind, *, resumed: bool) -> None:
        """What it cost. A job that several processes look at is counted in each: ``resumed``."""
        if charge is not None and charge.micros > 0:
            facts = {**kind.shared, "pika.currency": charge.currency, "pika.resumed": resumed}
            self._cost.add(units(charge), facts)

    def submit_accepted(self, seconds: float, kind: Kind) -> None:
        """How long a submit took that has its job."""
        self._submit_duration.record(seconds, kind.accepted)

    def submit_ended(
        self, seconds: float, outcome: str, kind: Kind, error: PikaError | None
    ) -> None:
        """How long a submit took that has no job, and its outcome."""
        facts: Facts = {**kind.shared, "pika.outcome": outcome}
        if error is not None:
            facts["error.type"] = error_type(error)
        self._submit_duration.record(seconds, facts)
        if outcome == "uncertain":
            self._uncertain.add(1, kind.shared)

    def braked(self, seconds: float, kind: Kind) -> None:
        """The brake has let a submit go after so long."""
        if seconds >= _NO_WAIT:
            self._brake_wait.record(seconds, kind.shared)

    def held_back(self, event: SubmitHeldBack, kind: Kind) -> None:
        """A submit waits."""
        facts = {**kind.shared, "error.type": error_type(event.error)}
        self._held_back.record(event.seconds, facts)
        if isinstance(event.error, RateLimitError):
            self._rate_limited.add(1, kind.shared)

    def saved(self, size: int) -> None:
        """A video was saved."""
        self._bytes.add(size)


_KNOWN: WeakKeyDictionary[MeterProvider, Metrics] = WeakKeyDictionary()
