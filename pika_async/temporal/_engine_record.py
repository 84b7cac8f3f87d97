"""The record of a submit, kept by the engine: two heartbeats, each awaited.

The engine writes a heartbeat that is sent by RPC to the workflow's state before it answers, and
refuses one whose attempt is over. So what has been acknowledged outlives this process, and a
worker that comes back from a standstill learns that it is too late. ``activity.heartbeat()`` does
neither: it is sent later, or never. One submit uses one of the two, and this is the one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from temporalio.client import AsyncActivityCancelledError

from pika_async import JournalError
from pika_async.temporal._records import Accepted, Leaving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from pika_async import SubmissionUncertainError
    from pika_async._request.record import Intent
    from pika_async.dialects import Accepted as Answer

LATEST: Final = 10.0
"""Seconds after the record for which the POST may leave. A machine that stood still longer sends
nothing: meanwhile somebody may have decided what to do about it."""


class EngineRecord:
    """A ``Recorder`` of one attempt."""

    def __init__(
        self,
        beat: Callable[[object], Awaitable[None]],
        *,
        repeatable: bool,
        now: Callable[[], float],
        utc: Callable[[], datetime],
        again: Leaving | None = None,
    ) -> None:
        """Begin a record.

        Args:
            beat: Writes a heartbeat, and returns when the engine has it.
            repeatable: Whether the service takes a repeated key for the same submit.
            now: Seconds on a clock that never goes back.
            utc: The time of day.
            again: The record of an earlier attempt, whose submit this one repeats.
        """
        self._beat = beat
        self._repeatable = repeatable
        self._now, self._utc = now, utc
        self._again = again
        self._since = 0.0
        self._written: datetime | None = None
        # These three are known once the request has been read.
        self.discreet: Callable[[Intent], Intent] = lambda intent: intent
        """What of an intent is written: of a line, nothing that quotes its prompt."""
        self.searchable = False
        """Whether the job could be looked up."""
        self.fingerprint = ""
        """That of the request."""
        self.sent: Leaving | None = again
        """What may have left, or None."""
        self.job: Accepted | None = None
        """The job, once the service has named it."""
        self.is_kept = False
        """Whether the engine has been told of the job."""

    async def leaving(self, intent: Callable[[], Intent]) -> None:
        """See ``SubmitRecord``.

        Raises:
            JournalError: The engine did not take it; nothing is sent.
        """
        # What the first attempt wrote stays true: it counts from there.
        sent_at = self._utc() if self._again is None else self._again.sent_at
        record = Leaving(
            sent_at=sent_at,
            fingerprint=self.fingerprint,
            intent=self.discreet(intent()),
            repeatable=self._repeatable,
            searchable=self.searchable,
        )
        self._since, self._written = self._now(), self._utc()
        try:
            await self._beat(record)
        except Exception as error:
            # Whatever it is: of the engine, or of a codec of somebody's own.
            raise JournalError(
                f"the engine did not write down the submit, so nothing was sent: {error}"
            ) from error
        self.sent = record

    def wanted(self) -> bool:
        """See ``SubmitRecord``."""
        assert self._written is not None  # noqa: S101 - asked after it was written down
        # Both clocks: a machine that sleeps stops the one, and somebody may set the other.
        passed = (self._now() - self._since, (self._utc() - self._written).total_seconds())
        return max(passed) <= LATEST

    @property
    def has_job(self) -> bool:
        """See ``Recorder``; the activity ends with the job, whatever the engine was told."""
        return True

    async def accepted(self, accepted: Answer) -> None:
        """See ``SubmitRecord``."""
        assert self.sent is not None  # noqa: S101 - it has left
        handle = accepted.handle
        self.job = Accepted(
            job_id=handle.job_id,
            sent_at=self.sent.sent_at,
            hints=dict(handle.hints),
            origin=self.sent.intent.origin,
            service=self.sent.intent.service,
            base_url=self.sent.intent.base_url,
        )
        try:
            await self._beat(self.job)
        except AsyncActivityCancelledError:
            # One that is cancelled is told so here, and has been written down all the same.
            self.is_kept = True
        except Exception:  # noqa: BLE001 - the job is paid for
            # The attempt's own end tells the id too, unless this worker is lost before that.
            return
        self.is_kept = True

    def stayed(self) -> None:
        """See ``SubmitRecord``."""
        self.sent = self._again

    def lost(self, error: SubmissionUncertainError) -> None:
        """See ``Recorder``; the activity tells of it."""
