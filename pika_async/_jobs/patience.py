"""How long failed polls, missing jobs and missing links are waited out. Pure.

Nothing here reads a clock: every question brings its own ``now``, in seconds on a clock that
never goes back.
"""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import define

from pika_async._api_errors import NotFoundError
from pika_async._jobs.verdicts import Verdict, after_poll
from pika_async._states import Failed, JobState, Running, Succeeded, lacks_links

if TYPE_CHECKING:
    from pika_async._errors import PikaError

# How long the last look may go on after the deadline, in seconds: enough for a slow connection,
# and in proportion to what was asked for, since deadlines must fire.
_LAST_LOOK_GRACE: Final = (3.0, 10.0)


def last_look_grace(timeout: float) -> float:
    """Seconds that a look under way at the end of ``timeout`` seconds may still take."""
    shortest, longest = _LAST_LOOK_GRACE
    # Most waits are long, and each look asks.
    return longest if timeout >= longest else max(timeout, shortest)


@define
class Patience:
    """What has to be remembered of a job's looks to know how long to go on looking."""

    expected_since: float
    """When it was submitted; where that is long ago or unknown, when it was re-attached."""
    submitted_lately: bool
    """So lately that "not found" may mean that it has yet to appear."""
    outage_budget: float
    """Seconds for which consecutive failures are waited out."""
    appearance: float = 60.0
    """Seconds that a job has to appear, and a finished video's link."""
    seen: bool = False
    """Whether the service has ever told of this job."""
    failures: int = 0
    """In a row."""
    failing_since: float = 0.0
    linkless_since: float | None = None

    def may_yet_appear(self, now: float) -> bool:
        """Whether to go on after an answer that does not mention the job.

        True while the job may have yet to appear. Then the answer ends a series of failures, too.
        """
        if self.seen or now >= self.must_appear_by:
            return False
        self.failures = 0
        return True

    def failed(self, error: PikaError, now: float, nobody_looked: float = 0.0) -> float:
        """A look failed; returns until when failures like this one are waited out.

        ``nobody_looked``: seconds for which a look was due and nobody took it. They do not count
        as a part of the outage.
        """
        if self.failures == 0:
            self.failing_since = now
        else:
            self.failing_since += nobody_looked
        self.failures += 1
        match after_poll(error):
            case Verdict.AGAIN:
                return self.failing_since + self.outage_budget
            case Verdict.GRACE if self.seen:
                # It was there a moment ago: a hiccup, not an end.
                return self.failing_since + self.outage_budget
            case Verdict.GRACE if self.submitted_lately or _is_empty_answer(error):
                return self.must_appear_by
            case _:
                return -math.inf

    def with_links(self, state: JobState, now: float) -> JobState:
        """``state``, or what is told in its place while finished videos have no link.

        That is ``Running`` for as long as the link may come, and ``Failed`` afterwards.
        """
        if not lacks_links(state):
            self.linkless_since = None
            return state
        if self.linkless_since is None:
            self.linkless_since = now
        if now - self.linkless_since < self.appearance:
            return Running(progress=100, raw=state.raw)
        if not isinstance(state, Succeeded):
            return state
        return Failed(
            reason=f"finished, but no link to the video came within {self.appearance:.0f} s",
            videos=state.videos,
            raw=state.raw,
        )

    @property
    def must_appear_by(self) -> float:
        """Until when a job is expected that the service has never told of."""
        return self.expected_since + self.appearance

    @property
    def must_be_linked_by(self) -> float:
        """When a finished video without a link is given up; infinity where none is waited for."""
        since = self.linkless_since
        return math.inf if since is None else since + self.appearance


def _is_empty_answer(error: PikaError) -> bool:
    return isinstance(error, NotFoundError) and error.status < 300 and error.code is None


class Now(Enum):
    """What a watcher does at once."""

    LOOK = auto()
    """Poll, or share the poll that is under way."""
    GIVE_UP = auto()
    """Its time is over."""


Step: TypeAlias = Now | float
"""What a watcher does: something at once, or sleep until that moment."""


def next_step(
    *,
    now: float,
    due: float,
    deadline: float,
    looked_at: float,
    look_under_way: bool,
    last_look_taken: bool,
) -> Step:
    """What a watcher does next, once it has delivered every change that there is.

    Each watcher of a job asks this with its own deadline.

    Args:
        now: Seconds, on the clock of all the others.
        due: When the next look is worth taking, for all watchers.
        deadline: When this watcher's time is over.
        looked_at: When the last look of anyone came to its end.
        look_under_way: Somebody is polling at this moment.
        last_look_taken: The look that is due at the deadline has been taken.
    """
    if last_look_taken or looked_at >= deadline:
        return Now.GIVE_UP
    wake = min(due, deadline)
    if wake > now and not look_under_way:
        return wake
    return Now.LOOK
