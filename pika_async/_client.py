"""The client: one endpoint, one session, one set of policies, shared by all its jobs."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, Unpack

from pika_async._assembly import assembled
from pika_async._backoff import RetryPolicy
from pika_async._checks import (
    checked_bound,
    checked_job_id,
    checked_moment,
    checked_request_timeout,
    checked_timeout,
)
from pika_async._events import WaitingEnded
from pika_async._opening import Opening
from pika_async._polling.adaptive import AdaptivePolling
from pika_async._request.fields import RequestFields, as_request
from pika_async._settled import to_its_end
from pika_async._states import Succeeded, Video
from pika_async.dialects import Dialect, service_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import aiohttp

    from pika_async._errors import SubmissionUncertainError
    from pika_async._events import Observer
    from pika_async._jobs.job import Job
    from pika_async._jobs.jobs import Jobs
    from pika_async._jobs.recorder import SubmitRecord
    from pika_async._jobs.slots import Slot
    from pika_async._money import Money
    from pika_async._polling.policies import PollPolicy
    from pika_async._request.request import GenerationRequest


class PikaClient:
    """Submits jobs, waits for them, downloads their videos. An async context manager.

    Args:
        api_key: The key; by default the environment's ``PIKA_API_KEY``.
        base_url: Where the service is, with or without a path; by default the environment's
            ``PIKA_BASE_URL``, else the dialect's own (``https://api.yescale.io``).
        dialect: How the service spells Pika; by default that of the service that the environment
            names in ``PIKA_SERVICE``, else :class:`pika_async.dialects.Gateway`.
        session: A session to borrow; never closed here. Its connection limit, headers and tracing
            stay in force, and its middlewares, but not for a submit: one that sends again what
            failed would pay twice.
        polling: When to look at a job; by default an ``AdaptivePolling()`` of its own, which
            learns from the jobs of this client.
        retry: How often and how long to try again; by default ``RetryPolicy()``.
        request_timeout: Seconds for one API request, from connect to last byte; for a download,
            seconds of silence.
        max_in_flight: How many jobs ``generate``, batches and slots may have at once, together;
            None: no bound.
        allow_insecure: Let the key travel over plain http to another machine.
        trust_env: Take proxies from the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY). A password
            in ``~/.netrc`` is never used.
        observer: Told each event (submits, states, ends, saved videos, …; see
            ``pika_async.Event``) as it happens: a plain function that returns soon. What it raises
            is logged.

    Raises:
        ConfigurationError: No key, an unusable URL, a key over plain http to another machine, or a
            service in ``PIKA_SERVICE`` that there is not.
        FieldError: Another argument is not allowed.
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
        trust_env: bool = True,
        observer: Observer | None = None,
    ) -> None:
        checked_request_timeout(request_timeout)
        if max_in_flight is not None:
            checked_bound("max_in_flight", max_in_flight, ", or None for no bound")
        pieces = assembled(
            api_key=api_key,
            base_url=base_url,
            dialect=service_of(os.environ) if dialect is None else dialect,
            session=session,
            polling=AdaptivePolling() if polling is None else polling,
            retry=RetryPolicy() if retry is None else retry,
            request_timeout=request_timeout,
            max_in_flight=max_in_flight,
            allow_insecure=allow_insecure,
            trust_env=trust_env,
            observer=observer,
        )
        self._endpoint, self._dialect = pieces.endpoint, pieces.dialect
        self._transport, self._jobs = pieces.transport, pieces.jobs
        self._videos, self._tell = pieces.videos, pieces.tell
        self._opening = Opening()

    def __repr__(self) -> str:
        return f"PikaClient(base_url={self._endpoint.base_url!r}, dialect={self._dialect.name!r})"

    async def open(self) -> Self:
        """What ``async with`` does first, for notebooks; :meth:`aclose` ends it.

        Raises:
            ClientStateError: It is open, or has been closed, or no event loop of asyncio runs here.
        """
        self._opening.check_new()
        await self._transport.open()
        self._opening.opened()
        return self

    async def aclose(self) -> None:
        """Send nothing any more, read the answers of submits that have left, and close.

        Jobs run on at the service. To close it twice is no error.
        """
        self._opening.closed()
        # A cancelled scope of anyio cancels again and again; answers on their way are still read.
        await to_its_end(self._close())

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _close(self) -> None:
        try:
            await self._jobs.close()
        finally:
            await self._transport.close()

    async def submit(
        self,
        request: GenerationRequest | str,
        *,
        record: SubmitRecord | None = None,
        again: str | None = None,
        **fields: Unpack[RequestFields],
    ) -> Job:
        """Submit a job: one POST, sent again only where that cannot start a second job.

        If the caller is cancelled while the answer is on its way, the answer is still read, and
        the id of the paid job told as an event and logged as a warning.

        Args:
            request: What to make, or a prompt alone.
            record: Writes the submit down as it goes, for whoever must know of it after a crash.
                It is called before each POST, which waits for it, and with the id of the job
                before anyone is told of that.
            again: The submit of a process that has ended, to be sent again as it was: the text that
                the record there was told; see ``ResumableRecord``. With the same idempotency key
                and body it is the same submit, so there is one job, paid once, and this names it.
            fields: Fields of the request by keyword: ``submit("a cat", seed=7)``. They replace
                those of a request that is given.

        Raises:
            FieldError: The request is not allowed, or not at this service, or ``again`` is no such
                text, or of another request; nothing was sent.
            SubmissionUncertainError: The job may exist and be billed. Also where ``again`` cannot
                be sent again: the service knows no keys, or the text is over an hour old, or of
                another API key. Then nothing was sent, and :meth:`find` takes this error.
            OtherServiceError: ``again`` was sent to another service or base URL.
            APIError: The service refused it; nothing was started.
            TransportError: The service could not be reached; nothing was started.
            DecodeError: The answer is a web page; nothing was started.
            ConfigurationError: A file is not there or no image or video, or the client is not
                open; nothing was sent.
        """
        request = as_request(request, fields)
        self._opening.check_open()
        if record is None and again is None:
            return await self._jobs.submit(request)
        return await self._jobs.submit_by_hand(request, record, again)

    def job(
        self,
        job_id: str,
        *,
        request: GenerationRequest | None = None,
        submitted_at: datetime | None = None,
        origin: str | None = None,
    ) -> Job:
        """A job by its id, to come back to it: no I/O, and the same object for the same id.

        Args:
            job_id: The service's name for it.
            request: What was asked for, where the caller knows; ``Job.request`` then tells it, and
                the polling policy learns from it.
            submitted_at: When it was submitted, an aware ``datetime``; else its age counts from
                now on.
            origin: What the observer called its submit, where that was kept: the ``origin`` of an
                ``Attempt`` of a journal, say. A batch passes it by itself.

        Raises:
            FieldError: The id is no text, or empty; or the time has no time zone.
        """
        checked_job_id(job_id)
        age = None
        if submitted_at is not None:
            age = (datetime.now(UTC) - checked_moment("submitted_at", submitted_at)).total_seconds()
        return self._jobs.attach(job_id, request=request, seconds_ago=age, origin=origin)

    def check(self, request: GenerationRequest | str, **fields: Unpack[RequestFields]) -> None:
        """Refuse what this service does not have; sends nothing. ``submit`` does the same first.

        Raises:
            FieldError: Names the field, the value, what is allowed, and which other services would
                take it.
        """
        self._jobs.check(as_request(request, fields))

    async def quote(
        self, request: GenerationRequest | str, **fields: Unpack[RequestFields]
    ) -> Money | None:
        """What a job will cost; None where the service does not say. Costs nothing.

        Files need not go up for it. Equal requests are asked about once a client.

        Raises:
            FieldError: The request is not allowed, or not at this service.
            APIError, TransportError, DecodeError: The service could not be asked.
        """
        request = as_request(request, fields)
        self._opening.check_open()
        return await self._jobs.quote(request)

    async def balance(self) -> Money | None:
        """What is left in the account; None where the service does not say.

        Raises:
            APIError, TransportError, DecodeError: The service could not be asked.
        """
        self._opening.check_open()
        return await self._jobs.balance()

    async def find(self, lost: SubmissionUncertainError) -> Job | None:
        """The job of a submit whose answer was lost (``lost``), where the service has a history.

        A job is found where exactly one asks for the same, is not older, and belongs to no other
        submit of this client. None proves nothing: a history may be late, and where ``lost.sent``
        is None, nothing is looked up. Costs nothing. After a crash, ``submit(…, again=…)`` raises
        the error to pass.

        Raises:
            UnsupportedError: This service has no history.
            OtherServiceError: It was submitted to another service.
            APIError, TransportError, DecodeError: The history could not be read.
        """
        self._opening.check_open()
        return await self._jobs.find(lost)

    @property
    def polling(self) -> PollPolicy:
        """When jobs are looked at: what was given, else an ``AdaptivePolling`` of its own."""
        return self._jobs.polling

    def slot(self) -> Slot:
        """One of the ``max_in_flight``, for jobs that are submitted and watched by hand.

        ``generate`` is such a slot around ``submit`` and ``result``. To show the place in the
        queue, or the progress, enter a slot yourself:

            slot = client.slot()  # slot.position: how many go before it
            async with slot:
                job = await client.submit("a red panda surfing")
                async for transition in job.transitions(): ...
        """
        return self._jobs.slot()

    async def generate(
        self,
        request: GenerationRequest | str,
        *,
        timeout: float | None = 1200,
        **fields: Unpack[RequestFields],
    ) -> Succeeded:
        """Submit a job and wait for its videos, within the client's ``max_in_flight``.

        Args:
            request: What to make, or a prompt alone.
            timeout: Seconds to wait at most from the submit on; None: for ever.
            fields: Fields of the request by keyword: ``generate("a cat", image=…, seed=7)``.

        Raises:
            PikaError: As for :meth:`submit` and :meth:`Job.result`. Once there is a job, the
                error carries its id.
            ValueError: The request or the timeout is not allowed; nothing was sent.
        """
        request = as_request(request, fields)
        checked_timeout(timeout)
        self._opening.check_open()
        async with self.slot():
            job = await self.submit(request)
            try:
                done = await job.result(timeout=timeout)
            except asyncio.CancelledError:
                self._tell(WaitingEnded(job_id=job.id))
                raise
        self._jobs.origins.keep(job)
        return done

    async def download(
        self,
        video: Video,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> Path:
        """Save a video: streamed to ``path`` + ``.part``, checked, then moved into place.

        A download that breaks off is resumed. If the host refuses the link, polls renew it; if
        the file is not there yet, it is waited for; both for a minute and more. Only content that
        begins like a video is saved. The API key is not sent.

        Args:
            video: From ``Succeeded.videos``.
            path: The file to write; missing folders are made. A folder, or text that ends in a
                slash (no ``Path`` does): the video is saved in it, named by its job, and after
                :meth:`generate`, or while the :class:`Job` is held, by the prompt too.
            overwrite: Replace the file that is there, or to which a symbolic link there leads.
            on_progress: Told the bytes that have come, and the bytes of the whole file or None
                where the host does not say. A plain function that returns soon; what it raises
                ends the download. A download that begins anew counts from 0 again.

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
        self._opening.check_open()
        return await self._videos.save(video, path, overwrite=overwrite, on_progress=on_progress)


async def save_video(
    client: PikaClient, video: Video, path: Path, *, overwrite: bool, renewable: bool
) -> None:
    """For batches: save a video as exactly this file.

    ``renewable``: whether a poll may renew its link.

    Raises:
        ClientStateError: The client is not open, and so no poll could renew the link.
        DownloadError: It could not be saved; the video stays paid for.
    """
    if renewable:
        jobs_of(client)
    await client._videos.save_as(  # noqa: SLF001 - the same module
        video, path, overwrite=overwrite, renewable=renewable
    )


def jobs_of(client: PikaClient, *, is_open: bool = True) -> Jobs:
    """For batches and engines: all jobs of a client, by default of an open one.

    Raises:
        ClientStateError: It is not open.
    """
    if is_open:
        client._opening.check_open()  # noqa: SLF001 - the same module
    return client._jobs  # noqa: SLF001
