"""How many polls are under way at once, and so over how many connections.

A poll needs a connection for itself, and one more connection is worth its cost only where the
network is what polls wait for. Where thousands are due together it is not: answers come faster than
this process can read them, and whoever does not wait for a connection to be free opens one more,
and has the answer no sooner. So there is a limit, and it follows what is found:

- ``FEW`` go at once, as many as aiohttp allows by itself.
- While others wait, there is a look every few milliseconds. Where this thread had time to spare
  since the last one, and most answers are still awaited, the network is slow, and twice as many
  may go. Hundreds that are needed are reached within some hundredths of a second.
- Where it had none, one more may go each time: whatever keeps the thread busy, nobody waits for a
  connection for good.
- Where not a quarter was used for a second, half will do.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FEW: Final = 100

# Seconds from one look to the next.
TICK: Final = 0.01

# Of the time between two looks: a thread with more to spare than that waits for others.
_SPARE: Final = 0.1
# Of those allowed: where so many were answered since the last look, answers are not slow.
_PROMPT: Final = 0.5

_UNUSED: Final = 0.25
_UNUSED_FOR: Final = 1.0


class ConnectionLimit:
    """So many at once as are worth a connection; the others wait in line, first come first served.

    Each that was let through by :meth:`take` or :meth:`wait` calls :meth:`give_back` at its end.

    Attributes:
        allowed: How many may be under way now.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        """``now``: seconds; ``worked``: seconds for which this thread had a processor."""
        self.allowed = FEW
        self._now = now
        self._worked = worked
        self._under_way = 0
        self._answered = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._next_look: asyncio.TimerHandle | None = None
        # At the last look: the time, the work and how many had been answered.
        self._last = (0.0, 0.0, 0)
        self._much_used_at = 0.0

    def take(self) -> bool:
        """Go at once; False where it takes a :meth:`wait`."""
        if self._under_way >= self.allowed:
            return False
        self._under_way += 1
        return True

    async def wait(self) -> None:
        """Wait in line for a turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        if self._next_look is None:
            self._last = self._now(), self._worked(), self._answered
            self._look_later()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                # Its turn came with the cancellation.
                self.give_back()
            raise

    def give_back(self) -> None:
        """Let the next one go."""
        self._answered += 1
        if self._line and self._under_way <= self.allowed and self._let_one_go():
            return
        self._under_way -= 1
        if self.allowed > FEW and self._under_way < _UNUSED * self.allowed:
            self._shrink()

    def look(self) -> None:
        """Allow more, if any wait."""
        now, worked, answered = self._now(), self._worked(), self._answered
        time_passed, time_worked, prompt = (
            after - before
            for after, before in zip((now, worked, answered), self._last, strict=True)
        )
        self._last = now, worked, answered
        has_time = time_passed - time_worked > _SPARE * time_passed
        self.allowed += self.allowed if has_time and prompt < _PROMPT * self.allowed else 1
        self._much_used_at = now
        while self._under_way < self.allowed and self._let_one_go():
            self._under_way += 1

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(TICK, self._look_if_any_wait)

    def _look_if_any_wait(self) -> None:
        self._next_look = None
        # Those who have left are still in line.
        if any(not turn.done() for turn in self._line):
            self.look()
        if self._line:
            self._look_later()

    def _let_one_go(self) -> bool:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    def _shrink(self) -> None:
        now = self._now()
        if now - self._much_used_at > _UNUSED_FOR:
            self._much_used_at = now
            self.allowed = max(FEW, int(self.allowed / 2))
