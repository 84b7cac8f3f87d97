"""Jobs of one model at one service: what their spans and metrics have in common is made once."""

from __future__ import annotations

from typing import Final, Self

from attrs import define

from pika_async.otel._facts import REQUIRED, VIDEO, Facts, common, span_name

MOST_KINDS: Final = 50
"""So many are told apart, the first ones. A model may be any text, and each of them would be a time
series, and be remembered, for ever."""

OTHER: Final = "_OTHER"
"""The model of all kinds beyond that, as the conventions spell what is left over."""


class Kinds:
    """Those that were met so far."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str | None], Kind] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, model: str | None, service: str | None) -> Kind:
        """The kind of a model (None: the service's own) and a service (None: not known)."""
        known = self._known.get((model, service))
        if known is None:
            if model is not None and len(self._known) >= MOST_KINDS:
                model = OTHER
            # Of the others there may be one already.
            known = self._known.get((model, service))
            if known is None:
                known = self._known[model, service] = Kind.of(model, service)
        return known

    def all(self) -> list[Kind]:
        """Each once; may be asked in any thread."""
        return list(self._known.copy().values())


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
            span_name=span_name(None if model == OTHER else model),
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
