"""Paying once: a submit is sent again only where nothing can have been started."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import anyio.lowlevel
from attrs import frozen

from pika_async._errors import PikaError, SubmissionUncertainError
from pika_async._jobs.brake import Brake
from pika_async._jobs.verdicts import Symptom, Verdict, after_submit, symptom
from pika_async._request.fingerprint import fingerprint
from pika_async._wire.media import with_media_read
from pika_async._wire.transport import Departure

if TYPE_CHECKING:
    from pika_async._backoff import RetryPolicy
    from pika_async._http import HTTPRequest
    from pika_async._request.request import GenerationRequest
    from pika_async._wire.api import API
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


class SubmitRecord(Protocol):
    """Where a submit is written down as it goes, for whoever must know of it after a crash."""

    async def leaving(self) -> None:
        """Before each POST, which waits for this.

        Raises:
            PikaError: It cannot be written down, so nothing is sent.
        """
        ...

    async def accepted(self, job_id: str) -> None:
        """Before anyone is told of the job; raises nothing, since the job is paid for."""
        ...

    def wanted(self) -> bool:
        """Whether the POST may still leave, asked at the last moment."""
        ...

    def stayed(self) -> None:
        """The POST has not left after all, or provably started nothing."""
        ...


class Submitter:
    """Submits for one client."""

    def __init__(self, api: API, retry: RetryPolicy, timing: Timing) -> None:
        self._api = api
        self._retry = retry
        self._timing = timing
        self._brake = Brake(timing.now, timing.sleep)
        self._under_way: dict[asyncio.Task[None], SubmitRecord | None] = {}

    async def submit(
        self,
        request: GenerationRequest,
        *,
        content: GenerationRequest | None = None,
        record: SubmitRecord | None = None,
    ) -> Accepted:
        """The accepted job.

        Args:
            request: What to submit.
            content: The same with its files read, where that has been done already.
            record: Where to write it down.

        Raises:
            SubmissionUncertainError: The job may exist and be billed.
            PikaError: Anything else; then nothing was started.
        """
        content = content or await with_media_read(request)
        prepared = await self._api.encode_submit(content, os.urandom(16).hex())
        attempt = sent = 0
        begun = self._timing.now()
        while True:
            attempt += 1
            sent += 1
            gone_at = await self._brake.released()
            if record is None:
                # Whoever is being cancelled must not pay for one more.
                await anyio.lowlevel.checkpoint_if_cancelled()
            else:
                await record.leaving()
            sent_at = self._timing.utc()
            try:
                accepted = await self._send_once(prepared, record)
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
                # Where others are admitted it stands in line, which is no attempt of its own.
                in_line = busy and self._brake.hold(delay, gone_at)
                if in_line and self._timing.now() - begun < self._retry.outage_budget:
                    attempt -= 1
                if verdict is not Verdict.AGAIN or attempt >= self._retry.attempts:
                    error.meaning = _meaning(error, sent)
                    raise
                logger.log(
                    logging.INFO if in_line else logging.WARNING,
                    "submit held back for %.1f s (attempt %d): %s",
                    delay,
                    sent,
                    error,
                )
                if not busy:
                    await self._timing.sleep(delay)
            else:
                self._brake.succeeded()
                return accepted

    async def answered(self, mine: Callable[[SubmitRecord | None], bool]) -> None:
        """Wait for the answers of submits that have left: each may name a job that is paid for.

        Args:
            mine: Which submits, by their records.
        """
        while tasks := [
            task for task, record in self._under_way.items() if mine(record) and not task.done()
        ]:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Wait until no answer is missing."""
        await self.answered(lambda _: True)

    async def _send_once(self, prepared: HTTPRequest, record: SubmitRecord | None) -> Accepted:
        """One POST, in a task of its own, so that its answer is read even if the caller leaves."""
        departure = Departure()
        if record is not None:
            departure.wanted = record.wanted
        # Rather than a shield around the task, which takes two more turns of the loop.
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._post(prepared, departure, record, answer))
        if not task.done():
            self._under_way[task] = record

        def over(task: asyncio.Task[None]) -> None:
            self._under_way.pop(task, None)
            # Where it has no answer to give, not even an error: it never came to run.
            answer.cancel()

        task.add_done_callback(over)
        try:
            return await answer
        except asyncio.CancelledError:
            if not departure.begun:
                departure.called_off = True
                task.cancel()
                if record is not None:
                    record.stayed()
            elif not answer.cancel() and not answer.cancelled():
                # It came together with the cancellation.
                _report_unclaimed(answer.exception() or answer.result(), record is not None)
            raise

    async def _post(
        self,
        prepared: HTTPRequest,
        departure: Departure,
        record: SubmitRecord | None,
        answer: asyncio.Future[Accepted],
    ) -> None:
        outcome: Accepted | BaseException
        try:
            outcome = await self._recorded(prepared, departure, record)
        except asyncio.CancelledError:
            outcome = asyncio.CancelledError("the event loop ended")
        except Exception as error:  # noqa: BLE001 - for whoever waits for the answer
            outcome = error
        if answer.done():
            # What has not begun to leave can neither be paid for nor be uncertain.
            if departure.begun:
                _report_unclaimed(outcome, record is not None)
        elif isinstance(outcome, BaseException):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    async def _recorded(
        self, prepared: HTTPRequest, departure: Departure, record: SubmitRecord | None
    ) -> Accepted:
        if record is None:
            return await self._api.submit(prepared, departure)
        try:
            accepted = await self._api.submit(prepared, departure)
        except PikaError as error:
            if after_submit(error) is not Verdict.UNCERTAIN:
                record.stayed()
            raise
        await record.accepted(accepted.job_id)
        return accepted


def _report_unclaimed(outcome: Accepted | BaseException, recorded: bool) -> None:
    if not isinstance(outcome, BaseException):
        if recorded:
            return
        logger.warning(
            "job %s was accepted after its caller had been cancelled; it runs and is paid "
            "for: wait for it with client.job(%r).result()",
            outcome.job_id,
            outcome.job_id,
            # For handlers that act on it.
            extra={"job_id": outcome.job_id},
        )
    elif not isinstance(outcome, PikaError) or after_submit(outcome) is Verdict.UNCERTAIN:
        logger.warning(
            "a submit broke off after its caller had been cancelled; the job may exist and "
            "be billed: %s",
            outcome,
            extra={"uncertain": True},
        )


def _meaning(error: PikaError, sent: int) -> str:
    if error.job_id:
        return (
            f"Yet the answer names job {error.job_id}: look at it with "
            f"client.job({error.job_id!r}).refresh() before submitting again."
        )
    if sent > 1:
        return f"{_NOT_CHARGED} It was tried {sent} times."
    return _NOT_CHARGED
