"""Jobs that may run at the service, and that nobody waits for. Pure.

The answer to a submit was lost, or a job was given up after the timeout of its campaign, or a page
was terminated while its jobs ran. Nobody can say when these jobs end, so they count as in flight
for a known time. Whoever is there keeps the hold: the page while it is open, then its campaign, and
in the end the account.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

UNSEEN_FOR: Final = timedelta(minutes=15)
"""How long a job is taken to run on after it was last heard of: several times what a job takes.

A hold that is too short passes the limit of the account, which is a promise. One that is too long
costs a place for some minutes, and answers are lost rarely: ten in a row pause the campaign. So it
errs on the long side, and is one figure for all. It is not shortened by the timeout of a campaign,
which says how long its owner is willing to wait, not how long a job runs; and it is not learnt from
the durations of other jobs, which are those of an outage where the workers were away.
"""


@frozen(kw_only=True)
class Unseen:
    """So many jobs may run until then."""

    jobs: int
    until: datetime


def until(heard_of: datetime) -> datetime:
    """When a job is taken to have ended that was heard of then, and not since.

    Args:
        heard_of: When it was submitted; or given up, or left by its page, since it ran then.
    """
    return heard_of + UNSEEN_FOR


def still(unseen: Iterable[Unseen], now: datetime) -> tuple[Unseen, ...]:
    """Those that may run still."""
    return tuple(each for each in unseen if each.jobs > 0 and each.until > now)


def jobs(unseen: Iterable[Unseen]) -> int:
    """How many they are."""
    return sum(each.jobs for each in unseen)
