"""How spans begin: their names, parents, links and what is known of a job by then.

What is known is said at the start: an attribute that is set later costs three times that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.trace import SpanKind

from pika_async import __version__
from pika_async.otel._facts import add_asked, messages, where_and_what
from pika_async.otel._open import Job, Submit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, TracerProvider

    from pika_async import GenerationRequest, StateChanged
    from pika_async.otel._facts import Facts
    from pika_async.otel._kind import Kind
    from pika_async.otel._links import Links


class Spans:
    """Begins spans, below those of whoever submits a job or waits for it."""

    def __init__(self, provider: TracerProvider | None, links: Links, *, capture: bool) -> None:
        """``capture``: put prompts into them."""
        self._tracer = trace.get_tracer("pika_async", __version__, provider)
        self._links = links
        self._capture = capture

    def submitted(
        self,
        submit_id: str,
        request: GenerationRequest,
        service: str,
        kind: Kind,
        *,
        earlier: str | None = None,
        host: str | None = None,
        fingerprint: str | None = None,
    ) -> Submit:
        """The spans of a job and of its submit."""
        around = get_current()
        told = where_and_what(host, fingerprint)
        job = Job(self._job(kind, request, around, told), kind)
        span = self._tracer.start_span(
            "pika submit",
            context=trace.set_span_in_context(job.span, around),
            attributes={"pika.service": service, "pika.submit.id": submit_id},
            links=self._links.get(submit_id, earlier),
        )
        return Submit(job, span)

    def resumed(self, event: StateChanged, kind: Kind) -> Job:
        """The span of a job that is come back to."""
        told = {**where_and_what(event.host), "pika.resumed": True}
        links = self._links.get(event.job_id, event.origin)
        span = self._job(kind, event.request, get_current(), told, links)
        return Job(span, kind, resumed=True)

    def _job(
        self,
        kind: Kind,
        request: GenerationRequest | None,
        around: Context,
        told: Facts,
        links: Sequence[Link] | None = None,
    ) -> Span:
        facts = {**kind.facts, **told}
        if request is not None:
            add_asked(facts, request)
            if self._capture:
                facts["gen_ai.input.messages"] = messages(request.prompt)
        return self._tracer.start_span(
            kind.span_name,
            context=around,
            kind=SpanKind.CLIENT,
            attributes=facts,
            links=links,
        )
