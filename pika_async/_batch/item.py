"""The course of one request of a batch: submitted or resumed, waited for, its videos saved."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from attrs import define, field, frozen

from pika_async._api_errors import NotFoundError
from pika_async._batch.record import Known
from pika_async._batch.results import BatchResult
from pika_async._client import PikaClient
from pika_async._download.names import video_name
from pika_async._errors import (
    DownloadError,
    NotSubmittedError,
    PikaError,
    SubmissionUncertainError,
    TargetExistsError,
)
from pika_async._jobs.job import failure
from pika_async._journal.journal import SavedFile
from pika_async._states import Failed, Running, Succeeded, Transition
from pika_async._wire.media import with_media_read

if TYPE_CHECKING:
    from pika_async._batch.record import Record
    from pika_async._jobs.job import Job
    from pika_async._jobs.tracking import Change
    from pika_async._request.request import GenerationRequest
    from pika_async._states import Video

# The disk itself: what it refuses one video it refuses all.
_DISK_ERRORS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


class OutsideError(Exception):
    """An exception of the caller's own code, which is its cause, on its way out of the batch."""


@define
class Counts:
    """What :class:`BatchStats` shows, as it is counted."""

    taken: int = 0
    submitted: int = 0
    resumed: int = 0
    downloading: int = 0
    succeeded: int = 0
    failed: int = 0
    uncertain: int = 0
    not_submitted: int = 0
    downloaded: int = 0

    def count(self, result: BatchResult) -> None:
        """Add a result."""
        if result.ok:
            self.succeeded += 1
        elif isinstance(result.error, SubmissionUncertainError):
            self.uncertain += 1
        elif isinstance(result.error, NotSubmittedError):
            self.not_submitted += 1
        else:
            self.failed += 1


@frozen(kw_only=True)
class Shared:
    """What all items of a batch have in common."""

    client: PikaClient
    output_dir: Path | None
    timeout: float
    on_transition: Callable[[Transition], None] | None
    generating: asyncio.Semaphore
    """Taken before an item begins, given back when its job has ended."""
    downloads: asyncio.Semaphore
    now: Callable[[], float]
    """Seconds since 1970."""
    stop: Callable[[PikaError], None]
    """Called where nothing more should be submitted."""
    check_submit: Callable[[], None]
    """Raises where nothing more may be submitted: the batch has stopped, or is being left."""
    wanted: Callable[[], bool]
    """False where the batch is being left."""
    deliver: Callable[[BatchResult], None]
    counts: Counts = field(factory=Counts)
    in_flight: dict[int, str] = field(factory=dict)
    """The jobs that are waited for, by the index of their request."""
    unclaimed: dict[int, str] = field(factory=dict)
    """The jobs that have ended and whose results have not been taken."""


