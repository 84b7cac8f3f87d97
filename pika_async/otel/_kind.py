"""Jobs of one model at one service: what their spans and metrics have in common is made once."""

from __future__ import annotations

from typing import Self

from attrs import define

from pika_async.otel._facts import REQUIRED, VIDEO, Facts, common, span_name


@define(eq=False)
class Kind:
    """Metrics tell jobs apart by their kind and by nothing else; there are few of them."""

    shared: Facts
    """The attributes of each metric."""
    span_name: str
    facts: Facts
    """What each span of a job says at its start."""
    succeeded: Facts
    """The attributes of how long a job took that did not fail."""
    accepted: Facts
    """The attributes of how long a submit took that was accepted."""
    in_flight: int | None = None
    """How many of its jobs have been begun and not ended; None: there was none yet."""
    answered: int | None = None
    """How many polls of its jobs that have ended brought a state; None: none has ended."""
    unanswered: int = 0
    """How many brought none."""

    @classmethod
    def of(cls, model: str | None, service: str | None) -> Self:
        """The kind of a model (None: the service's own) and a service (None: not known)."""
        shared = common(model, service)
        return cls(
            shared=shared,
            span_name=span_name(model),
            facts={**REQUIRED, **VIDEO, **shared},
            succeeded={**REQUIRED, **shared},
            accepted={**shared, "pika.outcome": "accepted"},
        )

    def begun(self) -> None:
        """One more is in flight."""
        self.in_flight = (self.in_flight or 0) + 1

    def over(self) -> None:
        """One that had begun is not in flight any more."""
        self.in_flight = (self.in_flight or 0) - 1

    def polled(self, times: int, unanswered: int) -> None:
        """One has ended that was polled so often, and so often without an answer."""
        self.answered = (self.answered or 0) + times - unanswered
        self.unanswered += unanswered
