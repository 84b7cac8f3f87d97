"""A job: its verbs, and the iterator that watches it."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from pika_async._checks import checked_timeout
from pika_async._errors import JobFailedError, ModerationError, PikaError
from pika_async._events import WaitingEnded
from pika_async._jobs.patience import Now, last_look_grace, next_step
from pika_async._states import ENDED, Failed, Succeeded, Transition, Unknown, lacks_links

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pika_async._jobs.looks import Change
    from pika_async._jobs.tracking import Tracker
    from pika_async._polling.policies import Observation
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState


class Job:
    """A job at the service; made by ``client.submit`` and ``client.job``."""

    __slots__ = ("__weakref__", "_tracker")

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def __repr__(self) -> str:
        return f"Job(id={self.id!r}, state={self.state!r})"

    @property
    def id(self) -> str:
        """The service's name for it; all that is needed to come back to it later."""
        return self._tracker.job_id

    @property
    def request(self) -> GenerationRequest | None:
        """What was asked for; None for a job re-attached by its id."""
        return self._tracker.request

    @property
    def state(self) -> JobState | None:
        """The last known state; None for a re-attached job that nobody has looked at yet."""
        return self._tracker.newest.state

    @property
    def observation(self) -> Observation:
        """What is known since the last answer, as polling policies see it.

        ``AdaptivePolling.estimate`` makes a time left of it.
        """
        return self._tracker.last_observation()

    def transitions(self, *, timeout: float | None = 1200) -> AsyncIterator[Transition]:
        """Each change of state, from what is known now to the terminal state.

        The first comes at once where anything is known (after a submit: ``Queued``). Several
        watchers share the polls. Leaving the loop early leaves the job alone. A job that has
        ended without a link to its video is looked at once more first: the link may be there now.

        Args:
            timeout: Seconds to wait at most, from the first iteration on; 0: one look; None: for
                ever. The last look may go on for as long again, from 3 to 10 s.

        Raises:
            JobTimeoutError: Not terminal in time; the job runs on.
            APIError, TransportError, DecodeError: Polling failed for good: refused, not found, or
                failing for longer than the ``outage_budget``.
            ValueError: The timeout is negative or not a number.
        """
        return _Watcher(self, checked_timeout(timeout))

    async def result(self, *, timeout: float | None = 1200) -> Succeeded:
        """Wait for the videos.

        Args:
            timeout: As for :meth:`transitions`.

        Raises:
            JobFailedError: The service gave up; ModerationError where it refused the content.
            JobTimeoutError: Not terminal in time; the job runs on.
            APIError, TransportError, DecodeError: As for :meth:`transitions`.
            ValueError: The timeout is negative or not a number.
        """
        state = await self._ended(checked_timeout(timeout))
        if isinstance(state, Failed):
            raise failure(self.id, state)
        return state

    async def _ended(
        self, timeout: float, heard: Callable[[JobState | None], None] | None = None
    ) -> Succeeded | Failed:
        """The terminal state, waited for; ``heard`` is told what is known, then each change."""
        watcher, tracker = _Watcher(self, timeout), self._tracker
        known = tracker.newest.state
        if heard is not None:
            heard(known)
        if known is not None and lacks_links(known):
            known = (await watcher.next_change(or_the_same=True)).state
        while known is None or not known.is_terminal:
            change = await watcher.next_change()
            known = change.state
            if heard is not None:
                heard(known)
        # With the links that it has now.
        state = tracker.newest.state
        assert isinstance(state, ENDED)  # noqa: S101 - no other state is terminal
        return state

    async def refresh(self) -> JobState:
        """Look once, now, and return the state.

        A finished job's links are renewed this way. Where the service has nothing to tell yet,
        the last known state comes back, or ``Unknown`` with an empty status.

        Raises:
            APIError, TransportError, DecodeError: This one poll failed.
        """
        while True:
            look = await self._tracker.share_look(math.inf)
            if look.error is not None:
                raise look.taken_error()
            if look.answered:
                return self.state or Unknown(status="")

    async def cancel(self) -> bool:
        """Ask the service to stop the job.

        A job that was asked to stop may still succeed, and be billed: wait for its end to know.

        Returns:
            Whether the service will try to stop it; False where the job has ended already.

        Raises:
            UnsupportedError: This service cannot stop a job; it runs on.
            APIError, TransportError, DecodeError: The service could not be asked; the job runs on.
        """
        try:
            return await self._tracker.waiting.cancel(self._tracker.handle)
        except PikaError as error:
            error.about_job(self.id)
            raise


