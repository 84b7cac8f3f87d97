"""What workflows call. Deterministic: it decides, and activities do."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, cast

from attrs import evolve
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from pika_async._backoff import growing
from pika_async._request.parts import media_of
from pika_async._request.request import GenerationRequest
from pika_async.temporal._failures import JOB_TIMEOUT, Told, told_by
from pika_async.temporal._names import FIND, FINISH, QUEUE, SUBMIT, queue_of_submits
from pika_async.temporal._outcomes import Declined, Finished, Outcome, Refused, Uncertain, Why
from pika_async.temporal._records import Accepted, Errand, Leaving, Lost, Order
from pika_async.temporal._verdict import Cause, Recourse, Verdict, recourse, verdict

SUBMIT_TIMEOUT: Final = timedelta(seconds=45)
"""For one attempt: the request's own 30 seconds, and then some. After it the worker is lost."""
SUBMIT_TIMEOUT_WITH_FILES: Final = timedelta(minutes=10)
"""The same where files are read, and perhaps uploaded, first."""
HEARTBEAT_TIMEOUT: Final = timedelta(seconds=60)
"""A worker that waits for a job and is not heard of for so long is lost."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_PATIENCE: Final = timedelta(days=1)
# A history may be late.
_PAUSES_OF_SEARCH: Final = (0.0, 10.0, 60.0)
_REPEATS: Final = 8

_ONCE: Final = RetryPolicy(maximum_attempts=1)
_A_FEW_TIMES: Final = RetryPolicy(maximum_attempts=5)
_FOR_EVER: Final = RetryPolicy(
    initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=5)
)


async def generate(
    request: GenerationRequest | str, *, timeout: float | None = None, queue: str = QUEUE
) -> Outcome:
    """Inside any workflow: submit a job, at most once, and wait for its videos.

    What goes wrong with the request is an :data:`Outcome`, not an exception. A worker may be lost
    at any moment: what had not left is sent by another, what was accepted is waited for by another,
    and what may have left is asked of the service where it can be, else ``Uncertain``.

    Where the workflow is cancelled, nothing more is sent. A job that was accepted before runs on
    at the service and stays paid for; the history has its id.

    Args:
        request: What to make, or a prompt alone. Media are paths that every worker sees, or URLs.
        timeout: Seconds to wait at most, from the submit on; None: for ever. A submit that starts
            nothing is tried for a day at most.
        queue: The task queue of the workers that ``run_worker`` runs.

    Raises:
        ApplicationError: Of type ``"JobTimeout"``, with the job's id: nobody waits for it any more,
            and it runs on.
    """
    if isinstance(request, str):
        request = GenerationRequest(request)
    before = _cancellations()
    job = await _submitted(request, timeout, queue, before)
    if not isinstance(job, Accepted):
        return job
    _check_cancelled(before)
    return await _finished(Errand(request=request, job=job, timeout=timeout), queue)


@workflow.defn(name="PikaGenerateVideo")
class GenerateVideo:
    """A workflow of one request, for web servers and the like.

    Start it with an id of your own and ``id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE``:
    then the same id is never paid for twice, for as long as the engine keeps closed workflows. Give
    it no retry policy.
    """

    @workflow.run
    async def run(self, request: GenerationRequest) -> Outcome:
        """See :func:`generate`. From elsewhere, a prompt alone is a request, too."""
        # One argument: the engine reads values by their types only where none is left out.
        return await generate(request, queue=workflow.info().task_queue)


async def _submitted(
    request: GenerationRequest, timeout: float | None, queue: str, before: int
) -> Accepted | Refused | Uncertain:
    info = workflow.info()
    order = Order(request=request, run_id=info.original_execution_run_id)
    if info.attempt > 1:
        # The run before this one may have submitted.
        return Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)
    patience = _PATIENCE if timeout is None else timedelta(seconds=timeout)
    end = workflow.now() + patience
    tries = 0
    while True:
        told = await _attempt(order, queue)
        if isinstance(told, Accepted):
            return told
        match verdict(told.cause, told.record):
            case Verdict.ADOPT:
                assert isinstance(told.record, Accepted)  # noqa: S101 - the table says so
                return told.record
            case Verdict.REFUSED:
                return _refused(told)
            case Verdict.UNCERTAIN:
                return await _settled(order, told, queue)
            case Verdict.AGAIN:
                pause = _pause(told, tries)
                if workflow.now() + pause >= end:
                    return _refused(told)
                _check_cancelled(before)
                await workflow.sleep(pause)
                tries += 1


async def _attempt(order: Order, queue: str) -> Accepted | Told:
    """One submit, of one attempt.

    Raises:
        CancelledError: The workflow is cancelled; nothing more is sent.
    """
    files = any(not isinstance(medium, str) for _, medium in media_of(order.request))
    try:
        job: Accepted = await workflow.execute_activity(
            SUBMIT,
            order,
            result_type=Accepted,
            task_queue=queue_of_submits(queue),
            start_to_close_timeout=SUBMIT_TIMEOUT_WITH_FILES if files else SUBMIT_TIMEOUT,
            retry_policy=_ONCE,
            # Its end is waited for: it may name a job that is paid for.
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return told_by(error)
    return job


def _cancellations() -> int:
    """How often this task has been cancelled; a workflow may go on after that, to clean up."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _check_cancelled(before: int) -> None:
    """Raise where a cancellation came while the end of a submit was waited for."""
    if _cancellations() > before:
        raise asyncio.CancelledError


