"""Paying once: a submit is sent again only where that cannot start a second job.

``departure`` tells the life of one POST; here is what goes on around it: the line before it, the
record that is written before and after it, and the decision after each that did not end well.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio.lowlevel
from attrs import evolve

from pika_async._errors import ClientStateError, PikaError
from pika_async._events import (
    SubmitHeldBack,
    SubmitRefused,
    SubmitUncertain,
    SubmitWithdrawn,
)
from pika_async._jobs.brake import Brake
from pika_async._jobs.slots import Slots
from pika_async._jobs.telling import Telling
from pika_async._jobs.verdicts import Symptom, Verdict, after_submit, symptom
from pika_async._meaning import FOR_LATER
from pika_async._states import Failed
from pika_async._wire.departure import Departure
from pika_async.dialects import Accepted, Finds, Handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async._backoff import RetryPolicy
    from pika_async._jobs.job import Job
    from pika_async._jobs.recorder import Recorder
    from pika_async._jobs.submission import Submit
    from pika_async._log import Teller
    from pika_async._timing import Timing
    from pika_async._wire.api import API


def _closed() -> ClientStateError:
    return ClientStateError("the client has been closed")


class Submitter:
    """Submits for one client."""

    def __init__(
        self,
        api: API,
        retry: RetryPolicy,
        timing: Timing,
        tell: Teller,
        begun: Callable[[Submit, Accepted], Job],
        *,
        most: int | None = None,
    ) -> None:
        """How submits are sent.

        Args:
            api: The service.
            retry: When they are sent again.
            timing: Clocks.
            tell: Who is told of them.
            begun: Makes the job of an answer, before anyone is told of its id.
            most: So many under way at once; None: no bound.
        """
        self._begun = begun
        self._api = api
        self._repeatable = api.dialect.repeatable
        self._looks_up = isinstance(api.dialect, Finds)
        self._retry = retry
        self._timing = timing
        self._tell = tell
        self._telling = Telling(tell, api.dialect.name, api.host)
        self._brake = Brake(timing.now, timing.rest)
        self._departures = Slots(most)
        # With the recorder and the body of each: the submit itself would hold its job.
        self._under_way: dict[asyncio.Task[None], tuple[Recorder | None, bytes]] = {}
        self.closed = False
        """Whether nothing more may leave."""

    @property
    def held(self) -> float:
        """Seconds for which the service wants no submit."""
        return self._brake.held

    async def submit(self, submit: Submit) -> Job:
        """The accepted job.

        Raises:
            SubmissionUncertainError: The job may exist and be billed.
            PikaError: Anything else; then nothing was started.
        """
        try:
            return await self._sent(submit)
        finally:
            if not submit.awaited:
                if submit.sent:
                    self._telling.withdrawn(submit)
                elif submit.origin is not None:
                    # The observer has heard of it, and it has not left.
                    self._tell(SubmitWithdrawn(submit_id=submit.submit_id))

    async def _sent(self, submit: Submit) -> Job:
        # Of the tries some are not counted: they are for as long as an outage lasts, and back off.
        attempt = uncounted = 0
        # No outage begins before the first try, however long the line is.
        begun = math.inf
        while True:
            attempt += 1
            try:
                gone_at = await self._released(submit)
                begun = min(begun, gone_at)
            except PikaError as error:
                if submit.lost is None:
                    raise
                final = self._ended(submit, error, Verdict.RAISE)
                raise final from final.__cause__
            try:
                await self._send_once(submit)
            except PikaError as error:
                verdict = self._verdict(submit, error)
                busy = symptom(error) is Symptom.BUSY
                failures = attempt if busy else attempt + uncounted
                delay = self._retry.delay(failures, error, self._timing.random())
                asked = min(getattr(error, "retry_after", None) or 0.0, delay)
                # Where others are admitted it stands in line, which is no attempt of its own.
                in_line = busy and self._brake.hold(delay, gone_at, asked=asked)
                within_outage = self._timing.now() - begun < self._retry.outage_budget
                if verdict is Verdict.SAME_AGAIN:
                    submit.lost = error
                if within_outage and (in_line or submit.lost is not None):
                    attempt -= 1
                    uncounted += not busy
                again = verdict is Verdict.AGAIN or (
                    verdict is Verdict.SAME_AGAIN and within_outage
                )
                if not again or attempt >= self._retry.attempts:
                    final = self._ended(submit, error, verdict)
                    raise final from final.__cause__
                self._tell(
                    SubmitHeldBack(
                        submit_id=submit.submit_id,
                        error=error,
                        seconds=delay,
                        tries=submit.sent,
                        in_line=in_line,
                    )
                )
                if not busy:
                    await self._timing.sleep(delay)
            else:
                submit.awaited = True
                assert submit.job is not None  # noqa: S101 - made of the answer
                self._pass_on(submit.job, gone_at)
                return submit.job

    def _verdict(self, submit: Submit, error: PikaError) -> Verdict:
        """What a try that failed leads to."""
        if submit.job is not None:
            # It is of whoever wrote the job down, and no answer of the service.
            raise error
        return after_submit(error, repeatable=self._repeatable)

    async def _released(self, submit: Submit) -> float:
        """Wait until it may leave, and write that down; the time on the clock of the brake."""
        held_from = at_brake = self._timing.now()
        # Before the brake, which may close meanwhile, and before it is written down as leaving.
        if not self._departures.take():
            await self._departures.wait(submit)
            at_brake = self._timing.now()
        try:
            if (gone_at := self._brake.take()) is None:
                gone_at = await self._brake.wait()
            # Where the brake held those ahead, it held whoever stood behind them.
            waited = gone_at - (held_from if self._brake.has_held(held_from) else at_brake)
            if self.closed:
                raise _closed()  # noqa: TRY301 - its place is given back below
            if submit.recorder is None:
                # Whoever is being cancelled must not pay for one more.
                await anyio.lowlevel.checkpoint_if_cancelled()
            else:
                names = self._tell.names_origins
                intent = partial(self._telling.named, submit) if names else submit.intent
                await submit.recorder.leaving(intent)
            submit.sent += 1
            submit.sent_at = self._timing.utc()
            if self._tell.is_traced:
                self._telling.sent(submit, waited)
        except BaseException:
            self._departures.give_back()
            raise
        return gone_at

    def _pass_on(self, job: Job, gone_at: float) -> None:
        """What an answer that names a job means for the submits behind it."""
        if isinstance(job.state, Failed) and job.state.meaning in FOR_LATER:
            # A job was made of it, so it is not sent again. To the others it is as a 429, or a 503.
            delay = self._retry.delay(1, None, self._timing.random())
            self._brake.hold(delay, gone_at)
        else:
            self._brake.succeeded()

    def _ended(self, submit: Submit, error: PikaError, verdict: Verdict) -> PikaError:
        """The error to raise where it is not sent again."""
        submit.awaited = True
        # Once it may have started a job, a refusal of a later try does not undo that.
        if verdict is Verdict.UNCERTAIN or submit.lost is not None:
            lost = self._telling.uncertain(submit, submit.lost or error)
            self._tell(SubmitUncertain(submit_id=submit.submit_id, error=lost))
            return lost
        error.tries = submit.sent
        self._tell(SubmitRefused(submit_id=submit.submit_id, error=error))
        return error

    async def answered(self, mine: Callable[[Recorder | None], bool]) -> None:
        """Wait for the answers of submits that have left: each may name a job that is paid for.

        Args:
            mine: Which submits, by their recorders.
        """
        while tasks := [
            task
            for task, (recorder, _) in self._under_way.items()
            if mine(recorder) and not task.done()
        ]:
            await asyncio.wait(tasks)

    async def answered_like(self, digest: str) -> None:
        """Wait for the answers of submits under way now whose body has this digest."""
        tasks = [
            task
            for task, (_, body) in self._under_way.items()
            if hashlib.sha256(body).hexdigest() == digest
        ]
        if tasks:
            await asyncio.wait(tasks)

    async def _send_once(self, submit: Submit) -> Accepted:
        """One POST, in a task of its own, so that its answer is read even if the caller leaves."""
        recorder = submit.recorder
        departure = Departure(partial(self._is_wanted, recorder))
        # Rather than a shield around the task, which takes two more turns of the loop.
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Accepted] = loop.create_future()
        task = loop.create_task(self._post(submit, departure, answer))
        if not task.done():
            self._under_way[task] = recorder, submit.prepared.body or b""

        def over(task: asyncio.Task[None]) -> None:
            self._under_way.pop(task, None)
            self._departures.give_back()
            # Where it has no answer to give, not even an error: it never came to run.
            answer.cancel()

        task.add_done_callback(over)
        try:
            return await answer
        except asyncio.CancelledError:
            if departure.withdraw():
                task.cancel()
                self._stayed(submit)
                raise
            submit.awaited = True
            if not answer.cancel() and not answer.cancelled():
                # It came together with the cancellation.
                self._telling.unclaimed(submit, answer.exception() or answer.result())
            raise

    def _is_wanted(self, recorder: Recorder | None) -> bool:
        return not self.closed and (recorder is None or recorder.wanted())

    async def _post(
        self, submit: Submit, departure: Departure, answer: asyncio.Future[Accepted]
    ) -> None:
        outcome: Accepted | BaseException
        try:
            outcome = await self._recorded(submit, departure)
        except asyncio.CancelledError:
            outcome = asyncio.CancelledError("the event loop ended")
        except Exception as error:  # noqa: BLE001 - for whoever waits for the answer
            outcome = error
        except BaseException as error:
            # Ctrl-C that lands here, say. It goes its way, and nobody else is told of the submit.
            if departure.has_begun:
                self._telling.unclaimed(submit, error)
            raise
        if answer.done():
            # What has not begun to leave can neither be paid for nor be uncertain.
            if departure.has_begun:
                self._telling.unclaimed(submit, outcome)
        elif isinstance(outcome, BaseException):
            answer.set_exception(outcome)
        else:
            if self._tell.is_heard:
                self._telling.accepted(submit)
            answer.set_result(outcome)

    async def _recorded(self, submit: Submit, departure: Departure) -> Accepted:
        recorder = submit.recorder
        try:
            accepted = await self._api.submit(submit.prepared, departure)
        except asyncio.CancelledError:
            if not (self.closed and departure.is_withdrawn):
                raise
            # It was still connecting when the client was closed; its caller was not cancelled.
            self._stayed(submit)
            raise _closed() from None
        except PikaError as error:
            # What may have started a job, now or at an earlier try, stays written down.
            uncertain = after_submit(error) is Verdict.UNCERTAIN or submit.lost is not None
            if not uncertain:
                self._stayed(submit)
            named = await self._job_named_by(error) if uncertain else None
            if named is None:
                raise
            accepted = named
        handle = self._api.with_facts(accepted.handle, submit.request, submit.submit_id)
        if handle is not accepted.handle:
            accepted = evolve(accepted, handle=handle)
        submit.job = self._begun(submit, accepted)
        if recorder is not None:
            try:
                await recorder.accepted(accepted)
            except BaseException as error:
                error.add_note(f"The job {submit.job.id} had been accepted, and is paid for.")
                self._telling.unrecorded(submit)
                raise
        return accepted

    def _stayed(self, submit: Submit) -> None:
        """This try has started nothing; an earlier one may have, and that stays written down."""
        if submit.recorder is not None and submit.lost is None:
            submit.recorder.stayed()

    async def _job_named_by(self, error: PikaError) -> Accepted | None:
        """The job that a failed answer names, where one look finds it."""
        if not self._looks_up or error.job_id is None:
            return None
        handle = Handle(error.job_id)
        with suppress(PikaError):
            state = await self._api.look(handle, math.inf)
            if state is not None:
                return Accepted(handle=handle, state=state, raw=state.raw)
        return None
