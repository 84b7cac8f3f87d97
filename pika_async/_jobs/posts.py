"""One POST: its answer is read and written down, even if its caller leaves meanwhile.

``departure`` tells where a POST stands on its way out, and so what a cancellation means. One that
has not begun to leave is withdrawn, and costs nothing. After that the caller goes, and the POST
stays, in a task of its own: its answer may name a job that is paid for.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from pika_async._errors import ClientStateError, PikaError
from pika_async._jobs.slots import Slots
from pika_async._jobs.verdicts import Verdict, after_submit
from pika_async._wire.departure import Departure
from pika_async.dialects import Accepted, Finds, Handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async._jobs.job import Job
    from pika_async._jobs.recorder import Recorder
    from pika_async._jobs.submission import Submit
    from pika_async._jobs.telling import SubmitTeller
    from pika_async._wire.api import API


def closed_error() -> ClientStateError:
    """The error of a submit that finds its client closed."""
    return ClientStateError("the client has been closed")


class Posts:
    """The POSTs of one client."""

    def __init__(
        self,
        api: API,
        teller: SubmitTeller,
        begun: Callable[[Submit, Accepted], Job],
        *,
        most: int | None = None,
    ) -> None:
        """How they are sent.

        Args:
            api: The service.
            teller: Tells the observer and the caller what becomes of them.
            begun: Makes the job of an answer, before anyone is told of its id.
            most: How many may be under way at once; None: no bound.
        """
        self._api = api
        self._teller = teller
        self._begun = begun
        self._looks_up = isinstance(api.dialect, Finds)
        # Each with its recorder and its body. The submit itself would keep its job alive.
        self._under_way: dict[asyncio.Task[None], tuple[Recorder | None, bytes]] = {}
        self.places = Slots(most)
        """Each POST takes one before it is sent, and gives it back at its end."""
        self.closed = False
        """Whether nothing more may leave."""

    async def send(self, submit: Submit) -> Job:
        """Send a submit once; the job that its answer names.

        Raises:
            PikaError: It failed; ``after_submit`` says what that means.
        """
        recorder = submit.recorder
        departure = Departure(partial(self._is_wanted, recorder))
        loop = asyncio.get_running_loop()
        # Not a shield around the task, which takes two more turns of the loop. And without the job
        # as its result: `over` holds it a little longer than the caller, and the job with it.
        answer: asyncio.Future[None] = loop.create_future()
        task = loop.create_task(self._post(submit, departure, answer))
        if not task.done():
            self._under_way[task] = recorder, submit.prepared.body or b""

        def over(task: asyncio.Task[None]) -> None:
            self._under_way.pop(task, None)
            self.places.give_back()
            # A task that never came to run has set nothing, not even an error.
            answer.cancel()

        task.add_done_callback(over)
        try:
            await answer
        except asyncio.CancelledError:
            if departure.withdraw():
                task.cancel()
                _stayed(submit)
                raise
            submit.is_accounted_for = True
            if not answer.cancel() and not answer.cancelled():
                # The answer came in the same turn as the cancellation.
                self._teller.unclaimed(submit, answer.exception() or _job_of(submit))
            raise
        return _job_of(submit)

    def _is_wanted(self, recorder: Recorder | None) -> bool:
        return not self.closed and (recorder is None or recorder.wanted())

    async def _post(
        self, submit: Submit, departure: Departure, answer: asyncio.Future[None]
    ) -> None:
        outcome: Job | BaseException
        try:
            outcome = await self._recorded(submit, departure)
        except asyncio.CancelledError:
            outcome = asyncio.CancelledError("the event loop ended")
        except Exception as error:  # noqa: BLE001 - for whoever waits for the answer
            outcome = error
        except BaseException as error:
            # Ctrl-C may be raised here. It goes on, so only the observer is told of the submit.
            if departure.has_begun:
                self._teller.unclaimed(submit, error)
            raise
        if answer.done():
            # What has not begun to leave can neither be paid for nor be uncertain.
            if departure.has_begun:
                self._teller.unclaimed(submit, outcome)
        elif isinstance(outcome, BaseException):
            answer.set_exception(outcome)
        else:
            self._teller.accepted(submit, outcome)
            answer.set_result(None)

    async def _recorded(self, submit: Submit, departure: Departure) -> Job:
        """Send it, make the job that the answer names, and write that down."""
        try:
            accepted = await self._api.submit(submit.prepared, departure)
        except asyncio.CancelledError:
            if not (self.closed and departure.is_withdrawn):
                raise
            # It was still connecting when the client was closed; its caller was not cancelled.
            _stayed(submit)
            raise closed_error() from None
        except PikaError as error:
            # What may have started a job, now or at an earlier try, stays written down.
            uncertain = after_submit(error) is Verdict.UNCERTAIN or submit.lost is not None
            if not uncertain:
                _stayed(submit)
            named = await self._job_named_by(error) if uncertain else None
            if named is None:
                raise
            accepted = named
        handle = self._api.with_facts(accepted.handle, submit.request, submit.submit_id)
        if handle is not accepted.handle:
            accepted = evolve(accepted, handle=handle)
        job = submit.job = self._begun(submit, accepted)
        if submit.recorder is not None:
            try:
                await submit.recorder.accepted(accepted)
            except BaseException as error:
                error.add_note(f"The job {job.id} had been accepted, and is paid for.")
                self._teller.unclaimed(submit, error)
                raise
        return job

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


def _job_of(submit: Submit) -> Job:
    assert submit.job is not None  # noqa: S101 - made of the answer
    return submit.job


def _stayed(submit: Submit) -> None:
    """This try has started nothing; an earlier one may have, and that stays written down."""
    if submit.recorder is not None and submit.lost is None:
        submit.recorder.stayed()
