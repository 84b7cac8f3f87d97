"""The tries of one line of a page that started nothing: when the line is refused for good."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporalio import workflow

from pika_async.temporal._blame import MOST_DOWN, MOST_UNREAD, is_down, is_unknown, is_unread

if TYPE_CHECKING:
    from pika_async.temporal._campaign.aside import Aside, Others
    from pika_async.temporal._failures import Told

ALONE_FOR: Final = timedelta(hours=1)
"""How long the last line of a page is tried that the service does not take."""

# In histories: of pages that had each line refused while the service took nothing.
_PUT_OFF: Final = "a service that takes nothing now is asked again later"
# In histories: of pages that had each line refused where the service knew nothing of it.
_UNKNOWN: Final = "what the service does not know is asked again"


class PutOff:
    """The tries of a line that the service does not take. Pure."""

    def __init__(self, others: Others, now: datetime) -> None:
        """Begin with the first."""
        self._first = others
        self._since = now
        self._tries = 0
        self._gone_on = False

    def is_passed_by(self, others: Others, now: datetime, *, unknown: bool = False) -> bool:
        """Note one more try; returns whether the service takes others, and not this line.

        ``unknown``: it does not say that it takes nothing now, but that it knows nothing of it.
        """
        if others.held > self._first.held and not self._gone_on:
            # Nothing was taken for a day, and its owner goes on all the same.
            self._gone_on, self._tries = True, 0
        self._tries += 1
        # The last one of a page has nobody beside it who could be taken.
        alone = bool(others.taken) and not others.left and now - self._since >= ALONE_FOR
        passed = others.taken > self._first.taken or self._gone_on or alone
        if unknown:
            # Its owner knows the answer. Else a worker with another address may have given it.
            return self._gone_on or (bool(others.taken) and self._tries >= MOST_DOWN)
        return passed and self._tries >= MOST_DOWN


class Tries:
    """Of one line."""

    def __init__(self, aside: Aside) -> None:
        """``aside``: where the page counts its lines that are put off."""
        self._aside = aside
        self._unread = 0
        self._put_off: PutOff | None = None

    def is_refused(self, told: Told, others: Others, *, again: bool) -> bool:
        """Whether what a try was told is the end, of this line or of all.

        Args:
            told: How it ended.
            others: The others, as they stand now.
            again: Whether what started nothing may be sent again, by the table.
        """
        self._unread += is_unread(told)
        if is_unknown(told) and others.refuse_unknown:
            return True
        unknown = is_unknown(told) and workflow.patched(_UNKNOWN)
        if unknown or (is_down(told) and workflow.patched(_PUT_OFF)):
            now = workflow.now()
            if self._put_off is None:
                self._put_off = PutOff(others, now)
                self._aside.put_off()
            return self._put_off.is_passed_by(others, now, unknown=unknown)
        return not again or self._unread >= MOST_UNREAD

    def end(self) -> None:
        """The line has a job, or an end."""
        if self._put_off is not None:
            self._aside.ended()
