"""Paying once: a submit is sent again only where nothing can have been started."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import anyio.lowlevel
from attrs import frozen

from pika_async._api import with_media_read
from pika_async._brake import Brake
from pika_async._errors import PikaError, SubmissionUncertainError
from pika_async._fingerprint import fingerprint
from pika_async._retry import Symptom, Verdict, after_submit, symptom
from pika_async._transport import Departure

if TYPE_CHECKING:
    from pika_async._api import API
    from pika_async._http import HTTPRequest
    from pika_async._request import GenerationRequest
    from pika_async._retry import RetryPolicy
    from pika_async.dialects import Accepted

logger = logging.getLogger("pika_async")

_NOT_CHARGED = "Nothing was started and nothing is charged."


@frozen(kw_only=True)
class Timing:
    """Time and chance, as arguments."""

    now: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]
    utc: Callable[[], datetime]


class Submitter:
    """Submits for one client."""

    def __init__(self, api: API, retry: RetryPolicy, timing: Timing) -> None:
        self._api = api
        self._retry = retry
        self._timing = timing
        self._brake = Brake(timing.now, timing.sleep)
        self._under_way: set[asyncio.Task[Accepted]] = set()

    async def submit(self, request: GenerationRequest) -> Accepted:
        """The accepted job.

        Raises:
            SubmissionUncertainError: The job may exist and be billed.
            PikaError: Anything else; then nothing was started.
        """
        content = await with_media_read(request)
        prepared = await self._api.encode_submit(content, secrets.token_hex(16))
        attempt = 0
        while True:
            attempt += 1
            gone_at = await self._brake.released()
            # Whoever is being cancelled must not pay for one more.
            await anyio.lowlevel.checkpoint_if_cancelled()
            sent_at = self._timing.utc()
            try:
                accepted = await self._send_once(prepared)
            except PikaError as error:
                verdict = after_submit(error)
                if verdict is Verdict.UNCERTAIN:
                    raise SubmissionUncertainError(
                        f"the submit broke off: {error}",
                        request=request,
                        fingerprint=fingerprint(content),
                        sent_at=sent_at,
                        job_id=error.job_id,
                    ) from error
                delay = self._retry.delay(attempt, error, self._timing.random())
                busy = symptom(error) is Symptom.BUSY
                if busy:
                    # For the others too, also where this one gives up.
                    self._brake.hold(delay, gone_at)
                if verdict is not Verdict.AGAIN or attempt >= self._retry.attempts:
                    error.meaning = _meaning(error, attempt)
                    raise
                logger.warning(
                    "submit held back for %.1f s (attempt %d): %s", delay, attempt, error
                )
                if not busy:
                    await self._timing.sleep(delay)
            else:
                self._brake.succeeded()
                return accepted

    async def close(self) -> None:
        """Wait for the answers of submits that have left: each may name a job that is paid for."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _send_once(self, prepared: HTTPRequest) -> Accepted:
        """One POST, in a task of its own, so that its answer is read even if the caller leaves."""
        departure = Departure()
        task = asyncio.ensure_future(self._api.submit(prepared, departure))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not departure.begun:
                departure.called_off = True
                task.cancel()
            task.add_done_callback(partial(_report_unclaimed, departure))
            raise


def _report_unclaimed(departure: Departure, task: asyncio.Task[Accepted]) -> None:
    if departure.called_off:
        return
    error = asyncio.CancelledError("the event loop ended") if task.cancelled() else task.exception()
    if error is None:
        job_id = task.result().job_id
        logger.warning(
            "job %s was accepted after its caller had been cancelled; it runs and is paid "
            "for: wait for it with client.job(%r).result()",
            job_id,
            job_id,
            # For handlers that act on it.
            extra={"job_id": job_id},
        )
    elif not isinstance(error, PikaError) or after_submit(error) is Verdict.UNCERTAIN:
        logger.warning(
            "a submit broke off after its caller had been cancelled; the job may exist and "
            "be billed: %s",
            error,
            extra={"uncertain": True},
        )


def _meaning(error: PikaError, attempt: int) -> str:
    if error.job_id:
        return (
            f"Yet the answer names job {error.job_id}: look at it with "
            f"client.job({error.job_id!r}).refresh() before submitting again."
        )
    if attempt > 1:
        return f"{_NOT_CHARGED} It was tried {attempt} times."
    return _NOT_CHARGED
