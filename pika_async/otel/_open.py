"""Spans that are open, and a context in which none are made."""

from __future__ import annotations

import sys
from typing import Final

from attrs import define
from opentelemetry import context as contexts
from opentelemetry.trace import Span

from pika_async.otel._facts import Facts

# Instrumentations honour this text beside the API's own key, which is private.
_SUPPRESS: Final = "suppress_instrumentation"


@define(eq=False)
class Job:
    """A job whose span is open."""

    span: Span
    shared: Facts
    """What its metrics are told apart by."""
    resumed: bool = False


@define(eq=False)
class Submit:
    """A submit whose span is open."""

    job: Job
    span: Span
    sent_at: float | None = None
    """When it left, on the monotonic clock; None: it is being written down."""


# What every instrumentation asks whether it is to be silent.
_ASKED: Final = "opentelemetry.instrumentation.utils"


def suppressed() -> Suppressed | None:
    """The context of a poll: no instrumentation makes a span of it.

    A new context costs as much as everything else about a poll, so it is made only where there is
    an instrumentation that could ask for it.
    """
    return Suppressed() if _ASKED in sys.modules else None


class Suppressed:
    """Within this, instrumented libraries make no spans and send no trace context."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = contexts.attach(contexts.set_value(_SUPPRESS, True))

    def __exit__(self, *_: object) -> None:
        contexts.detach(self._token)
