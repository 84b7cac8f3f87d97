"""The client: one endpoint, one session, one set of policies, shared by all its jobs."""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
from collections import OrderedDict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Self
from weakref import WeakValueDictionary

from pika_async._backoff import RetryPolicy
from pika_async._checks import (
    checked_bound,
    checked_job_id,
    checked_request_timeout,
    checked_timeout,
)
from pika_async._download.downloader import Downloader
from pika_async._errors import ClientStateError
from pika_async._events import WaitingEnded
from pika_async._jobs.job import Job
from pika_async._jobs.slots import Slot, Slots
from pika_async._jobs.submit import Submitter, Timing
from pika_async._jobs.tracking import APPEARANCE_GRACE, Tracker, Waiting
from pika_async._log import Teller
from pika_async._polling.adaptive import AdaptivePolling
from pika_async._request.request import GenerationRequest, as_request
from pika_async._states import Failed, Queued, Succeeded, Video
from pika_async._wire.api import API
from pika_async._wire.endpoint import endpoint
from pika_async._wire.transport import Transport
from pika_async.dialects import Dialect, Gateway

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    import aiohttp

    from pika_async._events import Observer
    from pika_async._jobs.submit import SubmitRecord
    from pika_async._polling.policies import PollPolicy

# A minute's worth of them, up to 166 a second, which no such service admits.
_REMEMBERED_SUBMITS: Final = 10_000


