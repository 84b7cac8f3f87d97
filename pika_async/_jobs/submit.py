"""Paying once: a submit is sent again only where nothing can have been started."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import anyio.lowlevel
from attrs import define, frozen

from pika_async._errors import PikaError, SubmissionUncertainError
from pika_async._events import (
    JobAccepted,
    SubmitHeldBack,
    SubmitRefused,
    SubmitSent,
    SubmitUncertain,
)
from pika_async._jobs.brake import Brake
from pika_async._jobs.verdicts import Symptom, Verdict, after_submit, symptom
from pika_async._request.fingerprint import fingerprint
from pika_async._request.request import GenerationRequest
from pika_async._wire.media import with_media_read
from pika_async._wire.transport import Departure

if TYPE_CHECKING:
    from pika_async._backoff import RetryPolicy
    from pika_async._http import HTTPRequest
    from pika_async._log import Teller
    from pika_async._wire.api import API
    from pika_async.dialects import Accepted


# Before a submit is sent it has no time.
_NEVER: Final = datetime.fromtimestamp(0, UTC)


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

    def __init__(self, api: API, retry: RetryPolicy, timing: Timing, tell: Teller) -> None:
        self._api = api
        self._retry = retry
        self._tell = tell
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
        submit = _Submit(
            submit_id=os.urandom(16).hex(), request=request, content=content, record=record
        )
        prepared = await self._api.encode_submit(content, submit.submit_id)
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
            submit.sent_at = self._timing.utc()
            self._tell(
                SubmitSent(
                    submit_id=submit.submit_id,
                    request=request,
                    service=self._api.service,
                    sent_at=submit.sent_at,
                    tries=sent,
                )
            )
            try:
                accepted = await self._send_once(prepared, submit)
            except PikaError as error:
                verdict = after_submit(error)
                if verdict is Verdict.UNCERTAIN:
                    lost = submit.uncertain(error)
                    self._tell(SubmitUncertain(submit_id=submit.submit_id, error=lost))
                    raise lost from error
                delay = self._retry.delay(attempt, error, self._timing.random())
                busy = symptom(error) is Symptom.BUSY
                # Where others are admitted it stands in line, which is no attempt of its own.
                in_line = busy and self._brake.hold(delay, gone_at)
                if in_line and self._timing.now() - begun < self._retry.outage_budget:
                    attempt -= 1
                if verdict is not Verdict.AGAIN or attempt >= self._retry.attempts:
                    error.tries = sent
                    self._tell(SubmitRefused(submit_id=submit.submit_id, error=error))
                    raise
                self._tell(
                    SubmitHeldBack(
                        submit_id=submit.submit_id,
                        error=error,
                        seconds=delay,
                        tries=sent,
                        in_line=in_line,
                    )
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

    async def _send_once(self, prepared: HTTPRequest, submit: _Submit) -> Accepted:
        """One POST, in a task of its own, so that its answer is read even if the caller leaves."""
        departure = Departure()
        record = submit.record
        if record is not None:
            departure.wanted = record.wanted
        # Rather than a shield around the task, which takes two more turns of the loop.
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._post(prepared, departure, submit, answer))
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
                self._tell_unclaimed(answer.exception() or answer.result(), submit)
            raise

    async def _post(
        self,
        prepared: HTTPRequest,
        departure: Departure,
        submit: _Submit,
        answer: asyncio.Future[Accepted],
    ) -> None:
        outcome: Accepted | BaseException
        try:
            outcome = await self._recorded(prepared, departure, submit.record)
        except asyncio.CancelledError:
            outcome = asyncio.CancelledError("the event loop ended")
        except Exception as error:  # noqa: BLE001 - for whoever waits for the answer
            outcome = error
        if answer.done():
            # What has not begun to leave can neither be paid for nor be uncertain.
            if departure.begun:
                self._tell_unclaimed(outcome, submit)
        elif isinstance(outcome, BaseException):
            answer.set_exception(outcome)
        else:
            self._tell(self._accepted(submit, outcome))
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

    def _accepted(
        self, submit: _Submit, accepted: Accepted, *, unclaimed: bool = False
    ) -> JobAccepted:
        return JobAccepted(
            submit_id=submit.submit_id,
            job_id=accepted.job_id,
            request=submit.request,
            service=self._api.service,
            unclaimed=unclaimed,
            recorded=submit.record is not None,
        )

    def _tell_unclaimed(self, outcome: Accepted | BaseException, submit: _Submit) -> None:
        if not isinstance(outcome, BaseException):
            self._tell(self._accepted(submit, outcome, unclaimed=True))
        elif not isinstance(outcome, PikaError) or after_submit(outcome) is Verdict.UNCERTAIN:
            lost = submit.uncertain(outcome)
            self._tell(SubmitUncertain(submit_id=submit.submit_id, error=lost, unclaimed=True))


@define(kw_only=True, eq=False)
class _Submit:
    """One submit, however often it is sent."""

    submit_id: str
    request: GenerationRequest
    content: GenerationRequest
    """The same with its files read."""
    record: SubmitRecord | None
    sent_at: datetime = _NEVER

    def uncertain(self, cause: BaseException) -> SubmissionUncertainError:
        """The error where it may have started a job."""
        error = SubmissionUncertainError(
            f"the submit broke off: {cause.what if isinstance(cause, PikaError) else cause!r}",
            request=self.request,
            fingerprint=fingerprint(self.content),
            sent_at=self.sent_at,
            job_id=getattr(cause, "job_id", None),
        )
        error.__cause__ = cause
        return error
