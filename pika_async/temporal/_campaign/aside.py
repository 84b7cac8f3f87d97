"""The lines of a page that are put off: they step aside, and others are tried beside them.

A page has as many lines under way as it is wide. Where the service takes none of these, the next
ones may be what it does take. So more lines are begun, one with each pause of a service that is
down, and some at once where it knows nothing of a line. How many are in flight stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen
from temporalio import workflow

from pika_async.temporal._blame import (
    MOST_DOWN,
    MOST_UNKNOWN,
    MOST_UNREAD,
    is_down,
    is_put_off,
    is_unknown,
    is_unread,
)
from pika_async.temporal._campaign.sentences import KNOWS_NOTHING
from pika_async.temporal._steps import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async.temporal._failures import Told
    from pika_async.temporal._limits.room import Room

# In histories: of pages that waited for the end of a pause, whoever had gone on with them; and of
# pages that began no other line while those under way were put off.
_WOKEN: Final = "whoever goes on with a page wakes it"
_STEP_ASIDE: Final = "lines that are put off step aside"


@frozen(kw_only=True)
class Others:
    """The other lines of a page.

    Attributes:
        taken: How many of them the service has taken so far.
        left: How many have no job yet, and no end.
        held: How often the page was held, and its owner has gone on with it.
        refuse_unknown: Whether its owner has what the service knows nothing of refused.
    """

    taken: int
    left: int
    held: int
    refuse_unknown: bool = False


class Aside:
    """Of one page."""

    def __init__(self) -> None:
        self._lines = 0
        self._put_off = 0
        self._unknown = 0

    def under_way(self, lines: int) -> int:
        """How much of the width so many lines take that have begun and not ended."""
        return max(lines - self._lines, 0)

    def put_off(self) -> None:
        """One more line is put off."""
        self._put_off += 1

    def ended(self) -> None:
        """One of these is put off no longer: it was taken, or refused, or is not sent any more."""
        self._put_off -= 1
        self._lines = min(self._lines, self._put_off)

    def pauses(self, told: Told, failures: int) -> None:
        """A pause begins, so many of them in a row, since a line was told that."""
        unknown = is_unknown(told)
        row = self._unknown if failures > 1 else 0
        self._unknown = row + 1 if unknown else 0
        # An outage that is over soon begins no line before its time.
        lasts = is_down(told) and failures >= MOST_DOWN
        if lasts and workflow.patched(_STEP_ASIDE):
            self._lines = min(self._lines + 1, self._put_off)
        elif unknown:
            # So many in a row are different ones, as far as there are any.
            self._lines = max(self._lines, MOST_UNKNOWN - 1)

    @staticmethod
    def wakes(told: Told, room: Room) -> Callable[[], bool]:
        """Whether somebody has gone on with the page meanwhile, for whom it is tried at once.

        He has mended something. Where the service itself says how long it has no room, it knows.
        """
        opened = room.opened
        heeds = is_put_off(told) and workflow.patched(_WOKEN)
        return lambda: heeds and room.opened != opened

    def why_held(self, told: Told, failures: int, others: Others) -> str | None:
        """Why the campaign is held, since it so went in a row, and not with one line; or None."""
        if is_unread(told) and failures == MOST_UNREAD:
            return refused(told).meaning
        # Where few are left, and the service has taken others, it may be these few.
        few = others.taken and others.left < MOST_UNKNOWN - 1
        if is_unknown(told) and self._unknown == MOST_UNKNOWN and not few:
            return KNOWS_NOTHING.format(meaning=refused(told).meaning)
        return None
