"""How long something may take, on a loop that may be late itself.

A timer says that time has passed, but not that the loop has run meanwhile. Where the process was
stopped, or a callback held the loop, the loop finds the timer and the answer in the same turn, and
needs some turns more to read the answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextvars import Context
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

# An answer that lies in the socket is read in one turn; headers and a body that were packed apart
# take a second, TLS a third.
_TURNS: Final = 3

# Seconds. If a timer is later than that, the loop was held up.
_LATE: Final = 0.05

# Seconds by which a bound is put off at most at a time. TCP sends again within a few seconds what
# it has sent to a machine that was away.
_LONGEST: Final = 5.0

# A timer that only cancels needs no copy of its setter's context.
_NOBODYS: Final = Context()

# How often at most: a loop that is held up again and again must not wait for ever.
_MOST: Final = 10


class Bound:
    """A context manager: what is awaited in it may take so many seconds, then it is cancelled.

    If its timer is late, the bound is put off by as long as that, and always by some turns of the
    loop, which reads then what has come. So a time in which the loop did not run does not count as
    silence of the other side.

    Attributes:
        expired: Whether the time is over, and what is awaited was cancelled.

    Raises:
        TimeoutError: It took longer.
    """

    __slots__ = (
        "_at",
        "_cancelling",
        "_end",
        "_line",
        "_loop",
        "_rings",
        "_task",
        "_timer",
        "expired",
    )

    _at: float
    _task: asyncio.Task[object]

    def __init__(self, seconds: float, line: Bounds | None = None) -> None:
        """``line``: its timer stands for this bound's own, until it rings."""
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + seconds
        self._line = line
        self._rings = 0
        self._timer: asyncio.TimerHandle | None = None
        self.expired = False

    def move(self, end: float) -> None:
        """Let it end at that moment of the loop's clock instead."""
        self._rings = 0
        self._end = end
        # A later end needs no new timer yet: the one that runs is set anew when it rings.
        if end < self._at:
            self._cancel()
            self._set()

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - nobody else awaits
        self._task = task
        self._cancelling = task.cancelling()
        if self._line is None:
            self._set()
        else:
            self._at = self._end
            self._line.join(self, self._end)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cancel()
        if not self.expired:
            return
        # If somebody else has cancelled the task, too, that cancellation goes on.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        elif self._line is not None:
            self._line.leave(self)

    def _set(self) -> None:
        # Kept here, since a loop may round the time of a timer, or not tell it.
        self._at = self._end
        self._timer = self._loop.call_at(self._end, self.ring, context=_NOBODYS)

    def ring(self) -> None:
        """The timer rings. The end may have been moved since it was set."""
        now = self._loop.time()
        late = max(0.0, now - self._at)
        if self._end > self._at:
            self._set()
        elif self._rings < _TURNS or (late > _LATE and self._rings < _MOST):
            self._rings += 1
            self._end = now + min(late, _LONGEST)
            self._set()
        else:
            self.expired = True
            self._task.cancel()


class Bounds:
    """Bounds of one length: those that were entered first end first, so one timer does for all.

    Thousands of requests a second have a bound, and hardly any of them reaches it. A timer for each
    would be most of what a bound costs.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # In the order in which they end. A dict, so that each can leave from the middle at once.
        self._line: OrderedDict[Bound, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def of(self, seconds: float | None = None) -> Bound:
        """A bound of that length, or of ``seconds`` where that is less; to be entered at once."""
        if seconds is None or seconds >= self._seconds:
            return Bound(self._seconds, self)
        return Bound(seconds)

    def join(self, bound: Bound, end: float) -> None:
        """Ring for it at ``end``, which is after that of all others."""
        self._line[bound] = end
        if self._timer is None:
            self._set(end)

    def leave(self, bound: Bound) -> None:
        """Not ring for it any more."""
        self._line.pop(bound, None)
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Leave no timer behind, once there is nothing more to bound."""
        self._is_closed = True
        if self._timer is not None and not self._line:
            self._timer.cancel()
            self._timer = None

    def _set(self, end: float) -> None:
        # If that bound leaves, the timer stays: so one is set every so many seconds, and no more.
        self._timer = asyncio.get_running_loop().call_at(end, self._ring, context=_NOBODYS)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._line:
            bound, end = next(iter(self._line.items()))
            if end > now:
                self._set(end)
                return
            del self._line[bound]
            bound.ring()
