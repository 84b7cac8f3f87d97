"""The course of one request of a batch: submitted or resumed, waited for, its videos saved."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import evolve

from pika_async._api_errors import NotFoundError
from pika_async._batch.known import NOTHING
from pika_async._batch.lost import resolved
from pika_async._batch.results import BatchResult
from pika_async._batch.saving import saved_videos
from pika_async._errors import PikaError, SubmissionUncertainError
from pika_async._jobs.job import ended, failure
from pika_async._quick import quick
from pika_async._request.parts import has_media
from pika_async._states import Failed, Running, Succeeded
from pika_async._wire.media import with_media_read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from pika_async._batch.board import Board
    from pika_async._batch.record import Record
    from pika_async._errors import DownloadError
    from pika_async._jobs.job import Job
    from pika_async._money import Money
    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async._states import JobState, Transition
    from pika_async.dialects import Accepted

_made_result: Final = quick(BatchResult)


class OutsideError(Exception):
    """An exception of the caller's own code, which is its cause, on its way out of the batch."""


def cause(problem: BaseException) -> BaseException:
    """What an item, or the source of requests, ended with, as whoever raised it knows it."""
    if isinstance(problem, OutsideError):
        assert problem.__cause__ is not None  # noqa: S101 - that is what it is for
        return problem.__cause__
    return problem


