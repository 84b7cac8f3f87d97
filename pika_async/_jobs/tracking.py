"""What is known of one job, and the one poll that all its watchers share."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from attrs import define, frozen

from pika_async._api_errors import NotFoundError
from pika_async._backoff import RetryPolicy
from pika_async._errors import ConfigurationError, JobTimeoutError, PikaError
from pika_async._events import JobEnded, StateChanged
from pika_async._jobs.verdicts import Verdict, after_poll
from pika_async._log import Teller, poll_waited_out
from pika_async._polling.policies import Observation, PollPolicy
from pika_async._request.request import GenerationRequest
from pika_async._states import Failed, JobState, Queued, Running, Succeeded

_ENDED: Final = (Succeeded, Failed)

# The service's answers lag by up to 15 s; four times that is patience enough, for a job that is
# not there yet and for a link that is not there yet.
APPEARANCE_GRACE: Final = 60.0

# How long the last look may go on after the deadline, in seconds: enough for a slow connection,
# and in proportion to what was asked for, since deadlines must fire.
_LAST_LOOK_GRACE: Final = (3.0, 10.0)


def last_look_grace(timeout: float) -> float:
    """Seconds that a look under way at the end of ``timeout`` seconds may still take."""
    shortest, longest = _LAST_LOOK_GRACE
    return min(max(timeout, shortest), longest)


@frozen(kw_only=True)
class Waiting:
    """What all jobs of a client wait with."""

    look: Callable[[str, float], Awaitable[JobState | None]]
    """One poll of a job, bounded by seconds."""
    polling: PollPolicy
    retry: RetryPolicy
    now: Callable[[], float]
    """Seconds on a clock that never goes back."""
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    tell: Teller


@define(eq=False)
class Change:
    """A change of state; each watcher holds the one it saw last, so no watcher misses any."""

    state: JobState | None
    at: float
    polls: int
    next: Change | None = None


@define(eq=False)
class Look:
    """A poll under way, and what came of it for those who wait for it too."""

    answered: bool = False
    error: PikaError | None = None
    final: bool = False
    """The error ends the waiting."""
    _landed: anyio.Event | None = None

    @property
    def done(self) -> bool:
        """False while it is under way, and where whoever polled was cancelled."""
        return self.answered or self.error is not None

    async def landed(self) -> None:
        """Wait for its end."""
        if self._landed is None:
            self._landed = anyio.Event()
        await self._landed.wait()

    def land(self) -> None:
        """Tell those who wait."""
        if self._landed is not None:
            self._landed.set()


@define(eq=False)
class Tracker:
    """The knowledge about one job: its changes, when to look next, how long to be patient."""

    job_id: str
    request: GenerationRequest | None
    waiting: Waiting
    submitted_here: bool
    born: float
    """When it was submitted, or re-attached."""
    newest: Change
    due: float
    """When the next look is worth taking."""
    looked_at: float = -math.inf
    answered_at: float = -math.inf
    look: Look | None = None
    polls: int = 0
    _seen: bool = False
    """Whether the service has ever told of this job."""
    _failures: int = 0
    _failing_since: float = 0.0
    _last_error: PikaError | None = None
    _linkless_since: float | None = None

    @classmethod
    def start(
        cls,
        job_id: str,
        waiting: Waiting,
        request: GenerationRequest | None = None,
        state: Queued | None = None,
        submitted_at: float | None = None,
    ) -> Tracker:
        """Track a job: just submitted where ``state`` is given, else known by its id alone.

        ``submitted_at``: when this client submitted it, if it did and has since let go of it.
        """
        now = waiting.now()
        tracker = cls(
            job_id=job_id,
            request=request,
            waiting=waiting,
            submitted_here=state is not None or submitted_at is not None,
            born=now if submitted_at is None else submitted_at,
            newest=Change(state, now, 0),
            due=now,
        )
        if state is not None:
            tracker._plan(now)
        return tracker

    def share_look(self, deadline: float, grace: float) -> Awaitable[Look]:
        """Poll, or wait for the poll that is under way, until ``grace`` after ``deadline``."""
        # Not a coroutine itself: each that waits in the depth of a poll is memory to walk through,
        # thousands of times a second.
        under_way = self.look
        end = deadline + grace
        return self._take_look(end) if under_way is None else self._join(under_way, end)

    async def _join(self, under_way: Look, end: float) -> Look:
        # Whoever polls may have a later deadline than this watcher.
        with anyio.move_on_after(max(0.0, end - self.waiting.now())):
            await under_way.landed()
        return under_way

    def timed_out(self) -> JobTimeoutError:
        """The error for a watcher whose time is over."""
        state = self.newest.state
        shown = "state unknown" if state is None else f"last known state {state!r}"
        error = JobTimeoutError(
            f"job {self.job_id} was not finished in time ({shown}, {self.polls} polls).",
            job_id=self.job_id,
            state=state,
        )
        error.__cause__ = self._last_error
        return error

    async def _take_look(self, end: float) -> Look:
        look = self.look = Look()
        self.polls += 1
        limit = max(0.0, end - self.waiting.now())
        try:
            state = await self.waiting.look(self.job_id, limit)
            self._take_answer(state)
            look.answered = True
        except PikaError as error:
            look.error = error
            look.final = self._take_failure(error)
        finally:
            self.look = None
            look.land()
        return look

    def _take_answer(self, state: JobState | None) -> None:
        now = self.waiting.now()
        if state is None:
            self._take_nothing(now)
            return
        self._seen = True
        self._failures = 0
        self._last_error = None
        self.looked_at = self.answered_at = now
        self._record(self._with_links(state, now), now)
        known = self.newest.state
        if known is None or not known.is_terminal:
            self._plan(now)

    def _take_nothing(self, now: float) -> None:
        """An answer without a word about the job: not there yet, or not there any more."""
        if self._seen or now - self.born >= APPEARANCE_GRACE:
            raise NotFoundError("the answer holds no videos", status=200, job_id=self.job_id)
        self._failures = 0
        self._last_error = None
        self.looked_at = now
        self._plan(now)
        self.due = min(self.due, self.born + APPEARANCE_GRACE)

    def _with_links(self, state: JobState, now: float) -> JobState:
        """``state``, or what stands for it while finished videos have no link yet."""
        if not isinstance(state, _ENDED) or all(video.url for video in state.videos):
            self._linkless_since = None
            return state
        if self._linkless_since is None:
            self._linkless_since = now
        if now - self._linkless_since < APPEARANCE_GRACE:
            return Running(progress=100, raw=state.raw)
        if isinstance(state, Failed):
            return state
        return Failed(
            reason=f"finished, but no link to the video came within {APPEARANCE_GRACE:.0f} s",
            videos=state.videos,
            raw=state.raw,
        )

    def _record(self, state: JobState, now: float) -> None:
        known = self.newest.state
        if known is not None and known.is_terminal and not state.is_terminal:
            return
        if state == known:
            # Equal but for what the service sent along.
            self.newest.state = state
            return
        change = Change(state, now, self.polls)
        self.newest.next = change
        self.newest = change
        if self.waiting.tell.is_observed:
            self.waiting.tell(
                StateChanged(
                    job_id=self.job_id,
                    previous=known,
                    state=state,
                    elapsed=now - self.born,
                    polls=self.polls,
                )
            )
        if state.is_terminal and not (known is not None and known.is_terminal):
            if known is not None:
                # Found finished at the first look, it would pass for a job of no time at all.
                self.waiting.polling.finished(self._observation(now))
            assert isinstance(state, _ENDED)  # noqa: S101 - no other state is terminal
            self.waiting.tell(
                JobEnded(
                    job_id=self.job_id,
                    state=state,
                    elapsed=now - self.born,
                    polls=self.polls,
                    reattached=not self.submitted_here,
                )
            )

    def _plan(self, now: float) -> None:
        delay = self.waiting.polling.delay(self._observation(now), self.waiting.random())
        if not 0 <= delay < math.inf:
            raise ConfigurationError(
                f"the polling policy {self.waiting.polling!r} wants to wait {delay!r} s"
            )
        self.due = now + delay
        if self._linkless_since is not None:
            self.due = min(self.due, self._linkless_since + APPEARANCE_GRACE)

    def last_observation(self) -> Observation:
        """What was known at the last answer, or at the start."""
        return self._observation(max(self.newest.at, self.answered_at))

    def _observation(self, now: float) -> Observation:
        return Observation(
            job_id=self.job_id,
            request=self.request,
            state=self.newest.state,
            elapsed=now - self.born,
            unchanged_for=now - self.newest.at,
            polls=self.polls,
        )

    def _take_failure(self, error: PikaError) -> bool:
        """Plan the next look after a failed one; True where there is none."""
        now = self.waiting.now()
        self.looked_at = now
        self._last_error = error
        if self._failures == 0:
            self._failing_since = now
        self._failures += 1
        ends = self._patience_ends(error)
        error.about_job(self.job_id)
        if now >= ends:
            return True
        delay = self.waiting.retry.delay(self._failures, error, self.waiting.random())
        poll_waited_out(self.job_id, self.polls, error)
        # The last look comes at the end of the patience, not after it.
        self.due = min(now + delay, ends)
        return False

    def _patience_ends(self, error: PikaError) -> float:
        """Until when failures like this one are waited out."""
        match after_poll(error):
            case Verdict.AGAIN:
                return self._failing_since + self.waiting.retry.outage_budget
            case Verdict.GRACE if self._seen:
                # It was there a moment ago: a hiccup, not an end.
                return self._failing_since + self.waiting.retry.outage_budget
            case Verdict.GRACE if self.submitted_here or _is_empty_answer(error):
                return self.born + APPEARANCE_GRACE
            case _:
                return -math.inf


def _is_empty_answer(error: PikaError) -> bool:
    return isinstance(error, NotFoundError) and error.status < 300 and error.code is None
