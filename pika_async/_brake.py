"""The one brake of a client: what a service that says "later" does to all of its submits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# After a hold submits go one by one: at first twenty a second, which is slow for a gateway and
# quick for a person.
FIRST_INTERVAL: Final = 0.05

# Slower by half at each "later", faster by a fiftieth at each success: many successes for one
# refusal, so that most submits of a long run are welcome.
_SLOWER: Final = 1.5
_FASTER: Final = 0.98

# A service that admits a thousand a second needs no pacing.
_NO_INTERVAL: Final = 0.001
_LONGEST_INTERVAL: Final = 30.0


class Brake:
    """Holds back every submit while asked to, then lets them go one by one, ever faster."""

    def __init__(self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._now = now
        self._sleep = sleep
        self._until = self._next_place = now()
        self._held_at = -math.inf
        self._interval = 0.0

    async def released(self) -> float:
        """Wait for a place; returns the moment of going, to be told to :meth:`hold`."""
        while True:
            now = self._now()
            place = max(now, self._until, self._next_place)
            if place <= now:
                self._next_place = now + self._interval
                return now
            if self._interval and place > self._until:
                # A place of one's own in the queue, unless a hold comes in between.
                self._next_place = place + self._interval
                until = self._until
                await self._sleep(place - now)
                if self._until == until:
                    return self._now()
            else:
                await self._sleep(self._until - now)

    def hold(self, seconds: float, gone_at: float) -> None:
        """Let nothing through for ``seconds`` from now, and go slower from then on.

        Args:
            seconds: A longer hold that is there already stays.
            gone_at: When the submit that was refused had been released. What had gone before the
                last hold began tells nothing new of the pace.
        """
        now = self._now()
        self._until = max(self._until, now + seconds)
        self._next_place = self._until
        if gone_at > self._held_at:
            self._interval = min(max(self._interval * _SLOWER, FIRST_INTERVAL), _LONGEST_INTERVAL)
            self._held_at = now

    def succeeded(self) -> None:
        """Go a little faster, until there is no more pace to keep."""
        self._interval *= _FASTER
        if self._interval < _NO_INTERVAL:
            self._interval = 0.0
