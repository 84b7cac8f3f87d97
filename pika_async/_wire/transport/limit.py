"""How many polls are under way at once, and so over how many connections.

A poll needs a connection for itself, and one more connection is worth its cost only where the
network is what polls wait for. Where it is the service, or this process, whoever opens one more
has the answer no sooner: it waits there in place of here. So there is a limit, and it follows what
is found:

- ``FEW`` go at once, as many as aiohttp allows by itself.
- Where others wait, twice as many may go, on trial. Once all that were under way then are back,
  answers are timed. Those of a network take as long as before, so more come a second, and the trial
  goes on with twice as many again. Where hardly more come a second, answers take so much longer:
  then it is as before, and is tried again a second later.
- Before there is any answer, nothing is known. Where this thread has time to spare, twice as many
  go every few milliseconds: hundreds that are needed are reached within some hundredths of a
  second. So they do, each second, where answers have come and come no more.
- Where not a quarter was used for a second, half will do. Crowds that come in waves keep theirs.
- Never more go at once than the process may have connections.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

FEW: Final = 100

# Seconds from one look to the next.
TICK: Final = 0.01

# Of the time between two looks: a thread with more to spare than that waits for others.
_SPARE: Final = 0.1
# Twice as many connections bring as many times the answers a second, at least, or are not needed.
_GAIN: Final = 1.5
# Rounds that are compared: one alone may have been slow by chance. The first is taken as it is,
# since a crowd that needs more waits meanwhile; a trial too many is taken back after two rounds.
_REMEMBERED: Final = 8
# Seconds until it is tried again, over connections that are open still.
_TRIED_AGAIN_AFTER: Final = 1.0
# Seconds without an answer, after which those under way are no measure.
_SILENCE: Final = 1.0

_NO_TIME: Final = 1e-9

_UNUSED: Final = 0.25
_UNUSED_FOR: Final = 1.0


@frozen
class _Before:
    """How it was before twice as many were allowed."""

    allowed: int
    rates: deque[float]
    """Answers a second, of the last rounds."""


class ConnectionLimit:
    """So many at once as are worth a connection; the others wait in line, first come first served.

    Each that was let through by :meth:`take` or :meth:`wait` calls :meth:`give_back` at its end.

    Attributes:
        allowed: How many may be under way now.
    """

    def __init__(
        self,
        most: int | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        """What it is measured by.

        Args:
            most: So many at once, whatever is found; None: no bound.
            now: Seconds.
            worked: Seconds for which this thread had a processor.
        """
        self._most = math.inf if most is None else most
        self._few = FEW if most is None else min(FEW, most)
        self.allowed = self._few
        self._now = now
        self._worked = worked
        self._under_way = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._next_look: asyncio.TimerHandle | None = None
        # At the last look: the time, the work, and how many had been answered.
        self._last = (0.0, 0.0, 0)
        self._answered = 0
        # When the last answer was noticed, or others began to wait.
        self._heard_at = 0.0
        # A round is as many answers as are allowed, while others wait: those of all that were under
        # way at its start.
        self._answers = 0
        self._seconds = 0.0
        self._rates: deque[float] = deque(maxlen=_REMEMBERED)
        self._trial: _Before | None = None
        # Whether the answers of this round are of polls that were begun before the trial.
        self._is_earlier = False
        self._tried_again_at = 0.0
        # How many were under way at most since it was last asked whether half would do.
        self._most_used = 0
        self._much_used_at = 0.0

    def take(self) -> bool:
        """Go at once; False where it takes a :meth:`wait`."""
        if self._under_way >= self.allowed:
            return False
        self._under_way += 1
        self._most_used = max(self._most_used, self._under_way)
        return True

    async def wait(self) -> None:
        """Wait in line for a turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        if self._next_look is None:
            self._heard_at = self._now()
            self._last = self._heard_at, self._worked(), self._answered
            self._look_later()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                # Its turn came with the cancellation.
                self._next_one()
            raise

    def give_back(self, seconds: float) -> None:
        """Let the next one go; ``seconds``: how long this one took."""
        self._answered += 1
        if not self._line:
            # Fewer are under way than might be, so how long they take is no measure.
            self._answers, self._seconds = 0, 0.0
        else:
            self._answers += 1
            self._seconds += seconds
            if self._answers >= self.allowed:
                self._end_round()
        self._next_one()

    def look(self) -> None:
        """Allow more where nothing is known, and others wait."""
        now, worked, answered = self._now(), self._worked(), self._answered
        (last, worked_before, answered_before), self._last = self._last, (now, worked, answered)
        self._much_used_at = now
        if not answered:
            if now - last - (worked - worked_before) > _SPARE * (now - last):
                self._allow_twice()
        elif answered > answered_before:
            self._heard_at = now
        elif now - self._heard_at > _SILENCE:
            self._heard_at = now
            self._allow_twice()

    def _next_one(self) -> None:
        if self._line and self._under_way <= self.allowed and self._let_one_go():
            return
        self._under_way -= 1
        if self.allowed > self._few and self._under_way < _UNUSED * self.allowed:
            self._shrink()

    def _end_round(self) -> None:
        now = self._now()
        rate = self.allowed * self._answers / max(self._seconds, _NO_TIME)
        self._answers, self._seconds = 0, 0.0
        if self._is_earlier:
            self._is_earlier = False
            return
        before, self._trial = self._trial, None
        if before is not None and rate < _GAIN * max(before.rates):
            self.allowed, self._rates = before.allowed, before.rates
            self._tried_again_at = now + _TRIED_AGAIN_AFTER
            return
        self._rates.append(rate)
        if self.allowed >= self._most:
            return
        if now >= self._tried_again_at:
            self._trial, self._rates = _Before(self.allowed, self._rates), deque(maxlen=_REMEMBERED)
            self._is_earlier = True
            self._allow_twice()

    def _allow_twice(self) -> None:
        self.allowed = int(min(2 * self.allowed, self._most))
        while self._under_way < self.allowed and self._let_one_go():
            self._under_way += 1

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(TICK, self._look_if_any_wait)

    def _look_if_any_wait(self) -> None:
        self._next_look = None
        if self._any_wait():
            self.look()
        if self._line:
            self._look_later()

    def _any_wait(self) -> bool:
        # Those who have left are still in line.
        return any(not turn.done() for turn in self._line)

    def _let_one_go(self) -> bool:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    def _shrink(self) -> None:
        now = self._now()
        most_used, self._most_used = self._most_used, self._under_way
        if most_used >= _UNUSED * self.allowed:
            # They come in waves, as of jobs that were submitted together.
            self._much_used_at = now
        elif now - self._much_used_at > _UNUSED_FOR:
            self._much_used_at = now
            self.allowed = max(self._few, int(self.allowed / 2))
            # What more of them brought is no measure for fewer, nor is a trial of so many.
            self._rates.clear()
            self._trial, self._is_earlier = None, False
