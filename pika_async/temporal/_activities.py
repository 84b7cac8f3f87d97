"""What workers do for workflows: submit once, find a lost job, wait for a job, save its videos."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from socket import gethostname
from typing import TYPE_CHECKING, Final

import anyio
from temporalio import activity
from temporalio.exceptions import ApplicationError

from pika_async import (
    APIError,
    DownloadError,
    FieldError,
    JobFailedError,
    JobTimeoutError,
    NotFoundError,
    OtherServiceError,
    PikaClient,
    PikaError,
    SubmissionUncertainError,
    TargetExistsError,
)
from pika_async._client import jobs_of
from pika_async._download.names import name_in_folder
from pika_async._http import one_spelling
from pika_async._request.fingerprint import fingerprint
from pika_async._settled import settled, to_its_end
from pika_async._states import lacks_links, was_not_begun
from pika_async._wire.media import with_media_read
from pika_async.temporal._beating import beating
from pika_async.temporal._blame import UNREAD
from pika_async.temporal._causes import cause_of, cause_unread, is_unread, not_begun
from pika_async.temporal._codec import checked
from pika_async.temporal._contents.discreet import (
    hidden,
    places,
    restored,
    without_names,
    without_prompt,
)
from pika_async.temporal._contents.formats import video_name
from pika_async.temporal._contents.media import ExchangedError, blamed, check_same
from pika_async.temporal._contents.videos import save_video
from pika_async.temporal._engine_record import EngineRecord
from pika_async.temporal._failures import JOB_TIMEOUT, as_failure
from pika_async.temporal._names import FIND, FINISH, SUBMIT
from pika_async.temporal._outcomes import Declined, Finished
from pika_async.temporal._records import Accepted, Errand, Line, Lost, Order, Requested, Said
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._under_way import is_about
from pika_async.temporal._verdict import Cause

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pika_async import Failed, GenerationRequest, Money, Succeeded
    from pika_async._request.record import Intent
    from pika_async.temporal._contents.shelf import Shelf

KEY_KEPT: Final = timedelta(hours=1)
"""How long after the first POST the same is sent again with its key. No service says how long it
remembers a key; one that has forgotten it would take the same submit for a new one."""

SAVED_WITHIN: Final = timedelta(days=1)
"""How long a campaign tries to save a video. Its owner may try again: the job stays paid for."""

LOOKS_AT_CHARGE: Final = (0.0, 2.0)
"""Seconds before each more look at what a job cost, where its end does not say it."""

# A job that is not found, or has no links, is looked at by so many attempts before that is its end.
_LOOKS: Final = 5
# The same of one that somebody has named: it was submitted long ago, or the id is wrong.
_LOOKS_AT_NAMED: Final = 2
# Seconds that a submit may wait for its turn.
_IN_LINE: Final = 2.0


class Activities:
    """The activities of one worker."""

    def __init__(
        self,
        submitting: PikaClient,
        waiting: PikaClient,
        *,
        output_dir: Path | None,
        shelf: Shelf,
        now: Callable[[], float],
    ) -> None:
        """Take two open clients of the same account.

        Args:
            submitting: Sends each submit once: its ``RetryPolicy`` has one attempt and no outage.
            waiting: Waits for jobs, and downloads.
            output_dir: Where videos are saved that are of no campaign; None: nowhere.
            shelf: The campaigns, whose lines are read there, and whose videos are saved there.
            now: Seconds on a clock that never goes back.
        """
        self._submitting = submitting
        self._waiting = waiting
        self._output_dir = output_dir
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
            repeatable=jobs_of(self._submitting).service.repeatable,
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
        if again is not None and _utc() - again.sent_at > KEY_KEPT:
            raise as_failure(Cause.LOST, Said(error="", meaning=_KEY_TOO_OLD, sent=again))
        if again is not None and (problem := self._elsewhere(again.intent)) is not None:
            said = Said(error=OtherServiceError.__name__, meaning=problem, sent=again)
            raise as_failure(Cause.LOST, said)
        self._check_held()
        jobs = jobs_of(self._submitting)
        try:
            read = await self._read(order.request)
            digests = await self._digests(order.request, read)
        except PikaError as error:
            # The store is away, or this worker sees another one: that says nothing of the line.
            said = Said(error=type(error).__name__, meaning=str(error), sent=record.sent)
            raise as_failure(cause_unread(record.sent), said) from error
        if isinstance(order.request, Line):
            record.kept = partial(hidden, request=read)
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
                meaning=_told(order.request, read, _meaning_of(why)),
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
            raise not_begun(state, partial(_told, order.request, read))
        if not record.is_kept:
            # The end of this attempt tells the engine, unless it is too late for that.
            activity.logger.warning(_NOT_KEPT, record.job.job_id, record.fingerprint)
        return record.job

    def _check_held(self) -> None:
        """Refuse what would only wait here, and be counted as lost after its time."""
        seconds = jobs_of(self._submitting).held
        if seconds > _IN_LINE:
            said = Said(error="RateLimitError", meaning=_HELD, seconds=seconds)
            raise as_failure(Cause.NOT_STARTED, said)

    def _elsewhere(self, sent: Intent | Accepted) -> str | None:
        """Why this worker has nothing to do with it: an attempt of one service is no other's.

        There its key is not known, so the same would be a new job, and its job is not found.
        """
        here = jobs_of(self._waiting).service
        if sent.service is None:
            return None
        place = None if sent.base_url is None else one_spelling(sent.base_url)
        if (sent.service, place) == (here.dialect, here.base_url):
            return None
        return _ELSEWHERE.format(
            f"{sent.service} at {sent.base_url}", f"{here.dialect} at {here.base_url}"
        )

    async def _read(self, requested: Requested) -> GenerationRequest:
        return await self._shelf.request(requested) if isinstance(requested, Line) else requested

    async def _digests(
        self, requested: Requested, request: GenerationRequest
    ) -> tuple[str | None, ...]:
        if not isinstance(requested, Line):
            return ()
        return await self._shelf.digests(requested, request)

    @activity.defn(name=FIND)
    async def find(self, lost: Lost) -> Accepted | None:
        """The job of a submit whose answer was lost; None proves nothing."""
        request = await self._read(lost.request)
        error = SubmissionUncertainError(
            request=request,
            fingerprint=lost.sent.fingerprint,
            sent_at=lost.sent.sent_at,
            sent=restored(lost.sent.intent, request),
        )
        try:
            job = await self._submitting.find(error)
        except PikaError as failed:
            said = _told(lost.request, request, str(failed))
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

    @activity.defn(name=FINISH)
    async def finish(self, errand: Errand) -> Finished | Declined:
        """Wait for a job, and save its videos; may be begun again at any time, by any worker."""
        if (problem := self._elsewhere(errand.job)) is not None:
            # Another worker takes it up: here it would only be said that there is no such job.
            raise ApplicationError(problem, type=OtherServiceError.__name__)
        request = await self._read(errand.request)
        line = errand.request
        is_about(line)
        try:
            return await self._finished(errand, request)
        except (PikaError, OSError) as error:
            if not isinstance(line, Line):
                raise
            said = without_names(
                str(error), line.page, line.index, request.prompt, errand.job.job_id
            )
            said = _told(line, request, said)
            waited = _utc() - activity.info().scheduled_time
            if isinstance(error, DownloadError | StoreError | OSError) and waited > SAVED_WITHIN:
                # One video that cannot be had does not keep a page, and its place, for ever.
                return Declined(job_id=errand.job.job_id, reason=said, code="not_saved")
            # It is tried again; the engine keeps what it says, and no word of the prompt.
            raise ApplicationError(said, type=type(error).__name__) from None

    async def _finished(self, errand: Errand, request: GenerationRequest) -> Finished | Declined:
        job_id, looks = errand.job.job_id, activity.info().attempt
        age = (_utc() - errand.job.sent_at).total_seconds()
        left = None if errand.timeout is None else max(errand.timeout - age, 0.0)
        job = jobs_of(self._waiting).attach(
            job_id,
            request=request,
            seconds_ago=None if errand.is_named else age,
            hints=errand.job.hints,
            origin=errand.job.origin,
        )
        async with beating():
            try:
                state = await job.result(timeout=left)
            except JobTimeoutError as error:
                reason = _told(errand.request, request, str(error))
                raise ApplicationError(
                    reason, job_id, type=JOB_TIMEOUT, non_retryable=True
                ) from None
            except JobFailedError as error:
                failed = error.state
                if lacks_links(failed) and looks < _LOOKS:
                    raise
                reason = _told(errand.request, request, failed.reason)
                charge = await self._charge(job_id, failed)
                return Declined(job_id=job_id, reason=reason, code=failed.meaning, charge=charge)
            except NotFoundError as error:
                if looks < (_LOOKS_AT_NAMED if errand.is_named else _LOOKS):
                    raise
                reason = _told(errand.request, request, str(error))
                return Declined(job_id=job_id, reason=reason, code="not_found")
            videos = state.videos
            if isinstance(errand.request, Line):
                files = await self._stored(errand.request, request, job_id, state)
                videos = ()
            else:
                files = await self._saved(request, job_id, state)
            # Last: the service has had the time of the download to settle it.
            charge = await self._charge(job_id, state)
        return Finished(job_id=job_id, videos=videos, files=files, charge=charge)

    async def _charge(self, job_id: str, state: Succeeded | Failed) -> Money | None:
        """What a job cost, for which the service may need one more look, or two."""
        jobs = jobs_of(self._waiting)
        charge = state.charge
        for pause in LOOKS_AT_CHARGE:
            if charge is not None or not jobs.settles_late:
                break
            await anyio.sleep(pause)
            charge = await jobs.charge(job_id)
        return charge

    async def _saved(
        self, request: GenerationRequest, job_id: str, state: Succeeded
    ) -> tuple[str, ...]:
        if self._output_dir is None:
            return ()
        files = []
        for place, video in enumerate(state.videos):
            # Every worker must call it the same, also one whose disk takes no other letters.
            name = name_in_folder(request.prompt, job_id, place, ascii_only=True)
            path = self._output_dir / name
            # The name is the job's alone, and what has it is whole: an earlier attempt saved it.
            with suppress(TargetExistsError):
                await self._waiting.download(video, path)
            files.append(str(path))
        return tuple(files)

    async def _stored(
        self, line: Line, request: GenerationRequest, job_id: str, state: Succeeded
    ) -> tuple[str, ...]:
        store = self._shelf.store(line.store)
        names = tuple(
            video_name(line.page, line.index, request.prompt, job_id, place)
            for place in range(len(state.videos))
        )
        for name, video in zip(names, state.videos, strict=True):
            await save_video(self._waiting, video, store, name)
        return places(len(names))


def _told(requested: Requested, request: GenerationRequest, text: str) -> str:
    """What the engine is told: of a line, nothing that quotes its prompt."""
    return without_prompt(text, request) if isinstance(requested, Line) else text


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
_ELSEWHERE: Final = (
    "It was submitted to {}, and this worker works for {}. It was neither looked for nor sent "
    "again here. Let all workers of a task queue work for one service, or run one for that service."
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
