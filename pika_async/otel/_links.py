"""From whoever comes back to a job to whoever submitted it: W3C trace contexts as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Link, SpanContext, TraceFlags

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

# Of more than these the oldest are forgotten: who comes back to such a job has no link.
_KEPT: Final = 20_000


def as_text(context: SpanContext) -> str:
    """A context as the ``traceparent`` header spells it."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def as_link(traceparent: object) -> Link | None:
    """A link to the span of a ``traceparent``; None where it is no such text."""
    match = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    if match is None or match[1] == "ff":
        return None
    context = SpanContext(
        trace_id=int(match[2], 16),
        span_id=int(match[3], 16),
        is_remote=True,
        trace_flags=TraceFlags(int(match[4], 16) & TraceFlags.SAMPLED),
    )
    return Link(context) if context.is_valid else None


class Links:
    """Contexts of submits whose spans have ended, by the id of the submit, or by that of its job.

    They are kept until the job has ended. A store, if there is one, is told of them while the spans
    are open, too: it is for those who come when this process is gone. One that fails costs links
    and no span: what it raised is kept until somebody asks.
    """

    def __init__(self, store: MutableMapping[str, str] | None) -> None:
        self._store = store
        self.are_stored = store is not None
        """Whether there is a store."""
        self._known: dict[str, SpanContext] = {}
        self.problem: Exception | None = None
        """What the store raised last."""

    def keep(self, name: str, context: SpanContext) -> None:
        """Remember the span of a submit."""
        if not context.is_valid or self._known.get(name) == context:
            return
        self._known[name] = context
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        if self._store is not None:
            try:
                self._store[name] = as_text(context)
            except Exception as error:  # noqa: BLE001 - whatever a store raises
                self.problem = error

    def get(self, name: str, origin: str | None = None) -> list[Link]:
        """The link to the span of a submit, if that is known.

        ``origin``: its ``traceparent`` as it was kept with the submit, where it was.
        """
        if self._store is None and origin is None and not self._known:
            return []
        context = self._known.get(name)
        if context is not None:
            return [Link(context)]
        link = as_link(self._stored(name)) or as_link(origin)
        return [] if link is None else [link]

    def text(self, name: str) -> str | None:
        """The same as text."""
        context = self._known.get(name)
        return self._stored(name) if context is None else as_text(context)

    def forget(self, name: str) -> None:
        """Nobody comes back to it."""
        self._known.pop(name, None)
        if self._store is not None:
            try:
                self._store.pop(name, None)
            except Exception as error:  # noqa: BLE001 - whatever a store raises
                self.problem = error

    def _stored(self, name: str) -> str | None:
        if self._store is None:
            return None
        try:
            return self._store.get(name)
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            self.problem = error
            return None

    def complain(self) -> None:
        """Raise what the store raised since this was last asked."""
        problem, self.problem = self.problem, None
        if problem is not None:
            raise problem
