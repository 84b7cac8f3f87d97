"""Spans that are open, and a context in which none are made."""

from __future__ import annotations

from typing import Final

from attrs import define
from opentelemetry import context as contexts
from opentelemetry.trace import Span, SpanContext

from pika_async.otel._kind import Kind

# Instrumentations honour this text beside the API's own key, which is private.
_SUPPRESS: Final = "suppress_instrumentation"


@define(eq=False)
class Job:
    """A job whose span is open."""

    span: Span
    kind: Kind
    resumed: bool = False
    submit: SpanContext | None = None
    """Of the span of its submit, where that was here; of a resumed job it is kept elsewhere."""


@define(eq=False)
class Submit:
    """A submit whose span is open."""

    job: Job
    span: Span
    sent_at: float | None = None
    """When it left, on the monotonic clock; None: it is being written down."""


ASKED: Final = "opentelemetry.instrumentation.utils"
"""What every instrumentation asks whether it is to be silent.

A new context costs as much as everything else about a poll, so it is made only where this module is
loaded: without it there is no instrumentation that could ask.
"""


class Suppressed:
    """Within this, instrumented libraries make no spans and send no trace context."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = contexts.attach(contexts.set_value(_SUPPRESS, True))

    def __exit__(self, *_: object) -> None:
        contexts.detach(self._token)
