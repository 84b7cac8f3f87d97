"""What workers do for workflows that have a job: wait for it, and save its videos."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
from temporalio import activity
from temporalio.exceptions import ApplicationError

from pika_async import (
    DownloadError,
    JobFailedError,
    JobTimeoutError,
    NotFoundError,
    OtherServiceError,
    PikaClient,
    PikaError,
)
from pika_async._client import jobs_of
from pika_async._download.names import name_in_folder
from pika_async._states import lacks_links
from pika_async.temporal._beating import beating
from pika_async.temporal._contents.discreet import discreetly, places, without_names
from pika_async.temporal._contents.formats import video_name
from pika_async.temporal._contents.videos import downloaded, save_video
from pika_async.temporal._elsewhere import why_elsewhere
from pika_async.temporal._failures import JOB_TIMEOUT
from pika_async.temporal._names import FINISH
from pika_async.temporal._outcomes import Declined, Finished
from pika_async.temporal._records import Errand, Line
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._under_way import is_about

if TYPE_CHECKING:
    from pathlib import Path

    from pika_async import Failed, GenerationRequest, Money, Succeeded
    from pika_async.temporal._contents.shelf import Shelf

SAVED_WITHIN: Final = timedelta(days=1)
"""How long a campaign tries to save a video. Its owner may try again: the job stays paid for."""

LOOKS_AT_CHARGE: Final = (0.0, 2.0)
"""Seconds before each more look at what a job cost, where its end does not say it."""

# A job that is not found, or has no links, is looked at by so many attempts before that is its end.
_LOOKS: Final = 5
# The same of one that somebody has named: it was submitted long ago, or the id is wrong.
_LOOKS_AT_NAMED: Final = 2


class Finishing:
    """The activity of one worker that leads from a job to its videos."""

    def __init__(self, client: PikaClient, shelf: Shelf, *, output_dir: Path | None) -> None:
        """Take an open client.

        Args:
            client: Waits for jobs, and downloads.
            shelf: The campaigns, whose lines are read there, and whose videos are saved there.
            output_dir: Where videos are saved that are of no campaign; None: nowhere.
        """
        self._client = client
        self._shelf = shelf
        self._output_dir = output_dir

    @activity.defn(name=FINISH)
    async def finish(self, errand: Errand) -> Finished | Declined:
        """Wait for a job, and save its videos; may be begun again at any time, by any worker."""
        if (problem := why_elsewhere(self._client, errand.job)) is not None:
            # Another worker takes it up: here it would only be said that there is no such job.
            raise ApplicationError(problem, type=OtherServiceError.__name__)
        request = await self._shelf.requested(errand.request)
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
            said = discreetly(said, line, request)
            waited = datetime.now(UTC) - activity.info().scheduled_time
            if isinstance(error, DownloadError | StoreError | OSError) and waited > SAVED_WITHIN:
                # One video that cannot be had does not keep a page, and its place, for ever.
                return Declined(job_id=errand.job.job_id, reason=said, code="not_saved")
            # It is tried again; the engine keeps what it says, and no word of the prompt.
            raise ApplicationError(said, type=type(error).__name__) from None

    async def _finished(self, errand: Errand, request: GenerationRequest) -> Finished | Declined:
        job_id, looks = errand.job.job_id, activity.info().attempt
        told = partial(discreetly, requested=errand.request, request=request)
        age = (datetime.now(UTC) - errand.job.sent_at).total_seconds()
        left = None if errand.timeout is None else max(errand.timeout - age, 0.0)
        job = jobs_of(self._client).attach(
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
                raise ApplicationError(
                    told(str(error)), job_id, type=JOB_TIMEOUT, non_retryable=True
                ) from None
            except JobFailedError as error:
                failed = error.state
                if lacks_links(failed) and looks < _LOOKS:
                    raise
                return Declined(
                    job_id=job_id,
                    reason=told(failed.reason),
                    code=failed.meaning,
                    charge=await self._charge(job_id, failed),
                )
            except NotFoundError as error:
                if looks < (_LOOKS_AT_NAMED if errand.is_named else _LOOKS):
                    raise
                return Declined(job_id=job_id, reason=told(str(error)), code="not_found")
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
        jobs = jobs_of(self._client)
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
            await downloaded(self._client, video, path)
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
            await save_video(self._client, video, store, name)
        return places(len(names))
