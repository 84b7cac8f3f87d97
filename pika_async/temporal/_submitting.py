"""What workers do for workflows that submit: submit once, and find a job whose answer was lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from socket import gethostname
from typing import TYPE_CHECKING, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from pika_async import (
    APIError,
    FieldError,
    OtherServiceError,
    PikaClient,
    PikaError,
    SubmissionUncertainError,
)
from pika_async._client import jobs_of
from pika_async._jobs.again import is_kept
from pika_async._request.fingerprint import fingerprint
from pika_async._settled import settled, to_its_end
from pika_async._states import was_not_begun
from pika_async._wire.media import with_media_read
from pika_async.temporal._blame import UNREAD
from pika_async.temporal._causes import cause_of, cause_unread, is_unread, not_begun
from pika_async.temporal._codec import checked
from pika_async.temporal._contents.discreet import discreetly, hidden, restored
from pika_async.temporal._contents.media import ExchangedError, blamed, check_same
from pika_async.temporal._elsewhere import why_elsewhere
from pika_async.temporal._engine_record import EngineRecord
from pika_async.temporal._failures import as_failure
from pika_async.temporal._names import FIND, SUBMIT
from pika_async.temporal._records import Accepted, Line, Lost, Order, Said
from pika_async.temporal._under_way import is_about
from pika_async.temporal._verdict import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async.temporal._contents.shelf import Shelf

# Seconds that a submit may wait for its turn.
_IN_LINE: Final = 2.0


class Submitting:
    """The activities of one worker that lead to a job."""

    def __init__(self, client: PikaClient, shelf: Shelf, *, now: Callable[[], float]) -> None:
        """Take an open client.

        Args:
            client: Sends each submit once: its ``RetryPolicy`` has one attempt and no outage.
            shelf: The campaigns, whose lines are read there.
            now: Seconds on a clock that never goes back.
        """
        self._client = client
        self._shelf = shelf
        self._now = now

    @activity.defn(name=SUBMIT)
    async def submit(self, order: Order) -> Accepted:
        """Submit once; see ``_verdict`` for what its failures lead to."""
        info = activity.info()
        is_about(order.request)
        if info.attempt > 1 or info.workflow_run_id != order.run_id:
            raise as_failure(Cause.RESET, Said(error="", meaning=_BEGUN_ANEW))
        handle = activity.client().get_async_activity_handle(task_token=info.task_token)
        record = EngineRecord(
            handle.heartbeat,
            repeatable=jobs_of(self._client).service.repeatable,
            now=self._now,
            utc=_utc,
            again=order.again,
        )
        try:
            return await to_its_end(self._submitted(order, record))
        except asyncio.CancelledError as error:
            if record.job is not None:
                return record.job
            # Of a worker that stops; or it was asked for leave too late, or is wanted no more.
            if record.sent is None:
                raise as_failure(Cause.NOT_STARTED, Said(error="", meaning=_STAYED)) from error
            said = Said(error="", meaning=_CUT_OFF, sent=record.sent)
            raise as_failure(Cause.LOST, said) from error

    async def _submitted(self, order: Order, record: EngineRecord) -> Accepted:
        again = order.again
        if again is not None and not is_kept(again.sent_at, _utc()):
            raise as_failure(Cause.LOST, Said(error="", meaning=_KEY_TOO_OLD, sent=again))
        if again is not None and (problem := why_elsewhere(self._client, again.intent)) is not None:
            said = Said(error=OtherServiceError.__name__, meaning=problem, sent=again)
            raise as_failure(Cause.LOST, said)
        self._check_held()
        jobs = jobs_of(self._client)
        try:
            read = await self._shelf.requested(order.request)
            digests = await self._shelf.digests(order.request, read)
        except PikaError as error:
            # The store is away, or this worker sees another one: that says nothing of the line.
            said = Said(error=type(error).__name__, meaning=str(error), sent=record.sent)
            raise as_failure(cause_unread(record.sent), said) from error
        if isinstance(order.request, Line):
            record.discreet = partial(hidden, request=read)
        try:
            request = await settled(partial(checked, read))
            jobs.check(request)
            record.searchable = jobs.can_find and await jobs.tells_apart(request)
            content = await with_media_read(request)
            if digests:
                await settled(partial(check_same, request, content, digests))
            record.fingerprint = await settled(partial(fingerprint, content))
            intent = None if again is None else restored(again.intent, read)
            job = await jobs.submit(request, content=content, recorder=record, again=intent)
        except (PikaError, FieldError) as caught:
            why = await settled(partial(blamed, caught, read, digests))
            unread = is_unread(why)
            said = Said(
                error=UNREAD if unread else type(why).__name__,
                meaning=discreetly(_meaning_of(why), order.request, read),
                seconds=getattr(why, "retry_after", None),
                sent=record.sent,
                answered=isinstance(why, APIError),
            )
            # What it says may quote the prompt: of a line, the engine is not told the error itself.
            cause = None if isinstance(order.request, Line) else why
            raise as_failure(cause_of(why, record.sent), said) from cause
        assert record.job is not None  # noqa: S101 - the record is told before anyone else
        state = job.state
        # Whoever sends it again with its key asks what became of it, and is told of that job.
        if again is None and state is not None and was_not_begun(state):
            raise not_begun(state, partial(discreetly, requested=order.request, request=read))
        if not record.is_kept:
            # The end of this attempt tells the engine, unless it is too late for that.
            activity.logger.warning(_NOT_KEPT, record.job.job_id, record.fingerprint)
        return record.job

    def _check_held(self) -> None:
        """Refuse what would only wait here, and be counted as lost after its time."""
        seconds = jobs_of(self._client).held
        if seconds > _IN_LINE:
            said = Said(error="RateLimitError", meaning=_HELD, seconds=seconds)
            raise as_failure(Cause.NOT_STARTED, said)

    @activity.defn(name=FIND)
    async def find(self, lost: Lost) -> Accepted | None:
        """The job of a submit whose answer was lost; None proves nothing."""
        request = await self._shelf.requested(lost.request)
        error = SubmissionUncertainError(
            request=request,
            fingerprint=lost.sent.fingerprint,
            sent_at=lost.sent.sent_at,
            sent=restored(lost.sent.intent, request),
        )
        try:
            job = await self._client.find(error)
        except PikaError as failed:
            said = discreetly(str(failed), lost.request, request)
            raise ApplicationError(said, type=type(failed).__name__) from None
        if job is None:
            return None
        intent = lost.sent.intent
        return Accepted(
            job_id=job.id,
            sent_at=lost.sent.sent_at,
            origin=intent.origin,
            service=intent.service,
            base_url=intent.base_url,
        )


def _meaning_of(error: PikaError | FieldError) -> str:
    """What happened and what to do, where another machine may see another file, with its name."""
    if isinstance(error, ExchangedError):
        return _EXCHANGED.format(machine=gethostname(), problem=error.headline)
    return _UNREAD.format(machine=gethostname(), problem=error) if is_unread(error) else str(error)


def _utc() -> datetime:
    return datetime.now(UTC)


_BEGUN_ANEW: Final = (
    "This workflow was begun anew (reset or retried), and an earlier run of it may have submitted. "
    "Nothing was sent now."
)
_UNREAD: Final = (
    "The worker on {machine} cannot read a file: {problem} Every worker must see it at this path: "
    "mount its folder on that machine, or stop the worker there. Another worker takes the request "
    "meanwhile. Nothing was sent and nothing is charged."
)
_EXCHANGED: Final = (
    "The worker on {machine} sees another file than was prepared: {problem}. Put the file that was "
    "prepared back, on each machine that has a copy, or prepare the prompts in another store. "
    "Nothing was sent and nothing is charged."
)
_HELD: Final = "The service has said that it wants no submit for a while. Nothing was sent."
_STAYED: Final = "The worker was stopped, or stood still, before the submit left. Nothing was sent."
_CUT_OFF: Final = "The worker was stopped before the answer to the submit was read."
_NOT_KEPT: Final = (
    "The engine did not write down the job %s of the submit with the fingerprint %s. The job is "
    "paid for. Where its submit turns out to be uncertain, adopt this job."
)
_KEY_TOO_OLD: Final = (
    "The submit is too old to be sent again with its key: the service may have forgotten the key."
)
