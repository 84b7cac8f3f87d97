"""What is known of one job, and the one poll that all its watchers share.

The life of a poll. A job has one :class:`Tracker` in a client, however many watch it, and one
moment at which the next look is worth taking, ``due``. Watchers ask the pure ``next_step`` what
to do, each with its own deadline, and mostly sleep until that moment. The first to wake polls;
whoever wakes while the poll is under way waits for it too and takes what it brought. Nobody is in
charge: when the one who polls is cancelled, its look lands without an answer, and the next of the
others to come round takes another. So a job costs the same polls for one watcher and for a
thousand.

What can go wrong, and what it means:

- The poll fails, or brings what nobody understands. That says nothing about the job, which runs
  on and is paid for. The failure is counted, and the next look is due after a backoff. Only
  failures in a row for longer than the outage budget end the waiting of all, with the last error,
  which names the job. Whoever begins to wait after that has the whole budget.
- The answer says "not found", or nothing. A job that was just submitted may take up to a minute
  to appear; one that was seen a moment ago is a hiccup of the service; one that was re-attached
  by its id and is not found is not there for this key.
- The service refuses the key. Then no look can succeed, and the waiting ends. The job runs on.
- The job has ended, and its video has no link yet. It is looked at again for a minute, and after
  that whenever somebody asks for it again.
- A watcher's deadline comes. It takes one last look, which may last some seconds longer, and then
  gives up with a JobTimeoutError. That ends its waiting and nobody else's.

Changes of state form a chain. Each watcher holds the change that it saw last, so none misses any,
and what nobody holds any more is freed.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from attrs import define, field

from pika_async._api_errors import NotFoundError
from pika_async._bound import Bound
from pika_async._errors import JobTimeoutError, PikaError, TransportTimeoutError
from pika_async._events import JobEnded, StateChanged
from pika_async._figures import counted
from pika_async._jobs.looks import Change, Look, Waiting
from pika_async._jobs.patience import Patience
from pika_async._log import poll_waited_out
from pika_async._polling.policies import Observation
from pika_async._quick import quick
from pika_async._request.request import GenerationRequest
from pika_async._states import ENDED, JobState, lacks_links
from pika_async._timing import Sleepers
from pika_async._wire.heard import Heard
from pika_async.dialects import Handle

if TYPE_CHECKING:
    from collections.abc import Awaitable

_made_observation: Final = quick(Observation)
_made_patience: Final = quick(Patience)


@define(eq=False)
class Tracker:
    """The knowledge about one job: its changes, and when to look next."""

    handle: Handle
    request: GenerationRequest | None
    waiting: Waiting
    patience: Patience
    born: float
    """When it was submitted; when it was re-attached, where its age is not known."""
    of_known_age: bool
    """Whether ``born`` is the time of its submit."""
    origin: str | None
    """What the observer called its submit, where this client did not submit it."""
    newest: Change
    due: float
    """When the next look is worth taking."""
    looked_at: float = -math.inf
    answered_at: float = -math.inf
    look: Look | None = None
    polls: int = 0
    unanswered: int = 0
    """How many of the polls that are over brought no state."""
    sleepers: Sleepers = field(factory=Sleepers)
    """The watchers that sleep until the next look."""
    given_up: Look | None = None
    """With what the waiting of all has ended, where no look has been answered since."""
    _last_error: PikaError | None = None
    _heard: Heard = field(factory=Heard)

    @classmethod
    def start(
        cls,
        handle: Handle,
        waiting: Waiting,
        *,
        request: GenerationRequest | None = None,
        state: JobState | None = None,
        born: float | None = None,
        origin: str | None = None,
    ) -> Tracker:
        """Track a job.

        Args:
            handle: By what it is asked for.
            waiting: What all jobs wait with.
            request: What was asked for, where it is known.
            state: How the service says that it stands, where it was just submitted.
            born: When it was submitted, where this client or its caller knows.
            origin: What the observer called its submit.
        """
        now = waiting.now()
        appearance = waiting.retry.appearance
        lately = state is not None or (born is not None and now - born < appearance)
        tracker = _made_tracker(
            handle=handle,
            request=request,
            waiting=waiting,
            patience=_made_patience(
                expected_since=born if lately and born is not None else now,
                submitted_lately=lately,
                outage_budget=waiting.retry.outage_budget,
                appearance=appearance,
            ),
            born=now if born is None else born,
            of_known_age=state is not None or born is not None,
            origin=origin,
            newest=Change(None, now, 0),
            due=now,
        )
        if state is not None:
            tracker._begin(state, now)  # noqa: SLF001 - the same class
        return tracker

    @property
    def job_id(self) -> str:
        """The service's name for the job."""
        return self.handle.job_id

    def share_look(self, end: float) -> Awaitable[Look]:
        """Poll, or wait for the poll that is under way, until ``end``."""
        # Not a coroutine itself. Each coroutine between a watcher and its poll is resumed at every
        # step of the poll, which adds up over thousands of jobs.
        under_way = self.look
        return self._take_look(end) if under_way is None else self._join(under_way, end)

    async def _join(self, under_way: Look, end: float) -> Look:
        # Whoever polls may have a later deadline than this watcher.
        with suppress(TimeoutError), Bound(max(0.0, end - self.waiting.now())):
            await under_way.landed()
        return under_way

    def timed_out(self) -> JobTimeoutError:
        """The error for a watcher whose time is over."""
        state = self.newest.state
        shown = "state unknown" if state is None else f"last known state: {state}"
        error = JobTimeoutError(
            f"job {self.job_id} was not finished in time ({shown}, {counted(self.polls, 'poll')}).",
            job_id=self.job_id,
            state=state,
        )
        error.__cause__ = self._last_error
        return error

    async def _take_look(self, end: float) -> Look:
        look = self.look = Look()
        self.polls += 1
        begun = self.waiting.now()
        limit = max(0.0, end - begun)
        try:
            state = await self.waiting.look(self.handle, limit, self._heard)
            self._take_answer(state, begun)
            look.answered = True
        except PikaError as error:
            if isinstance(error, TransportTimeoutError) and limit < self.waiting.request_timeout:
                # Cut short by the deadline of whoever polled: it says nothing of the service.
                error.about_job(self.job_id)
                self._last_error = error
            else:
                look.error = error
                look.final = self._take_failure(error, begun)
        finally:
            if not look.answered:
                self.unanswered += 1
            self.look = None
            look.land()
            # They planned for what was known before.
            self.sleepers.wake()
        return look

    def _begin(self, state: JobState, now: float) -> None:
        """What the answer to the submit said; no look has been taken yet."""
        state = self.patience.with_links(state, now)
        if state.is_terminal:
            # A job that failed at once, or one that a repeated key has named.
            ended = Change(state, now, 0)
            self.newest.next = self.newest = ended
        else:
            self.newest.state = state
            self._plan(now)

    def tell_begun(self) -> None:
        """Tell of the end that the answer to the submit told, once its job has been told."""
        newest = self.newest
        if newest.state is not None and newest.state.is_terminal and not self.polls:
            self._tell_change(None, newest)
            self._tell_end(newest.state, newest.at)

    def _held_up(self, begun: float, now: float) -> float:
        """Seconds for which nobody looked during a look: the process was stopped, say."""
        return max(0.0, now - begun - self.waiting.request_timeout)

    def _take_answer(self, state: JobState | None, begun: float) -> None:
        now = self.waiting.now()
        # Where the process stood still meanwhile, the answer is as old as the look.
        looked_at = begun if self._held_up(begun, now) else now
        patience = self.patience
        if state is None:
            if not patience.may_yet_appear(now):
                raise NotFoundError("the answer holds no videos", status=200, job_id=self.job_id)
            self._last_error = self.given_up = None
            self.looked_at = looked_at
            self._plan(now)
            self.due = min(self.due, patience.must_appear_by)
            return
        patience.seen = True
        patience.failures = 0
        self._last_error = self.given_up = None
        self.looked_at, self.answered_at = looked_at, now
        self._record(patience.with_links(state, now), now)
        known = self.newest.state
        if known is None or not known.is_terminal:
            self._plan(now)

    def _record(self, state: JobState, now: float) -> None:
        known = self.newest.state
        if known is not None and known.is_terminal and not state.is_terminal:
            return
        if state is known or state == known:
            # Equal except for ``raw``.
            self.newest.state = state
            return
        change = Change(state, now, self.polls)
        self.newest.next = change
        self.newest = change
        self._tell_change(known, change)
        if known is not None and known.is_terminal:
            if lacks_links(known) and not lacks_links(state):
                # The end that was told before lacked its link.
                self._tell_end(state, now)
        elif state.is_terminal:
            if known is not None:
                # Not of a job that the first look finds finished: nobody knows how long it took.
                self.waiting.polling.finished(self._observation(now))
            self._tell_end(state, now)

    def _tell_change(self, known: JobState | None, change: Change) -> None:
        """A look, or the answer to the submit, found it in another state than was known."""
        if not self.waiting.tell.is_observed:
            return
        assert change.state is not None  # noqa: S101 - only the first of a chain has none
        self.waiting.tell(
            StateChanged(
                job_id=self.job_id,
                previous=known,
                state=change.state,
                elapsed=change.at - self.born,
                polls=change.polls,
                request=self.request,
                origin=self.origin,
                host=self.waiting.host,
            )
        )

    def _tell_end(self, state: JobState, now: float) -> None:
        """The job has ended; or it had, and its link has come."""
        assert isinstance(state, ENDED)  # noqa: S101 - no other state is terminal
        if not self.waiting.tell.is_heard:
            return
        self.waiting.tell(
            JobEnded(
                job_id=self.job_id,
                state=state,
                elapsed=now - self.born,
                polls=self.polls,
                reattached=not self.of_known_age,
                unanswered=self.unanswered,
            )
        )

    def _plan(self, now: float) -> None:
        delay = self.waiting.polling.delay(self._observation(now), self.waiting.random())
        self.due = now + delay
        if self._heard.pause:
            self.hold_back(self._heard.pause)
        if self.patience.linkless_since is not None:
            self.due = min(self.due, self.patience.must_be_linked_by)

    def hold_back(self, pause: float | None) -> None:
        """Look no sooner than in ``pause`` seconds, if the service asked for that."""
        if pause:
            asked = self.waiting.retry.as_asked(pause, self.waiting.random())
            self.due = max(self.due, self.waiting.now() + asked)

    def last_observation(self) -> Observation:
        """What was known at the last answer, or at the start."""
        return self._observation(max(self.newest.at, self.answered_at))

    def _observation(self, now: float) -> Observation:
        return _made_observation(
            job_id=self.handle.job_id,
            request=self.request,
            state=self.newest.state,
            elapsed=now - self.born,
            unchanged_for=now - self.newest.at,
            polls=self.polls,
            at=now,
        )

    def _take_failure(self, error: PikaError, begun: float) -> bool:
        """Plan the look after one that began at ``begun`` and failed.

        Returns:
            Whether the waiting ends instead, with this error.
        """
        now = self.waiting.now()
        held_up = self._held_up(begun, now)
        nobody_looked = max(0.0, begun - self.due) + held_up
        ends = self.patience.failed(error, now, nobody_looked=nobody_looked)
        error.about_job(self.job_id)
        self.looked_at = begun if held_up else now
        self._last_error = error
        if now >= ends:
            return True
        delay = self.waiting.retry.delay(self.patience.failures, error, self.waiting.random())
        poll_waited_out(self.job_id, self.polls, error)
        # The last look comes at the end of the patience, not after it.
        self.due = min(now + delay, ends)
        return False


_made_tracker: Final = quick(Tracker)