class Item:
    """One request of a batch."""

    def __init__(
        self, shared: Shared, index: int, request: GenerationRequest, record: Record
    ) -> None:
        self._shared = shared
        self._index = index
        self._request = request
        self._record = record
        self._known: Known | None = None
        self._job_id: str | None = None
        self._running_at: float | None = None

    async def run(self) -> None:
        """Deliver the result; what goes wrong with this item alone is in it.

        Raises:
            OutsideError: ``on_transition`` raised.
        """
        shared = self._shared
        known: Known | None = None
        state: Succeeded | Failed | None = None
        error: PikaError | None = None
        files: tuple[Path, ...] = ()
        try:
            known, state = await self._generated()
        except PikaError as problem:
            error = problem
            shared.in_flight.pop(self._index, None)
        finally:
            shared.generating.release()
        if known is not None and state is not None:
            if self._job_id is not None:
                shared.unclaimed[self._index] = self._job_id
            if shared.output_dir is not None:
                files, error = await self._saved(shared.output_dir, known, state)
        shared.deliver(self._result(state, error, files))
        # Its traceback holds this frame, which would hold it until the garbage is collected.
        error = None

    def _result(
        self,
        state: Succeeded | Failed | None,
        error: PikaError | None,
        files: tuple[Path, ...],
    ) -> BatchResult:
        if isinstance(state, Failed):
            assert self._job_id is not None  # noqa: S101 - it has ended
            error, state = failure(self._job_id, state), None
        return BatchResult(
            index=self._index,
            request=self._request,
            job_id=self._job_id or (None if error is None else error.job_id),
            state=state,
            error=error,
            files=files,
            resumed=self._known is not None and self._known.resumed,
        )

    async def _generated(self) -> tuple[Known, Succeeded | Failed]:
        """The end of the job: known from the journal, or waited for."""
        content = await with_media_read(self._request)
        known = self._known = await self._record.begin(self._request, content)
        self._job_id = known.job_id
        self._shared.counts.resumed += known.resumed
        if known.state is not None:
            return known, known.state
        if known.error is not None:
            raise known.error
        try:
            async with self._shared.client.slot():
                try:
                    state = await self._end(await self._job(known, content))
                except NotFoundError:
                    # An earlier run's job of which the service knows nothing, for this key.
                    if not (known.resumed and self._record.give_up()):
                        raise
                    known = self._known = Known(number=known.number)
                    self._job_id = None
                    del self._shared.in_flight[self._index]
                    self._shared.counts.resumed -= 1
                    state = await self._end(await self._job(known, content))
        except PikaError as error:
            await self._record.went_wrong(error, self._job_id)
            raise
        del self._shared.in_flight[self._index]
        await self._record.ended(state, self._running_at)
        return known, state

    async def _job(self, known: Known, content: GenerationRequest) -> Job:
        if known.job_id is None:
            return await self._shared.client._submit(self._request, content, self)
        self._shared.in_flight[self._index] = known.job_id
        return self._shared.client._reattached(known.job_id, known.accepted_ago)

    def is_of(self, shared: Shared) -> bool:
        """Whether it belongs to this batch."""
        return self._shared is shared

    async def leaving(self) -> None:
        """See ``SubmitRecord``."""
        self._shared.check_submit()
        await self._record.leaving()
        try:
            # Much may have happened while that was being written.
            self._shared.check_submit()
        except BaseException:
            self._record.stayed()
            raise

    def wanted(self) -> bool:
        """See ``SubmitRecord``."""
        return self._shared.wanted()

    async def accepted(self, job_id: str) -> None:
        """See ``SubmitRecord``."""
        self._job_id = self._shared.in_flight[self._index] = job_id
        self._shared.counts.submitted += 1
        await self._record.accepted(job_id)

    def stayed(self) -> None:
        """See ``SubmitRecord``."""
        self._record.stayed()

    async def _end(self, job: Job) -> Succeeded | Failed:
        on_transition = self._shared.on_transition
        if on_transition is None:
            return await job._ended(self._shared.timeout, self._hear)
        async for transition in job.transitions(timeout=self._shared.timeout):
            self._hear(transition)
            try:
                on_transition(transition)
            except (Exception, asyncio.CancelledError) as error:
                # What is raised by a plain function is nobody's cancellation of this task.
                raise OutsideError from error
        state = job.state
        assert isinstance(state, Succeeded | Failed)  # noqa: S101 - else the loop raises
        return state

    def _hear(self, change: Change | Transition) -> None:
        if self._running_at is None and isinstance(change.state, Running):
            self._running_at = self._shared.now()

    async def _saved(
        self, output_dir: Path, known: Known, state: Succeeded | Failed
    ) -> tuple[tuple[Path, ...], DownloadError | None]:
        """The files of the job's videos, and the first problem in saving them."""
        whole = {file.name: file.size for file in known.files}
        files: list[Path] = []
        saved: list[SavedFile] = []
        problem: DownloadError | None = None
        self._shared.counts.downloading += 1
        try:
            for place, video in enumerate(state.videos):
                name = video_name(known.number, self._request.prompt, video.job_id, place)
                path = output_dir / name
                size = await _size(path) if name in whole else None
                try:
                    if size is None or size != whole[name]:
                        await self._download(video, path, overwrite=name in whole)
                        size = await _size(path)
                except DownloadError as error:
                    problem = problem or error
                else:
                    files.append(path)
                    saved.append(SavedFile(name=name, size=size or 0))
        finally:
            self._shared.counts.downloading -= 1
        if tuple(saved) != known.files:
            await self._record.saved(saved)
        if problem is not None:
            await self._record.went_wrong(problem, self._job_id)
        return tuple(files), problem

    async def _download(self, video: Video, path: Path, *, overwrite: bool) -> None:
        try:
            async with self._shared.downloads:
                await self._shared.client.download(video, path, overwrite=overwrite)
        except TargetExistsError:
            # Whatever has the name of an earlier run's job is that job's video, and whole: the
            # run ended before it could be written down.
            if self._known is None or not self._known.resumed:
                raise
        except DownloadError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _DISK_ERRORS:
                self._shared.stop(error)
            raise
        else:
            self._shared.counts.downloaded += 1


async def _size(path: Path) -> int | None:
    """Bytes, None where there is no such file."""
    try:
        return (await anyio.Path(path).stat()).st_size
    except OSError:
        return None