def _pause(told: Told, tries: int) -> timedelta:
    asked = None if told.said is None else told.said.seconds
    backoff = growing(_FIRST_PAUSE, 2.0, _LONGEST_PAUSE, tries)
    # Not all at the same moment.
    return timedelta(seconds=(asked or backoff) * (1.0 + workflow.random().random() / 4.0))


def _refused(told: Told) -> Refused:
    if told.said is None:
        return Refused(error="TimeoutError", meaning=_NO_WORKER)
    return Refused(error=told.said.error, meaning=told.said.meaning)


async def _settled(order: Order, told: Told, queue: str) -> Accepted | Uncertain:
    """The job of a submit that is uncertain, where the service can be asked for it."""
    sent = told.record
    job: Accepted | None = None
    if isinstance(sent, Leaving):
        match recourse(told.cause, sent):
            case Recourse.REPEAT:
                job = await _repeated(evolve(order, again=sent), queue)
            case Recourse.SEARCH:
                job = await _searched(Lost(request=order.request, sent=sent), queue)
            case Recourse.NONE:
                pass
    if job is not None:
        return job
    return Uncertain(
        fingerprint=sent.fingerprint if isinstance(sent, Leaving) else None,
        sent_at=sent.sent_at if isinstance(sent, Leaving) else None,
        why=_WHY.get(told.cause, Why.UNKNOWN),
    )


async def _repeated(order: Order, queue: str) -> Accepted | None:
    for tries in range(_REPEATS):
        told = await _attempt(order, queue)
        if isinstance(told, Accepted):
            return told
        if isinstance(told.record, Accepted):
            return told.record
        if told.cause in (Cause.RESET, Cause.BROKEN):
            break
        await workflow.sleep(_pause(told, tries))
    return None


async def _searched(lost: Lost, queue: str) -> Accepted | None:
    for pause in _PAUSES_OF_SEARCH:
        await workflow.sleep(pause)
        try:
            job: Accepted | None = await workflow.execute_activity(
                FIND,
                lost,
                result_type=Accepted,
                task_queue=queue,
                start_to_close_timeout=timedelta(minutes=2),
                retry_policy=_A_FEW_TIMES,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # The history cannot be read, which proves nothing either.
            continue
        if job is not None:
            return job
    return None


async def _finished(errand: Errand, queue: str) -> Finished | Declined:
    try:
        ended: Finished | Declined = await workflow.execute_activity(
            FINISH,
            errand,
            result_type=cast("type", Outcome),
            task_queue=queue,
            start_to_close_timeout=timedelta(days=30),
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=_FOR_EVER,
        )
    except ActivityError as error:
        match error.cause:
            case ApplicationError(type=kind) as cause if kind == JOB_TIMEOUT:
                raise ApplicationError(
                    cause.message, errand.job.job_id, type=JOB_TIMEOUT, non_retryable=True
                ) from error
            case _:
                raise
    return ended


_WHY: Final = {
    Cause.LOST: Why.NO_ANSWER,
    Cause.TIMED_OUT: Why.WORKER_LOST,
    Cause.RESET: Why.BEGUN_ANEW,
}
_NO_WORKER: Final = (
    "No worker has sent the submit within its time: none reached the engine in time, or each was "
    "lost before it sent anything. Nothing was sent and nothing is charged."
)
