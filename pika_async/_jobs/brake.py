"""The one brake of a client: what a service that says "later" does to all of its submits.

No service says how many submits a second it admits, so the brake finds out. Until the first
refusal, each good answer lets one more submit go at once. A refusal holds everyone back for as long
as it asks. Afterwards submits go one by one at a pace, first come first served. The pace follows
TCP CUBIC (https://www.rfc-editor.org/rfc/rfc9438): slower after a refusal, soon back to just below
the pace that was refused, there for long, and then ever faster, since the limit may have been
raised.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final

from pika_async._timing import Sleepers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# A handful of submits go at once, and one more for each good answer.
_HANDFUL: Final = 16
_SAVED_AT_MOST: Final = 100

# The others of a crowd go two thousand a second: a thousand jobs are on their way in half a second
# even where an answer takes 150 ms, and most answers of a limit nearby come in time.
_CROWD_INTERVAL: Final = 0.0005

# After so many without a good answer, only a trickle goes on, since some answers never come.
_UNANSWERED: Final = 100
_TRICKLE_INTERVAL: Final = 0.01

# After a hold twenty a second until one is admitted: slow for a gateway, quick for a person.
FIRST_INTERVAL: Final = 0.05

# Most limits are so many a second, and let one second's worth go at once. So the first guess of the
# pace is what was admitted in the second before the first refusal. It is a little more than that,
# to use up what the limit saves during the hold.
_SECOND: Final = 1.0
_SAVED_MEANWHILE: Final = 1.25

# After a refusal: the pace to start with and the one to stay below, as shares of the refused one.
_SLOWER: Final = 0.8
_BELOW: Final = 0.9
# The first pace may have grown on what the limit had saved. If so many were admitted since that it
# can be told, the refused pace counts as at most so many times what was admitted.
_OVERSHOT: Final = 2.5
_TELLING: Final = 8

# The way back to the refused pace takes so many successes, and eight times the hold that another
# refusal would cost.
_WAY_BACK: Final = 150
_HOLDS_APART: Final = 8.0

# To grow by a factor of e the pace takes at least this many successes, and three round trips, which
# show that it is admitted. If the first guess rests on more submits than that, it takes three times
# as many as those.
_GROWTH: Final = 30.0
_ROUND_TRIPS: Final = 3.0
_TRUST: Final = 3.0

# Where nothing is admitted between two holds, each is twice as long as the one before, up to this.
_LONGEST_HOLD: Final = 20.0

# Seconds. A shorter sleep costs more than going together, and timers may be late by so much.
_SHORTEST_SLEEP: Final = 0.002
_LATE: Final = 0.004

# Submits a second. A pace above this is faster than any crowd, and is no longer kept.
_NO_PACE: Final = 4000.0
_SLOWEST_PACE: Final = 1 / 30


class Brake:
    """Holds back every submit while asked to, then lets them go one by one, ever faster."""

    def __init__(
        self, now: Callable[[], float], rest: Callable[[float, Sleepers], Awaitable[None]]
    ) -> None:
        self._now = now
        self._rest = rest
        self._line = asyncio.Lock()
        self._first_in_line = Sleepers()
        self._until = self._place = self._held_at = self._went_at = -math.inf
        # Before the first refusal.
        self._saved = _HANDFUL
        self._unanswered = 0
        self._recent = 0.0
        self._admitted_at = -math.inf
        # Submits a second after it, on the way from `_low` to `_top`.
        self._pace = self._top = math.inf
        self._low = 0.0
        self._successes = 0
        self._growth = _GROWTH
        self._hold = self._round_trip = 0.0
        self._awaits_success = False

    def take(self) -> float | None:
        """Go at once, if that is possible.

        Returns:
            The moment of going, for :meth:`hold`; None: it has to :meth:`wait`.
        """
        if self._line.locked():
            return None
        now = self._now()
        return self._go(now) if self._next_place() <= now else None

    async def wait(self) -> float:
        """Wait in line for a place; the moment of going."""
        async with self._line:
            while (wait := self._next_place() - self._now()) > 0:
                await self._rest(max(wait, _SHORTEST_SLEEP), self._first_in_line)
            return self._go(self._now())

    @property
    def held(self) -> float:
        """Seconds until somebody gets a place."""
        return max(self._next_place() - self._now(), 0.0)

    def has_held(self, since: float) -> bool:
        """Whether it has held anybody back since then."""
        return self._pace < math.inf or self._until > since

    def _next_place(self) -> float:
        if self._pace == math.inf and self._saved:
            return self._until
        return max(self._until, self._place)

    def _go(self, now: float) -> float:
        self._went_at = now
        if self._pace < math.inf:
            interval = 1 / self._pace
            if self._awaits_success:
                interval = max(interval, FIRST_INTERVAL)
        else:
            self._unanswered += 1
            if self._saved:
                self._saved -= 1
                return now
            interval = _CROWD_INTERVAL if self._unanswered <= _UNANSWERED else _TRICKLE_INTERVAL
        self._place = max(self._place, now - _LATE) + interval
        return now

    def hold(self, seconds: float, gone_at: float, *, asked: float = 0.0) -> bool:
        """Let nothing through for ``seconds`` from now, and go slower from then on.

        Args:
            seconds: How long. A longer hold that is there already stays.
            gone_at: When the submit that was refused had been released. If that was before the last
                hold began, it tells nothing new of the pace, and prolongs the hold only by what
                the service itself asks. Otherwise each of a crowd would add its own jitter, and
                the whole crowd would wait for the longest.
            asked: How many of the seconds the service itself has asked for.

        Returns:
            Whether another submit has been admitted since ``gone_at``: then this one was only one
            too many.
        """
        now = self._now()
        if gone_at > self._held_at:
            resumed = self._until
            if self._pace == math.inf:
                admitted = self._admitted_lately(now)
                saved_in = max(asked or seconds, _SECOND)
                self._pace = max(_SAVED_MEANWHILE * admitted / saved_in, 1 / FIRST_INTERVAL)
                self._growth = max(_GROWTH, _TRUST * admitted)
            elif not self._awaits_success:
                self._slow_down(now - resumed)
            elif gone_at >= resumed:
                seconds = max(seconds, min(2 * self._hold, _LONGEST_HOLD))
            self._successes = 0
            self._round_trip = now - gone_at
            self._held_at = now
            self._hold = seconds
        elif now < self._until:
            seconds = asked
        self._until = self._place = max(self._until, now + seconds)
        self._awaits_success = True
        return self._admitted_at > gone_at

    def _slow_down(self, going_for: float) -> None:
        refused = self._pace
        admitted = self._admitted_lately(self._now())
        if self._top == math.inf and admitted >= _TELLING:
            within = min(max(going_for, FIRST_INTERVAL), _SECOND)
            refused = min(refused, _OVERSHOT * admitted / within)
        self._low = self._pace = max(_SLOWER * refused, _SLOWEST_PACE)
        self._top = max(_BELOW * refused, _SLOWEST_PACE)
        self._growth = _GROWTH

    def succeeded(self) -> None:
        """Go a little faster, until there is no more pace to keep."""
        now = self._now()
        if self._awaits_success and now >= self._until:
            self._awaits_success = False
            # From here on the pace counts, also for the first in line, who has a later place.
            self._place = min(self._place, self._went_at + 1 / self._pace)
            self._first_in_line.wake()
        self._recent = 1 + self._admitted_lately(now)
        self._admitted_at = now
        if self._pace == math.inf:
            self._unanswered = 0
            self._saved = min(self._saved + 1, _SAVED_AT_MOST)
            return
        self._successes += 1
        self._pace = self._faster()
        if self._pace >= _NO_PACE:
            self._pace = self._top = math.inf
            self._saved = 0

    def _admitted_lately(self, now: float) -> float:
        """How many were admitted, with weights: of a second ago, each counts as about a third."""
        return self._recent * math.exp((self._admitted_at - now) / _SECOND)

    def _faster(self) -> float:
        under_way = self._pace * self._round_trip
        most = self._pace * (1 + 1 / max(self._growth, _ROUND_TRIPS * under_way))
        if self._top == math.inf:
            return most
        way = max(_WAY_BACK, _HOLDS_APART * self._top * self._hold)
        share = self._successes / way - 1
        if share <= 0:
            return self._top + (self._top - self._low) * share**3
        return min(most, self._top * (1 + share**3))
