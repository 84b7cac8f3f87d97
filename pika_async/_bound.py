"""How long something may take, on a loop that may be late itself.

A timer says that time has passed, and not that anybody has looked meanwhile. Where the process
was stopped, or a callback held the loop, the timer and the answer are found in the same turn of
the loop, and the answer needs some turns more to be read.
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

# Seconds. A timer that is later than that found the loop held up.
_LATE: Final = 0.05

# Seconds for which it is held open at most: what was sent to a machine that was away is sent again
# within a few.
_LONGEST: Final = 5.0

# A timer that only cancels needs no copy of the context of whoever set it.
_NOBODYS: Final = Context()

# A loop that is held up without end must not wait without end.
_MOST: Final = 10


class Bound:
    """What is awaited within it may take so many seconds, and is cancelled after that.

    It ends after as long again as its timer was late, and never before the loop has had some turns
    to read what has come. So a time in which the loop did not run is no silence of others.

    Attributes:
        expired: Whether it has ended what is within.

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
        """``line``: has the timer, until that rings."""
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
        # Where it is put off, the timer that runs is set anew when it rings.
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
        # Whoever is cancelled by others, too, is cancelled.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        elif self._line is not None:
            self._line.leave(self)

    def _set(self) -> None:
        # Not every loop tells for when a timer was set, nor keeps it to the microsecond.
        self._at = self._end
        self._timer = self._loop.call_at(self._end, self.ring, context=_NOBODYS)

    def ring(self) -> None:
        """Its time has come, or what was its time when the timer was set."""
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

    Thousands of requests are bounded a second, and hardly any of them comes to its bound. A timer
    for each would be most of what a bound costs.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # In the order in which they end; of thousands that leave, each leaves at once.
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
        # Left alone where whom it was set for leaves: so it is set once in so many seconds.
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
