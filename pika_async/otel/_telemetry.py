"""An observer that makes spans and metrics of events.

The life of a job in spans. The first ``SubmitSent`` opens the job's span, below the caller's, and
in it the one of the submit; where a submit is written down before it leaves, that opens both, since
its ``traceparent`` is kept with it. The submit's span ends with the answer, so that it is exported
while the job runs on: of a process that crashes later it is what remains, and what whoever comes
back links to. The job's span gets an event for each kind of state and ends with the job. Where
nobody waits for the job any more it ends too, as "left"; whoever comes back to the job opens
another.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from opentelemetry.trace import Status, StatusCode

from pika_async import (
    BatchLeft,
    Failed,
    JobAccepted,
    JobEnded,
    StateChanged,
    SubmitHeldBack,
    SubmitRefused,
    SubmitSent,
    SubmitUncertain,
    SubmitWithdrawn,
    Succeeded,
    VideoSaved,
    WaitingEnded,
)
from pika_async.otel._facts import (
    end_facts,
    error_facts,
    error_type,
    state_facts,
    text,
    where_and_what,
)
from pika_async.otel._links import Links, as_text
from pika_async.otel._metrics import metrics_of
from pika_async.otel._open import ASKED, Suppressed
from pika_async.otel._spans import Spans

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from pika_async import Event, GenerationRequest, PikaError
    from pika_async.otel._open import Job, Submit

# More spans than these are not kept open: jobs that are submitted here and waited for elsewhere
# have no end here.
_MOST_OPEN: Final = 20_000

_CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_CAPTURING: Final = ("true", "1", "span_only", "span_and_event")

_ERROR: Final = Status(StatusCode.ERROR)


class Telemetry:
    """Spans and metrics for OpenTelemetry: ``PikaClient(observer=Telemetry())``.

    One for a process is enough; it may observe many clients. What is exported, and where to, is
    the SDK's to decide; without an SDK nothing happens.

    Spans: one a job, from its submit to its end, with an event for each transition from one kind of
    state to another; in it one a submit, which is exported as soon as the service has answered. No
    poll is a span, also where aiohttp is instrumented. No metric names a job, and neither a key nor
    a message of the service is told anywhere. Metrics tell the first fifty models apart, each at
    its service; all others are the model ``_OTHER`` there, and their spans name them.

    The span of a job has the fingerprint of its request (``pika.request.fingerprint``) where a
    journal or the engine has it too, or where its submit is uncertain.

    Args:
        tracer_provider: By default the one that is set for the process.
        meter_provider: Likewise.
        capture_prompts: Put prompts into spans. By default only where the environment's
            ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` says so.
        links: Where to keep the ``traceparent`` of each submit, by the id of its job, until the job
            ends: another process that comes back to the job then links to the submit. A
            ``shelve``, say; by default it is kept in this process alone. A batch with a journal
            needs none, nor does a worker of Temporal: there it is kept with the submit.
        observer: Another observer, which is told each event, too.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        capture_prompts: bool | None = None,
        links: MutableMapping[str, str] | None = None,
        observer: Callable[[Event], None] | None = None,
    ) -> None:
        if capture_prompts is None:
            capture_prompts = os.environ.get(_CAPTURE, "").strip().lower() in _CAPTURING
        self._metrics = metrics_of(meter_provider)
        self._links = Links(links)
        self._spans = Spans(tracer_provider, self._links, capture=capture_prompts)
        self._observer = observer
        self._submits: dict[str, Submit] = {}
        self._jobs: dict[str, Job] = {}
        # Rather than a match, whose last case is a dozen comparisons away. Events that are not here
        # are of no job: the log tells of them.
        self._notes: dict[type, Callable[[Any], None]] = {
            SubmitSent: self._sent,
            SubmitHeldBack: self._held_back,
            JobAccepted: self._accepted,
            SubmitRefused: partial(self._submit_ended, outcome="refused"),
            SubmitUncertain: partial(self._submit_ended, outcome="uncertain"),
            SubmitWithdrawn: partial(self._submit_ended, outcome="withdrawn"),
            StateChanged: self._changed,
            JobEnded: self._ended,
            WaitingEnded: self._waiting_ended,
            BatchLeft: self._batch_left,
            VideoSaved: self._saved,
        }

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        try:
            note = self._notes.get(type(event))
            if note is not None:
                note(event)
            if self._links.problem is not None:
                self._links.complain()
        finally:
            if self._observer is not None:
                self._observer(event)

    def submit_origin(
        self, *, submit_id: str, request: GenerationRequest, service: str, earlier: str | None
    ) -> str | None:
        """The ``traceparent`` of a submit, for whoever writes the submit down."""
        submit = self._submits.get(submit_id)
        if submit is None:
            submit = self._open_submit(submit_id, request, service, earlier)
        context = submit.span.get_span_context()
        return as_text(context) if context.is_valid else None

    def around_poll(self) -> AbstractContextManager[object] | None:
        """The context of a poll, in which no instrumentation makes a span; None: none is needed."""
        return Suppressed() if ASKED in sys.modules else None

    def traceparent(self, job_id: str) -> str | None:
        """The ``traceparent`` of the submit of a job, until the job ends; None: not known."""
        job = self._jobs.get(job_id)
        if job is not None and job.submit is not None:
            return as_text(job.submit) if job.submit.is_valid else None
        return self._links.text(job_id)

    def close(self) -> None:
        """End the spans that are open, as "left". Do this before the SDK is shut down."""
        while self._submits:
            self._end_submit(next(iter(self._submits)), "left")
        while self._jobs:
            self._leave(next(iter(self._jobs)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _sent(self, event: SubmitSent) -> None:
        submit = self._submits.get(event.submit_id)
        if submit is None:
            submit = self._open_submit(
                event.submit_id,
                event.request,
                event.service,
                host=event.host,
                fingerprint=event.fingerprint,
            )
        elif submit.sent_at is None:
            # It was opened before it left, when all this was not told.
            submit.job.span.set_attributes(where_and_what(event.host, event.fingerprint))
        self._metrics.braked(event.waited, submit.job.kind)
        if submit.sent_at is not None:
            submit.span.add_event("pika.submit.sent_again", {"pika.tries": event.tries})
            return
        submit.sent_at = time.monotonic()
        if self._links.are_stored:
            # Where the process ends here, this is all that leads to the span.
            self._links.keep(event.submit_id, submit.span.get_span_context())

    def _open_submit(
        self,
        submit_id: str,
        request: GenerationRequest,
        service: str,
        earlier: str | None = None,
        *,
        host: str | None = None,
        fingerprint: str | None = None,
    ) -> Submit:
        if len(self._submits) >= _MOST_OPEN:
            self._end_submit(next(iter(self._submits)), "left")
        kind = self._metrics.kind(request, service)
        self._submits[submit_id] = submit = self._spans.submitted(
            submit_id,
            request,
            service,
            kind,
            earlier=earlier,
            host=host,
            fingerprint=fingerprint,
        )
        return submit

    def _held_back(self, event: SubmitHeldBack) -> None:
        submit = self._submits.get(event.submit_id)
        if submit is None:
            return
        self._metrics.held_back(event, submit.job.kind)
        submit.span.add_event(
            "pika.submit.held_back",
            {
                "error.type": error_type(event.error),
                "pika.seconds": event.seconds,
                "pika.tries": event.tries,
                "pika.in_line": event.in_line,
            },
        )

    def _accepted(self, event: JobAccepted) -> None:
        submit = self._submits.pop(event.submit_id, None)
        job_id = event.job_id
        if submit is None:
            # Told to its caller a moment before that was cancelled.
            known = self._jobs.get(job_id)
            if known is not None:
                known.span.add_event("pika.job.unclaimed")
            return
        job, span = submit.job, submit.span
        self._metrics.submit_accepted(_since(submit.sent_at), job.kind)
        span.set_attributes({"gen_ai.response.id": text(job_id), "pika.outcome": "accepted"})
        span.end()
        if event.unclaimed:
            job.span.add_event("pika.job.unclaimed")
        if job_id in self._jobs:
            # A repeated key has named a job that is known.
            self._leave(job_id)
        job.submit = span.get_span_context()
        self._begun(job_id, job)
        if self._links.are_stored:
            self._links.keep(job_id, job.submit)
        self._links.forget(event.submit_id)

    def _begun(self, job_id: str, job: Job) -> None:
        if len(self._jobs) >= _MOST_OPEN:
            self._leave(next(iter(self._jobs)))
        self._jobs[job_id] = job
        job.kind.begun()

    def _submit_ended(
        self, event: SubmitRefused | SubmitUncertain | SubmitWithdrawn, outcome: str
    ) -> None:
        error = None if isinstance(event, SubmitWithdrawn) else event.error
        submit = self._submits.get(event.submit_id)
        if submit is not None and isinstance(event, SubmitUncertain):
            # Other submits may not have told it, and here it is the evidence.
            submit.job.span.set_attributes(where_and_what(None, event.error.fingerprint))
        self._end_submit(event.submit_id, outcome, error)

    def _end_submit(self, submit_id: str, outcome: str, error: PikaError | None = None) -> None:
        """The end of a submit without a job, and of the span that would have been the job's."""
        submit = self._submits.pop(submit_id, None)
        if submit is None:
            return
        if submit.sent_at is not None:
            seconds = _since(submit.sent_at)
            self._metrics.submit_ended(seconds, outcome, submit.job.kind, error)
        for span in (submit.span, submit.job.span):
            span.set_attribute("pika.outcome", outcome)
            if error is not None:
                span.set_attributes(error_facts(error))
                span.set_status(_ERROR)
            span.end()
        if submit.sent_at is None:
            return
        if outcome in ("refused", "withdrawn"):
            self._links.forget(submit_id)
        else:
            # It may be sent again with its name.
            self._links.keep(submit_id, submit.span.get_span_context())

    def _changed(self, event: StateChanged) -> None:
        job = self._jobs.get(event.job_id)
        if job is None:
            if event.previous is not None and event.previous.is_terminal:
                self._charged_late(event)
                return
            job = self._come_back(event)
        elif type(event.previous) is type(event.state):
            # More progress, or another place in the queue: where each poll brings some, that
            # would be an event a poll.
            return
        job.span.add_event("pika.job.state", state_facts(event.state, event.polls))

    def _come_back(self, event: StateChanged) -> Job:
        kind = self._metrics.kind(event.request)
        job = self._spans.resumed(event, kind)
        self._begun(event.job_id, job)
        return job

    def _charged_late(self, event: StateChanged) -> None:
        known, state = event.previous, event.state
        if isinstance(state, Succeeded | Failed) and (
            isinstance(known, Succeeded | Failed) and known.charge is None
        ):
            self._metrics.charged(state.charge, self._metrics.kind(event.request), resumed=True)

    def _ended(self, event: JobEnded) -> None:
        job = self._jobs.pop(event.job_id, None)
        state = event.state
        if job is None:
            # It got its link after all: its end has been told.
            return
        job.kind.over()
        self._metrics.job_ended(event, job.kind)
        self._metrics.charged(state.charge, job.kind, resumed=job.resumed)
        job.span.set_attributes(end_facts(event))
        if isinstance(state, Failed):
            job.span.set_status(_ERROR)
        job.span.end()
        self._links.forget(event.job_id)

    def _waiting_ended(self, event: WaitingEnded) -> None:
        self._leave(event.job_id, event.error)

    def _batch_left(self, event: BatchLeft) -> None:
        for job_id in event.in_flight.values():
            self._leave(job_id)

    def _saved(self, event: VideoSaved) -> None:
        self._metrics.saved(event.size)

    def _leave(self, job_id: str, error: PikaError | None = None) -> None:
        """Nobody waits for a job: its span ends, and it runs on."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return
        job.kind.over()
        if job.submit is not None:
            self._links.keep(job_id, job.submit)
        job.span.set_attributes({"gen_ai.response.id": text(job_id), "pika.outcome": "left"})
        if error is not None:
            job.span.set_attributes(error_facts(error))
            job.span.set_status(_ERROR)
        job.span.end()


def _since(sent_at: float | None) -> float:
    return 0.0 if sent_at is None else time.monotonic() - sent_at
