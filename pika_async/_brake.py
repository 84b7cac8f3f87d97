"""The one brake of a client: what a service that says "later" does to all of its submits.

Nothing says how many submits a second a service admits, so the brake finds out. Until the first
refusal, answers open the way: beside a crowd's own pace each good one lets one more go. A refusal
holds everyone back for as long as it asks; afterwards submits go one by one at a pace, first come
first served, so that the attempts of no submit are used up by a crowd. The pace follows TCP CUBIC:
slower after each refusal, soon back to just below the pace that was refused, long there, and then
ever faster, since the limit may have been raised.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# A handful of submits, and one for each good answer, go at once.
_HANDFUL: Final = 16
_SAVED_AT_MOST: Final = 100

# The others of a crowd go two thousand a second: a thousand jobs are on their way in less than
# half a second even where an answer takes 150 ms, and most answers of a local limit come in time.
_CROWD_INTERVAL: Final = 0.0005

# With so many gone since the last good answer, answers are awaited: the slower the service, the
# more would otherwise be refused together. A trickle goes on, since some answers never come.
_UNANSWERED: Final = 100
_TRICKLE_INTERVAL: Final = 0.01

# After a hold twenty a second until one is admitted: slow for a gateway, quick for a person.
FIRST_INTERVAL: Final = 0.05

# Limits are mostly so many a second with one second's worth at once, so that what was admitted
# within a second up to the first refusal is a first guess of the pace. A little more uses up what
# such a limit saves during the hold, which is lost time otherwise.
_SECOND: Final = 1.0
_SAVED_MEANWHILE: Final = 1.25

# Sleeps cost more than submits that go together, and timers are late: by this much without
# slowing the pace.
_SHORTEST_SLEEP: Final = 0.002
_LATE: Final = 0.004

# After a refusal: the pace to start with and the one to stay below, as shares of the refused one.
_SLOWER: Final = 0.8
_BELOW: Final = 0.9

# The next attempt at a higher pace costs a hold. At this many times its length between two of
# them, a tenth of the time is lost, and a hundred successes show that there is no hurry.
_HOLDS_APART: Final = 10.0
_FEWEST_SUCCESSES: Final = 100
_MOST_SUCCESSES: Final = 2000

# The pace grows by a factor of e in no less than this many successes, and in no less than three
# times from a submit to its answer: faster, and it would run ahead of the refusals.
_GROWTH: Final = 15
_ANSWERS_PER_GROWTH: Final = 3.0
# The more were admitted at once, the better the first guess, and the more a limit has saved up.
_TRUST: Final = 0.15

# A first guess that grew until it was refused is at most this many times what was admitted, where
# enough were admitted to tell.
_OVERSHOT: Final = 2.5
_TELLING: Final = 8
# So is one refused after a hold of more than a second: not a limit by the second. A hold of about
# one tells as much where hardly any were admitted after it.
_LONG: Final = 2.0
_LONG_FOR_FEW: Final = 0.9
_LONGEST_HOLD: Final = 20.0

# Far above what crowds reach: the start begins anew there, and must not overrun a known limit.
_NO_PACE: Final = 4000.0
_SLOWEST_PACE: Final = 1 / 30


class Brake:
    """Holds back every submit while asked to, then lets them go one by one, ever faster."""

    def __init__(self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._now = now
        self._sleep = sleep
        self._line = anyio.Lock(fast_acquire=True)
        self._until = self._place = self._held_at = -math.inf
        # Before the first refusal.
        self._saved: float = _HANDFUL
        self._unanswered = 0
        # Admitted lately, and when that was counted.
        self._recent = 0.0
        self._counted_at = -math.inf
        # Submits a second after it.
        self._pace = math.inf
        self._awaits_success = False
        self._round_trip = 0.0
        self._seconds = 0.0
        self._refused_at = -math.inf
        self._growth: float = _GROWTH
        # The way up from the last refusal: from `_low` to `_top` in `_length` successes.
        self._low = self._top = math.inf
        self._successes = 0
        self._length: float = _FEWEST_SUCCESSES

    async def released(self) -> float:
        """Wait for a place; returns the moment of going, to be told to :meth:`hold`."""
        if not self._line.locked() and self._next_place() <= self._now():
            return self._go()
        async with self._line:
            while (wait := self._next_place() - self._now()) > 0:
                await self._sleep(max(wait, _SHORTEST_SLEEP))
            return self._go()

    def _go(self) -> float:
        now = self._now()
        if self._pace < math.inf:
            interval = 1 / self._pace
            if self._awaits_success:
                interval = max(interval, FIRST_INTERVAL)
        else:
            self._unanswered += 1
            if self._saved >= 1:
                self._saved -= 1
                return now
            interval = _CROWD_INTERVAL
            if self._unanswered > _UNANSWERED:
                interval = _TRICKLE_INTERVAL
        self._place = max(self._place, now - _LATE) + interval
        return now

    def _next_place(self) -> float:
        if self._pace == math.inf and self._saved >= 1:
            return self._until
        return max(self._until, self._place)

    def hold(self, seconds: float, gone_at: float) -> None:
        """Let nothing through for ``seconds`` from now, and go slower from then on.

        Args:
            seconds: A longer hold that is there already stays.
            gone_at: When the submit that was refused had been released. What had gone before the
                last hold began tells nothing new of the pace.
        """
        now = self._now()
        resumed = self._until
        if gone_at > self._held_at:
            if self._pace == math.inf:
                self._guess(seconds, now)
            elif self._awaits_success:
                # Nothing was admitted since the last hold: it was too short, and the pace is no
                # worse than it was. Each of a crowd may be refused for the first time, so that
                # the delay of one does not grow.
                if gone_at >= resumed:
                    seconds = max(seconds, min(2 * self._seconds, _LONGEST_HOLD))
            else:
                self._slow_down(seconds, gone_at, resumed)
            self._round_trip = now - gone_at
            self._held_at = now
            self._seconds = seconds
        self._until = self._place = max(resumed, now + seconds)
        self._awaits_success = True

    def _admitted(self, now: float) -> float:
        """How many lately: those of a second ago count little more than a third."""
        return self._recent * math.exp((self._counted_at - now) / _SECOND)

    def _guess(self, seconds: float, now: float) -> None:
        admitted = self._admitted(now)
        guess = _SAVED_MEANWHILE * admitted / max(seconds, _SECOND)
        self._pace = max(guess, 1 / FIRST_INTERVAL)
        self._growth = max(_GROWTH, _TRUST * admitted**2)
        self._top = math.inf
        self._refused_at = now
        self._successes = 0

    def _slow_down(self, seconds: float, gone_at: float, resumed: float) -> None:
        refused = self._pace
        admitted = self._admitted(self._now())
        went_for = min(max(gone_at - resumed, FIRST_INTERVAL), _SECOND)
        if self._top == math.inf and admitted >= _TELLING:
            # A pace that grew on what the limit had saved up is far beyond it.
            refused = min(refused, _OVERSHOT * admitted / went_for)
        idle = resumed - self._refused_at
        if idle > (_LONG_FOR_FEW if self._successes < _TELLING else _LONG):
            refused = min(refused, _OVERSHOT * (1 + self._successes) / (idle + went_for))
        self._refused_at = gone_at
        self._low = self._pace = max(_SLOWER * refused, _SLOWEST_PACE)
        self._top = max(_BELOW * refused, _SLOWEST_PACE)
        self._growth = _GROWTH
        self._successes = 0
        self._length = min(
            max(_FEWEST_SUCCESSES, _HOLDS_APART * seconds * self._top), _MOST_SUCCESSES
        )

    def succeeded(self) -> None:
        """Go a little faster, until there is no more pace to keep."""
        now = self._now()
        if now >= self._until:
            self._awaits_success = False
        self._recent = 1 + self._admitted(now)
        self._counted_at = now
        if self._pace == math.inf:
            self._unanswered = 0
            self._saved = min(self._saved + 1, _SAVED_AT_MOST)
            return
        self._pace = self._faster()
        if self._pace >= _NO_PACE:
            self._pace = math.inf
            self._saved = 0

    def _faster(self) -> float:
        under_way = self._pace * self._round_trip
        most = self._pace * (1 + 1 / max(self._growth, _ANSWERS_PER_GROWTH * under_way))
        self._successes += 1
        if self._top == math.inf:
            return most
        share = self._successes / self._length - 1
        if share <= 0:
            return self._top + (self._top - self._low) * share**3
        return min(most, self._top * (1 + share**3))
