"""Where a POST stands on its way out: the one object that knows, and the one gate it passes.

A submit costs money from the moment the service has all of it. Before that, calling it off costs
nothing; after that, nobody here can call it back. So everything that is decided about a submit
that did not end well (send it again, raise, call it uncertain, let the caller go or wait for the
answer) is decided by where it stood:

- READY: made, and not a byte of its body has left. The connection may be opened already, the
  headers may even be on their way: without its body a POST is no request. Whoever is cancelled
  now withdraws it, and it is gone. This is also the last moment at which somebody may say that it
  is not wanted any more: a batch that is being left must not send one more.
- LEAVING: the body is on its way. It cannot be withdrawn. If the connection breaks now, what the
  service has is the beginning of a body whose length it was told: it cannot have begun a job. So
  the POST may be sent again, and is not charged.
- WHOLE: the last piece has been handed to the connection. From here on the service may have begun
  a job, whatever we are told or not told: a reset, a silence, half an answer leave it uncertain.
  The state is taken *before* the last piece is handed over, so that the doubt begins too early
  rather than too late.
- ANSWERED: a whole answer came, and what it says counts. An answer may come while the body is
  still leaving (413: too large): that one, too, is read for what it says.
- WITHDRAWN: it was called off in time, or not wanted at the gate. Nothing was sent, nothing is
  paid.

aiohttp writes the body in a task of its own, which may come to run after the cancellation of
whoever waits. That is why the gate is asked there, at the first piece, and not where the POST is
begun; and why withdrawing is a step of this object, which only one of the two can take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final

from attrs import define, field

# Large enough that a piece costs little, small enough that "the last piece" is a small part.
PIECE: Final = 64 * 1024


class Stand(Enum):
    """Where a POST stands."""

    # Each is there once. Enum hashes names, in Python, at each step of each submit.
    __hash__ = object.__hash__

    READY = auto()
    LEAVING = auto()
    WHOLE = auto()
    ANSWERED = auto()
    WITHDRAWN = auto()


class Step(Enum):
    """What may happen to it."""

    __hash__ = object.__hash__

    BEGIN = auto()
    """The first piece of the body is about to be handed over."""
    COMPLETE = auto()
    """So is the last."""
    WITHDRAW = auto()
    """It is called off."""
    ANSWER = auto()
    """A whole answer has come."""


# What is not in the table does not happen: the step is refused, and everything stays as it is.
STEPS: Final[dict[tuple[Stand, Step], Stand]] = {
    (Stand.READY, Step.BEGIN): Stand.LEAVING,
    (Stand.READY, Step.WITHDRAW): Stand.WITHDRAWN,
    (Stand.READY, Step.ANSWER): Stand.ANSWERED,
    (Stand.LEAVING, Step.COMPLETE): Stand.WHOLE,
    (Stand.LEAVING, Step.ANSWER): Stand.ANSWERED,
    (Stand.WHOLE, Step.ANSWER): Stand.ANSWERED,
}


class WithdrawnError(Exception):
    """The body of a POST that was withdrawn was asked for; not one byte is handed over."""


def _always() -> bool:
    return True


@define(eq=False)
class Departure:
    """One POST on its way out.

    Attributes:
        wanted: Asked at the gate: whether it may still leave.
        moved: Called after each piece, and before the last one, for whoever measures silence.
    """

    wanted: Callable[[], bool] = _always
    moved: Callable[[], None] | None = None
    stand: Stand = field(default=Stand.READY, init=False)

    def take(self, step: Step) -> bool:
        """Take a step; False where it is not possible from here."""
        after = STEPS.get((self.stand, step))
        if after is None:
            return False
        self.stand = after
        return True

    def withdraw(self) -> bool:
        """Call it off; False where it has begun to leave, so that its answer must be awaited."""
        return self.take(Step.WITHDRAW) or self.stand is Stand.WITHDRAWN

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was called off, or not wanted at the gate: nothing was sent."""
        return self.stand is Stand.WITHDRAWN

    @property
    def has_begun(self) -> bool:
        """Whether its body has begun to leave, so that it cannot be called off any more."""
        return self.stand in (Stand.LEAVING, Stand.WHOLE, Stand.ANSWERED)

    @property
    def may_have_started(self) -> bool:
        """Whether the service may have all of it, and so may have begun a job."""
        return self.stand in (Stand.WHOLE, Stand.ANSWERED)

    def pieces(self, body: bytes) -> Iterator[bytes]:
        """The body, piece by piece, through the gate.

        Raises:
            WithdrawnError: It has been called off, or is not wanted any more.
        """
        if self.stand is Stand.READY and not self.wanted():
            self.take(Step.WITHDRAW)
        if self.stand is Stand.WITHDRAWN:
            raise WithdrawnError
        # Sent again by whatever lies below (aiohttp re-sends no POST) it would be whole already.
        self.take(Step.BEGIN)
        start = 0
        while len(body) - start > PIECE:
            yield body[start : start + PIECE]
            start += PIECE
            if self.moved is not None:
                self.moved()
        self.take(Step.COMPLETE)
        if self.moved is not None:
            self.moved()
        # Where all of it is the last piece, nothing is copied.
        yield body[start:] if start else body