class _Watcher(AsyncIterator[Transition]):
    """The iterator behind ``transitions``.

    A plain object and no generator: when a loop is left early, there is nothing to clean up.
    """

    __slots__ = (
        "_closed",
        "_deadline",
        "_job",
        "_last_look_taken",
        "_seen",
        "_timeout",
        "_tracker",
    )

    def __init__(self, job: Job, timeout: float) -> None:
        # While anyone watches, the client finds this job under its id. So nobody polls it twice.
        self._job = job
        self._tracker = job._tracker  # noqa: SLF001 - the same module
        self._timeout = timeout
        self._deadline: float | None = None
        self._last_look_taken = False
        self._closed = False
        self._seen: Change | None = None

    async def __anext__(self) -> Transition:
        tracker, seen = self._tracker, self._seen
        previous = None if seen is None else seen.state
        if self._closed or (previous is not None and previous.is_terminal):
            raise StopAsyncIteration
        if seen is None and tracker.newest.state is not None:
            self._begin()
            if lacks_links(tracker.newest.state):
                change = await self.next_change(or_the_same=True)
            else:
                change = self._seen = tracker.newest
        else:
            change = await self.next_change()
        assert change.state is not None  # noqa: S101 - only the first of a chain has none
        return Transition(
            job_id=tracker.job_id,
            previous=previous,
            state=change.state,
            elapsed=change.at - tracker.born,
            polls=change.polls,
        )

    async def aclose(self) -> None:
        """End the iteration, as of an async generator; there is nothing to clean up."""
        self._closed = True

    async def next_change(self, *, or_the_same: bool = False) -> Change:
        """The change after the one seen last, at first after what is known now.

        ``next_step`` says what to do; see ``tracking`` for who polls, and why.

        Args:
            or_the_same: Return after one answer, even if it changes nothing, and also where no
                answer comes in time. The change that is known already is then returned.
        """
        tracker = self._tracker
        waiting = tracker.waiting
        seen = self._seen or tracker.newest
        deadline = self._begin() if self._deadline is None else self._deadline
        grace = last_look_grace(self._timeout)
        # It ended the waiting of those who waited then.
        given_up_before = tracker.given_up
        while seen.next is None:
            given_up = tracker.given_up
            if given_up is not None and given_up is not given_up_before:
                raise self._ended_by(given_up.taken_error())
            now = waiting.now()
            step = next_step(
                now=now,
                due=tracker.due,
                deadline=deadline,
                looked_at=tracker.looked_at,
                look_under_way=tracker.look is not None,
                last_look_taken=self._last_look_taken,
            )
            if step is Now.LOOK:
                # A watcher that comes late, since the process was stopped, may still look once.
                end = max(deadline, now) + grace
                look = await tracker.share_look(end)
                now = waiting.now()
                if look.done:
                    self._last_look_taken = tracker.looked_at >= deadline
                elif now >= deadline:
                    # A look that another watcher began and gave up is not this one's last look.
                    self._last_look_taken = now >= end
                if look.final and look.error is not None and seen.next is None:
                    # That ends the waiting of all. Whoever waits after it is patient anew: its
                    # text advises to wait again, and a loop of those who do must not be a storm.
                    tracker.given_up, tracker.patience.failures = look, 0
                    raise self._ended_by(look.taken_error())
                if or_the_same and look.answered:
                    break
            elif step is Now.GIVE_UP:
                if or_the_same:
                    break
                raise self._ended_by(tracker.timed_out())
            else:
                await waiting.rest(step - now, tracker.sleepers)
        change = self._seen = seen.next or seen
        return change

    def _begin(self) -> float:
        """Begin to wait; returns until when."""
        self._deadline = self._tracker.waiting.now() + self._timeout
        return self._deadline

    def _ended_by(self, error: PikaError) -> PikaError:
        """The error that ends the waiting, told."""
        tell = self._tracker.waiting.tell
        if tell.is_observed:
            tell(WaitingEnded(job_id=self._tracker.job_id, error=error))
        return error


def failure(job_id: str, state: Failed) -> JobFailedError:
    """The error for a job that failed."""
    cls = ModerationError if state.meaning == "moderation" else JobFailedError
    kept = f" {len(state.videos)} video(s) of it are in .state.videos." if state.videos else ""
    return cls(
        f"job {job_id} failed: {state.reason.rstrip('.')}.{kept}", job_id=job_id, state=state
    )


def ended(
    job: Job, timeout: float, heard: Callable[[JobState | None], None] | None = None
) -> Awaitable[Succeeded | Failed]:
    """For the batch: a job's terminal state, without an exception where it failed.

    ``heard`` is told what is known now, then each change of state.
    """
    return job._ended(timeout, heard)  # noqa: SLF001 - the same module


def tell_begun(job: Job) -> None:
    """For submits: a job that had ended when it was accepted is told as ended after that."""
    job._tracker.tell_begun()  # noqa: SLF001 - the same module