class Item:
    """One request of a batch."""

    # There are as many as jobs in flight.
    __slots__ = (
        "_board",
        "_has_left",
        "_index",
        "_job_id",
        "_known",
        "_price_failed",
        "_quoted",
        "_record",
        "_request",
        "_running_at",
    )

    def __init__(
        self, board: Board, index: int, request: GenerationRequest, record: Record
    ) -> None:
        self._board = board
        self._index = index
        self._request = request
        self._record = record
        self._known = NOTHING
        self._job_id: str | None = None
        self._quoted: Money | None = None
        # Whether a submit of this run is about to leave, or may have arrived.
        self._has_left = False
        # Whether the service was asked for the price, and that failed.
        self._price_failed = False
        self._running_at: float | None = None

    async def run(self) -> None:
        """Deliver the result; what goes wrong with this item alone is in it.

        Raises:
            OutsideError: ``on_transition`` raised.
        """
        board = self._board
        state: Succeeded | Failed | None = None
        error: PikaError | None = None
        files: tuple[Path, ...] = ()
        try:
            try:
                state = await self._generated()
            except PikaError as problem:
                error = problem
                board.waited(self._index)
            finally:
                board.generating.give_back()
            if state is not None:
                if self._job_id is not None:
                    board.unclaimed[self._index] = self._job_id
                if board.output_dir is not None:
                    files, error = await self._saved(board.output_dir, state)
            board.deliver(self._result(state, error, files))
            # Its traceback holds this frame. Without this line the two would hold each other until
            # the garbage is collected.
            error = None
        except asyncio.CancelledError:
            raise
        except BaseException as problem:
            # Told at once: the group of all items ends only when the source of requests lets it.
            board.fail(cause(problem))
            raise
        finally:
            board.items.pop(self._index, None)

    def _result(
        self,
        state: Succeeded | Failed | None,
        error: PikaError | None,
        files: tuple[Path, ...],
    ) -> BatchResult:
        if isinstance(state, Failed):
            assert self._job_id is not None  # noqa: S101 - it has ended
            error, state = failure(self._job_id, state), None
        return _made_result(
            index=self._index,
            request=self._request,
            job_id=self._job_id or (None if error is None else error.job_id),
            state=state,
            error=error,
            files=files,
            resumed=self._known.resumed,
            number=self._record.number,
        )

    async def _generated(self) -> Succeeded | Failed:
        """The end of the job: known from the journal, or waited for."""
        content = await self._begun()
        known, board = self._known, self._board
        if known.state is not None:
            return known.state
        if known.error is not None:
            raise known.error
        slots = board.jobs.slots
        try:
            if not slots.take():
                await slots.wait(self)
            try:
                state = await self._end(await self._job(content))
            except NotFoundError:
                if not self._forget_unknown_job():
                    raise
                state = await self._end(await self._job(content))
            finally:
                slots.give_back()
        except PikaError as problem:
            error = await self._noted(problem)
            if error is problem:
                raise
            raise error from problem
        board.waited(self._index)
        if board.jobs.settles_late and state.charge is None:
            state = await self._charged(state)
        assert self._job_id is not None  # noqa: S101 - it has ended
        board.stop_if_nothing_is_left(self._job_id, state)
        board.budget.settle(self._index, state.charge)
        await self._record.ended(state, self._running_at)
        return state

    async def _begun(self) -> GenerationRequest:
        """The request with its files read, once it is known what earlier runs did for it."""
        content = self._request
        if has_media(content):
            content = await with_media_read(content)
        known = await self._record.begin(self._request, content)
        if known.lost is not None:
            now = datetime.fromtimestamp(self._board.now(), UTC)
            known = await resolved(known, known.lost, self._board.jobs, self._record, now)
        self._known = known
        self._job_id = known.job_id
        self._board.counts.resumed += known.resumed
        return content

    def _forget_unknown_job(self) -> bool:
        """Forget an earlier run's job that the service does not know, to submit the request again.

        Returns:
            False where that is not allowed: then nothing is forgotten.
        """
        if not (self._known.resumed and self._record.may_replace()):
            return False
        if not self._board.allowance.allows_another():
            return False
        self._known = NOTHING
        self._board.budget.settle(self._index, None)
        self._job_id = None
        del self._board.in_flight[self._index]
        self._board.counts.resumed -= 1
        return True

    async def _noted(self, problem: PikaError) -> PikaError:
        """Settle the money, write down what went wrong, and stop the batch if it is wrong for all.

        Returns:
            The error of the result.
        """
        self._board.stop_if_wrong_for_all(problem)
        error = self._still_uncertain_or(problem)
        if self._job_id is None and not isinstance(error, SubmissionUncertainError):
            self._board.budget.give_back(self._index)
        else:
            self._board.budget.settle(self._index, None)
        await self._record.went_wrong(error, self._job_id, about_price=self._price_failed)
        return error

    def _still_uncertain_or(self, problem: PikaError) -> PikaError:
        """``problem``, unless an earlier run's submit was to be sent again: that stays uncertain.

        Whatever kept it from being sent again tells nothing of the first time.
        """
        known = self._known
        again = known.intent is not None and self._job_id is None
        if not again or known.lost is None or isinstance(problem, SubmissionUncertainError):
            return problem
        return known.lost

    async def _charged(self, state: Succeeded | Failed) -> Succeeded | Failed:
        """``state`` with its charge, for which the service needs one more look."""
        assert self._job_id is not None  # noqa: S101 - it has ended
        charge = await self._board.jobs.charge(self._job_id)
        return state if charge is None else evolve(state, charge=charge)

    async def _job(self, content: GenerationRequest) -> Job:
        """The job of an earlier run, or of a submit."""
        known, jobs, budget = self._known, self._board.jobs, self._board.budget
        counted = known.job_id is not None or known.intent is not None
        if counted:
            # Before it is asked whether one more may leave: this is none, and its money is spent.
            budget.take_over(self._index, known.quoted)
        if known.job_id is None:
            # Before a price is asked for and files are uploaded: a batch that has stopped asks the
            # service for nothing.
            self._board.check_submit(self._index)
            self._board.count_submit()
        if not counted:
            # Without a limit it is counted all the same, and nobody is asked for its price.
            quote = await self._asked_price() if budget.bounds else None
            self._quoted = await budget.reserve(self._index, quote)
        if known.job_id is None:
            return await jobs.submit(
                self._request,
                content=content,
                recorder=self,
                again=known.intent,
                again_since=None if known.lost is None else known.lost.sent_at,
            )
        self._board.in_flight[self._index] = known.job_id
        return jobs.attach(
            known.job_id,
            request=self._request,
            seconds_ago=known.accepted_ago,
            hints=known.hints,
            origin=known.origin,
        )

    async def _asked_price(self) -> Money | None:
        try:
            return await self._board.jobs.quote(self._request)
        except PikaError:
            self._price_failed = True
            raise

    @property
    def has_job(self) -> bool:
        """See ``Recorder``; where a journal could not be written, ``JournalBroken`` has told it."""
        return True

    def is_of(self, board: Board) -> bool:
        """Whether it belongs to this batch."""
        return self._board is board

    @property
    def fingerprint(self) -> str | None:
        """See ``Recorder``."""
        return self._record.fingerprint

    async def leaving(self, intent: Callable[[], Intent]) -> None:
        """See ``SubmitRecord``."""
        self._check_leaving()
        await self._record.leaving(intent, self._quoted)
        try:
            # Much may have happened while that was being written.
            self._check_leaving()
        except BaseException:
            self._record.stayed()
            raise
        self._has_left = True

    def _check_leaving(self) -> None:
        self._board.check_submit(self._index)
        if not self._has_left:
            self._board.budget.check_leaving(self._index)

    def wanted(self) -> bool:
        """See ``SubmitRecord``."""
        return not self._board.left

    async def accepted(self, accepted: Accepted) -> None:
        """See ``SubmitRecord``."""
        handle = accepted.handle
        self._job_id = self._board.in_flight[self._index] = handle.job_id
        self._board.counts.submitted += 1
        await self._record.accepted(handle.job_id, handle.hints)

    def stayed(self) -> None:
        """See ``SubmitRecord``."""
        self._has_left = False
        self._record.stayed()

    def lost(self, error: SubmissionUncertainError) -> None:
        """See ``Recorder``."""
        self._board.lost(self._index, error)

    def _end(self, job: Job) -> Awaitable[Succeeded | Failed]:
        # Not a coroutine itself: there would be one more for each job in flight.
        on_transition = self._board.on_transition
        if on_transition is None:
            return ended(job, self._board.timeout, self._hear)
        return self._followed(job, on_transition)

    async def _followed(
        self, job: Job, on_transition: Callable[[Transition], None]
    ) -> Succeeded | Failed:
        async for transition in job.transitions(timeout=self._board.timeout):
            self._hear(transition.state)
            try:
                on_transition(transition)
            except BaseException as error:
                # A CancelledError of a plain function is not a cancellation of this task. And a
                # KeyboardInterrupt would end the program before the jobs are named.
                if transition.state.is_terminal:
                    self._board.waited(self._index)
                raise OutsideError from error
        state = job.state
        assert isinstance(state, Succeeded | Failed)  # noqa: S101 - else the loop raises
        return state

    def _hear(self, state: JobState | None) -> None:
        if self._running_at is None and isinstance(state, Running):
            self._running_at = self._board.now()

    async def _saved(
        self, output_dir: Path, state: Succeeded | Failed
    ) -> tuple[tuple[Path, ...], DownloadError | None]:
        files, problem = await saved_videos(
            self._board,
            self._record,
            self._known,
            output_dir=output_dir,
            prompt=self._request.prompt,
            state=state,
        )
        if problem is not None:
            await self._record.went_wrong(problem, self._job_id)
        return files, problem
