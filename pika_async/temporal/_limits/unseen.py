"""Jobs that may run at the service, and that nobody waits for. Pure.

The answer to a submit was lost, or a page was terminated while its jobs ran. Nobody can say when
these jobs end, so they count as in flight for a known time. Whoever is there keeps the hold: the
page while it is open, then its campaign, and in the end the account.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

UNSEEN_FOR: Final = timedelta(minutes=15)
"""How long a job of which nobody hears is taken to run."""


@frozen(kw_only=True)
class Unseen:
    """So many jobs may run until then."""

    jobs: int
    until: datetime


def until(sent_at: datetime, timeout: float | None) -> datetime:
    """When a job that was sent then is taken to have ended, of a campaign with that timeout."""
    longest = UNSEEN_FOR
    if timeout is not None:
        longest = min(longest, timedelta(seconds=timeout))
    return sent_at + longest


def still(unseen: Iterable[Unseen], now: datetime) -> tuple[Unseen, ...]:
    """Those that may run still."""
    return tuple(each for each in unseen if each.jobs > 0 and each.until > now)


def jobs(unseen: Iterable[Unseen]) -> int:
    """How many they are."""
    return sum(each.jobs for each in unseen)
