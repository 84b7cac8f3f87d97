"""When the latest jobs were submitted: for a while, "not found" may mean that a job is too new."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# A minute's worth of them, up to 166 a second, which no such service admits.
_REMEMBERED: Final = 10_000


class LatestSubmits:
    """The submits of one client that are young, the oldest first."""

    def __init__(self, now: Callable[[], float], remembered_for: float) -> None:
        """``remembered_for``: seconds."""
        self._now = now
        self._remembered_for = remembered_for
        self._sent_at: OrderedDict[str, float] = OrderedDict()

    def sent_at(self, job_id: str) -> float | None:
        """When a job was submitted; None where that is long ago, or was elsewhere."""
        return self._sent_at.get(job_id)

    def note(self, job_id: str) -> None:
        """A job has just been submitted, or found."""
        now, latest = self._now(), self._sent_at
        latest[job_id] = now
        long_ago = now - self._remembered_for
        while len(latest) > _REMEMBERED or latest[next(iter(latest))] < long_ago:
            latest.popitem(last=False)
