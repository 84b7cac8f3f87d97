"""What observers are told of a job once it runs: its changes of state, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async._events import JobEnded, StateChanged
from pika_async._states import ENDED

if TYPE_CHECKING:
    from pika_async._jobs.tracking import Change, Tracker
    from pika_async._states import JobState


def tell_change(tracker: Tracker, known: JobState | None, change: Change) -> None:
    """A look, or the answer to the submit, has found the job in another state than was known."""
    waiting = tracker.waiting
    if not waiting.tell.is_observed:
        return
    assert change.state is not None  # noqa: S101 - only the first of a chain has none
    waiting.tell(
        StateChanged(
            job_id=tracker.job_id,
            previous=known,
            state=change.state,
            elapsed=change.at - tracker.born,
            polls=change.polls,
            request=tracker.request,
            origin=tracker.origin,
            host=waiting.host,
        )
    )


def tell_end(tracker: Tracker, state: JobState, now: float) -> None:
    """The job has ended; or it had, and its link has come."""
    assert isinstance(state, ENDED)  # noqa: S101 - no other state is terminal
    if not tracker.waiting.tell.is_heard:
        return
    tracker.waiting.tell(
        JobEnded(
            job_id=tracker.job_id,
            state=state,
            elapsed=now - tracker.born,
            polls=tracker.polls,
            reattached=not tracker.of_known_age,
            unanswered=tracker.unanswered,
        )
    )
