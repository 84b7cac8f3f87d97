"""How many lines of a page may be under way, and what it can use of that. Pure.

At its end a page has fewer lines left than it may have under way. What it cannot use is for the
next page, so it says how much it can use still: in a few steps, since each word costs the engine as
much as a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import define, field

from pika_async.temporal._limits.unseen import Unseen, jobs, still

if TYPE_CHECKING:
    from datetime import datetime

_STEP: Final = 2 / 3


@define
class Room:
    """The room of one page.

    Attributes:
        width: How many of its lines may be under way at once.
        unseen: Its jobs that nobody waits for, and that may run still.
        opened: How often it was given a width where it had none, as when its owner goes on.
    """

    width: int
    unseen: tuple[Unseen, ...] = ()
    opened: int = 0
    _most: int | None = field(default=None)

    def widen(self, width: int) -> None:
        """So many lines may be under way from now on."""
        self.opened += width > 0 and self.width == 0
        self.width = width

    def taken(self, in_flight: int) -> int:
        """How much of the width is in use, with so many lines in flight."""
        return in_flight + jobs(self.unseen)

    def lose(self, until: datetime) -> None:
        """A job may run until then, and nobody waits for it."""
        self.unseen += (Unseen(jobs=1, until=until),)

    def look(self, now: datetime) -> None:
        """Forget those that have ended by now."""
        self.unseen = still(self.unseen, now)

    def hand_over(self, now: datetime) -> Unseen | None:
        """Those that are left at the end of the page, all until the last has ended.

        They take no room here from now on, so that the page need not wait for them.
        """
        self.look(now)
        if not self.unseen:
            return None
        left, self.unseen = self.unseen, ()
        return Unseen(jobs=jobs(left), until=max(each.until for each in left))

    def content(self, left: int) -> int | None:
        """What the page is content with from now on, with so many lines left; None: as before."""
        can_use = left + jobs(self.unseen)
        most = self.width if self._most is None else min(self._most, self.width)
        if can_use >= self.width or can_use > _STEP * most:
            return None
        self._most = can_use
        return can_use