class PikaClient:
    """Submits jobs, waits for them, downloads their videos. An async context manager.

    Args:
        api_key: The key; by default the environment's ``PIKA_API_KEY``.
        base_url: Where the service is, with or without a path; by default the environment's
            ``PIKA_BASE_URL``, else the dialect's own (``https://api.yescale.io``).
        dialect: How the service spells Pika; by default :class:`pika_async.dialects.Gateway`.
        session: A session to borrow; never closed here. Its own middlewares and connection limit
            stay in force.
        polling: When to look at a job; by default an ``AdaptivePolling()`` of its own, which
            learns from the jobs of this client.
        retry: How often and how long to try again; by default ``RetryPolicy()``.
        request_timeout: Seconds for one API request, from connect to last byte; for a download,
            seconds of silence.
        max_in_flight: How many jobs ``generate``, batches and slots may have at once, together;
            None: no bound.
        allow_insecure: Let the key travel over plain http to another machine.
        observer: Told each event (submits, states, ends, saved videos, …; see
            ``pika_async.Event``) as it happens: a plain function that returns soon. What it raises
            is logged.

    Raises:
        ConfigurationError: No key, an unusable URL, or a key over plain http to another machine.
        ValueError: ``request_timeout`` or ``max_in_flight`` is not allowed.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        dialect: Dialect | None = None,
        session: aiohttp.ClientSession | None = None,
        polling: PollPolicy | None = None,
        retry: RetryPolicy | None = None,
        request_timeout: float = 30.0,
        max_in_flight: int | None = None,
        allow_insecure: bool = False,
        observer: Observer | None = None,
    ) -> None:
        checked_request_timeout(request_timeout)
        if max_in_flight is not None:
            checked_bound("max_in_flight", max_in_flight, ", or None for no bound")
        dialect = dialect or Gateway()
        self._endpoint = endpoint(
            api_key=api_key,
            base_url=base_url,
            environment=os.environ,
            default_base_url=dialect.default_base_url,
            allow_insecure=allow_insecure,
        )
        self._dialect = dialect
        self._transport = Transport(session=session, request_timeout=request_timeout)
        self._api = API(endpoint=self._endpoint, dialect=dialect, transport=self._transport)
        retry = retry or RetryPolicy()
        self._tell = Teller(observer)
        # The one place where time and chance become real.
        timing = Timing(
            now=time.monotonic,
            sleep=asyncio.sleep,  # noqa: TID251 - here it is bound
            random=random.random,
            utc=partial(datetime.now, UTC),
        )
        self._waiting = Waiting(
            look=self._api.look,
            polling=AdaptivePolling() if polling is None else polling,
            retry=retry,
            now=timing.now,
            sleep=timing.sleep,
            random=timing.random,
            tell=self._tell,
        )
        self._submitter = Submitter(self._api, retry, timing, self._tell)
        self._downloader = Downloader(
            stream=partial(self._transport.stream, silence=request_timeout),
            retry=retry,
            sleep=timing.sleep,
            random=timing.random,
            tell=self._tell,
        )
        self._slots = Slots(max_in_flight)
        # A job stays the same object for as long as anyone holds it.
        self._jobs: WeakValueDictionary[str, Job] = WeakValueDictionary()
        # When the latest were submitted, oldest first: for a minute, "not found" is no verdict.
        self._submitted_at: OrderedDict[str, float] = OrderedDict()
        self._status = "new"

    def __repr__(self) -> str:
        return f"PikaClient(base_url={self._endpoint.base_url!r}, dialect={self._dialect.name!r})"

    async def __aenter__(self) -> Self:
        if self._status != "new":
            raise ClientStateError(
                f"this PikaClient {_STATUS_WORDS[self._status]}; a client is opened once: share "
                "the open one, or make another"
            )
        self._status = "open"
        await self._transport.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._status = "closed"
        try:
            await self._submitter.close()
        finally:
            await self._transport.close()

    async def submit(self, request: GenerationRequest | str) -> Job:
        """Submit a job: one POST, sent again only where nothing can have been started.

        If the caller is cancelled while the answer is on its way, the answer is still read, and
        the id of the paid job logged as a warning.

        Raises:
            ValueError: The request is not allowed; nothing was sent.
            SubmissionUncertainError: The job may exist and be billed.
            APIError: The service refused it; nothing was started.
            TransportError: The service could not be reached; nothing was started.
            DecodeError: The answer is a web page; nothing was started.
            ConfigurationError: A file has gone since the request was built, or the client is not
                open; nothing was sent.
        """
        return await self._submit(as_request(request))

    async def _submit(
        self,
        request: GenerationRequest,
        content: GenerationRequest | None = None,
        record: SubmitRecord | None = None,
    ) -> Job:
        """Submit a job that is written down as it goes; see :meth:`Submitter.submit`."""
        self._check_open()
        accepted = await self._submitter.submit(request, content=content, record=record)
        self._note_submit(accepted.job_id)
        return self._remembered(
            accepted.job_id,
            Tracker.start(accepted.job_id, self._waiting, request, Queued(raw=accepted.raw)),
        )

    def job(self, job_id: str) -> Job:
        """A job by its id, to come back to it: no I/O, and the same object for the same id.

        Raises:
            ValueError: The id is no text, or empty.
        """
        checked_job_id(job_id)
        known = self._jobs.get(job_id)
        if known is not None:
            return known
        submitted_at = self._submitted_at.get(job_id)
        return self._remembered(
            job_id, Tracker.start(job_id, self._waiting, submitted_at=submitted_at)
        )

    @property
    def polling(self) -> PollPolicy:
        """When jobs are looked at: what was given, else an ``AdaptivePolling`` of its own."""
        return self._waiting.polling

    def slot(self) -> Slot:
        """One of the ``max_in_flight``, for jobs that are submitted and watched by hand.

        ``generate`` is such a slot around ``submit`` and ``result``. Whoever wants to show a place
        in the queue, or the progress, enters one and does the same inside:

            slot = client.slot()  # slot.position: how many go before it
            async with slot:
                job = await client.submit("a red panda surfing")
                async for transition in job.transitions(): ...
        """
        return Slot(self._slots)

    async def generate(
        self,
        request: GenerationRequest | str,
        *,
        timeout: float | None = 1200,
    ) -> Succeeded:
        """Submit a job and wait for its videos, within the client's ``max_in_flight``.

        Args:
            request: What to make, or a prompt alone.
            timeout: Seconds to wait at most from the submit on; None: for ever.

        Raises:
            PikaError: As for :meth:`submit` and :meth:`Job.result`. Once there is a job, the
                error carries its id.
            ValueError: The request or the timeout is not allowed; nothing was sent.
        """
        request = as_request(request)
        checked_timeout(timeout)
        self._check_open()
        async with self.slot():
            job = await self.submit(request)
            try:
                return await job.result(timeout=timeout)
            except asyncio.CancelledError:
                self._tell(WaitingEnded(job_id=job.id))
                raise

    async def download(
        self, video: Video, path: str | os.PathLike[str], *, overwrite: bool = False
    ) -> Path:
        """Save a video: streamed to ``path`` + ``.part``, checked, then moved into place.

        Drops are resumed, an expired link is renewed by one poll. The API key is not sent.

        Args:
            video: From ``Succeeded.videos``.
            path: The file to write; missing folders are made.
            overwrite: Replace what is there.

        Returns:
            The path of the file.

        Raises:
            TargetExistsError: There is a file already; also a FileExistsError.
            DownloadError: It could not be saved; the video stays paid for.
            TypeError: What is given is no Video.
        """
        if not isinstance(video, Video):
            raise TypeError(
                f"video: {type(video).__name__} is not allowed; allowed is a Video, such as "
                "result.video"
            )
        self._check_open()
        return await self._downloader.download(
            video, path, overwrite=overwrite, renew=partial(self._renewed, video)
        )

    async def _renewed(self, video: Video) -> Video | None:
        """The same video with the link that the service gives now."""
        known = self._jobs.get(video.job_id)
        # Where nobody holds the job, none is made: what is renewed is a link, no job ends anew.
        state = (
            await self._api.look(video.job_id, math.inf) if known is None else await known.refresh()
        )
        videos = state.videos if isinstance(state, Succeeded | Failed) else ()
        return next((fresh for fresh in videos if fresh.id == video.id), None)

    def _reattached(self, job_id: str, seconds_ago: float) -> Job:
        """A job that an earlier run has submitted; it may have yet to appear at the service."""
        if 0 <= seconds_ago < APPEARANCE_GRACE:
            self._note_submit(job_id, seconds_ago)
        return self.job(job_id)

    def _note_submit(self, job_id: str, seconds_ago: float = 0.0) -> None:
        now, latest = self._waiting.now(), self._submitted_at
        latest[job_id] = now - seconds_ago
        while (
            len(latest) > _REMEMBERED_SUBMITS or now - latest[next(iter(latest))] > APPEARANCE_GRACE
        ):
            latest.popitem(last=False)

    def _remembered(self, job_id: str, tracker: Tracker) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            job = self._jobs[job_id] = Job(tracker)
        return job

    def _check_open(self) -> None:
        if self._status != "open":
            raise ClientStateError(
                f"this PikaClient {_STATUS_WORDS[self._status]}; use it inside "
                "`async with PikaClient(...) as client:`"
            )


_STATUS_WORDS = {
    "new": "has not been opened",
    "open": "is open already",
    "closed": "has been closed",
}
